#include "event_clean.h"
#include "redact.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static void cut(struct kist_text *text, size_t limit)
{
    static const char more[] = "...";
    if (text->size <= limit)
        return;
    kist_text_truncate(text, limit - (sizeof more - 1));
    kist_text_add(text, more);
}

char *kist_event_clean(const char *raw, size_t limit)
{
    struct kist_text clean = KIST_TEXT_INIT;
    /* Secrets go first: of one that is cut in two, nobody would know the half. */
    char *redacted = kist_redact(raw);
    if (!redacted)
        return NULL;
    /* A few times as much as stays: escaping makes it longer, never shorter. */
    kist_text_add_printable(&clean, redacted, strnlen(redacted, limit + 1));
    free(redacted);
    cut(&clean, limit);
    return kist_text_take(&clean);
}
