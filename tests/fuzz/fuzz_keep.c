/* Any text as a rule for what to keep: no crash, what is parsed is written and parsed to the same, and what is refused has a
 * reason and a way out. */
#include "keep.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
    if (!truth)
        abort();
}

static void check_parsed(const struct kist_keep *keep)
{
    struct kist_error err = KIST_ERROR_INIT;
    struct kist_keep again = {0};
    char *text = kist_keep_text(keep);
    expect(keep->set == 1 && keep->within >= 0 && keep->last >= 0 && keep->hourly >= 0 && keep->daily >= 0 &&
           keep->weekly >= 0 && keep->monthly >= 0 && keep->yearly >= 0);
    expect(text && *text);
    expect(kist_keep_parse(text, &again, &err) == 0);
    expect(again.within == keep->within && again.last == keep->last && again.hourly == keep->hourly &&
           again.daily == keep->daily && again.weekly == keep->weekly && again.monthly == keep->monthly &&
           again.yearly == keep->yearly);
    kist_error_done(&err);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kist_error err = KIST_ERROR_INIT;
    struct kist_keep keep = {0};
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (kist_keep_parse(text, &keep, &err) == 0)
        check_parsed(&keep);
    else
        expect(err.code == KIST_ERR_CONFIG && *kist_error_text(&err) && err.hint && *err.hint);
    kist_error_done(&err);
    free(text);
    return 0;
}
