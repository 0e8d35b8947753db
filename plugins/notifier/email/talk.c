/* What was said with the server: libcurl tells no more of a refused recipient than that there was one. */
#include "email.h"

#include <ctype.h>
#include <string.h>

#include "child.h"

/* Adds text as part of one line, as much of it as fits. */
static void add(char *line, size_t room, const char *text, size_t size)
{
    size_t at = strlen(line);
    for (size_t i = 0; i < size && at < room; i++) {
        char c = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i];
        if (c != ' ' || (at > 0 && line[at - 1] != ' '))
            line[at++] = c;
    }
    line[at] = '\0';
}

/* What did not fit is cut off at a word: a server may repeat a login, and of a secret that is cut in two nobody would know the
 * half. */
static void finish(char *line)
{
    static const char more[] = " ...";
    size_t size = strlen(line);
    int is_cut = size >= EMAIL_SAID;
    while (is_cut && size > 0 && (line[size - 1] != ' ' || size > EMAIL_SAID + 1 - sizeof more))
        line[--size] = '\0';
    while (size > 0 && line[size - 1] == ' ')
        line[--size] = '\0';
    if (is_cut)
        memcpy(line + size, more, sizeof more);
    kist_child_clean_text(line);
}

static void end_reply(struct email_talk *talk)
{
    finish(talk->said);
    talk->wants_new_reply = 1;
    if (strcmp(talk->command, "DATA") == 0 && talk->reply == 354)
        talk->sending = 1;
    if (strcmp(talk->command, "RCPT") != 0 || talk->reply < 400)
        return;
    if (talk->refused_count++ > 0)
        add(talk->refused, EMAIL_SAID, ", ", 2);
    add(talk->refused, EMAIL_SAID, talk->recipient, strlen(talk->recipient));
    strcpy(talk->refusal, talk->said);
    talk->later |= talk->reply < 500;
}

void email_talk_heard(struct email_talk *talk, const char *line, size_t size)
{
    int has_code = size >= 3 && isdigit((unsigned char)line[0]) && isdigit((unsigned char)line[1]) &&
                   isdigit((unsigned char)line[2]);
    if (talk->over)
        return;
    if (talk->wants_new_reply) {
        talk->wants_new_reply = 0;
        talk->reply = 0;
        talk->said[0] = '\0';
    }
    if (!has_code || *talk->said) { /* a later line of the same reply */
        add(talk->said, EMAIL_SAID, " ", 1);
        add(talk->said, EMAIL_SAID, line + (has_code && size > 3 ? 4 : 0), size - (has_code && size > 3 ? 4 : 0));
    } else {
        add(talk->said, EMAIL_SAID, line, 3);
        add(talk->said, EMAIL_SAID, " ", 1);
        add(talk->said, EMAIL_SAID, line + 3 + (size > 3), size - 3 - (size > 3));
    }
    if (has_code && (size == 3 || line[3] != '-')) {
        talk->reply = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
        end_reply(talk);
    }
}

void email_talk_told(struct email_talk *talk, const char *line, size_t size)
{
    static const char *const commands[] = {"EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA"};
    talk->over |= size >= 4 && memcmp(line, "QUIT", 4) == 0;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        size_t length = strlen(commands[i]);
        if (size < length + 2 || memcmp(line, commands[i], length) != 0 || !strchr(" :\r", line[length]))
            continue; /* lines of a login stay what they are: unread */
        talk->command = commands[i];
    }
    if (strcmp(talk->command, "RCPT") == 0) {
        const char *open = memchr(line, '<', size), *close = memrchr(line, '>', size);
        talk->recipient[0] = '\0';
        if (open && close && open < close)
            add(talk->recipient, EMAIL_SAID, open + 1, (size_t)(close - open - 1));
    }
}
