/* The message: its headers, and the event as text and as HTML. */
#include "email.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ID_SIZE ((size_t)48)
#define LONGEST_WORD ((size_t)16)

void email_message_done(struct email_message *message)
{
    free(message->data);
    *message = (struct email_message){0};
}

/* RFC 5322 has English names whatever the locale. */
static void put_date(FILE *out, int64_t now_ms)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = (time_t)(now_ms / 1000);
    struct tm tm;
    if (gmtime_r(&now, &tm))
        fprintf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday,
                months[tm.tm_mon], 1900 + tm.tm_year, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* What of `text` can stand in an identifier. */
static void put_plain(FILE *out, const char *text, size_t limit)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
    for (size_t i = 0; text && text[i] && i < limit; i++)
        if (strchr(allowed, text[i]))
            fputc(text[i], out);
}

static void put_header_if(FILE *out, const char *name, const char *value)
{
    if (value && *value)
        email_put_header(out, name, value);
}

static void put_subject(FILE *out, const char *prefix, const char *title)
{
    char *subject = NULL;
    int size = asprintf(&subject, "%s%s%s", prefix ? prefix : "", prefix && *prefix ? " " : "", title);
    email_put_header(out, "Subject", size < 0 ? title : subject);
    if (size >= 0)
        free(subject);
}

/* The identifier is the event's own, so that one that arrives a second time can be known again. */
static void put_headers(FILE *out, const struct email *email, const struct kist_event *event, const char *id)
{
    const char *title = event->title ? event->title : event->summary ? event->summary : "kist";
    put_date(out, email->host->now_ms(email->host));
    email_put_addresses(out, "From", &email->from, 1);
    email_put_addresses(out, "To", email->to.items, email->to.count);
    email_put_addresses(out, "Cc", email->cc.items, email->cc.count);
    put_subject(out, email->config->subject_prefix, title);
    fputs("Message-ID: <", out);
    put_plain(out, id, ID_SIZE);
    fputc('.', out);
    put_plain(out, event->word, LONGEST_WORD);
    fprintf(out, "@%s>\r\n", strrchr(email->from.address, '@') + 1);
    fputs("Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n", out);
    put_header_if(out, "X-Kist-Event", event->word);
    put_header_if(out, "X-Kist-Pipeline", event->pipeline);
    put_header_if(out, "X-Kist-Backup", event->backup);
    put_header_if(out, "X-Kist-Run", event->run);
    fputs("MIME-Version: 1.0\r\n", out);
}

static void put_part(FILE *out, const char *id, const char *type, const char *text)
{
    fputs("\r\n--=_kist-", out);
    put_plain(out, id, ID_SIZE);
    fprintf(out, "\r\nContent-Type: %s; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
            type);
    email_put_quoted(out, text);
}

/* Nothing in a body can look like the boundary: in quoted-printable an equals sign is always followed by two digits or the
 * end of the line. */
static void put_message(FILE *out, const struct email *email, const struct kist_event *event, const char *id,
                        const char *text, const char *html)
{
    put_headers(out, email, event, id);
    fputs("Content-Type: multipart/alternative;\r\n boundary=\"=_kist-", out);
    put_plain(out, id, ID_SIZE);
    fputs("\"\r\n", out);
    put_part(out, id, "text/plain", text);
    put_part(out, id, "text/html", html);
    fputs("\r\n--=_kist-", out);
    put_plain(out, id, ID_SIZE);
    fputs("--\r\n", out);
}

static int make_id(const struct email *email, const struct kist_event *event, char id[ID_SIZE],
                   struct kist_error *err)
{
    unsigned char bytes[16];
    if (event->run && *event->run) {
        snprintf(id, ID_SIZE, "%s", event->run);
        return 0;
    }
    int code = email->host->random(email->host, bytes, sizeof bytes, err);
    for (size_t i = 0; !code && i < sizeof bytes; i++)
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    return code;
}

/* What both parts say. */
static char *make_text(const struct kist_event *event)
{
    int has_log = event->log_tail && *event->log_tail;
    char *text = NULL, *clean;
    if (asprintf(&text, "%s%s%s", event->text ? event->text : event->summary,
                 has_log ? "\nThe last lines of the log:\n\n" : "", has_log ? event->log_tail : "") < 0)
        return NULL;
    clean = email_clean(text, 1);
    free(text);
    return clean;
}

int email_compose(const struct email *email, const struct kist_event *event, struct email_message *ret_message,
                  struct kist_error *err)
{
    const struct kist_host *host = email->host;
    char id[ID_SIZE] = "";
    *ret_message = (struct email_message){0};
    int code = make_id(email, event, id, err);
    if (code)
        return code;
    char *text = make_text(event), *html = text ? email_html(event, text) : NULL;
    FILE *out = text && html ? open_memstream(&ret_message->data, &ret_message->size) : NULL;
    int failed = !out;
    if (out) {
        put_message(out, email, event, id, text, html);
        failed = ferror(out) != 0;
        failed |= fclose(out) != 0;
    }
    free(text);
    free(html);
    if (!failed)
        return 0;
    email_message_done(ret_message);
    return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
}
