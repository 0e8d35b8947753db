/* config_fixture.h - a folder for files of a configuration, and what loading it gave; to be included by one file of a
 * test. */
#ifndef CONFIG_FIXTURE_H
#define CONFIG_FIXTURE_H

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "fake_registry.h"
#include "redact.h"

struct loaded {
    char folder[32];
    struct kist_config *config;
    struct kist_config_problems problems;
    struct kist_error err;
};

static inline int begin(void **state)
{
    struct loaded *loaded = calloc(1, sizeof *loaded);
    assert_non_null(loaded);
    loaded->err = (struct kist_error)KIST_ERROR_INIT;
    strcpy(loaded->folder, "/tmp/kist-config-XXXXXX");
    assert_non_null(mkdtemp(loaded->folder));
    assert_int_equal(chdir(loaded->folder), 0);
    *state = loaded;
    return 0;
}

static inline int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static inline int end(void **state)
{
    struct loaded *loaded = *state;
    kist_config_free(loaded->config);
    kist_config_problems_done(&loaded->problems);
    kist_error_done(&loaded->err);
    kist_redact_forget();
    assert_int_equal(chdir("/"), 0);
    nftw(loaded->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(loaded);
    return 0;
}

static inline void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static inline int load(struct loaded *loaded, const char *path)
{
    kist_config_free(loaded->config);
    kist_config_problems_done(&loaded->problems);
    kist_error_clear(&loaded->err);
    loaded->config = NULL;
    return kist_config_load(path, NULL, 0, &loaded->config, &loaded->problems, &loaded->err);
}

static inline void expect_config(struct loaded *loaded, const char *path)
{
    int failed = load(loaded, path);
    for (size_t i = 0; i < loaded->problems.count; i++)
        print_error("%s\n", loaded->problems.items[i].message);
    assert_int_equal(failed, 0);
    assert_non_null(loaded->config);
}

static inline void expect_problems(struct loaded *loaded, const char *path, const char *const *messages,
                                   size_t count)
{
    assert_int_equal(load(loaded, path), KIST_ERR_CONFIG);
    assert_null(loaded->config);
    for (size_t i = 0; i < count && i < loaded->problems.count; i++)
        assert_string_equal(loaded->problems.items[i].message, messages[i]);
    assert_int_equal(loaded->problems.count, count);
    assert_non_null(loaded->err.message);
}

static inline void expect_problem(struct loaded *loaded, const char *path, const char *message)
{
    expect_problems(loaded, path, &message, 1);
}

#define MINIMAL                                                                                                   \
    "[pipeline shop]\nsource = db\ndestinations = disk\n[source db]\nplugin = db\n[destination disk]\nplugin = "  \
    "disk\n"                                                                                                      \
    "path = /x\n"

#endif
