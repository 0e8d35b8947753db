/* verify_folder.h - what lies in the folder of a backup and is no part of it. */
#ifndef KIST_CORE_VERIFY_FOLDER_H
#define KIST_CORE_VERIFY_FOLDER_H

#include "manifest.h"
#include "store.h"

/* Told of a key that the manifest does not name. */
typedef void (*kist_stranger_fn)(void *arg, const char *key);

/* Lists the folder and tells of every stranger: somebody else writes there, or the manifest is not the one that belongs to
 * the objects. A store that keeps nothing has none. */
int kist_verify_folder(struct kist_store *store, const struct kist_manifest *manifest, kist_stranger_fn tell,
                       void *arg, struct kist_error *err) KIST_CHECKED;

#endif
