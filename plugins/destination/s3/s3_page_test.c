/* s3_page_test.c - pages of a listing that a broken or hostile server may send. */
#include "s3_test_tools.h"

struct taken {
    int count;
    char last[256];
};

static int take(void *arg, const struct kist_object *object)
{
    struct taken *taken = arg;
    taken->count++;
    snprintf(taken->last, sizeof taken->last, "%s", object->key);
    return strcmp(object->key, "p/stop") == 0 ? 77 : 0;
}

/* Reads a page that was asked for with prefix "p/" and `token`. */
static int read_page(struct bench *bench, const char *token, const char *body, struct taken *taken,
                     char **ret_next)
{
    struct s3_page page = {.prefix = "p/", .token = token};
    struct kist_xml *root = NULL;
    char *text = NULL;
    *taken = (struct taken){0};
    assert_true(
        asprintf(&text,
                 "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">%s</ListBucketResult>",
                 body) > 0);
    assert_int_equal(kist_xml_parse(&bench->test.host, text, strlen(text), &root, &bench->test.err), 0);
    kist_test_host_clear(&bench->test);
    int rc = s3_page_read(bench->store, root, &page, take, taken, &bench->test.err);
    kist_xml_free(root);
    free(text);
    if (ret_next)
        *ret_next = page.next;
    else
        free(page.next);
    return rc;
}

#define URL "<EncodingType>url</EncodingType>"
#define LAST "<IsTruncated>false</IsTruncated>"
#define MORE "<IsTruncated>true</IsTruncated>"
#define OBJECT(key, size) "<Contents><Key>" key "</Key><Size>" size "</Size><ETag>&quot;e&quot;</ETag></Contents>"

static void sound_pages(void **state)
{
    struct bench *bench = *state;
    struct taken taken;
    char *next = NULL;
    assert_int_equal(read_page(bench, NULL, LAST, &taken, NULL), 0);
    assert_int_equal(taken.count, 0);
    assert_int_equal(read_page(bench, NULL, URL LAST OBJECT("p/a+b%2Bc%C3%A9", "5"), &taken, NULL), 0);
    assert_string_equal(taken.last, "p/a b+c\xc3\xa9");
    assert_int_equal(read_page(bench, NULL, LAST OBJECT("p/a+b%2B", "5"), &taken, NULL), 0);
    assert_string_equal(taken.last, "p/a+b%2B");
    assert_int_equal(read_page(bench, "t1",
                               MORE "<NextContinuationToken>t2</NextContinuationToken>" OBJECT("p/1", "0"), &taken,
                               &next),
                     0);
    assert_string_equal(next, "t2");
    free(next);
    assert_int_equal(read_page(bench, NULL, LAST OBJECT("p/", "0") OBJECT("p/folder/", "0"), &taken, NULL), 0);
    assert_int_equal(taken.count, 0);
    assert_int_equal(read_page(bench, NULL, LAST OBJECT("p/stop", "1") OBJECT("p/z", "1"), &taken, NULL), 77);
    assert_int_equal(taken.count, 1);
}

static void hostile_pages(void **state)
{
    static const char *const bodies[] = {
        "",
        OBJECT("p/a", "1"),
        "<IsTruncated>maybe</IsTruncated>",
        MORE,
        MORE "<NextContinuationToken></NextContinuationToken>",
        MORE "<NextContinuationToken>t1</NextContinuationToken>" OBJECT("p/a", "1"),
        LAST OBJECT("q/a", "1"),
        LAST OBJECT("p", "1"),
        LAST OBJECT("../p/a", "1"),
        LAST OBJECT("", "1"),
        LAST "<Contents><Size>1</Size></Contents>",
        LAST "<Contents><Key>p/a</Key></Contents>",
        LAST OBJECT("p/a", "-1"),
        LAST OBJECT("p/a", "99999999999999999999"),
        LAST OBJECT("p/a", "12x"),
        URL LAST OBJECT("p/a%00b", "1"),
        URL LAST OBJECT("p/a%zz", "1"),
        URL LAST OBJECT("p/%ff%fe", "1"),
        URL LAST OBJECT("p/%2", "1"),
        "<Prefix>other/</Prefix>" LAST OBJECT("p/a", "1"),
    };
    struct bench *bench = *state;
    struct taken taken;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        int rc = read_page(bench, "t1", bodies[i], &taken, NULL);
        if (rc != KIST_ERR_CORRUPT)
            print_error("page %zu gave %d: %s\n", i, rc, bodies[i]);
        assert_int_equal(rc, KIST_ERR_CORRUPT);
        assert_non_null(bench->test.err.message);
    }
}

static int page_begin(void **state)
{
    return bench_begin(state) || bench_open(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sound_pages, page_begin, bench_end),
        cmocka_unit_test_setup_teardown(hostile_pages, page_begin, bench_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
