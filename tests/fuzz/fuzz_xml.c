/* Any bytes as XML: no crash, no entity, and what is accepted can be walked through and escaped. */
#include "test_host.h"
#include "xml.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
    if (!truth)
        abort();
}

static void walk(const struct kist_xml *element, unsigned depth)
{
    expect(depth <= 64 && *kist_xml_name(element));
    /* What a document held another can hold. */
    char *escaped = kist_xml_escape(kist_xml_text(element));
    expect(escaped && strlen(escaped) >= strlen(kist_xml_text(element)));
    free(escaped);
    for (const struct kist_xml *child = kist_xml_child(element, NULL); child; child = kist_xml_next(child, NULL))
        walk(child, depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kist_test_host test;
    struct kist_xml *root = NULL;
    expect(kist_test_host_init(&test) == 0);
    int code = kist_xml_parse(&test.host, (const char *)data, size, &root, &test.err);
    expect(code == 0 || code == KIST_ERR_CORRUPT);
    expect((code == 0) == (root != NULL));
    if (root)
        walk(root, 1);
    kist_xml_free(root);
    kist_test_host_done(&test);
    return 0;
}
