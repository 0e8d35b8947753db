/* The server, and how the way to it is kept safe. */
#include "email.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct place {
    const char *host;
    size_t host_size;
    long port; /* 0: not given */
    int has_smtp, has_smtps;
};

static int is_host(const char *text, size_t size)
{
    int bracketed = size > 2 && text[0] == '[' && text[size - 1] == ']';
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        int edge = bracketed && (i == 0 || i + 1 == size);
        if (!edge &&
            !(bracketed ? isxdigit(c) || c == ':' || c == '.' : (isascii(c) && isalnum(c)) || strchr("-._", c)))
            return 0;
    }
    return size > 0 && size < 256 && text[0] != '-';
}

static int read_place(const char *text, struct place *ret_place)
{
    *ret_place = (struct place){0};
    if (strncasecmp(text, "smtp://", 7) == 0) {
        ret_place->has_smtp = 1;
        text += 7;
    } else if (strncasecmp(text, "smtps://", 8) == 0) {
        ret_place->has_smtps = 1;
        text += 8;
    }
    size_t size = strcspn(text, "/");
    if (text[size] == '/' && text[size + 1])
        return -1;
    const char *bracket = memchr(text, ']', size);
    const char *from = bracket ? bracket : text;
    const char *colon = memchr(from, ':', size - (size_t)(from - text));
    ret_place->host = text;
    ret_place->host_size = colon ? (size_t)(colon - text) : size;
    if (colon) {
        char *end;
        ret_place->port = strtol(colon + 1, &end, 10);
        if (!isdigit((unsigned char)colon[1]) || end != text + size || ret_place->port < 1 ||
            ret_place->port > 65535)
            return -1;
    }
    return is_host(ret_place->host, ret_place->host_size) ? 0 : -1;
}

static int is_here(const struct place *place)
{
    char name[256];
    struct in_addr four;
    struct in6_addr six;
    int bracketed = place->host[0] == '[';
    size_t size = place->host_size - (bracketed ? 2 : 0); /* of a host, which has less than 256 bytes */
    memcpy(name, place->host + bracketed, size);
    name[size] = '\0';
    if (bracketed)
        return inet_pton(AF_INET6, name, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
    return strcasecmp(name, "localhost") == 0 ||
           (inet_pton(AF_INET, name, &four) == 1 && ntohl(four.s_addr) >> 24 == 127);
}

static int check_clear_text(const struct email *email, const struct place *place, struct kist_error *err)
{
    const struct kist_host *host = email->host;
    if (email->config->password.reveal || email->config->user) {
        host->fail(host, err, KIST_ERR_CONFIG,
                   "security = none would send user and password for everybody on the way to read");
        host->hint(host, err, "use starttls or tls, or leave user and password out");
        return KIST_ERR_CONFIG;
    }
    if (is_here(place) || email->config->allow_plaintext.on)
        return 0;
    host->fail(host, err, KIST_ERR_CONFIG, "security = none would send mails to another host in clear");
    host->hint(host, err,
               "use starttls or tls, or say allow_plaintext = yes if the network in between is yours alone");
    return KIST_ERR_CONFIG;
}

/* The choice in the configuration, else what the address says. */
static int choose_security(struct email *email, const struct place *place, struct kist_error *err)
{
    const struct kist_host *host = email->host;
    int chosen = email->config->security.index, safe_from_start = place->has_smtps;
    if (chosen < 0)
        chosen = safe_from_start || (place->port == 465 && !place->has_smtp) ? EMAIL_TLS : EMAIL_STARTTLS;
    email->security = (enum email_security)chosen;
    if ((place->has_smtps && chosen != EMAIL_TLS) || (place->has_smtp && chosen == EMAIL_TLS)) {
        int code = host->fail(host, err, KIST_ERR_CONFIG, "server and security say different things");
        host->hint(host, err, "smtps:// is security = tls, smtp:// is starttls; or leave security out");
        return code;
    }
    return chosen == EMAIL_NONE ? check_clear_text(email, place, err) : 0;
}

static int check_login(const struct email *email, struct kist_error *err)
{
    const struct kist_host *host = email->host;
    const char *user = email->config->user, *password = email->config->password.reveal;
    if (!user != !password)
        return host->fail(host, err, KIST_ERR_CONFIG,
                          user ? "user is given without a password" : "a password is given without a user");
    if (user && (!*user || !*password))
        return host->fail(host, err, KIST_ERR_CONFIG, "%s is empty", *user ? "password" : "user");
    return 0;
}

static int check_ehlo(const struct email *email, struct kist_error *err)
{
    const char *ehlo = email->config->ehlo;
    if (!ehlo || is_host(ehlo, strlen(ehlo)))
        return 0;
    return email->host->fail(email->host, err, KIST_ERR_CONFIG,
                             "ehlo is neither a host name nor an address in []");
}

static int make_url(struct email *email, const struct place *place, struct kist_error *err)
{
    const struct kist_host *host = email->host;
    const char *ehlo = email->config->ehlo ? email->config->ehlo : "";
    long port = place->port                     ? place->port
                : email->security == EMAIL_TLS  ? 465
                : email->security == EMAIL_NONE ? 25
                                                : 587;
    size_t size = strlen(ehlo);
    /* Brackets are no signs of a URL's path. */
    int bracketed = *ehlo == '[';
    if (asprintf(&email->where, "%.*s:%ld", (int)place->host_size, place->host, port) < 0)
        email->where = NULL;
    if (!email->where || asprintf(&email->url, "%s://%s/%s%.*s%s", email->security == EMAIL_TLS ? "smtps" : "smtp",
                                  email->where, bracketed ? "%5B" : "", (int)(bracketed ? size - 2 : size),
                                  ehlo + bracketed, bracketed ? "%5D" : "") < 0) {
        email->url = NULL;
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    }
    return 0;
}

int email_server_read(struct email *email, struct kist_error *err)
{
    const struct kist_host *host = email->host;
    struct place place;
    if (read_place(email->config->server, &place) != 0) {
        int code = host->fail(host, err, KIST_ERR_CONFIG, "server is no address of a mail server");
        host->hint(host, err,
                   "write smtp://HOST:587, smtps://HOST:465 or HOST; the login goes into user and password");
        return code;
    }
    int code = choose_security(email, &place, err);
    if (!code)
        code = check_login(email, err);
    if (!code)
        code = check_ehlo(email, err);
    return code ? code : make_url(email, &place, err);
}
