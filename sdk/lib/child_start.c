#include "child_private.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define PIPE_SIZE (1 << 20)
#define GRACE_MS 5000

/* What the keeper thread needs to start the program; lives on the stack of kist_child_start until it runs. */
struct launch {
    const struct kist_child_setup *setup;
    struct kist_child *child;
    int stdio[3], report[2];
    int *keep; /* sorted, with report[1] among them */
    size_t keep_count;
    int limit, error;
    sem_t forked;
};

/* ---- in the new process: async-signal-safe calls only ---- */

static void close_gap(int first, int last, int limit)
{
    if (first > last)
        return;
#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned)first, (unsigned)last, 0U) == 0)
        return;
#endif
    for (int fd = first; fd <= last && fd < limit; fd++)
        close(fd);
}

/* The kernel forgets the promise of run_program when the user changes. Returns an errno. */
static int become(const struct kist_child_setup *setup)
{
    if (setup->uid == 0)
        return 0;
    if (setgroups(0, NULL) != 0 || setgid(setup->gid) != 0 || setuid(setup->uid) != 0)
        return errno;
    return prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ? errno : 0;
}

static void run_program(const struct launch *launch, pid_t parent)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;
    int error = 0, first = 3;
    for (int number = 1; number < NSIG; number++)
        sigaction(number, &standard, NULL);
    setsid();
    /* The parent may have died before the promise was made: then nobody would ever keep it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(127);
    for (int fd = 0; fd < 3; fd++)
        if (dup2(launch->stdio[fd], fd) < 0)
            error = errno;
    for (size_t i = 0; i < launch->keep_count; i++) {
        close_gap(first, launch->keep[i] - 1, launch->limit);
        first = launch->keep[i] + 1;
        if (launch->keep[i] != launch->report[1] && fcntl(launch->keep[i], F_SETFD, 0) != 0)
            error = errno;
    }
    close_gap(first, INT32_MAX, launch->limit);
    umask(077);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (!error)
        error = become(launch->setup);
    if (getppid() != parent)
        _exit(127);
    if (!error) {
        execve(launch->setup->argv[0], (char *const *)launch->setup->argv, (char *const *)launch->setup->envp);
        error = errno;
    }
    if (write(launch->report[1], &error, sizeof error) < 0)
        _exit(126);
    _exit(127);
}

/* ---- the keeper thread ---- */

