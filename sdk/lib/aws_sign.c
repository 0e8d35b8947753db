#include "aws_private.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ALGORITHM "AWS4-HMAC-SHA256"
#define HASH_SIZE 32
#define HEX_SIZE AWS_HEX_SIZE
#define ADDED 4 /* headers at most: date, token, hash, authorization */

static void to_hex(const unsigned char *bytes, char *ret_hex)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < HASH_SIZE; i++) {
        ret_hex[2 * i] = digits[bytes[i] >> 4];
        ret_hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_hex[HEX_SIZE - 1] = '\0';
}

int aws_hash_hex(const char *data, size_t size, char *ret_hex)
{
    unsigned char hash[HASH_SIZE];
    if (EVP_Digest(data, size, hash, NULL, EVP_sha256(), NULL) != 1)
        return -1;
    to_hex(hash, ret_hex);
    return 0;
}

static int hmac(const unsigned char *key, size_t key_size, const char *text, unsigned char *ret_hash)
{
    unsigned char hash[HASH_SIZE];
    unsigned size = sizeof hash;
    if (key_size > INT32_MAX ||
        !HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char *)text, strlen(text), hash, &size) ||
        size != sizeof hash)
        return -1;
    memcpy(ret_hash, hash, sizeof hash);
    OPENSSL_cleanse(hash, sizeof hash);
    return 0;
}

/* ---- the signing key ---- */

void aws_key_done(struct aws_key *key)
{
    free(key->scope);
    aws_wipe(key->secret_key);
    OPENSSL_cleanse(key->bytes, sizeof key->bytes);
    *key = (struct aws_key){.scope = NULL};
}

static int derive(const struct aws_signer *signer, const char *date, unsigned char *ret_key)
{
    AWS_CLEANUP_SECRET char *secret = NULL;
    if (asprintf(&secret, "AWS4%s", signer->credentials->secret_key) < 0) {
        secret = NULL;
        return -1;
    }
    if (hmac((const unsigned char *)secret, strlen(secret), date, ret_key) ||
        hmac(ret_key, HASH_SIZE, signer->region, ret_key) || hmac(ret_key, HASH_SIZE, signer->service, ret_key) ||
        hmac(ret_key, HASH_SIZE, "aws4_request", ret_key))
        return -1;
    return 0;
}

/* Makes the key of `scope` the one that is kept. */
static int prepare_key(const struct aws_signer *signer, const char *date, const char *scope)
{
    struct aws_key *key = signer->key;
    const char *secret = signer->credentials->secret_key;
    if (key->scope && strcmp(key->scope, scope) == 0 && strcmp(key->secret_key, secret) == 0)
        return 0;
    aws_key_done(key);
    key->scope = strdup(scope);
    key->secret_key = strdup(secret);
    if (key->scope && key->secret_key && derive(signer, date, key->bytes) == 0)
        return 0;
    aws_key_done(key);
    return -1;
}

/* ---- the signature ---- */

struct stamp {
    char date[9];  /* 20150830 */
    char time[17]; /* 20150830T123600Z */
};

static int make_stamp(int64_t time_ms, struct stamp *ret_stamp)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm tm;
    if (time_ms < 0 || !gmtime_r(&seconds, &tm) || tm.tm_year > 8099)
        return -1;
    (void)strftime(ret_stamp->time, sizeof ret_stamp->time, "%Y%m%dT%H%M%SZ", &tm);
    memcpy(ret_stamp->date, ret_stamp->time, 8);
    ret_stamp->date[8] = '\0';
    return 0;
}

/* A request as it is signed: the caller's headers, Host and ours. */
struct signing {
    const struct aws_signer *signer;
    const struct kist_aws_sign *request;
    struct aws_url url;
    struct stamp stamp;
    const char *payload;
    struct kist_http_header *headers;
    size_t header_count;
    char *scope, *names;
};

static void add_header(struct signing *signing, const char *name, const char *value)
{
    signing->headers[signing->header_count++] = (struct kist_http_header){.name = name, .value = value};
}

static int is_s3(const struct aws_signer *signer)
{
    return strcmp(signer->service, "s3") == 0;
}

static int collect_headers(struct signing *signing)
{
    const struct kist_aws_sign *request = signing->request;
    if (request->header_count > SIZE_MAX / sizeof *signing->headers - ADDED - 1)
        return -1;
    signing->headers = calloc(request->header_count + ADDED + 1, sizeof *signing->headers);
    if (!signing->headers)
        return -1;
    for (size_t i = 0; i < request->header_count; i++)
        add_header(signing, request->headers[i].name, request->headers[i].value);
    add_header(signing, "x-amz-date", signing->stamp.time);
    if (signing->signer->credentials->session_token)
        add_header(signing, "x-amz-security-token", signing->signer->credentials->session_token);
    if (is_s3(signing->signer))
        add_header(signing, "x-amz-content-sha256", signing->payload);
    add_header(signing, "host", signing->url.host);
    return 0;
}

