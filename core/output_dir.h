/* output_dir.h - restored items as files in a directory: complete under their names, or not there at all. */
#ifndef KIST_CORE_OUTPUT_DIR_H
#define KIST_CORE_OUTPUT_DIR_H

#include "progress.h"
#include "pull.h"

/* Writes what `pull` gives to `dir`/`name`; the directories are made. An existing file is KIST_ERR_REFUSED. */
int kist_output_item(const char *dir, const char *name, struct kist_pull *pull, struct kist_cancel *cancel,
                     struct kist_progress *progress, struct kist_error *err) KIST_CHECKED;

#endif
