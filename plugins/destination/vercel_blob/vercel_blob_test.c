/* vercel_blob_test.c - the plugin against the contract, on a store in memory; and what is its own. */
#include "vercel_blob.h"

#include "destination.h"
#include "test_host.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka.h wants the headers above in front of it. */
#include <cmocka.h>

extern const struct kist_destination kist_plugin;

#define PYTHON "/usr/bin/python3"

struct fake {
    struct kist_test_host test;
    struct blob_config config;
    json_t *about; /* what the program printed */
    pid_t pid;
    int input; /* closing it ends the program */
    void *self;
};

static json_t *start_program(struct fake *fake)
{
    int in[2], out[2];
    char line[1024];
    if (pipe(in) != 0 || pipe(out) != 0)
        return NULL;
    fake->pid = fork();
    if (fake->pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        close(in[0]), close(in[1]), close(out[0]), close(out[1]);
        unsetenv("LD_PRELOAD");
        execl(PYTHON, PYTHON, VERCEL_FAKE, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    fake->input = in[1];
    FILE *stream = fdopen(out[0], "r");
    json_t *about = stream && fgets(line, sizeof line, stream) ? json_loads(line, 0, NULL) : NULL;
    if (stream)
        fclose(stream);
    return about;
}

static int start(void **state)
{
    struct fake *fake = calloc(1, sizeof *fake);
    if (!fake || kist_test_host_init(&fake->test) != 0)
        return -1;
    *state = fake;
    fake->input = -1;
    fake->about = access(PYTHON, X_OK) == 0 ? start_program(fake) : NULL;
    if (!fake->about)
        return access(PYTHON, X_OK) == 0 ? -1 : 0;
    fake->config = (struct blob_config){.token = {kist_json_text(fake->about, "token")},
                                        .part_size = {BLOB_PART_MIN},
                                        .cache_max_age = {60000},
                                        .api_url = kist_json_text(fake->about, "api_url"),
                                        .content_base_url = kist_json_text(fake->about, "content_url")};
    return kist_plugin.open(&fake->test.host, &fake->config, &fake->self, &fake->test.err);
}

static int stop(void **state)
{
    struct fake *fake = *state;
    if (fake->self)
        kist_plugin.close(fake->self);
    if (fake->input >= 0) {
        close(fake->input);
        waitpid(fake->pid, NULL, 0);
    }
    json_decref(fake->about);
    kist_test_host_done(&fake->test);
    free(fake);
    return 0;
}

static void need(const struct fake *fake)
{
    if (!fake->self)
        skip();
}

static void cancel(void *arg, int on)
{
    ((struct fake *)arg)->test.cancelled = on;
}

static void report(void *arg, const char *name, const char *clause, int outcome, const char *detail)
{
    static const char *const words[] = {"ok", "skipped", "FAILED"};
    (void)arg;
    printf("  %-8s %s: %s%s%s\n", words[outcome], name, clause, detail ? ": " : "", detail ? detail : "");
}

static void conforms(void **state)
{
    struct fake *fake = *state;
    need(fake);
    const struct kist_conformance suite = {.plugin = &kist_plugin,
                                           .host = &fake->test.host,
                                           .config = &fake->config,
                                           .prefix = "some/prefix/",
                                           .cancel = cancel,
                                           .report = report,
                                           .arg = fake};
    int failed = kist_conformance_destination(&suite);
    fflush(stdout);
    assert_int_equal(failed, 0);
}

static int put(struct fake *fake, const char *key, const void *data, size_t size, int64_t known)
{
    const struct kist_put new = {
        .struct_size = sizeof new, .key = key, .size = known, .content_type = "text/x-t", .size_estimate = -1};
    const char *at = data;
    void *writer = NULL;
    kist_test_host_clear(&fake->test);
    int rc = kist_plugin.put_begin(fake->self, &new, &writer, &fake->test.err);
    if (rc != 0)
        return rc;
    for (size_t done = 0; done < size && rc == 0;) {
        size_t piece = size - done < BLOB_WRITE_MAX ? size - done : BLOB_WRITE_MAX;
        rc = kist_plugin.put_write(writer, at + done, piece, &fake->test.err);
        done += piece;
    }
    if (rc == 0)
        return kist_plugin.put_commit(writer, size, &fake->test.err);
    kist_plugin.put_abort(writer);
    return rc;
}

struct seen {
    char *key, *etag, *type;
    int64_t size;
};

static int see(void *arg, const struct kist_object *object)
{
    struct seen *seen = arg;
    *seen = (struct seen){.key = strdup(object->key),
                          .etag = object->etag ? strdup(object->etag) : NULL,
                          .type = object->content_type ? strdup(object->content_type) : NULL,
                          .size = object->size};
    return 0;
}

static void forget(struct seen *seen)
{
    free(seen->key);
    free(seen->etag);
    free(seen->type);
    *seen = (struct seen){0};
}

/* Sizes around the borders of parts: the store itself refuses parts of wrong sizes, and an etag tells how many came. */
static void parts_of_all_sizes(void **state)
{
    static const struct {
        size_t size;
        const char *etag_end;
    } cases[] = {{0, NULL},
                 {1, NULL},
                 {BLOB_PART_MIN, NULL},
                 {BLOB_PART_MIN + 1, "-2"},
                 {2 * BLOB_PART_MIN, "-2"},
                 {2 * BLOB_PART_MIN + 1, "-3"},
                 {4 * BLOB_PART_MIN - 1, "-4"}};
    struct fake *fake = *state;
    need(fake);
    char *data = malloc(4 * BLOB_PART_MIN);
    assert_non_null(data);
    for (size_t i = 0; i < 4 * BLOB_PART_MIN; i++)
        data[i] = (char)(i * 2654435761U >> 13);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seen seen = {0};
        char key[32];
        snprintf(key, sizeof key, "size-%zu", cases[i].size);
        assert_int_equal(put(fake, key, data, cases[i].size, i % 2 ? (int64_t)cases[i].size : -1), 0);
        assert_int_equal(kist_plugin.stat(fake->self, key, see, &seen, &fake->test.err), 0);
        assert_true((size_t)seen.size == cases[i].size);
        assert_string_equal(seen.type, "text/x-t");
        const char *dash = strchr(seen.etag, '-');
        assert_true(cases[i].etag_end ? dash && strcmp(dash, cases[i].etag_end) == 0 : !dash);
        forget(&seen);
    }
    free(data);
}

/* The limit is told before anything is sent for it. */
static void too_long_a_stream(void **state)
{
    struct fake *fake = *state;
    need(fake);
    const struct kist_put new = {.struct_size = sizeof new, .key = "long", .size = -1, .size_estimate = -1};
    void *writer = NULL;
    assert_int_equal(kist_plugin.put_begin(fake->self, &new, &writer, &fake->test.err), 0);
    ((struct blob_writer *)writer)->written = BLOB_PARTS_MAX * BLOB_PART_MIN - 1;
    assert_int_equal(kist_plugin.put_write(writer, "xy", 2, &fake->test.err), KIST_ERR_CONFIG);
    assert_non_null(strstr(fake->test.err.hint, "part_size"));
    kist_plugin.put_abort(writer);
}

/* From the beginning, the middle and the end: a read that broke is gone on with only where the etag stays the same. */
static void about_what_is_read(void **state)
{
    struct fake *fake = *state;
    struct seen stat = {0};
    need(fake);
    assert_int_equal(put(fake, "about", "12345", 5, 5), 0);
    assert_int_equal(kist_plugin.stat(fake->self, "about", see, &stat, &fake->test.err), 0);
    for (uint64_t offset = 0; offset <= 5; offset++) {
        struct seen about = {0};
        void *reader = NULL;
        char data[8];
        size_t size = 9;
        assert_int_equal(kist_plugin.get_begin(fake->self, "about", offset, &reader, &fake->test.err), 0);
        assert_int_equal(kist_plugin.get_about(reader, see, &about, &fake->test.err), 0);
        assert_int_equal(kist_plugin.get_read(reader, data, sizeof data, &size, &fake->test.err), 0);
        kist_plugin.get_end(reader);
        assert_int_equal(size, 5 - offset);
        assert_string_equal(about.etag, stat.etag);
        assert_string_equal(about.type, "text/x-t");
        assert_true(about.size == 5);
        forget(&about);
    }
    forget(&stat);
}

static int copy(struct fake *fake, const char *from, const char *etag, const char *to)
{
    const struct kist_put new = {.struct_size = sizeof new, .key = to, .size = -1, .size_estimate = -1};
    kist_test_host_clear(&fake->test);
    return kist_plugin.copy(fake->self, from, etag, &new, &fake->test.err);
}

static void copies(void **state)
{
    struct fake *fake = *state;
    struct seen seen = {0};
    need(fake);
    assert_int_equal(put(fake, "from", "12345", 5, 5), 0);
    assert_int_equal(kist_plugin.stat(fake->self, "from", see, &seen, &fake->test.err), 0);
    assert_int_equal(copy(fake, "from", seen.etag, "to"), 0);
    forget(&seen);
    assert_int_equal(kist_plugin.stat(fake->self, "to", see, &seen, &fake->test.err), 0);
    assert_string_equal(seen.type, "text/x-t");
    forget(&seen);
    assert_int_equal(copy(fake, "from", NULL, "to"), KIST_ERR_EXISTS);
    assert_int_equal(copy(fake, "from", "other", "two"), KIST_ERR_CORRUPT);
    assert_int_equal(copy(fake, "missing", NULL, "two"), KIST_ERR_NOT_FOUND);
    assert_int_equal(kist_plugin.stat(fake->self, "two", see, &seen, &fake->test.err), KIST_ERR_NOT_FOUND);
}

static void untold(void *arg, const char *key, const struct kist_error *err)
{
    (void)key;
    (void)err;
    ++*(int *)arg;
}

static void removes_in_batches(void **state)
{
    enum { COUNT = 250 };
    struct fake *fake = *state;
    char names[COUNT][16];
    const char *keys[COUNT];
    struct seen seen = {0};
    int told = 0;
    need(fake);
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "many/%zu", i);
        keys[i] = names[i];
        assert_int_equal(i % 2 ? 0 : put(fake, keys[i], "1", 1, 1), 0);
    }
    assert_int_equal(kist_plugin.remove_many(fake->self, keys, COUNT, untold, &told, &fake->test.err), 0);
    assert_int_equal(told, 0);
    assert_int_equal(kist_plugin.list(fake->self, "many/", see, &seen, &fake->test.err), 0);
    assert_null(seen.key);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(conforms), TEST(parts_of_all_sizes), TEST(too_long_a_stream), TEST(about_what_is_read),
        TEST(copies),   TEST(removes_in_batches)};
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
