/* programs.c - pg_restore and psql, alone or one behind the other, and what their failures mean. */
#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"

/* ---- failures ---- */

static void add_hint(const struct pgd_programs *programs, const char *said, struct kist_error *err)
{
    const struct kist_host *host = programs->host;
    if (err->hint)
        return;
    if ((programs->restore->flags & KIST_RESTORE_DATA_ONLY) && strstr(said, "foreign key"))
        host->hint(
            host, err,
            "rows came before those that they point to: drop the foreign keys first, or restore definitions and "
            "rows together");
    else if (programs->before && programs->after && *programs->after && strstr(said, "foreign key"))
        host->hint(
            host, err,
            "nothing was changed: rows of another table point to rows that the backup does not have; restore "
            "both tables, or restore beside the database");
    else if (programs->before)
        host->hint(host, err, "nothing was changed");
}

/* What the words mean while a dump is made is not what they mean here. */
static int may_not(const struct pgd_programs *programs, struct kist_error *err)
{
    const struct kist_host *host = programs->host;
    char *message = strdup(err->message ? err->message : "");
    int code = host->fail(host, err, KIST_ERR_AUTH, "%s", message ? message : "out of memory");
    host->hint(
        host, err,
        "the role may not make this there: restore as the owner of the database or as a superuser; --no-owner "
        "leaves out whom it belonged to");
    free(message);
    return code;
}

static int explain(struct pgd_programs *programs, struct kist_child *child, int code, struct kist_error *err)
{
    const struct kist_host *host = programs->host;
    char *said = strdup(kist_child_said(child));
    code = pgd_explain(host, child, code, err);
    if (code == KIST_ERR_FAILED && kist_child_exit_status(child) == 0)
        code = host->fail(host, err, KIST_ERR_CORRUPT, "bytes follow the end of the archive");
    else if (code == KIST_ERR_FAILED && programs->way == PGD_WAY_CHECK && kist_child_exit_status(child) > 0)
        code = host->fail(host, err, KIST_ERR_CORRUPT, "the dump cannot be read to its end: %s", said ? said : "");
    else if (code == KIST_ERR_FAILED)
        add_hint(programs, said ? said : "", err);
    else if (code == KIST_ERR_AUTH && !programs->restore->check_only)
        code = may_not(programs, err);
    free(said);
    return code;
}

/* The taker failed. Where psql runs its script, and failed itself, that is why. */
static int failed(struct pgd_programs *programs, int code, struct kist_error *err)
{
    const struct kist_host *host = programs->host;
    struct kist_error other = {.struct_size = sizeof other};
    if (!programs->runner || code == KIST_ERR_CANCELLED)
        return explain(programs, programs->taker, code, err);
    /* Its input ends without the COMMIT. */
    int other_code = kist_child_finish(programs->runner, &other);
    if (other_code && other_code != KIST_ERR_CANCELLED && kist_child_exit_status(programs->runner) != 0) {
        code = host->fail(host, err, other_code, "%s", other.message ? other.message : "psql failed");
        code = explain(programs, programs->runner, code, err);
    } else {
        code = explain(programs, programs->taker, code, err);
    }
    free(other.message);
    free(other.hint);
    return code;
}

/* ---- feeding ---- */

static int put_bytes(void *arg, const void *data, size_t size, struct kist_error *err)
{
    struct pgd_programs *programs = arg;
    int code = kist_child_write(programs->taker, data, size, err);
    if (code && (programs->list || programs->kind == PGD_KIND_TAR) &&
        kist_child_exit_status(programs->taker) == 0) {
        programs->satisfied =
            1; /* nothing of what follows was chosen; at the end of a tar archive is only a script */
        return 0;
    }
    return code ? failed(programs, code, err) : 0;
}

/* Statements of ours to psql that takes a plain dump. */
static int put_text(struct pgd_programs *programs, const char *text, struct kist_error *err)
{
    return *text ? put_bytes(programs, text, strlen(text), err) : 0;
}

