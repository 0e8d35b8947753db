#include "age_test_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int take_key(void *arg, const struct kist_key *key)
{
    struct age_keys *keys = arg;
    snprintf(keys->identity, sizeof keys->identity, "%s", key->identity);
    snprintf(keys->recipient, sizeof keys->recipient, "%s", key->recipient);
    return 0;
}

int age_setup(void **state)
{
    struct age_test *test = calloc(1, sizeof *test);
    if (!test || kist_test_host_init(&test->host))
        return -1;
    *state = test;
    snprintf(test->folder, sizeof test->folder, "/tmp/kist-age-test.XXXXXX");
    if (!mkdtemp(test->folder) || kist_plugin.new_key(&test->host.host, take_key, &test->ours, &test->host.err) ||
        kist_plugin.new_key(&test->host.host, take_key, &test->theirs, &test->host.err))
        return -1;
    snprintf(test->path, sizeof test->path, "%s/keys", test->folder);
    test->config.work_factor = 1;
    age_write(test, test->ours.identity, 0600);
    return 0;
}

int age_teardown(void **state)
{
    struct age_test *test = *state;
    age_close(test);
    unlink(test->path);
    rmdir(test->folder);
    kist_test_host_done(&test->host);
    free(test);
    return 0;
}

void age_write(const struct age_test *test, const char *text, unsigned mode)
{
    unlink(test->path);
    FILE *file = fopen(test->path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(test->path, mode), 0);
}

void age_name(struct age_test *test, const char *one, const char *other)
{
    test->recipients[0] = one;
    test->recipients[1] = other;
    test->config.recipients = (kist_list){test->recipients, (uint64_t)(one != NULL) + (other != NULL)};
}

int age_open(struct age_test *test)
{
    age_close(test);
    kist_test_host_clear(&test->host);
    return kist_plugin.open(&test->host.host, &test->config, &test->self, &test->host.err);
}

void age_close(struct age_test *test)
{
    if (test->self)
        kist_plugin.close(test->self);
    test->self = NULL;
}

void age_open_ours(struct age_test *test)
{
    age_name(test, test->ours.recipient, NULL);
    test->config.identity_file = test->path;
    assert_int_equal(age_open(test), 0);
}

int age_open_refuses(struct age_test *test, const char *because)
{
    int code = age_open(test);
    const int refused = code == KIST_ERR_CONFIG && test->host.err.code == code && age_said(test, because);
    if (!refused)
        fprintf(stderr, "open gave %d and '%s', not '%s'\n", code,
                test->host.err.message ? test->host.err.message : "", because);
    return refused;
}

void age_encode(struct age_test *test, const struct kist_test_bytes *raw, struct kist_test_bytes *encoded)
{
    assert_int_equal(
        kist_test_filter_encode(&kist_plugin, test->self, raw->data, raw->size, encoded, &test->host.err), 0);
}

int age_decode(struct age_test *test, const struct kist_test_bytes *encoded, struct kist_test_bytes *decoded)
{
    kist_test_host_clear(&test->host);
    return kist_test_filter_decode(&kist_plugin, test->self, encoded->data, encoded->size, 5000, 7000, decoded,
                                   &test->host.err);
}

int age_said(const struct age_test *test, const char *text)
{
    const struct kist_error *err = &test->host.err;
    return (err->message && strstr(err->message, text)) || (err->hint && strstr(err->hint, text));
}
