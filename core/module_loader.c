#include "module_loader.h"
#include "load_guard.h"
#include "module_elf.h"
#include "module_file.h"
#include "plugin_check.h"

#include <dlfcn.h>
#include <errno.h>
#include <ltdl.h>
#include <stdlib.h>
#include <string.h>

#define LOADER "kist"
#define SYMBOL "kist_plugin"

/* Our loader in libltdl's list, which frees it by the address of its first member. */
struct loader {
    lt_dlvtable vtable;
    char *why; /* what dlerror() said last: libltdl replaces it by "file not found" */
};

static struct loader *own_loader(void)
{
    const lt_dlvtable *vtable = lt_dlloader_find(LOADER);
    return vtable ? vtable->dlloader_data : NULL;
}

static lt_module open_module(lt_user_data data, const char *path, lt_dladvise advise)
{
    struct loader *loader = data;
    (void)advise;
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    free(loader->why);
    loader->why = NULL;
    if (!module) {
        const char *why = dlerror();
        loader->why = why ? strdup(why) : NULL;
    }
    return module;
}

/* Threads, exit handlers and strings of a plugin may outlive its use: its code stays. */
static int close_module(lt_user_data data, lt_module module)
{
    (void)data;
    (void)module;
    return 0;
}

static void *find_symbol(lt_user_data data, lt_module module, const char *name)
{
    (void)data;
    return dlsym(module, name);
}

static int end_loader(lt_user_data data)
{
    struct loader *loader = data;
    free(loader->why);
    loader->why = NULL;
    return 0;
}

static int add_loader(struct kist_error *err)
{
    struct loader *loader = calloc(1, sizeof *loader);
    if (!loader)
        return kist_fail_errno(err, ENOMEM, "cannot start the loader of plugins");
    loader->vtable = (lt_dlvtable){
        .name = LOADER,
        .module_open = open_module,
        .module_close = close_module,
        .find_sym = find_symbol,
        .dlloader_exit = end_loader,
        .dlloader_data = loader,
        .priority = LT_DLLOADER_PREPEND,
    };
    if (lt_dlloader_add(&loader->vtable) != 0) {
        free(loader);
        return kist_fail(err, KIST_ERR_FAILED, "cannot start the loader of plugins: %s", lt_dlerror());
    }
    return 0;
}

int kist_module_loader_init(struct kist_error *err)
{
    if (lt_dlinit() != 0)
        return kist_fail(err, KIST_ERR_FAILED, "cannot start the loader of plugins: %s", lt_dlerror());
    /* libltdl counts its users: a second one finds our loader in place. */
    if (own_loader())
        return 0;
    /* Its own loader binds lazily and hides why a file cannot be loaded. "lt_preopen" stays: libltdl needs it for
     * itself, and it only knows modules that were linked in, none of which has an absolute path. */
    free(lt_dlloader_remove("lt_dlopen"));
    if (add_loader(err) != 0) {
        lt_dlexit();
        return err->code;
    }
    return 0;
}

void kist_module_loader_exit(void)
{
    lt_dlexit();
}

static int explain(const struct kist_module_file *file, struct kist_error *err)
{
    const struct loader *loader = own_loader();
    const char *why = loader && loader->why ? loader->why : lt_dlerror();
    size_t length = strlen(file->path);
    if (!why)
        why = "the dynamic linker does not say why";
    /* The caller puts the path in front. */
    if (strncmp(why, file->path, length) == 0 && strncmp(why + length, ": ", 2) == 0)
        why += length + 2;
    kist_fail(err, KIST_ERR_CONFIG, "%s", why);
    if (strstr(why, "cannot open shared object file"))
        kist_hint(err, "install the library that it needs; 'ldd %s' lists them", file->path);
    else if (strstr(why, "undefined symbol") || strstr(why, "version `"))
        kist_hint(err,
                  "it was built for other versions of the libraries that it needs: build or install it again");
    return err->code;
}

static int load_checked(const struct kist_module_file *file, uint32_t kind,
                        const struct kist_plugin_head **ret_head, struct kist_error *err)
{
    struct kist_module_peek peek = {0};
    if (kist_module_elf_check(file->fd, SYMBOL, &peek, err) != 0)
        return err->code;
    if (peek.found && kist_plugin_check_head(&peek.head, peek.size, kind, err) != 0)
        return err->code;
    kist_load_guard_begin(file->path);
    lt_dlhandle module = lt_dlopen(file->path);
    const struct kist_plugin_head *head = module ? lt_dlsym(module, SYMBOL) : NULL;
    kist_load_guard_end();
    if (!module)
        return explain(file, err);
    if (!head)
        return kist_fail(err, KIST_ERR_CONFIG, "it is not a kist plugin (it has no data symbol '%s')", SYMBOL);
    if (kist_plugin_check_head(head, peek.size, kind, err) != 0)
        return err->code;
    *ret_head = head;
    return 0;
}

int kist_module_load(const char *path, uint32_t kind, const struct kist_plugin_head **ret_head,
                     struct kist_error *err)
{
    struct kist_module_file file = KIST_MODULE_FILE_INIT;
    size_t length = strlen(path);
    int code = 0;
    /* libltdl takes other endings for descriptions of a library (.la) and follows what they say. */
    if (length < 3 || strcmp(path + length - 3, ".so") != 0)
        code = kist_fail(err, KIST_ERR_CONFIG, "its name does not end in '.so'");
    if (code == 0)
        code = kist_module_file_open(path, &file, err);
    if (code == 0)
        code = load_checked(&file, kind, ret_head, err);
    if (code != 0)
        kist_error_prefix(err, "cannot use '%s'", path);
    kist_module_file_done(&file);
    return code;
}
