/* plugin_trial.c - the parent's side: starts the child, hands on what it tells, and starts the next when it dies. */
#include "plugin_trial.h"
#include "conformance.h"
#include "destination.h"
#include "filter.h"
#include "plugin_trial_child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const char *kist_plugin_trial_case(uint32_t kind, size_t index)
{
    switch (kind) {
    case KIST_KIND_DESTINATION: return kist_conformance_destination_name(index);
    case KIST_KIND_FILTER: return kist_conformance_filter_name(index);
    default: return NULL;
    }
}

/* What is known of a child that may be gone. */
struct progress {
    char *name, *clause; /* of the case that it runs; NULL between two */
    size_t number;       /* of that case */
};

static void forget(struct progress *progress)
{
    free(progress->name);
    free(progress->clause);
    progress->name = progress->clause = NULL;
}

/* A line is a letter and fields, each behind a tab; the child has made them printable. */
static void take_line(const struct kist_plugin_trial *trial, struct progress *progress, char *line)
{
    char *fields[3] = {NULL}, *rest = line;
    line[strcspn(line, "\n")] = '\0';
    const char *kind = strsep(&rest, "\t");
    for (size_t i = 0; i < 3; i++)
        fields[i] = rest ? strsep(&rest, "\t") : NULL;
    if (kind[0] == TRIAL_BEGINS && fields[2]) {
        forget(progress);
        progress->number = strtoul(fields[0], NULL, 10);
        progress->name = strdup(fields[1]);
        progress->clause = strdup(fields[2]);
    }
    if (kind[0] == TRIAL_ENDS && fields[1] && progress->name && progress->clause) {
        const struct kist_trial_result result = {.name = progress->name,
                                                 .clause = progress->clause,
                                                 .outcome = fields[0][0] - '0',
                                                 .detail = fields[1][0] ? fields[1] : NULL};
        trial->report(trial->arg, &result);
        forget(progress);
    }
}

static void take_lines(const struct kist_plugin_trial *trial, struct progress *progress, FILE *lines)
{
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, lines) > 0)
        take_line(trial, progress, line);
    free(line);
}

/* How a child ended that did not end by itself. */
static char *cause_of_death(int status)
{
    char *text = NULL;
    int size = -1;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        size = asprintf(&text, "it did not end within %d s", TRIAL_CASE_SECONDS);
    else if (WIFSIGNALED(status))
        size = asprintf(&text, "the plugin crashed (signal %d)", WTERMSIG(status));
    else
        size = asprintf(&text, "the plugin ended the program (exit status %d)", WEXITSTATUS(status));
    return size < 0 ? NULL : text;
}

/* Starts a child that runs the cases from number `first` on; returns its status, or -1 with errno. */
static int run_child(const struct kist_plugin_trial *trial, size_t first, struct progress *progress)
{
    int ends[2], status = 0;
    if (pipe(ends) != 0)
        return -1;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        kist_plugin_trial_child(trial, first, ends[1]);
    }
    close(ends[1]);
    FILE *lines = child > 0 ? fdopen(ends[0], "r") : NULL;
    if (lines) {
        take_lines(trial, progress, lines);
        fclose(lines);
    } else {
        close(ends[0]);
    }
    if (child < 0)
        return -1;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return status;
}

/* Blames the case that was running. Returns 0, or an error when there was none. */
static int report_death(const struct kist_plugin_trial *trial, const struct progress *progress, int status,
                        struct kist_error *err)
{
    char *cause = cause_of_death(status), *detail = NULL;
    if (!cause || !progress->name) {
        kist_fail(err, KIST_ERR_FAILED, "%s outside of a case%s", cause ? cause : "the plugin ended the program",
                  *trial->prefix ? "" : "; what the cases made may be left in the store");
        if (*trial->prefix)
            kist_hint(err, "what the cases made may be left below '%s'", trial->prefix);
        free(cause);
        return err->code;
    }
    if (asprintf(&detail, "%s in case %s", cause, progress->name) < 0)
        detail = NULL;
    const struct kist_trial_result result = {.name = progress->name,
                                             .clause = progress->clause,
                                             .outcome = KIST_CONFORMANCE_FAILED,
                                             .detail = detail ? detail : cause};
    trial->report(trial->arg, &result);
    free(detail);
    free(cause);
    return 0;
}

int kist_plugin_trial_run(const struct kist_plugin_trial *trial, struct kist_error *err)
{
    struct progress progress = {0};
    int code = 0, status = 1;
    for (size_t first = 0; code == 0 && status != 0; first = progress.number + 1) {
        errno = 0;
        status = run_child(trial, first, &progress);
        if (status < 0)
            code = kist_fail_errno(err, errno, "cannot start a process for the plugin");
        else if (status != 0)
            code = report_death(trial, &progress, status, err);
        forget(&progress);
    }
    return code;
}
