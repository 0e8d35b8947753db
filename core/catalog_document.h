/* catalog_document.h - the documents of a backup in the catalog's folder, for the files of the catalog itself. */
#ifndef KIST_CORE_CATALOG_DOCUMENT_H
#define KIST_CORE_CATALOG_DOCUMENT_H

#include "catalog.h"

#define KIST_PENDING_SUFFIX ".pending"

int kist_catalog_put_document(struct kist_store *store, const char *pipeline, const char *id, const char *suffix,
                              const char *text, size_t size, struct kist_error *err) KIST_CHECKED;
int kist_catalog_remove_document(struct kist_store *store, const char *pipeline, const char *id,
                                 const char *suffix, struct kist_error *err) KIST_CHECKED;
int kist_catalog_document_exists(struct kist_store *store, const char *pipeline, const char *id,
                                 const char *suffix, int *ret_exists, struct kist_error *err) KIST_CHECKED;

#endif
