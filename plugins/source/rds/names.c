/* names.c - identifiers as RDS takes them. */
#include "rds.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define HASH_DIGITS 8

int rds_sha256_hex(const void *data, size_t size, char ret_hex[65])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[32];
    if (EVP_Digest(data, size, hash, NULL, EVP_sha256(), NULL) != 1)
        return -1;
    for (size_t i = 0; i < sizeof hash; i++) {
        ret_hex[2 * i] = digits[hash[i] >> 4];
        ret_hex[2 * i + 1] = digits[hash[i] & 15];
    }
    ret_hex[64] = '\0';
    return 0;
}

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int is_sound(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9');
}

int rds_is_identifier(const char *text, size_t most)
{
    size_t length = strlen(text);
    if (length == 0 || length > most || !is_letter(text[0]) || text[length - 1] == '-' || strstr(text, "--"))
        return 0;
    for (size_t i = 0; i < length; i++)
        if (!is_sound(text[i]) && text[i] != '-')
            return 0;
    return 1;
}

int rds_is_region(const char *text)
{
    size_t length = strlen(text);
    return length >= 3 && length < 40 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == length &&
           text[0] != '-' && text[length - 1] != '-';
}

int rds_same(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

/* ---- the name of a snapshot ---- */

/* The name as it is while it is made: what does not fit becomes one hyphen, and none stands at the beginning. */
struct making {
    char text[4 * RDS_IDENTIFIER_MAX];
    size_t used;
    int full;
};

static void put(struct making *making, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = is_sound(text[i]) ? (char)tolower((unsigned char)text[i]) : '-';
        if (c == '-' && (making->used == 0 || making->text[making->used - 1] == '-'))
            continue;
        if (making->used + 1 >= sizeof making->text) {
            making->full = 1;
            return;
        }
        making->text[making->used++] = c;
    }
}

/* A pipeline's name that comes out as it went in needs no help to be told from others. */
static int is_kept(const char *name)
{
    for (const char *at = name; *at; at++)
        if (!is_sound(*at) && *at != '-')
            return 0;
        else if (*at >= 'A' && *at <= 'Z')
            return 0;
    size_t length = strlen(name);
    return length > 0 && name[0] != '-' && name[length - 1] != '-' && !strstr(name, "--");
}

/* With at most `room` characters of its own. */
static int put_pipeline(struct making *making, const char *pipeline, size_t room)
{
    char hex[65];
    size_t length = strlen(pipeline);
    put(making, pipeline, length < room ? length : room);
    if (is_kept(pipeline) && length <= room)
        return 0;
    if (rds_sha256_hex(pipeline, length, hex))
        return -1;
    put(making, "-", 1);
    put(making, hex, HASH_DIGITS);
    return 0;
}

static int expand(struct making *making, const char *pattern, const char *pipeline, size_t room, const char *id)
{
    *making = (struct making){.used = 0};
    /* A name begins with a letter, and a pipeline's may begin with a digit. */
    if (pattern[0] == '{')
        put(making, "kist-", 5);
    for (const char *at = pattern; *at;) {
        if (strncmp(at, "{pipeline}", 10) == 0) {
            if (put_pipeline(making, pipeline, room))
                return -1;
            at += 10;
        } else if (strncmp(at, "{id}", 4) == 0) {
            put(making, id, strlen(id));
            at += 4;
        } else {
            put(making, at++, 1);
        }
    }
    while (making->used > 0 && making->text[making->used - 1] == '-')
        making->used--;
    making->text[making->used] = '\0';
    return making->full ? -1 : 0;
}

int rds_name_snapshot(const char *pattern, const char *pipeline, const char *id, size_t most,
                      char ret_name[RDS_IDENTIFIER_MAX + 1])
{
    struct making making;
    size_t room = strlen(pipeline);
    if (expand(&making, pattern, pipeline, room, id))
        return -1;
    /* What is too long loses the end of the pipeline's name, and a hash tells it from others. */
    if (making.used > most) {
        size_t excess = making.used - most + HASH_DIGITS + 1;
        if (excess >= room || expand(&making, pattern, pipeline, room - excess, id))
            return -1;
    }
    if (!rds_is_identifier(making.text, most))
        return -1;
    memcpy(ret_name, making.text, making.used + 1);
    return 0;
}

/* ---- others ---- */

int rds_name_export(const char *snapshot, char ret_name[64])
{
    char hex[65];
    if (rds_sha256_hex(snapshot, strlen(snapshot), hex))
        return -1;
    snprintf(ret_name, 64, "kist-%.40s", hex);
    return 0;
}

int rds_name_owner(const char *owner, char ret_name[RDS_OWNER_DIGITS + 1])
{
    char hex[65];
    if (rds_sha256_hex(owner, strlen(owner), hex))
        return -1;
    snprintf(ret_name, RDS_OWNER_DIGITS + 1, "%.*s", RDS_OWNER_DIGITS, hex);
    return 0;
}

void rds_name_fresh(const char *name, int64_t now_ms, char ret_name[RDS_INSTANCE_MAX + 1])
{
    char tail[40] = "-restore-";
    time_t now = (time_t)(now_ms / 1000);
    struct tm utc = {0};
    if (gmtime_r(&now, &utc))
        (void)strftime(tail + 9, sizeof tail - 9, "%Y%m%d-%H%M%S", &utc);
    /* Two more, since the instance of a cluster gets "-1" behind the name. */
    size_t room = RDS_INSTANCE_MAX - 2 - strlen(tail), length = strlen(name);
    length = length < room ? length : room;
    while (length > 0 && name[length - 1] == '-')
        length--;
    snprintf(ret_name, RDS_INSTANCE_MAX + 1, "%.*s%s", (int)length, name, tail);
}

char *rds_name_item(const char *of, const char *region)
{
    char *name = NULL;
    if (asprintf(&name, "%s%s%s.snapshot", of, region ? "." : "", region ? region : "") < 0)
        return NULL;
    for (char *at = name; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return name;
}
