#include "teller_job.h"
#include "backup_id.h"
#include "tell_worker.h"

#include <kist/notifier.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *text_of(const struct kist_teller_job *job, const char *name)
{
    const char *text = json_string_value(json_object_get(json_object_get(job->document, "event"), name));
    return text ? text : "";
}

const char *kist_teller_run_of(const struct kist_teller_job *job)
{
    return text_of(job, "run");
}

int kist_teller_is_start(const struct kist_teller_job *job)
{
    return json_integer_value(json_object_get(job->document, "kind")) == KIST_EVENT_START;
}

/* The child: a process group of its own, so that what the plugin starts can be ended with it, and nothing of the helper's. */
_Noreturn static void be_worker(const struct kist_teller_job *job, const char *memory, int64_t left, pid_t helper,
                                int fd)
{
    sigset_t none;
    sigemptyset(&none);
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != helper)
        _exit(KIST_EXIT_FAILED);
    /* All but standard error and the way back. */
    if (dup3(fd, STDERR_FILENO + 1, O_CLOEXEC) < 0 && fd != STDERR_FILENO + 1)
        _exit(KIST_EXIT_FAILED);
    close_range(STDERR_FILENO + 2, ~0U, 0);
    sigprocmask(SIG_SETMASK, &none, NULL);
    const struct kist_tell_task task = {.notifier = job->notifier,
                                        .document = job->document,
                                        .memory = memory,
                                        .late = job->late > 0,
                                        .deadline_ms = left};
    kist_tell_work(&task, STDERR_FILENO + 1);
}

int kist_teller_job_begin(struct kist_teller_job *job, const char *memory, struct kist_error *err)
{
    int ends[2];
    int64_t left = job->due - kist_time_monotonic_ms();
    pid_t helper = getpid();
    if (left <= 0)
        return kist_fail(err, KIST_ERR_TIMEOUT, "%s: there was no time left to tell it", job->notifier->name);
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return kist_fail_errno(err, errno, "%s: cannot make a pipe", job->notifier->name);
    pid_t pid = fork();
    if (pid == 0)
        be_worker(job, memory, left, helper, ends[1]);
    int errnum = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return kist_fail_errno(err, errnum, "%s: cannot start a process", job->notifier->name);
    }
    /* Also here, so that it is done before anything is killed. */
    (void)setpgid(pid, pid);
    job->pid = pid;
    job->result = ends[0];
    return 0;
}

void kist_teller_job_kill(struct kist_teller_job *job)
{
    job->killed = 1;
    if (job->pid > 0 && kill(-job->pid, SIGKILL) != 0)
        (void)kill(job->pid, SIGKILL);
}

/* What the worker wrote before it ended, or NULL. */
static json_t *read_answer(int fd)
{
    char text[KIST_TELL_RESULT_MOST];
    size_t size = 0;
    while (size < sizeof text) {
        ssize_t got = read(fd, text + size, sizeof text - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    json_t *answer = size > 0 ? json_loadb(text, size, 0, NULL) : NULL;
    if (answer && !json_is_integer(json_object_get(answer, "code"))) {
        json_decref(answer);
        answer = NULL;
    }
    return answer;
}

/* How a process ended that gave no answer. */
static char *describe_end(const struct kist_teller_job *job, int status, int *ret_code)
{
    const struct kist_config_section *notifier = job->notifier;
    char how[160];
    char *message = NULL;
    *ret_code = KIST_ERR_BUG;
    if (job->killed) {
        *ret_code = KIST_ERR_TIMEOUT;
        snprintf(how, sizeof how, "it was not done in time, and was ended");
    } else if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status)), *meaning = sigdescr_np(WTERMSIG(status));
        snprintf(how, sizeof how, "the plugin crashed: signal %d (SIG%s, %s)", WTERMSIG(status), name ? name : "?",
                 meaning ? meaning : "unknown");
    } else
        snprintf(how, sizeof how, "the plugin ended its process with exit status %d, without an answer",
                 WEXITSTATUS(status));
    if (asprintf(&message, "%s/%s(%s): %s", text_of(job, "pipeline"), notifier->name, notifier->plugin->name,
                 how) < 0)
        return NULL;
    return message;
}

json_t *kist_teller_job_result(struct kist_teller_job *job, int status)
{
    json_t *result = read_answer(job->result);
    if (!result) {
        int code = 0;
        char *message = describe_end(job, status, &code);
        result = json_pack("{s:i, s:s*}", "code", code, "message", message);
        free(message);
    }
    /* Whatever it left behind goes with it. */
    (void)kill(-job->pid, SIGKILL);
    job->pid = 0;
    return result;
}

void kist_teller_job_reply(struct kist_teller_job *job, json_t *result)
{
    char *text = job->reply >= 0 && result ? json_dumps(result, JSON_COMPACT) : NULL;
    if (text)
        (void)!send(job->reply, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
    free(text);
}

void kist_teller_job_free(struct kist_teller_job *job)
{
    json_decref(job->document);
    if (job->reply >= 0)
        close(job->reply);
    if (job->result >= 0)
        close(job->result);
    free(job);
}
