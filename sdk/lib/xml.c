#include "xml.h"

#include <expat.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Far more than a page of a listing takes; an element costs some 100 bytes of memory for 4 bytes of text. */
#define MAX_BYTES ((size_t)16 << 20)
#define MAX_ELEMENTS ((size_t)1 << 18)
#define MAX_DEPTH 64

struct kist_xml {
    struct kist_xml *parent, *first, *last, *next;
    char *text;
    size_t size, capacity;
    char name[];
};

struct build {
    XML_Parser parser;
    struct kist_xml *root, *open;
    size_t elements;
    unsigned depth;
    int is_out_of_memory;
    const char *refused; /* why, when it was not expat that found the mistake */
};

static void refuse(struct build *build, const char *why)
{
    build->refused = why;
    (void)XML_StopParser(build->parser, XML_FALSE);
}

static void out_of_memory(struct build *build)
{
    build->is_out_of_memory = 1;
    (void)XML_StopParser(build->parser, XML_FALSE);
}

static struct kist_xml *new_element(const char *qualified)
{
    const char *colon = strrchr(qualified, ':');
    const char *name = colon && colon[1] ? colon + 1 : qualified;
    size_t size = strlen(name) + 1;
    struct kist_xml *element = calloc(1, sizeof *element + size);
    if (element)
        memcpy(element->name, name, size);
    return element;
}

static void add_element(struct build *build, struct kist_xml *element)
{
    struct kist_xml *parent = build->open;
    element->parent = parent;
    if (!parent)
        build->root = element;
    else if (parent->last)
        parent->last->next = element;
    else
        parent->first = element;
    if (parent)
        parent->last = element;
    build->open = element;
}

static void on_start(void *data, const char *name, const char **attributes)
{
    (void)attributes;
    struct build *build = data;
    /* Expat may still call what it had in hand when it was stopped. */
    if (build->refused || build->is_out_of_memory)
        return;
    if (build->depth == MAX_DEPTH) {
        refuse(build, "more than 64 levels");
        return;
    }
    if (build->elements == MAX_ELEMENTS) {
        refuse(build, "too many elements");
        return;
    }
    struct kist_xml *element = new_element(name);
    if (!element) {
        out_of_memory(build);
        return;
    }
    build->depth++;
    build->elements++;
    add_element(build, element);
}

static void on_end(void *data, const char *name)
{
    (void)name;
    struct build *build = data;
    if (build->refused || build->is_out_of_memory || !build->open)
        return;
    build->open = build->open->parent;
    build->depth--;
}

static void on_text(void *data, const char *text, int length)
{
    struct build *build = data;
    struct kist_xml *element = build->open;
    size_t size = length > 0 ? (size_t)length : 0;
    if (!element || build->refused || build->is_out_of_memory)
        return;
    /* The whole document is bounded, so these sums are. */
    if (element->size + size + 1 > element->capacity) {
        size_t capacity = element->size + size + 1;
        capacity = element->capacity == 0 ? capacity : capacity * 2;
        char *grown = realloc(element->text, capacity);
        if (!grown) {
            out_of_memory(build);
            return;
        }
        element->text = grown;
        element->capacity = capacity;
    }
    memcpy(element->text + element->size, text, size);
    element->size += size;
    element->text[element->size] = '\0';
}

static void on_doctype(void *data, const char *name, const char *system, const char *public, int has_internal)
{
    (void)name;
    (void)system;
    (void)public;
    (void)has_internal;
    refuse(data, "a document type declaration");
}

static int fail_parse(const struct kist_host *host, const struct build *build, struct kist_error *err)
{
    unsigned long line = XML_GetCurrentLineNumber(build->parser);
    enum XML_Error code = XML_GetErrorCode(build->parser);
    if (build->is_out_of_memory || code == XML_ERROR_NO_MEMORY)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    if (build->refused)
        return host->fail(host, err, KIST_ERR_CORRUPT, "refused XML: %s in line %lu", build->refused, line);
    return host->fail(host, err, KIST_ERR_CORRUPT, "not sound XML: %s in line %lu", XML_ErrorString(code), line);
}

