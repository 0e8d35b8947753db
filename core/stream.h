/*
 * stream.h - one item's way through the stages of a backup, each in threads of its own:
 *
 *     source -> sha256 -> [filter workers] ... -> sha256 -> a writer per destination
 *
 * stage_source.c, stage_filter.c and stage_writer.c are the stages; transfer.c puts them together. The first failure
 * stops all of them.
 */
#ifndef KIST_CORE_STREAM_H
#define KIST_CORE_STREAM_H

#include "hash.h"
#include "item_copy.h"
#include "progress.h"
#include "queue.h"
#include "store.h"

#include <pthread.h>

#define KIST_STREAM_BLOCK ((size_t)1 << 20) /* raw bytes per buffer where no filter asks for other blocks */
#define KIST_STREAM_PARTS 64                /* queues and pools that one stream can stop */

/* What the stages share: the first error, and everything that has to be woken up when there is one. */
struct kist_stream {
    struct kist_cancel *cancel;
    struct kist_progress *progress;
    pthread_mutex_t lock;
    struct kist_error err;
    struct kist_queue *queues[KIST_STREAM_PARTS];
    size_t queue_count;
    struct kist_buffer_pool *pools[KIST_STREAM_PARTS];
    size_t pool_count;
};

void kist_stream_init(struct kist_stream *stream, struct kist_cancel *cancel, struct kist_progress *progress);
/* Frees queues and pools, in this order, and the error. All threads are gone. */
void kist_stream_done(struct kist_stream *stream);
/* Make a queue or pool that belongs to the stream. */
int kist_stream_queue(struct kist_stream *stream, size_t capacity, struct kist_queue **ret_queue,
                      struct kist_error *err) KIST_CHECKED;
int kist_stream_pool(struct kist_stream *stream, size_t count, size_t capacity, struct kist_buffer_pool **ret_pool,
                     struct kist_error *err) KIST_CHECKED;
/* Keeps the first error (moved out of `err`) and stops everything. Later ones are dropped: they are its echo. */
void kist_stream_fail(struct kist_stream *stream, struct kist_error *err);
int kist_stream_failed(struct kist_stream *stream);

/* Reads an item into buffers of its pool; hashes what it reads. */
struct kist_stage_source {
    struct kist_stream *stream;
    struct kist_instance *instance;
    const struct kist_item *item;
    const struct kist_item *about; /* the item as it is being read: known before the first buffer is put */
    struct kist_item_copy *told;   /* where that is kept, if the source tells more than `item`; the caller's */
    int failed;                    /* the source was the first to fail */
    struct kist_buffer_pool *pool;
    struct kist_queue *output;
    pthread_t thread;
    int running;
    uint64_t size;
    char sha256[KIST_SHA256_HEX + 1];
};

/* Asks what is being read, for `told` (may be NULL); `ret_about` is left alone by a source that has nothing to add. */
int kist_stage_source_ask(struct kist_instance *source, void *reader, struct kist_item_copy *told,
                          const struct kist_item **ret_about, struct kist_error *err) KIST_CHECKED;
int kist_stage_source_start(struct kist_stage_source *stage, struct kist_error *err) KIST_CHECKED;
void kist_stage_source_join(struct kist_stage_source *stage);

/* Encodes blocks with a number of workers; where its input does not come in blocks already, one more thread cuts them. */
struct kist_stage_filter {
    struct kist_stream *stream;
    struct kist_instance *instance;
    struct kist_queue *input; /* whole blocks */
    struct kist_queue *output;
    struct kist_buffer_pool *pool;
    void *encoder;
    int encoder_open;
    uint64_t first_index; /* of the first block in the output: 1 after a header */
    pthread_t *threads;
    size_t running;
    _Atomic size_t working; /* blocks that are being encoded */
    _Atomic size_t worked;  /* and those that were */
    /* Cutting: only where `uncut` is set. */
    struct kist_queue *uncut;
    struct kist_buffer_pool *cut_pool;
    size_t block_size;
    pthread_t cutter;
    int cutting;
};

/* Whether the sizes that a filter asks for make sense: KIST_ERR_BUG if not. Before anything is encoded with it. */
int kist_stage_filter_check(const struct kist_instance *instance, struct kist_error *err) KIST_CHECKED;
/* The same of what it has made of a block: `size` bytes in `room`. */
int kist_stage_filter_made(const struct kist_instance *instance, const struct kist_block *block, size_t size,
                           size_t room, struct kist_error *err) KIST_CHECKED;
/* `input` and `uncut`, `instance` and `stream` are set by the caller; makes the output queue. */
int kist_stage_filter_start(struct kist_stage_filter *stage, size_t workers, struct kist_error *err) KIST_CHECKED;
void kist_stage_filter_join(struct kist_stage_filter *stage);

/* Writes a stream to one destination, from its first buffer on. Its failure is its own: it then only takes buffers off its
 * queue. */
struct kist_stage_writer {
    struct kist_stream *stream;
    struct kist_store *store;
    const char *key;
    const struct kist_stage_source *source;
    int filtered; /* what is written is not what the source tells of its type and metadata */
    struct kist_queue *input;
    pthread_t thread;
    int running;
    int committed;         /* the object is there, durable and confirmed */
    struct kist_error err; /* why not */
    _Atomic int failed;
    int given_up; /* by the thread that feeds it */
};

int kist_stage_writer_start(struct kist_stage_writer *stage, struct kist_error *err) KIST_CHECKED;
/* Waits at most `wait_ms` for its end; 1 when it is over. */
int kist_stage_writer_join(struct kist_stage_writer *stage, int64_t wait_ms);

#endif
