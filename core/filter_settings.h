/* filter_settings.h - what tells two configurations of one filter apart whose streams cannot stand for each other. */
#ifndef KIST_CORE_FILTER_SETTINGS_H
#define KIST_CORE_FILTER_SETTINGS_H

#include "hash.h"
#include "instance.h"

#define KIST_SETTINGS_LENGTH 16 /* hex digits */

/* The beginning of the SHA-256 of what the filter says of its settings; "" when it says nothing. */
int kist_filter_settings(const struct kist_instance *filter, char ret_text[KIST_SETTINGS_LENGTH + 1],
                         struct kist_error *err) KIST_CHECKED;

#endif
