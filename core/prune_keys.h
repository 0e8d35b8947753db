/* prune_keys.h - which objects go with backups that are deleted: those that they name, and that nothing else does. */
#ifndef KIST_CORE_PRUNE_KEYS_H
#define KIST_CORE_PRUNE_KEYS_H

#include "manifest.h"

struct kist_doomed_key {
    char *key;
    uint64_t size;
    size_t owner; /* number of the backup that named it first */
    int spared;   /* a backup that stays names it */
    int unsure;   /* a backup that cannot be read may */
};

/* Each key once, by key, once they are sorted. All zero is empty. */
struct kist_doomed {
    struct kist_doomed_key *items;
    size_t count, capacity;
    size_t foreign; /* keys that were passed over: they lie where no backup of this pipeline could have put them */
};

/* Adds what a backup names and lies in its own folder or that of an older one of its pipeline. What a provider holds has no
 * key. */
int kist_doomed_add(struct kist_doomed *doomed, const struct kist_manifest *manifest, size_t owner,
                    struct kist_error *err) KIST_CHECKED;
/* After the last one was added: by key, and each once. */
void kist_doomed_sort(struct kist_doomed *doomed);
/* Spares all that a backup names which stays. */
void kist_doomed_spare(struct kist_doomed *doomed, const struct kist_manifest *manifest);
/* Spares all that backup `id`, which stays and cannot be read, may name: it is no newer than that. */
void kist_doomed_spare_older(struct kist_doomed *doomed, const char *pipeline, const char *id);
/* From now on by owner, and no longer to be spared. */
void kist_doomed_group(struct kist_doomed *doomed);
void kist_doomed_done(struct kist_doomed *doomed);

#endif
