#include "status_print.h"
#include "units.h"

#include <stdio.h>
#include <string.h>

/* "; shop has no good backup" */
static void add_worst(struct kist_text *worst, const struct kist_status *status, int64_t age)
{
    kist_text_printf(worst, "%s%s ", worst->size ? ", " : "", status->pipeline->name);
    if (!status->good_id[0])
        kist_text_add(worst, status->err.code ? "cannot be asked" : "has no good backup");
    else if (age < 0)
        kist_text_add(worst, "has a good backup of a time that is yet to come");
    else
        kist_text_printf(worst, "%s%s old", status->err.code ? "cannot be asked, " : "",
                         kist_duration_show(age * 1000).text);
}

void kist_status_check_add(struct kist_status_check *check, const struct kist_status *status, int64_t now)
{
    int64_t age = kist_status_age(status, now);
    check->pipelines++;
    check->stale += status->stale != 0;
    check->unknown += status->err.code && !status->stale;
    if (status->stale || status->err.code)
        add_worst(&check->worst, status, age);
    else if (strcmp(kist_status_word(status), "failed") == 0)
        kist_text_printf(&check->failed, "%s%s", check->failed.size ? ", " : "", status->pipeline->name);
    if (age < 0)
        return;
    if (check->oldest < age)
        check->oldest = age;
    kist_text_printf(&check->numbers, " age_%s=%llds;;", status->pipeline->name, (long long)age);
    if (status->stale_at > status->good_at)
        kist_text_printf(&check->numbers, "%lld", (long long)(status->stale_at - status->good_at));
    kist_text_add(&check->numbers, ";0");
}

int kist_status_check_print(const struct kist_status_check *check)
{
    const char *plural = check->pipelines == 1 ? "" : "s";
    if (kist_text_failed(&check->worst) || kist_text_failed(&check->failed) || kist_text_failed(&check->numbers))
        return 0;
    if (check->stale)
        printf("KIST CRITICAL - %zu of %zu pipeline%s stale: %s", check->stale, check->pipelines, plural,
               kist_text_get(&check->worst));
    else if (check->unknown)
        printf("KIST UNKNOWN - %zu of %zu pipeline%s: %s", check->unknown, check->pipelines, plural,
               kist_text_get(&check->worst));
    else if (check->oldest >= 0)
        printf("KIST OK - %zu pipeline%s, oldest good backup %s old", check->pipelines, plural,
               kist_duration_show(check->oldest * 1000).text);
    else
        printf("KIST OK - %zu pipeline%s, no backup yet, and none is asked for", check->pipelines, plural);
    if (check->failed.size)
        printf("; the last run failed of %s", kist_text_get(&check->failed));
    if (check->numbers.size)
        printf(" |%s", kist_text_get(&check->numbers));
    putchar('\n');
    return 1;
}

void kist_status_check_done(struct kist_status_check *check)
{
    kist_text_done(&check->worst);
    kist_text_done(&check->failed);
    kist_text_done(&check->numbers);
}
