/* Any bytes as what RDS answers: no crash, and what is taken over is bounded, printable and makes sense. */
#include "rds.h"
#include "test_host.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
    if (!truth)
        abort();
}

static int is_plain(const char *text, size_t room)
{
    size_t length = strnlen(text, room);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return 0;
    return length < room;
}

static void read_snapshot(const struct kist_host *host, const struct kist_xml *element, struct kist_error *err)
{
    static const struct rds_config config = {.instance = "shop"};
    const struct rds_source source = {.host = host, .work = host, .config = &config};
    const struct kist_backup backup = {
        .struct_size = sizeof backup, .pipeline = "p", .id = "2026-11-21T02-00-00Z"};
    struct rds_snapshot s;
    if (rds_words_snapshot(host, element, &s, err) != 0)
        return;
    expect(s.identifier[0] && s.status[0] && s.time_ms >= 0 && s.size >= -1 && s.percent >= -1);
    expect(is_plain(s.identifier, sizeof s.identifier) && is_plain(s.arn, sizeof s.arn));
    expect(is_plain(s.engine, sizeof s.engine) && strspn(s.account, "0123456789") == strlen(s.account));
    expect(!rds_is_ours(&s, &backup) || (strcmp(s.pipeline, "p") == 0 && strcmp(s.type, "manual") == 0));
    char *stock = rds_stock_restore(&source, "eu-west-1", &s);
    expect(stock && !strpbrk(stock, "$`;|\n"));
    free(stock);
}

static void read_database(const struct kist_host *host, const struct kist_xml *element, struct kist_error *err)
{
    struct rds_database d;
    if (rds_words_database(host, element, &d, err) != 0)
        return;
    expect(d.identifier[0] && d.status[0] && d.port <= 65535 && d.group_count <= RDS_GROUPS_MAX);
    expect(!strpbrk(d.host, " '\"$`;|&\n") && is_plain(d.user, sizeof d.user) &&
           is_plain(d.database, sizeof d.database));
    char *look = rds_stock_look(&d);
    expect(!look || (d.host[0] && !strchr(look, '\n')));
    free(look);
}

static void read_all(const struct kist_host *host, const struct kist_xml *element, struct kist_error *err)
{
    struct rds_export export;
    read_snapshot(host, element, err);
    read_database(host, element, err);
    if (rds_words_export(host, element, &export, err) == 0)
        expect(export.identifier[0] && export.status[0] && is_plain(export.cause, sizeof export.cause));
    for (const struct kist_xml *child = kist_xml_child(element, NULL); child; child = kist_xml_next(child, NULL))
        read_all(host, child, err);
}

static void read_names(const uint8_t *data, size_t size)
{
    char name[RDS_IDENTIFIER_MAX + 1], region[64], bucket[64], *text = strndup((const char *)data, size);
    const char *rest = NULL;
    int64_t ms = 0;
    expect(text != NULL);
    if (rds_name_snapshot("kist-{pipeline}-{id}", text, "2026-11-21T02-00-00Z", 63, name) == 0)
        expect(rds_is_identifier(name, 63));
    if (rds_name_snapshot(text, "p", "2026-11-21T02-00-00Z", RDS_IDENTIFIER_MAX, name) == 0)
        expect(rds_is_identifier(name, RDS_IDENTIFIER_MAX));
    expect(rds_config_copy(text, region, &rest) != 0 || rds_is_region(region));
    expect(rds_config_keep(text, region, &ms) != 0 || ms > 0);
    expect(rds_config_export(text, bucket, &rest) != 0 || bucket[0]);
    expect(rds_words_time(text) >= 0 && rds_words_number(text) >= -1);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kist_test_host test;
    struct kist_xml *root = NULL;
    char code[64], message[512];
    if (kist_test_host_init(&test) != 0)
        return 0;
    if (kist_xml_parse(&test.host, (const char *)data, size, &root, &test.err) == 0)
        read_all(&test.host, root, &test.err);
    rds_code_read(&test.host, (const char *)data, size, code, message);
    expect(is_plain(code, sizeof code) && rds_code_of(code) < 0);
    read_names(data, size);
    kist_xml_free(root);
    kist_test_host_done(&test);
    return 0;
}
