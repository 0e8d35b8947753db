/*
 * aws.h - what every AWS service needs: credentials from the usual places, and Signature Version 4.
 *
 * Signature: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 * Credentials are looked for in the order of the official clients: options, environment, profile (assume role, web
 * identity, static keys, credential_process), container, instance (IMDSv2). Temporary ones are fetched again before they
 * expire.
 *
 * One kist_aws serves many threads: what it keeps is locked.
 */
#ifndef KIST_SDK_AWS_H
#define KIST_SDK_AWS_H

#include "http.h"

struct kist_aws;

struct kist_aws_setup {
    const char *access_key, *secret_key, *session_token; /* options of the section; or NULL */
    const char *profile;                                 /* NULL: $AWS_PROFILE, else "default" */
    const char *region;                                  /* NULL: environment, profile */
    const char *service;                                 /* "s3", "rds" */
};

/* Looks up what needs no network: region and static keys. Missing credentials are not an error yet; a named profile that
 * does not exist, a region that is no name and half a pair of keys are (CONFIG). */
int kist_aws_new(const struct kist_host *host, const struct kist_aws_setup *setup, struct kist_aws **ret_aws,
                 struct kist_error *err) KIST_CHECKED;
void kist_aws_free(struct kist_aws *aws); /* NULL is fine; overwrites secrets */

/* Whether the options of a section go together: half a pair of keys, a token without them, keys beside a profile are CONFIG, in
 * the words of the options that S3 and RDS share. For `open`; asks nobody. */
int kist_aws_check_keys(const struct kist_host *host, const struct kist_aws_setup *setup,
                        struct kist_error *err) KIST_CHECKED;

/* The region, or NULL when nobody said one. Borrowed until the next kist_aws_set_region. */
const char *kist_aws_region(const struct kist_aws *aws);
/* What a server told in x-amz-bucket-region, say. */
int kist_aws_set_region(struct kist_aws *aws, const char *region, struct kist_error *err) KIST_CHECKED;
/* The endpoint that $AWS_ENDPOINT_URL_<SERVICE>, $AWS_ENDPOINT_URL or the profile name; or NULL. */
const char *kist_aws_endpoint(const struct kist_aws *aws);

/* Where the body's hash comes from. */
#define KIST_AWS_UNSIGNED_PAYLOAD "UNSIGNED-PAYLOAD"

/* A request to be signed. The url must be encoded as it will be sent; for S3 the path is signed as it stands. */
struct kist_aws_sign {
    const char *method, *url;
    const struct kist_http_header *headers; /* all of them are signed, besides Host */
    size_t header_count;
    const char *payload_sha256; /* 64 hex digits, or KIST_AWS_UNSIGNED_PAYLOAD; NULL: of no bytes */
};

/* The headers to send: those given, with x-amz-date, x-amz-security-token, x-amz-content-sha256 (S3 only) and
 * authorization behind them. Fetches credentials when there are none or they are about to expire: KIST_ERR_AUTH, with a
 * hint that names the places, when there are none to be had. Freed by kist_aws_headers_done. */
struct kist_aws_headers {
    struct kist_http_header *items;
    size_t count;
    char *memory; /* what the items point to besides the caller's */
};
int kist_aws_sign(struct kist_aws *aws, const struct kist_aws_sign *request, struct kist_aws_headers *ret_headers,
                  struct kist_error *err) KIST_CHECKED;
void kist_aws_headers_done(struct kist_aws_headers *headers);

/* A refused request: learns from it what makes another try worth while. `code`: the service's error code, "" when there is
 * none (HEAD). Returns 1 when the request should be signed anew and sent once more: the clock was corrected by the reply's
 * Date (RequestTimeTooSkewed, RequestExpired; or, with a Date that is more than five minutes off, SignatureDoesNotMatch,
 * AccessDenied, InvalidSignatureException, AuthFailure or a 403 without a code), or the credentials had expired
 * (ExpiredToken, ExpiredTokenException, TokenRefreshRequired) and are not those of the section, so that they can be looked
 * for anew. The caller does so once per request. Tells of a wrong clock in the log, once. */
int kist_aws_learn(struct kist_aws *aws, const struct kist_http_reply *reply, const char *code);

/* What an error code of a service means here, and the next step for the reader (or NULL): a row of the service's table. */
struct kist_aws_word {
    const char *name;
    int code;
    const char *hint;
};
/* `err` is what kist_http_fail made of a reply that names the error `name`, which `word` knows. Whatever the status was, the name
 * decides: "Throttling" comes as a 400, other errors in a 200. What is known of Retry-After stays. */
void kist_aws_apply(const struct kist_host *host, const struct kist_aws_word *word, const char *name,
                    struct kist_error *err);

#endif
