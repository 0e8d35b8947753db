/*
 * xml.h - small XML documents as a tree, by expat, with nothing taken on trust.
 *
 * A document type declaration is refused outright (no entities, no external files), and so are more than 64 levels and
 * texts that are not UTF-8. Namespaces are dropped: elements are known by their local names. Attributes are not kept.
 */
#ifndef KIST_SDK_XML_H
#define KIST_SDK_XML_H

#include <kist/plugin.h>

struct kist_xml;

/* Parses `size` bytes. KIST_ERR_CORRUPT for anything that is not a sound document. */
int kist_xml_parse(const struct kist_host *host, const char *data, size_t size, struct kist_xml **ret_root,
                   struct kist_error *err) KIST_CHECKED;
void kist_xml_free(struct kist_xml *root); /* NULL is fine */

const char *kist_xml_name(const struct kist_xml *element);
/* The element's own text, "" when it has none. */
const char *kist_xml_text(const struct kist_xml *element);
/* The first child of that name (NULL: of any), or NULL; and the next one after `element` among its siblings. */
const struct kist_xml *kist_xml_child(const struct kist_xml *parent, const char *name);
const struct kist_xml *kist_xml_next(const struct kist_xml *element, const char *name);
/* The text of the first child of that name, or NULL when there is no such child. `parent` may be NULL. */
const char *kist_xml_value(const struct kist_xml *parent, const char *name);
/* `text` with & < > " and ' as entities, and what XML cannot carry refused (NULL). New; NULL without memory, too. */
char *kist_xml_escape(const char *text) KIST_CHECKED;

#endif
