#include "redact.h"
#include "text.h"
#include "url.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SHORTEST 4        /* bytes of a needle; also what the buckets are chosen by */
#define SHORTEST_BASE64 6 /* fewer characters would be found in anybody's base64 */
#define BUCKETS 1024
#define STARS "***"

/* One form of a secret. */
struct needle {
    struct needle *next; /* of its bucket; the longest come first, so that the longest match wins */
    size_t size;
    char data[];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct needle *buckets[BUCKETS];

static struct needle **bucket_of(const char *data)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < SHORTEST; i++)
        hash = (hash ^ (unsigned char)data[i]) * 16777619U;
    return &buckets[(hash ^ (hash >> 16)) % BUCKETS];
}

static int add_needle(const char *data, size_t size)
{
    if (size < SHORTEST)
        return 0;
    struct needle **link = bucket_of(data);
    while (*link && (*link)->size > size)
        link = &(*link)->next;
    for (struct needle *other = *link; other && other->size == size; other = other->next)
        if (memcmp(other->data, data, size) == 0)
            return 0;
    struct needle *needle = malloc(sizeof *needle + size);
    if (!needle)
        return -1;
    needle->size = size;
    memcpy(needle->data, data, size);
    needle->next = *link;
    *link = needle;
    return 0;
}

static int add_text(struct kist_text *text)
{
    int result = kist_text_failed(text) ? -1 : add_needle(kist_text_get(text), text->size);
    kist_text_done(text);
    return result;
}

static int is_unreserved(unsigned char c)
{
    return c < 0x80 && (isalnum(c) || (c != '\0' && strchr("-._~", c)));
}

enum percent { AS_NEEDED, AS_NEEDED_PLUS, EVERYTHING };

static int add_percent_encoded(const char *data, size_t size, enum percent which, const char *digits)
{
    struct kist_text text = KIST_TEXT_INIT;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)data[i];
        if (which != EVERYTHING && is_unreserved(c)) {
            kist_text_add_char(&text, (char)c);
        } else if (which == AS_NEEDED_PLUS && c == ' ') {
            kist_text_add_char(&text, '+');
        } else {
            const char code[3] = {'%', digits[c >> 4], digits[c & 15]};
            kist_text_add_bytes(&text, code, sizeof code);
        }
    }
    return add_text(&text);
}

enum ending { GOES_ON, UNPADDED, PADDED };

/* The characters of the base64 form of "<skipped bytes><data>" that depend on nothing but the data: so it is found
 * within the encoding of something longer ("user:secret"), wherever it starts there. Or with `ending`, those of a
 * text that ends with the data. */
static int add_base64(const char *data, size_t size, size_t skipped, const char *alphabet, enum ending ending)
{
    struct kist_text text = KIST_TEXT_INIT;
    size_t first = (skipped * 8 + 5) / 6;
    size_t end = ((skipped + size) * 8 + (ending != GOES_ON ? 5 : 0)) / 6;
    for (size_t i = first; i < end; i++) {
        size_t byte = i * 6 / 8 - skipped;
        unsigned pair = (unsigned)(unsigned char)data[byte] << 8;
        if (byte + 1 < size)
            pair |= (unsigned char)data[byte + 1];
        kist_text_add_char(&text, alphabet[(pair >> (10 - i * 6 % 8)) & 63]);
    }
    for (size_t i = end; ending == PADDED && i % 4 != 0; i++)
        kist_text_add_char(&text, '=');
    if (text.size >= SHORTEST_BASE64 || kist_text_failed(&text))
        return add_text(&text);
    kist_text_done(&text);
    return 0;
}

static int add_forms(const char *data, size_t size)
{
    static const char *const digits[] = {"0123456789ABCDEF", "0123456789abcdef"};
    static const char *const alphabets[] = {
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    };
    if (size < SHORTEST)
        return 0;
    int result = add_needle(data, size);
    for (size_t i = 0; i < 2; i++) {
        result |= add_percent_encoded(data, size, AS_NEEDED, digits[i]);
        result |= add_percent_encoded(data, size, AS_NEEDED_PLUS, digits[i]);
        result |= add_percent_encoded(data, size, EVERYTHING, digits[i]);
        for (size_t skipped = 0; skipped < 3; skipped++) {
            result |= add_base64(data, size, skipped, alphabets[i], GOES_ON);
            result |= add_base64(data, size, skipped, alphabets[i], UNPADDED);
            result |= add_base64(data, size, skipped, alphabets[i], PADDED);
        }
    }
    return result;
}

static int add_passwords(const char *secret)
{
    struct kist_span spans[8];
    size_t capacity = sizeof spans / sizeof *spans;
    size_t count = kist_url_passwords(secret, spans, capacity);
    int result = 0;
    for (size_t i = 0; i < count && i < capacity; i++) {
        char *decoded = kist_url_decode(spans[i]);
        result |= add_forms(spans[i].data, spans[i].size);
        result |= decoded ? add_forms(decoded, strlen(decoded)) : -1;
        kist_secret_free(decoded);
    }
    return result;
}

int kist_redact_add(const char *secret)
{
    pthread_mutex_lock(&mutex);
    int result = add_forms(secret, strlen(secret)) | add_passwords(secret);
    pthread_mutex_unlock(&mutex);
    return result ? -1 : 0;
}

/* The longest known secret that stands at `text`, or 0. */
static size_t match(const char *text, size_t size)
{
    if (size < SHORTEST)
        return 0;
    for (const struct needle *needle = *bucket_of(text); needle; needle = needle->next)
        if (needle->size <= size && memcmp(needle->data, text, needle->size) == 0)
            return needle->size;
    return 0;
}

char *kist_redact(const char *text)
{
    struct kist_text clean = KIST_TEXT_INIT;
    size_t size = strlen(text), kept = 0;
    pthread_mutex_lock(&mutex);
    for (size_t at = 0; at < size;) {
        size_t length = match(text + at, size - at);
        if (length == 0) {
            at++;
            continue;
        }
        kist_text_add_bytes(&clean, text + kept, at - kept);
        kist_text_add(&clean, STARS);
        /* Another secret may begin inside this one and reach beyond it. */
        size_t end = at + length;
        for (at++; at < end; at++) {
            length = match(text + at, size - at);
            if (at + length > end)
                end = at + length;
        }
        kept = at;
    }
    pthread_mutex_unlock(&mutex);
    kist_text_add_bytes(&clean, text + kept, size - kept);
    return kist_text_take(&clean);
}

void kist_redact_forget(void)
{
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < BUCKETS; i++) {
        while (buckets[i]) {
            struct needle *needle = buckets[i];
            buckets[i] = needle->next;
            explicit_bzero(needle->data, needle->size);
            free(needle);
        }
    }
    pthread_mutex_unlock(&mutex);
}
