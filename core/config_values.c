#include "config_values.h"
#include "config.h"
#include "read_file.h"
#include "redact.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CREDENTIAL "cred:"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define DIGITS "0123456789"

static int is_variable(const char *name)
{
    return *name && strchr(LETTERS, *name) && name[strspn(name, LETTERS DIGITS)] == '\0';
}

static int is_credential(const char *name)
{
    return *name && *name != '.' && name[strspn(name, LETTERS DIGITS ".-@:")] == '\0';
}

static int make_known(const char *secret, struct kist_error *err)
{
    return kist_redact_add(secret) ? kist_fail(err, KIST_ERR_FAILED, "out of memory") : 0;
}

static int add_variable(struct kist_text *text, const char *name, struct kist_error *err)
{
    const char *value = getenv(name);
    if (!value) {
        kist_fail(err, KIST_ERR_CONFIG, "the environment variable '%s' is not set", name);
        kist_hint(err, "set it where kist is started (under systemd: Environment= or EnvironmentFile=)");
        return KIST_ERR_CONFIG;
    }
    kist_text_add(text, value);
    return 0;
}

static int add_credential(struct kist_text *text, const char *name, struct kist_error *err)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    char *path = NULL, *line = NULL;
    if (!directory || directory[0] != '/') {
        kist_fail(err, KIST_ERR_CONFIG, "the credential '%s' is wanted, but CREDENTIALS_DIRECTORY is not set",
                  name);
        kist_hint(err, "under systemd: LoadCredential=%s:PATH in the unit", name);
        return KIST_ERR_CONFIG;
    }
    if (asprintf(&path, "%s/%s", directory, name) < 0)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    int failed = kist_file_first_line(path, &line, NULL, err);
    if (failed)
        kist_error_prefix(err, "the credential '%s': '%s'", name, path);
    free(path);
    if (failed)
        return failed;
    failed = make_known(line, err);
    kist_text_add(text, line);
    kist_secret_free(line);
    return failed;
}

static int add_reference(struct kist_text *text, const char *name, struct kist_error *err)
{
    size_t prefix = sizeof CREDENTIAL - 1;
    int credential = strncmp(name, CREDENTIAL, prefix) == 0;
    if (credential && is_credential(name + prefix))
        return add_credential(text, name + prefix, err);
    if (!credential && is_variable(name))
        return add_variable(text, name, err);
    /* Not quoted: it may be a part of a password that happens to hold "${". */
    kist_fail(err, KIST_ERR_CONFIG, "what stands between '${' and '}' is not a name");
    kist_hint(err, "${NAME} is a variable of the environment, ${cred:NAME} a credential, $$ a plain '$'");
    return KIST_ERR_CONFIG;
}

/* Takes "${...}" at `*at`. */
static int take_reference(struct kist_text *text, const char **at, struct kist_error *err)
{
    const char *name = *at + 2;
    const char *end = strchr(name, '}');
    if (!end) {
        kist_fail(err, KIST_ERR_CONFIG, "'${' without '}'");
        kist_hint(err, "write $$ for a plain '$'");
        return KIST_ERR_CONFIG;
    }
    char *copy = strndup(name, (size_t)(end - name));
    if (!copy)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    int failed = add_reference(text, copy, err);
    kist_secret_free(copy);
    *at = end + 1;
    return failed;
}

int kist_value_expand(const char *raw, struct kist_value *ret_value, struct kist_error *err)
{
    struct kist_text text KIST_CLEANUP_TEXT = KIST_TEXT_INIT;
    int is_literal = 1;
    for (const char *at = raw; *at;) {
        size_t plain = strcspn(at, "$");
        kist_text_add_bytes(&text, at, plain);
        at += plain;
        if (at[0] == '$' && at[1] == '{') {
            is_literal = 0;
            if (take_reference(&text, &at, err))
                return err->code;
        } else if (at[0] == '$') {
            kist_text_add_char(&text, '$');
            at += at[1] == '$' ? 2 : 1;
        }
    }
    char *result = kist_text_take(&text);
    if (!result)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    *ret_value = (struct kist_value){.text = result, .is_literal = is_literal};
    return 0;
}

/* `path` as seen from the file `config_path`. */
static char *resolve(const char *path, const char *config_path)
{
    const char *slash = config_path ? strrchr(config_path, '/') : NULL;
    char *resolved = NULL;
    if (path[0] == '/' || !slash)
        return strdup(path);
    if (asprintf(&resolved, "%.*s/%s", (int)(slash - config_path), config_path, path) < 0)
        return NULL;
    return resolved;
}

static int read_value_file(const char *path, int secret, struct kist_value *ret_value, struct kist_error *err)
{
    struct stat status;
    char *line = NULL;
    if (kist_file_first_line(path, &line, &status, err))
        return kist_error_prefix(err, "'%s'", path);
    int failed = secret ? make_known(line, err) : 0;
    if (!failed && secret && (status.st_mode & (S_IROTH | S_IWOTH))) {
        failed = kist_fail(err, KIST_ERR_CONFIG, "'%s' holds a secret and can be read by everybody (mode %04o)",
                           path, (unsigned)status.st_mode & 07777);
        kist_hint(err, "chmod 600 %s, or use ${cred:NAME} for a directory that others cannot enter", path);
    }
    if (failed) {
        kist_secret_free(line);
        return failed;
    }
    *ret_value = (struct kist_value){.text = line};
    return 0;
}

int kist_value_from_file(const char *raw_path, const char *config_path, int secret, struct kist_value *ret_value,
                         struct kist_error *err)
{
    struct kist_value path = {.text = NULL};
    if (kist_value_expand(raw_path, &path, err))
        return err->code;
    char *resolved = resolve(path.text, config_path);
    int failed = !resolved     ? kist_fail(err, KIST_ERR_FAILED, "out of memory")
                 : !*path.text ? kist_fail(err, KIST_ERR_CONFIG, "no file is named")
                               : read_value_file(resolved, secret, ret_value, err);
    free(resolved);
    kist_value_done(&path);
    return failed;
}

void kist_value_done(struct kist_value *value)
{
    kist_secret_free(value->text);
    value->text = NULL;
}

int kist_config_expand(const char *text, char **ret_text, struct kist_error *err)
{
    struct kist_value value = {.text = NULL};
    if (kist_value_expand(text, &value, err))
        return err->code;
    /* Nobody has said of what type it is; what was not typed on the command line is kept out of the log. */
    if (!value.is_literal && make_known(value.text, err)) {
        kist_value_done(&value);
        return err->code;
    }
    *ret_text = value.text;
    return 0;
}
