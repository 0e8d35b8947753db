/* progress.h - how far a long piece of work is: a bar on a terminal, a line every ten seconds elsewhere. */
#ifndef KIST_CORE_PROGRESS_H
#define KIST_CORE_PROGRESS_H

#include <kist/abi.h>

struct kist_progress;

/* Starts telling, from a thread of its own. `title` ("shop-daily") is copied. `quiet`: count, but say nothing. NULL
 * without memory: every function below accepts that. */
struct kist_progress *kist_progress_start(const char *title, int quiet);
/* The expected raw bytes; 0 or less: unknown. */
void kist_progress_expect(struct kist_progress *progress, int64_t raw_size);
void kist_progress_add_raw(struct kist_progress *progress, uint64_t size);
void kist_progress_add_stored(struct kist_progress *progress, uint64_t size);
/* Wipes the bar and ends the thread. */
void kist_progress_stop(struct kist_progress *progress);

#endif
