/* s3_test_tools.h - instances for the tests: of no server, or of the one that $S3_ENDPOINT names. */
#ifndef KIST_S3_TEST_TOOLS_H
#define KIST_S3_TEST_TOOLS_H

#include "s3.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What the descriptor of the plugin is called in this program. */
extern const struct kist_destination kist_plugin;

struct bench {
    struct kist_test_host test;
    struct s3_config config;
    struct s3_store *store;
};

static inline struct s3_config plain_config(void)
{
    return (struct s3_config){.bucket = "kist-test",
                              .region = "us-east-1",
                              .access_key = "AKIDEXAMPLE",
                              .secret_key = {"secret"},
                              .part_size = {5 * S3_MIB},
                              .concurrency = 3,
                              .checksum = {S3_CHECKSUM_SHA256}};
}

static inline int bench_open(struct bench *bench)
{
    void *self = NULL;
    kist_test_host_clear(&bench->test);
    int rc = kist_plugin.open(&bench->test.host, &bench->config, &self, &bench->test.err);
    bench->store = rc == 0 ? self : NULL;
    return rc;
}

static inline void bench_close(struct bench *bench)
{
    if (bench->store)
        kist_plugin.close(bench->store);
    bench->store = NULL;
}

static inline int bench_begin(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    if (!bench || kist_test_host_init(&bench->test) != 0)
        return -1;
    bench->config = plain_config();
    *state = bench;
    return 0;
}

static inline int bench_end(void **state)
{
    struct bench *bench = *state;
    bench_close(bench);
    kist_test_host_done(&bench->test);
    free(bench);
    return 0;
}

#endif
