"""Lets a program believe that it is another time."""
import subprocess

SOURCE = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, id, now);
    if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        now->tv_sec += SKEW;
    return result;
}

time_t time(time_t *ret)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *ret, void *zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    ret->tv_sec = now.tv_sec;
    ret->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""


def skewed_by(folder, seconds):
    """The environment of a program whose clock is that wrong; needs its sanitizer options added to."""
    library = folder / f"skew{seconds}.so"
    words = ["cc", "-shared", "-fPIC", f"-DSKEW=({seconds})", "-x", "c", "-", "-o", library]
    subprocess.run(words, input=SOURCE, text=True, check=True)
    return {"LD_PRELOAD": str(library)}
