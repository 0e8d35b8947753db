/* Addresses, checked when the configuration is read: nothing in them can add a command or a header. */
#include "email.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"

#define LONGEST_LOCAL ((size_t)64)
#define LONGEST_DOMAIN ((size_t)255)
#define LONGEST_NAME ((size_t)200)
#define MOST ((uint64_t)100)

void email_address_done(struct email_address *address)
{
    free(address->name);
    free(address->address);
    *address = (struct email_address){0};
}

void email_addresses_done(struct email_addresses *addresses)
{
    for (size_t i = 0; i < addresses->count; i++)
        email_address_done(&addresses->items[i]);
    free(addresses->items);
    *addresses = (struct email_addresses){0};
}

/* Pieces of `allowed` signs, letters and digits between single dots. */
static int is_dotted(const char *text, size_t size, const char *allowed)
{
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '.' ? i == 0 || i + 1 == size || text[i - 1] == '.'
                     : !(isalnum((unsigned char)c) && isascii((unsigned char)c)) && !strchr(allowed, c))
            return 0;
    }
    return size > 0;
}

/* What is wrong with an address, or NULL. */
static const char *wrong(const char *text, size_t size)
{
    const char *at = memrchr(text, '@', size);
    if (!at)
        return "it has no '@'";
    size_t local = (size_t)(at - text), domain = size - local - 1;
    for (size_t i = 0; i < size; i++)
        if (!isascii((unsigned char)text[i]))
            return "it has characters outside ASCII; a domain can be written in its xn-- form";
    if (local > LONGEST_LOCAL || domain > LONGEST_DOMAIN)
        return "it is longer than an address may be";
    if (!is_dotted(text, local, "!#$%&'*+-/=?^_`{|}~"))
        return "what stands before the '@' is no plain name";
    return is_dotted(at + 1, domain, "-") ? NULL : "what stands behind the '@' is no domain";
}

static int refuse(const struct kist_host *host, const char *option, const char *text, const char *why,
                  struct kist_error *err)
{
    char *clean = email_clean(text, 0);
    int code = clean ? host->fail(host, err, KIST_ERR_CONFIG, "%s: '%.200s' is no address: %s", option, clean, why)
                     : host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    free(clean);
    if (code == KIST_ERR_CONFIG)
        host->hint(host, err, "write NAME@DOMAIN, or Words <NAME@DOMAIN>; several go on lines of their own");
    return code;
}

/* Blanks around it do not count, nor do quotes around a name. */
static void trim(const char **text, size_t *size, const char *signs)
{
    while (*size > 0 && strchr(signs, **text)) {
        ++*text;
        --*size;
    }
    while (*size > 0 && strchr(signs, (*text)[*size - 1]))
        --*size;
}

static int has_controls(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return 1;
    return 0;
}

int email_address_read(const struct kist_host *host, const char *option, const char *text,
                       struct email_address *ret_address, struct kist_error *err)
{
    const char *name = text, *address = text, *open = strrchr(text, '<');
    size_t name_size = 0, size = strlen(text);
    *ret_address = (struct email_address){0};
    if (has_controls(text))
        return refuse(host, option, text, "it has a control character", err);
    trim(&address, &size, " ");
    if (open) {
        if (size == 0 || address[size - 1] != '>')
            return refuse(host, option, text, "a '<' without its '>' at the end", err);
        name_size = (size_t)(open - text);
        size = (size_t)(address + size - 1 - (open + 1));
        address = open + 1;
        trim(&name, &name_size, " ");
        trim(&name, &name_size, "\"");
    }
    const char *why = wrong(address, size);
    if (!why && (name_size > LONGEST_NAME || memchr(name, '<', name_size) || memchr(name, '>', name_size)))
        why = "the name before the '<' is longer than 200 bytes, or has one of its own";
    if (why)
        return refuse(host, option, text, why, err);
    ret_address->address = strndup(address, size);
    ret_address->name = name_size > 0 ? strndup(name, name_size) : NULL;
    if (!ret_address->address || (name_size > 0 && !ret_address->name)) {
        email_address_done(ret_address);
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    }
    if (ret_address->name)
        kist_child_clean_text(ret_address->name);
    return 0;
}

int email_addresses_read(const struct kist_host *host, const char *option, const kist_list *list,
                         struct email_addresses *ret_addresses, struct kist_error *err)
{
    *ret_addresses = (struct email_addresses){0};
    if (list->count == 0)
        return 0;
    if (list->count > MOST)
        return host->fail(host, err, KIST_ERR_CONFIG, "%s: more than %d addresses", option, (int)MOST);
    ret_addresses->items = calloc(list->count, sizeof *ret_addresses->items);
    int code = ret_addresses->items ? 0 : host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    for (size_t i = 0; !code && i < list->count; i++) {
        code = email_address_read(host, option, list->items[i], &ret_addresses->items[i], err);
        ret_addresses->count += !code;
    }
    if (code)
        email_addresses_done(ret_addresses);
    return code;
}
