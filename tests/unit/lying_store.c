#include "lying_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct lying_world lying_world = {.lock = PTHREAD_MUTEX_INITIALIZER};

int lying_lies(enum lie lie)
{
    return lying_world.lie == lie;
}

int lying_fails(const struct kist_host *host, struct kist_error *err, int code)
{
    if (lying_lies(LIE_MUTE))
        return code;
    host->fail(host, err, code, "the lying store fails with %d", code);
    if (lying_lies(LIE_RETRY_ALL))
        host->retry(host, err, 1, 1);
    return code;
}

int lying_is_cancelled(const struct kist_host *host)
{
    return host->cancelled(host);
}

int lying_stops(const struct kist_host *host, struct kist_error *err)
{
    if (lying_lies(LIE_CANCEL_SLOW))
        sleep(3);
    return lying_fails(host, err, lying_lies(LIE_CANCEL_IS_FAILURE) ? KIST_ERR_FAILED : KIST_ERR_CANCELLED);
}

static void replace(char *text, const char *from, const char *to)
{
    for (char *at = text; (at = strstr(at, from)) != NULL; at += strlen(to)) {
        memmove(at + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
        memcpy(at, to, strlen(to));
    }
}

/* The name under which a key is kept; new. */
static char *name_of(const char *key)
{
    char *name = strdup(key);
    size_t size = strlen(name);
    if (lying_lies(LIE_KEY_DECODES))
        replace(name, "%20", " ");
    if (lying_lies(LIE_KEY_PLUS))
        replace(name, "+", " ");
    if (lying_lies(LIE_KEY_COMPOSES))
        replace(name, "e\xcc\x81", "\xc3\xa9");
    if (lying_lies(LIE_KEY_RESOLVES))
        replace(name, "//", "/");
    if (lying_lies(LIE_KEY_QUESTION))
        name[strcspn(name, "?#")] = '\0';
    if (lying_lies(LIE_KEY_CUTS) && size > 200)
        name[200] = '\0';
    for (size_t i = size; lying_lies(LIE_KEY_TRIMS) && i > 0 && name[i - 1] == ' '; i--)
        name[i - 1] = '\0';
    for (size_t i = 0; lying_lies(LIE_KEY_FOLDS) && i < size; i++)
        if (name[i] >= 'A' && name[i] <= 'Z')
            name[i] = (char)(name[i] + 32);
    return name;
}

struct item *lying_find(const char *key)
{
    char *name = name_of(key);
    struct item *item = lying_world.items;
    while (item && (item->removed || strcmp(item->key, name) != 0))
        item = item->next;
    free(name);
    return item;
}

static void free_item(struct item *item)
{
    for (size_t i = 0; item->metadata[i]; i++)
        free(item->metadata[i]);
    free(item->key);
    free(item->type);
    free(item->data);
    free(item);
}

static void add(struct item **list, struct item *item)
{
    item->next = *list;
    *list = item;
}

static void take(struct item **list, const struct item *item)
{
    while (*list && *list != item)
        list = &(*list)->next;
    if (*list)
        *list = item->next;
}

static void empty(struct item **list)
{
    while (*list) {
        struct item *item = *list;
        *list = item->next;
        free_item(item);
    }
}

void lying_store_reset(enum lie lie)
{
    empty(&lying_world.items);
    empty(&lying_world.writers);
    lying_world.lie = lie;
}

static struct item *new_item(const struct kist_put *put, const struct kist_host *host)
{
    struct item *item = calloc(1, sizeof *item);
    item->key = name_of(put->key);
    item->host = host;
    item->type =
        put->content_type ? strdup(lying_lies(LIE_TYPE_OWN) ? "binary/octet-stream" : put->content_type) : NULL;
    for (size_t i = 0; put->metadata && put->metadata[i] && i < 8; i++) {
        item->metadata[i] = strdup(put->metadata[i]);
        for (char *at = item->metadata[i]; lying_lies(LIE_METADATA_ASCII) && *at; at++)
            *at = (unsigned char)*at < 128 ? *at : '?';
    }
    item->version = ++lying_world.versions;
    return item;
}

static int store_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    (void)config;
    (void)err;
    if (lying_lies(LIE_LEAKS))
        (void)!dup(0);
    *ret_self = (void *)(uintptr_t)host;
    return 0;
}

