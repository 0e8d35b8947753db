#include "marks.h"
#include "log.h"
#include "manifest_seal.h"
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK_VERSION 1
#define MARK_LIMIT ((size_t)1 << 20) /* bytes; a larger one is not read */
#define MARK_TRIES 60                /* seconds that others may have taken since the catalog was read */

static int no_memory(struct kist_error *err)
{
    return kist_fail(err, KIST_ERR_FAILED, "out of memory for a mark");
}

/* New; NULL without memory. */
static char *mark_key(const char *pipeline, const char *id, const char *word, const char *time)
{
    char suffix[1 + KIST_MARK_WORD + 1 + KIST_ID_LENGTH + 1];
    snprintf(suffix, sizeof suffix, ".%.*s.%s", KIST_MARK_WORD, word, time);
    return kist_catalog_key(pipeline, id, suffix);
}

/* What is known of every mark, before what its body says. New reference. */
static json_t *mark_json(const char *pipeline, const char *id, const char *word, const char *time, json_t *body)
{
    json_t *mark =
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:o}", "kist_mark", MARK_VERSION, "pipeline", pipeline, "id", id,
                  "mark", word, "time", time, "host", kist_host_name(), "user", kist_user_json());
    if (mark && body && json_object_update_missing(mark, body) != 0) {
        json_decref(mark);
        return NULL;
    }
    return mark;
}

static int format_mark(json_t *mark, const char *sign_key, struct kist_text *text, struct kist_error *err)
{
    char *whole = mark ? json_dumps(mark, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL;
    if (!whole)
        return no_memory(err);
    /* The closing brace goes; the seal brings its own. */
    kist_text_add_bytes(text, whole, strlen(whole) - 2);
    kist_text_add(text, ",\n");
    free(whole);
    return kist_seal_add(text, sign_key, err);
}

static int put_at(struct kist_store *store, const struct kist_config_pipeline *pipeline, const char *id,
                  const char *word, const char *time, json_t *body, struct kist_error *err)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    json_t *mark = mark_json(pipeline->name, id, word, time, body);
    char *key = mark_key(pipeline->name, id, word, time);
    int code = key ? format_mark(mark, pipeline->sign_key, &text, err) : no_memory(err);
    if (!code)
        code = kist_store_put_bytes(store, key, kist_text_get(&text), text.size, "application/json", err);
    free(key);
    json_decref(mark);
    return code;
}

/* The first second that is after every mark of the backup, so that the newest word is never in doubt. */
static int64_t free_second(const struct kist_catalog *catalog, const char *id)
{
    const struct kist_catalog_mark *newest = kist_mark_find(catalog, id, NULL);
    int64_t now = kist_time_now(), last = 0;
    return newest && kist_id_parse(newest->time, &last) && last >= now ? last + 1 : now;
}

static int is_same(json_t *mark, const char *name, const char *wanted)
{
    const char *text = json_string_value(json_object_get(mark, name));
    return text && strcmp(text, wanted) == 0;
}

static int parse_mark(const char *text, size_t size, const struct kist_config_pipeline *pipeline,
                      const struct kist_catalog_mark *wanted, json_t **ret_body, struct kist_error *err)
{
    int code = kist_seal_check(text, size, pipeline->sign_key, err);
    if (code)
        return code;
    json_t *mark = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    if (!is_same(mark, "pipeline", pipeline->name) || !is_same(mark, "id", wanted->id) ||
        !is_same(mark, "mark", wanted->word) || !is_same(mark, "time", wanted->time)) {
        json_decref(mark);
        return kist_fail(err, KIST_ERR_CORRUPT, "it is not the mark that its name says");
    }
    *ret_body = mark;
    return 0;
}

