/* Any bytes as a page of a list: no crash; nothing is given of a page that is refused; what is given has a name and a size. */
#include "test_host.h"
#include "vercel_blob.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
    if (!truth)
        abort();
}

static int give(void *arg, const struct kist_object *object)
{
    expect(*object->key && object->size >= 0 && object->modified_ms >= 0);
    ++*(size_t *)arg;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kist_test_host test;
    json_t *page = NULL;
    char *cursor = NULL;
    size_t given = 0, count = 0;
    expect(kist_test_host_init(&test) == 0);
    if (kist_json_load(&test.host, (const char *)data, size, &page, &test.err) == 0) {
        int rc = blob_page_read(&test.host, page, give, &given, &count, &cursor, &test.err);
        expect(rc == 0 ? given <= count : given == 0 && !cursor && test.err.message);
    }
    free(cursor);
    json_decref(page);
    kist_test_host_done(&test);
    return 0;
}
