#include "retry.h"
#include "backup_id.h"
#include "log.h"
#include "units.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>

#define LONGEST_MS 20000 /* of the waits that the policy draws; the other side may ask for longer ones */

static int64_t system_now_ms(void *arg)
{
    (void)arg;
    return kist_time_monotonic_ms();
}

static int system_wait(void *arg, int64_t ms, struct kist_cancel *cancel)
{
    /* poll(2) skips a negative descriptor: that is only a sleep. */
    struct pollfd wait = {.fd = cancel ? kist_cancel_fd(cancel) : -1, .events = POLLIN};
    int64_t end = system_now_ms(arg) + ms;
    for (int64_t left = ms; left > 0; left = end - system_now_ms(arg))
        if (poll(&wait, 1, left < INT_MAX ? (int)left : INT_MAX) > 0)
            return 1;
    return cancel && kist_cancel_is_set(cancel);
}

/* Without random numbers every wait is the longest, which is never wrong. */
static int64_t system_draw(void *arg, int64_t limit)
{
    (void)arg;
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return limit;
    return (int64_t)(number % ((uint64_t)limit + 1));
}

static const struct kist_retry_clock system_clock = {
    .now_ms = system_now_ms, .wait = system_wait, .draw = system_draw};

static const struct kist_retry_clock *clock_of(const struct kist_retry *retry)
{
    return retry->policy->clock ? retry->policy->clock : &system_clock;
}

struct kist_retry kist_retry_begin(const struct kist_retry_policy *policy, const char *where,
                                   struct kist_cancel *cancel)
{
    struct kist_retry retry = {.policy = policy, .where = where, .cancel = cancel};
    const struct kist_retry_clock *clock = clock_of(&retry);
    retry.begun = clock->now_ms(clock->arg);
    return retry;
}

/* The next wait as the policy has it. */
static int64_t draw_wait(const struct kist_retry *retry)
{
    const struct kist_retry_clock *clock = clock_of(retry);
    int64_t limit = retry->policy->delay_ms;
    for (int64_t i = 1; i < retry->tries && limit < LONGEST_MS; i++)
        limit *= 2;
    if (limit > LONGEST_MS)
        limit = LONGEST_MS;
    return limit > 0 ? clock->draw(clock->arg, limit) : 0;
}

/* It did not pass. What was never tried again needs no words about it. */
static int give_up(const struct kist_retry *retry, int64_t elapsed, struct kist_error *err)
{
    if (retry->tries > 1)
        kist_error_suffix(err, " (tried %lld times in %s)", (long long)retry->tries,
                          kist_duration_show(elapsed).text);
    return 0;
}

/* The other side asks for a wait that is longer than the call may take. */
static int refuse_wait(const struct kist_retry *retry, int64_t asked, int64_t elapsed, struct kist_error *err)
{
    kist_error_suffix(err, ", and asks to wait %s, longer than the deadline of %s leaves",
                      kist_duration_show(asked).text, kist_duration_show(retry->policy->deadline_ms).text);
    if (!err->hint)
        kist_hint(err, "raise `deadline` in its section, or try again later");
    return give_up(retry, elapsed, err);
}

static int cancelled(const struct kist_retry *retry, struct kist_error *err)
{
    kist_fail(err, KIST_ERR_CANCELLED, "%s: stopped, after %lld failures that may pass", retry->where,
              (long long)retry->tries);
    return 0;
}

/* The message without the place in front of it, which the log writes itself. */
static const char *cause_of(const struct kist_retry *retry, const struct kist_error *err)
{
    const char *text = kist_error_text(err);
    size_t length = strlen(retry->where);
    return strncmp(text, retry->where, length) == 0 && strncmp(text + length, ": ", 2) == 0 ? text + length + 2
                                                                                            : text;
}

int kist_retry_again(struct kist_retry *retry, struct kist_error *err)
{
    const struct kist_retry_clock *clock = clock_of(retry);
    const struct kist_retry_policy *policy = retry->policy;
    int64_t elapsed = clock->now_ms(clock->arg) - retry->begun;
    int64_t left = policy->deadline_ms > 0 ? policy->deadline_ms - elapsed : INT64_MAX / 2;
    retry->tries++;
    if (!err->retryable || err->code == KIST_ERR_CANCELLED)
        return 0;
    if (retry->tries > policy->retries)
        return give_up(retry, elapsed, err);
    if (retry->cancel && kist_cancel_is_set(retry->cancel))
        return cancelled(retry, err);
    if (err->retry_after_ms > left)
        return refuse_wait(retry, err->retry_after_ms, elapsed, err);
    int64_t wait = draw_wait(retry);
    if (wait < err->retry_after_ms)
        wait = err->retry_after_ms;
    if (wait >= left)
        return give_up(retry, elapsed, err);
    kist_log(KIST_LOG_INFO, retry->where, "try %lld of %lld in %lld.%lld s: %s", (long long)retry->tries + 1,
             (long long)policy->retries + 1, (long long)(wait / 1000), (long long)(wait % 1000 / 100),
             cause_of(retry, err));
    if (clock->wait(clock->arg, wait, retry->cancel))
        return cancelled(retry, err);
    kist_error_clear(err);
    return 1;
}
