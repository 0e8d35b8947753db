/* lying_read.c - the side of the lying store that tells what it has. */
#include "lying_private.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct reader {
    const struct kist_host *host;
    struct item *item;
    size_t at;
};

int lying_get_begin(void *self, const char *key, uint64_t offset, void **ret_reader, struct kist_error *err)
{
    static struct item nothing;
    pthread_mutex_lock(&lying_world.lock);
    struct item *item = lying_find(key);
    pthread_mutex_unlock(&lying_world.lock);
    if (!item && lying_lies(LIE_MISSING_IS_EMPTY))
        item = &nothing;
    if (!item)
        return lying_fails(self, err, KIST_ERR_NOT_FOUND);
    if (offset > item->size && lying_lies(LIE_BEHIND_IS_END))
        offset = item->size;
    if (offset > item->size || (offset == item->size && lying_lies(LIE_NO_OFFSET_AT_END)))
        return lying_fails(self, err, KIST_ERR_CORRUPT);
    struct reader *reader = calloc(1, sizeof *reader);
    *reader =
        (struct reader){.host = self, .item = item, .at = lying_lies(LIE_IGNORES_OFFSET) ? 0 : (size_t)offset};
    *ret_reader = reader;
    return 0;
}

int lying_get_read(void *arg, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct reader *reader = arg;
    size_t left = reader->item->size - reader->at, n = left < capacity ? left : capacity;
    if (lying_lies(LIE_ENDS_EARLY) && reader->at > PART)
        n = 0;
    if (lying_is_cancelled(reader->host)) {
        *ret_size = 0;
        return lying_lies(LIE_CANCEL_IS_END) ? 0 : lying_stops(reader->host, err);
    }
    if (n > 0)
        memcpy(data, reader->item->data + reader->at, n);
    reader->at += n;
    *ret_size = n;
    return 0;
}

void lying_get_end(void *reader)
{
    free(reader);
}

static const char *checksum_of(const struct item *item)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_Digest(item->data ? item->data : (const unsigned char *)"", item->size, digest, &size, EVP_sha256(), NULL);
    char *at = stpcpy(lying_world.sum, "sha256:");
    for (unsigned i = 0; i < size; i++)
        at += sprintf(at, "%02x", digest[i] ^ (lying_lies(LIE_CHECKSUM_WRONG) ? 1 : 0));
    return lying_world.sum;
}

static int tell(const struct item *item, int listed, kist_object_fn give, void *arg)
{
    char etag[32];
    unsigned version = lying_lies(LIE_ETAG_STAYS)     ? 1
                       : lying_lies(LIE_ETAG_WANDERS) ? ++lying_world.versions
                                                      : item->version;
    int64_t now = (int64_t)time(NULL);
    snprintf(etag, sizeof etag, "v%u", version);
    const struct kist_object object = {
        .struct_size = sizeof object,
        .key = item->key,
        .size = (int64_t)item->size + (listed && lying_lies(LIE_LISTS_OTHER_SIZE)),
        .modified_ms = lying_lies(LIE_TIME_IN_SECONDS) ? now : now * 1000,
        .etag = etag,
        .content_type = listed ? NULL : item->type,
        .metadata = listed || !item->metadata[0] ? NULL : (const char *const *)item->metadata,
        .checksum = listed ? NULL : checksum_of(item)};
    return give(arg, &object);
}

static int is_below(const struct item *item, const char *prefix)
{
    size_t size = strlen(prefix);
    size -= size > 0 && lying_lies(LIE_LISTS_BY_STRING);
    return strncmp(item->key, prefix, size) == 0 && (!item->removed || lying_lies(LIE_LISTS_REMOVED));
}

int lying_list(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err)
{
    int rc = 0, count = 0, end = 0;
    if (lying_is_cancelled(self) && !lying_lies(LIE_CANCEL_LISTS_LESS))
        return lying_stops(self, err);
    pthread_mutex_lock(&lying_world.lock);
    for (const struct item *item = lying_world.items; item && !end; item = item->next) {
        if (!is_below(item, prefix) || (lying_lies(LIE_LISTS_LATE) && item->version == lying_world.versions))
            continue;
        rc = tell(item, 1, give, arg);
        if (rc == 0 && count == 0 && lying_lies(LIE_LISTS_TWICE))
            rc = tell(item, 1, give, arg);
        if (rc == 0 && count == 0 && lying_lies(LIE_LISTS_FOLDERS) && *prefix)
            rc = tell(&(struct item){.key = (char *)(uintptr_t)prefix}, 1, give, arg);
        count++;
        end = (rc != 0 && !lying_lies(LIE_LIST_GOES_ON)) || (count == 1000 && lying_lies(LIE_LISTS_ONE_PAGE)) ||
              (count == 3 && lying_is_cancelled(self));
    }
    pthread_mutex_unlock(&lying_world.lock);
    return rc;
}

int lying_stat(void *self, const char *key, kist_object_fn give, void *arg, struct kist_error *err)
{
    pthread_mutex_lock(&lying_world.lock);
    const struct item *item = lying_find(key), nothing = {.key = (char *)(uintptr_t)key};
    if (!item && lying_lies(LIE_MISSING_IS_SIZE_0))
        item = &nothing;
    int rc = item ? tell(item, 0, give, arg) : KIST_ERR_NOT_FOUND;
    pthread_mutex_unlock(&lying_world.lock);
    return rc == KIST_ERR_NOT_FOUND ? lying_fails(self, err, rc) : rc;
}

int lying_get_about(void *arg, kist_object_fn give, void *give_arg, struct kist_error *err)
{
    const struct reader *reader = arg;
    struct item item = *reader->item;
    (void)err;
    item.version += lying_lies(LIE_ABOUT_OTHER) ? 1 : 0;
    return tell(&item, 0, give, give_arg);
}
