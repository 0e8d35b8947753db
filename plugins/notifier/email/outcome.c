/* How it ended, in words and codes of kist. */
#include "email.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdarg.h>
#include <string.h>

static int fail(const struct email *email, struct kist_error *err, int code, const char *format, ...)
    KIST_PRINTF(4, 5);

static int fail(const struct email *email, struct kist_error *err, int code, const char *format, ...)
{
    char why[1200];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return email->host->fail(email->host, err, code, "cannot send mail by %s: %s", email->where, why);
}

/* The system's reason, as part of a sentence; "" when there is none. */
static const char *reason(long errnum, char *text, size_t size)
{
    char said[128];
    text[0] = '\0';
    if (errnum > 0) {
        snprintf(text, size, ": %s", strerror_r((int)errnum, said, sizeof said));
        text[2] = (char)tolower((unsigned char)text[2]);
    }
    return text;
}

/* ---- recipients ---- */

static int some_refused(const struct email *email, const struct email_talk *talk, struct kist_error *err)
{
    const struct kist_host *host = email->host;
    fail(email, err, KIST_ERR_REFUSED, "it went to the others, but not to %s: %s", talk->refused, talk->refusal);
    host->hint(host, err,
               "it is not sent again, since the others have it; take the address out, or ask its server");
    return KIST_ERR_REFUSED;
}

static int all_refused(const struct email *email, const struct email_talk *talk, struct kist_error *err)
{
    return fail(email, err, talk->later ? KIST_ERR_UNAVAILABLE : KIST_ERR_FAILED, "refused for %s: %s",
                talk->refused, talk->refusal);
}

/* ---- what the server answered ---- */

static const char *stage_of(const struct email_talk *talk)
{
    static const struct {
        const char *command, *stage;
    } stages[] = {{"EHLO", "the greeting"}, {"HELO", "the greeting"}, {"STARTTLS", "the start of TLS"},
                  {"AUTH", "the login"},    {"MAIL", "the sender"},   {"RCPT", "the recipient"}};
    if (strcmp(talk->command, "DATA") == 0)
        return talk->sending ? "the message" : "the start of the message";
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        if (strcmp(talk->command, stages[i].command) == 0)
            return stages[i].stage;
    return "the connection";
}

static int login_refused(const struct email *email, const struct email_talk *talk, struct kist_error *err)
{
    const struct kist_host *host = email->host;
    int has_login = email->config->user != NULL;
    if (talk->reply >= 500 && has_login)
        fail(email, err, KIST_ERR_AUTH, "the login of '%s' is refused: %s", email->config->user, talk->said);
    else if (talk->reply >= 500)
        fail(email, err, KIST_ERR_AUTH, "it wants a login: %s", talk->said);
    else
        fail(email, err, KIST_ERR_AUTH, "it offers no way to log in that is known here");
    if (email->security == EMAIL_NONE && strstr(talk->said, "TLS"))
        host->hint(host, err, "set security = starttls");
    else
        host->hint(host, err,
                   has_login ? "check user and password; some providers want a password made for programs"
                             : "give user and password");
    return KIST_ERR_AUTH;
}

static int is_about_login(const struct email_talk *talk)
{
    return talk->reply == 530 || talk->reply == 534 || talk->reply == 535 || talk->reply == 538 ||
           (strcmp(talk->command, "AUTH") == 0 && talk->reply >= 500);
}

static int answered(const struct email *email, const struct email_talk *talk, struct kist_error *err)
{
    if (is_about_login(talk))
        return login_refused(email, talk, err);
    if (strcmp(talk->command, "RCPT") == 0 && talk->refused_count > 0)
        return all_refused(email, talk, err);
    return fail(email, err, talk->reply < 500 ? KIST_ERR_UNAVAILABLE : KIST_ERR_FAILED, "%s is refused: %s",
                stage_of(talk), talk->said);
}

/* ---- TLS ---- */

static int no_starttls(const struct email *email, struct kist_error *err)
{
    const struct kist_host *host = email->host;
    fail(email, err, KIST_ERR_AUTH,
         "it does not offer STARTTLS, so that everything would go in clear; nothing was sent");
    host->hint(host, err,
               "check the port (587, or 465 with security = tls); if it always did, somebody on the way may "
               "have taken the offer out");
    return KIST_ERR_AUTH;
}

