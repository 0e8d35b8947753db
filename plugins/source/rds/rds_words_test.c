/* What replies say, and the commands for a shell that come of them. */
#include "rds.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID "2026-11-21T02-00-00Z"

static int test_begin(void **state)
{
    struct kist_test_host *test = calloc(1, sizeof *test);
    *state = test;
    return !test || kist_test_host_init(test) != 0 ? -1 : 0;
}

static int test_end(void **state)
{
    kist_test_host_done(*state);
    free(*state);
    return 0;
}

/* ---- codes ---- */

static void codes(void **state)
{
    char code[64], message[512];
    struct kist_test_host *test = *state;
    assert_int_equal(rds_code_of("Throttling"), KIST_ERR_UNAVAILABLE);
    assert_int_equal(rds_code_of("DBClusterSnapshotNotFoundFault"), KIST_ERR_NOT_FOUND);
    assert_int_equal(rds_code_of("DBSnapshotNotFound"), KIST_ERR_NOT_FOUND);
    assert_int_equal(rds_code_of("DBSnapshotNotFoundX"), KIST_ERR_FAILED);
    assert_int_equal(rds_code_of("SnapshotQuotaExceeded"), KIST_ERR_NO_SPACE);
    assert_int_equal(rds_code_of("ExpiredToken"), KIST_ERR_AUTH);
    assert_int_equal(rds_code_of(""), KIST_ERR_FAILED);
    static const char body[] =
        "<ErrorResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><Error><Type>Sender</Type>"
        "<Code>InvalidDBSnapshotState</Code><Message>not now</Message></Error></ErrorResponse>";
    rds_code_read(&test->host, body, strlen(body), code, message);
    assert_string_equal(code, "InvalidDBSnapshotState");
    assert_string_equal(message, "not now");
    rds_code_read(&test->host, "<html>", 6, code, message);
    assert_string_equal(code, "");
    rds_code_read(&test->host, "<Error><Code>a b</Code></Error>", 31, code, message);
    assert_string_equal(code, "");
}

/* ---- words ---- */

#define ARN "arn:aws:rds:eu-west-1:123456789012:snapshot:x"
#define TAGS                                                                                                      \
    "<TagList><Tag><Key>kist:pipeline</Key><Value>p</Value></Tag><Tag><Key>kist:backup</Key><Value>" ID           \
    "</Value></Tag></TagList>"
#define SOUND                                                                                                     \
    "<DBSnapshotIdentifier>x</DBSnapshotIdentifier><Status>available</Status><SnapshotType>manual</SnapshotType>"

static int read_snapshot(struct kist_test_host *test, const char *text, struct rds_snapshot *ret_snapshot)
{
    struct kist_xml *root = NULL;
    kist_test_host_clear(test);
    assert_int_equal(kist_xml_parse(&test->host, text, strlen(text), &root, &test->err), 0);
    int code = rds_words_snapshot(&test->host, root, ret_snapshot, &test->err);
    kist_xml_free(root);
    return code;
}

static void snapshots(void **state)
{
    const struct kist_backup backup = {.struct_size = sizeof backup, .pipeline = "p", .id = ID};
    struct kist_test_host *test = *state;
    struct rds_snapshot s;
    assert_int_equal(read_snapshot(test,
                                   "<DBSnapshot>" SOUND "<DBSnapshotArn>" ARN "</DBSnapshotArn>"
                                   "<AllocatedStorage>20</AllocatedStorage><PercentProgress>100</PercentProgress>"
                                   "<SnapshotCreateTime>2026-11-21T02:00:00.250Z</SnapshotCreateTime>"
                                   "<Encrypted>true</Encrypted>" TAGS "</DBSnapshot>",
                                   &s),
                     0);
    assert_string_equal(s.account, "123456789012");
    assert_int_equal(s.size, INT64_C(20) << 30);
    assert_int_equal(s.time_ms, INT64_C(1795226400250));
    assert_true(s.encrypted && rds_is_ours(&s, &backup));
    /* Of a cluster, one GiB says nothing. */
    assert_int_equal(
        read_snapshot(test,
                      "<DBClusterSnapshot><DBClusterSnapshotIdentifier>x</DBClusterSnapshotIdentifier>"
                      "<Status>creating</Status><AllocatedStorage>1</AllocatedStorage></DBClusterSnapshot>",
                      &s),
        0);
    assert_int_equal(s.size, -1);
    assert_false(rds_is_ours(&s, &backup));
}

