/* redact.h - the secrets this process knows, and their removal from any text that leaves it. Thread-safe. */
#ifndef KIST_CORE_REDACT_H
#define KIST_CORE_REDACT_H

#include <kist/abi.h>

/* Remembers `secret` as it is, URL-encoded and base64-encoded; of a URL with a password, the password too. Very
 * short values (under 4 bytes) are not remembered: they would mangle every line. Returns 0 or -1 (memory). */
int kist_redact_add(const char *secret) KIST_CHECKED;

/* A new string with every known secret replaced by "***"; NULL only without memory. */
char *kist_redact(const char *text) KIST_CHECKED;

/* Overwrites and frees everything; at exit. */
void kist_redact_forget(void);

#endif