static int refuse_certificate(const struct email *email, const struct email_end *end, struct kist_error *err)
{
    const struct kist_host *host = email->host;
    /* The numbers are those of X.509 verification in OpenSSL, which libcurl hands on as they are. */
    const char *what = end->verified == 10                          ? "it has expired"
                       : end->verified == 9                         ? "it is not valid yet"
                       : end->verified >= 18 && end->verified <= 21 ? "nobody here trusts its issuer"
                       : end->verified <= 1 || end->verified == 62 || end->verified == 64
                           ? "it is for another host"
                           : "it does not verify";
    fail(email, err, KIST_ERR_AUTH, "its certificate is refused: %s", what);
    host->hint(host, err, "%s",
               end->verified >= 18 && end->verified <= 21
                   ? "if the issuer is meant to be trusted, name its certificate as ca_file"
               : end->verified == 9 || end->verified == 10
                   ? "renew it on the server, or set this machine's clock right"
                   : "use the name that the certificate is for as server");
    return KIST_ERR_AUTH;
}

static int no_handshake(const struct email *email, const struct email_end *end, struct kist_error *err)
{
    const struct kist_host *host = email->host;
    char text[160];
    if (end->errnum > 0 || strstr(end->words, "SYSCALL") || strstr(end->words, "unexpected eof"))
        return fail(email, err, KIST_ERR_UNAVAILABLE, "the connection broke while TLS began%s",
                    reason(end->errnum, text, sizeof text));
    fail(email, err, KIST_ERR_AUTH, "no safe connection: it does not speak TLS 1.2 or newer there");
    host->hint(host, err,
               email->security == EMAIL_TLS ? "most servers speak TLS from the start on port 465, and by "
                                              "security = starttls on 587"
                                            : "check that port 587 or 25 is meant");
    return KIST_ERR_AUTH;
}

/* ---- everything else ---- */

static int timed_out(const struct email *email, const struct email_end *end, struct kist_error *err)
{
    double seconds = (double)end->waited_ms / 1000;
    if (!*end->talk->command)
        return fail(email, err, KIST_ERR_TIMEOUT, "no greeting within %.0f s", seconds);
    return fail(email, err, KIST_ERR_TIMEOUT, "no end within %.0f s: it waits for an answer to %s", seconds,
                stage_of(end->talk));
}

static int broke(const struct email *email, const struct email_end *end, struct kist_error *err)
{
    const struct email_talk *talk = end->talk;
    char text[160];
    return fail(email, err, KIST_ERR_UNAVAILABLE, "the connection broke %s%s%s%s", *talk->command ? "at " : "",
                *talk->command ? stage_of(talk) : "before anything was sent",
                reason(end->errnum, text, sizeof text),
                talk->sending ? "; it may have been taken nevertheless" : "");
}

static int explain(const struct email *email, const struct email_end *end, struct kist_error *err)
{
    const struct kist_host *host = email->host;
    char text[160];
    switch ((CURLcode)end->result) {
    case CURLE_ABORTED_BY_CALLBACK: return fail(email, err, KIST_ERR_CANCELLED, "stopped on request");
    case CURLE_COULDNT_RESOLVE_HOST: fail(email, err, KIST_ERR_UNAVAILABLE, "no address is known for it"); break;
    case CURLE_COULDNT_CONNECT:
        return fail(email, err, KIST_ERR_UNAVAILABLE, "no connection%s", reason(end->errnum, text, sizeof text));
    case CURLE_OPERATION_TIMEDOUT: return timed_out(email, end, err);
    case CURLE_USE_SSL_FAILED: return no_starttls(email, err);
    case CURLE_PEER_FAILED_VERIFICATION: return refuse_certificate(email, end, err);
    case CURLE_SSL_CONNECT_ERROR: return no_handshake(email, end, err);
    case CURLE_SSL_CACERT_BADFILE: return fail(email, err, KIST_ERR_CONFIG, "ca_file cannot be read");
    case CURLE_LOGIN_DENIED: return login_refused(email, end->talk, err);
    case CURLE_OUT_OF_MEMORY: return fail(email, err, KIST_ERR_FAILED, "no memory");
    case CURLE_WEIRD_SERVER_REPLY:
        return fail(email, err, KIST_ERR_FAILED, "what answers there is no mail server");
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE: return broke(email, end, err);
    default: return fail(email, err, KIST_ERR_FAILED, "%s", curl_easy_strerror((CURLcode)end->result));
    }
    host->hint(host, err, "check the name in server, and this machine's name servers");
    return err->code;
}

int email_outcome(const struct email *email, const struct email_end *end, struct kist_error *err)
{
    const struct email_talk *talk = end->talk;
    if (end->result == CURLE_OK)
        return talk->refused_count > 0 ? some_refused(email, talk, err) : 0;
    /* A whole reply that says no tells more than what libcurl makes of it. */
    if (talk->reply >= 400 && talk->wants_new_reply && end->result != CURLE_ABORTED_BY_CALLBACK &&
        end->result != CURLE_OPERATION_TIMEDOUT && end->result != CURLE_USE_SSL_FAILED)
        return answered(email, talk, err);
    return explain(email, end, err);
}
