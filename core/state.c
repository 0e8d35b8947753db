#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SYSTEM_STATE "/var/lib/kist"

const char *kist_host_name(void)
{
    static _Thread_local char name[256];
    if (gethostname(name, sizeof name - 1) != 0 || !name[0])
        return "localhost";
    return name;
}

static const char *env(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

int kist_state_find(const char *option, const char *configured, char **ret_dir, struct kist_error *err)
{
    const char *choices[] = {option, env("KIST_STATE"), configured, env("STATE_DIRECTORY")};
    char *dir = NULL;
    for (size_t i = 0; i < sizeof choices / sizeof *choices && !dir; i++)
        if (choices[i] && !(dir = strdup(choices[i])))
            return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    /* systemd gives a list; a path of ours has no colon in that place either. */
    if (dir && !option && !env("KIST_STATE") && !configured)
        dir[strcspn(dir, ":")] = '\0';
    int made = dir ? 0 : -1;
    if (!dir && geteuid() == 0)
        made = asprintf(&dir, SYSTEM_STATE);
    else if (!dir && env("XDG_STATE_HOME"))
        made = asprintf(&dir, "%s/kist", env("XDG_STATE_HOME"));
    else if (!dir && env("HOME"))
        made = asprintf(&dir, "%s/.local/state/kist", env("HOME"));
    if (made < 0) {
        kist_fail(err, KIST_ERR_CONFIG, "there is no state directory: $HOME is not set");
        kist_hint(err, "name one with --state DIR");
        return KIST_ERR_CONFIG;
    }
    *ret_dir = dir;
    return 0;
}

/* Makes a directory and its parents. */
static int make_dirs(const char *path, struct kist_error *err)
{
    char *copy = strdup(path);
    if (!copy)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    int code = 0;
    for (char *slash = strchr(copy + 1, '/'); !code; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(copy, 0700) != 0 && errno != EEXIST) {
            code = kist_fail_errno(err, errno, "cannot make the state directory '%s'", copy);
            kist_hint(err, "name one that this user can write to with --state DIR");
        }
        if (!slash)
            break;
        *slash = '/';
    }
    free(copy);
    return code;
}

int kist_state_prepare(const char *dir, struct kist_error *err)
{
    char *locks = NULL;
    if (asprintf(&locks, "%s/locks", dir) < 0)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    int code = make_dirs(locks, err);
    free(locks);
    return code;
}

/* Tells this lock from that of another machine, or of another state directory. */
static int describe_owner(struct kist_lock *lock, struct kist_error *err)
{
    struct stat status;
    if (fstat(lock->fd, &status) != 0)
        return kist_fail_errno(err, errno, "cannot look at the lock");
    if (asprintf(&lock->owner, "%s:%llx:%llx", kist_host_name(), (unsigned long long)status.st_dev,
                 (unsigned long long)status.st_ino) < 0) {
        lock->owner = NULL;
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    }
    return 0;
}

/* Whoever only asks whether it is free holds it for a moment: that is no run. */
static int lock_soon(int fd)
{
    const struct timespec moment = {.tv_nsec = 5 * 1000000L};
    int result = flock(fd, LOCK_EX | LOCK_NB);
    for (int i = 0; i < 4 && result != 0 && errno == EWOULDBLOCK; i++) {
        nanosleep(&moment, NULL);
        result = flock(fd, LOCK_EX | LOCK_NB);
    }
    return result;
}

int kist_lock_take(const char *dir, const char *pipeline, struct kist_lock *ret_lock, struct kist_error *err)
{
    struct kist_lock lock = KIST_LOCK_INIT;
    char *path = NULL;
    if (asprintf(&path, "%s/locks/%s.lock", dir, pipeline) < 0)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    int code = 0;
    lock.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock.fd < 0)
        code = kist_fail_errno(err, errno, "cannot open the lock '%s'", path);
    else if (lock_soon(lock.fd) != 0) {
        code = errno == EWOULDBLOCK ? kist_fail(err, KIST_ERR_EXISTS,
                                                "another run of '%s' is at work (it holds '%s')", pipeline, path)
                                    : kist_fail_errno(err, errno, "cannot lock '%s'", path);
        if (code == KIST_ERR_EXISTS)
            kist_hint(err, "wait for it; `fuser -v %s` names the process", path);
    } else
        code = describe_owner(&lock, err);
    free(path);
    if (code)
        kist_lock_release(&lock);
    else
        *ret_lock = lock;
    return code;
}

void kist_lock_release(struct kist_lock *lock)
{
    if (lock->fd >= 0)
        close(lock->fd);
    free(lock->owner);
    *lock = (struct kist_lock)KIST_LOCK_INIT;
}

json_t *kist_user_json(void)
{
    char number[24], buffer[4096];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(getuid(), &entry, buffer, sizeof buffer, &found) == 0 && found) {
        json_t *name = json_string(found->pw_name);
        if (name)
            return name;
    }
    snprintf(number, sizeof number, "%ld", (long)getuid());
    return json_string(number);
}
