/* recognize.h - which kind of dump begins with these bytes? */
#ifndef KIST_PG_DUMP_RECOGNIZE_H
#define KIST_PG_DUMP_RECOGNIZE_H

#include <stddef.h>

enum pgd_kind { PGD_KIND_CUSTOM, PGD_KIND_PLAIN, PGD_KIND_TAR, PGD_KIND_UNKNOWN };

/* `ret_looks` (a constant) gets what the bytes look like when the kind is not known, in words that fit behind
 * "it is". */
enum pgd_kind pgd_recognize(const void *data, size_t size, const char **ret_looks);
/* Where a plain dump would lead to another database than the target: why it cannot be restored, or NULL. */
const char *pgd_plain_obstacle(const void *data, size_t size);

#endif
