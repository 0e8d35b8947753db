/* progress.h - how far a long piece of work is, in bytes and, where there are many, in objects: a bar on a terminal, a
 * line every ten seconds elsewhere. */
#ifndef KIST_CORE_PROGRESS_H
#define KIST_CORE_PROGRESS_H

#include <kist/abi.h>

#include <stddef.h>

struct kist_progress;

/* Starts telling, from a thread of its own. `title` ("shop-daily") is copied. `quiet`: count, but say nothing. NULL
 * without memory: every function below accepts that. */
struct kist_progress *kist_progress_start(const char *title, int quiet);
/* The expected raw bytes; 0 or less: unknown. */
void kist_progress_expect(struct kist_progress *progress, int64_t raw_size);
/* How many objects there are; 0 or 1 (the default): they are not counted aloud. */
void kist_progress_expect_objects(struct kist_progress *progress, uint64_t count);
/* From any thread, as the work goes on. */
void kist_progress_add_raw(struct kist_progress *progress, uint64_t size);
void kist_progress_add_stored(struct kist_progress *progress, uint64_t size);
/* One more object is done. */
void kist_progress_add_object(struct kist_progress *progress);
/* Wipes the bar and ends the thread. */
void kist_progress_stop(struct kist_progress *progress);

/* How far the work is at one moment. */
struct kist_progress_state {
    int64_t expected; /* raw bytes; 0 or less: unknown */
    uint64_t raw, stored;
    uint64_t expected_objects, objects;
    int64_t elapsed_ms;
};

/* The line that is told, without the title: "1.2 GiB of about 3.4 GiB, 120.0 MiB/s, 18 s left; stored 340.0 MiB", and of
 * many objects "4,211/10,000 objects, 1.2 GiB/3.4 GiB, 83.0 MiB/s, ETA 0:12". What is expected is an estimate, so nothing
 * is said of it once it has been passed. */
void kist_progress_describe(const struct kist_progress_state *numbers, char *text, size_t size);
/* How much is done, from 0 to 1; -1 when nobody knows. */
double kist_progress_fraction(const struct kist_progress_state *numbers);

#endif
