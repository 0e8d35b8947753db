/* header_line.c - what a line of the header may be. There is one way to write each, so that nobody can change a file
 * and keep it valid. */
#include "age_header.h"

#include "age_text.h"

#include <string.h>

#define COLUMNS 64 /* of a line of Base64; a shorter one ends the body */
#define ARGUMENTS_MAX 4
#define STANZA_START "-> "
#define MAC_START "---"

struct word {
    const char *text;
    size_t length;
};

static int is(const struct word *word, const char *text)
{
    return word->length == strlen(text) && memcmp(word->text, text, word->length) == 0;
}

static int read_bytes(const struct word *word, unsigned char *out, size_t size)
{
    return kist_age_base64_read(word->text, word->length, out, size) == (long)size;
}

/* A number from 1 on, without sign and leading zero; 0 for anything else. */
static unsigned read_work_factor(const struct word *word)
{
    unsigned value = 0;
    if (word->length == 0 || word->length > 2 || word->text[0] == '0')
        return 0;
    for (size_t i = 0; i < word->length; i++) {
        if (word->text[i] < '0' || word->text[i] > '9')
            return 0;
        value = value * 10 + (unsigned)(word->text[i] - '0');
    }
    return value;
}

static const char *read_x25519(struct kist_age_stanza *stanza, const struct word *words, size_t count)
{
    stanza->kind = KIST_AGE_X25519;
    if (count != 2)
        return "a stanza for X25519 has one argument";
    return read_bytes(&words[1], stanza->share, AGE_KEY_SIZE) ? NULL : "a share for X25519 is 32 bytes of Base64";
}

static const char *read_scrypt(struct kist_age_stanza *stanza, const struct word *words, size_t count)
{
    stanza->kind = KIST_AGE_SCRYPT;
    if (count != 3)
        return "a stanza for scrypt has two arguments";
    if (!read_bytes(&words[1], stanza->share, AGE_SALT_SIZE))
        return "a salt for scrypt is 16 bytes of Base64";
    stanza->work_factor = read_work_factor(&words[2]);
    return stanza->work_factor >= 1 && stanza->work_factor <= AGE_WORK_FACTOR_MAX
               ? NULL
               : "a work factor for scrypt is 1 to 22";
}

/* Cuts a line at its single spaces. More words than any known stanza has are only looked at. */
static const char *split(const char *line, size_t length, struct word *words, size_t *ret_count)
{
    size_t count = 0, start = 0;
    for (size_t i = 0; i <= length; i++) {
        if (i < length && line[i] != ' ') {
            if (line[i] < 0x21 || line[i] > 0x7e)
                return "it has a character that no header has";
            continue;
        }
        if (i == start)
            return "an argument is empty";
        if (count < ARGUMENTS_MAX)
            words[count] = (struct word){line + start, i - start};
        count++;
        start = i + 1;
    }
    *ret_count = count;
    return NULL;
}

static const char *start_stanza(struct kist_age_header *header, const char *line, size_t length)
{
    struct word words[ARGUMENTS_MAX] = {{NULL, 0}};
    size_t count = 0;
    const char *wrong = split(line, length, words, &count);
    if (wrong)
        return wrong;
    header->last = (struct kist_age_stanza){.kind = KIST_AGE_OTHER};
    header->in_body = 1;
    header->body_size = 0;
    if (is(&words[0], "X25519"))
        return read_x25519(&header->last, words, count);
    return is(&words[0], "scrypt") ? read_scrypt(&header->last, words, count) : NULL;
}

static const char *end_body(struct kist_age_header *header)
{
    header->in_body = 0;
    if (header->last.kind != KIST_AGE_OTHER && header->body_size != AGE_BODY_SIZE)
        return "a wrapped file key has 32 bytes";
    return kist_age_header_add(header);
}

static const char *take_body(struct kist_age_header *header, const char *line, size_t length)
{
    unsigned char bytes[COLUMNS];
    if (length > COLUMNS)
        return "a line of a body has more than 64 characters";
    long size = kist_age_base64_read(line, length, bytes, sizeof bytes);
    if (size < 0)
        return "a body is not Base64 as it has to be";
    if (header->last.kind != KIST_AGE_OTHER) {
        if ((size_t)size > AGE_BODY_SIZE - header->body_size)
            return "a wrapped file key has 32 bytes";
        memcpy(header->last.body + header->body_size, bytes, (size_t)size);
        header->body_size += (size_t)size;
    }
    return length < COLUMNS ? end_body(header) : NULL;
}

/* A passphrase opens a file for whoever knows it, so nobody else may have a stanza in it. */
static int scrypt_is_not_alone(const struct kist_age_header *header)
{
    for (size_t i = 0; i < header->stanza_count; i++)
        if (header->stanzas[i].kind == KIST_AGE_SCRYPT)
            return header->stanza_count + header->others > 1;
    return 0;
}

static const char *end_header(struct kist_age_header *header, const char *line, size_t length)
{
    const size_t start = sizeof MAC_START - 1;
    const struct word mac = {line + start + 1, length - start - 1};
    if (header->stanza_count + header->others == 0)
        return "the header has no stanza";
    if (scrypt_is_not_alone(header))
        return "a stanza for scrypt is not the only one";
    if (line[start] != ' ' || !read_bytes(&mac, header->mac, AGE_MAC_SIZE))
        return "the MAC is not 32 bytes of Base64";
    header->mac_size = header->line_start + start;
    header->complete = 1;
    return NULL;
}

const char *kist_age_header_line(struct kist_age_header *header, const char *line, size_t length)
{
    const size_t stanza = sizeof STANZA_START - 1, mac = sizeof MAC_START - 1;
    if (header->in_body)
        return take_body(header, line, length);
    if (length >= stanza && memcmp(line, STANZA_START, stanza) == 0)
        return start_stanza(header, line + stanza, length - stanza);
    if (length > mac && memcmp(line, MAC_START, mac) == 0)
        return end_header(header, line, length);
    return "it starts neither a stanza nor the MAC";
}
