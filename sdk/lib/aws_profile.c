#include "aws_private.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_LINE ((size_t)64 << 10)
#define MAX_FILE ((size_t)4 << 20)

/* One setting; a section itself is one with an empty key. Later ones come first in the list, because they win. */
struct aws_profile_value {
    struct aws_profile_value *next;
    int where;
    char *profile, *key, *value;
};

struct parse {
    const struct kist_host *host;
    struct aws_profiles *profiles;
    struct kist_error *err;
    const char *path;
    int where;
    int in_section; /* where the section belongs, or 0 for one that is skipped, or -1 before the first */
    unsigned line;
    char *profile;
    struct aws_profile_value *last; /* which an indented line continues; or NULL */
};

static int fail_line(const struct parse *parse, const char *why)
{
    int code =
        parse->host->fail(parse->host, parse->err, KIST_ERR_CONFIG, "%s:%u: %s", parse->path, parse->line, why);
    parse->host->hint(parse->host, parse->err,
                      "the form of this file: "
                      "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html");
    return code;
}

static void trim(const char **text, size_t *size)
{
    while (*size > 0 && isspace((unsigned char)**text)) {
        ++*text;
        --*size;
    }
    while (*size > 0 && isspace((unsigned char)(*text)[*size - 1]))
        --*size;
}

static int add_value(struct parse *parse, const char *key, size_t key_size, const char *value, size_t value_size)
{
    struct aws_profile_value *item = calloc(1, sizeof *item);
    if (!item)
        return aws_no_memory(parse->host, parse->err);
    item->where = parse->in_section;
    item->next = parse->profiles->values;
    parse->profiles->values = item;
    parse->last = item;
    item->profile = strdup(parse->profile);
    item->key = strndup(key, key_size);
    item->value = strndup(value, value_size);
    if (!item->profile || !item->key || !item->value)
        return aws_no_memory(parse->host, parse->err);
    for (char *at = item->key; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return 0;
}

/* ---- sections ---- */

/* 1 when `name` begins with the word, which is then taken off. */
static int take_word(const char **name, size_t *size, const char *word)
{
    size_t length = strlen(word);
    if (*size <= length || strncmp(*name, word, length) != 0 || !isspace((unsigned char)(*name)[length]))
        return 0;
    *name += length;
    *size -= length;
    trim(name, size);
    return 1;
}

static int section_place(const struct parse *parse, const char **name, size_t *size)
{
    if (parse->where == AWS_IN_CREDENTIALS || take_word(name, size, "profile"))
        return parse->where;
    if (take_word(name, size, "services"))
        return AWS_IN_SERVICES;
    /* [x] names a profile in the other file alone; of [sso-session x] and the like nothing is needed. */
    return *size == 7 && strncmp(*name, "default", 7) == 0 ? AWS_IN_CONFIG : 0;
}

static int parse_section(struct parse *parse, const char *text, size_t size)
{
    const char *end = memchr(text, ']', size);
    if (!end)
        return fail_line(parse, "a section without ']'");
    const char *name = text + 1;
    size_t length = (size_t)(end - name);
    trim(&name, &length);
    parse->in_section = section_place(parse, &name, &length);
    if (length >= 2 && (*name == '"' || *name == '\'') && name[length - 1] == *name) {
        name++;
        length -= 2;
    }
    if (length == 0)
        return fail_line(parse, "a section without a name");
    free(parse->profile);
    parse->profile = strndup(name, length);
    if (!parse->profile)
        return aws_no_memory(parse->host, parse->err);
    parse->last = NULL;
    if (parse->in_section == 0)
        return 0;
    int code = add_value(parse, "", 0, "", 0);
    parse->last = NULL;
    return code;
}

/* ---- lines ---- */

/* An indented line belongs to the setting above it: more of its value, or one of a group such as `s3 =`. */
static int parse_continuation(const struct parse *parse, const char *text, size_t size)
{
    struct aws_profile_value *item = parse->last;
    char *value = NULL;
    if (asprintf(&value, "%s\n%.*s", item->value, (int)size, text) < 0)
        return aws_no_memory(parse->host, parse->err);
    aws_wipe(item->value);
    item->value = value;
    return 0;
}

static int parse_setting(struct parse *parse, const char *text, size_t size)
{
    const char *equals = memchr(text, '=', size);
    size_t key_size = equals ? (size_t)(equals - text) : 0;
    const char *key = text, *value = equals ? equals + 1 : NULL;
    trim(&key, &key_size);
    if (key_size == 0)
        return fail_line(parse, "neither '[section]' nor 'key = value'");
    size_t value_size = (size_t)(text + size - value);
    trim(&value, &value_size);
    return add_value(parse, key, key_size, value, value_size);
}

static int parse_line(struct parse *parse, const char *line, size_t size)
{
    const char *text = line;
    trim(&text, &size);
    if (size == 0 || *text == '#' || *text == ';')
        return 0;
    if (memchr(text, '\0', size))
        return fail_line(parse, "a zero byte");
    if (text > line && parse->last)
        return parse_continuation(parse, text, size);
    if (*text == '[')
        return parse_section(parse, text, size);
    if (parse->in_section < 0)
        return fail_line(parse, "a setting before the first '[section]'");
    if (parse->in_section == 0)
        return 0;
    return parse_setting(parse, text, size);
}

static int parse_lines(struct parse *parse, const char *text, size_t size)
{
    const char *end = text + size;
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((newline ? newline : end) - text);
        parse->line++;
        int code =
            length > MAX_LINE ? fail_line(parse, "a line of more than 64 KiB") : parse_line(parse, text, length);
        if (code)
            return code;
        text = newline ? newline + 1 : end;
    }
    return 0;
}

