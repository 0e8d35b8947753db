/* xml_test.c - sound documents as a tree, and all the others refused in bounded memory. */
#include "xml.h"

#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

static struct kist_test_host test;

static int setup(void **state)
{
    (void)state;
    return kist_test_host_init(&test);
}

static int teardown(void **state)
{
    (void)state;
    kist_test_host_done(&test);
    return 0;
}

static struct kist_xml *parse(const char *text)
{
    struct kist_xml *root = NULL;
    assert_int_equal(kist_xml_parse(&test.host, text, strlen(text), &root, &test.err), 0);
    assert_non_null(root);
    return root;
}

static void refuse_bytes(const char *text, size_t size, const char *why)
{
    struct kist_xml *root = NULL;
    assert_int_equal(kist_xml_parse(&test.host, text, size, &root, &test.err), KIST_ERR_CORRUPT);
    assert_null(root);
    assert_non_null(strstr(test.err.message, why));
}

static void refuse(const char *text, const char *why)
{
    refuse_bytes(text, strlen(text), why);
}

static void test_tree(void **state)
{
    (void)state;
    struct kist_xml *root = parse("<?xml version='1.0' encoding='UTF-8'?>\n<!-- c --><L xmlns='http://x' a='b'>"
                                  "<Name>b &amp; &lt;c&#233;\xc3\xa9<!-- x -->d</Name><K><Key>1</Key></K><Empty/>"
                                  "<K><Key><![CDATA[<2>]]></Key></K></L>");
    assert_string_equal(kist_xml_name(root), "L");
    assert_string_equal(kist_xml_value(root, "Name"), "b & <c\xc3\xa9\xc3\xa9"
                                                      "d");
    assert_string_equal(kist_xml_value(root, "Empty"), "");
    assert_null(kist_xml_value(root, "Key"));
    const struct kist_xml *key = kist_xml_child(root, "K");
    assert_string_equal(kist_xml_value(key, "Key"), "1");
    key = kist_xml_next(key, "K");
    assert_string_equal(kist_xml_value(key, "Key"), "<2>");
    assert_null(kist_xml_next(key, "K"));
    assert_null(kist_xml_next(key, NULL));
    assert_string_equal(kist_xml_name(kist_xml_child(root, NULL)), "Name");
    assert_string_equal(kist_xml_name(kist_xml_next(kist_xml_child(root, NULL), NULL)), "K");
    assert_null(kist_xml_value(NULL, "x"));
    assert_null(kist_xml_child(NULL, "x"));
    kist_xml_free(root);
    kist_xml_free(NULL);
}

static void test_namespaces(void **state)
{
    (void)state;
    struct kist_xml *root = parse("<a:L xmlns:a='u'><a:Key>1</a:Key>of<Key>2</Key> its own</a:L>");
    assert_string_equal(kist_xml_name(root), "L");
    assert_string_equal(kist_xml_text(root), "of its own");
    assert_string_equal(kist_xml_value(root, "Key"), "1");
    kist_xml_free(root);
    /* Not a name of that kind, and not the empty one. */
    root = parse("<a:/>");
    assert_string_equal(kist_xml_name(root), "a:");
    kist_xml_free(root);
}

static void test_unsound(void **state)
{
    (void)state;
    refuse("", "no element found");
    refuse("   ", "no element found");
    refuse("hello", "syntax error in line 1");
    refuse("<a>", "no element found");
    refuse("<a>\n<b></a>", "mismatched tag in line 2");
    refuse("<a/><b/>", "junk after document element");
    refuse("<a b='1' b='2'/>", "duplicate attribute");
    refuse("<a>&unknown;</a>", "undefined entity");
    refuse("{\"a\": 1}", "not sound XML");
}

static void test_not_text(void **state)
{
    (void)state;
    refuse_bytes("<a>b\0c</a>", 10, "a zero byte");
    refuse("<a>\xff</a>", "not well-formed");
    refuse("<a>\xc0\x80</a>", "not well-formed");
    refuse("<a>\xed\xa0\x80</a>", "not well-formed");
    refuse("<a>\xe2\x82</a>", "not well-formed");
    refuse("<a>&#0;</a>", "invalid character number");
    refuse("<a>\x01</a>", "not well-formed");
    /* What a document says of itself does not make its bytes something else. */
    refuse("<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>", "not well-formed");
    refuse_bytes("\xff\xfe<\0a\0/\0>\0", 10, "a zero byte");
}

