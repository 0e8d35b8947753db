/* Any text as a size, a duration, a number, a switch, a URL or a secret: no crash, and what is parsed can be
 * written and parsed again. */
#include "redact.h"
#include "suggest.h"
#include "text.h"
#include "units.h"
#include "url.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
    if (!truth)
        abort();
}

static void check_units(const char *text)
{
    struct kist_error err = KIST_ERROR_INIT;
    uint64_t bytes = 0, same_bytes = 1;
    int64_t ms = 0, same_ms = 1, number = 0;
    uint32_t on = 0;
    if (kist_size_parse(text, &bytes, &err) == 0) {
        expect(kist_size_parse(kist_size_write(bytes).text, &same_bytes, &err) == 0 && same_bytes == bytes);
        expect(kist_size_show(bytes).text[0] != '\0');
    }
    if (kist_duration_parse(text, &ms, &err) == 0) {
        expect(kist_duration_parse(kist_duration_write(ms).text, &same_ms, &err) == 0 && same_ms == ms);
        expect(kist_duration_show(ms).text[0] != '\0');
    }
    if (kist_integer_parse(text, &number, &err) == 0)
        expect(strspn(text, " \t-0123456789") == strlen(text));
    if (kist_switch_parse(text, &on, &err) == 0)
        expect(on <= 1);
    kist_error_done(&err);
}

static void check_secret(const char *text)
{
    struct kist_span spans[4];
    size_t count = kist_url_passwords(text, spans, 4);
    for (size_t i = 0; i < count && i < 4; i++) {
        expect(spans[i].data >= text && spans[i].data + spans[i].size <= text + strlen(text));
        free(kist_url_decode(spans[i]));
    }
    if (strlen(text) >= 4) {
        expect(kist_redact_add(text) == 0);
        char *clean = kist_redact(text);
        expect(clean && strcmp(clean, "***") == 0);
        free(clean);
        kist_redact_forget();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"path", "destination", "x", ""};
    struct kist_text printable = KIST_TEXT_INIT;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    check_units(text);
    check_secret(text);
    const char *meant = kist_suggest(text, names, 4);
    expect(!meant || *meant);
    kist_text_add_printable(&printable, (const char *)data, size);
    expect(kist_utf8_valid(kist_text_get(&printable), printable.size));
    kist_text_done(&printable);
    free(text);
    return 0;
}
