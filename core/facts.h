/* facts.h - collects what a source tells of itself as JSON for the manifest. */
#ifndef KIST_CORE_FACTS_H
#define KIST_CORE_FACTS_H

#include "error.h"

#include <jansson.h>
#include <kist/source.h>

#define KIST_FACTS_DEPTH 16

struct kist_facts_builder {
    struct kist_facts facts; /* what the plugin gets */
    json_t *open[KIST_FACTS_DEPTH];
    size_t depth;
    const char *wrong; /* the first misuse */
};

int kist_facts_init(struct kist_facts_builder *builder, struct kist_error *err) KIST_CHECKED;
/* The object (new reference), or an error when the source misused the table or memory ran out. */
int kist_facts_take(struct kist_facts_builder *builder, json_t **ret_json, struct kist_error *err) KIST_CHECKED;
void kist_facts_done(struct kist_facts_builder *builder);

#endif
