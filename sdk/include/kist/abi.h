/*
 * kist/abi.h - what every plugin kind shares: the descriptor's head, errors and the host's services.
 *
 * A plugin is a shared object with one exported data symbol, `kist_plugin`, made by a macro of the header of
 * its kind. The core reads the head of that symbol before any code of the plugin runs.
 *
 * Rules of this ABI, so that old and new can meet:
 *  - fields are only ever appended, and a struct that crosses the border says its size first;
 *  - fields are fixed-width integers, pointers and one-field structs: no bool, enum, bit-field, long or array;
 *  - memory is freed by the side that allocated it. Comments say: borrowed (valid during the call), kept (valid
 *    until the instance is closed), given (the receiver now owns it);
 *  - an instance is called from one thread at a time; several instances may run at once in different threads;
 *  - a plugin keeps no mutable global state and is never unloaded.
 */
#ifndef KIST_ABI_H
#define KIST_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KIST_ABI_MAGIC UINT32_C(0x7473696b) /* "kist" in memory order on little-endian machines */
#define KIST_ABI_VERSION UINT32_C(1)

#define KIST_KIND_SOURCE UINT32_C(1)
#define KIST_KIND_FILTER UINT32_C(2)
#define KIST_KIND_DESTINATION UINT32_C(3)
#define KIST_KIND_NOTIFIER UINT32_C(4)

#if defined(__GNUC__)
#define KIST_PUBLIC __attribute__((visibility("default")))
#define KIST_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define KIST_CHECKED __attribute__((warn_unused_result))
#else
#define KIST_PUBLIC
#define KIST_PRINTF(fmt, args)
#define KIST_CHECKED
#endif

/*
 * Results. Every callback that can fail returns 0 or one of these; the list is closed. Which of them are worth
 * another try is derived from the code (UNAVAILABLE and TIMEOUT are) unless the plugin says otherwise.
 */
#define KIST_OK 0
#define KIST_ERR_CONFIG (-1)       /* the configuration cannot work: a person must change it */
#define KIST_ERR_AUTH (-2)         /* credentials refused or expired */
#define KIST_ERR_NOT_FOUND (-3)    /* the named thing does not exist */
#define KIST_ERR_EXISTS (-4)       /* the name is taken; nothing was overwritten */
#define KIST_ERR_NO_SPACE (-5)     /* disk, quota or store is full */
#define KIST_ERR_UNAVAILABLE (-6)  /* a peer does not answer or says "later" */
#define KIST_ERR_TIMEOUT (-7)      /* a deadline passed */
#define KIST_ERR_CANCELLED (-8)    /* the host asked to stop */
#define KIST_ERR_CORRUPT (-9)      /* data is not what it should be */
#define KIST_ERR_UNSUPPORTED (-10) /* this plugin or its peer cannot do that */
#define KIST_ERR_REFUSED (-11)     /* a guard said no; the hint names the option that overrules it */
#define KIST_ERR_FAILED (-12)      /* anything else that went wrong: I/O, memory, a child's exit status */
#define KIST_ERR_BUG (-13)         /* a broken promise of the code itself */

#define KIST_LOG_ERROR 1
#define KIST_LOG_WARNING 2
#define KIST_LOG_INFO 3
#define KIST_LOG_DEBUG 4

/*
 * An error as the core keeps it. The core allocates it, clears it and frees its strings; a plugin fills it through
 * host->fail() and may read it, but never writes a field itself. `err` is never NULL in a callback.
 */
struct kist_error {
    uint32_t struct_size;
    int32_t code;           /* one of KIST_ERR_*, or 0 while nothing happened */
    uint32_t retryable;     /* 1: the same call may succeed later */
    int64_t retry_after_ms; /* 0: the core chooses; else not before that */
    char *message;          /* one sentence: what, where, why. Lower case, no full stop */
    char *hint;             /* what to do next, or NULL */
};

struct kist_destination;
struct kist_source;

/*
 * The services of the host, handed to `open` and kept by the instance (valid until its `close` returns). A test
 * may hand in a table of its own. All functions may be called from any thread.
 */
struct kist_host {
    uint32_t struct_size;
    void *core; /* the host's own; a plugin passes `host` on and never looks here */