static void *keeper_main(void *arg)
{
    struct launch *launch = arg;
    struct kist_child *child = launch->child;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        run_program(launch, parent);
    if (pid > 0)
        child->pid = pid;
    else
        launch->error = errno;
    int ended = child->ended;
    sem_post(&launch->forked); /* from here on `launch` is gone */
    siginfo_t info;
    while (pid > 0 && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        ;
    uint64_t one = 1;
    if (write(ended, &one, sizeof one) < 0)
        return NULL; /* cannot fail: the counter was 0 */
    return NULL;
}

/* No signal of the process may be handled in the keeper, nor in the program before it runs. */
static int start_keeper(struct launch *launch)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&launch->child->keeper, NULL, keeper_main, launch);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error)
        return error;
    while (sem_wait(&launch->forked) != 0 && errno == EINTR)
        ;
    kist_child_close_fd(&launch->report[1]);
    if (!launch->error) {
        ssize_t got;
        while ((got = read(launch->report[0], &error, sizeof error)) < 0 && errno == EINTR)
            ;
        launch->error = got == 0 ? 0 : got == (ssize_t)sizeof error ? error : EIO;
        if (!launch->error)
            return 0;
    }
    pthread_join(launch->child->keeper, NULL);
    if (launch->child->pid > 0)
        while (waitpid(launch->child->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    launch->child->pid = 0;
    return launch->error;
}

/* ---- starting ---- */

/* Moves a descriptor above 2, so that none of ours is in the way of the program's stdio. */
static int lift(int fd)
{
    if (fd < 0 || fd > 2)
        return fd;
    int above = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    int error = errno;
    close(fd);
    errno = error;
    return above;
}

static int make_pipe(int ends[2], int ours, int size)
{
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    ends[0] = lift(ends[0]);
    ends[1] = lift(ends[1]);
    if (ends[0] < 0 || ends[1] < 0)
        return -1;
    if (ours >= 0 && fcntl(ends[ours], F_SETFL, O_NONBLOCK) != 0)
        return -1;
    if (size)
        (void)fcntl(ends[0], F_SETPIPE_SZ, size); /* an unprivileged user may have used up their share */
    return 0;
}

/* One of the program's 0, 1, 2: a pipe whose other end is ours, or /dev/null. */
static int make_stdio(struct launch *launch, int number, int piped, int *ret_ours)
{
    int ends[2] = {-1, -1}, theirs = number == 0 ? 0 : 1;
    if (!piped) {
        launch->stdio[number] = lift(open("/dev/null", (number == 0 ? O_RDONLY : O_WRONLY) | O_CLOEXEC));
        return launch->stdio[number] < 0 ? -1 : 0;
    }
    int result = make_pipe(ends, 1 - theirs, number == 2 ? 0 : PIPE_SIZE);
    launch->stdio[number] = ends[theirs];
    *ret_ours = ends[1 - theirs];
    return result;
}

static int compare_int(const void *a, const void *b)
{
    return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

static int prepare(struct launch *launch)
{
    const struct kist_child_setup *setup = launch->setup;
    struct kist_child *child = launch->child;
    const char *slash = strrchr(setup->argv[0], '/');
    launch->keep = calloc(setup->keep_count + 1, sizeof *launch->keep);
    child->name = strdup(slash ? slash + 1 : setup->argv[0]);
    child->ended = lift(eventfd(0, EFD_CLOEXEC));
    if (!launch->keep || !child->name || child->ended < 0 || make_pipe(launch->report, -1, 0) != 0 ||
        make_stdio(launch, 0, setup->write_stdin, &child->in) != 0 ||
        make_stdio(launch, 1, setup->read_stdout, &child->out) != 0 || make_stdio(launch, 2, 1, &child->said) != 0)
        return errno;
    for (size_t i = 0; i < setup->keep_count; i++)
        launch->keep[launch->keep_count++] = setup->keep_fds[i];
    launch->keep[launch->keep_count++] = launch->report[1];
    qsort(launch->keep, launch->keep_count, sizeof *launch->keep, compare_int);
    long limit = sysconf(_SC_OPEN_MAX);
    launch->limit = limit > 0 && limit < 65536 ? (int)limit : 65536;
    return 0;
}

int kist_child_start(const struct kist_host *host, const struct kist_child_setup *setup,
                     struct kist_child **ret_child, struct kist_error *err)
{
    struct kist_child *child = calloc(1, sizeof *child);
    if (!child)
        return host->fail(host, err, KIST_ERR_FAILED, "cannot start '%s': out of memory", setup->argv[0]);
    child->host = host;
    child->in = child->out = child->said = child->ended = -1;
    child->idle_ms = setup->idle_ms;
    child->grace_ms = setup->grace_ms > 0 ? setup->grace_ms : GRACE_MS;
    child->stop_signal = setup->stop_signal > 0 ? setup->stop_signal : SIGTERM;
    child->deadline = setup->total_ms > 0 ? host->monotonic_ms(host) + setup->total_ms : INT64_MAX;
    struct launch launch = {.setup = setup, .child = child, .stdio = {-1, -1, -1}, .report = {-1, -1}};
    sem_init(&launch.forked, 0, 0);
    int prepared = prepare(&launch), error = prepared ? prepared : start_keeper(&launch);
    sem_destroy(&launch.forked);
    free(launch.keep);
    for (int i = 0; i < 3; i++)
        kist_child_close_fd(&launch.stdio[i]);
    kist_child_close_fd(&launch.report[0]);
    kist_child_close_fd(&launch.report[1]);
    if (!error) {
        *ret_child = child;
        return 0;
    }
    kist_child_free(child);
    int passing = error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE || prepared;
    return host->fail(host, err, passing ? KIST_ERR_FAILED : KIST_ERR_CONFIG, "cannot run '%s': %s",
                      setup->argv[0], strerror(error));
}
