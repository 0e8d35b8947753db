/*
 * post.h - one POST of a notifier: bounded in time, to a URL that may itself be the secret.
 *
 * Chat services, webhooks and heartbeats are called by URLs that nobody else may know. None of what is below the host is
 * shown: not in our own words, and not where a server repeats it.
 */
#ifndef KIST_SDK_POST_H
#define KIST_SDK_POST_H

#include "http.h"

struct kist_post {
    const struct kist_host *host;
    struct kist_http_request request; /* the method is POST, whatever stands there */
    const char *ca_file;
    int allow_plaintext;
    const char
        *secret; /* of the request, besides the URL and headers whose names say so: not quoted either; or NULL */
    int64_t deadline_ms; /* from now on, for all of it; to connect 10 s of it at most */

    struct kist_http_reply reply; /* filled by kist_post_send */
    struct kist_http *http;
};

/* For `open`: 0 when something may be posted to `url`, else CONFIG with the option's name. Makes its path and query known to
 * the host as secrets. */
int kist_post_check(const struct kist_host *host, const char *option, const char *url, int allow_plaintext,
                    struct kist_error *err) KIST_CHECKED;
/* The same for a secret that is sent in a header: CONFIG for one that is empty, or that no header can hold. NULL is fine. */
int kist_post_check_secret(const struct kist_host *host, const char *option, const char *secret,
                           struct kist_error *err) KIST_CHECKED;

/* Sends it. 0 also for a status of 300 and more: that is the caller's to judge. Ended by kist_post_done, whatever came. */
int kist_post_send(struct kist_post *post, struct kist_error *err) KIST_CHECKED;

/* Fills `err` for a reply that is no success, as kist_http_fail does, but quotes nothing of the URL, and says that all of 5xx
 * may be tried again. */
int kist_post_refused(const struct kist_post *post, struct kist_error *err);

void kist_post_done(struct kist_post *post);

/* `base` with `path` ("/fail", or "") behind its own path and `query` ("rid=1", or NULL) behind its own query. New; NULL
 * without memory. */
char *kist_post_url(const char *base, const char *path, const char *query) KIST_CHECKED;

#endif
