/* aws_private.h - what the files of the aws helper share. */
#ifndef KIST_SDK_AWS_PRIVATE_H
#define KIST_SDK_AWS_PRIVATE_H

#include "aws.h"

#include <pthread.h>
#include <stdio.h>

#define AWS_MINUTE_MS INT64_C(60000)

/* ---- aws_text.c: small strings ---- */

/* The variable of the environment, or NULL when it is absent or empty. */
const char *aws_env(const char *name);
/* Overwrites and frees; NULL is fine. */
void aws_wipe(char *secret);
void aws_wipe_in(char **secret);
void aws_free_in(char **text);
/* For a `char *` that holds, or does not hold, a secret. */
#define AWS_CLEANUP_SECRET __attribute__((cleanup(aws_wipe_in)))
#define AWS_CLEANUP_TEXT __attribute__((cleanup(aws_free_in)))

/* KIST_ERR_FAILED, "out of memory". */
int aws_no_memory(const struct kist_host *host, struct kist_error *err);
/* Makes an error that says "these credentials cannot be had" one of KIST_ERR_AUTH, with the same words. Those that pass by
 * themselves (UNAVAILABLE, TIMEOUT, CANCELLED) stay, so that the core tries again. Returns the code. */
int aws_fail_auth(const struct kist_host *host, struct kist_error *err);
/* A copy of `text` as NULL or a string: 0, or out of memory. The old value is wiped. */
int aws_replace(const struct kist_host *host, char **place, const char *text, struct kist_error *err) KIST_CHECKED;
/* Milliseconds since 1970 of "2027-01-01T00:00:00Z" (or with a fraction, or +hh:mm), or -1. */
int64_t aws_time(const char *text);
/* 1 when `text` is fit for a host name and a credential scope. */
int aws_is_region(const char *text);
/* A file of at most `limit` bytes as text, without the white space at its end. Not text: an error. New. */
int aws_read_file(const struct kist_host *host, const char *path, size_t limit, char **ret_text,
                  struct kist_error *err) KIST_CHECKED;

/* ---- aws_canonical.c, aws_sign.c: the signature ---- */

struct aws_credentials {
    char *access_key, *secret_key, *session_token; /* the last may be NULL */
    int64_t expires_ms;                            /* 0: never */
};

/* The signing key of a day, kept because it takes four HMACs. */
struct aws_key {
    char *scope; /* date/region/service, or NULL while there is no key */
    char *secret_key;
    unsigned char bytes[32];
};

struct aws_signer {
    const struct kist_host *host;
    const struct aws_credentials *credentials;
    const char *region, *service;
    int64_t time_ms;
    struct aws_key *key;
};

/* What of a url is signed. Points into the url, but for `host`. */
struct aws_url {
    char *host; /* with the port unless it is the scheme's own; new */
    const char *path, *query;
    size_t path_size, query_size;
};
int aws_url_split(const struct kist_host *host, const char *url, struct aws_url *ret_parts,
                  struct kist_error *err) KIST_CHECKED;
/* Writes the path as it is signed. Returns -1 without memory. */
int aws_write_path(FILE *out, const struct aws_url *url, int is_s3) KIST_CHECKED;
/* Writes the query, sorted. Returns -1 without memory. */
int aws_write_query(FILE *out, const struct aws_url *url) KIST_CHECKED;
/* Writes "name:value\n" for each header, sorted, and tells the names as "a;b". Returns -1 without memory. */
int aws_write_headers(FILE *out, const struct kist_http_header *headers, size_t count,
                      char **ret_names) KIST_CHECKED;

int aws_signer_sign(const struct aws_signer *signer, const struct kist_aws_sign *request,
                    struct kist_aws_headers *ret_headers, struct kist_error *err) KIST_CHECKED;
#define AWS_HEX_SIZE 65
/* The SHA-256 of some bytes as text of AWS_HEX_SIZE. Returns -1 when libcrypto fails. */
int aws_hash_hex(const char *data, size_t size, char *ret_hex) KIST_CHECKED;
void aws_key_done(struct aws_key *key);
void aws_credentials_done(struct aws_credentials *credentials);

/* ---- aws_profile.c: ~/.aws/config and ~/.aws/credentials ---- */

struct aws_profile_value;

struct aws_profiles {
    char *config_path, *credentials_path; /* NULL: nobody knows where */
    struct aws_profile_value *values;
};

#define AWS_IN_CREDENTIALS 1
#define AWS_IN_CONFIG 2
#define AWS_IN_SERVICES 4 /* a [services NAME] section of the configuration file */

/* Reads both files. One that is not there is fine. */
int aws_profiles_read(const struct kist_host *host, struct aws_profiles *ret_profiles,
                      struct kist_error *err) KIST_CHECKED;
