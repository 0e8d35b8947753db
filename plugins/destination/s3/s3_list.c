/* s3_list.c - every object below a prefix, page after page. */
#include "s3.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pages in a row that hold nothing. Some stores give a few when much was deleted; for ever is a loop. */
#define EMPTY_PAGES_MAX 100
#define PAGES_MAX UINT64_C(10000000)

static char *page_query(const char *prefix, const char *token)
{
    char *query = NULL, *prefix_text = kist_http_encode(prefix, 0),
         *token_text = token ? kist_http_encode(token, 0) : NULL;
    int length = -1;
    if (prefix_text && (!token || token_text))
        length =
            asprintf(&query, "%s%s%sencoding-type=url&list-type=2&prefix=%s", token ? "continuation-token=" : "",
                     token ? token_text : "", token ? "&" : "", prefix_text);
    free(prefix_text);
    free(token_text);
    return length < 0 ? NULL : query;
}

static int list_page(struct s3_store *store, struct s3_page *page, kist_object_fn give, void *arg,
                     struct kist_error *err)
{
    char *query = page_query(page->prefix, page->token);
    struct s3_reply reply;
    if (!query)
        return s3_fail_memory(store, err);
    const struct s3_request request = {.verb = "list",
                                       .method = "GET",
                                       .query = query,
                                       .about = page->prefix,
                                       .reply_limit = S3_LIST_LIMIT,
                                       .expect = "ListBucketResult"};
    int rc = s3_send(store, store->http, &request, &reply, err);
    if (rc == 0)
        rc = s3_page_read(store, reply.xml, page, give, arg, err);
    s3_reply_done(&reply);
    free(query);
    return rc;
}

int s3_list(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err)
{
    struct s3_store *store = self;
    struct s3_page page = {.prefix = prefix};
    char *token = NULL;
    uint64_t pages = 0;
    int empty = 0, rc = 0, more = 1;
    while (rc == 0 && more) {
        page.next = NULL;
        page.token = token;
        rc = list_page(store, &page, give, arg, err);
        empty = page.given > 0 ? 0 : empty + 1;
        if (rc == 0 && page.next && (empty > EMPTY_PAGES_MAX || ++pages > PAGES_MAX))
            rc = store->host->fail(store->host, err, KIST_ERR_CORRUPT,
                                   "cannot list 's3://%s/%s': the pages of the store have no end",
                                   store->config->bucket, prefix);
        free(token);
        token = page.next;
        more = token != NULL;
    }
    free(token);
    if (page.markers > 0)
        store->host->log(store->host, KIST_LOG_DEBUG, "'s3://%s/%s': passed over %" PRIu64 " empty folder markers",
                         store->config->bucket, prefix, page.markers);
    return rc;
}
