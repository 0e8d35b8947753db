/*
 * kist/option.h - option tables: what a plugin can be told in its section of the configuration.
 *
 * A plugin declares a struct for its configuration and a table with a row per field:
 *
 *     struct local_config { const char *path; kist_switch require_mount; };
 *     static const struct kist_option options[] = {
 *         KIST_OPTION(struct local_config, path, .flags = KIST_OPTION_REQUIRED, .help = "directory of the store"),
 *         KIST_OPTION(struct local_config, require_mount, .def = "no", .help = "refuse an unmounted path"),
 *         KIST_OPTION_END };
 *
 * Name, type, offset and size of a row come from the field. The core allocates the struct, applies defaults, parses
 * and checks the values, and calls `open` with it: a plugin parses no text. The same table makes
 * `kist plugin inspect`, `kist config check` and the manual page.
 */
#ifndef KIST_OPTION_H
#define KIST_OPTION_H

#include <kist/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Value types. Being structs of their own, they cannot be mistaken for numbers or printed by accident. */
typedef struct {
    const char *reveal;
} kist_secret; /* NULL when not given; never print it */
typedef struct {
    uint64_t bytes;
} kist_size; /* "16MiB", "1GB", "4096" */
typedef struct {
    int64_t ms;
} kist_duration; /* "30s", "5m", "2h", "7d", "250ms" */
typedef struct {
    uint32_t on;
} kist_switch; /* yes|no, true|false, on|off, 1|0 */
typedef struct {
    int32_t index;
} kist_choice; /* position in .choices, from 0; -1 when not given */
typedef struct {
    const char *const *items;
    uint64_t count;
} kist_list; /* "a, b" or one item a line; items are kept */

typedef struct {
    const char *name;
} kist_store_ref; /* NAME of a [destination NAME], for host->open_store; NULL when not given */

typedef struct {
    const char *name;
} kist_source_ref; /* NAME of a [source NAME], for host->open_source; NULL when not given. Only an option of a source */

#define KIST_TYPE_STRING UINT32_C(1) /* const char *; NULL when not given */
#define KIST_TYPE_SECRET UINT32_C(2)
#define KIST_TYPE_SIZE UINT32_C(3)
#define KIST_TYPE_DURATION UINT32_C(4)
#define KIST_TYPE_SWITCH UINT32_C(5)
#define KIST_TYPE_CHOICE UINT32_C(6)
#define KIST_TYPE_LIST UINT32_C(7)
#define KIST_TYPE_INTEGER UINT32_C(8) /* int64_t */
#define KIST_TYPE_STORE UINT32_C(9)
#define KIST_TYPE_SOURCE UINT32_C(10)

#define KIST_OPTION_REQUIRED UINT32_C(1) /* an error when it is missing or empty */
#define KIST_OPTION_RANGE UINT32_C(2)    /* .min and .max hold, in the field's unit (bytes, ms, number) */

struct kist_option {
    const char *name;
    const char *def;     /* as it would stand in the file; NULL: none, the field stays zero */
    const char *help;    /* one sentence, lower case, no full stop */
    const char *choices; /* KIST_TYPE_CHOICE: "custom|plain". KIST_TYPE_SOURCE: the plugin that such a section must be of,
                          * "pg_dump"; it is loaded with the one that has the option, where it is installed */
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t size;
    int64_t min, max;
};

#define KIST_OPTION_END                                                                                           \
    {                                                                                                             \
        .name = NULL                                                                                              \
    }

#if !defined(__cplusplus)
#define KIST_OPTION_TYPE_(expression)                                                                             \
    _Generic((expression),                                                                                          \
        const char *: KIST_TYPE_STRING,                                                                             \
        kist_secret: KIST_TYPE_SECRET,                                                                              \
        kist_size: KIST_TYPE_SIZE,                                                                                  \
        kist_duration: KIST_TYPE_DURATION,                                                                          \
        kist_switch: KIST_TYPE_SWITCH,                                                                              \
        kist_choice: KIST_TYPE_CHOICE,                                                                              \
        kist_list: KIST_TYPE_LIST,                                                                                  \
        kist_store_ref: KIST_TYPE_STORE,                                                                             \
        kist_source_ref: KIST_TYPE_SOURCE,                                                                           \
        int64_t: KIST_TYPE_INTEGER)

/* A row for `field` of `config_type`; further members by designated initialisers. */
#define KIST_OPTION(config_type, field, ...)                                                                      \
    {                                                                                                             \
        .name = #field, .type = KIST_OPTION_TYPE_(((config_type *)0)->field),                                     \
        .offset = offsetof(config_type, field), .size = sizeof(((config_type *)0)->field), __VA_ARGS__            \
    }

/* Range of a number, size (bytes) or duration (ms), both ends included. */
#define KIST_RANGE(low, high) .flags = KIST_OPTION_RANGE, .min = (low), .max = (high)
#endif

#ifdef __cplusplus
}
#endif
#endif
