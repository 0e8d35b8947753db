/*
 * teller.h - the helper process that takes events to notifiers. Inside tell.c and teller*.c only.
 *
 * What goes to it through its socket (SOCK_SEQPACKET, one JSON object each):
 *     {"notifier": NAME, "document": {...}, "deadline_ms": N}
 *                      with a descriptor that gets the result: {"code", "message", "hint"}; without one for the start of a
 *                      run, of which nobody waits to hear
 *     {"end": true, "patient": BOOL}
 *                      no more will come: bring to an end what is under way; patient: what waits in the outbox, too
 * A socket that closes without that word means that kist was killed, and ends everything at once.
 */
#ifndef KIST_CORE_TELLER_H
#define KIST_CORE_TELLER_H

#include "config.h"

#define KIST_TELLER_PACKET_MOST (128 * 1024) /* bytes; less than what a socket takes in one piece */
#define KIST_TELLER_LATE_MS 300000 /* for all that waits in the outbox, where there is nothing else to do */
#define KIST_TELLER_GRACE_MS 2000  /* after the deadline, before a worker is killed */

/* Never returns. `state_dir` NULL: no outbox. */
_Noreturn void kist_teller_run(const struct kist_config *config, const char *state_dir, int fd);

#endif
