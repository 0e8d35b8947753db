/* prove.h - one backup on one destination, proved at a level; what came of it is noted beside the backup and in the history. */
#ifndef KIST_CORE_PROVE_H
#define KIST_CORE_PROVE_H

#include "drill.h"
#include "verify.h"

struct kist_proof {
    const struct kist_config *config;
    const struct kist_config_pipeline *pipeline;
    const char *state_dir; /* made; NULL: there is no history, and no drill */
    enum kist_verify_level level;
    struct kist_sample sample; /* not of a drill */
    int quiet;                 /* no progress */
    int alone;                 /* no run tells of it: what is found bad is told to the notifiers from here */
    struct kist_cancel *cancel;
    struct kist_provider *provider;     /* as in struct kist_verify; or NULL */
    const struct kist_catalog *catalog; /* of the store, see kist_mark_put; or NULL */
    kist_verify_fn tell;                /* of each fault, as in struct kist_verify; or NULL */
    void *arg;
};

/* What came of it. */
struct kist_proved {
    int64_t duration_ms;           /* of a drill: from the first byte read to the counts compared */
    struct kist_restored restored; /* of a drill */
    json_t *faults;                /* array of {"key", "fault"} */
    int noted_badly; /* the mark, the history or a notifier failed, and it is in the log: the proof stands all the same */
};

/* Proves one copy. KIST_ERR_CORRUPT when it is bad; any other error says that it could not be proved, which is no verdict. A
 * backup that has lapsed (see manifest.h) is KIST_ERR_NOT_FOUND, and nothing is noted of it.
 * `ret_proved` is always the caller's to free. */
int kist_prove(const struct kist_proof *proof, struct kist_store *store, const struct kist_manifest *manifest,
               struct kist_proved *ret_proved, struct kist_error *err) KIST_CHECKED;
/* What several proofs come to: the first failure, but damage outweighs any other. */
int kist_proof_worst(int worst, int code);
void kist_proved_done(struct kist_proved *proved);

/* "14 tables, 1,005,000 rows equal, restored in 41 s (skipped: extension postgis)" of a drill that passed. New; NULL without
 * memory. */
char *kist_proved_text(const struct kist_proved *proved) KIST_CHECKED;

#endif
