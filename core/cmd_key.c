#include "backup_id.h"
#include "commands.h"
#include "host.h"
#include "plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- which filter ---- */

struct search {
    const struct kist_plugin *found;
    size_t count;
};

static void note_encrypting(void *arg, const char *path, const struct kist_plugin *plugin,
                            const struct kist_error *err)
{
    struct search *search = arg;
    (void)path;
    (void)err; /* one that cannot be used makes no keys; `kist plugin list` says why */
    if (!plugin || plugin->kind != KIST_KIND_FILTER || !(plugin->features & KIST_FILTER_ENCRYPTS))
        return;
    search->found = plugin;
    search->count++;
}

static int find_filter(const struct kist_cli *cli, struct kist_registry *registry,
                       const struct kist_plugin **ret_plugin, struct kist_error *err)
{
    struct search search = {.found = NULL};
    if (cli->arg_count == 1)
        return kist_registry_find(registry, KIST_KIND_FILTER, cli->args[0], ret_plugin, err);
    int code = kist_registry_each(registry, note_encrypting, &search, err);
    if (code)
        return code;
    if (search.count != 1) {
        kist_fail(err, KIST_ERR_CONFIG, "%s",
                  search.count ? "several filters encrypt" : "there is no filter that encrypts");
        kist_hint(err, search.count ? "name one: kist key new FILTER"
                                    : "`kist plugin list` shows the plugins that there are");
        return KIST_ERR_CONFIG;
    }
    *ret_plugin = search.found;
    return 0;
}

/* ---- the pair ---- */

struct output {
    const char *path; /* NULL: all of it to standard output */
    struct kist_error err;
};

static int fail_write(struct output *output, int errnum)
{
    return kist_fail_errno(&output->err, errnum, "cannot write '%s'", output->path);
}

/* A file that nobody else can read, and never one that is there already: it may hold the only key to a backup. */
static int write_file(struct output *output, const char *text)
{
    size_t size = strlen(text);
    int fd = open(output->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_write(output, errno);
    int code = 0;
    for (size_t done = 0; done < size && !code;) {
        ssize_t written = write(fd, text + done, size - done);
        if (written >= 0)
            done += (size_t)written;
        else if (errno != EINTR)
            code = fail_write(output, errno);
    }
    if (!code && fsync(fd) != 0)
        code = fail_write(output, errno);
    if (close(fd) != 0 && !code)
        code = fail_write(output, errno);
    if (code)
        unlink(output->path);
    return code;
}

static int take_pair(void *arg, const struct kist_key *key)
{
    struct output *output = arg;
    char now[KIST_TIME_LENGTH + 1], *text = NULL;
    kist_time_text(kist_time_now(), now);
    if (asprintf(&text, "# created: %s\n# public key: %s\n%s\n", now, key->recipient, key->identity) < 0)
        return kist_fail(&output->err, KIST_ERR_FAILED, "out of memory");
    int code = 0;
    if (output->path)
        code = write_file(output, text);
    else
        fputs(text, stdout);
    if (!code && output->path)
        printf("recipient: %s\n"
               "The identity is in %s. Keep it, and a copy, away from the machine that makes the backups;\n"
               "without it nothing that is encrypted to the recipient can be restored.\n",
               key->recipient, output->path);
    explicit_bzero(text, strlen(text));
    free(text);
    return code;
}

static int make_pair(const struct kist_cli *cli, const struct kist_plugin *plugin, struct kist_error *err)
{
    struct output output = {.path = kist_cli_value(cli, "output"), .err = KIST_ERROR_INIT};
    struct kist_kept *kept = kist_kept_new(plugin->name, cli->cancel);
    if (!kept)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    const struct kist_host host = kist_host_of(kept);
    int code = plugin->as.filter.new_key(&host, take_pair, &output, err);
    if (output.err.code)
        code = kist_error_move(err, &output.err);
    else if (code)
        kist_error_prefix(err, "filter '%s'", plugin->name);
    kist_kept_free(kept);
    return code;
}

enum kist_exit kist_cmd_key_new(struct kist_cli *cli)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    enum kist_exit status = KIST_EXIT_OK;
    const struct kist_plugin *plugin = NULL;
    struct kist_registry *registry = kist_cli_registry(cli, &status);
    if (!registry)
        return status;
    int code = find_filter(cli, registry, &plugin, &err);
    if (!code)
        code = make_pair(cli, plugin, &err);
    if (code)
        status = kist_cli_fail(&err);
    kist_registry_free(registry);
    return status;
}
