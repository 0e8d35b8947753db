/* pg_dump_test.h - what the files of this plugin's test share. */
#ifndef KIST_PG_DUMP_TEST_H
#define KIST_PG_DUMP_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pg_dump.h"
#include "test_host.h"

extern const struct kist_source kist_plugin;
extern struct kist_test_host test;

/* Around each test: a fresh host; afterwards no descriptor and no child may be left. */
int test_setup(void **state);
int test_teardown(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)

/* The configuration as the core would make it from nothing but a url. */
struct pgd_config test_config(const char *url);

int words_tests(void);          /* parameters, TLS, patterns, arguments, names */
int stream_tests(void);         /* is a dump whole? */
int fake_tests(void);           /* programs that misbehave */
int counts_tests(void);         /* rows counted in the snapshot of the dump */
int server_tests(void);         /* a real server, when there is one to start */
int restore_words_tests(void);  /* what dumps look like, old programs */
int restore_tests(void);        /* beside, in place */
int restore_parts_tests(void);  /* tables, schemas, owners */
int restore_faults_tests(void); /* jobs, drills, foreign dumps, faults */
int restore_guard_tests(void);  /* what others left there */
int swap_tests(void);           /* two databases change names */
int scratch_tests(void);        /* where drills take place */

/* server_cluster.c: a server of our own on a socket, or NULL. */
const char *cluster_start(void); /* the socket's directory, also the URL's host */
void cluster_stop(void);
int cluster_sql(const char *database, const char *sql);

#endif
