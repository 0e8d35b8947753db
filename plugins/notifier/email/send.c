/* One message, over one connection, by libcurl. */
#include "email.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS INT64_C(15000)

struct sending {
    const struct email *email;
    const struct email_message *message;
    size_t sent;
    CURL *easy;
    struct curl_slist *recipients;
    struct email_talk talk;
    char words[CURL_ERROR_SIZE];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode ready;

static void start_curl(void)
{
    ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- what libcurl calls ---- */

static size_t give(char *buffer, size_t size, size_t count, void *arg)
{
    struct sending *sending = arg;
    size_t left = sending->message->size - sending->sent, room = size * count;
    size_t bytes = left < room ? left : room;
    memcpy(buffer, sending->message->data + sending->sent, bytes);
    sending->sent += bytes;
    return bytes;
}

static size_t take_nothing(char *data, size_t size, size_t count, void *arg)
{
    (void)data;
    (void)arg;
    return size * count;
}

static int look_up(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct sending *sending = arg;
    const struct kist_host *host = sending->email->host;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return host->cancelled(host) != 0;
}

static int overhear(CURL *easy, curl_infotype type, char *data, size_t size, void *arg)
{
    struct sending *sending = arg;
    (void)easy;
    if (type == CURLINFO_HEADER_OUT)
        email_talk_told(&sending->talk, data, size);
    for (size_t at = 0; type == CURLINFO_HEADER_IN && at < size;) {
        const char *end = memchr(data + at, '\n', size - at);
        size_t length = end ? (size_t)(end - (data + at)) : size - at;
        email_talk_heard(&sending->talk, data + at, length);
        at += length + (end != NULL);
    }
    return 0;
}

/* ---- setting up ---- */

/* Everybody once, also who stands in two lists. */
static int add_recipients(struct sending *sending, const struct email_addresses *addresses)
{
    for (size_t i = 0; i < addresses->count; i++) {
        const char *address = addresses->items[i].address;
        struct curl_slist *there = sending->recipients;
        while (there && strcmp(there->data, address) != 0)
            there = there->next;
        struct curl_slist *longer = there ? sending->recipients : curl_slist_append(sending->recipients, address);
        if (!longer)
            return -1;
        sending->recipients = longer;
    }
    return 0;
}

#define SET(option, value) (result = result ? result : curl_easy_setopt(easy, option, value))

static CURLcode set_way(struct sending *sending, int64_t deadline_ms)
{
    const struct email *email = sending->email;
    CURL *easy = sending->easy;
    CURLcode result = CURLE_OK;
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_URL, email->url);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_TIMEOUT_MS, (long)deadline_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(deadline_ms < CONNECT_MS ? deadline_ms : CONNECT_MS));
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    /* Not CURLUSESSL_TRY: it would go on in clear when somebody on the way takes the offer of TLS out. */
    SET(CURLOPT_USE_SSL, (long)(email->security == EMAIL_NONE ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    if (email->config->ca_file) {
        SET(CURLOPT_CAINFO, email->config->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    if (email->config->user) {
        SET(CURLOPT_USERNAME, email->config->user);
        SET(CURLOPT_PASSWORD, email->config->password.reveal);
    }
    return result;
}

static CURLcode set_message(struct sending *sending)
{
    CURL *easy = sending->easy;
    CURLcode result = CURLE_OK;
    SET(CURLOPT_MAIL_FROM, sending->email->from.address);
    SET(CURLOPT_MAIL_RCPT, sending->recipients);
    SET(CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)sending->message->size);
    SET(CURLOPT_READFUNCTION, give);
    SET(CURLOPT_READDATA, sending);
    SET(CURLOPT_WRITEFUNCTION, take_nothing);
    SET(CURLOPT_XFERINFOFUNCTION, look_up);
    SET(CURLOPT_XFERINFODATA, sending);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_DEBUGFUNCTION, overhear);
    SET(CURLOPT_DEBUGDATA, sending);
    SET(CURLOPT_VERBOSE, 1L);
    SET(CURLOPT_ERRORBUFFER, sending->words);
    return result;
}

static CURLcode perform(struct sending *sending, int64_t deadline_ms)
{
    const struct email *email = sending->email;
    pthread_once(&once, start_curl);
    sending->easy = ready == CURLE_OK ? curl_easy_init() : NULL;
    if (!sending->easy || add_recipients(sending, &email->to) || add_recipients(sending, &email->cc) ||
        add_recipients(sending, &email->bcc))
        return CURLE_OUT_OF_MEMORY;
    CURLcode result = set_way(sending, deadline_ms);
    if (!result)
        result = set_message(sending);
    return result ? result : curl_easy_perform(sending->easy);
}

int email_send(const struct email *email, const struct email_message *message, int64_t deadline_ms,
               struct kist_error *err)
{
    struct sending sending = {.email = email, .message = message, .talk = {.command = ""}};
    struct email_end end = {
        .waited_ms = deadline_ms < 1 ? 1 : deadline_ms, .words = sending.words, .talk = &sending.talk};
    end.result = (int)perform(&sending, end.waited_ms);
    if (sending.easy) {
        curl_easy_getinfo(sending.easy, CURLINFO_SSL_VERIFYRESULT, &end.verified);
        curl_easy_getinfo(sending.easy, CURLINFO_OS_ERRNO, &end.errnum);
    }
    int code = email_outcome(email, &end, err);
    curl_easy_cleanup(sending.easy);
    curl_slist_free_all(sending.recipients);
    return code;
}
