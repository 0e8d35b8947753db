/* The lease: one host at a time, whoever dies, comes first or has a wrong clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "catalog.h"
#include "fakes.h"
#include "lease.h"

#include <unistd.h>

#define OURS "this.machine:1:2"
#define THEIRS "that.machine:3:4"
#define FOLDER "deep/_kist/shop/"

static struct kist_error err = KIST_ERROR_INIT;
static struct fake_disk disk, second;
static struct kist_config_section sections[2];
static const struct kist_config_section *list[] = {&sections[0], &sections[1]};
static struct kist_config_pipeline shop = {
    .name = "shop", .destinations = list, .destination_count = 1, .require = 1};

static int setup(void **state)
{
    (void)state;
    fake_disk_init(&disk);
    fake_disk_init(&second);
    sections[0] = fake_section(&fake_disk_plugin, "disk", &disk);
    sections[1] = fake_section(&fake_disk_plugin, "second", &second);
    sections[0].prefix = sections[1].prefix = "deep";
    sections[0].retry.deadline_ms = sections[1].retry.deadline_ms = 2000;
    shop.destination_count = 1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(disk.readers, 0);
    fake_disk_done(&disk);
    fake_disk_done(&second);
    kist_error_clear(&err);
    return 0;
}

static struct kist_targets targets_of(const char *owner)
{
    struct kist_targets targets = {0};
    assert_int_equal(kist_targets_open(&shop, owner, NULL, &targets, &err), 0);
    return targets;
}

static int take_for(const char *owner, const struct kist_lease_times *times, struct kist_lease **lease)
{
    struct kist_targets targets = targets_of(owner);
    int code = kist_lease_take(&targets, owner, times, lease, &err);
    kist_targets_close(&targets);
    return code;
}

static struct kist_lease *take(const char *owner)
{
    struct kist_lease *lease = NULL;
    assert_int_equal(take_for(owner, &kist_lease_times, &lease), 0);
    assert_non_null(lease);
    return lease;
}

static void refused(const char *owner)
{
    struct kist_lease *lease = NULL;
    assert_int_equal(take_for(owner, &kist_lease_times, &lease), KIST_ERR_EXISTS);
    assert_null(lease);
}

/* A lease as another host would have left it, `seconds` from now. */
static void leave(int number, const char *owner, int64_t seconds, const char *released)
{
    char key[100], text[400], expires[KIST_TIME_LENGTH + 1];
    kist_time_text(kist_time_now() + seconds, expires);
    snprintf(key, sizeof key, FOLDER "lease.%d", number);
    snprintf(text, sizeof text,
             "{\"kist_lease\": 1, \"pipeline\": \"shop\", \"owner\": \"%s\", \"host\": \"far\\u001b[1m\", "
             "\"token\": \"t\","
             " \"expires\": \"%s\", \"released\": %s}",
             owner, expires, released);
    fake_disk_put(&disk, key, text, strlen(text));
}

static int has(const char *name)
{
    char key[100];
    snprintf(key, sizeof key, FOLDER "%s", name);
    pthread_mutex_lock(&disk.lock);
    int found = fake_disk_find(&disk, key) != NULL;
    pthread_mutex_unlock(&disk.lock);
    return found;
}

static void it_is_taken_and_given_back(void **state)
{
    (void)state;
    struct kist_lease *lease = take(OURS);
    assert_int_equal(kist_lease_changed_hands(lease), 0);
    assert_true(has("lease.1"));
    refused(THEIRS);
    assert_non_null(strstr(err.message, "at work on it"));
    assert_non_null(err.hint);
    kist_lease_release(lease);
    assert_int_equal(fake_disk_count(&disk, FOLDER), 1);
    assert_true(has("lease.2"));
    lease = take(THEIRS);
    assert_int_equal(kist_lease_changed_hands(lease), 1);
    kist_lease_release(lease);
    assert_int_equal(fake_disk_count(&disk, FOLDER), 1);
    assert_true(has("lease.4"));
    kist_lease_release(NULL);
}

static void one_that_expired_is_taken_over(void **state)
{
    (void)state;
    /* Within the grace for clocks that differ it is not. */
    leave(7, THEIRS, -60, "false");
    refused(OURS);
    assert_non_null(strstr(err.message, "'far\\x1b[1m'"));
    leave(8, THEIRS, -121, "false");
    struct kist_lease *lease = take(OURS);
    assert_int_equal(kist_lease_changed_hands(lease), 1);
    assert_true(has("lease.9"));
    kist_lease_release(lease);
}

static void one_of_the_same_owner_is_free(void **state)
{
    (void)state;
    leave(7, OURS, 500, "false");
    struct kist_lease *lease = take(OURS);
    assert_int_equal(kist_lease_changed_hands(lease), 0);
    kist_lease_release(lease);
}

static void a_clock_far_ahead_locks_nobody_out(void **state)
{
    (void)state;
    leave(1, THEIRS, 700, "false");
    refused(OURS);
    /* Some minutes are nothing unusual: both at work would be worse than to wait as long. */
    leave(2, THEIRS, 600 + 300, "false");
    refused(OURS);
    leave(3, THEIRS, 10 * 365 * 86400, "false");
    kist_lease_release(take(OURS));
}

