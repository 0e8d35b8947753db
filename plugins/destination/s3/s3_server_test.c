/*
 * s3_server_test.c - the plugin against a real store: $S3_ENDPOINT, with keys in the usual places of AWS and a bucket
 * $S3_BUCKET (default: kist-test) that exists and may be emptied below kist-s3-test/. Skipped without one.
 */
#include "destination.h"
#include "s3_test_tools.h"

#define PREFIX "kist-s3-test/"

static void cancel(void *arg, int on)
{
    ((struct bench *)arg)->test.cancelled = on;
}

static void report(void *arg, const char *name, const char *clause, int outcome, const char *detail)
{
    static const char *const words[] = {"ok", "skipped", "FAILED"};
    (void)arg;
    printf("  %-8s %s: %s%s%s\n", words[outcome], name, clause, detail ? ": " : "", detail ? detail : "");
    fflush(stdout);
}

static int server_begin(void **state)
{
    const char *bucket = getenv("S3_BUCKET");
    if (bench_begin(state) != 0)
        return -1;
    struct bench *bench = *state;
    bench->config.endpoint = getenv("S3_ENDPOINT");
    bench->config.bucket = bucket ? bucket : "kist-test";
    bench->config.access_key = NULL;
    bench->config.secret_key.reveal = NULL;
    bench->config.region = NULL;
    return !bench->config.endpoint || bench_open(bench) == 0 ? 0 : -1;
}

/* The instance, or the end of the test where there is no server. */
static struct s3_store *need_server(struct bench *bench)
{
    if (!bench->config.endpoint)
        skip();
    return bench->store;
}

#define OK(bench, call)                                                                                           \
    do {                                                                                                          \
        kist_test_host_clear(&(bench)->test);                                                                     \
        int ok_rc = (call);                                                                                       \
        if (ok_rc != 0)                                                                                           \
            print_error("%s: %d %s\n", #call, ok_rc, (bench)->test.err.message ? (bench)->test.err.message : ""); \
        assert_int_equal(ok_rc, 0);                                                                               \
    } while (0)

static void conforms(void **state)
{
    struct bench *bench = *state;
    need_server(bench);
    const struct kist_conformance suite = {.plugin = &kist_plugin,
                                           .host = &bench->test.host,
                                           .config = &bench->config,
                                           .prefix = PREFIX,
                                           .cancel = cancel,
                                           .report = report,
                                           .arg = bench};
    assert_int_equal(kist_conformance_destination(&suite), 0);
}

static char *bytes(size_t size)
{
    char *data = malloc(size);
    uint32_t x = 12345;
    for (size_t i = 0; data && i < size; i++) {
        x = x * 1664525 + 1013904223;
        data[i] = (char)(x >> 24);
    }
    return data;
}

static int put_all(struct bench *bench, const struct kist_put *put, const char *data, size_t size)
{
    void *writer = NULL;
    int rc = kist_plugin.put_begin(bench->store, put, &writer, &bench->test.err);
    for (size_t done = 0; rc == 0 && done < size;) {
        size_t n = size - done < 1000003 ? size - done : 1000003;
        rc = kist_plugin.put_write(writer, data + done, n, &bench->test.err);
        done += n;
        if (rc != 0)
            kist_plugin.put_abort(writer);
    }
    return rc == 0 ? kist_plugin.put_commit(writer, size, &bench->test.err) : rc;
}

struct seen {
    int64_t size;
    char type[64], note[64], checksum[80], etag[80];
};

static int see(void *arg, const struct kist_object *object)
{
    struct seen *seen = arg;
    seen->size = object->size;
    snprintf(seen->type, sizeof seen->type, "%s", object->content_type ? object->content_type : "");
    snprintf(seen->checksum, sizeof seen->checksum, "%s", object->checksum ? object->checksum : "");
    snprintf(seen->etag, sizeof seen->etag, "%s", object->etag ? object->etag : "");
    for (size_t i = 0; object->metadata && object->metadata[i]; i += 2) {
        assert_true(strncmp(object->metadata[i], "kist-", 5) != 0);
        if (strcmp(object->metadata[i], "note") == 0)
            snprintf(seen->note, sizeof seen->note, "%s", object->metadata[i + 1]);
    }
    return 0;
}

static void carries_metadata(void **state)
{
    struct bench *bench = *state;
    struct s3_store *store = need_server(bench);
    const char *const metadata[] = {"note", "caf\xc3\xa9 \xe6\x97\xa5", NULL};
    struct kist_put put = {.struct_size = sizeof put,
                           .key = PREFIX "meta",
                           .size = 5,
                           .content_type = "text/plain",
                           .metadata = metadata};
    struct seen seen = {0};
    OK(bench, put_all(bench, &put, "hello", 5));
    OK(bench, kist_plugin.stat(store, put.key, see, &seen, &bench->test.err));
    assert_int_equal(seen.size, 5);
    assert_string_equal(seen.type, "text/plain");
    assert_string_equal(seen.note, metadata[1]);
    assert_string_equal(seen.checksum, "md5:5d41402abc4b2a76b9719d911017c592");
    struct kist_put copy = put;
    copy.key = PREFIX "copy";
    OK(bench, kist_plugin.copy(store, put.key, seen.etag, &copy, &bench->test.err));
    assert_int_equal(kist_plugin.copy(store, put.key, seen.etag, &copy, &bench->test.err), KIST_ERR_EXISTS);
    seen = (struct seen){0};
    OK(bench, kist_plugin.stat(store, copy.key, see, &seen, &bench->test.err));
    assert_string_equal(seen.note, metadata[1]);
    copy.key = PREFIX "copy2";
    assert_int_equal(kist_plugin.copy(store, put.key, "stale", &copy, &bench->test.err), KIST_ERR_CORRUPT);
    OK(bench, kist_plugin.remove(store, put.key, &bench->test.err));
    OK(bench, kist_plugin.remove(store, PREFIX "copy", &bench->test.err));
}

static void copies_in_pieces(void **state)
{
    struct bench *bench = *state;
    struct s3_store *store = need_server(bench);
    const size_t size = (size_t)13 << 20;
    char *data = bytes(size);
    struct kist_put put = {.struct_size = sizeof put, .key = PREFIX "large", .size = -1};
    struct kist_put copy = {.struct_size = sizeof copy, .key = PREFIX "large-copy", .size = -1};
    struct seen seen = {0};
    OK(bench, put_all(bench, &put, data, size));
    free(data);
    store->copy_limit = 6 * S3_MIB;
    OK(bench, kist_plugin.copy(store, put.key, NULL, &copy, &bench->test.err));
    OK(bench, kist_plugin.stat(store, copy.key, see, &seen, &bench->test.err));
    assert_int_equal(seen.size, size);
    OK(bench, kist_plugin.remove(store, put.key, &bench->test.err));
    OK(bench, kist_plugin.remove(store, copy.key, &bench->test.err));
}

static void sweeps_below(void **state)
{
    struct bench *bench = *state;
    struct s3_store *store = need_server(bench);
    const struct kist_put dead = {.struct_size = sizeof dead, .key = PREFIX "run-1/a b", .size = -1};
    const struct kist_put alive = {.struct_size = sizeof alive, .key = PREFIX "run-2/x", .size = -1};
    struct s3_writer *writers[2] = {NULL, NULL};
    const size_t size = (size_t)2 << 20;
    char *data = bytes(size);
    uint64_t count = 99;
    OK(bench, kist_plugin.sweep_below(store, PREFIX, &count, &bench->test.err));
    OK(bench, kist_plugin.put_begin(store, &dead, (void **)&writers[0], &bench->test.err));
    OK(bench, kist_plugin.put_begin(store, &alive, (void **)&writers[1], &bench->test.err));
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 4; j++)
            OK(bench, kist_plugin.put_write(writers[i], data, size, &bench->test.err));
    free(data);
    assert_non_null(writers[0]->upload);
    /* Dead means that none of its parts is on its way. */
    OK(bench, s3_parts_finish(writers[0]->parts, &bench->test.err));
    OK(bench, kist_plugin.sweep_below(store, PREFIX "run-1/", &count, &bench->test.err));
    assert_int_equal(count, 1);
    OK(bench, kist_plugin.sweep_below(store, PREFIX "run-1/", &count, &bench->test.err));
    assert_int_equal(count, 0);
    OK(bench, kist_plugin.put_commit(writers[1], 4 * size, &bench->test.err));
    OK(bench, kist_plugin.remove(store, alive.key, &bench->test.err));
    assert_int_not_equal(kist_plugin.put_commit(writers[0], 4 * size, &bench->test.err), 0);
    assert_int_equal(kist_plugin.stat(store, dead.key, see, NULL, &bench->test.err), KIST_ERR_NOT_FOUND);
}

