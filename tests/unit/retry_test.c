/* When a failed call is made again: how often, after which wait, and what is said in the end. Time is a number here. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "backup_id.h"
#include "log.h"
#include "retry.h"

#define WAITS 64

/* A clock that passes only while somebody waits, and a die that shows what the test wants. */
struct scene {
    int64_t now;
    int64_t waits[WAITS], limits[WAITS];
    size_t wait_count, draw_count;
    int64_t part;        /* of the limit, in tenths, that is drawn */
    size_t cancelled_at; /* the wait, counted from 1, that is cut short; 0: none */
    int64_t call_ms;     /* what one try takes */
    struct kist_retry_clock clock;
    struct kist_retry_policy policy;
    struct kist_error err;
    int tries;
};

static int64_t now_ms(void *arg)
{
    return ((struct scene *)arg)->now;
}

static int wait_ms(void *arg, int64_t ms, struct kist_cancel *cancel)
{
    struct scene *scene = arg;
    (void)cancel;
    assert_true(scene->wait_count < WAITS);
    scene->waits[scene->wait_count++] = ms;
    scene->now += ms;
    return scene->wait_count == scene->cancelled_at;
}

static int64_t draw(void *arg, int64_t limit)
{
    struct scene *scene = arg;
    assert_true(scene->draw_count < WAITS);
    scene->limits[scene->draw_count++] = limit;
    return limit * scene->part / 10;
}

static void init(struct scene *scene, int64_t retries, int64_t delay_ms, int64_t deadline_ms)
{
    *scene = (struct scene){.now = 1000000, .part = 10, .err = KIST_ERROR_INIT};
    scene->clock = (struct kist_retry_clock){.arg = scene, .now_ms = now_ms, .wait = wait_ms, .draw = draw};
    scene->policy = (struct kist_retry_policy){
        .retries = retries, .delay_ms = delay_ms, .deadline_ms = deadline_ms, .clock = &scene->clock};
}

/* Makes a call that fails with `code` `failures` times, and returns what came of it. */
static int call(struct scene *scene, int failures, int code, int64_t after_ms)
{
    struct kist_retry retry = kist_retry_begin(&scene->policy, "shop/offsite(s3)", NULL);
    scene->tries = 0;
    do {
        scene->tries++;
        scene->now += scene->call_ms;
        if (scene->tries > failures) {
            kist_error_clear(&scene->err);
            return 0;
        }
        kist_fail(&scene->err, code, "shop/offsite(s3): it says no");
        scene->err.retry_after_ms = after_ms;
    } while (kist_retry_again(&retry, &scene->err));
    return scene->err.code;
}

static void done(struct scene *scene)
{
    kist_error_done(&scene->err);
}

static void a_failure_that_passes(void **state)
{
    (void)state;
    for (int failures = 0; failures <= 5; failures++) {
        struct scene scene;
        init(&scene, 5, 500, 300000);
        assert_int_equal(call(&scene, failures, KIST_ERR_UNAVAILABLE, 0), 0);
        assert_int_equal(scene.tries, failures + 1);
        assert_int_equal(scene.wait_count, failures);
        done(&scene);
    }
}

static void one_that_does_not_pass(void **state)
{
    (void)state;
    struct scene scene;
    init(&scene, 5, 500, 300000);
    assert_int_equal(call(&scene, 1000, KIST_ERR_TIMEOUT, 0), KIST_ERR_TIMEOUT);
    assert_int_equal(scene.tries, 6);
    assert_string_equal(scene.err.message, "shop/offsite(s3): it says no (tried 6 times in 15 s)");
    done(&scene);
    init(&scene, 0, 500, 300000);
    assert_int_equal(call(&scene, 1000, KIST_ERR_TIMEOUT, 0), KIST_ERR_TIMEOUT);
    assert_int_equal(scene.tries, 1);
    assert_string_equal(scene.err.message, "shop/offsite(s3): it says no");
    done(&scene);
}