static int write_request(struct signing *signing, FILE *out)
{
    (void)fprintf(out, "%s\n", signing->request->method);
    if (aws_write_path(out, &signing->url, is_s3(signing->signer)))
        return -1;
    (void)putc('\n', out);
    if (aws_write_query(out, &signing->url))
        return -1;
    (void)putc('\n', out);
    if (aws_write_headers(out, signing->headers, signing->header_count, &signing->names))
        return -1;
    (void)fprintf(out, "\n%s\n%s", signing->names, signing->payload);
    return ferror(out) ? -1 : 0;
}

static int canonical_hash(struct signing *signing, char *ret_hex)
{
    AWS_CLEANUP_SECRET char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return -1;
    int code = write_request(signing, out);
    if (fclose(out) != 0 || code)
        return -1;
    return aws_hash_hex(text, size, ret_hex);
}

static int sign_hash(const struct signing *signing, const char *hash, char *ret_hex)
{
    const struct aws_signer *signer = signing->signer;
    AWS_CLEANUP_TEXT char *text = NULL;
    if (asprintf(&text, ALGORITHM "\n%s\n%s/aws4_request\n%s", signing->stamp.time, signing->scope, hash) < 0) {
        text = NULL;
        return -1;
    }
    unsigned char signature[HASH_SIZE];
    if (prepare_key(signer, signing->stamp.date, signing->scope) ||
        hmac(signer->key->bytes, HASH_SIZE, text, signature))
        return -1;
    to_hex(signature, ret_hex);
    return 0;
}

/* ---- the result ---- */

/* The strings of the headers that we add, behind a size, so that they can be wiped. */
struct memory {
    size_t size;
    char text[];
};

static char *put(char **at, const char *text)
{
    char *start = *at;
    size_t size = strlen(text) + 1;
    memcpy(start, text, size);
    *at += size;
    return start;
}

static int give_headers(struct signing *signing, const char *authorization, struct kist_aws_headers *ret_headers)
{
    /* Host is the client's to send. */
    size_t given = signing->request->header_count, count = signing->header_count - 1;
    size_t size = strlen(authorization) + 1;
    for (size_t i = given; i < count; i++)
        size += strlen(signing->headers[i].value) + 1;
    struct memory *memory = malloc(sizeof *memory + size);
    if (!memory)
        return -1;
    memory->size = size;
    char *at = memory->text;
    for (size_t i = given; i < count; i++)
        signing->headers[i].value = put(&at, signing->headers[i].value);
    signing->headers[count] = (struct kist_http_header){.name = "authorization", .value = put(&at, authorization)};
    *ret_headers =
        (struct kist_aws_headers){.items = signing->headers, .count = count + 1, .memory = (char *)memory};
    signing->headers = NULL;
    return 0;
}

static int finish(struct signing *signing, struct kist_aws_headers *ret_headers)
{
    const struct aws_signer *signer = signing->signer;
    char hash[HEX_SIZE], signature[HEX_SIZE];
    if (asprintf(&signing->scope, "%s/%s/%s", signing->stamp.date, signer->region, signer->service) < 0) {
        signing->scope = NULL;
        return -1;
    }
    AWS_CLEANUP_TEXT char *authorization = NULL;
    if (collect_headers(signing) || canonical_hash(signing, hash) || sign_hash(signing, hash, signature))
        return -1;
    if (asprintf(&authorization, ALGORITHM " Credential=%s/%s/aws4_request, SignedHeaders=%s, Signature=%s",
                 signer->credentials->access_key, signing->scope, signing->names, signature) < 0) {
        authorization = NULL;
        return -1;
    }
    return give_headers(signing, authorization, ret_headers);
}

int aws_signer_sign(const struct aws_signer *signer, const struct kist_aws_sign *request,
                    struct kist_aws_headers *ret_headers, struct kist_error *err)
{
    struct signing signing = {.signer = signer, .request = request, .payload = request->payload_sha256};
    if (!signing.payload)
        signing.payload = EMPTY_SHA256;
    if (make_stamp(signer->time_ms, &signing.stamp))
        return signer->host->fail(signer->host, err, KIST_ERR_CONFIG, "cannot sign a request: the clock is wrong");
    int code = aws_url_split(signer->host, request->url, &signing.url, err);
    if (code)
        return code;
    if (finish(&signing, ret_headers))
        code = signer->host->fail(signer->host, err, KIST_ERR_FAILED,
                                  "cannot sign a request: out of memory, or libcrypto failed");
    free(signing.url.host);
    free(signing.headers);
    free(signing.scope);
    free(signing.names);
    return code;
}

void kist_aws_headers_done(struct kist_aws_headers *headers)
{
    struct memory *memory = (struct memory *)(void *)headers->memory;
    if (memory)
        OPENSSL_cleanse(memory->text, memory->size);
    free(memory);
    free(headers->items);
    *headers = (struct kist_aws_headers){.items = NULL};
}

void aws_credentials_done(struct aws_credentials *credentials)
{
    aws_wipe(credentials->access_key);
    aws_wipe(credentials->secret_key);
    aws_wipe(credentials->session_token);
    *credentials = (struct aws_credentials){.access_key = NULL};
}
