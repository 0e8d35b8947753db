/* email_test_tools.h - an open plugin and an event for its tests. */
#ifndef KIST_EMAIL_TEST_TOOLS_H
#define KIST_EMAIL_TEST_TOOLS_H

#include "email.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern const struct kist_notifier kist_plugin;

static const char *const ops[] = {"ops@example.org"};

static inline struct email_config config_for(const char *server)
{
    return (struct email_config){.server = server,
                                 .security = {-1},
                                 .from = "Backups <kist@example.org>",
                                 .to = {.items = ops, .count = 1}};
}

/* The code of open; the message is in test->err. */
static inline int open_with(struct kist_test_host *test, const struct email_config *config,
                            struct email **ret_email)
{
    void *self = NULL;
    kist_test_host_clear(test);
    int code = kist_plugin.open(&test->host, config, &self, &test->err);
    if (ret_email)
        *ret_email = self;
    else
        kist_plugin.close(self);
    return code;
}

static inline int start(void **state)
{
    struct kist_test_host *test = calloc(1, sizeof *test);
    *state = test;
    return test && kist_test_host_init(test) == 0 ? 0 : -1;
}

static inline int stop(void **state)
{
    kist_test_host_done(*state);
    free(*state);
    return 0;
}

static inline struct kist_event event_of(const char *title, const char *text)
{
    return (struct kist_event){.struct_size = sizeof(struct kist_event),
                               .kind = KIST_EVENT_FAILURE,
                               .pipeline = "shop",
                               .summary = "backup of shop: failed",
                               .word = "failure",
                               .title = title,
                               .text = text,
                               .run = "12345678-1234-4234-8234-123456789abc"};
}

#endif
