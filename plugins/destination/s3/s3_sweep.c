/* s3_sweep.c - unfinished uploads of keys below a prefix, which the caller knows to be dead. */
#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGES_MAX 10000

struct sweep {
    struct s3_store *store;
    const char *prefix;
    char *key_marker, *id_marker; /* encoded for a query; NULL: the first page */
    uint64_t count;
    int more;
};

/* Without encoding-type: there are stores that encode the keys of this list then, and do not say so. */
char *s3_uploads_query(const char *prefix, const char *key_marker, const char *id_marker)
{
    char *query = NULL, *encoded = kist_http_encode(prefix, 0);
    int length = -1;
    if (encoded && key_marker)
        length = asprintf(&query, "key-marker=%s&prefix=%s&upload-id-marker=%s&uploads=", key_marker, encoded,
                          id_marker ? id_marker : "");
    else if (encoded)
        length = asprintf(&query, "prefix=%s&uploads=", encoded);
    free(encoded);
    return length < 0 ? NULL : query;
}

static int fail_sweep(const struct sweep *sweep, struct kist_error *err)
{
    return sweep->store->host->fail(sweep->store->host, err, KIST_ERR_CORRUPT,
                                    "the store's list of unfinished uploads below 's3://%s/%s' makes no sense",
                                    sweep->store->config->bucket, sweep->prefix);
}

/* The text of an element whose %XX are undone (new), or NULL. */
static char *plain(const struct kist_xml *parent, const char *name, int is_encoded)
{
    const char *text = kist_xml_value(parent, name);
    char *copy = text && *text ? strdup(text) : NULL;
    if (copy && is_encoded && s3_decode(copy, 1) != 0) {
        free(copy);
        return NULL;
    }
    return copy;
}

static int sweep_upload(struct sweep *sweep, const struct kist_xml *entry, int is_encoded, struct kist_error *err)
{
    char *key = plain(entry, "Key", is_encoded);
    const char *id = kist_xml_value(entry, "UploadId");
    char *upload = id && *id ? kist_http_encode(id, 0) : NULL;
    int rc = 0;
    if (!key || !upload || strncmp(key, sweep->prefix, strlen(sweep->prefix)) != 0)
        rc = fail_sweep(sweep, err);
    else
        rc = s3_multipart_remove(sweep->store, key, upload, err);
    sweep->count += rc == 0;
    free(key);
    free(upload);
    return rc;
}

static int take_markers(struct sweep *sweep, const struct kist_xml *root, int is_encoded, struct kist_error *err)
{
    const char *truncated = kist_xml_value(root, "IsTruncated");
    char *key = plain(root, "NextKeyMarker", is_encoded);
    const char *id = kist_xml_value(root, "NextUploadIdMarker");
    char *before_key = sweep->key_marker, *before_id = sweep->id_marker;
    int rc = 0;
    sweep->more = truncated && strcmp(truncated, "true") == 0;
    sweep->key_marker = key ? kist_http_encode(key, 0) : NULL;
    sweep->id_marker = id ? kist_http_encode(id, 0) : NULL;
    if (sweep->more &&
        (!sweep->key_marker || (before_key && strcmp(before_key, sweep->key_marker) == 0 &&
                                (!before_id || !sweep->id_marker || strcmp(before_id, sweep->id_marker) == 0))))
        rc = fail_sweep(sweep, err);
    free(before_key);
    free(before_id);
    free(key);
    return rc;
}

static int sweep_page(struct sweep *sweep, struct kist_error *err)
{
    char *query = s3_uploads_query(sweep->prefix, sweep->key_marker, sweep->id_marker);
    struct s3_reply reply;
    if (!query)
        return s3_fail_memory(sweep->store, err);
    const struct s3_request request = {.verb = "list the unfinished uploads of",
                                       .method = "GET",
                                       .query = query,
                                       .about = sweep->prefix,
                                       .reply_limit = S3_LIST_LIMIT,
                                       .expect = "ListMultipartUploadsResult"};
    int rc = s3_send(sweep->store, sweep->store->http, &request, &reply, err);
    sweep->more = 0;
    if (rc == 0) {
        const char *encoding = kist_xml_value(reply.xml, "EncodingType");
        int is_encoded = encoding && strcmp(encoding, "url") == 0;
        for (const struct kist_xml *entry = kist_xml_child(reply.xml, "Upload"); rc == 0 && entry;
             entry = kist_xml_next(entry, "Upload"))
            rc = sweep_upload(sweep, entry, is_encoded, err);
        if (rc == 0)
            rc = take_markers(sweep, reply.xml, is_encoded, err);
    }
    s3_reply_done(&reply);
    free(query);
    return rc;
}

int s3_sweep_below(void *self, const char *prefix, uint64_t *ret_count, struct kist_error *err)
{
    struct sweep sweep = {.store = self, .prefix = prefix, .more = 1};
    int rc = 0, pages = 0;
    while (rc == 0 && sweep.more) {
        rc = sweep_page(&sweep, err);
        if (rc == 0 && sweep.more && ++pages > PAGES_MAX)
            rc = fail_sweep(&sweep, err);
    }
    free(sweep.key_marker);
    free(sweep.id_marker);
    if (rc == 0)
        *ret_count = sweep.count;
    return rc;
}
