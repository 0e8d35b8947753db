/*
 * plugin_members.h - the tables of the callbacks of each kind; shared by the files that write them, and plugin_defaults.c.
 */
#ifndef KIST_CORE_PLUGIN_MEMBERS_H
#define KIST_CORE_PLUGIN_MEMBERS_H

#include "plugin.h"

typedef void (*kist_any_function)(void);

/* A member of a descriptor that is a pointer: a callback, or a string that has to be there. */
struct kist_member {
    const char *name;
    size_t offset;
    kist_any_function stand_in; /* NULL: required */
    uint64_t features;          /* required in spite of a stand-in when the plugin has one of these features */
};

/* Rows of a table whose descriptor is DESCRIPTOR. */
#define REQUIRED(field)                                                                                           \
    {                                                                                                             \
        .name = #field, .offset = offsetof(DESCRIPTOR, field)                                                     \
    }
#define OPTIONAL(field, function) UNLESS(0, field, function)
/* The sizeof only makes the compiler compare the types of the callback and of what stands in for it. */
#define UNLESS(bits, field, function)                                                                             \
    {                                                                                                             \
        .name = #field,                                                                                           \
        .offset = offsetof(DESCRIPTOR, field) + 0 * sizeof(1 ? (function) : ((DESCRIPTOR *)0)->field),            \
        .stand_in = (kist_any_function)(function), .features = (bits)                                             \
    }
#define REQUIRED_OF_ALL                                                                                           \
    REQUIRED(about.name), REQUIRED(about.version), REQUIRED(about.summary), REQUIRED(open), REQUIRED(close)

/* Ends with a row without a name. */
extern const struct kist_member kist_source_members[];

#endif
