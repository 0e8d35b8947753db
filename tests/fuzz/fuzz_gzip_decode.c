/* fuzz_gzip_decode.c - any bytes through the gzip filter's decoder. Both ways must come to the same end. */
#include "filter_decode_fuzz.h"

extern const struct kist_filter kist_plugin;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_filter_decode(&kist_plugin, data, size, 1);
    return 0;
}