/* What a copy tells is when it was copied, unless it tells of the first one, too. */
static void times_of_copies(void **state)
{
    struct kist_test_host *test = *state;
    struct rds_snapshot s;
    assert_int_equal(
        read_snapshot(test,
                      "<DBSnapshot>" SOUND "<SourceDBSnapshotIdentifier>" ARN "</SourceDBSnapshotIdentifier>"
                      "<SnapshotCreateTime>2026-11-21T05:00:00Z</SnapshotCreateTime>"
                      "<OriginalSnapshotCreateTime>2026-11-21T02:00:00Z</OriginalSnapshotCreateTime></DBSnapshot>",
                      &s),
        0);
    assert_int_equal(s.time_ms, INT64_C(1795226400000));
    assert_int_equal(
        read_snapshot(test,
                      "<DBClusterSnapshot><DBClusterSnapshotIdentifier>x</"
                      "DBClusterSnapshotIdentifier><Status>copying</Status>"
                      "<SourceDBClusterSnapshotArn>" ARN "</SourceDBClusterSnapshotArn>"
                      "<SnapshotCreateTime>2026-11-21T05:00:00Z</SnapshotCreateTime></DBClusterSnapshot>",
                      &s),
        0);
    assert_int_equal(s.time_ms, 0);
}

/* A snapshot that took the place of another has its name, and maybe its tags. */
static void another_one(void **state)
{
    struct kist_reference reference = {.id = ARN, .time_ms = 1000 * RDS_HOUR};
    struct rds_snapshot s = {.arn = ARN, .time_ms = reference.time_ms + 300};
    (void)state;
    assert_null(rds_differs(&s, &reference));
    s.time_ms = 0;
    assert_null(rds_differs(&s, &reference));
    s.time_ms = reference.time_ms + RDS_HOUR;
    assert_non_null(rds_differs(&s, &reference));
    s.time_ms = reference.time_ms - RDS_HOUR;
    assert_non_null(rds_differs(&s, &reference));
    s = (struct rds_snapshot){.arn = ARN "y"};
    assert_non_null(rds_differs(&s, &reference));
    s.arn[0] = '\0';
    assert_non_null(rds_differs(&s, &reference));
    reference.id = "x";
    assert_null(rds_differs(&s, &reference));
}

/* Only what carries both tags, each once, and was made by hand, is ours. */
static void whose(void **state)
{
    static const char *const others[] = {
        "<DBSnapshot>" SOUND "</DBSnapshot>",
        "<DBSnapshot>" SOUND "<TagList><Tag><Key>kist:pipeline</Key><Value>p</Value></Tag></TagList></DBSnapshot>",
        "<DBSnapshot>" SOUND
        "<TagList><Tag><Key>kist:pipeline</Key><Value>P</Value></Tag><Tag><Key>kist:backup</Key><Value>" ID
        "</Value></Tag></TagList></DBSnapshot>",
        "<DBSnapshot>" SOUND
        "<TagList><Tag><Key>kist:pipeline</Key><Value>p</Value></Tag><Tag><Key>kist:pipeline</Key>"
        "<Value>p</Value></Tag><Tag><Key>kist:backup</Key><Value>" ID "</Value></Tag></TagList></DBSnapshot>",
        "<DBSnapshot><DBSnapshotIdentifier>x</DBSnapshotIdentifier><Status>available</Status>"
        "<SnapshotType>automated</SnapshotType>" TAGS "</DBSnapshot>"};
    const struct kist_backup backup = {.struct_size = sizeof backup, .pipeline = "p", .id = ID};
    struct kist_test_host *test = *state;
    struct rds_snapshot s;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(read_snapshot(test, others[i], &s), 0);
        assert_false(rds_is_ours(&s, &backup));
    }
    /* Nor what another machine made for a pipeline of that name in that second. */
    struct kist_backup mine = {.struct_size = sizeof mine, .pipeline = "p", .id = ID, .owner = "us /run/kist/p"};
    s = (struct rds_snapshot){.pipeline = "p", .backup = ID, .type = "manual"};
    assert_true(rds_is_ours(&s, &mine) && !rds_is_own(&s, &mine));
    assert_int_equal(rds_name_owner(mine.owner, s.owner), 0);
    assert_true(rds_is_own(&s, &mine));
    mine.owner = "them /run/kist/p";
    assert_false(rds_is_own(&s, &mine));
    const struct kist_backup none = {.struct_size = sizeof none, .pipeline = "", .id = ""};
    assert_int_equal(read_snapshot(test, others[0], &s), 0);
    assert_false(rds_is_ours(&s, &none));
}

static void senseless(void **state)
{
    static const char *const bad[] = {
        "<DBSnapshot/>",
        "<Other>" SOUND "</Other>",
        "<DBSnapshot><DBSnapshotIdentifier>x</DBSnapshotIdentifier></DBSnapshot>",
        "<DBSnapshot><DBSnapshotIdentifier>x;rm</DBSnapshotIdentifier><Status>available</Status></DBSnapshot>",
        "<DBSnapshot><DBSnapshotIdentifier>x</DBSnapshotIdentifier><Status>avail\nable</Status></DBSnapshot>",
        "<DBSnapshot>" SOUND "<DBSnapshotArn>arn:aws:$(x)</DBSnapshotArn></DBSnapshot>",
        "<DBSnapshot>" SOUND "<DBSnapshotArn>x</DBSnapshotArn></DBSnapshot>"};
    struct kist_test_host *test = *state;
    struct rds_snapshot s;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(read_snapshot(test, bad[i], &s), KIST_ERR_CORRUPT);
    assert_int_equal(rds_words_time("2026-11-21T02:00:00Z"), INT64_C(1795226400000));
    assert_int_equal(rds_words_time("2026-11-21T02:00:00.5Z"), INT64_C(1795226400500));
    assert_int_equal(rds_words_time("2026-11-21T02:00:00+00:00"), INT64_C(1795226400000));
    assert_int_equal(rds_words_time("2026-11-21T02:00:00+01:00"), 0);
    assert_int_equal(rds_words_time("yesterday"), 0);
    assert_int_equal(rds_words_number("99999999999999999999"), -1);
    assert_int_equal(rds_words_number("1x"), -1);
}

