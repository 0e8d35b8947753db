/* bind_fixture.h - one section bound to the table of a fake plugin; to be included by one file of a test. */
#ifndef BIND_FIXTURE_H
#define BIND_FIXTURE_H

#include <sys/stat.h>
#include <unistd.h>

#include "config_bind.h"
#include "config_file.h"
#include "fake_registry.h"
#include "redact.h"

struct bound {
    struct kist_vault vault;
    struct kist_ini ini;
    struct kist_problem_list list;
    struct kist_config_problems problems;
    struct kist_config_file file;
    struct fake_source_config source;
    struct fake_destination_config destination;
    char folder[32];
};

static inline int begin(void **state)
{
    struct bound *bound = calloc(1, sizeof *bound);
    assert_non_null(bound);
    strcpy(bound->folder, "/tmp/kist-bind-XXXXXX");
    assert_non_null(mkdtemp(bound->folder));
    bound->file = (struct kist_config_file){.path = "a.ini", .mode = 0600};
    kist_ini_init(&bound->ini, &bound->vault);
    *state = bound;
    return 0;
}

static inline int end(void **state)
{
    struct bound *bound = *state;
    char command[64];
    kist_config_problems_done(&bound->problems);
    kist_ini_done(&bound->ini);
    kist_vault_done(&bound->vault);
    kist_redact_forget();
    snprintf(command, sizeof command, "%s/secret", bound->folder);
    unlink(command);
    rmdir(bound->folder);
    free(bound);
    return 0;
}

/* Binds one section, whose keys are `text`, to the table of a fake plugin. */
static inline void bind(struct bound *bound, const struct kist_plugin *plugin, void *config, const char *text)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    struct kist_option_table table = kist_option_table_of(plugin, &bound->vault);
    kist_ini_parse(&bound->ini, &bound->file, text, strlen(text), &bound->list);
    struct kist_bind_scope scope = {.vault = &bound->vault,
                                    .problems = &bound->list,
                                    .section = bound->ini.last,
                                    .place = kist_ini_place(bound->ini.last, NULL)};
    kist_bind(&scope, &table, config);
    kist_bind_report_unknown(&scope, &table, 1);
    assert_int_equal(bound->vault.failed, 0);
    kist_config_problems_done(&bound->problems);
    assert_int_equal(kist_problem_list_give(&bound->list, &bound->problems, &err), 0);
}

static inline void bind_source(struct bound *bound, const char *text)
{
    bind(bound, &fake_source, &bound->source, text);
}

static inline void expect_problem(const struct bound *bound, const char *message, const char *hint)
{
    assert_int_equal(bound->problems.count, 1);
    assert_string_equal(bound->problems.items[0].message, message);
    if (hint)
        assert_string_equal(bound->problems.items[0].hint, hint);
}

#endif
