/* Any bytes as a page of an S3 listing and as an error document: no crash, and what is given begins with the prefix. */
#include "s3.h"
#include "test_host.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
    if (!truth)
        abort();
}

static int take(void *arg, const struct kist_object *object)
{
    (void)arg;
    expect(strncmp(object->key, "p/", 2) == 0 && object->size >= 0 && object->modified_ms >= 0);
    expect(s3_is_utf8(object->key));
    return 0;
}

static void read_page(const struct s3_store *store, struct kist_test_host *test, const struct kist_xml *root)
{
    struct s3_page page = {.prefix = "p/", .token = "before"};
    int rc = s3_page_read(store, root, &page, take, NULL, &test->err);
    expect(rc == test->err.code && (rc == 0 || test->err.message));
    expect(rc != 0 || !page.next || (*page.next && strcmp(page.next, "before") != 0));
    free(page.next);
}

static void read_metadata(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size), *read = text ? s3_meta_decode(text) : NULL;
    char *sent = read ? s3_meta_encode(read) : NULL, *again = sent ? s3_meta_decode(sent) : NULL;
    expect(again && s3_is_utf8(read) && strcmp(read, again) == 0);
    free(text);
    free(read);
    free(sent);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct s3_config config = {.bucket = "bucket"};
    struct kist_test_host test;
    struct kist_xml *root = NULL, *error = NULL;
    struct s3_said said = {0};
    if (kist_test_host_init(&test) != 0)
        return 0;
    const struct s3_store store = {.host = &test.host, .config = &config};
    if (kist_xml_parse(&test.host, (const char *)data, size, &root, &test.err) == 0)
        read_page(&store, &test, root);
    if (s3_error_read(&store, (const char *)data, size, &error, &said) == 0 && said.code)
        expect(s3_error_code(said.code) < 0);
    read_metadata(data, size);
    kist_xml_free(error);
    kist_xml_free(root);
    kist_test_host_done(&test);
    return 0;
}
