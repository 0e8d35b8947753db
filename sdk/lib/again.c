#include "again.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_MS 500
#define LONGEST_MS 20000
#define QUIET_TRIES 2 /* these are no news yet */

struct kist_again kist_again_begin(const struct kist_host *host, int64_t deadline_ms)
{
    return (struct kist_again){
        .host = host, .begun = host->monotonic_ms(host), .deadline_ms = deadline_ms, .delay_ms = FIRST_MS};
}

int kist_again_wait(const struct kist_host *host, int64_t ms, struct kist_error *err)
{
    struct pollfd cancel = {.fd = host->cancel_fd(host), .events = POLLIN};
    const int64_t end = host->monotonic_ms(host) + ms;
    for (int64_t left = ms; left > 0 && !host->cancelled(host); left = end - host->monotonic_ms(host))
        (void)poll(&cancel, 1, left < INT_MAX ? (int)left : INT_MAX);
    return host->cancelled(host) ? host->fail(host, err, KIST_ERR_CANCELLED, "stopped while it waited") : 0;
}

/* Without random numbers every wait is the longest, which is never wrong. */
static int64_t draw(const struct kist_again *again, struct kist_error *err)
{
    uint64_t number = 0;
    int64_t limit = again->delay_ms;
    for (int64_t i = 1; i < again->tries && limit < LONGEST_MS; i++)
        limit *= 2;
    limit = limit < LONGEST_MS ? limit : LONGEST_MS;
    if (again->host->random(again->host, &number, sizeof number, err))
        return limit;
    return (int64_t)(number % ((uint64_t)limit + 1));
}

/* Adds how often it was tried. */
static int give_up(const struct kist_again *again, int64_t elapsed, struct kist_error *err)
{
    const struct kist_host *host = again->host;
    char *message = again->tries > 1 && err->message ? strdup(err->message) : NULL;
    char *hint = message && err->hint ? strdup(err->hint) : NULL;
    const uint32_t retryable = err->retryable;
    const int64_t after = err->retry_after_ms;
    if (message) {
        host->fail(host, err, err->code, "%s (tried %lld times in %lld s)", message, (long long)again->tries,
                   (long long)(elapsed / 1000));
        host->retry(host, err, retryable, after);
        if (hint)
            host->hint(host, err, "%s", hint);
    }
    free(message);
    free(hint);
    return 0;
}

int kist_again(struct kist_again *again, struct kist_error *err)
{
    const struct kist_host *host = again->host;
    const int64_t elapsed = host->monotonic_ms(host) - again->begun;
    again->tries++;
    if (!err->retryable || err->code == KIST_ERR_CANCELLED)
        return 0;
    const int64_t asked = err->retry_after_ms;
    struct kist_error ignored = {.struct_size = sizeof ignored};
    int64_t wait = draw(again, &ignored);
    free(ignored.message);
    free(ignored.hint);
    wait = wait < asked ? asked : wait;
    if (again->deadline_ms > 0 && wait >= again->deadline_ms - elapsed)
        return give_up(again, elapsed, err);
    host->log(host, again->tries > QUIET_TRIES ? KIST_LOG_INFO : KIST_LOG_DEBUG, "again in %lld.%lld s: %s",
              (long long)(wait / 1000), (long long)(wait % 1000 / 100), err->message ? err->message : "it failed");
    return kist_again_wait(host, wait, err) ? 0 : 1;
}
