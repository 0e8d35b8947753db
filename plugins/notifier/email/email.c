/* email.c - the email notifier: the news as a mail, by a server that takes it over TLS. */
#include "email.h"

#include <stdlib.h>
#include <string.h>

static const struct kist_option options[] = {
    KIST_OPTION(struct email_config, server, .flags = KIST_OPTION_REQUIRED,
                .help = "mail server: smtp://HOST:587, smtps://HOST:465 or HOST; the port follows from security"),
    KIST_OPTION(struct email_config, security, .choices = "starttls|tls|none",
                .help =
                    "starttls unless server says smtps or port 465; none is for a relay on the same host, without "
                    "a password"),
    KIST_OPTION(struct email_config, user, .help = "name to log in with"),
    KIST_OPTION(struct email_config, password, .help = "password of that user"),
    KIST_OPTION(struct email_config, from, .flags = KIST_OPTION_REQUIRED,
                .help = "who the mail is from: kist@example.org, or Backups <kist@example.org>"),
    KIST_OPTION(struct email_config, to, .flags = KIST_OPTION_REQUIRED, .help = "who gets it, in one mail"),
    KIST_OPTION(struct email_config, cc, .help = "who gets a copy"),
    KIST_OPTION(struct email_config, bcc, .help = "who gets a copy that the others do not see"),
    KIST_OPTION(struct email_config, subject_prefix, .help = "stands before every subject: [backup]"),
    KIST_OPTION(struct email_config, ehlo, .help = "name of this host for the server; by default the host's own"),
    KIST_OPTION(struct email_config, ca_file, .help = "certificates to trust in place of the system's, as PEM"),
    KIST_OPTION(struct email_config, allow_plaintext, .def = "no",
                .help = "with security = none, send to other hosts than this one as well"),
    KIST_OPTION_END,
};

/* What goes over the wire in place of the password is as good as it; a server may repeat it in an answer. */
static int hide_login(const struct email *email, struct kist_error *err)
{
    const struct kist_host *host = email->host;
    const char *user = email->config->user, *password = email->config->password.reveal;
    char *plain = NULL, *coded = NULL;
    if (!password)
        return 0;
    int size = asprintf(&plain, "%c%s%c%s", 0, user, 0, password);
    coded = size < 0 ? NULL : email_base64(plain, (size_t)size);
    int code = coded && host->add_secret(host, coded) == 0 && host->add_secret(host, password) == 0
                   ? 0
                   : host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    if (size >= 0)
        explicit_bzero(plain, (size_t)size);
    if (coded)
        explicit_bzero(coded, strlen(coded));
    if (size >= 0)
        free(plain);
    free(coded);
    return code;
}

static void email_close(void *self)
{
    struct email *email = self;
    if (!email)
        return;
    email_address_done(&email->from);
    email_addresses_done(&email->to);
    email_addresses_done(&email->cc);
    email_addresses_done(&email->bcc);
    free(email->url);
    free(email->where);
    free(email);
}

static int fill(struct email *email, struct kist_error *err)
{
    const struct kist_host *host = email->host;
    const struct email_config *config = email->config;
    int code = email_server_read(email, err);
    if (!code)
        code = email_address_read(host, "from", config->from, &email->from, err);
    if (!code)
        code = email_addresses_read(host, "to", &config->to, &email->to, err);
    if (!code)
        code = email_addresses_read(host, "cc", &config->cc, &email->cc, err);
    if (!code)
        code = email_addresses_read(host, "bcc", &config->bcc, &email->bcc, err);
    return code ? code : hide_login(email, err);
}

static int email_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct email *email = calloc(1, sizeof *email);
    if (!email)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    *email = (struct email){.host = host, .config = config};
    int code = fill(email, err);
    if (code)
        email_close(email);
    else
        *ret_self = email;
    return code;
}

static int email_notify(void *self, const struct kist_event *told, int64_t deadline_ms, struct kist_error *err)
{
    const struct kist_event known = kist_event_known(told);
    const struct email *email = self;
    struct email_message message;
    int code = email_compose(email, &known, &message, err);
    if (!code)
        code = email_send(email, &message, deadline_ms, err);
    email_message_done(&message);
    return code;
}

KIST_NOTIFIER(.about = {.name = "email",
                        .version = KIST_VERSION,
                        .summary = "sends a mail, by SMTP with TLS",
                        .details =
                            "One mail for all recipients, as text and as a table in HTML. With a password, or "
                            "unless security = none, nothing is sent before TLS has begun and the server's "
                            "certificate is verified. It counts as told when the server has taken it for "
                            "everybody.",
                        .options = options,
                        .config_size = sizeof(struct email_config)},
              .open = email_open, .close = email_close, .notify = email_notify);
