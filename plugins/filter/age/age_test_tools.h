/* age_test_tools.h - keys, identity files and instances for the tests of the age filter. */
#ifndef KIST_AGE_TEST_TOOLS_H
#define KIST_AGE_TEST_TOOLS_H

#include "age_filter.h"

#include <test_filter.h>
#include <test_host.h>

extern const struct kist_filter kist_plugin;

struct age_keys {
    char identity[128], recipient[128];
};

struct age_test {
    struct kist_test_host host;
    struct age_keys ours, theirs; /* two pairs */
    char folder[64], path[128];   /* of the file with the identity of `ours`; it ends in "/keys" */
    struct kist_age_config config;
    const char *recipients[4];
    void *self; /* an instance, or NULL */
};

/* Fixtures of cmocka: `*state` is a struct age_test with keys, a file and nothing configured. */
int age_setup(void **state);
int age_teardown(void **state);

/* Writes the identity file. */
void age_write(const struct age_test *test, const char *text, unsigned mode);
void age_name(struct age_test *test, const char *one, const char *other); /* sets recipients */
int age_open(struct age_test *test);
void age_close(struct age_test *test);
/* Opens an instance that encrypts to `ours` and decrypts with it. */
void age_open_ours(struct age_test *test);
/* Whether open fails with KIST_ERR_CONFIG and a message that has `because` in it. */
int age_open_refuses(struct age_test *test, const char *because);
void age_encode(struct age_test *test, const struct kist_test_bytes *raw, struct kist_test_bytes *encoded);
int age_decode(struct age_test *test, const struct kist_test_bytes *encoded, struct kist_test_bytes *decoded);
/* Whether this text is anywhere in the last error. */
int age_said(const struct age_test *test, const char *text);

#endif