static void store_close(void *self)
{
    (void)self;
    if (lying_lies(LIE_FORGETS_AT_CLOSE))
        empty(&lying_world.items);
}

static int store_check(void *self, struct kist_error *err)
{
    const struct kist_put put = {.struct_size = sizeof put, .key = "p/probe"};
    (void)err;
    if (lying_lies(LIE_CHECK_LEAVES))
        add(&lying_world.items, new_item(&put, self));
    return 0;
}

static int put_begin(void *self, const struct kist_put *put, void **ret_writer, struct kist_error *err)
{
    pthread_mutex_lock(&lying_world.lock);
    int taken = lying_lies(LIE_LOOKS_ONLY_AT_BEGIN) && lying_find(put->key) != NULL;
    struct item *item = taken ? NULL : new_item(put, self);
    if (item) {
        item->shown = lying_lies(LIE_VISIBLE_EARLY);
        add(item->shown ? &lying_world.items : &lying_world.writers, item);
        *ret_writer = item;
    }
    pthread_mutex_unlock(&lying_world.lock);
    return taken ? lying_fails(self, err, KIST_ERR_EXISTS) : 0;
}

static int put_write(void *writer, const void *data, size_t size, struct kist_error *err)
{
    struct item *item = writer;
    if (lying_is_cancelled(item->host))
        return lying_stops(item->host, err);
    if (item->size + size > item->room) {
        item->room = 2 * (item->size + size);
        item->data = realloc(item->data, item->room);
    }
    memcpy(item->data + item->size, data, size);
    item->size += size;
    return 0;
}

static void put_abort(void *writer)
{
    struct item *item = writer;
    pthread_mutex_lock(&lying_world.lock);
    take(item->shown ? &lying_world.items : &lying_world.writers, item);
    if (lying_lies(LIE_ABORT_COMMITS))
        add(&lying_world.items, item);
    else
        free_item(item);
    pthread_mutex_unlock(&lying_world.lock);
}

/* With the lock held: makes it visible, or says why not. */
static int publish(struct item *item, uint64_t size)
{
    struct item *old = lying_find(item->key);
    int overwrites = lying_lies(LIE_OVERWRITES) || lying_lies(LIE_LOOKS_ONLY_AT_BEGIN) ||
                     (lying_lies(LIE_OVERWRITES_LARGE) && item->size > PART);
    if (item->swept || (item->size != size && !lying_lies(LIE_TAKES_ANY_SIZE)))
        return KIST_ERR_CORRUPT;
    if (lying_lies(LIE_REFUSES_EMPTY) && size == 0)
        return KIST_ERR_UNSUPPORTED;
    if (old && old != item && !overwrites)
        return KIST_ERR_EXISTS;
    if (old && old != item)
        old->removed = 1;
    if (lying_lies(LIE_LOSES_BYTE_AT_PART) && size == PART)
        item->size--;
    if (lying_lies(LIE_LOSES_TAIL) && size > 4 * PART)
        item->size = 4 * PART;
    item->host = NULL;
    return 0;
}

static int put_commit(void *writer, uint64_t size, struct kist_error *err)
{
    struct item *item = writer;
    const struct kist_host *host = item->host;
    pthread_mutex_lock(&lying_world.lock);
    int rc = publish(item, size);
    take(item->shown ? &lying_world.items : &lying_world.writers, item);
    if (rc == 0)
        add(&lying_world.items, item);
    else
        free_item(item);
    pthread_mutex_unlock(&lying_world.lock);
    return rc == 0 ? 0 : lying_fails(host, err, rc);
}

