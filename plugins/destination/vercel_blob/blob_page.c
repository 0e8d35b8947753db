/* blob_page.c - what replies say of blobs. Pure: a reply is hostile until it is proved to be one. */
#include "vercel_blob.h"

#include <stdlib.h>
#include <string.h>

int blob_entry_read(const struct kist_host *host, const json_t *json, struct blob_entry *ret_entry,
                    struct kist_error *err)
{
    const struct blob_entry entry = {.name = kist_json_text(json, "pathname"),
                                     .etag = kist_json_text(json, "etag"),
                                     .content_type = kist_json_text(json, "contentType"),
                                     .size = kist_json_number(json, "size", -1),
                                     .uploaded_ms = kist_stamp_utc(kist_json_text(json, "uploadedAt"))};
    if (!entry.name || !*entry.name)
        return host->fail(host, err, KIST_ERR_CORRUPT, "the store tells of a blob without a pathname");
    if (entry.size < 0)
        return host->fail(host, err, KIST_ERR_CORRUPT, "the store tells no size of blob '%s'", entry.name);
    *ret_entry = entry;
    return 0;
}

int blob_entry_give(const struct blob_entry *entry, kist_object_fn give, void *arg)
{
    char *etag = kist_http_etag(entry->etag);
    const struct kist_object object = {.struct_size = sizeof object,
                                       .key = entry->name,
                                       .size = entry->size,
                                       .modified_ms = entry->uploaded_ms,
                                       .etag = etag && *etag ? etag : NULL,
                                       .content_type = entry->content_type};
    int rc = give(arg, &object);
    free(etag);
    return rc;
}

/* What the dashboard and createFolder() make: an empty blob that only shows a folder, which no store of keys has. */
static int is_folder(const struct blob_entry *entry)
{
    return entry->size == 0 && entry->name[strlen(entry->name) - 1] == '/';
}

static int read_cursor(const struct kist_host *host, const json_t *page, char **ret_cursor, struct kist_error *err)
{
    const json_t *more = json_object_get(page, "hasMore");
    const char *cursor = kist_json_text(page, "cursor");
    if (!json_is_boolean(more))
        return host->fail(host, err, KIST_ERR_CORRUPT, "the store does not say whether its list goes on");
    if (json_is_false(more))
        return 0;
    if (!cursor || !*cursor)
        return host->fail(host, err, KIST_ERR_CORRUPT, "the store says that its list goes on, but not where");
    *ret_cursor = strdup(cursor);
    return *ret_cursor ? 0 : host->fail(host, err, KIST_ERR_FAILED, "out of memory");
}

int blob_page_read(const struct kist_host *host, const json_t *page, kist_object_fn give, void *arg,
                   size_t *ret_count, char **ret_cursor, struct kist_error *err)
{
    const json_t *blobs = json_object_get(page, "blobs");
    char *cursor = NULL;
    if (!json_is_array(blobs))
        return host->fail(host, err, KIST_ERR_CORRUPT, "the store's list has no blobs in it");
    /* Nothing is given of a page that is not sound to its end. */
    int rc = read_cursor(host, page, &cursor, err);
    struct blob_entry entry;
    for (size_t i = 0; rc == 0 && i < json_array_size(blobs); i++)
        rc = blob_entry_read(host, json_array_get(blobs, i), &entry, err);
    for (size_t i = 0; rc == 0 && i < json_array_size(blobs); i++) {
        rc = blob_entry_read(host, json_array_get(blobs, i), &entry, err);
        if (rc == 0 && !is_folder(&entry))
            rc = blob_entry_give(&entry, give, arg);
    }
    if (rc != 0) {
        free(cursor);
        return rc;
    }
    *ret_count = json_array_size(blobs);
    *ret_cursor = cursor;
    return 0;
}
