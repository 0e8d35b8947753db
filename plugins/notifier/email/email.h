/* email.h - what the files of this plugin share. The callbacks of the ABI are in email.c. */
#ifndef KIST_EMAIL_H
#define KIST_EMAIL_H

#include <kist/plugin.h>
#include <stdio.h>

enum email_security { EMAIL_STARTTLS = 0, EMAIL_TLS = 1, EMAIL_NONE = 2 };

struct email_config {
    const char *server;
    kist_choice security;
    const char *user;
    kist_secret password;
    const char *from;
    kist_list to, cc, bcc;
    const char *subject_prefix;
    const char *ehlo;
    const char *ca_file;
    kist_switch allow_plaintext;
};

struct email_address {
    char *name;    /* for people; NULL: none */
    char *address; /* LOCAL@DOMAIN, in ASCII, with nothing in it that means something to SMTP or a header */
};

struct email_addresses {
    struct email_address *items;
    size_t count;
};

struct email {
    const struct kist_host *host;
    const struct email_config *config;
    enum email_security security;
    char *url;   /* for libcurl, with the name that EHLO says */
    char *where; /* HOST:PORT, for messages */
    struct email_address from;
    struct email_addresses to, cc, bcc;
};

/* ---- address.c ---- */

/* Reads `LOCAL@DOMAIN` or `Name <LOCAL@DOMAIN>`. */
int email_address_read(const struct kist_host *host, const char *option, const char *text,
                       struct email_address *ret_address, struct kist_error *err) KIST_CHECKED;
int email_addresses_read(const struct kist_host *host, const char *option, const kist_list *list,
                         struct email_addresses *ret_addresses, struct kist_error *err) KIST_CHECKED;
void email_address_done(struct email_address *address);
void email_addresses_done(struct email_addresses *addresses);

/* ---- server.c ---- */

/* Fills security, url and where from the options, and refuses what would send a password in clear. */
int email_server_read(struct email *email, struct kist_error *err) KIST_CHECKED;

/* ---- mime.c: text in the forms that mail takes ---- */

/* A copy fit for a message: what is not UTF-8 becomes '?', control characters become spaces, except, where `keep_lines`,
 * the ends of lines. NULL without memory. */
char *email_clean(const char *text, int keep_lines) KIST_CHECKED;
/* New; NULL without memory. */
char *email_base64(const void *data, size_t size) KIST_CHECKED;
/* A header with the rest of its line; what `value` holds cannot end the header. */
void email_put_header(FILE *out, const char *name, const char *value);
void email_put_addresses(FILE *out, const char *name, const struct email_address *addresses, size_t count);
/* `text` as quoted-printable, lines that end in CRLF, none longer than 76 bytes and none that starts with a dot. */
void email_put_quoted(FILE *out, const char *text);

/* ---- html.c ---- */

/* The text of an event (made clean) as a page of its own, which needs nothing from anywhere. New; NULL without memory. */
char *email_html(const struct kist_event *event, const char *plain) KIST_CHECKED;

/* ---- message.c ---- */

struct email_message {
    char *data;
    size_t size;
};

/* The whole message, as it is handed to the server but for its dots. */
int email_compose(const struct email *email, const struct kist_event *event, struct email_message *ret_message,
                  struct kist_error *err) KIST_CHECKED;
void email_message_done(struct email_message *message);

/* ---- talk.c: what was said with the server, as libcurl tells it ---- */

#define EMAIL_SAID ((size_t)300)

struct email_talk {
    const char *command;            /* the one that the reply is to; "" before the first. Must not be NULL */
    char said[EMAIL_SAID + 1];      /* the last reply: all its lines as one, fit for a message */
    int reply;                      /* its code; 0 before its end */
    char recipient[EMAIL_SAID + 1]; /* of the last RCPT */
    size_t refused_count;           /* recipients that were not taken, */
    char refused[EMAIL_SAID + 1];   /* who they are, */
    char refusal[EMAIL_SAID + 1];   /* what the server said to the last of them, */
    int later;                      /* and whether it will take one of them later */
    int sending;                    /* the message was asked for */
    int wants_new_reply;
    int over; /* libcurl says good-bye, also after a refusal: what comes now changes nothing */
};

/* A line from the server, or one to it. */
void email_talk_heard(struct email_talk *talk, const char *line, size_t size);
void email_talk_told(struct email_talk *talk, const char *line, size_t size);

/* ---- send.c, outcome.c ---- */

int email_send(const struct email *email, const struct email_message *message, int64_t deadline_ms,
               struct kist_error *err) KIST_CHECKED;

struct email_end {
    int result;        /* CURLcode */
    long verified;     /* why a certificate was refused */
    long errnum;       /* the system's */
    int64_t waited_ms; /* that it had */
    const char *words; /* libcurl's own; only looked at */
    const struct email_talk *talk;
};

/* 0 when the server took the message for everybody; else the error. */
int email_outcome(const struct email *email, const struct email_end *end, struct kist_error *err) KIST_CHECKED;

#endif
