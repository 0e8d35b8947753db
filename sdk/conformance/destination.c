/* destination.c - runs the cases of all themes. */
#include "destination.h"

#include "destination_cases.h"

#include <stdlib.h>

static const struct destination_case *const themes[] = {
    destination_put_cases,    destination_size_cases,  destination_abort_cases,  destination_taken_cases,
    destination_get_cases,    destination_about_cases, destination_list_cases,   destination_key_cases,
    destination_remove_cases, destination_copy_cases,  destination_cancel_cases, destination_life_cases};

static const struct destination_case *case_at(size_t index)
{
    for (size_t theme = 0; theme < sizeof themes / sizeof *themes; theme++)
        for (const struct destination_case *each = themes[theme]; each->name; each++)
            if (index-- == 0)
                return each;
    return NULL;
}

const char *kist_conformance_destination_name(size_t index)
{
    const struct destination_case *found = case_at(index);
    return found ? found->name : NULL;
}

/* Does an object that was just put stay for as long as the instance lives? Only a store that says so may lose it. */
static int keeps(const struct kist_conformance *suite)
{
    struct trial trial;
    int held = 1;
    if (!(suite->plugin->features & KIST_DESTINATION_DISCARDS))
        return 1;
    if (trial_begin(&trial, suite) == 0)
        held = trial_put(&trial, trial_key(&trial, "probe"), 1, 1) != 0 ||
               trial_stat(&trial, trial_key(&trial, "probe")) == 0;
    (void)trial_end(&trial);
    free(trial.detail);
    return held;
}

static const char *lacks(unsigned needs)
{
    if (needs & KEEPS)
        return "the store keeps nothing";
    return needs & SHARES ? "its objects are an instance's own" : "this host cannot cancel";
}

/* Runs one case; returns 1 when it failed. */
static int run(const struct kist_conformance *suite, const struct destination_case *each, unsigned can)
{
    struct trial trial;
    if (suite->begin && !suite->begin(suite->arg, each->name, each->clause))
        return 0;
    if (each->needs & ~can) {
        suite->report(suite->arg, each->name, each->clause, KIST_CONFORMANCE_SKIPPED, lacks(each->needs & ~can));
        return 0;
    }
    int rc = trial_begin(&trial, suite);
    if (rc == 0)
        rc = each->run(&trial);
    char *why = NULL;
    if (rc == TRIAL_SKIPPED) {
        why = trial.detail;
        trial.detail = NULL;
    }
    int outcome = trial_end(&trial) != 0 ? KIST_CONFORMANCE_FAILED
                  : why                  ? KIST_CONFORMANCE_SKIPPED
                                         : KIST_CONFORMANCE_PASSED;
    suite->report(suite->arg, each->name, each->clause, outcome, trial.detail ? trial.detail : why);
    free(trial.detail);
    free(why);
    return outcome == KIST_CONFORMANCE_FAILED;
}

int kist_conformance_destination(const struct kist_conformance *suite)
{
    unsigned can = keeps(suite) ? KEEPS : 0;
    can |= suite->plugin->features & KIST_DESTINATION_DISCARDS ? 0 : SHARES;
    can |= suite->cancel ? CANCELS : 0;
    int failed = 0;
    const struct destination_case *each = NULL;
    for (size_t i = 0; (each = case_at(i)) != NULL; i++)
        failed += run(suite, each, can);
    return failed;
}

int kist_conformance_destination_clean(const struct kist_conformance *suite, char **ret_detail)
{
    struct trial trial;
    int rc = trial_begin(&trial, suite);
    rc = trial_end(&trial) != 0 || rc != 0 ? -1 : 0;
    *ret_detail = trial.detail;
    return rc;
}
