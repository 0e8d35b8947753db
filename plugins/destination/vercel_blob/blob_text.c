/* blob_text.c - small texts. */
#include "vercel_blob.h"

#include <stdio.h>
#include <stdlib.h>

void blob_hex(const unsigned char *data, size_t size, char *ret_text)
{
    for (size_t i = 0; i < size; i++)
        snprintf(ret_text + 2 * i, 3, "%02x", data[i]);
}

int blob_fail_memory(const struct blob_store *store, struct kist_error *err)
{
    return store->host->fail(store->host, err, KIST_ERR_FAILED, "out of memory");
}
