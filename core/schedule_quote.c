#include "schedule_quote.h"

#include <string.h>

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+,:=@"

/* Each character of `special` becomes the form at its place. */
static void replace(struct kist_text *text, const char *word, const char *special, const char *const *forms)
{
    for (; *word; word++) {
        const char *found = strchr(special, *word);
        if (found)
            kist_text_add(text, forms[found - special]);
        else
            kist_text_add_char(text, *word);
    }
}

static int is_plain(const char *word)
{
    return *word && word[strspn(word, PLAIN)] == '\0';
}

static void quote_unit(struct kist_text *text, const char *word, const char *dollar)
{
    const char *const forms[] = {"\\\"", "\\\\", "%%", dollar};
    if (!is_plain(word))
        kist_text_add_char(text, '"');
    replace(text, word, "\"\\%$", forms);
    if (!is_plain(word))
        kist_text_add_char(text, '"');
}

void kist_quote_unit(struct kist_text *text, const char *word)
{
    quote_unit(text, word, "$");
}

void kist_quote_unit_argument(struct kist_text *text, const char *word)
{
    quote_unit(text, word, "$$");
}

static void quote_shell(struct kist_text *text, const char *word, const char *special)
{
    /* Within the quotes of the shell all is plain but the quote itself. A crontab takes the backslash in front of a '%' away
     * before any shell sees it. */
    static const char *const forms[] = {"'\\''", "\\%"};
    if (!is_plain(word))
        kist_text_add_char(text, '\'');
    replace(text, word, special, forms);
    if (!is_plain(word))
        kist_text_add_char(text, '\'');
}

void kist_quote_shell(struct kist_text *text, const char *word)
{
    quote_shell(text, word, "'");
}

void kist_quote_crontab(struct kist_text *text, const char *word)
{
    quote_shell(text, word, "'%");
}

void kist_quote_yaml(struct kist_text *text, const char *word)
{
    static const char *const forms[] = {"\\\"", "\\\\"};
    kist_text_add_char(text, '"');
    replace(text, word, "\"\\", forms);
    kist_text_add_char(text, '"');
}

void kist_quote_xml(struct kist_text *text, const char *word)
{
    static const char *const forms[] = {"&lt;", "&gt;", "&amp;", "&quot;"};
    replace(text, word, "<>&\"", forms);
}