static void tell(void *arg, const char *key, const struct kist_error *err)
{
    (void)err;
    print_error("left: %s\n", key);
    ++*(int *)arg;
}

static void removes_many(void **state)
{
    static const char *const keys[] = {PREFIX "many/a", PREFIX "many/<&>", PREFIX "many/line\nbreak",
                                       PREFIX "many/none", PREFIX "many/\xc3\xa9 +"};
    struct bench *bench = *state;
    struct s3_store *store = need_server(bench);
    int left = 0;
    for (size_t i = 0; i < 5; i++) {
        const struct kist_put put = {.struct_size = sizeof put, .key = keys[i], .size = 1};
        if (i != 3)
            OK(bench, put_all(bench, &put, "x", 1));
    }
    OK(bench, kist_plugin.remove_many(store, keys, 5, tell, &left, &bench->test.err));
    assert_int_equal(left, 0);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(kist_plugin.stat(store, keys[i], see, NULL, &bench->test.err), KIST_ERR_NOT_FOUND);
}

static void checks(void **state)
{
    struct bench *bench = *state;
    struct s3_store *store = need_server(bench);
    OK(bench, kist_plugin.check(store, &bench->test.err));
    bench_close(bench);
    bench->config.bucket = "kist-no-such-bucket";
    OK(bench, bench_open(bench));
    assert_int_equal(kist_plugin.check(bench->store, &bench->test.err), KIST_ERR_CONFIG);
    assert_non_null(bench->test.err.hint);
    bench_close(bench);
    bench->config.access_key = "nobody";
    bench->config.secret_key.reveal = "wrong";
    OK(bench, bench_open(bench));
    assert_int_equal(kist_plugin.check(bench->store, &bench->test.err), KIST_ERR_AUTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(carries_metadata, server_begin, bench_end),
        cmocka_unit_test_setup_teardown(copies_in_pieces, server_begin, bench_end),
        cmocka_unit_test_setup_teardown(sweeps_below, server_begin, bench_end),
        cmocka_unit_test_setup_teardown(removes_many, server_begin, bench_end),
        cmocka_unit_test_setup_teardown(checks, server_begin, bench_end),
        cmocka_unit_test_setup_teardown(conforms, server_begin, bench_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
