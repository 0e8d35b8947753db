/*
 * foreign.h - a dump that is no backup, as if it were one: restore --from.
 *
 * There is no manifest that vouches for it, so it is read twice: once through all its layers into the source's check, which
 * gives sizes and hashes, and then by the restore, which gets a manifest of these and so finds out when it has changed in
 * between. What it went through is told from its first bytes, never from its name.
 */
#ifndef KIST_CORE_FOREIGN_H
#define KIST_CORE_FOREIGN_H

#include "file_store.h"
#include "restore.h"

/* It stays where it is in memory from open to done. */
struct kist_foreign {
    const struct kist_config *config;
    const struct kist_config_pipeline *pipeline;
    struct kist_restore_options *options;
    struct kist_store *store;
    struct kist_found found; /* for kist_restore_backup: a manifest with one item and no id, and no store */
    struct kist_file_store file;
    struct kist_instance **filters; /* of the item */
    struct kist_restore_bytes bytes;
};

/* Opens what `from` names and finds out what it is wrapped in: DESTINATION:KEY where DESTINATION is a [destination] of the
 * configuration, else the path of a file. `pipeline` says whose source takes it, and whose filters know the keys. `options`
 * (kept) gets `bytes`, which prove the dump and read it, and, unless `trusts_sql` says that it may be run whatever it is,
 * KIST_RESTORE_FOREIGN: proving it takes that off again when a manifest of the pipeline knows these very bytes. The stored
 * digest of the manifest's item is known once it is proved; until then its sha256 is "".
 * KIST_ERR_NOT_FOUND when there is no such file or object, KIST_ERR_CORRUPT when it is damaged or empty. Ended with
 * kist_foreign_done, also after a failure. */
int kist_foreign_open(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                      const char *from, int trusts_sql, struct kist_restore_options *options,
                      struct kist_foreign *ret_foreign, struct kist_error *err) KIST_CHECKED;
void kist_foreign_done(struct kist_foreign *foreign); /* all zero is fine */

#endif
