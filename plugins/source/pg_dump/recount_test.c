/* recount_test.c - what was counted is counted again where it was restored. */
#include "counts_tools.h"

static char dump_path[64];
static struct kist_count wanted[COUNTED_MOST];
static struct counted saved[COUNTED_MOST];
static size_t saved_count;

static void save(struct pgd_config *config)
{
    strcpy(dump_path, "/tmp/kist-pg-recount-XXXXXX");
    int fd = mkstemp(dump_path);
    assert_true(fd >= 0);
    close(fd);
    config->checksums.on = 1;
    counts_sql("SET client_min_messages = warning; DROP INDEX IF EXISTS heir_b; CREATE INDEX heir_b ON heir (b)");
    assert_good(counts_dump_to(config, dump_path));
    memcpy(saved, counted, sizeof saved);
    saved_count = counted_count;
    for (size_t i = 0; i < saved_count; i++)
        wanted[i] = (struct kist_count){.struct_size = sizeof wanted[i],
                                        .flags = saved[i].flags,
                                        .kind = saved[i].kind,
                                        .name = saved[i].name,
                                        .number = saved[i].number,
                                        .hash = saved[i].hash[0] ? saved[i].hash : NULL,
                                        .note = saved[i].note[0] ? saved[i].note : NULL};
}

static void write_dump(void *work)
{
    static char data[1 << 16];
    struct kist_item item = {.struct_size = sizeof item, .name = "shop.dump", .format = "custom"};
    void *writer = NULL;
    FILE *file = fopen(dump_path, "r");
    assert_non_null(file);
    assert_good(kist_plugin.write_begin(work, &item, &writer, &test.err));
    for (size_t got; (got = fread(data, 1, sizeof data, file)) > 0;)
        assert_good(kist_plugin.write(writer, data, got, &test.err));
    fclose(file);
    assert_good(kist_plugin.write_commit(writer, &test.err));
}

/* Restores, does `change` to what was restored, counts again. */
static int recount(const struct pgd_config *config, const char *change)
{
    struct kist_restore how = {.struct_size = sizeof how,
                               .mode = KIST_RESTORE_APPLY,
                               .flags = KIST_RESTORE_CREATE | KIST_RESTORE_OLD_CLIENT,
                               .target = "back"};
    void *self = NULL, *work = NULL;
    kist_test_host_clear(&test);
    cluster_sql("postgres", "DROP DATABASE IF EXISTS back");
    assert_int_equal(kist_plugin.open(&test.host, config, &self, &test.err), 0);
    assert_good(kist_plugin.restore_begin(self, &how, &work, &test.err));
    write_dump(work);
    assert_true(cluster_sql("back", change) >= 0);
    counted_count = 0;
    int code = kist_plugin.restored_counts(work, wanted, saved_count, counts_keep, NULL, &test.err);
    kist_plugin.restore_end(work);
    kist_plugin.close(self);
    return code;
}

/* How many of what is compared is not as it was saved. */
static size_t differences(void)
{
    size_t count = 0;
    for (size_t i = 0; i < saved_count; i++) {
        size_t at = counts_find(saved[i].kind, saved[i].name);
        if (saved[i].flags & KIST_COUNT_ESTIMATE)
            continue;
        count += at == counted_count || counted[at].number != saved[i].number ||
                 strcmp(counted[at].hash, saved[i].hash) != 0;
    }
    return count;
}

static void test_counted_again(void **state)
{
    NEED_SERVER();
    struct pgd_config config = counts_config("postgres");
    save(&config);
    assert_good(recount(&config, "SELECT 1"));
    assert_int_equal(differences(), 0);
    assert_good(recount(&config, "DELETE FROM heir WHERE b = 1"));
    assert_int_equal(counts_number_of("table", "public.heir"), 1);
    assert_int_equal(differences(), 1);
    assert_good(recount(&config, "UPDATE heir SET a = 60 WHERE b = 1"));
    assert_int_equal(counts_number_of("table", "public.heir"), 2);
    assert_int_equal(differences(), 1); /* its hash */
    assert_good(recount(&config, "DROP TABLE heir; CREATE VIEW heir AS SELECT 1 AS b"));
    assert_int_equal(counts_number_of("table", "public.heir"), -2);
    assert_good(recount(&config, "SELECT lo_unlink(min(oid)) FROM pg_largeobject_metadata"));
    assert_int_equal(counts_number_of("large_objects", "large_objects"), 1);
    unlink(dump_path);
}

static void test_unsound_is_named(void **state)
{
    NEED_SERVER();
    struct pgd_config config = counts_config("postgres");
    save(&config);
    assert_int_equal(recount(&config, "ALTER TABLE heir ADD CONSTRAINT doubtful CHECK (b > 100) NOT VALID"),
                     KIST_ERR_CORRUPT);
    assert_non_null(strstr(test.err.message, "public.heir.doubtful"));
    assert_int_equal(
        recount(&config, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'heir_b'::regclass"),
        KIST_ERR_CORRUPT);
    assert_non_null(strstr(test.err.message, "public.heir_b"));
    unlink(dump_path);
}

int recount_tests(void)
{
    const struct CMUnitTest tests[] = {TEST(test_counted_again), TEST(test_unsound_is_named)};
    return cmocka_run_group_tests_name("counts, again", tests, NULL, NULL);
}
