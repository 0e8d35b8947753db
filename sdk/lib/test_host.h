/* test_host.h - a host for unit tests of plugins: keeps what the plugin said, and can be told to cancel or fail. */
#ifndef KIST_SDK_TEST_HOST_H
#define KIST_SDK_TEST_HOST_H

#include <kist/plugin.h>

#include <pthread.h>

struct kist_test_host {
    struct kist_host host; /* hand &test.host to `open` */
    struct kist_error err; /* for the calls of the test */
    char *log;             /* all lines, or NULL */
    size_t log_size;
    int cancelled; /* set by kist_test_host_cancel */
    int cancel_pipe[2];
    int random_fails; /* set it to make random() fail */
    char **kept;
    size_t kept_count;
    /* Set it to give the plugin stores, and `stores` to find yours; else host->open_store says KIST_ERR_UNSUPPORTED. */
    int (*open_store)(struct kist_test_host *test, const char *name, const struct kist_destination **ret_calls,
                      void **ret_self, struct kist_error *err);
    void *stores;
    /* The same for another source: host->open_source. */
    int (*open_source)(struct kist_test_host *test, const char *plugin, const char *name,
                       const struct kist_source **ret_calls, void **ret_self, struct kist_error *err);
    pthread_mutex_t lock; /* of what instances in several threads add to */
};

/* Returns 0, or -1 when the machine has no memory or descriptors. */
int kist_test_host_init(struct kist_test_host *test);
void kist_test_host_done(struct kist_test_host *test);
/* From now on the plugin is asked to stop. */
void kist_test_host_cancel(struct kist_test_host *test);
/* Empties `err` between two calls. */
void kist_test_host_clear(struct kist_test_host *test);
/* Makes it the event of the first core there was: what has been appended since is not part of it, and must not be read. */
void kist_test_first_event(struct kist_event *event);

#endif
