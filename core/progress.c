#include "progress.h"
#include "backup_id.h"
#include "log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define BAR_MS 200
#define LINE_MS 10000

struct kist_progress {
    char *title;
    _Atomic int64_t expected;
    _Atomic uint64_t raw, stored, expected_objects, objects;
    int64_t started;
    int terminal, quiet, drawn;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    int running, stop;
};

static struct kist_progress_state numbers_of(struct kist_progress *progress)
{
    return (struct kist_progress_state){.expected = atomic_load(&progress->expected),
                                        .raw = atomic_load(&progress->raw),
                                        .stored = atomic_load(&progress->stored),
                                        .expected_objects = atomic_load(&progress->expected_objects),
                                        .objects = atomic_load(&progress->objects),
                                        .elapsed_ms = kist_time_monotonic_ms() - progress->started};
}

static void draw(struct kist_progress *progress)
{
    char text[300], bar[24] = "";
    struct kist_progress_state numbers = numbers_of(progress);
    double fraction = kist_progress_fraction(&numbers);
    if (fraction >= 0) {
        memset(bar, '.', 20);
        memset(bar, '#', (size_t)(20 * fraction));
    }
    kist_progress_describe(&numbers, text, sizeof text);
    struct winsize window = {0};
    int width = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 10 ? window.ws_col - 1 : 79;
    char line[400];
    snprintf(line, sizeof line, "%s [%s] %s", progress->title, bar, text);
    dprintf(STDERR_FILENO, "\r\033[K%.*s", width, line);
    progress->drawn = 1;
}

static void *tell(void *arg)
{
    struct kist_progress *progress = arg;
    int64_t step = progress->terminal ? BAR_MS : LINE_MS;
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    pthread_mutex_lock(&progress->lock);
    while (!progress->stop) {
        next.tv_nsec += (long)(step % 1000) * 1000000L;
        next.tv_sec += (time_t)(step / 1000) + next.tv_nsec / 1000000000L;
        next.tv_nsec %= 1000000000L;
        while (!progress->stop && pthread_cond_timedwait(&progress->ended, &progress->lock, &next) == 0)
            ;
        if (progress->stop)
            break;
        if (progress->terminal) {
            draw(progress);
        } else {
            char text[300];
            struct kist_progress_state numbers = numbers_of(progress);
            kist_progress_describe(&numbers, text, sizeof text);
            kist_log(KIST_LOG_INFO, progress->title, "%s", text);
        }
    }
    pthread_mutex_unlock(&progress->lock);
    return NULL;
}

struct kist_progress *kist_progress_start(const char *title, int quiet)
{
    struct kist_progress *progress = calloc(1, sizeof *progress);
    char *copy = strdup(title);
    if (!progress || !copy) {
        free(progress);
        free(copy);
        return NULL;
    }
    *progress = (struct kist_progress){
        .title = copy, .started = kist_time_monotonic_ms(), .quiet = quiet, .terminal = isatty(STDERR_FILENO)};
    pthread_mutex_init(&progress->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&progress->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    progress->running = !quiet && pthread_create(&progress->thread, NULL, tell, progress) == 0;
    return progress;
}

void kist_progress_expect(struct kist_progress *progress, int64_t raw_size)
{
    if (progress)
        atomic_store(&progress->expected, raw_size);
}

void kist_progress_add_raw(struct kist_progress *progress, uint64_t size)
{
    if (progress)
        atomic_fetch_add(&progress->raw, size);
}

void kist_progress_add_stored(struct kist_progress *progress, uint64_t size)
{
    if (progress)
        atomic_fetch_add(&progress->stored, size);
}

void kist_progress_expect_objects(struct kist_progress *progress, uint64_t count)
{
    if (progress)
        atomic_store(&progress->expected_objects, count);
}

void kist_progress_add_object(struct kist_progress *progress)
{
    if (progress)
        atomic_fetch_add(&progress->objects, 1);
}

void kist_progress_stop(struct kist_progress *progress)
{
    if (!progress)
        return;
    pthread_mutex_lock(&progress->lock);
    progress->stop = 1;
    pthread_cond_signal(&progress->ended);
    pthread_mutex_unlock(&progress->lock);
    if (progress->running)
        pthread_join(progress->thread, NULL);
    if (progress->drawn)
        dprintf(STDERR_FILENO, "\r\033[K");
    pthread_cond_destroy(&progress->ended);
    pthread_mutex_destroy(&progress->lock);
    free(progress->title);
    free(progress);
}