    /* One line for people, of a KIST_LOG_* level. The core puts pipeline, section and plugin in front and
     * removes known secrets. Never called for an error that is also returned. */
    void (*log)(const struct kist_host *host, int32_t level, const char *format, ...) KIST_PRINTF(3, 4);

    /* Fills `err` and returns `code`, so that a callback can end with `return host->fail(...)`. A second call
     * replaces the first. `format` describes what, where and why in one line; strings are copied. */
    int (*fail)(const struct kist_host *host, struct kist_error *err, int code, const char *format, ...)
        KIST_PRINTF(4, 5);

    /* Adds the next step for the reader to an error that fail() just filled; strings are copied. */
    void (*hint)(const struct kist_host *host, struct kist_error *err, const char *format, ...) KIST_PRINTF(3, 4);

    /* Overrules what the code says about trying again; `after_ms` as in struct kist_error. */
    void (*retry)(const struct kist_host *host, struct kist_error *err, uint32_t retryable, int64_t after_ms);

    /* 1 once the run is to stop. Long loops ask at least every second and answer KIST_ERR_CANCELLED. */
    int (*cancelled)(const struct kist_host *host);

    /* A file descriptor that becomes readable once cancelled() is 1, for poll(2). Borrowed: never read or closed. */
    int (*cancel_fd)(const struct kist_host *host);

    /* Wall clock, milliseconds since 1970 UTC; and a clock that only moves forward, for deadlines. */
    int64_t (*now_ms)(const struct kist_host *host);
    int64_t (*monotonic_ms)(const struct kist_host *host);

    /* `size` bytes fit for keys and nonces. Fails rather than give weak ones. */
    int (*random)(const struct kist_host *host, void *data, size_t size, struct kist_error *err) KIST_CHECKED;

    /* A copy of `text` kept until the instance is closed, or NULL without memory. */
    const char *(*keep_string)(const struct kist_host *host, const char *text);

    /* Names `text` a secret learnt at run time (a session token, say): from now on it is removed from every log
     * line and message. Returns 0, or KIST_ERR_FAILED without memory. */
    int (*add_secret)(const struct kist_host *host, const char *text);

    /* Opens the store of the section [destination NAME], for a source that reads objects or puts them back. The calls
     * (kept) keep the contract of kist/destination.h, with keys below the section's prefix; they wait and try again as
     * that section says, so the caller never does. `ret_calls->close(ret_self)` ends it, before the instance's own close
     * returns. One thread at a time, as everywhere. */
    int (*open_store)(const struct kist_host *host, const char *name, const struct kist_destination **ret_calls,
                      void **ret_self, struct kist_error *err) KIST_CHECKED;

    /* Opens another source, for one that prepares a place for it to read: the section [source NAME], which must be of the
     * plugin `plugin`; NAME NULL: that plugin with its defaults. Every callback is there, and does what kist/source.h says.
     * `ret_calls->close(ret_self)` ends it, before the instance's own close returns. KIST_ERR_CONFIG when there is no such
     * section or plugin. A source that was opened so opens no further one. */
    int (*open_source)(const struct kist_host *host, const char *plugin, const char *name,
                       const struct kist_source **ret_calls, void **ret_self, struct kist_error *err) KIST_CHECKED;
};

struct kist_option;

/*
 * The head of every descriptor. A plugin writes only the fields below the line; the macro of its kind fills the
 * others, and the core checks them before it looks at anything else.
 */
struct kist_plugin_head {
    uint32_t magic;
    uint32_t abi_version;
    uint32_t kind;
    uint32_t struct_size; /* of the whole descriptor as the plugin was compiled */
    uint32_t option_size; /* of one row of the option table, likewise */
    uint32_t reserved;
    /* ---- */
};

/* How a plugin presents itself; the first member after the head in every descriptor. */
struct kist_plugin_about {
    const char *name;                  /* as in `plugin = NAME`: [a-z0-9_]+, the name of its folder and file */
    const char *version;               /* the plugin's own */
    const char *summary;               /* one line, for `kist plugin list` */
    const char *details;               /* paragraphs for `kist plugin inspect`, or NULL */
    const struct kist_option *options; /* ends with a row whose name is NULL; NULL: no options */
    uint64_t config_size;              /* bytes of the struct that the options fill; 0: none */
};

#ifdef __cplusplus
}
#endif
#endif
