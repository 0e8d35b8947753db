/* once.c - having something made, once, whatever becomes of replies. */
#include "neon.h"

int neon_once(struct neon_api *api, const struct neon_once *once, int *ret_unsure, struct kist_error *err)
{
    struct kist_again again = kist_again_begin(api->host, neon_api_left(api));
    struct kist_error own = KIST_FAULT_INIT;
    int rc = 0, unsure = 0, found = KIST_ERR_NOT_FOUND;
    *ret_unsure = 0;
    do {
        kist_fault_clear(&own);
        rc = once->post(once->arg, &unsure, err);
        *ret_unsure |= unsure;
        /* That the name is taken is our own doing only if an earlier request may have been acted on: what somebody else gave
         * that name may be older, and is his to delete. */
        if (rc == 0 || !(unsure || (*ret_unsure && rc == KIST_ERR_EXISTS)))
            return rc;
        found = once->adopt(once->arg, &own);
    } while (found == KIST_ERR_NOT_FOUND && kist_again(&again, err));
    if (found != 0 && found != KIST_ERR_NOT_FOUND)
        kist_fault_repeat(api->host, &own, err);
    kist_fault_clear(&own);
    return found == 0 ? 0 : err->code;
}
