#include "vault.h"

#include <stdlib.h>
#include <string.h>

struct kist_vault_part {
    struct kist_vault_part *next;
    size_t size;
    max_align_t memory[];
};

void *kist_vault_alloc(struct kist_vault *vault, size_t count, size_t size)
{
    size_t bytes = 0;
    struct kist_vault_part *part = NULL;
    if (!__builtin_mul_overflow(count, size, &bytes) && bytes < SIZE_MAX / 2)
        part = calloc(1, sizeof *part + bytes);
    if (!part) {
        vault->failed = 1;
        return NULL;
    }
    part->size = bytes;
    part->next = vault->parts;
    vault->parts = part;
    return part->memory;
}

char *kist_vault_copy(struct kist_vault *vault, const char *data, size_t size)
{
    char *copy = kist_vault_alloc(vault, 1, size + 1);
    if (copy)
        memcpy(copy, data, size);
    return copy;
}

char *kist_vault_string(struct kist_vault *vault, const char *string)
{
    return kist_vault_copy(vault, string, strlen(string));
}

void kist_vault_done(struct kist_vault *vault)
{
    while (vault->parts) {
        struct kist_vault_part *part = vault->parts;
        vault->parts = part->next;
        explicit_bzero(part->memory, part->size);
        free(part);
    }
    vault->failed = 0;
}
