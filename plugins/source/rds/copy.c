/* copy.c - copies in other regions: asked for there, of the snapshot that was made here. */
#include "rds.h"

#include <string.h>

int rds_copy_check(const struct rds_source *source, int encrypted, struct kist_error *err)
{
    const struct kist_host *host = source->work;
    for (size_t i = 1; encrypted && i <= source->copy_count; i++) {
        const struct rds_region *region = source->regions[i];
        if (region->kms_key)
            continue;
        host->fail(host, err, KIST_ERR_CONFIG, "'%s' is encrypted, and copy_to names no key for %s",
                   rds_of(source), region->name);
        host->hint(host, err, "copy_to = %s:KEY, with a key of KMS in that region", region->name);
        return KIST_ERR_CONFIG;
    }
    return 0;
}

void rds_copy_fill(struct rds_source *source, struct rds_region *region, const char *identifier,
                   struct rds_form *form)
{
    int is_cluster = rds_is_cluster(source);
    rds_form_begin(form, is_cluster ? "CopyDBClusterSnapshot" : "CopyDBSnapshot");
    rds_form_add(form, is_cluster ? "SourceDBClusterSnapshotIdentifier" : "SourceDBSnapshotIdentifier",
                 source->made.arn);
    rds_form_add(form, is_cluster ? "TargetDBClusterSnapshotIdentifier" : "TargetDBSnapshotIdentifier",
                 identifier);
    rds_form_add(form, "KmsKeyId", region->kms_key);
    /* Those of the copy are told by the request itself. */
    rds_form_add(form, "CopyTags", "false");
}
