/* vault.h - memory that lives and dies with a configuration, and is overwritten before it is freed. */
#ifndef KIST_CORE_VAULT_H
#define KIST_CORE_VAULT_H

#include <kist/abi.h>

struct kist_vault {
    struct kist_vault_part *parts;
    int failed; /* an allocation failed; asked once, at the end */
};

/* Zeroed and fit for any type; NULL without memory. */
void *kist_vault_alloc(struct kist_vault *vault, size_t count, size_t size) KIST_CHECKED;
char *kist_vault_copy(struct kist_vault *vault, const char *data, size_t size) KIST_CHECKED;
char *kist_vault_string(struct kist_vault *vault, const char *string) KIST_CHECKED;
void kist_vault_done(struct kist_vault *vault);

#endif
