/* restore_notes.h - RESTORE.txt: how to get a backup back with standard tools alone. */
#ifndef KIST_CORE_RESTORE_NOTES_H
#define KIST_CORE_RESTORE_NOTES_H

#include "instance.h"
#include "manifest.h"

#define KIST_NOTES_NAME "RESTORE.txt"

/* The text for a backup whose items went through `filters`, in this order. New. */
int kist_restore_notes_format(const struct kist_manifest *manifest, const struct kist_config_pipeline *pipeline,
                              struct kist_instance *const *filters, size_t filter_count, char **ret_text,
                              struct kist_error *err) KIST_CHECKED;

#endif
