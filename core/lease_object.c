#include "lease_object.h"
#include "backup_id.h"
#include "catalog.h"
#include "log.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "lease."
#define DIGITS 15   /* of the highest number */
#define LIMIT 16384 /* bytes of an object */
#define VERSION 1

static char *key_of(const char *pipeline, int64_t number)
{
    char name[40];
    snprintf(name, sizeof name, PREFIX "%lld", (long long)number);
    return kist_catalog_key(pipeline, name, "");
}

/* "lease.<number>" and nothing else, with no zero in front; else 0. */
static int64_t number_of(const char *key)
{
    const char *name = strrchr(key, '/');
    name = name ? name + 1 : key;
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
        return 0;
    name += strlen(PREFIX);
    size_t length = strspn(name, "0123456789");
    if (length == 0 || length > DIGITS || name[length] || *name == '0')
        return 0;
    return strtoll(name, NULL, 10);
}

struct search {
    size_t folder_length;
    int64_t highest;
    struct kist_lease_older older;
};

static void note_older(struct kist_lease_older *older, int64_t number)
{
    if (number && older->count < sizeof older->numbers / sizeof *older->numbers)
        older->numbers[older->count++] = number;
}

static int note_key(void *arg, const struct kist_object *object)
{
    struct search *search = arg;
    if (strchr(object->key + search->folder_length + 1, '/'))
        return 0;
    int64_t number = number_of(object->key);
    note_older(&search->older, number > search->highest ? search->highest : number);
    if (number > search->highest)
        search->highest = number;
    return 0;
}

static int find_highest(struct kist_store *store, const char *pipeline, int64_t *ret_number,
                        struct kist_lease_older *ret_older, struct kist_error *err)
{
    char *folder = kist_catalog_key(pipeline, "", "");
    struct search search = {.folder_length = folder ? strlen(folder) : 0};
    int code = folder ? kist_store_list(store, folder, note_key, &search, err)
                      : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    free(folder);
    if (code)
        return code;
    *ret_number = search.highest;
    if (ret_older)
        *ret_older = search.older;
    return 0;
}

/* Whoever wrote it: what goes on to a terminal is printable. */
static int take_text(json_t *document, const char *name, char *out, size_t size)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    const char *value = json_string_value(json_object_get(document, name));
    if (!value || !*value || strlen(value) >= size)
        return 0;
    kist_text_add_printable(&text, value, strlen(value));
    if (kist_text_failed(&text) || text.size >= size)
        return 0;
    memcpy(out, kist_text_get(&text), text.size + 1);
    return 1;
}

static int parse(json_t *document, struct kist_lease_object *object)
{
    const char *expires = json_string_value(json_object_get(document, "expires"));
    json_t *released = json_object_get(document, "released");
    object->released = json_is_true(released);
    return json_integer_value(json_object_get(document, "kist_lease")) == VERSION && json_is_boolean(released) &&
           expires && kist_time_parse(expires, &object->expires) &&
           take_text(document, "owner", object->owner, sizeof object->owner) &&
           take_text(document, "host", object->host, sizeof object->host) &&
           take_text(document, "token", object->token, sizeof object->token);
}

int kist_lease_object_find(struct kist_store *store, const char *pipeline, struct kist_lease_object *ret_object,
                           struct kist_lease_older *ret_older, struct kist_error *err)
{
    struct kist_lease_object object = {0};
    char *text = NULL, *key = NULL;
    size_t size = 0;
    int code = find_highest(store, pipeline, &object.number, ret_older, err);
    if (!code && object.number) {
        key = key_of(pipeline, object.number);
        code = key ? kist_store_get_bytes(store, key, LIMIT, &text, &size, err)
                   : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    }
    free(key);
    if (code)
        return code;
    json_t *document = text ? json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    object.damaged = object.number && !parse(document, &object);
    json_decref(document);
    free(text);
    *ret_object = object;
    return 0;
}

int kist_lease_object_put(struct kist_store *store, const char *pipeline, const struct kist_lease_object *object,
                          struct kist_error *err)
{
    char expires[KIST_TIME_LENGTH + 1];
    kist_time_text(object->expires, expires);
    json_t *document = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:b}", "kist_lease", VERSION, "pipeline",
                                 pipeline, "owner", object->owner, "host", object->host, "token", object->token,
                                 "expires", expires, "released", object->released);
    char *text = document ? json_dumps(document, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL;
    char *key = key_of(pipeline, object->number);
    int code = text && key ? kist_store_put_bytes(store, key, text, strlen(text), "application/json", err)
                           : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    json_decref(document);
    free(text);
    free(key);
    return code;
}

int kist_lease_object_drop(struct kist_store *store, const char *pipeline, int64_t number)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    char *key = key_of(pipeline, number);
    int code = key ? kist_store_remove(store, key, &err) : KIST_ERR_FAILED;
    if (key && code)
        kist_log_at(KIST_LOG_DEBUG, store->where, &err);
    free(key);
    return !code;
}
