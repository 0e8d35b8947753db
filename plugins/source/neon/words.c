/* words.c - small texts. Pure. */
#include "neon.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ID_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789-"
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+=,-"
#define FILE_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

int neon_id_is_sound(const char *text)
{
    size_t size = text ? strspn(text, ID_LETTERS) : 0;
    return size > 0 && size <= 60 && !text[size];
}

int neon_name_is_sound(const char *text)
{
    size_t count = 0, size = text ? strlen(text) : 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        /* The second of these begins a control character, too, for some terminals: U+0080 to U+009F. */
        if (byte < 0x20 || byte == 0x7f || (byte == 0xc2 && (unsigned char)text[i + 1] < 0xa0))
            return 0;
        count += (byte & 0xc0U) != 0x80;
    }
    json_t *utf8 = size < NEON_NAME_SIZE ? json_string(text) : NULL;
    const int is_utf8 = utf8 != NULL;
    json_decref(utf8);
    return is_utf8 && count > 0 && count <= NEON_NAME_MAX;
}

/* What a zone adds to the time of Greenwich, in seconds; 0 and *ret_ok = 0 for what is no zone. */
static int64_t zone_of(const char *text, int *ret_ok)
{
    int hours = 0, minutes = 0, end = 0;
    *ret_ok = 1;
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
        return 0;
    *ret_ok = (*text == '+' || *text == '-') && strspn(text + 1, "0123456789:") == strlen(text + 1) &&
              sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &end) == 2 && end == 5 && !text[6] && hours < 24 &&
              minutes < 60;
    return *ret_ok ? (*text == '-' ? -60 : 60) * (60 * (int64_t)hours + minutes) : 0;
}

int64_t neon_time(const char *text)
{
    int64_t ms = 0;
    int ok = 0;
    const char *rest = kist_stamp_read(text, &ms);
    if (!rest)
        return 0;
    ms -= zone_of(rest, &ok) * 1000;
    return ok && ms >= 1000 ? ms : 0;
}

static void time_as(const char *format, int64_t ms, char ret_text[NEON_TIME_SIZE])
{
    struct tm tm;
    const time_t seconds = (time_t)(ms / 1000);
    *ret_text = '\0';
    if (gmtime_r(&seconds, &tm) && strftime(ret_text, NEON_TIME_SIZE, format, &tm) == 0)
        *ret_text = '\0';
}

void neon_time_text(int64_t ms, char ret_text[NEON_TIME_SIZE])
{
    time_as("%Y-%m-%dT%H:%M:%SZ", ms, ret_text);
}

void neon_time_stamp(int64_t ms, char ret_text[NEON_TIME_SIZE])
{
    time_as("%Y%m%d_%H%M%S", ms, ret_text);
}

void neon_size_text(int64_t bytes, char ret_text[NEON_TIME_SIZE])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes / 1024;
    size_t unit = 0;
    if (bytes < 1024) {
        snprintf(ret_text, NEON_TIME_SIZE, "%" PRId64 " bytes", bytes);
        return;
    }
    for (; value >= 1024; unit++)
        value /= 1024;
    snprintf(ret_text, NEON_TIME_SIZE, "%.1f %s", value, units[unit]);
}

static const char *field(const struct kist_backup *backup, const char *at, size_t *ret_size)
{
    static const char pipeline[] = "{pipeline}", id[] = "{id}";
    if (strncmp(at, pipeline, sizeof pipeline - 1) == 0)
        return *ret_size = sizeof pipeline - 1, backup->pipeline;
    if (strncmp(at, id, sizeof id - 1) == 0)
        return *ret_size = sizeof id - 1, backup->id;
    return NULL;
}

char *neon_name_of(const char *pattern, const struct kist_backup *backup)
{
    char *text = NULL;
    size_t size = 0, skip = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    while (*pattern) {
        const char *value = field(backup, pattern, &skip);
        if (value)
            fputs(value, out);
        else
            fputc(*pattern, out);
        pattern += value ? skip : 1;
    }
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

const char *neon_pattern_problem(const char *pattern)
{
    static const struct kist_backup none = {.pipeline = "p", .id = "i"};
    size_t size = 1;
    if (!strstr(pattern, "{pipeline}") || !strstr(pattern, "{id}"))
        return "has to hold {pipeline} and {id}, so that no two backups have the same";
    for (const char *at = pattern; *at; at++) {
        if (*at == '{' && !field(&none, at, &size))
            return "holds a '{' that does not begin {pipeline} or {id}";
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return "holds a control character";
    }
    return NULL;
}

char *neon_item_name(const char *branch, const char *suffix)
{
    char *name = NULL;
    if (asprintf(&name, "%s.%s", branch, suffix) < 0)
        return NULL;
    for (char *at = name; *at; at++)
        if (!strchr(FILE_LETTERS, *at) || (at == name && (*at == '.' || *at == '-')))
            *at = '_';
    return name;
}

void neon_put_word(FILE *out, const char *word)
{
    if (*word && word[strspn(word, PLAIN)] == '\0') {
        fputs(word, out);
        return;
    }
    fputc('\'', out);
    for (; *word; word++)
        fputs(*word == '\'' ? "'\\''" : (const char[]){*word, '\0'}, out);
    fputc('\'', out);
}
