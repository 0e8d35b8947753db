#include "read_file.h"
#include "suggest.h"
#include "zone_table.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LARGEST_FILE ((size_t)1 << 20)

static const char *const folders[] = {"/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo",
                                      "/etc/zoneinfo"};

/* Where the rules of all zones are, or NULL. */
static const char *rules_folder(void)
{
    const char *own = secure_getenv("TZDIR");
    if (own && *own)
        return own;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (access(folders[i], X_OK) == 0)
            return folders[i];
    return NULL;
}

/* The C library would take a path, or rules of its own making, where a name is expected. */
static int is_name(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    size_t size = strlen(name);
    return size > 0 && size <= 200 && strspn(name, letters) == size && name[0] != '/' && name[size - 1] != '/' &&
           !strstr(name, "//");
}

/* A file that is cut short or something else would silently mean UTC. */
static int has_rules(const char *path)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    char *data = NULL;
    size_t size = 0;
    struct stat status;
    int fd = -1;
    if (kist_file_open(path, &fd, &status, &err))
        return 0;
    int sound = !kist_file_read(fd, LARGEST_FILE, &data, &size, &err) && size > 44 && !memcmp(data, "TZif", 4) &&
                (data[4] == '\0' || data[size - 1] == '\n');
    free(data);
    close(fd);
    return sound;
}

/* What `name` was probably meant to be, among its neighbours. New, or NULL. */
static char *nearest(const char *folder, const char *name)
{
    const char *slash = strrchr(name, '/');
    int start = slash ? (int)(slash - name) + 1 : 0;
    char *path = NULL, *found = NULL;
    struct dirent **entries = NULL;
    if (asprintf(&path, "%s/%.*s", folder, start, name) < 0)
        return NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    const char **names = count > 0 ? calloc((size_t)count, sizeof *names) : NULL;
    for (int i = 0; names && i < count; i++)
        names[i] = is_name(entries[i]->d_name) ? entries[i]->d_name : NULL;
    const char *best = names ? kist_suggest(name + start, names, (size_t)count) : NULL;
    if (best && asprintf(&found, "%.*s%s", start, name, best) < 0)
        found = NULL;
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(names);
    free(entries);
    free(path);
    return found;
}

static int unknown(const char *folder, const char *name, struct kist_error *err)
{
    kist_fail(err, KIST_ERR_CONFIG, "there is no time zone '%s'", name);
    char *meant = folder && is_name(name) ? nearest(folder, name) : NULL;
    if (meant && strcmp(meant, name) != 0)
        kist_hint(err, "did you mean %s?", meant);
    else if (!folder)
        kist_hint(err, "this system has no time zones: install tzdata, or use UTC");
    else
        kist_hint(err, "a name of the time zone database, such as Europe/Berlin, or UTC");
    free(meant);
    return KIST_ERR_CONFIG;
}

int kist_zone_file(const char *name, char **ret_path, struct kist_error *err)
{
    const char *folder = rules_folder();
    char *path = NULL;
    if (!folder || !is_name(name))
        return unknown(folder, name, err);
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    if (!has_rules(path)) {
        free(path);
        return unknown(folder, name, err);
    }
    *ret_path = path;
    return 0;
}
