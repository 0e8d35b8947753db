/* Any bytes as what an event holds, as an address, and as what a server says: no header, line or end of the message is made
 * of them, an address that is taken is a plain one, and what is kept of a server's words is bounded and printable. */
#include "email.h"
#include "test_host.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
    if (!truth)
        abort();
}

static void check_message(const struct email_message *message, size_t longest)
{
    static const char *const names[] = {"Date: ",
                                        "From: ",
                                        "To: ",
                                        "Subject: ",
                                        "Message-ID: ",
                                        "Auto-Submitted: ",
                                        "X-Auto-Response-Suppress: ",
                                        "X-Kist-",
                                        "MIME-Version: ",
                                        "Content-Type: ",
                                        " "};
    const char *at = message->data, *body = strstr(at, "\r\n\r\n");
    expect(strlen(at) == message->size && body);
    for (const char *line = at; line < body; line = strstr(line, "\r\n") + 2) {
        int known = 0;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            known |= strncmp(line, names[i], strlen(names[i])) == 0;
        expect(known);
    }
    while (*at) {
        const char *end = strstr(at, "\r\n");
        expect(end && (size_t)(end - at) <= longest && *at != '.');
        for (; at < end; at++)
            expect(*at >= 0x20 && *at < 0x7f);
        at = end + 2;
    }
}

static void try_message(struct kist_test_host *test, const char *text)
{
    char sender[] = "kist@example.org", name[] = "Backups";
    struct email_config config = {.subject_prefix = text};
    struct email email = {.host = &test->host, .config = &config, .from = {name, sender}, .to = {&email.from, 1}};
    struct kist_event_row rows[] = {{text, text}, {"cause", text}};
    struct kist_event event = {.struct_size = sizeof event,
                               .kind = KIST_EVENT_FAILURE,
                               .pipeline = text,
                               .backup = text,
                               .summary = text,
                               .word = text,
                               .title = text,
                               .text = text,
                               .log_tail = text,
                               .run = text,
                               .rows = rows,
                               .row_count = 2};
    struct email_message message;
    if (email_compose(&email, &event, &message, &test->err) != 0)
        return;
    check_message(&message, 100);
    email_message_done(&message);
}

static void try_address(struct kist_test_host *test, const char *text)
{
    struct email_address address;
    if (email_address_read(&test->host, "to", text, &address, &test->err) != 0)
        return;
    expect(strchr(address.address, '@') && !strpbrk(address.address, " <>,;:\\\"\r\n\t"));
    email_address_done(&address);
}

static void try_talk(const char *data, size_t size)
{
    struct email_talk talk = {.command = ""};
    for (size_t at = 0; at < size;) {
        const char *end = memchr(data + at, '\n', size - at);
        size_t length = end ? (size_t)(end - (data + at)) : size - at;
        if (length > 0 && data[at] == '>')
            email_talk_told(&talk, data + at + 1, length - 1);
        else
            email_talk_heard(&talk, data + at, length);
        at += length + (end != NULL);
    }
    expect(strlen(talk.said) <= EMAIL_SAID && strlen(talk.refused) <= EMAIL_SAID);
    for (const char *c = talk.refusal; *c; c++)
        expect((unsigned char)*c >= 0x20 && *c != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kist_test_host test;
    char *text = malloc(size + 1);
    expect(text && kist_test_host_init(&test) == 0);
    memcpy(text, data, size);
    text[size] = '\0';
    try_message(&test, text);
    try_address(&test, text);
    try_talk((const char *)data, size);
    free(text);
    kist_test_host_done(&test);
    return 0;
}