/* Numbers with which nobody can reckon. */
static void senseless_databases(void **state)
{
    static const char text[] =
        "<DBInstance><DBInstanceIdentifier>x</DBInstanceIdentifier><DBInstanceStatus>available</DBInstanceStatus>"
        "<AllocatedStorage>9223372036854775807</AllocatedStorage><MasterUsername>a\nb</MasterUsername>"
        "<BackupRetentionPeriod>9223372036854775807</BackupRetentionPeriod></DBInstance>";
    struct kist_test_host *test = *state;
    struct kist_xml *root = NULL;
    struct rds_database d;
    assert_int_equal(kist_xml_parse(&test->host, text, strlen(text), &root, &test->err), 0);
    assert_int_equal(rds_words_database(&test->host, root, &d, &test->err), 0);
    assert_int_equal(d.retention_days, -1);
    assert_string_equal(d.user, "");
    kist_xml_free(root);
}

/* ---- commands for a shell ---- */

static void stock_commands(void **state)
{
    struct kist_test_host *test = *state;
    static const char *const groups[] = {"sg-1", "sg-2"};
    struct rds_config config = {.instance = "orders"};
    struct rds_source source = {.host = &test->host, .work = &test->host, .config = &config};
    struct rds_snapshot snapshot = {.identifier = "kist-p-1"};
    config.subnet_group = "it's mine";
    config.security_groups = (kist_list){groups, 2};
    char *text = rds_stock_restore(&source, "eu-west-1", &snapshot);
    assert_string_equal(text,
                        "aws rds restore-db-instance-from-db-snapshot --region eu-west-1 --db-instance-identifier "
                        "orders-restored --db-snapshot-identifier kist-p-1 --db-subnet-group-name "
                        "'it'\\''s mine' --vpc-security-group-ids sg-1 sg-2");
    free(text);
    /* Groups are of one region. */
    struct rds_region home = {.name = (char[]){"eu-central-1"}}, *regions[] = {&home};
    source.regions = regions;
    source.region_count = 1;
    text = rds_stock_restore(&source, "eu-west-1", &snapshot);
    assert_null(strstr(text, "sg-1"));
    free(text);
    text = rds_stock_restore(&source, "eu-central-1", &snapshot);
    assert_non_null(strstr(text, "sg-1"));
    free(text);
    struct rds_database database = {.engine = "postgres", .host = "h.example", .user = "$(id)", .port = 5432};
    text = rds_stock_look(&database);
    assert_string_equal(text, "psql -h h.example -p 5432 -U '$(id)' -d postgres");
    free(text);
    database = (struct rds_database){
        .engine = "mysql", .host = "h.example", .user = "u", .database = "shop", .port = 3306};
    text = rds_stock_look(&database);
    assert_string_equal(text, "mysql -h h.example -P 3306 -u u -p -D shop");
    free(text);
    /* psql would take that for an address. */
    database =
        (struct rds_database){.engine = "postgres", .host = "h.example", .database = "host=evil", .port = -1};
    text = rds_stock_look(&database);
    assert_string_equal(text, "psql -h h.example -d postgres");
    free(text);
    config.instance = "orders-of-a-shop-that-has-a-name-of-the-longest-tha-t-is";
    text = rds_stock_restore(&source, "eu-west-1", &snapshot);
    assert_null(strstr(strstr(text, "orders"), "--restored"));
    free(text);
    database = (struct rds_database){.engine = "oracle-ee", .host = "h.example", .port = 1521};
    assert_null(rds_stock_look(&database));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(codes, test_begin, test_end),
        cmocka_unit_test_setup_teardown(snapshots, test_begin, test_end),
        cmocka_unit_test_setup_teardown(times_of_copies, test_begin, test_end),
        cmocka_unit_test_setup_teardown(another_one, test_begin, test_end),
        cmocka_unit_test_setup_teardown(whose, test_begin, test_end),
        cmocka_unit_test_setup_teardown(senseless, test_begin, test_end),
        cmocka_unit_test_setup_teardown(senseless_databases, test_begin, test_end),
        cmocka_unit_test_setup_teardown(stock_commands, test_begin, test_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