int aws_profiles_parse(const struct kist_host *host, struct aws_profiles *profiles, int where, const char *path,
                       const char *text, size_t size, struct kist_error *err)
{
    struct parse parse = {
        .host = host, .profiles = profiles, .err = err, .path = path, .where = where, .in_section = -1};
    size_t mark = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    int code = parse_lines(&parse, text + mark, size - mark);
    free(parse.profile);
    return code;
}

/* ---- files ---- */

static char *default_path(const char *variable, const char *name)
{
    const char *given = aws_env(variable), *home = aws_env("HOME");
    char *path = NULL;
    if (given && strncmp(given, "~/", 2) != 0)
        return strdup(given);
    if (!home || asprintf(&path, "%s/%s", home, given ? given + 2 : name) < 0)
        return NULL;
    return path;
}

/* Whoever may write to these files chooses what is run and where backups go. */
static int check_owner(const struct kist_host *host, const char *path, const struct stat *status,
                       struct kist_error *err)
{
    if (!(status->st_mode & S_IWOTH))
        return 0;
    int code = host->fail(host, err, KIST_ERR_CONFIG, "'%s' can be written by other users", path);
    host->hint(host, err, "chmod o-w '%s'", path);
    return code;
}

static int read_profiles(const struct kist_host *host, struct aws_profiles *profiles, int where, const char *path,
                         struct kist_error *err)
{
    struct stat status;
    if (!path || (stat(path, &status) != 0 && (errno == ENOENT || errno == ENOTDIR)))
        return 0;
    AWS_CLEANUP_SECRET char *text = NULL;
    int code = aws_read_file(host, path, MAX_FILE, &text, err);
    if (!code)
        code = check_owner(host, path, &status, err);
    if (!code)
        code = aws_profiles_parse(host, profiles, where, path, text, strlen(text), err);
    return code;
}

int aws_profiles_read(const struct kist_host *host, struct aws_profiles *ret_profiles, struct kist_error *err)
{
    struct aws_profiles profiles = {
        .config_path = default_path("AWS_CONFIG_FILE", ".aws/config"),
        .credentials_path = default_path("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
    };
    int code = read_profiles(host, &profiles, AWS_IN_CONFIG, profiles.config_path, err);
    if (!code)
        code = read_profiles(host, &profiles, AWS_IN_CREDENTIALS, profiles.credentials_path, err);
    if (code)
        aws_profiles_done(&profiles);
    else
        *ret_profiles = profiles;
    return code;
}

void aws_profiles_done(struct aws_profiles *profiles)
{
    free(profiles->config_path);
    free(profiles->credentials_path);
    struct aws_profile_value *item = profiles->values;
    while (item) {
        struct aws_profile_value *next = item->next;
        free(item->profile);
        free(item->key);
        aws_wipe(item->value);
        free(item);
        item = next;
    }
    *profiles = (struct aws_profiles){.values = NULL};
}

/* ---- questions ---- */

static const char *find(const struct aws_profiles *profiles, int where, const char *profile, const char *key)
{
    for (const struct aws_profile_value *item = profiles->values; item; item = item->next)
        if ((item->where & where) && strcmp(item->key, key) == 0 && strcmp(item->profile, profile) == 0)
            return item->value;
    return NULL;
}

int aws_profile_exists(const struct aws_profiles *profiles, const char *profile)
{
    return find(profiles, AWS_IN_CREDENTIALS | AWS_IN_CONFIG, profile, "") != NULL;
}

const char *aws_profile_get(const struct aws_profiles *profiles, int where, const char *profile, const char *key)
{
    const char *value = NULL;
    if (where & AWS_IN_CREDENTIALS)
        value = find(profiles, AWS_IN_CREDENTIALS, profile, key);
    if (!value)
        value = find(profiles, where & ~AWS_IN_CREDENTIALS, profile, key);
    return value && *value ? value : NULL;
}

const char *aws_profile_value(const struct aws_profiles *profiles, const char *profile, const char *key)
{
    return aws_profile_get(profiles, AWS_IN_CREDENTIALS | AWS_IN_CONFIG, profile, key);
}

char *aws_profile_nested(const struct aws_profiles *profiles, int where, const char *profile, const char *group,
                         const char *key)
{
    const char *line = aws_profile_get(profiles, where, profile, group);
    while (line && (line = strchr(line, '\n'))) {
        const char *name = ++line, *equals = strpbrk(line, "=\n");
        if (!equals || *equals != '=')
            continue;
        size_t name_size = (size_t)(equals - name), value_size = strcspn(equals + 1, "\n");
        const char *value = equals + 1;
        trim(&name, &name_size);
        trim(&value, &value_size);
        if (name_size == strlen(key) && strncmp(name, key, name_size) == 0)
            return strndup(value, value_size);
    }
    return NULL;
}
