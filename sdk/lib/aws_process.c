#include "aws_private.h"
#include "child.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_OUTPUT ((size_t)64 << 10)
#define TOTAL_MS 60000

/* ---- the command's words ---- */

/* One word of `*text`, without its quotes, to `*out`. 0 for a quote that does not end. */
static int take_word(const char **text, char **out)
{
    const char *at = *text;
    char quote = 0;
    for (; *at && (quote || !isspace((unsigned char)*at)); at++) {
        if (quote ? *at == quote : *at == '"' || *at == '\'') {
            quote = quote ? 0 : *at;
            continue;
        }
        int is_escape = quote == '"' ? at[1] == '"' || at[1] == '\\' : !quote && at[1];
        if (*at == '\\' && is_escape)
            at++;
        *(*out)++ = *at;
    }
    *(*out)++ = '\0';
    *text = at;
    return !quote;
}

int aws_split_words(const char *text, char ***ret_words)
{
    /* The words and their zeros take no more than the text and its own zero; each but the last has a space behind it. */
    size_t length = strlen(text), count = 0;
    char **words = calloc(1, (length / 2 + 2) * sizeof *words + length + 1);
    if (!words)
        return -1;
    char *out = (char *)(words + length / 2 + 2);
    for (;;) {
        while (isspace((unsigned char)*text))
            text++;
        if (!*text)
            break;
        words[count++] = out;
        if (!take_word(&text, &out)) {
            free(words);
            return 0;
        }
    }
    *ret_words = words;
    return 1;
}

/* ---- the program ---- */

static int is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/* Where a program without a slash is; new, or NULL. Folders that depend on where we are do not count. */
static char *find_program(const char *name)
{
    const char *folder = aws_env("PATH");
    if (strchr(name, '/'))
        return strdup(name);
    for (folder = folder ? folder : "/usr/local/bin:/usr/bin:/bin"; *folder;) {
        size_t length = strcspn(folder, ":");
        char *path = NULL;
        if (*folder == '/' && asprintf(&path, "%.*s/%s", (int)length, folder, name) >= 0) {
            if (is_program(path))
                return path;
            free(path);
        }
        folder += length + (folder[length] == ':');
    }
    return NULL;
}

static int read_output(const struct kist_host *host, struct kist_child *child, char *text, size_t *ret_size,
                       struct kist_error *err)
{
    size_t size = 0, got = 1;
    while (got > 0) {
        if (size == MAX_OUTPUT)
            return host->fail(host, err, KIST_ERR_AUTH, "the credential_process wrote more than %zu bytes",
                              MAX_OUTPUT);
        int code = kist_child_read(child, text + size, MAX_OUTPUT - size, &got, err);
        if (code)
            return code;
        size += got;
    }
    *ret_size = size;
    return kist_child_finish(child, err);
}

static int run(struct kist_aws *aws, char *const *words, struct aws_credentials *ret_credentials,
               struct kist_error *err)
{
    /* It is a program of the user's own and needs what the user's programs need. */
    const struct kist_child_setup setup = {.argv = (const char *const *)words,
                                           .envp = (const char *const *)environ,
                                           .read_stdout = 1,
                                           .total_ms = TOTAL_MS};
    struct kist_child *child = NULL;
    size_t size = 0;
    char *text = malloc(MAX_OUTPUT);
    int code = text ? kist_child_start(aws->host, &setup, &child, err) : aws_no_memory(aws->host, err);
    if (!code)
        code = read_output(aws->host, child, text, &size, err);
    kist_child_free(child);
    if (!code)
        code = aws_credentials_parse(aws->host, "the credential_process", text, size, 1, ret_credentials, err);
    if (text)
        OPENSSL_cleanse(text, MAX_OUTPUT);
    free(text);
    return code;
}

int aws_from_process(struct kist_aws *aws, const char *command, struct aws_credentials *ret_credentials,
                     struct kist_error *err)
{
    char **words = NULL;
    int split = aws_split_words(command, &words);
    if (split < 0)
        return aws_no_memory(aws->host, err);
    if (split == 0)
        return aws->host->fail(aws->host, err, KIST_ERR_AUTH,
                               "the credential_process has a quote that does not end");
    AWS_CLEANUP_TEXT char *program = words[0] && *words[0] ? find_program(words[0]) : NULL;
    int code;
    if (program) {
        words[0] = program;
        code = run(aws, words, ret_credentials, err);
    } else {
        code = aws->host->fail(aws->host, err, KIST_ERR_AUTH, "the credential_process '%s' is not in $PATH",
                               words[0] ? words[0] : "");
    }
    free(words);
    return code ? aws_fail_auth(aws->host, err) : 0;
}