int kist_mark_load(struct kist_store *store, const struct kist_config_pipeline *pipeline,
                   const struct kist_catalog_mark *mark, json_t **ret_body, struct kist_error *err)
{
    char *key = mark_key(pipeline->name, mark->id, mark->word, mark->time), *text = NULL;
    size_t size = 0;
    if (!key)
        return no_memory(err);
    int code = kist_store_get_bytes(store, key, MARK_LIMIT, &text, &size, err);
    if (!code && (code = parse_mark(text, size, pipeline, mark, ret_body, err)))
        code = kist_error_prefix(err, "%s: '%s'", kist_store_name(store), key);
    free(text);
    free(key);
    return code;
}

int kist_mark_copy(struct kist_store *from, struct kist_store *to, const char *pipeline,
                   const struct kist_catalog_mark *mark, struct kist_error *err)
{
    char *key = mark_key(pipeline, mark->id, mark->word, mark->time), *text = NULL;
    size_t size = 0;
    int code = key ? kist_store_get_bytes(from, key, MARK_LIMIT, &text, &size, err) : no_memory(err);
    if (!code)
        code = kist_store_put_bytes(to, key, text, size, "application/json", err);
    if (code == KIST_ERR_EXISTS) {
        kist_error_clear(err);
        code = 0;
    }
    free(text);
    free(key);
    return code;
}

static int is_trusted(struct kist_store *store, const struct kist_config_pipeline *pipeline,
                      const struct kist_catalog_mark *mark)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    json_t *body = NULL;
    int wary = kist_mark_is_bad(mark) || strcmp(mark->word, KIST_MARK_HELD) == 0;
    int code = wary ? 0 : kist_mark_load(store, pipeline, mark, &body, &err);
    json_decref(body);
    if (code) {
        kist_error_prefix(&err, "a mark is passed over");
        kist_log_at(KIST_LOG_WARNING, pipeline->name, &err);
    }
    return !code;
}

void kist_marks_check(struct kist_store *store, const struct kist_config_pipeline *pipeline,
                      struct kist_catalog *catalog)
{
    size_t kept = 0;
    for (size_t i = 0; pipeline->sign_key && i < catalog->mark_count; i++)
        if (is_trusted(store, pipeline, &catalog->marks[i]))
            catalog->marks[kept++] = catalog->marks[i];
    if (pipeline->sign_key)
        catalog->mark_count = kept;
}

