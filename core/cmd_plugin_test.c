#include "commands.h"
#include "conformance.h"
#include "log.h"
#include "plugin_trial.h"
#include "signals.h"
#include "suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define MOST_CASES 256

/* What is said of the cases. */
struct tally {
    json_t *cases; /* NULL when lines are printed */
    int count[3];  /* by KIST_CONFORMANCE_* */
};

static void print_result(const struct kist_trial_result *result)
{
    static const char *const words[] = {"ok", "skipped", "FAILED"};
    if (kist_log_level() < KIST_LOG_INFO && result->outcome != KIST_CONFORMANCE_FAILED)
        return;
    printf("%-8s %s: %s%s%s%s\n", words[result->outcome], result->name, result->clause,
           result->detail ? (result->outcome == KIST_CONFORMANCE_SKIPPED ? " (" : ": ") : "",
           result->detail ? result->detail : "",
           result->detail && result->outcome == KIST_CONFORMANCE_SKIPPED ? ")" : "");
    fflush(stdout);
}

static void take_result(void *arg, const struct kist_trial_result *result)
{
    static const char *const words[] = {"passed", "skipped", "failed"};
    struct tally *tally = arg;
    tally->count[result->outcome]++;
    if (tally->cases)
        json_array_append_new(tally->cases,
                              json_pack("{s:s, s:s, s:s, s:s*}", "name", result->name, "clause", result->clause,
                                        "outcome", words[result->outcome], "detail", result->detail));
    else
        print_result(result);
}

/* The names of --case, all of which there are. */
static int find_cases(const struct kist_cli *cli, uint32_t kind, const char **cases, size_t *ret_count,
                      struct kist_error *err)
{
    const char *known[MOST_CASES];
    size_t known_count = 0, count = 0;
    while (known_count < MOST_CASES && (known[known_count] = kist_plugin_trial_case(kind, known_count)))
        known_count++;
    for (const char *name = NULL; count < MOST_CASES && (name = kist_cli_value_at(cli, "case", count)); count++) {
        size_t i = 0;
        while (i < known_count && strcmp(known[i], name) != 0)
            i++;
        if (i == known_count) {
            const char *near = kist_suggest(name, known, known_count);
            kist_fail(err, KIST_ERR_CONFIG, "there is no case '%s' for a %s", name, kist_kind_name(kind));
            if (near)
                kist_hint(err, "did you mean '%s'?", near);
            return err->code;
        }
        cases[count] = name;
    }
    *ret_count = count;
    return 0;
}

/* A folder that nobody else uses, below the section's own. New. */
static char *make_prefix(const struct kist_config_section *section, struct kist_error *err)
{
    uint64_t random = 0;
    char *prefix = NULL;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random ||
        asprintf(&prefix, "%s%skist-plugin-test-%016llx/", section->prefix, *section->prefix ? "/" : "",
                 (unsigned long long)random) < 0) {
        kist_fail(err, KIST_ERR_FAILED, "cannot choose a folder for the test");
        return NULL;
    }
    return prefix;
}

static enum kist_exit print_end(const struct tally *tally, const struct kist_plugin *plugin)
{
    const int passed = tally->count[KIST_CONFORMANCE_PASSED], failed = tally->count[KIST_CONFORMANCE_FAILED],
              skipped = tally->count[KIST_CONFORMANCE_SKIPPED];
    enum kist_exit status = KIST_EXIT_OK;
    if (tally->cases)
        status = kist_cli_print_json(json_pack("{s:s, s:s, s:s, s:s, s:O, s:i, s:i, s:i}", "kind",
                                               kist_kind_name(plugin->kind), "name", plugin->name, "version",
                                               plugin->about.version, "path", plugin->path, "cases", tally->cases,
                                               "passed", passed, "failed", failed, "skipped", skipped));
    else
        printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    if (kist_signals_seen())
        return KIST_EXIT_SIGNAL + (unsigned)kist_signals_seen();
    return failed > 0 ? KIST_EXIT_FAILED : status;
}

static enum kist_exit run_trial(const struct kist_cli *cli, const struct kist_config_section *section)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const char *cases[MOST_CASES];
    char where[128];
    struct tally tally = {.cases = NULL};
    struct kist_plugin_trial trial = {.plugin = section->plugin,
                                      .config = section->config,
                                      .where = where,
                                      .cases = cases,
                                      .cancel = cli->cancel,
                                      .report = take_result,
                                      .arg = &tally};
    snprintf(where, sizeof where, "%s(%s)", section->name, section->plugin->name);
    if (find_cases(cli, section->kind, cases, &trial.case_count, &err))
        return kist_cli_fail(&err);
    char *prefix = make_prefix(section, &err);
    trial.prefix = prefix;
    tally.cases = kist_cli_has(cli, "json") ? json_array() : NULL;
    int code = prefix ? kist_plugin_trial_run(&trial, &err) : err.code;
    enum kist_exit status = print_end(&tally, section->plugin);
    if (code && !kist_signals_seen())
        status = kist_cli_fail(&err);
    json_decref(tally.cases);
    free(prefix);
    return status;
}

enum kist_exit kist_cmd_plugin_test(struct kist_cli *cli)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    enum kist_exit status = KIST_EXIT_OK;
    const struct kist_plugin *plugin = NULL;
    const struct kist_config_section *section = NULL;
    struct kist_config *config = NULL;
    struct kist_config_problems problems = {0};
    struct kist_registry *registry = kist_cli_registry(cli, &status);
    if (!registry)
        return status;
    int code = kist_cli_plugin(cli, registry, &plugin, &err);
    if (!code && !kist_plugin_trial_case(plugin->kind, 0))
        code = kist_fail(&err, KIST_ERR_CONFIG,
                         "'%s' is a %s, and there are no cases for that kind: only for "
                         "destinations and filters",
                         plugin->name, kist_kind_name(plugin->kind));
    if (code) {
        kist_registry_free(registry);
        kist_log_error(NULL, &err);
        return KIST_EXIT_USAGE;
    }
    code = kist_config_load_section(kist_cli_value(cli, "config"), registry, plugin, &config, &section, &problems,
                                    &err);
    kist_cli_problems(&problems);
    if (code && !problems.count)
        kist_log_error(NULL, &err);
    kist_config_problems_done(&problems);
    if (code)
        return kist_error_exit(code);
    status = run_trial(cli, section);
    kist_config_free(config);
    return status;
}
