/* main.c - makes the process a safe place, then hands over to the command line. */
#include "cli.h"
#include "log.h"
#include "redact.h"
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* A descriptor below 3 that the caller closed would be taken by the next file that is opened, and be written to by every
 * message. */
static int open_standard_descriptors(struct kist_error *err)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
            return kist_fail(err, KIST_ERR_FAILED, "cannot open /dev/null");
    return 0;
}

/* Files for this user alone; no core file and no other process's look into memory that holds secrets. */
static void protect_process(void)
{
    umask(077);
    struct rlimit none = {0, 0};
    (void)!setrlimit(RLIMIT_CORE, &none);
#if !defined(__SANITIZE_ADDRESS__)
    /* The leak checker needs to look. */
    (void)!prctl(PR_SET_DUMPABLE, 0);
#endif
}

int main(int argc, char **argv)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_cancel *cancel = NULL;
    protect_process();
    int code = open_standard_descriptors(&err);
    if (!code)
        code = kist_cancel_new(NULL, &cancel, &err);
    if (!code)
        code = kist_signals_setup(cancel, &err);
    enum kist_exit status = code ? kist_cli_fail(&err) : kist_cli_main(argc, argv, cancel);
    kist_redact_forget();
    /* The handler may still use the cancel until the process is gone, so it is never freed. */
    return (int)status;
}