void aws_profiles_done(struct aws_profiles *profiles);
/* Takes in one file's text; `where` is one of AWS_IN_CREDENTIALS and AWS_IN_CONFIG. */
int aws_profiles_parse(const struct kist_host *host, struct aws_profiles *profiles, int where, const char *path,
                       const char *text, size_t size, struct kist_error *err) KIST_CHECKED;
int aws_profile_exists(const struct aws_profiles *profiles, const char *profile);
/* The value of a key in the files of `where`, the credentials file first; or NULL when it is absent or empty. */
const char *aws_profile_get(const struct aws_profiles *profiles, int where, const char *profile, const char *key);
/* The same in both files. */
const char *aws_profile_value(const struct aws_profiles *profiles, const char *profile, const char *key);
/* The value of `key` in the indented lines below `group =`. New, or NULL. */
char *aws_profile_nested(const struct aws_profiles *profiles, int where, const char *profile, const char *group,
                         const char *key);

/* ---- the credential chain ---- */

struct kist_aws {
    const struct kist_host *host;
    pthread_mutex_t lock;
    char *service, *region, *endpoint;
    char *profile;         /* its name, "default" when nobody named one */
    int is_profile_chosen; /* by the option or $AWS_PROFILE, so that keys in the environment do not count */
    struct aws_profiles profiles;
    struct aws_credentials options; /* of the section */
    struct aws_credentials current; /* access_key NULL: none yet */
    int is_stale;                   /* a server said that they have expired */
    int64_t tried_ms;               /* monotonic time of the last fetch, failed or not; 0: none yet */
    struct aws_key key;
    int64_t offset_ms; /* what the servers' clock is ahead of ours */
    int is_clock_told;
};

/* What the first place in the order of aws.h gives: 0, or an error that names the places. */
int aws_chain(struct kist_aws *aws, struct aws_credentials *ret_credentials, struct kist_error *err) KIST_CHECKED;
/* Each place: 1 found, 0 not configured there, else an error. */
int aws_from_environment(struct kist_aws *aws, struct aws_credentials *ret_credentials,
                         struct kist_error *err) KIST_CHECKED;
int aws_from_profile(struct kist_aws *aws, struct aws_credentials *ret_credentials,
                     struct kist_error *err) KIST_CHECKED;
int aws_from_container(struct kist_aws *aws, struct aws_credentials *ret_credentials,
                       struct kist_error *err) KIST_CHECKED;
/* `note` is filled with why there are none. */
int aws_from_instance(struct kist_aws *aws, struct aws_credentials *ret_credentials, char *note, size_t note_size,
                      struct kist_error *err) KIST_CHECKED;
/* Runs a credential_process: 0, or an error. */
int aws_from_process(struct kist_aws *aws, const char *command, struct aws_credentials *ret_credentials,
                     struct kist_error *err) KIST_CHECKED;

/* Copies; `token` and `expires` may be NULL. A time that is none is KIST_ERR_AUTH, so are keys that are no keys. */
int aws_credentials_set(const struct kist_host *host, const char *access_key, const char *secret_key,
                        const char *token, const char *expires, struct aws_credentials *ret_credentials,
                        struct kist_error *err) KIST_CHECKED;
/* From the JSON that containers, instances and processes give; `what` names the giver in messages. */
int aws_credentials_parse(const struct kist_host *host, const char *what, const char *text, size_t size,
                          int is_process, struct aws_credentials *ret_credentials,
                          struct kist_error *err) KIST_CHECKED;

/* A call to STS. */
struct aws_role {
    const char *arn, *session_name, *external_id, *duration;
    const char *token; /* of the web identity; or NULL: signed with `source` */
    const struct aws_credentials *source;
};
int aws_assume(struct kist_aws *aws, const struct aws_role *role, struct aws_credentials *ret_credentials,
               struct kist_error *err) KIST_CHECKED;

/* The words of a command, quotes and backslashes as in a shell, and NULL behind them: one block, new. 1; 0 for a quote
 * that does not end; -1 without memory. */
int aws_split_words(const char *text, char ***ret_words) KIST_CHECKED;
/* Overwrites the body and frees the reply. */
void aws_reply_wipe(struct kist_http_reply *reply);
/* The endpoint that the environment or the profile names for a service. New, or NULL. */
char *aws_endpoint_for(const struct kist_aws *aws, const char *service);
/* Now, as servers see it. */
int64_t aws_now(const struct kist_aws *aws);
/* 1 when the reply's Date corrected the clock. */
int aws_learn_clock(struct kist_aws *aws, const struct kist_http_reply *reply, const char *code);

#endif
