#include "verify_folder.h"
#include "key.h"

#include <stdlib.h>
#include <string.h>

struct folder {
    const char **keys; /* of the manifest, sorted */
    size_t count;
    kist_stranger_fn tell;
    void *arg;
};

static int compare_keys(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int look_at(void *arg, const struct kist_object *object)
{
    struct folder *folder = arg;
    if (!bsearch(&object->key, folder->keys, folder->count, sizeof *folder->keys, compare_keys))
        folder->tell(folder->arg, object->key);
    return 0;
}

int kist_verify_folder(struct kist_store *store, const struct kist_manifest *manifest, kist_stranger_fn tell,
                       void *arg, struct kist_error *err)
{
    struct folder folder = {.tell = tell, .arg = arg};
    char *path = kist_key_join(manifest->pipeline, manifest->id, NULL);
    folder.keys = calloc(manifest->item_count + 1, sizeof *folder.keys);
    int code = path && folder.keys ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    for (size_t i = 0; i < manifest->item_count && !code; i++)
        if (manifest->items[i].key)
            folder.keys[folder.count++] = manifest->items[i].key;
    if (!code && manifest->notes_key)
        folder.keys[folder.count++] = manifest->notes_key;
    if (!code) {
        qsort(folder.keys, folder.count, sizeof *folder.keys, compare_keys);
        code = kist_store_list(store, path, look_at, &folder, err);
    }
    free(folder.keys);
    free(path);
    return code;
}
