/* load_guard.h - a plugin whose constructors crash or end the process is at least named. */
#ifndef KIST_CORE_LOAD_GUARD_H
#define KIST_CORE_LOAD_GUARD_H

/* Between the two, a fatal signal or a call of exit() is reported as the fault of the plugin at `path` (kept until the
 * end) and ends the process with KIST_EXIT_USAGE. One thread at a time: everything is loaded before threads start. */
void kist_load_guard_begin(const char *path);
void kist_load_guard_end(void);

#endif