static void what_no_try_can_mend(void **state)
{
    (void)state;
    static const int codes[] = {KIST_ERR_CONFIG,    KIST_ERR_AUTH,    KIST_ERR_NOT_FOUND,   KIST_ERR_EXISTS,
                                KIST_ERR_NO_SPACE,  KIST_ERR_CORRUPT, KIST_ERR_UNSUPPORTED, KIST_ERR_REFUSED,
                                KIST_ERR_CANCELLED, KIST_ERR_FAILED,  KIST_ERR_BUG};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct scene scene;
        init(&scene, 5, 500, 300000);
        assert_int_equal(call(&scene, 1000, codes[i], 0), codes[i]);
        assert_int_equal(scene.tries, 1);
        assert_int_equal(scene.wait_count, 0);
        assert_string_equal(scene.err.message, "shop/offsite(s3): it says no");
        done(&scene);
    }
}

/* Each wait is drawn between 0 and a limit that doubles up to 20 s; what is drawn is what is waited. */
static void waits_grow_and_are_drawn(void **state)
{
    (void)state;
    static const int64_t limits[] = {500, 1000, 2000, 4000, 8000, 16000, 20000, 20000, 20000, 20000};
    for (int64_t part = 0; part <= 10; part += 5) {
        struct scene scene;
        init(&scene, 10, 500, 0);
        scene.part = part;
        assert_int_equal(call(&scene, 1000, KIST_ERR_UNAVAILABLE, 0), KIST_ERR_UNAVAILABLE);
        assert_int_equal(scene.draw_count, 10);
        for (size_t i = 0; i < 10; i++) {
            assert_int_equal(scene.limits[i], limits[i]);
            assert_int_equal(scene.waits[i], limits[i] * part / 10);
        }
        done(&scene);
    }
    struct scene scene;
    init(&scene, 20, INT64_MAX / 2, 0);
    assert_int_equal(call(&scene, 1000, KIST_ERR_UNAVAILABLE, 0), KIST_ERR_UNAVAILABLE);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(scene.waits[i], 20000);
    done(&scene);
}

static void the_deadline_ends_it(void **state)
{
    (void)state;
    struct scene scene;
    init(&scene, 20, 1000, 10000);
    scene.call_ms = 2000;
    assert_int_equal(call(&scene, 1000, KIST_ERR_UNAVAILABLE, 0), KIST_ERR_UNAVAILABLE);
    /* Tries end at 2 s, 5 s and 9 s; the wait that would come next ends behind the deadline. */
    assert_int_equal(scene.tries, 3);
    assert_true(scene.now - 1000000 <= 10000);
    assert_string_equal(scene.err.message, "shop/offsite(s3): it says no (tried 3 times in 9 s)");
    done(&scene);
}

static void the_other_side_asks_for_a_wait(void **state)
{
    (void)state;
    struct scene scene;
    init(&scene, 5, 500, 300000);
    scene.part = 0;
    assert_int_equal(call(&scene, 2, KIST_ERR_UNAVAILABLE, 7000), 0);
    assert_int_equal(scene.waits[0], 7000);
    assert_int_equal(scene.waits[1], 7000);
    done(&scene);
    /* It is a floor: a longer wait of our own stays. */
    init(&scene, 5, 10000, 300000);
    assert_int_equal(call(&scene, 1, KIST_ERR_UNAVAILABLE, 7000), 0);
    assert_int_equal(scene.waits[0], 10000);
    done(&scene);
    /* Never negative, whatever was said. */
    init(&scene, 1, 500, 300000);
    assert_int_equal(call(&scene, 1, KIST_ERR_UNAVAILABLE, -5), 0);
    assert_int_equal(scene.waits[0], 500);
    done(&scene);
}

