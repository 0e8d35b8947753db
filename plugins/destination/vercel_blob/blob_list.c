/* blob_list.c - every blob below a prefix, all pages. */
#include "vercel_blob.h"

#include <stdlib.h>
#include <string.h>

#define PAGE "1000"
#define EMPTY_PAGES_MAX 100 /* in a row: a list that goes nowhere */

struct listing {
    struct blob_store *store;
    const char *prefix;
    char *cursor; /* of the next page, or NULL */
    char *mark;   /* a cursor of before: coming to it again is going round. Moved on at every power of two pages */
    uint64_t pages;
    unsigned empty_pages;
};

static int fail_endless(const struct listing *listing, struct kist_error *err)
{
    const struct kist_host *host = listing->store->host;
    return host->fail(host, err, KIST_ERR_CORRUPT, "cannot list '%s': the store's list comes to no end",
                      listing->prefix);
}

static int move_on(struct listing *listing, char *cursor, size_t count, struct kist_error *err)
{
    free(listing->cursor);
    listing->cursor = cursor;
    listing->pages++;
    listing->empty_pages = count == 0 ? listing->empty_pages + 1 : 0;
    if (!cursor)
        return 0;
    if ((listing->mark && strcmp(listing->mark, cursor) == 0) || listing->empty_pages > EMPTY_PAGES_MAX)
        return fail_endless(listing, err);
    if ((listing->pages & (listing->pages - 1)) != 0)
        return 0;
    free(listing->mark);
    listing->mark = strdup(cursor);
    return listing->mark ? 0 : blob_fail_memory(listing->store, err);
}

static int one_page(struct listing *listing, kist_object_fn give, void *arg, struct kist_error *err)
{
    struct blob_store *store = listing->store;
    const struct blob_request request = {.verb = "list",
                                         .about = *listing->prefix ? listing->prefix : store->id,
                                         .method = "GET",
                                         .target = blob_target("", "limit", PAGE, "prefix",
                                                               *listing->prefix ? listing->prefix : NULL, "cursor",
                                                               listing->cursor, NULL)};
    json_t *page = NULL;
    char *cursor = NULL;
    size_t count = 0;
    int rc = blob_send(store, store->http, &request, &page, err);
    if (rc == 0)
        rc = blob_page_read(store->host, page, give, arg, &count, &cursor, err);
    if (rc == 0)
        rc = move_on(listing, cursor, count, err);
    json_decref(page);
    return rc;
}

int blob_list(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err)
{
    struct listing listing = {.store = self, .prefix = prefix};
    int rc;
    do
        rc = one_page(&listing, give, arg, err);
    while (rc == 0 && listing.cursor);
    free(listing.cursor);
    free(listing.mark);
    return rc;
}
