/* s3_check.c - would a backup work here, and would nobody else read it? */
#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Any key that there is, to see whether strangers may read it (new), or NULL. */
static int list_one(struct s3_store *store, char **ret_key, struct kist_error *err)
{
    struct s3_reply reply;
    const struct s3_request request = {.verb = "list",
                                       .method = "GET",
                                       .query = "encoding-type=url&list-type=2&max-keys=1",
                                       .reply_limit = S3_LIST_LIMIT,
                                       .expect = "ListBucketResult"};
    int rc = s3_send(store, store->http, &request, &reply, err);
    const char *key = rc == 0 ? kist_xml_value(kist_xml_child(reply.xml, "Contents"), "Key") : NULL;
    const char *encoding = rc == 0 ? kist_xml_value(reply.xml, "EncodingType") : NULL;
    *ret_key = key && *key ? strdup(key) : NULL;
    if (*ret_key && encoding && strcmp(encoding, "url") == 0 && s3_decode(*ret_key, 1) != 0) {
        free(*ret_key);
        *ret_key = NULL;
    }
    s3_reply_done(&reply);
    return rc;
}

/* 1 when the request succeeds for somebody without keys. That it fails, however it does, is what is hoped for. */
static int is_open(struct s3_store *store, const struct s3_request *request)
{
    struct kist_error ignored = {.struct_size = sizeof ignored};
    struct s3_reply reply;
    int rc = s3_send(store, store->http, request, &reply, &ignored);
    int open = rc == 0 && reply.http.status == 200;
    s3_reply_done(&reply);
    kist_fault_clear(&ignored);
    return open;
}

static int check_public(struct s3_store *store, const char *key, struct kist_error *err)
{
    const struct kist_host *host = store->host;
    const struct s3_request list = {.verb = "list",
                                    .method = "GET",
                                    .query = "list-type=2&max-keys=0",
                                    .reply_limit = S3_LIST_LIMIT,
                                    .expect = "ListBucketResult",
                                    .anonymous = 1};
    const struct s3_request look = {.verb = "look at", .method = "HEAD", .key = key, .anonymous = 1};
    int listed = is_open(store, &list);
    if (store->config->allow_public.on || (!listed && !(key && is_open(store, &look))))
        return 0;
    host->fail(host, err, KIST_ERR_CONFIG, "anybody may %s bucket '%s' without keys",
               listed ? "list" : "read objects of", store->config->bucket);
    host->hint(host, err, "close it (block public access), or set allow_public = yes if that is what you want");
    return KIST_ERR_CONFIG;
}

/* Writes an object whose hash is wrong on purpose. A sound store refuses it, so nothing is left behind; and one that takes
 * no conditional writes says so at once. */
static int probe_writing(struct s3_store *store, struct kist_error *err)
{
    static const char zeros[] = "AAAAAAAAAAAAAAAAAAAAAA=="; /* the MD5 of nothing that anybody knows */
    struct s3_headers headers = {0};
    struct s3_reply reply;
    struct kist_error refused = {.struct_size = sizeof refused};
    char token[33], key[64];
    int rc = s3_token(store->host, token, err);
    if (rc != 0)
        return rc;
    snprintf(key, sizeof key, "kist-check-%s", token);
    s3_headers_add(&headers, "content-md5", zeros);
    s3_headers_add(&headers, "if-none-match", "*");
    const struct s3_request request = {
        .verb = "try to write", .method = "PUT", .key = key, .headers = &headers, .body = "kist", .body_size = 4};
    int sent = s3_send(store, store->http, &request, &reply, &refused);
    if (sent == 0) {
        store->host->log(
            store->host, KIST_LOG_WARNING,
            "this store does not check the hashes that are sent with an object; kist reads objects back "
            "where its etag proves nothing");
        rc = s3_remove(store, key, err);
    } else if (reply.http.status == 501 || strcmp(reply.code, "NotImplemented") == 0) {
        s3_commit_note_unconditional(store);
        store->host->log(
            store->host, KIST_LOG_INFO,
            "this store takes no conditional writes: kist looks before it writes, but cannot exclude that "
            "it overwrites what another machine or program writes at the same moment");
    } else if (sent == KIST_ERR_AUTH) {
        store->host->log(store->host, KIST_LOG_DEBUG,
                         "whether objects may be written is not known before the first one: %s",
                         refused.message ? refused.message : "refused");
    }
    s3_reply_done(&reply);
    s3_headers_done(&headers);
    kist_fault_clear(&refused);
    return rc;
}

int s3_check(void *self, struct kist_error *err)
{
    struct s3_store *store = self;
    char *key = NULL;
    int rc = list_one(store, &key, err);
    if (rc == 0)
        rc = check_public(store, key, err);
    if (rc == 0)
        rc = probe_writing(store, err);
    free(key);
    return rc;
}
