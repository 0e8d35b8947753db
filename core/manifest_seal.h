/* manifest_seal.h - the last lines of a manifest or mark: its signature, if there is a key, and its checksum. */
#ifndef KIST_CORE_MANIFEST_SEAL_H
#define KIST_CORE_MANIFEST_SEAL_H

#include "text.h"

/* Ends a JSON object: `text` is all of it up to the last field, whose line ends with ",\n". */
int kist_seal_add(struct kist_text *text, const char *sign_key, struct kist_error *err) KIST_CHECKED;
/* KIST_ERR_CORRUPT unless the document is what was sealed, by somebody with `sign_key` if that is not NULL. */
int kist_seal_check(const char *text, size_t size, const char *sign_key, struct kist_error *err) KIST_CHECKED;

#endif
