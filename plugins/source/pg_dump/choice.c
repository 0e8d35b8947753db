#include "counts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what extra_args says about it ---- */

enum effect { NO_EFFECT, UNKNOWN, ROLE, NO_DATA, NO_UNLOGGED, LARGE_OBJECTS, NO_LARGE_OBJECTS };

static const struct known {
    const char *name;
    char letter; /* or 0 */
    enum effect effect;
} known[] = {
    {"role", 0, ROLE},
    {"exclude-table-data", 0, NO_DATA},
    {"no-unlogged-table-data", 0, NO_UNLOGGED},
    {"blobs", 'b', LARGE_OBJECTS},
    {"large-objects", 0, LARGE_OBJECTS},
    {"no-blobs", 'B', NO_LARGE_OBJECTS},
    {"no-large-objects", 0, NO_LARGE_OBJECTS},
    /* These choose in ways of their own, or do not go with a snapshot that is not pg_dump's. */
    {"extension", 'e', UNKNOWN},
    {"exclude-extension", 0, UNKNOWN},
    {"exclude-table-and-children", 0, UNKNOWN},
    {"exclude-table-data-and-children", 0, UNKNOWN},
    {"table-and-children", 0, UNKNOWN},
    {"filter", 0, UNKNOWN},
    {"section", 0, UNKNOWN},
    {"no-data", 0, UNKNOWN},
    {"no-schema", 0, UNKNOWN},
    {"statistics-only", 0, UNKNOWN},
    {"serializable-deferrable", 0, UNKNOWN},
};

/* Any beginning of a long option stands for it; where it is one of several pg_dump itself refuses it. */
static enum effect long_effect(const char *name, size_t length)
{
    enum effect effect = NO_EFFECT;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strncmp(known[i].name, name, length) != 0)
            continue;
        if (strlen(known[i].name) == length)
            return known[i].effect;
        if (effect == NO_EFFECT)
            effect = known[i].effect;
    }
    return effect;
}

static enum effect letter_effect(char letter)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].letter && known[i].letter == letter)
            return known[i].effect;
    return NO_EFFECT;
}

/* Whether the argument has the effect; *ret_value is what follows a long option's '='. */
static int has_effect(const char *argument, enum effect effect, const char **ret_value)
{
    if (strncmp(argument, "--", 2) == 0) {
        const char *equals = strchr(argument, '=');
        size_t length = equals ? (size_t)(equals - argument) - 2 : strlen(argument + 2);
        *ret_value = equals ? equals + 1 : NULL;
        return length > 0 && long_effect(argument + 2, length) == effect;
    }
    /* A cluster of letters, up to the first that takes a value. */
    for (const char *letter = argument[0] == '-' ? argument + 1 : ""; *letter; letter++) {
        if (letter_effect(*letter) == effect)
            return 1;
        if (strchr("eES", *letter))
            break;
    }
    return 0;
}

static const char *find_argument(const struct pgd_config *config, enum effect effect, const char **ret_value)
{
    const char *found = NULL, *value = NULL;
    for (uint64_t i = 0; i < config->extra_args.count; i++)
        if (has_effect(config->extra_args.items[i], effect, &value)) {
            found = config->extra_args.items[i];
            *ret_value = value;
        }
    return found;
}

const char *pgd_choice_unknown(const struct pgd_config *config)
{
    const char *value = NULL;
    return find_argument(config, UNKNOWN, &value);
}

const char *pgd_choice_role(const struct pgd_config *config)
{
    const char *value = NULL;
    return find_argument(config, ROLE, &value) ? value : NULL;
}

int pgd_choice_no_data(const struct pgd_config *config, const char **ret_patterns)
{
    int count = 0;
    for (uint64_t i = 0; i < config->extra_args.count; i++) {
        const char *value = NULL;
        if (has_effect(config->extra_args.items[i], NO_DATA, &value) && value)
            ret_patterns[count++] = value;
    }
    return count;
}

/* ---- the patterns, resolved ---- */

static int resolve_no_data(struct pgd_link *link, const struct pgd_config *config, char **ret_oids,
                           struct kist_error *err)
{
    const char **patterns = calloc(config->extra_args.count + 1, sizeof *patterns);
    if (!patterns)
        return link->host->fail(link->host, err, KIST_ERR_FAILED, "out of memory");
    kist_list list = {patterns, (uint64_t)pgd_choice_no_data(config, patterns)};
    int code = pgd_patterns_resolve(link, &list, 0, ret_oids, err);
    free(patterns);
    return code;
}

int pgd_choice_make(struct pgd_link *link, const struct pgd_config *config, int standby,
                    struct pgd_choice *ret_choice, struct kist_error *err)
{
    struct pgd_choice choice = {0};
    const char *value = NULL;
    choice.everything = config->tables.count + config->schemas.count == 0;
    choice.definitions = config->sections.index != PGD_DATA;
    choice.unlogged = !standby && !find_argument(config, NO_UNLOGGED, &value);
    choice.large_objects = !find_argument(config, NO_LARGE_OBJECTS, &value) &&
                           (choice.everything || find_argument(config, LARGE_OBJECTS, &value));
    /* A name without a schema means what pg_dump's session would find by it. */
    int code = pgd_execute(link, "RESET search_path", err);
    if (!code)
        code = pgd_patterns_resolve(link, &config->tables, 0, &choice.tables, err);
    if (!code)
        code = pgd_patterns_resolve(link, &config->exclude_tables, 0, &choice.no_tables, err);
    if (!code)
        code = pgd_patterns_resolve(link, &config->schemas, 1, &choice.schemas, err);
    if (!code)
        code = pgd_patterns_resolve(link, &config->exclude_schemas, 1, &choice.no_schemas, err);
    if (!code)
        code = resolve_no_data(link, config, &choice.no_data, err);
    if (!code)
        code = pgd_execute(link, "SET search_path = pg_catalog, pg_temp", err);
    if (code)
        pgd_choice_done(&choice);
    else
        *ret_choice = choice;
    return code;
}

void pgd_choice_done(struct pgd_choice *choice)
{
    free(choice->tables);
    free(choice->no_tables);
    free(choice->schemas);
    free(choice->no_schemas);
    free(choice->no_data);
    *choice = (struct pgd_choice){0};
}
