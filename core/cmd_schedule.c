#include "commands.h"
#include "config_problem.h"
#include "log.h"
#include "schedule_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_user(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    size_t size = strlen(name);
    return size > 0 && size < 64 && name[0] != '-' && name[0] != '.' && strspn(name, letters) == size;
}

/* 0, or the exit status: mistakes have been told then. */
static enum kist_exit read_facts(const struct kist_cli *cli, struct kist_schedule_facts *facts)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_problem_list list = {0};
    struct kist_config_problems problems = {0};
    const char *state = kist_cli_value(cli, "state"), *from_env = getenv("KIST_STATE"), *dir = NULL;
    int code = kist_schedule_facts_read(kist_cli_config_path(cli), facts, &list, &err);
    if (!code)
        code = kist_problem_list_give(&list, &problems, &err);
    if (!state && from_env && *from_env)
        state = from_env;
    if (!code && state)
        code = kist_schedule_facts_option(facts, "state", state, &err);
    for (size_t i = 0; !code && (dir = kist_cli_value_at(cli, "plugin-dir", i)); i++)
        code = kist_schedule_facts_option(facts, "plugin-dir", dir, &err);
    kist_cli_problems(&problems);
    int wrong = problems.count > 0;
    kist_config_problems_done(&problems);
    kist_problem_list_done(&list);
    if (code)
        return kist_cli_fail(&err);
    return wrong ? kist_error_exit(KIST_ERR_CONFIG) : KIST_EXIT_OK;
}

/* What would not work where it is to run. */
static void warn(const struct kist_schedule_facts *facts, const char *format)
{
    size_t scheduled = 0;
    for (size_t i = 0; i < facts->pipeline_count; i++)
        scheduled += facts->pipelines[i].schedule != NULL;
    if (!scheduled)
        kist_log(KIST_LOG_WARNING, NULL, "no pipeline has a schedule: nothing will ever be due");
    if (strcmp(format, "systemd") != 0 || facts->user)
        return;
    if (facts->private_files)
        kist_log(KIST_LOG_WARNING, NULL,
                 "not everybody may read the configuration: a service with DynamicUser= cannot; name a user with "
                 "--user");
    if (facts->folders.count)
        kist_log(
            KIST_LOG_WARNING, NULL,
            "a service with DynamicUser= may not write to '%s' unless its mode says so; name a user with --user",
            facts->folders.items[0]);
}

static int make_folder(const char *dir, struct kist_error *err)
{
    if (mkdir(dir, 0755) == 0 || errno == EEXIST)
        return 0;
    return kist_fail_errno(err, errno, "cannot make the directory '%s'", dir);
}

static int refuse(const char *path, struct kist_error *err)
{
    kist_fail(err, KIST_ERR_REFUSED, "'%s' exists, and is not overwritten", path);
    kist_hint(err, "move it away, or name another directory");
    return KIST_ERR_REFUSED;
}

static int write_file(const char *path, const struct kist_text *text, struct kist_error *err)
{
    int code = 0, fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return errno == EEXIST ? refuse(path, err) : kist_fail_errno(err, errno, "cannot write '%s'", path);
    for (size_t at = 0; at < text->size && !code;) {
        ssize_t count = write(fd, text->data + at, text->size - at);
        if (count >= 0)
            at += (size_t)count;
        else if (errno != EINTR)
            code = kist_fail_errno(err, errno, "cannot write '%s'", path);
    }
    /* Everybody reads such files, whatever the umask of this shell. */
    if (!code && (fchmod(fd, 0644) != 0 || fsync(fd) != 0))
        code = kist_fail_errno(err, errno, "cannot write '%s'", path);
    if (close(fd) != 0 && !code)
        code = kist_fail_errno(err, errno, "cannot write '%s'", path);
    if (code)
        unlink(path);
    return code;
}

/* One file: printed, or written into `dir`. With `probe` it is only seen to that it is not there. */
static int give_file(const struct kist_schedule_form *form, const struct kist_schedule_facts *facts,
                     const char *dir, int probe, struct kist_error *err)
{
    struct kist_text text KIST_CLEANUP_TEXT = KIST_TEXT_INIT;
    struct stat status;
    char *path = NULL;
    int code = 0;
    if (dir && asprintf(&path, "%s/%s", dir, form->file) < 0)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    if (probe) {
        code = path && lstat(path, &status) == 0 ? refuse(path, err) : 0;
        free(path);
        return code;
    }
    form->write(facts, &text);
    if (kist_text_failed(&text))
        code = kist_fail(err, KIST_ERR_FAILED, "out of memory");
    else if (path)
        code = write_file(path, &text, err);
    else
        fputs(kist_text_get(&text), stdout);
    if (!code && path)
        printf("%s\n", path);
    free(path);
    return code;
}

/* All files of a format. Nothing is written unless everything can be. */
static int give_files(const char *format, const struct kist_schedule_facts *facts, const char *dir,
                      struct kist_error *err)
{
    const struct kist_schedule_form *first = kist_schedule_forms;
    size_t count = 0;
    int code = dir ? make_folder(dir, err) : 0;
    while (strcmp(first->format, format) != 0)
        first++;
    while (first[count].format && strcmp(first[count].format, format) == 0)
        count++;
    for (size_t i = 0; i < count && !code; i++)
        code = give_file(&first[i], facts, dir, 1, err);
    for (size_t i = 0; i < count && !code; i++) {
        if (!dir && count > 1)
            printf("%s# ---------- %s ----------\n", i ? "\n" : "", first[i].file);
        code = give_file(&first[i], facts, dir, 0, err);
    }
    return code;
}

static int is_format(const char *format)
{
    const struct kist_schedule_form *form = kist_schedule_forms;
    while (form->format && strcmp(form->format, format) != 0)
        form++;
    return form->format != NULL;
}

enum kist_exit kist_cmd_schedule(struct kist_cli *cli)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_schedule_facts facts = {0};
    const char *format = cli->args[0], *user = kist_cli_value(cli, "user");
    if (!is_format(format))
        return kist_cli_usage(cli, "there is no format '%s': systemd, cron, kubernetes, github or launchd",
                              format);
    if (user && !is_user(user))
        return kist_cli_usage(cli, "'%s' is no name of a user", user);
    enum kist_exit status = read_facts(cli, &facts);
    facts.user = user;
    if (status == KIST_EXIT_OK) {
        warn(&facts, format);
        if (give_files(format, &facts, kist_cli_value(cli, "output"), &err))
            status = kist_cli_fail(&err);
    }
    kist_schedule_facts_done(&facts);
    return status;
}
