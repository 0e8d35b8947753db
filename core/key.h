/* key.h - names of objects: what is a sound key, and how they are put together. */
#ifndef KIST_CORE_KEY_H
#define KIST_CORE_KEY_H

#include "error.h"

#define KIST_KEY_MAX 1024 /* bytes; what S3 allows */

/* 0 for a relative UTF-8 path of sound components: no empty one, no "." or "..", no control characters. */
int kist_key_check(const char *key, struct kist_error *err) KIST_CHECKED;
/* 1 when `key` lies below `folder` (without '/' at its end). */
int kist_key_is_below(const char *key, const char *folder);
/* "a/b/c" of the parts, skipping empty ones; ends with NULL. New; NULL without memory. */
char *kist_key_join(const char *first, ...) __attribute__((sentinel)) KIST_CHECKED;
/* `text` with everything that a file name cannot carry on any system replaced by '_'. New; NULL without memory. */
char *kist_key_component(const char *text) KIST_CHECKED;

#endif