int pgd_programs_feed(struct pgd_programs *programs, const void *data, size_t size, struct kist_error *err)
{
    if (programs->way == PGD_WAY_NONE || programs->satisfied || size == 0)
        return 0;
    if (programs->way == PGD_WAY_SPOOL)
        return pgd_spool_write(programs->host, &programs->spool, data, size, err);
    if (programs->kind == PGD_KIND_PLAIN && !programs->lenient)
        return pgd_unwrap_feed(&programs->unwrap, data, size, put_bytes, programs, err);
    return put_bytes(programs, data, size, err);
}

/* ---- starting ---- */

static int find_tool(const struct pgd_programs *programs, const char *name, struct pgd_tool *ret_tool,
                     struct kist_error *err)
{
    const struct pgd_restore *restore = programs->restore;
    int code = pgd_tool_find(programs->host, name, restore->source->config->pg_dump, 0, ret_tool, err);
    /* A check executes nothing of what it reads. */
    if (!code && !restore->check_only && !(restore->flags & KIST_RESTORE_OLD_CLIENT))
        code = pgd_floor_check(programs->host, name, ret_tool, err);
    if (code)
        pgd_tool_done(ret_tool);
    return code;
}

static int start_psql(struct pgd_programs *programs, int before, int script, struct kist_child **ret_child,
                      struct kist_error *err)
{
    struct pgd_strings arguments = {0};
    struct pgd_tool tool = {0};
    struct pgd_launch launch = {
        .password = programs->restore->target.server.password, .feed = 1, .keep = {before, script}};
    int code = find_tool(programs, "psql", &tool, err);
    if (code)
        return code;
    pgd_psql_arguments(programs, tool.path, before, script, &arguments);
    code = pgd_launch(programs->host, &arguments, &launch, ret_child, err);
    pgd_strings_done(&arguments);
    pgd_tool_done(&tool);
    return code;
}

static int start_pg_restore(struct pgd_programs *programs, int feed, int output, struct kist_error *err)
{
    struct pgd_strings arguments = {0};
    struct pgd_tool tool = {0};
    int list = 0, code = find_tool(programs, "pg_restore", &tool, err);
    if (!code && programs->list)
        code = pgd_memory_file(programs->host, programs->list, &list, err);
    if (!code) {
        struct pgd_launch launch = {
            .password = programs->restore->target.server.password, .feed = feed, .keep = {list, output}};
        pgd_restore_arguments(programs, tool.path, list, output, &arguments);
        code = pgd_launch(programs->host, &arguments, &launch, &programs->taker, err);
    }
    if (list > 0)
        close(list);
    pgd_strings_done(&arguments);
    pgd_tool_done(&tool);
    return code;
}

/* Both ends of a pipe, above 2. */
static int make_pipe(const struct kist_host *host, int ends[2], struct kist_error *err)
{
    if (pipe2(ends, O_CLOEXEC) != 0)
        return host->fail(host, err, KIST_ERR_FAILED, "cannot make a pipe: %s", strerror(errno));
    for (int i = 0; i < 2; i++) {
        int above = ends[i] > 2 ? ends[i] : fcntl(ends[i], F_DUPFD_CLOEXEC, 3);
        if (above != ends[i])
            close(ends[i]);
        ends[i] = above;
    }
    if (ends[0] > 2 && ends[1] > 2)
        return 0;
    int code = host->fail(host, err, KIST_ERR_FAILED, "cannot make a pipe: %s", strerror(errno));
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    return code;
}

/* psql runs what stands before, then the script as pg_restore writes it, then what we say. If we are killed, its
 * input ends without a COMMIT. */
static int start_script(struct pgd_programs *programs, struct kist_error *err)
{
    const struct kist_host *host = programs->host;
    int ends[2], before = 0, code = make_pipe(host, ends, err);
    if (code)
        return code;
    code = pgd_memory_file(host, programs->before, &before, err);
    if (!code)
        code = start_psql(programs, before, ends[0], &programs->runner, err);
    if (before > 0)
        close(before);
    close(ends[0]); /* so that pg_restore ends when psql does */
    if (!code)
        code = start_pg_restore(programs, 1, ends[1], err);
    close(ends[1]);
    return code;
}

