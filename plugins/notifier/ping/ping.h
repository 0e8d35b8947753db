/* ping.h - what the files of this plugin share. */
#ifndef KIST_PING_H
#define KIST_PING_H

#include "post.h"

#define PING_BODY_MAX ((size_t)10000) /* what the service keeps of a body */

enum ping_degraded { PING_DEGRADED_FAIL, PING_DEGRADED_OK };

struct ping_config {
    kist_secret url;
    kist_choice degraded;
    kist_switch allow_plaintext;
    const char *ca_file;
};

/* What is put behind the URL's path for an event: "", "/start", "/fail" or "/log". */
const char *ping_signal(const struct ping_config *config, const struct kist_event *event);

/* What is sent along: the title, why, what to do, and of the log the end, at most PING_BODY_MAX bytes. New; NULL without
 * memory. */
char *ping_body(const struct kist_event *event) KIST_CHECKED;

#endif
