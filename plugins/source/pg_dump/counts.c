#include "holder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

int pgd_counts_check(const struct kist_host *host, const struct pgd_config *config, struct kist_error *err)
{
    if (!config->checksums.on || config->counts.index == PGD_COUNTS_EXACT)
        return 0;
    int code = host->fail(host, err, KIST_ERR_CONFIG, "checksums = yes needs counts = exact");
    host->hint(host, err, "leave one of the two out");
    return code;
}

/* In a thread of its own, beside pg_dump. It counts in the session that holds the locks: in any other a count might have to
 * wait behind somebody who waits for us. */
static void *count(void *arg)
{
    struct pgd_holder *holder = arg;
    struct pgd_link *link = &holder->link;
    holder->code = pgd_tally(link, &holder->census, PGD_ROWS, holder->config->checksums.on != 0, 1, &holder->err);
    if (holder->code == KIST_ERR_CANCELLED || holder->code == KIST_ERR_TIMEOUT)
        pgd_tally_stop(link);
    /* pg_dump has the snapshot and locks of its own by now. */
    pgd_disconnect(link);
    return NULL;
}

int pgd_holder_count(struct pgd_holder *holder, struct kist_error *err)
{
    const struct kist_host *host = holder->host;
    if (!holder->snapshot)
        return 0;
    holder->stop = eventfd(0, EFD_CLOEXEC);
    int error = holder->stop < 0 ? errno : pthread_create(&holder->thread, NULL, count, holder);
    if (error)
        return host->fail(host, err, KIST_ERR_FAILED, "cannot start a thread that counts rows: %s",
                          strerror(error));
    holder->running = 1;
    return 0;
}

int pgd_holder_census(struct pgd_holder *holder, const struct pgd_census **ret_census, struct kist_error *err)
{
    const struct kist_host *host = holder->host;
    if (holder->running)
        pthread_join(holder->thread, NULL);
    holder->running = 0;
    if (!holder->code) {
        *ret_census = &holder->census;
        return 0;
    }
    int code =
        host->fail(host, err, holder->code, "%s", holder->err.message ? holder->err.message : "no reason given");
    if (holder->err.hint)
        host->hint(host, err, "%s", holder->err.hint);
    return code;
}

int pgd_counts(void *self, kist_count_fn give, void *arg, struct kist_error *err)
{
    struct pgd_source *source = self;
    const struct kist_host *host = source->host;
    const struct pgd_census *census = NULL;
    if (source->given_up)
        return host->fail(host, err, host->cancelled(host) ? KIST_ERR_CANCELLED : KIST_ERR_FAILED,
                          "the dump was not read to its end, and nothing of it is counted");
    if (!source->holder)
        return 0;
    int code = pgd_holder_census(source->holder, &census, err);
    if (!code)
        code = pgd_census_give(census, give, arg);
    return code ? code : pgd_partitions_give(census, give, arg);
}
