/* fakes.h - a source, a filter and a destination in memory that can be told to misbehave, for tests of the core. */
#ifndef KIST_TEST_FAKES_H
#define KIST_TEST_FAKES_H

#include "store.h"

#include <pthread.h>

/* `size` bytes that look like nothing, the same for the same seed. New; aborts without memory. */
unsigned char *fake_noise(size_t size, uint32_t seed);

/* A source of one item. */
struct fake_source {
    const unsigned char *data;
    size_t size;
    size_t piece;   /* the most that one read gives; 0: as much as fits */
    int fail_begin; /* result of read_begin */
    int fail;       /* result of a read, once `fail_at` bytes were given */
    size_t fail_at;
    int too_many; /* tell of more bytes than there was room for */
    int endless;  /* never end; stops when it is cancelled */
    /* out: */
    size_t given;
    int begun, ended;
};

/* A filter with frames: a little-endian length, then the bytes xor `key`; "KIST" first when `header`. */
struct fake_filter {
    uint64_t block_size;
    unsigned char key;
    int header;
    unsigned delay_us;       /* blocks take up to so long, in no order */
    int fail_worker;         /* result of worker_open */
    int fail_header;         /* result of encode_begin */
    unsigned delay_begin_us; /* encode_begin takes so long */
    int fail;                /* result of encode for block number `fail_at` */
    uint64_t fail_at;
    int hang;       /* encode of that block does not come back before it is cancelled */
    int swallow;    /* encode makes nothing of a block */
    int huge;       /* encode tells of more bytes than there was room for */
    uint64_t bound; /* encoded_bound, instead of the right one */
    int bomb;       /* decode gives zeros without an end */
    int stall;      /* decode takes and gives nothing */
    /* out: */
    _Atomic int broken;                      /* blocks that were not as the contract says */
    _Atomic int encoders, workers, decoders; /* open now */
    _Atomic uint64_t blocks;
};

struct fake_object {
    char *key;
    unsigned char *data;
    size_t size;
};

/* A destination. */
struct fake_disk {
    pthread_mutex_t lock;
    struct fake_object *objects;
    size_t count;
    const char *only; /* faults hit keys that contain this; NULL: all */
    int fail_begin, fail_commit, fail_list, fail_remove, fail_get;
    int fail_write; /* result of a write, once `fail_at` bytes were written */
    size_t fail_at;
    unsigned delay_us;     /* of every write */
    int stuck;             /* a write waits until it is cancelled */
    size_t piece;          /* the most that one read gives; 0: as much as fits */
    const char *strange;   /* a key that every listing names, though it does not lie there */
    const char *vanishing; /* listed, and gone when it is looked at */
    /* out: */
    size_t most; /* bytes in the largest write */
    int begun, aborted, committed, readers;
};

/* Plugins that are driven by those: their `config` is the struct. */
extern const struct kist_plugin fake_source_plugin, fake_filter_plugin, fake_disk_plugin;

void fake_disk_init(struct fake_disk *disk);
void fake_disk_done(struct fake_disk *disk);
/* Objects by key; NULL when there is none. */
struct fake_object *fake_disk_find(struct fake_disk *disk, const char *key);
void fake_disk_put(struct fake_disk *disk, const char *key, const void *data, size_t size);
void fake_disk_drop(struct fake_disk *disk, const char *key);
/* How many objects have a key that starts with `prefix`. */
size_t fake_disk_count(struct fake_disk *disk, const char *prefix);

/* What the filter makes of `data`. New. */
unsigned char *fake_encode(const struct fake_filter *filter, const unsigned char *data, size_t size,
                           size_t *ret_size);

/* A section of that plugin with the struct as its configuration. */
struct kist_config_section fake_section(const struct kist_plugin *plugin, const char *name, void *config);
/* Opens one; aborts on failure. `section` must outlive the store. */
struct kist_store *fake_store_open(const struct kist_config_section *section);
struct kist_instance *fake_open(const struct kist_plugin *plugin, const char *name, void *config,
                                struct kist_cancel *cancel);

#endif
