/*
 * json.h - JSON that somebody else wrote, by jansson, with nothing taken on trust.
 *
 * More than 64 levels, more than 64 MiB, names that stand twice in an object, texts that are not UTF-8 or hold a NUL, and
 * anything behind the document are refused.
 */
#ifndef KIST_SDK_JSON_H
#define KIST_SDK_JSON_H

#include <jansson.h>
#include <kist/plugin.h>

#define KIST_JSON_DEPTH 64
#define KIST_JSON_SIZE ((size_t)64 << 20)

/* Parses an object or an array. KIST_ERR_CORRUPT for anything that is not a sound document. `ret_json` is the caller's. */
int kist_json_load(const struct kist_host *host, const char *data, size_t size, json_t **ret_json,
                   struct kist_error *err) KIST_CHECKED;

/* The string `name` of an object (borrowed), or NULL when there is none. `object` may be NULL or no object. */
const char *kist_json_text(const json_t *object, const char *name);
/* The integer `name` of an object, or `other` when there is none. */
int64_t kist_json_number(const json_t *object, const char *name, int64_t other);

#endif
