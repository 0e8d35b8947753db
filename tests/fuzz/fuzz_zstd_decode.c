/* fuzz_zstd_decode.c - any bytes through the zstd filter's decoder. libzstd checks less of odd frames that it gets
 * in one piece, so one way may fail where the other does not. */
#include "filter_decode_fuzz.h"

extern const struct kist_filter kist_plugin;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_filter_decode(&kist_plugin, data, size, 0);
    return 0;
}