static void test_doctype(void **state)
{
    (void)state;
    refuse("<!DOCTYPE a><a/>", "a document type declaration");
    refuse("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "a document type declaration");
    refuse("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", "a document type declaration");
    refuse("<!DOCTYPE l [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>"
           "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;'>]><l>&d;</l>",
           "a document type declaration");
}

/* `count` times `text` behind `head`; new. */
static char *repeat(const char *head, const char *text, size_t count, size_t *ret_size)
{
    size_t start = strlen(head), each = strlen(text);
    char *all = malloc(start + each * count + 1);
    assert_non_null(all);
    memcpy(all, head, start);
    for (size_t i = 0; i < count; i++)
        memcpy(all + start + i * each, text, each);
    *ret_size = start + each * count;
    return all;
}

static void test_depth(void **state)
{
    (void)state;
    size_t size = 0;
    char *deep = repeat("", "<a>", 100000, &size);
    refuse_bytes(deep, size, "more than 64 levels");
    /* One less than too many is well. */
    char text[64 * 7 + 1] = "";
    for (int i = 0; i < 64; i++)
        strcat(text, "<a>");
    for (int i = 0; i < 64; i++)
        strcat(text, "</a>");
    kist_xml_free(parse(text));
    free(deep);
}

static void test_sizes(void **state)
{
    (void)state;
    size_t size = 0;
    char *huge = repeat("<a>", "xxxxxxxxxx", 5000000, &size);
    refuse_bytes(huge, size, "more than 16 MiB");
    free(huge);
    huge = repeat("<a>", "<b/>", 3000000, &size);
    refuse_bytes(huge, size, "too many elements");
    free(huge);
    huge = repeat("<a>", "<b>1</b>\n", 100000, &size);
    refuse_bytes(huge, size, "no element found");
    free(huge);
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    assert_true(usage.ru_maxrss < 600 * 1024);
}

/* A text that comes in as many pieces as it has lines. */
static void test_long_text(void **state)
{
    (void)state;
    size_t size = 0;
    char *text = repeat("<a>", "&lt;\n", 1000000, &size);
    text = realloc(text, size + 5);
    assert_non_null(text);
    memcpy(text + size, "</a>", 5);
    struct kist_xml *root = parse(text);
    assert_int_equal(strlen(kist_xml_text(root)), 2000000);
    kist_xml_free(root);
    free(text);
}

static void check_escape(const char *text, const char *expected)
{
    char *escaped = kist_xml_escape(text);
    if (!expected) {
        assert_null(escaped);
        return;
    }
    assert_string_equal(escaped, expected);
    char document[256];
    snprintf(document, sizeof document, "<a>%s</a>", escaped);
    struct kist_xml *root = parse(document);
    assert_string_equal(kist_xml_text(root), text);
    kist_xml_free(root);
    free(escaped);
}

static void test_escape(void **state)
{
    (void)state;
    check_escape("", "");
    check_escape("a&b<c>d\"e'f\r\n\t", "a&amp;b&lt;c&gt;d&quot;e&apos;f&#13;\n\t");
    check_escape("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbd",
                 "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbd");
    static const char *const bad[] = {"\x01",
                                      "\x1b",
                                      "\xff",
                                      "\xc3",
                                      "\xc0\x80",
                                      "\x80",
                                      "\xed\xa0\x80",
                                      "\xef\xbf\xbf",
                                      "\xe2\x82",
                                      "\xf4\x90\x80\x80",
                                      "\xf0\x80\x80\x80",
                                      NULL};
    for (const char *const *text = bad; *text; text++)
        check_escape(*text, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tree),  TEST(test_namespaces), TEST(test_unsound),   TEST(test_not_text), TEST(test_doctype),
        TEST(test_depth), TEST(test_sizes),      TEST(test_long_text), TEST(test_escape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
