/* stock.c - commands for a shell, for those who have no kist at hand. */
#include "rds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rds_stock_word(FILE *out, const char *text)
{
    if (*text &&
        text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+-")] == '\0') {
        fputs(text, out);
        return;
    }
    fputc('\'', out);
    for (; *text; text++)
        fputs(*text == '\'' ? "'\\''" : (const char[]){*text, '\0'}, out);
    fputc('\'', out);
}

static void put(FILE *out, const char *option, const char *value)
{
    if (!value || !*value)
        return;
    fprintf(out, " %s ", option);
    rds_stock_word(out, value);
}

/* Where instance or cluster is to lie, as the section says. */
static void put_place(const struct rds_source *source, const char *region, FILE *out)
{
    const kist_list *groups = &source->config->security_groups;
    if (!rds_is_home(source, region))
        return;
    put(out, "--db-subnet-group-name", source->config->subnet_group);
    if (groups->count > 0)
        fputs(" --vpc-security-group-ids", out);
    for (uint64_t i = 0; i < groups->count; i++) {
        fputc(' ', out);
        rds_stock_word(out, groups->items[i]);
    }
}

static void put_instance(const struct rds_source *source, const char *region, const struct rds_snapshot *snapshot,
                         const char *name, FILE *out)
{
    fputs("aws rds restore-db-instance-from-db-snapshot", out);
    put(out, "--region", region);
    put(out, "--db-instance-identifier", name);
    put(out, "--db-snapshot-identifier", snapshot->identifier);
    put(out, "--db-instance-class", source->config->instance_class);
    put_place(source, region, out);
}

static void put_cluster(const struct rds_source *source, const char *region, const struct rds_snapshot *snapshot,
                        const char *name, FILE *out)
{
    const char *class = source->config->instance_class;
    char member[RDS_IDENTIFIER_MAX + 8];
    snprintf(member, sizeof member, "%s-1", name);
    fputs("aws rds restore-db-cluster-from-snapshot", out);
    put(out, "--region", region);
    put(out, "--db-cluster-identifier", name);
    put(out, "--snapshot-identifier", snapshot->identifier);
    put(out, "--engine", snapshot->engine[0] ? snapshot->engine : "aurora-postgresql");
    put_place(source, region, out);
    if (!rds_is_aurora(snapshot->engine)) {
        put(out, "--db-cluster-instance-class", class ? class : "db.m6gd.large");
        return;
    }
    fputs(" && aws rds create-db-instance", out);
    put(out, "--region", region);
    put(out, "--db-instance-identifier", member);
    put(out, "--db-cluster-identifier", name);
    put(out, "--engine", snapshot->engine[0] ? snapshot->engine : "aurora-postgresql");
    put(out, "--db-instance-class", class ? class : "db.r6g.large");
}

char *rds_stock_restore(const struct rds_source *source, const char *region, const struct rds_snapshot *snapshot)
{
    char *text = NULL, name[RDS_INSTANCE_MAX + 1];
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    size_t length = strnlen(rds_of(source), RDS_INSTANCE_MAX - 11);
    while (length > 0 && rds_of(source)[length - 1] == '-')
        length--;
    snprintf(name, sizeof name, "%.*s-restored", (int)length, rds_of(source));
    if (rds_is_cluster(source))
        put_cluster(source, region, snapshot, name, out);
    else
        put_instance(source, region, snapshot, name, out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

/* ---- looking at what was restored ---- */

static int has(const char *engine, const char *word)
{
    return strstr(engine, word) != NULL;
}

char *rds_stock_look(const struct rds_database *database)
{
    char *text = NULL, port[16];
    size_t size = 0;
    int is_postgres = has(database->engine, "postgres");
    int is_mysql = has(database->engine, "mysql") || has(database->engine, "mariadb") ||
                   strcmp(database->engine, "aurora") == 0;
    if (!database->host[0] || (!is_postgres && !is_mysql))
        return NULL;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    snprintf(port, sizeof port, "%lld", (long long)database->port);
    fputs(is_postgres ? "psql" : "mysql", out);
    put(out, "-h", database->host);
    put(out, is_postgres ? "-p" : "-P", database->port > 0 ? port : NULL);
    put(out, is_postgres ? "-U" : "-u", database->user);
    if (is_postgres)
        put(out, "-d",
            database->database[0] && !strpbrk(database->database, "=:/") ? database->database : "postgres");
    else
        fputs(" -p", out); /* asks for the password */
    if (is_mysql)
        put(out, "-D", database->database);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
