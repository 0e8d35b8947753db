#include "cli.h"

#include <stdlib.h>
#include <string.h>

struct kist_registry *kist_cli_registry(const struct kist_cli *cli, enum kist_exit *ret_exit)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const char *dirs[65], *given = NULL;
    char *real[65] = {NULL};
    size_t count = 0;
    struct kist_registry *registry = NULL;
    for (; count < 64 && (given = kist_cli_value_at(cli, "plugin-dir", count)); count++) {
        real[count] = realpath(given, NULL);
        dirs[count] = real[count] ? real[count] : given;
    }
    int code = kist_registry_own_dir(&real[count], &err);
    dirs[count] = real[count];
    if (!code)
        code = kist_registry_new(dirs, count + 1, &registry, &err);
    for (size_t i = 0; i <= count; i++)
        free(real[i]);
    if (!code)
        return registry;
    *ret_exit = kist_cli_fail(&err);
    return NULL;
}

int kist_cli_plugin(const struct kist_cli *cli, struct kist_registry *registry,
                    const struct kist_plugin **ret_plugin, struct kist_error *err)
{
    const char *name = cli->args[cli->arg_count - 1];
    if (cli->arg_count == 1 && strchr(name, '/'))
        return kist_registry_add(registry, name, ret_plugin, err);
    if (cli->arg_count == 2) {
        uint32_t kind = kist_kind_of(cli->args[0]);
        if (!kind)
            return kist_fail(err, KIST_ERR_CONFIG,
                             "there is no kind '%s': use source, filter, destination or notifier", cli->args[0]);
        return kist_registry_find(registry, kind, name, ret_plugin, err);
    }
    KIST_CLEANUP_ERROR struct kist_error meant = KIST_ERROR_INIT;
    int code = KIST_ERR_NOT_FOUND;
    for (uint32_t kind = KIST_KIND_SOURCE; kind <= KIST_KIND_NOTIFIER && code == KIST_ERR_NOT_FOUND; kind++) {
        code = kist_registry_find(registry, kind, name, ret_plugin, err);
        /* One kind may know a name that is near. */
        if (code == KIST_ERR_NOT_FOUND && err->hint && strncmp(err->hint, "did you mean", 12) == 0)
            kist_error_move(&meant, err);
    }
    if (code == 0)
        kist_error_clear(err); /* of what the kinds before said */
    if (code == KIST_ERR_NOT_FOUND) {
        kist_fail(err, KIST_ERR_CONFIG, "there is no plugin '%s' of any kind", name);
        kist_hint(err, "%s", meant.hint ? meant.hint : "`kist plugin list` shows the plugins that there are");
        code = KIST_ERR_CONFIG;
    }
    return code;
}
