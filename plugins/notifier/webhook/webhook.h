/* webhook.h - what the files of this plugin share. */
#ifndef KIST_WEBHOOK_H
#define KIST_WEBHOOK_H

#include "post.h"

#define WEBHOOK_SIGNATURE 72 /* "sha256=", 64 digits and a zero */

struct webhook_config {
    kist_secret url;
    kist_secret secret;
    kist_secret authorization;
    kist_secret secret_header;
    kist_list headers;
    kist_switch allow_plaintext;
    const char *ca_file;
};

/* "sha256=" and the HMAC-SHA256 of "TIMESTAMP.BODY" in hex. -1 when it cannot be computed. */
int webhook_sign(const char *secret, const char *timestamp, const char *body,
                 char ret_text[WEBHOOK_SIGNATURE]) KIST_CHECKED;

/* Splits "Name: value" of an option; both are new. CONFIG for what is no header, or not the user's to set; and, unless
 * `may_be_secret`, for one whose name says that it holds a secret. */
int webhook_header_parse(const struct kist_host *host, const char *option, const char *line, int may_be_secret,
                         char **ret_name, char **ret_value, struct kist_error *err) KIST_CHECKED;

#endif
