#include "fault.h"

#include <stdlib.h>

void kist_fault_clear(struct kist_error *own)
{
    free(own->message);
    free(own->hint);
    *own = (struct kist_error)KIST_FAULT_INIT;
}

int kist_fault_repeat(const struct kist_host *host, const struct kist_error *own, struct kist_error *err)
{
    host->fail(host, err, own->code, "%s", own->message ? own->message : "out of memory");
    if (own->hint)
        host->hint(host, err, "%s", own->hint);
    host->retry(host, err, own->retryable, own->retry_after_ms);
    return own->code;
}