/* The name of a role in double quotes; new. */
static char *set_role(const char *role)
{
    char *sql = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&sql, &size);
    if (!out)
        return NULL;
    fputs("SET ROLE \"", out);
    for (; *role; role++)
        fprintf(out, *role == '"' ? "\"\"" : "%c", *role);
    fputs("\";\n", out);
    if (fclose(out) == 0)
        return sql;
    free(sql);
    return NULL;
}

static int start_plain(struct pgd_programs *programs, struct kist_error *err)
{
    const char *role = programs->restore->role;
    char *sql = NULL;
    if (role && !(sql = set_role(role)))
        return programs->host->fail(programs->host, err, KIST_ERR_FAILED, "out of memory");
    int code = start_psql(programs, 0, 0, &programs->taker, err);
    /* psql takes the end of a cut script for its end, and -1 would commit it then. So the COMMIT is ours to
     * send. */
    if (!code)
        code = put_text(programs, programs->before ? programs->before : programs->lenient ? "" : "BEGIN;\n", err);
    if (!code && programs->makes_public && !programs->before)
        code = put_text(programs, "DROP SCHEMA IF EXISTS public;\n", err);
    if (!code && sql)
        code = put_text(programs, sql, err);
    free(sql);
    return code;
}

int pgd_programs_start(struct pgd_programs *programs, struct kist_error *err)
{
    if (programs->way == PGD_WAY_NONE)
        return 0;
    if (programs->way == PGD_WAY_SPOOL)
        return pgd_spool_open(programs->host, programs->restore->work_dir, &programs->spool, err);
    if (programs->kind == PGD_KIND_PLAIN)
        return start_plain(programs, err);
    if (programs->way == PGD_WAY_SCRIPT)
        return start_script(programs, err);
    return start_pg_restore(programs, 1, 0, err);
}

/* ---- the end ---- */

/* pg_restore goes on after an error unless told otherwise, counts them, and says so at the end. */
static int forgive(const struct pgd_programs *programs, int code)
{
    const struct kist_host *host = programs->host;
    const char *said = kist_child_said(programs->taker);
    int ignored = kist_child_exit_status(programs->taker) == 1 && strstr(said, "errors ignored on restore");
    if (!programs->lenient || (code && !ignored))
        return code;
    if (*said)
        host->log(host, KIST_LOG_WARNING, "this drill goes on without what the scratch server cannot hold: %s", said);
    return 0;
}

static int finish_taker(struct pgd_programs *programs, struct kist_error *err)
{
    int code = programs->satisfied ? 0 : kist_child_finish(programs->taker, err);
    code = forgive(programs, code);
    return code ? failed(programs, code, err) : 0;
}

static int finish_runner(struct pgd_programs *programs, struct kist_error *err)
{
    static const char commit[] = "COMMIT;\n";
    int code = kist_child_write(programs->runner, programs->after, strlen(programs->after), err);
    if (!code && programs->list)
        code = kist_child_write(programs->runner, commit, sizeof commit - 1, err);
    if (!code)
        code = kist_child_finish(programs->runner, err);
    return code ? explain(programs, programs->runner, code, err) : 0;
}

int pgd_programs_finish(struct pgd_programs *programs, struct kist_error *err)
{
    int code = 0;
    if (programs->way == PGD_WAY_NONE)
        return 0;
    if (programs->way == PGD_WAY_SPOOL)
        code = start_pg_restore(programs, 0, 0, err);
    if (!code && programs->kind == PGD_KIND_PLAIN)
        code = pgd_unwrap_end(&programs->unwrap, put_bytes, programs, err);
    if (!code && programs->kind == PGD_KIND_PLAIN && !programs->lenient)
        code = put_text(programs, "\nCOMMIT;\n", err);
    if (!code)
        code = finish_taker(programs, err);
    if (!code && programs->runner)
        code = finish_runner(programs, err);
    return code;
}

void pgd_programs_done(struct pgd_programs *programs)
{
    /* psql first: it must not take the end of a script that was cut for its end. */
    kist_child_free(programs->runner);
    kist_child_free(programs->taker);
    pgd_spool_done(&programs->spool);
    free(programs->list);
    free(programs->before);
    free(programs->after);
    *programs = (struct pgd_programs){.spool = {.fd = -1}};
}