static int remove_object(void *self, const char *key, struct kist_error *err)
{
    pthread_mutex_lock(&lying_world.lock);
    struct item *item = lying_find(key);
    if (item && !lying_lies(LIE_REMOVES_NOTHING))
        item->removed = 1;
    for (struct item *each = lying_world.items; each && lying_lies(LIE_REMOVES_BY_STRING); each = each->next)
        each->removed |= strncmp(each->key, key, strlen(key)) == 0;
    pthread_mutex_unlock(&lying_world.lock);
    return !item && lying_lies(LIE_REMOVE_WANTS_KEY) ? lying_fails(self, err, KIST_ERR_NOT_FOUND) : 0;
}

static int sweep(void *self, uint64_t *ret_count, struct kist_error *err)
{
    (void)self;
    (void)err;
    for (struct item *each = lying_world.items; each && lying_lies(LIE_SWEEPS_VISIBLE); each = each->next)
        each->removed |= strstr(each->key, "/.") != NULL;
    for (struct item *each = lying_world.writers; each && lying_lies(LIE_SWEEPS_ALIVE); each = each->next)
        each->swept = 1;
    *ret_count = lying_lies(LIE_SWEEPS_FOR_EVER) ? 1 : 0;
    return 0;
}

static int sweep_below(void *self, const char *prefix, uint64_t *ret_count, struct kist_error *err)
{
    (void)self;
    (void)err;
    for (struct item *each = lying_world.items; each && lying_lies(LIE_SWEEPS_BELOW_VISIBLE); each = each->next)
        each->removed |= strncmp(each->key, prefix, strlen(prefix)) == 0;
    *ret_count = 0;
    return 0;
}

static int remove_many(void *self, const char *const *keys, uint64_t count, kist_unremoved_fn unremoved, void *arg,
                       struct kist_error *err)
{
    (void)unremoved;
    (void)arg;
    for (uint64_t i = 0; i < count && !(i == 1000 && lying_lies(LIE_REMOVES_1000)); i++)
        (void)remove_object(self, keys[i], err);
    for (struct item *each = lying_world.items; each && !count && lying_lies(LIE_REMOVE_MANY_NONE_IS_ALL);
         each = each->next)
        each->removed = 1;
    return 0;
}

static int copy(void *self, const char *from, const char *etag, const struct kist_put *put, struct kist_error *err)
{
    char now[32];
    struct kist_put told = *put;
    const struct item *item = lying_find(from);
    if (!item)
        return lying_fails(self, err, KIST_ERR_NOT_FOUND);
    if (lying_find(put->key) && !lying_lies(LIE_COPY_OVERWRITES))
        return lying_fails(self, err, KIST_ERR_EXISTS);
    snprintf(now, sizeof now, "v%u", item->version);
    if (etag && strcmp(etag, now) != 0 && !lying_lies(LIE_COPY_ANY_ETAG))
        return lying_fails(self, err, KIST_ERR_CORRUPT);
    static const char *const others[] = {"made-by", "nobody", NULL};
    if (lying_lies(LIE_COPY_NO_METADATA))
        told.metadata = others;
    struct item *made = new_item(&told, self);
    made->data = malloc(item->size + 1);
    memcpy(made->data, item->data ? item->data : (const unsigned char *)"", item->size);
    made->size = item->size;
    add(&lying_world.items, made);
    return 0;
}

const struct kist_destination lying_store = {
    .head = {KIST_ABI_MAGIC, KIST_ABI_VERSION, KIST_KIND_DESTINATION, sizeof lying_store,
             sizeof(struct kist_option), 0},
    .about = {.name = "lying", .version = "1", .summary = "says one thing and does another"},
    .open = store_open,
    .close = store_close,
    .check = store_check,
    .put_begin = put_begin,
    .put_write = put_write,
    .put_commit = put_commit,
    .put_abort = put_abort,
    .get_begin = lying_get_begin,
    .get_read = lying_get_read,
    .get_end = lying_get_end,
    .list = lying_list,
    .stat = lying_stat,
    .remove = remove_object,
    .sweep = sweep,
    .get_about = lying_get_about,
    .remove_many = remove_many,
    .copy = copy,
    .sweep_below = sweep_below};
