/* foreign_pass.h - the first pass through a foreign dump: proves that it is whole, and measures it. */
#ifndef KIST_CORE_FOREIGN_PASS_H
#define KIST_CORE_FOREIGN_PASS_H

#include "foreign.h"

/* Reads it to its end, into the source's check unless it is restored as a file. Fills the digests of its item, and settles
 * whether KIST_RESTORE_FOREIGN stays among the flags of its options. KIST_ERR_CORRUPT when it is damaged or no dump,
 * KIST_ERR_REFUSED when the source does not take it from a stranger. */
int kist_foreign_prove(struct kist_foreign *foreign, struct kist_error *err) KIST_CHECKED;

#endif