static void a_wait_longer_than_the_deadline(void **state)
{
    (void)state;
    static const int64_t asked[] = {300001, 1200000, 1000000000000, INT64_MAX};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        struct scene scene;
        init(&scene, 5, 500, 300000);
        assert_int_equal(call(&scene, 1000, KIST_ERR_UNAVAILABLE, asked[i]), KIST_ERR_UNAVAILABLE);
        assert_int_equal(scene.tries, 1);
        assert_int_equal(scene.wait_count, 0);
        assert_non_null(strstr(scene.err.message, "it says no, and asks to wait "));
        assert_non_null(strstr(scene.err.message, ", longer than the deadline of 5 min 00 s leaves"));
        assert_string_equal(scene.err.hint, "raise `deadline` in its section, or try again later");
        done(&scene);
    }
    struct scene scene;
    init(&scene, 5, 500, 300000);
    call(&scene, 1000, KIST_ERR_UNAVAILABLE, 1200000);
    assert_non_null(strstr(scene.err.message, "asks to wait 20 min 00 s"));
    done(&scene);
}

static void a_wait_that_is_cancelled(void **state)
{
    (void)state;
    struct scene scene;
    init(&scene, 5, 500, 300000);
    scene.cancelled_at = 3;
    assert_int_equal(call(&scene, 1000, KIST_ERR_UNAVAILABLE, 0), KIST_ERR_CANCELLED);
    assert_int_equal(scene.tries, 3);
    done(&scene);
}

static void *cancel_soon(void *arg)
{
    usleep(50000);
    kist_cancel_set(arg);
    return NULL;
}

/* The system's own clock: the wait ends when the flag is set, from the same moment on nothing is tried. */
static void a_real_wait_is_woken(void **state)
{
    (void)state;
    const struct kist_retry_policy policy = {.retries = 5, .delay_ms = 20000, .deadline_ms = 60000};
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_cancel *cancel = NULL;
    pthread_t thread;
    assert_int_equal(kist_cancel_new(NULL, &cancel, &err), 0);
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, cancel), 0);
    struct kist_retry retry = kist_retry_begin(&policy, "shop/offsite(s3)", cancel);
    int64_t begun = kist_time_monotonic_ms();
    do {
        kist_fail(&err, KIST_ERR_UNAVAILABLE, "no");
        err.retry_after_ms = 30000;
    } while (kist_retry_again(&retry, &err));
    assert_int_equal(err.code, KIST_ERR_CANCELLED);
    assert_true(kist_time_monotonic_ms() - begun < 10000);
    pthread_join(thread, NULL);
    retry = kist_retry_begin(&policy, "shop/offsite(s3)", cancel);
    kist_fail(&err, KIST_ERR_UNAVAILABLE, "no");
    assert_int_equal(kist_retry_again(&retry, &err), 0);
    assert_int_equal(err.code, KIST_ERR_CANCELLED);
    kist_cancel_free(cancel);
}

/* The system's own die: within bounds, and not always the same. */
static void real_waits_differ(void **state)
{
    (void)state;
    const struct kist_retry_policy policy = {.retries = 20, .delay_ms = 1, .deadline_ms = 2000};
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_retry retry = kist_retry_begin(&policy, "shop/offsite(s3)", NULL);
    int64_t begun = kist_time_monotonic_ms();
    do
        kist_fail(&err, KIST_ERR_UNAVAILABLE, "no");
    while (kist_retry_again(&retry, &err));
    assert_true(kist_time_monotonic_ms() - begun < 10000);
    assert_true(retry.tries > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_that_passes),
        cmocka_unit_test(one_that_does_not_pass),
        cmocka_unit_test(what_no_try_can_mend),
        cmocka_unit_test(waits_grow_and_are_drawn),
        cmocka_unit_test(the_deadline_ends_it),
        cmocka_unit_test(the_other_side_asks_for_a_wait),
        cmocka_unit_test(a_wait_longer_than_the_deadline),
        cmocka_unit_test(a_wait_that_is_cancelled),
        cmocka_unit_test(a_real_wait_is_woken),
        cmocka_unit_test(real_waits_differ),
    };
    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
