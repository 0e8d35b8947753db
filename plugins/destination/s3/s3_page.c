/* s3_page.c - one page of a listing, whoever sent it: complete and sensible, or an error. */
#include "s3.h"

#include <stdlib.h>
#include <string.h>

static int fail_page(const struct s3_store *store, const struct s3_page *page, const char *what,
                     struct kist_error *err)
{
    return store->host->fail(store->host, err, KIST_ERR_CORRUPT, "cannot list 's3://%s/%s': the store gave %s",
                             store->config->bucket, page->prefix, what);
}

static int give_entry(const struct s3_store *store, const struct kist_xml *entry, int is_encoded,
                      struct s3_page *page, kist_object_fn give, void *arg, struct kist_error *err)
{
    const char *given = kist_xml_value(entry, "Key");
    int64_t size = s3_number(kist_xml_value(entry, "Size"));
    if (!given || !*given)
        return fail_page(store, page, "an object without a key", err);
    if (size < 0)
        return fail_page(store, page, "an object without a size that makes sense", err);
    char *key = strdup(given), *etag = kist_http_etag(kist_xml_value(entry, "ETag"));
    const struct kist_object object = {.struct_size = sizeof object,
                                       .key = key,
                                       .size = size,
                                       .modified_ms = kist_stamp_utc(kist_xml_value(entry, "LastModified")),
                                       .etag = etag};
    int rc = 0;
    if (!key)
        rc = s3_fail_memory(store, err);
    else if ((is_encoded && s3_decode(key, 1) != 0) || !s3_is_utf8(key))
        rc = fail_page(store, page, "a key that is no text", err);
    else if (strncmp(key, page->prefix, strlen(page->prefix)) != 0)
        rc = fail_page(store, page, "a key that does not begin with what was asked for", err);
    else if (size == 0 && key[strlen(key) - 1] == '/')
        page->markers++; /* a console's way of showing an empty folder: no object that anybody put */
    else
        rc = give(arg, &object);
    page->given++;
    free(key);
    free(etag);
    return rc;
}

static int take_token(const struct s3_store *store, const struct kist_xml *root, struct s3_page *page,
                      struct kist_error *err)
{
    const char *truncated = kist_xml_value(root, "IsTruncated");
    const char *token = kist_xml_value(root, "NextContinuationToken");
    if (!truncated || strcmp(truncated, "false") == 0)
        return truncated ? 0 : fail_page(store, page, "a page that does not say whether it is the last", err);
    if (strcmp(truncated, "true") != 0)
        return fail_page(store, page, "a page that does not say whether it is the last", err);
    if (!token || !*token)
        return fail_page(store, page, "a page that is not the last, and no way to the next", err);
    if (page->token && strcmp(token, page->token) == 0)
        return fail_page(store, page, "the same page again and again", err);
    page->next = strdup(token);
    return page->next ? 0 : s3_fail_memory(store, err);
}

int s3_page_read(const struct s3_store *store, const struct kist_xml *root, struct s3_page *page,
                 kist_object_fn give, void *arg, struct kist_error *err)
{
    const char *encoding = kist_xml_value(root, "EncodingType");
    const char *prefix = kist_xml_value(root, "Prefix");
    int is_encoded = encoding && strcmp(encoding, "url") == 0;
    int rc = 0;
    page->given = 0;
    /* Told once more by every store; one that tells another has listed something else. */
    if (prefix && *prefix && !is_encoded && strcmp(prefix, page->prefix) != 0)
        return fail_page(store, page, "the list of something else", err);
    /* Before the objects: their receiver should not act upon a page that goes nowhere. */
    rc = take_token(store, root, page, err);
    for (const struct kist_xml *entry = kist_xml_child(root, "Contents"); rc == 0 && entry;
         entry = kist_xml_next(entry, "Contents"))
        rc = give_entry(store, entry, is_encoded, page, give, arg, err);
    return rc;
}