/* The end of the marks of `id`: one behind the last whose id is not greater. */
static size_t end_of(const struct kist_catalog *catalog, const char *id)
{
    size_t low = 0, high = catalog->mark_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(catalog->marks[middle].id, id) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct kist_catalog_mark *kist_mark_find(const struct kist_catalog *catalog, const char *id,
                                               const char *word)
{
    for (size_t i = end_of(catalog, id); i > 0 && strcmp(catalog->marks[i - 1].id, id) == 0; i--)
        if (!word || strcmp(catalog->marks[i - 1].word, word) == 0)
            return &catalog->marks[i - 1];
    return NULL;
}

static const char *const proofs[] = {[KIST_VERIFY_HASH] = KIST_MARK_HASH,
                                     [KIST_VERIFY_DECODE] = KIST_MARK_DECODE,
                                     [KIST_VERIFY_DRILL] = KIST_MARK_DRILL};
static const char *const failures[] = {[KIST_VERIFY_SIZE] = KIST_MARK_BAD_HASH,
                                       [KIST_VERIFY_HASH] = KIST_MARK_BAD_HASH,
                                       [KIST_VERIFY_DECODE] = KIST_MARK_BAD_DECODE,
                                       [KIST_VERIFY_DRILL] = KIST_MARK_BAD_DRILL};

const char *kist_mark_word(enum kist_verify_level level, int failed)
{
    return failed ? failures[level] : proofs[level];
}

enum kist_verify_level kist_mark_level(const char *word)
{
    for (int level = KIST_VERIFY_DRILL; level >= KIST_VERIFY_HASH; level--)
        if (strcmp(word, proofs[level]) == 0)
            return (enum kist_verify_level)level;
    return KIST_VERIFY_NONE;
}

/* How much a word proves: its level, below zero that of a proof that failed, or 0. */
static int weight_of(const char *word)
{
    for (int level = KIST_VERIFY_DRILL; level >= KIST_VERIFY_HASH; level--)
        if (strcmp(word, failures[level]) == 0)
            return -level;
    return (int)kist_mark_level(word);
}

int kist_mark_is_bad(const struct kist_catalog_mark *mark)
{
    return mark && weight_of(mark->word) < 0;
}

const struct kist_catalog_mark *kist_mark_verdict(const struct kist_catalog *catalog, const char *id)
{
    const struct kist_catalog_mark *proof = NULL;
    int strongest = 0; /* of the proofs that are newer than the mark at hand */
    for (size_t i = end_of(catalog, id); i > 0 && strcmp(catalog->marks[i - 1].id, id) == 0; i--) {
        const struct kist_catalog_mark *mark = &catalog->marks[i - 1];
        int weight = weight_of(mark->word);
        if (weight < 0 && -weight > strongest)
            return mark;
        if (weight > 0 && !proof)
            proof = mark;
        strongest = weight > strongest ? weight : strongest;
    }
    return proof;
}

/* Whether a new mark `word` says all that an older one of the same backup did. */
static int replaces(const char *word, const char *older)
{
    int weight = weight_of(word), failed = -weight_of(older);
    return strcmp(word, older) == 0 || (failed > 0 && weight >= failed);
}

/* A store that removes nothing keeps them: they do no harm, but for their number. */
static void remove_replaced(struct kist_store *store, const char *pipeline, const struct kist_catalog *catalog,
                            const char *id, const char *word)
{
    for (size_t i = end_of(catalog, id); i > 0 && strcmp(catalog->marks[i - 1].id, id) == 0; i--) {
        KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
        const struct kist_catalog_mark *older = &catalog->marks[i - 1];
        char *key = replaces(word, older->word) ? mark_key(pipeline, id, older->word, older->time) : NULL;
        if (key && kist_store_remove(store, key, &err))
            kist_log_at(KIST_LOG_DEBUG, pipeline, &err);
        free(key);
    }
}

int kist_marks_remove(struct kist_store *store, const char *pipeline, const struct kist_catalog *catalog,
                      const char *id, const char *word, struct kist_error *err)
{
    int code = 0;
    for (size_t i = end_of(catalog, id); !code && i > 0 && strcmp(catalog->marks[i - 1].id, id) == 0; i--) {
        const struct kist_catalog_mark *mark = &catalog->marks[i - 1];
        if (word && strcmp(mark->word, word) != 0)
            continue;
        char *key = mark_key(pipeline, id, mark->word, mark->time);
        code = key ? kist_store_remove(store, key, err) : no_memory(err);
        free(key);
    }
    return code;
}

static int put(struct kist_store *store, const struct kist_config_pipeline *pipeline,
               const struct kist_catalog *catalog, const char *id, const char *word, json_t *body,
               struct kist_error *err)
{
    char time[KIST_ID_LENGTH + 1];
    int64_t second = free_second(catalog, id);
    int code = 0;
    for (int i = 0; i < MARK_TRIES; i++) {
        kist_id_of_time(second + i, time);
        code = put_at(store, pipeline, id, word, time, body, err);
        if (code != KIST_ERR_EXISTS)
            break;
        if (i + 1 < MARK_TRIES)
            kist_error_clear(err);
    }
    if (!code)
        remove_replaced(store, pipeline->name, catalog, id, word);
    return code;
}

int kist_mark_put(struct kist_store *store, const struct kist_config_pipeline *pipeline,
                  const struct kist_catalog *catalog, const char *id, const char *word, json_t *body,
                  struct kist_error *err)
{
    struct kist_catalog own = {0};
    int code = catalog ? 0 : kist_catalog_read(store, pipeline->name, &own, err);
    if (!code)
        code = put(store, pipeline, catalog ? catalog : &own, id, word, body, err);
    kist_catalog_done(&own);
    return code;
}
