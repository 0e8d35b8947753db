#include "filter_settings.h"

#include <string.h>

int kist_filter_settings(const struct kist_instance *filter, char ret_text[KIST_SETTINGS_LENGTH + 1],
                         struct kist_error *err)
{
    const char *said = filter->plugin->as.filter.settings(filter->self);
    char sha256[KIST_SHA256_HEX + 1] = "";
    int code = said ? kist_hash_bytes(said, strlen(said), sha256, err) : 0;
    if (code)
        return code;
    sha256[KIST_SETTINGS_LENGTH] = '\0';
    memcpy(ret_text, sha256, KIST_SETTINGS_LENGTH + 1);
    return 0;
}