int kist_xml_parse(const struct kist_host *host, const char *data, size_t size, struct kist_xml **ret_root,
                   struct kist_error *err)
{
    if (size > MAX_BYTES)
        return host->fail(host, err, KIST_ERR_CORRUPT, "refused XML: more than 16 MiB");
    /* Expat would take it for UTF-16, whatever it is told. */
    if (size > 0 && memchr(data, '\0', size))
        return host->fail(host, err, KIST_ERR_CORRUPT, "refused XML: a zero byte");
    /* A name given here overrules what the document says of itself. */
    struct build build = {.parser = XML_ParserCreate("UTF-8")};
    if (!build.parser)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    XML_SetUserData(build.parser, &build);
    XML_SetElementHandler(build.parser, on_start, on_end);
    XML_SetCharacterDataHandler(build.parser, on_text);
    XML_SetStartDoctypeDeclHandler(build.parser, on_doctype);
    int code = 0;
    if (XML_Parse(build.parser, size > 0 ? data : "", (int)size, 1) != XML_STATUS_OK)
        code = fail_parse(host, &build, err);
    XML_ParserFree(build.parser);
    if (code) {
        kist_xml_free(build.root);
        return code;
    }
    *ret_root = build.root;
    return 0;
}

void kist_xml_free(struct kist_xml *root)
{
    /* Not deeper than MAX_DEPTH. */
    if (!root)
        return;
    struct kist_xml *child = root->first;
    while (child) {
        struct kist_xml *next = child->next;
        kist_xml_free(child);
        child = next;
    }
    /* An element may hold a key or a token. */
    if (root->text)
        explicit_bzero(root->text, root->size);
    free(root->text);
    free(root);
}

const char *kist_xml_name(const struct kist_xml *element)
{
    return element->name;
}

const char *kist_xml_text(const struct kist_xml *element)
{
    return element->text ? element->text : "";
}

static const struct kist_xml *named(const struct kist_xml *element, const char *name)
{
    while (element && name && strcmp(element->name, name) != 0)
        element = element->next;
    return element;
}

const struct kist_xml *kist_xml_child(const struct kist_xml *parent, const char *name)
{
    return parent ? named(parent->first, name) : NULL;
}

const struct kist_xml *kist_xml_next(const struct kist_xml *element, const char *name)
{
    return element ? named(element->next, name) : NULL;
}

const char *kist_xml_value(const struct kist_xml *parent, const char *name)
{
    const struct kist_xml *child = kist_xml_child(parent, name);
    return child ? kist_xml_text(child) : NULL;
}

static const char *entity_of(char byte)
{
    switch (byte) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&apos;";
    /* A parser would turn a bare carriage return into a newline. */
    case '\r': return "&#13;";
    default: return NULL;
    }
}

/* 0 for bytes that no XML 1.0 document can hold: most control characters, and anything that is not UTF-8. */
static size_t character_size(const unsigned char *text)
{
    if (text[0] < 0x80)
        return text[0] >= 0x20 || text[0] == '\t' || text[0] == '\n' || text[0] == '\r';
    size_t size = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    if (text[0] < 0xc2 || text[0] > 0xf4)
        return 0;
    unsigned code = text[0] & (0x7fU >> size);
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3fU);
    }
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    int is_bad = code < least[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) || code == 0xfffe ||
                 code == 0xffff;
    return is_bad ? 0 : size;
}

char *kist_xml_escape(const char *text)
{
    size_t length = strlen(text);
    if (length > (SIZE_MAX - 1) / 6)
        return NULL;
    char *escaped = malloc(length * 6 + 1), *out = escaped;
    while (escaped && *text) {
        size_t size = character_size((const unsigned char *)text);
        if (size == 0) {
            free(escaped);
            return NULL;
        }
        const char *entity = entity_of(*text);
        size_t count = entity ? strlen(entity) : size;
        memcpy(out, entity ? entity : text, count);
        out += count;
        text += size;
    }
    if (out)
        *out = '\0';
    return escaped;
}
