/* swap_test.c - two databases change names under load, and whatever dies, one whole live database is left. Skipped
 * without a server. */
#include "swap_tools.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

static void test_swaps_and_brings_back(void **state)
{
    NEED_SERVER();
    make_both();
    assert_int_equal(swap_as("postgres", "shop_restore_20261121_020000", KIST_SWAP_LOOK), 0);
    assert_string_equal(given_from, "shop_restore_20261121_020000");
    assert_untouched();
    if (swap_as("postgres", "shop_restore_20261121_020000", 0))
        fail_msg("%s", test.err.message);
    assert_string_equal(given_name, "shop");
    assert_true(strncmp(given_kept, "shop_before_20", 14) == 0);
    assert_int_equal(generation_of("shop"), 2);
    assert_int_equal(generation_of(given_kept), 1);
    char kept[128];
    strcpy(kept, given_kept);
    assert_int_equal(swap_as("postgres", NULL, KIST_SWAP_UNDO), 0);
    assert_string_equal(given_from, kept);
    assert_true(strncmp(given_kept, "shop_undone_20", 14) == 0);
    assert_int_equal(generation_of("shop"), 1);
    assert_int_equal(generation_of(given_kept), 2);
    assert_int_equal(swap_as("postgres", NULL, KIST_SWAP_UNDO), KIST_ERR_NOT_FOUND);
    assert_non_null(strstr(test.err.message, "shop_before_<time>"));
}

/* ---- what clients see ---- */

#define CLIENTS 6

/* Shared with the clients, which are processes: a thread could not be forked beside. */
static struct load {
    atomic_int stop;
    atomic_long served[CLIENTS], longest_us[CLIENTS];
} * load;
static pid_t clients[CLIENTS];

/* Connects, writes, reads, as fast as it can; keeps the longest time without an answer. */
static void be_client(int number)
{
    char conninfo[200];
    snprintf(conninfo, sizeof conninfo, "host='%s' user=postgres dbname=shop", folder);
    for (long last = now_us(); !atomic_load(&load->stop);) {
        PGconn *conn = PQconnectdb(conninfo);
        int good = PQstatus(conn) == CONNECTION_OK;
        for (int i = 0; good && i < 10 && !atomic_load(&load->stop); i++) {
            PQclear(PQexec(conn, "INSERT INTO generation VALUES (0, 0)"));
            PGresult *result = PQexec(conn, "DELETE FROM generation WHERE n = 0");
            good = PQresultStatus(result) == PGRES_COMMAND_OK;
            PQclear(result);
            long now = now_us(), gap = now - last;
            if (!good)
                break;
            if (gap > atomic_load(&load->longest_us[number]))
                atomic_store(&load->longest_us[number], gap);
            atomic_fetch_add(&load->served[number], 1);
            last = now;
        }
        PQfinish(conn);
    }
    _exit(0);
}

static void start_clients(void)
{
    load = mmap(NULL, sizeof *load, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(load, MAP_FAILED);
    for (int i = 0; i < CLIENTS; i++)
        if ((clients[i] = fork()) == 0)
            be_client(i);
    for (int i = 0; i < CLIENTS; i++)
        while (atomic_load(&load->served[i]) < 20)
            usleep(1000);
}

/* The longest interruption that a client saw, in ms. */
static long stop_clients(void)
{
    long longest = 0;
    for (int i = 0; i < CLIENTS; i++) { /* a success after the interruption ends it */
        long before = atomic_load(&load->served[i]), until = now_us() + 10000000;
        while (atomic_load(&load->served[i]) < before + 5 && now_us() < until)
            usleep(1000);
        assert_true(atomic_load(&load->served[i]) >= before + 5);
    }
    atomic_store(&load->stop, 1);
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(waitpid(clients[i], NULL, 0), clients[i]);
        longest = atomic_load(&load->longest_us[i]) > longest ? atomic_load(&load->longest_us[i]) : longest;
    }
    munmap(load, sizeof *load);
    run_sql("shop", "DELETE FROM generation WHERE n = 0");
    return longest / 1000;
}

static void test_interrupts_clients_briefly(void **state)
{
    NEED_SERVER();
    make_both();
    start_clients();
    int code = swap_as("postgres", "shop_restore_20261121_020000", 0);
    int64_t interrupted = given_ms, ended = given_ended;
    usleep(200000);
    long seen = stop_clients();
    if (code)
        fail_msg("%s", test.err.message);
    print_message("interrupted for %lld ms (clients: %ld ms), %lld session(s) ended\n", (long long)interrupted,
                  seen, (long long)ended);
    assert_int_equal(generation_of("shop"), 2);
    cluster_sql(given_kept, "DELETE FROM generation WHERE n = 0");
    assert_int_equal(generation_of(given_kept), 1);
    assert_true(interrupted < 2000 && seen < 2000);
    assert_true(ended >= 1 && ended < 200);
}

/* ---- death at every step ---- */

#define KILLS 70

/* Forks a process that swaps; kills it after `delay_us` (-1: lets it end). How long it took. */
static long swap_and_kill(long delay_us)
{
    long began = now_us();
    pid_t pid = fork();
    if (pid == 0)
        _exit(swap_as("postgres", "shop_restore_20261121_020000", 0) == 0 ? 0 : 1);
    if (delay_us >= 0) {
        usleep((useconds_t)delay_us);
        kill(pid, SIGKILL);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (delay_us < 0)
        assert_int_equal(status, 0);
    return now_us() - began;
}

/* Whatever happened: one whole live database, the other one whole beside it, and a way on. */
static int assert_one_is_live(void)
{
    cluster_sql("shop", "DELETE FROM generation WHERE n = 0");
    int live = generation_of("shop");
    if (live == 1) {
        assert_int_equal(generation_of("shop_restore_20261121_020000"), 2);
        assert_int_equal(swap_as("postgres", NULL, KIST_SWAP_UNDO | KIST_SWAP_LOOK), KIST_ERR_NOT_FOUND);
        return live;
    }
    assert_int_equal(swap_as("postgres", NULL, KIST_SWAP_UNDO), 0);
    char sql[256];
    cluster_sql("shop", "DELETE FROM generation WHERE n = 0");
    assert_int_equal(generation_of("shop"), 1);
    assert_int_equal(generation_of(given_kept), 2);
    snprintf(sql, sizeof sql, "ALTER DATABASE \"%s\" RENAME TO shop_restore_20261121_020000", given_kept);
    run_sql("postgres", sql);
    return live;
}

static void test_killed_anywhere(void **state)
{
    NEED_SERVER();
    make_both();
    int done[3] = {0};
    long whole = 0;
    for (int i = 0; i < KILLS; i++) {
        /* A session that is in the way makes the server wait in the midst of it. */
        PGconn *idle = connect_to("shop", "postgres");
        if (i == 0)
            whole = swap_and_kill(-1);
        else
            swap_and_kill(whole * 5 / 4 * i / KILLS);
        await_quiet();
        PQfinish(idle);
        done[assert_one_is_live()]++;
        await_quiet();
    }
    print_message("killed at %d points within %ld ms: %d times as before, %d times swapped\n", KILLS, whole / 1000,
                  done[1], done[2]);
    assert_true(done[1] > 0 && done[2] > 0);
}

int swap_tests(void)
{
    const struct CMUnitTest tests[] = {TEST(test_swaps_and_brings_back), TEST(test_interrupts_clients_briefly),
                                       TEST(test_killed_anywhere)};
    folder = cluster_start();
    int failed = cmocka_run_group_tests_name("swap", tests, NULL, NULL) + swap_rules_tests();
    if (folder)
        cluster_stop();
    return failed;
}