static void what_is_no_lease_does_not_count(void **state)
{
    (void)state;
    static const char *const junk[] = {"lease.",
                                       "lease.0",
                                       "lease.01",
                                       "lease.-5",
                                       "lease.x",
                                       "lease.5x",
                                       "lease.9999999999999999",
                                       "xlease.8",
                                       "lease.3/lease.9",
                                       "2028-05-05T02-00-00Z.json"};
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
        char key[100];
        snprintf(key, sizeof key, FOLDER "%s", junk[i]);
        fake_disk_put(&disk, key, "{}", 2);
    }
    fake_disk_put(&disk, "deep/_kist/shop2/lease.9", "{}", 2);
    struct kist_lease *lease = take(OURS);
    assert_true(has("lease.1"));
    kist_lease_release(lease);
    assert_int_equal(fake_disk_count(&disk, FOLDER), sizeof junk / sizeof *junk + 1);
    /* One that is damaged is passed over. */
    fake_disk_put(&disk, FOLDER "lease.50", "rubbish", 7);
    kist_lease_release(take(OURS));
    assert_true(has("lease.52"));
}

static void what_was_left_lying_is_removed(void **state)
{
    (void)state;
    leave(3, THEIRS, -5000, "true");
    leave(4, THEIRS, -5000, "false");
    leave(11, THEIRS, -5000, "false");
    kist_lease_release(take(OURS));
    assert_int_equal(fake_disk_count(&disk, FOLDER), 1);
    assert_true(has("lease.13"));
}

/* The keeper goes on for as long as it takes, and stops for another one. */
static void it_is_prolonged(void **state)
{
    (void)state;
    static const struct kist_lease_times fast = {.length_ms = 600000, .prolong_ms = 20, .grace_ms = 120000};
    struct kist_lease *lease = NULL;
    assert_int_equal(take_for(OURS, &fast, &lease), 0);
    for (int i = 0; i < 500 && !has("lease.5"); i++)
        usleep(10000);
    assert_false(has("lease.1"));
    refused(THEIRS);
    kist_lease_release(lease);
    assert_int_equal(fake_disk_count(&disk, FOLDER), 1);
    kist_lease_release(take(THEIRS));
}

static void one_that_was_lost_is_left_alone(void **state)
{
    (void)state;
    struct kist_lease *lease = take(OURS);
    leave(2, THEIRS, 600, "false");
    kist_lease_release(lease);
    assert_true(has("lease.2"));
    assert_false(has("lease.3"));
    refused(OURS);
}

/* ---- destinations that do not answer ---- */

static void the_next_destination_is_asked(void **state)
{
    (void)state;
    shop.destination_count = 2;
    disk.fail_list = KIST_ERR_UNAVAILABLE;
    struct kist_lease *lease = take(OURS);
    assert_int_equal(fake_disk_count(&disk, FOLDER), 0);
    assert_int_equal(fake_disk_count(&second, FOLDER), 1);
    kist_lease_release(lease);
    disk.fail_list = 0;
    disk.fail_begin = KIST_ERR_AUTH;
    kist_lease_release(take(OURS));
    assert_int_equal(fake_disk_count(&disk, FOLDER), 0);
}

static void without_any_it_goes_on(void **state)
{
    (void)state;
    struct kist_lease *lease = NULL;
    disk.fail_list = KIST_ERR_UNAVAILABLE;
    assert_int_equal(take_for(OURS, &kist_lease_times, &lease), 0);
    assert_null(lease);
}

static void giving_back_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct kist_lease *lease = take(OURS);
    disk.fail_begin = KIST_ERR_UNAVAILABLE;
    int64_t begun = kist_time_monotonic_ms();
    kist_lease_release(lease);
    assert_true(kist_time_monotonic_ms() - begun < 15000);
    assert_true(has("lease.1"));
}

/* ---- who is first ---- */

struct racer {
    const char *owner;
    struct kist_lease *lease;
    int code;
    pthread_barrier_t *start;
};

static void *race(void *arg)
{
    struct racer *racer = arg;
    KIST_CLEANUP_ERROR struct kist_error own = KIST_ERROR_INIT;
    struct kist_targets targets = {0};
    racer->code = kist_targets_open(&shop, racer->owner, NULL, &targets, &own);
    pthread_barrier_wait(racer->start);
    if (!racer->code)
        racer->code = kist_lease_take(&targets, racer->owner, &kist_lease_times, &racer->lease, &own);
    kist_targets_close(&targets);
    return NULL;
}

static void of_two_one_wins(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        pthread_barrier_t start;
        pthread_barrier_init(&start, NULL, 2);
        struct racer racers[] = {{.owner = OURS, .start = &start}, {.owner = THEIRS, .start = &start}};
        pthread_t threads[2];
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        assert_int_equal(!racers[0].lease + !racers[1].lease, 1);
        assert_int_equal(racers[0].code + racers[1].code, KIST_ERR_EXISTS);
        kist_lease_release(racers[0].lease);
        kist_lease_release(racers[1].lease);
        pthread_barrier_destroy(&start);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_taken_and_given_back, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_expired_is_taken_over, setup, teardown),
        cmocka_unit_test_setup_teardown(one_of_the_same_owner_is_free, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_far_ahead_locks_nobody_out, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_lease_does_not_count, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_left_lying_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_prolonged, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_was_lost_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(the_next_destination_is_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(without_any_it_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(giving_back_does_not_wait_for_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(of_two_one_wins, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
