/* floor.c - the client programs that run code of a dump's author when they restore it: everything older than the
 * minor releases below. */
#include "pg_dump.h"

static const struct {
    int major, minor;
} floors[] = {{14, 25}, {15, 20}, {16, 16}, {17, 12}, {18, 7}};

int pgd_floor_of(int version_num)
{
    int major = version_num / 10000;
    for (size_t i = 0; i < sizeof floors / sizeof *floors; i++)
        if (floors[i].major == major)
            return major * 10000 + floors[i].minor;
    return major < floors[0].major ? floors[0].major * 10000 + floors[0].minor : 0;
}

int pgd_floor_check(const struct kist_host *host, const char *name, const struct pgd_tool *tool,
                    struct kist_error *err)
{
    int floor = pgd_floor_of(tool->version_num);
    if (tool->version_num >= floor)
        return 0;
    int code = host->fail(host, err, KIST_ERR_REFUSED,
                          "%s %s has known holes: a dump can run programs on this machine while it is restored",
                          name, tool->version);
    host->hint(
        host, err,
        "install postgresql-client %d.%d or newer; --allow-old-client goes on if you trust whoever could write "
        "to the database that was dumped",
        floor / 10000, floor % 10000);
    return code;
}

void pgd_floor_warn(const struct kist_host *host, const struct pgd_tool *tool)
{
    int floor = pgd_floor_of(tool->version_num);
    if (tool->version_num < floor)
        host->log(host, KIST_LOG_WARNING,
                  "pg_dump %s: the restore programs of this version have known holes and will be refused; install "
                  "postgresql-client %d.%d or newer",
                  tool->version, floor / 10000, floor % 10000);
}
