#include "report_put.h"
#include "key.h"
#include "report_page.h"

#include <stdlib.h>
#include <string.h>

#define OWN_FOLDER "_kist"

static const struct kist_config_section *find(const struct kist_config *config, const char *name, size_t length)
{
    /* Every section knows all destinations, also those that no pipeline uses. */
    const struct kist_config_stores *stores = config->pipeline_count ? config->pipelines[0].source->stores : NULL;
    for (size_t i = 0; stores && i < stores->count; i++)
        if (strlen(stores->items[i]->name) == length && strncmp(stores->items[i]->name, name, length) == 0)
            return stores->items[i];
    return NULL;
}

static int is_at_or_below(const char *key, const char *folder)
{
    return strcmp(key, folder) == 0 || kist_key_is_below(key, folder);
}

/* Where backups lie, or will, is no place for anything else. */
static int check_place(const struct kist_config *config, const char *key, struct kist_error *err)
{
    int taken = is_at_or_below(key, OWN_FOLDER);
    for (size_t i = 0; i < config->pipeline_count; i++)
        taken |= is_at_or_below(key, config->pipelines[i].name);
    if (!taken)
        return 0;
    kist_fail(err, KIST_ERR_CONFIG, "'%s' is where backups lie", key);
    kist_hint(err, "put it elsewhere: report.html, or reports/backups.html");
    return KIST_ERR_CONFIG;
}

int kist_report_target(const struct kist_config *config, const char *to,
                       const struct kist_config_section **ret_section, const char **ret_key,
                       struct kist_error *err)
{
    size_t length = strcspn(to, ":");
    const struct kist_config_section *section = to[length] ? find(config, to, length) : NULL;
    int code = 0;
    if (!to[length]) {
        code = kist_fail(err, KIST_ERR_CONFIG, "'%s' names no key", to);
        kist_hint(err, "DESTINATION:KEY, such as s3:reports/backups.html");
    } else if (!section)
        code = kist_fail(err, KIST_ERR_CONFIG, "there is no [destination %.*s]", (int)length, to);
    else if (kist_key_check(to + length + 1, err))
        code = err->code = KIST_ERR_CONFIG; /* what was typed, not what is stored */
    else
        code = check_place(config, to + length + 1, err);
    if (code)
        return kist_error_prefix(err, "--to");
    *ret_section = section;
    *ret_key = to + length + 1;
    return 0;
}

/* What an object begins with: no more of it is read, for it may be anything. */
static int read_head(struct kist_store *store, const char *key, char *ret_head, size_t capacity, size_t *ret_size,
                     struct kist_error *err)
{
    struct kist_reader *reader = NULL;
    size_t size = 0, read = 1;
    int code = kist_store_get_begin(store, key, 0, &reader, err);
    while (!code && read > 0 && size < capacity) {
        code = kist_store_get_read(reader, ret_head + size, capacity - size, &read, err);
        size += code ? 0 : read;
    }
    kist_store_get_end(reader);
    *ret_size = size;
    return code;
}

/* A destination never overwrites, so that an older report has to go first. */
static int make_room(struct kist_store *store, const char *key, struct kist_error *err)
{
    static const char mark[] = KIST_REPORT_MARK;
    char head[sizeof mark - 1];
    size_t size = 0;
    int code = read_head(store, key, head, sizeof head, &size, err);
    if (code == KIST_ERR_NOT_FOUND) {
        kist_error_clear(err);
        return 0;
    }
    if (code)
        return code;
    if (size == sizeof head && memcmp(head, mark, size) == 0)
        return kist_store_remove(store, key, err);
    kist_fail(err, KIST_ERR_REFUSED, "there is something else under '%s', and it stays", key);
    kist_hint(err, "choose another key for the report");
    return KIST_ERR_REFUSED;
}

int kist_report_put(const struct kist_config_section *section, const char *key, const char *page,
                    struct kist_cancel *cancel, struct kist_error *err)
{
    struct kist_store *store = NULL;
    int code = kist_store_open(section, "report", cancel, &store, err);
    if (!code && kist_store_discards(store))
        code = kist_fail(err, KIST_ERR_CONFIG, "it keeps nothing, and so no report");
    if (!code)
        code = make_room(store, key, err);
    if (!code)
        code = kist_store_put_bytes(store, key, page, strlen(page), "text/html; charset=utf-8", err);
    kist_store_close(store);
    return code ? kist_error_prefix(err, "cannot put the report on '%s'", section->name) : 0;
}
