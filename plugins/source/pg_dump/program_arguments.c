/* program_arguments.c - what pg_restore and psql are told. */
#include "restore.h"

static void put_restore_choices(const struct pgd_programs *programs, struct pgd_strings *ret_arguments)
{
    const struct pgd_restore *restore = programs->restore;
    if (programs->kind == PGD_KIND_TAR)
        pgd_strings_add(ret_arguments, "--format=tar");
    if (restore->role)
        pgd_strings_add(ret_arguments, "--role=%s", restore->role);
    if (restore->flags & KIST_RESTORE_SCHEMA_ONLY)
        pgd_strings_add(ret_arguments, "--schema-only");
    if (restore->flags & KIST_RESTORE_DATA_ONLY)
        pgd_strings_add(ret_arguments, "--data-only");
    if (restore->flags & (KIST_RESTORE_NO_OWNER | KIST_RESTORE_DRILL))
        pgd_strings_add(ret_arguments, "--no-owner");
    if (!(restore->flags & KIST_RESTORE_DRILL))
        return;
    pgd_strings_add(ret_arguments, "--no-privileges");
    pgd_strings_add(ret_arguments, "--no-publications");
    pgd_strings_add(ret_arguments, "--no-subscriptions");
}

void pgd_restore_arguments(const struct pgd_programs *programs, const char *path, int list, int output,
                           struct pgd_strings *ret_arguments)
{
    const struct pgd_restore *restore = programs->restore;
    pgd_strings_add(ret_arguments, "%s", path);
    if (programs->way == PGD_WAY_CHECK) {
        if (programs->kind == PGD_KIND_TAR)
            pgd_strings_add(ret_arguments, "--format=tar");
        pgd_strings_add(ret_arguments, "--file=/dev/null");
        return;
    }
    put_restore_choices(programs, ret_arguments);
    if (list > 0)
        pgd_strings_add(ret_arguments, "--use-list=/proc/self/fd/%d", list);
    if (programs->way == PGD_WAY_SCRIPT) {
        pgd_strings_add(ret_arguments, "--file=/proc/self/fd/%d", output);
        /* Large objects come with a BEGIN and COMMIT of their own, unless the whole is one transaction. */
        if (!programs->list)
            pgd_strings_add(ret_arguments, "--single-transaction");
        return;
    }
    pgd_strings_add(ret_arguments, "--no-password");
    pgd_strings_add(ret_arguments, "--dbname=%s", restore->target.server.conninfo_restore);
    if (!programs->lenient)
        pgd_strings_add(ret_arguments, "--exit-on-error");
    if (programs->way == PGD_WAY_SPOOL)
        pgd_strings_add(ret_arguments, "--jobs=%lld", (long long)restore->jobs);
    else if (!programs->lenient)
        pgd_strings_add(ret_arguments, "--single-transaction");
    /* The target is empty: what is dropped then is the empty schema. */
    if (programs->makes_public && !(restore->flags & KIST_RESTORE_DATA_ONLY)) {
        pgd_strings_add(ret_arguments, "--clean");
        pgd_strings_add(ret_arguments, "--if-exists");
    }
    if (programs->way == PGD_WAY_SPOOL)
        pgd_strings_add(ret_arguments, "%s", programs->spool.path);
}

void pgd_psql_arguments(const struct pgd_programs *programs, const char *path, int before, int script,
                        struct pgd_strings *ret_arguments)
{
    pgd_strings_add(ret_arguments, "%s", path);
    pgd_strings_add(ret_arguments, "--no-password");
    pgd_strings_add(ret_arguments, "--dbname=%s", programs->restore->target.server.conninfo_restore);
    pgd_strings_add(ret_arguments, "--no-psqlrc");
    pgd_strings_add(ret_arguments, "--quiet");
    if (!programs->lenient)
        pgd_strings_add(ret_arguments, "--set=ON_ERROR_STOP=1");
    if (before > 0)
        pgd_strings_add(ret_arguments, "--file=/proc/self/fd/%d", before);
    if (script > 0)
        pgd_strings_add(ret_arguments, "--file=/proc/self/fd/%d", script);
    pgd_strings_add(ret_arguments, "--file=-");
}
