/* What is told of the work in hand: the line itself, and how the counters get into it. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "progress.h"

#define MIB ((uint64_t)1 << 20)

static const struct {
    struct kist_progress_state numbers;
    const char *text;
} lines[] = {
    /* Bytes alone. */
    {{.elapsed_ms = 0}, "0 B, -"},
    {{.raw = 10 * MIB, .elapsed_ms = 2000}, "10.0 MiB, 5.0 MiB/s"},
    {{.raw = 10 * MIB, .expected = INT64_C(40) << 20, .elapsed_ms = 2000},
     "10.0 MiB of about 40.0 MiB, 5.0 MiB/s, 6 s left"},
    {{.raw = 10 * MIB, .stored = 3 * MIB, .expected = INT64_C(40) << 20, .elapsed_ms = 2000},
     "10.0 MiB of about 40.0 MiB, 5.0 MiB/s, 6 s left; stored 3.0 MiB"},
    /* Too early for a forecast, and too late for one. */
    {{.raw = 10 * MIB, .expected = INT64_C(40) << 20, .elapsed_ms = 1000},
     "10.0 MiB of about 40.0 MiB, 10.0 MiB/s"},
    {{.raw = 40 * MIB, .expected = INT64_C(40) << 20, .elapsed_ms = 4000}, "40.0 MiB, 10.0 MiB/s"},
    {{.raw = 44 * MIB, .expected = INT64_C(40) << 20, .elapsed_ms = 4000}, "44.0 MiB, 11.0 MiB/s"},
    {{.expected = INT64_C(40) << 20, .elapsed_ms = 4000}, "0 B of about 40.0 MiB, 0 B/s"},
    /* One object is told as before. */
    {{.raw = 10 * MIB, .objects = 1, .expected_objects = 1, .elapsed_ms = 2000}, "10.0 MiB, 5.0 MiB/s"},
    /* Many objects. */
    {{.raw = 12 * MIB,
      .stored = MIB,
      .expected = INT64_C(34) << 20,
      .objects = 4211,
      .expected_objects = 10000,
      .elapsed_ms = 6000},
     "4,211/10,000 objects, 12.0 MiB/34.0 MiB, 2.0 MiB/s, ETA 0:11"},
    {{.raw = MIB, .expected = INT64_C(3601) << 20, .objects = 1, .expected_objects = 2, .elapsed_ms = 2000},
     "1/2 objects, 1.0 MiB/3.5 GiB, 512.0 KiB/s, ETA 2:00:00"},
    {{.raw = MIB, .expected = INT64_C(61) << 20, .objects = 999, .expected_objects = 1000, .elapsed_ms = 2000},
     "999/1,000 objects, 1.0 MiB/61.0 MiB, 512.0 KiB/s, ETA 2:00"},
    /* The objects tell how far it is where the bytes do not. */
    {{.raw = MIB, .expected = -1, .objects = 25, .expected_objects = 100, .elapsed_ms = 2000},
     "25/100 objects, 1.0 MiB, 512.0 KiB/s, ETA 0:06"},
    {{.objects = 0, .expected_objects = 100, .elapsed_ms = 2000}, "0/100 objects, 0 B, 0 B/s"},
    {{.raw = 9, .expected = 8, .objects = 100, .expected_objects = 100, .elapsed_ms = 2000},
     "100/100 objects, 9 B, 4 B/s"},
    /* The largest numbers fit. */
    {{.raw = UINT64_MAX,
      .stored = UINT64_MAX,
      .expected = INT64_MAX,
      .objects = UINT64_MAX,
      .expected_objects = UINT64_MAX,
      .elapsed_ms = 1},
     "18,446,744,073,709,551,615/18,446,744,073,709,551,615 objects, 16.0 EiB, 16000.0 EiB/s"},
};

static void the_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[300];
        kist_progress_describe(&lines[i].numbers, text, sizeof text);
        assert_string_equal(text, lines[i].text);
    }
}

static void a_short_line_is_cut(void **state)
{
    (void)state;
    char text[10];
    kist_progress_describe(&lines[9].numbers, text, sizeof text);
    assert_string_equal(text, "4,211/10,");
    kist_progress_describe(&lines[3].numbers, text, sizeof text);
    assert_string_equal(text, "10.0 MiB ");
}

static void how_much_is_done(void **state)
{
    (void)state;
    struct kist_progress_state numbers = {.raw = 5, .objects = 1, .expected_objects = 1};
    assert_true(kist_progress_fraction(&numbers) < 0);
    numbers.expected = 20;
    assert_true(kist_progress_fraction(&numbers) == 0.25);
    numbers.raw = 21;
    assert_true(kist_progress_fraction(&numbers) == 1);
    numbers = (struct kist_progress_state){.objects = 1, .expected_objects = 2, .raw = 5};
    assert_true(kist_progress_fraction(&numbers) == 0.5);
}

/* ---- the counters, as a terminal shows them ---- */

static int saved, terminal;

/* Standard error becomes one end of a new terminal. */
static int setup(void **state)
{
    (void)state;
    terminal = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0);
    assert_int_equal(grantpt(terminal), 0);
    assert_int_equal(unlockpt(terminal), 0);
    int end = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    assert_true(end >= 0);
    saved = dup(STDERR_FILENO);
    assert_int_equal(dup2(end, STDERR_FILENO), STDERR_FILENO);
    close(end);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    close(saved);
    close(terminal);
    return 0;
}

static void *count_many(void *progress)
{
    for (int i = 0; i < 1000; i++) {
        kist_progress_add_raw(progress, 1024);
        kist_progress_add_object(progress);
    }
    return NULL;
}

static void threads_count_together(void **state)
{
    (void)state;
    char text[4000];
    size_t size = 0;
    pthread_t threads[4];
    struct kist_progress *progress = kist_progress_start("mirror", 0);
    kist_progress_expect(progress, 8000 * 1024);
    kist_progress_expect_objects(progress, 8000);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, progress), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    text[0] = '\0';
    while (size < sizeof text - 1 && !strstr(text, "4,000/8,000 objects, 3.9 MiB/7.8 MiB")) {
        ssize_t got = read(terminal, text + size, sizeof text - 1 - size);
        assert_true(got > 0);
        size += (size_t)got;
        text[size] = '\0';
    }
    kist_progress_stop(progress);
    assert_non_null(strstr(text, "mirror [##########..........] 4,000/8,000 objects"));
}

static void nothing_counts_nothing(void **state)
{
    (void)state;
    kist_progress_expect(NULL, 1);
    kist_progress_expect_objects(NULL, 2);
    kist_progress_add_raw(NULL, 1);
    kist_progress_add_stored(NULL, 1);
    kist_progress_add_object(NULL);
    kist_progress_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line),
        cmocka_unit_test(a_short_line_is_cut),
        cmocka_unit_test(how_much_is_done),
        cmocka_unit_test_setup_teardown(threads_count_together, setup, teardown),
        cmocka_unit_test(nothing_counts_nothing),
    };
    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
