#include "pg_dump.h"

int pgd_aim(void *self, const char *target, struct kist_error *err)
{
    struct pgd_source *source = self;
    struct pgd_params params = {0};
    if (!target || !*target)
        return 0;
    int code = pgd_params_from_target(source->host, &source->params, target, &params, err);
    if (code)
        return code;
    /* What was learnt of the database that is configured says nothing about this one. */
    pgd_server_done(&source->server);
    pgd_tool_done(&source->tool);
    source->looked = 0;
    pgd_params_done(&source->params);
    source->params = params;
    return 0;
}
