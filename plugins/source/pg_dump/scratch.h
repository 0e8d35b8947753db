/* scratch.h - what the files that make and drop scratch databases share. */
#ifndef KIST_PG_DUMP_SCRATCH_H
#define KIST_PG_DUMP_SCRATCH_H

#include "pg_dump.h"

#include <sys/types.h>

#define PGD_SCRATCH_PREFIX "kist_drill_"
#define PGD_SCRATCH_NAME_SIZE 64

/* scratch_guard.c */

/* Refuses the server of `drill` where it names the database that `source` backs up, on whatever way it is reached, and a
 * standby. */
int pgd_scratch_guard(const struct pgd_source *source, const struct pgd_params *drill,
                      struct pgd_maintenance *work, struct kist_error *err) KIST_CHECKED;
/* Drops what drills that were killed left there. */
void pgd_scratch_sweep(struct pgd_maintenance *work);

/* scratch_cluster.c: a server that lives as long as the drill */

struct pgd_cluster;

int pgd_cluster_begin(const struct pgd_source *source, const char *work_dir, struct pgd_cluster **ret_cluster,
                      struct kist_error *err) KIST_CHECKED;
void pgd_cluster_end(struct pgd_cluster *cluster);
/* The directory of its socket; the role is postgres. */
const char *pgd_cluster_socket(const struct pgd_cluster *cluster);

/* scratch_folder.c: where that server keeps its files */

struct pgd_folder {
    const struct kist_host *host;
    char *path;   /* "" before it was made */
    char *socket; /* a directory for the socket: `path`, or one with a shorter name */
    int lock;     /* held while the folder is in use; -1 without one */
    int made;     /* by us, not the core's work_dir */
    uid_t uid;    /* that runs the server, 0: as we are */
};

int pgd_folder_make(const struct kist_host *host, const char *work_dir, uid_t uid, gid_t gid,
                    struct pgd_folder *ret_folder, struct kist_error *err) KIST_CHECKED;
/* Removes all that is in it, and what was made. */
void pgd_folder_remove(struct pgd_folder *folder);

#endif
