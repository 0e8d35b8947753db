/* What needs no server: the configuration, names and forms. */
#include "rds.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern const struct kist_source kist_plugin;

struct bench {
    struct kist_test_host test;
    struct rds_config config;
};

static int bench_begin(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    if (!bench || kist_test_host_init(&bench->test) != 0)
        return -1;
    bench->config = (struct rds_config){.instance = "orders",
                                        .region = "eu-central-1",
                                        .access_key = "AKIDEXAMPLE",
                                        .secret_key = {"secret"},
                                        .name = "kist-{pipeline}-{id}",
                                        .wait = {RDS_HOUR},
                                        .poll = {RDS_SECOND}};
    *state = bench;
    return 0;
}

static int bench_end(void **state)
{
    struct bench *bench = *state;
    kist_test_host_done(&bench->test);
    free(bench);
    return 0;
}

/* ---- configuration ---- */

static int check(struct bench *bench)
{
    kist_test_host_clear(&bench->test);
    return rds_config_check(&bench->test.host, &bench->config, &bench->test.err);
}

#define WITH(bench, field, value)                                                                                 \
    do {                                                                                                          \
        struct rds_config before = (bench)->config;                                                               \
        (bench)->config.field = value;                                                                            \
        int code_of = check(bench);                                                                               \
        if (code_of != KIST_ERR_CONFIG)                                                                           \
            print_error("%s = %s was taken\n", #field, #value);                                                   \
        assert_int_equal(code_of, KIST_ERR_CONFIG);                                                               \
        (bench)->config = before;                                                                                 \
    } while (0)

static void wrong_settings(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(check(bench), 0);
    WITH(bench, instance, NULL);
    WITH(bench, cluster, "aurora");
    WITH(bench, instance, "no--name");
    WITH(bench, instance, "1st");
    WITH(bench, instance, "name-");
    WITH(bench, instance, "shop.cluster-x.eu-west-1.rds.amazonaws.com");
    WITH(bench, region, "eu west");
    WITH(bench, region, "EU-WEST-1");
    WITH(bench, name, "kist-{pipeline}");
    WITH(bench, name, "{id}");
    WITH(bench, name, "1-{pipeline}-{id}");
    WITH(bench, access_key, NULL);
    WITH(bench, secret_key.reveal, NULL);
    WITH(bench, profile, "p");
    WITH(bench, endpoint, "http://rds.example.com");
    WITH(bench, endpoint, "ftp://127.0.0.1/");
    WITH(bench, export_to, "s3://bucket/prefix");
    WITH(bench, export_role, "arn:aws:iam::1:role/x");
    bench->config.endpoint = "http://127.0.0.1:1";
    assert_int_equal(check(bench), 0);
}

static int check_tag(struct bench *bench, const char *tag)
{
    const char *const tags[] = {"a=b", tag};
    bench->config.tags = (kist_list){tags, 2};
    int code = check(bench);
    bench->config.tags = (kist_list){NULL, 0};
    return code;
}

static void tags(void **state)
{
    static const char *const good[] = {"team=orders",   "env=",       "a b=c d",       "x=y=z",
                                       "caf\xc3\xa9=1", "Kisten:x=1", "url=a:/b@c_+-."};
    static const char *const bad[] = {"team",     "=x",  "aws:x=1", "AWS:y=1", "rds:x=1", "kist:pipeline=x",
                                      "KIST:x=1", "a=c", "a\tb=1",  "a=b*",    "a=<",     "x=\x01"};
    struct bench *bench = *state;
    char longest[300];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(check_tag(bench, good[i]), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(check_tag(bench, bad[i]), KIST_ERR_CONFIG);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    longest[1] = '=';
    assert_int_equal(check_tag(bench, longest), KIST_ERR_CONFIG);
    longest[258] = '\0';
    assert_int_equal(check_tag(bench, longest), 0);
    const char *many[RDS_TAGS_MAX];
    char rows[RDS_TAGS_MAX][8];
    for (size_t i = 0; i < RDS_TAGS_MAX; i++) {
        snprintf(rows[i], sizeof rows[i], "t%zu=1", i);
        many[i] = rows[i];
    }
    bench->config.tags = (kist_list){many, RDS_TAGS_MAX - RDS_TAGS_OWN};
    assert_int_equal(check(bench), 0);
    bench->config.tags = (kist_list){many, RDS_TAGS_MAX - RDS_TAGS_OWN + 1};
    assert_int_equal(check(bench), KIST_ERR_CONFIG);
}

static void lists(void **state)
{
    char region[64], bucket[64];
    const char *key = NULL, *prefix = NULL;
    int64_t ms = 0;
    (void)state;
    assert_int_equal(rds_config_copy("eu-west-1", region, &key), 0);
    assert_string_equal(region, "eu-west-1");
    assert_null(key);
    assert_int_equal(rds_config_copy("eu-west-1:arn:aws:kms:eu-west-1:1:key/k", region, &key), 0);
    assert_string_equal(key, "arn:aws:kms:eu-west-1:1:key/k");
    assert_int_equal(rds_config_copy("eu-west-1:", region, &key), -1);
    assert_int_equal(rds_config_copy("alias/k", region, &key), -1);
    assert_int_equal(rds_config_copy(":k", region, &key), -1);
    assert_int_equal(rds_config_keep("30d", region, &ms), 0);
    assert_string_equal(region, "");
    assert_int_equal(ms, 30 * 24 * RDS_HOUR);
    assert_int_equal(rds_config_keep("us-east-1:2w", region, &ms), 0);
    assert_string_equal(region, "us-east-1");
    assert_int_equal(ms, 14 * 24 * RDS_HOUR);
    static const char *const bad[] = {"", "d", "30", "-1d", "0s", "30 d", "1y", ":30d", "9999999999d", "x y:1d"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(rds_config_keep(bad[i], region, &ms), -1);
    assert_int_equal(rds_config_export("s3://my-bucket/a/b", bucket, &prefix), 0);
    assert_string_equal(bucket, "my-bucket");
    assert_string_equal(prefix, "a/b");
    assert_int_equal(rds_config_export("s3://my-bucket/", bucket, &prefix), 0);
    assert_null(prefix);
    assert_int_equal(rds_config_export("s3://My_Bucket", bucket, &prefix), -1);
    assert_int_equal(rds_config_export("my-bucket", bucket, &prefix), -1);
}

static void copies(void **state)
{
    struct bench *bench = *state;
    static const char *const to[] = {"eu-west-1", "us-east-1:k", "eu-west-1:k", "eu-central-1", "us-gov-west-1"};
    static const char *const keep[] = {"30d", "ap-south-1:30d"};
    void *self = NULL;
    bench->config.copy_to = (kist_list){to, 2};
    bench->config.copy_keep = (kist_list){keep, 1};
    assert_int_equal(check(bench), 0);
    bench->config.copy_keep = (kist_list){keep, 2};
    assert_int_equal(check(bench), KIST_ERR_CONFIG);
    bench->config.copy_keep = (kist_list){NULL, 0};
    bench->config.copy_to = (kist_list){to, 3};
    assert_int_equal(check(bench), KIST_ERR_CONFIG);
    bench->config.copy_to = (kist_list){to + 4, 1};
    assert_int_equal(check(bench), KIST_ERR_CONFIG);
    bench->config.copy_to = (kist_list){to + 3, 1};
    kist_test_host_clear(&bench->test);
    assert_int_equal(kist_plugin.open(&bench->test.host, &bench->config, &self, &bench->test.err),
                     KIST_ERR_CONFIG);
    assert_non_null(strstr(bench->test.err.message, "eu-central-1"));
}

/* ---- names ---- */

#define ID "2026-11-21T02-00-00Z"

static const char *named(const char *pattern, const char *pipeline, size_t most)
{
    static char names[64][RDS_IDENTIFIER_MAX + 1];
    static size_t next;
    char *name = names[next++ % 64];
    return rds_name_snapshot(pattern, pipeline, ID, most, name) == 0 ? name : NULL;
}

static void snapshot_names(void **state)
{
    static const char pattern[] = "kist-{pipeline}-{id}";
    (void)state;
    assert_string_equal(named(pattern, "orders-daily", 255), "kist-orders-daily-2026-11-21t02-00-00z");
    assert_string_equal(named("{id}-{pipeline}", "p", 255), "kist-2026-11-21t02-00-00z-p");
    assert_string_equal(named("x--{id}_{pipeline}--", "p", 255), "x-2026-11-21t02-00-00z-p");
    assert_string_equal(named("{pipeline}{id}", "1", 255), "kist-12026-11-21t02-00-00z");
    assert_null(named("kist-{pipeline}-{id}", "orders", 20));
    char huge[301];
    memset(huge, 'p', 300);
    huge[300] = '\0';
    assert_int_equal(strlen(named(pattern, huge, 255)), 255);
    assert_int_equal(strlen(named(pattern, huge, 63)), 63);
    assert_null(named("{id}{id}{id}{pipeline}", "p", 63));
    memset(huge, 'p', 200);
    huge[200] = '\0';
    assert_int_equal(strlen(named(pattern, huge, 255)), 226);
}

/* Whatever pipelines are called, their snapshots are not. */
static void names_are_distinct(void **state)
{
    static const char *const pipelines[] = {"a-b",
                                            "a.b",
                                            "a_b",
                                            "a--b",
                                            "a-b-",
                                            "-a-b",
                                            "A-B",
                                            "a-B",
                                            "a..b",
                                            "a._b",
                                            "a.-b",
                                            "a-b.",
                                            ".a-b",
                                            "_",
                                            ".",
                                            "-",
                                            "--",
                                            "0",
                                            "0-",
                                            "a-b-2026",
                                            "averylongnameofapipelinethatgoesonandonandonandon1",
                                            "averylongnameofapipelinethatgoesonandonandonandon2",
                                            "averylongnameofapipelinethatgoesonandonandonandon.1",
                                            "averylongnameofapipelinethatgoesonandonandonandon-1"};
    enum { COUNT = sizeof pipelines / sizeof *pipelines };
    (void)state;
    for (size_t most = 63; most <= 255; most += 192) {
        const char *names[COUNT];
        for (size_t i = 0; i < COUNT; i++) {
            names[i] = named("kist-{pipeline}-{id}", pipelines[i], most);
            assert_non_null(names[i]);
            assert_true(rds_is_identifier(names[i], most));
            for (size_t j = 0; j < i; j++)
                assert_string_not_equal(names[i], names[j]);
        }
    }
}

static void other_names(void **state)
{
    char name[RDS_INSTANCE_MAX + 1], export[64], other[64];
    (void)state;
    rds_name_fresh("orders", INT64_C(1795226400000), name);
    assert_string_equal(name, "orders-restore-20261121-020000");
    rds_name_fresh("an-instance-with-a-name-of-almost-all-that-rds-takes-as-a-name", INT64_C(1795226400000), name);
    assert_true(rds_is_identifier(name, RDS_INSTANCE_MAX - 2));
    assert_int_equal(rds_name_export("kist-p-1", export), 0);
    assert_int_equal(rds_name_export("kist-p-2", other), 0);
    assert_true(rds_is_identifier(export, 60) && strcmp(export, other) != 0);
    char *item = rds_name_item("Orders", "eu-west-1");
    assert_string_equal(item, "orders.eu-west-1.snapshot");
    free(item);
}

/* ---- forms ---- */

static void forms(void **state)
{
    static const char *const groups[] = {"sg-1", "sg-2"}, *const more[] = {"a b=c&d", "caf\xc3\xa9=x=y"};
    struct rds_form form;
    (void)state;
    rds_form_begin(&form, "CreateDBSnapshot");
    rds_form_add(&form, "DBSnapshotIdentifier", "x y+z~");
    rds_form_add(&form, "KmsKeyId", NULL);
    rds_form_add_list(&form, "VpcSecurityGroupIds.VpcSecurityGroupId", &(kist_list){groups, 2});
    rds_form_add_tag(&form, 1, "kist:pipeline", "p");
    rds_form_add_tags(&form, 2, &(kist_list){more, 2});
    assert_int_equal(rds_form_end(&form), 0);
    assert_string_equal(
        form.text, "Action=CreateDBSnapshot&Version=2014-10-31&DBSnapshotIdentifier=x%20y%2Bz~"
                   "&VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-1&VpcSecurityGroupIds.VpcSecurityGroupId.2=sg-2"
                   "&Tags.Tag.1.Key=kist%3Apipeline&Tags.Tag.1.Value=p&Tags.Tag.2.Key=a%20b&Tags.Tag.2.Value=c%26d"
                   "&Tags.Tag.3.Key=caf%C3%A9&Tags.Tag.3.Value=x%3Dy");
    assert_int_equal(form.size, strlen(form.text));
    rds_form_done(&form);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(wrong_settings, bench_begin, bench_end),
        cmocka_unit_test_setup_teardown(tags, bench_begin, bench_end),
        cmocka_unit_test_setup_teardown(copies, bench_begin, bench_end),
        cmocka_unit_test(lists),
        cmocka_unit_test(snapshot_names),
        cmocka_unit_test(names_are_distinct),
        cmocka_unit_test(other_names),
        cmocka_unit_test(forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
