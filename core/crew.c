#include "crew.h"
#include "backup_id.h"
#include "job.h"
#include "log.h"
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- members ---- */

static _Noreturn void be_member(pid_t parent, kist_member_fn work, void *arg)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_cancel *cancel = NULL;
    enum kist_exit status = KIST_EXIT_FAILED;
    /* A group of its own: what a terminal sends to all of them comes once, handed on by the parent. Without that one nobody
     * would see how it ends. */
    (void)!setpgid(0, 0);
    int code = prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent
                   ? kist_cancel_new(NULL, &cancel, &err)
                   : kist_fail(&err, KIST_ERR_FAILED, "the process that started this run has ended");
    if (!code)
        code = kist_signals_restart(cancel, &err);
    if (code)
        kist_log_error(NULL, &err);
    else
        status = work(arg, cancel);
    if (fflush(stdout) != 0 && status == KIST_EXIT_OK)
        status = KIST_EXIT_DEGRADED;
    /* The memory is the parent's affair. */
    _exit((int)status);
}

int kist_crew_start(struct kist_crew *crew, const char *pipeline, kist_member_fn work, void *arg,
                    struct kist_error *err)
{
    struct kist_member *larger = reallocarray(crew->members, crew->count + 1, sizeof *larger);
    if (!larger)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    crew->members = larger;
    struct kist_member *member = &larger[crew->count];
    *member = (struct kist_member){.pipeline = pipeline ? strdup(pipeline) : NULL, .started = kist_time_now()};
    if (pipeline && !member->pipeline)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    /* What was printed is not to be printed once more by each member. */
    (void)!fflush(stdout);
    pid_t parent = getpid();
    member->pid = fork();
    if (member->pid == 0)
        be_member(parent, work, arg);
    if (member->pid < 0) {
        int errnum = errno;
        free(member->pipeline);
        return kist_fail_errno(err, errnum, "cannot start a process");
    }
    crew->count++;
    return 0;
}

/* One that died could not tell anybody; it is kept until somebody does. */
static void bury(struct kist_crew *crew, struct kist_member *member, int how)
{
    struct kist_member *larger = NULL;
    enum kist_exit status = KIST_EXIT_FAILED;
    if (WIFEXITED(how)) {
        status = (enum kist_exit)WEXITSTATUS(how);
    } else {
        member->died = WTERMSIG(how);
        kist_log(KIST_LOG_ERROR, member->pipeline, "the process of this run died of signal %d (%s)", member->died,
                 strsignal(member->died));
        larger = member->pipeline ? reallocarray(crew->fallen, crew->fallen_count + 1, sizeof *larger) : NULL;
    }
    crew->status = kist_exit_combine(crew->status, status);
    if (larger) {
        crew->fallen = larger;
        larger[crew->fallen_count++] = *member;
    } else {
        free(member->pipeline);
    }
}

void kist_crew_reap(struct kist_crew *crew, void (*tell)(void *arg, const struct kist_member *member), void *arg)
{
    for (;;) {
        int how = 0;
        pid_t pid = waitpid(-1, &how, WNOHANG);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid <= 0)
            return;
        size_t i = 0;
        while (i < crew->count && crew->members[i].pid != pid)
            i++;
        if (i == crew->count)
            continue;
        struct kist_member member = crew->members[i];
        crew->members[i] = crew->members[--crew->count];
        if (tell)
            tell(arg, &member);
        bury(crew, &member, how);
    }
}

void kist_crew_signal(const struct kist_crew *crew, int number)
{
    for (size_t i = 0; i < crew->count; i++)
        (void)!kill(crew->members[i].pid, number);
}

int kist_crew_has(const struct kist_crew *crew, const char *pipeline)
{
    for (size_t i = 0; i < crew->count; i++)
        if (crew->members[i].pipeline && strcmp(crew->members[i].pipeline, pipeline) == 0)
            return 1;
    return 0;
}

void kist_crew_done(struct kist_crew *crew)
{
    for (size_t i = 0; i < crew->count; i++)
        free(crew->members[i].pipeline);
    for (size_t i = 0; i < crew->fallen_count; i++)
        free(crew->fallen[i].pipeline);
    free(crew->members);
    free(crew->fallen);
    *crew = (struct kist_crew){0};
}
