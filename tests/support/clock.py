"""Lets a program believe that it is another time."""
import calendar
import struct
import subprocess
import time

SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Seconds; of a file that the test changes when it likes. */
static const volatile int64_t *moving;

__attribute__((constructor)) static void open_file(void)
{
    const char *path = getenv("KIST_TEST_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *page = fd >= 0 ? mmap(NULL, sizeof *moving, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (page != MAP_FAILED)
        moving = page;
    if (fd >= 0)
        close(fd);
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, id, now);
    if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        now->tv_sec += SKEW + (moving ? *moving : 0);
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


class Clock:
    """A clock that is set while programs run: env is what they need, and their sanitizer options besides."""

    def __init__(self, folder):
        self.path = folder / "clock"
        self.path.write_bytes(struct.pack("=q", 0))
        self.env = {**skewed_by(folder, 0), "KIST_TEST_CLOCK": str(self.path)}

    def set(self, text):
        """Such as 2028-05-05T02:00:00, in UTC."""
        self._store(calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S")) - int(time.time()))

    def step(self, seconds):
        self._store(struct.unpack("=q", self.path.read_bytes())[0] + seconds)

    def now(self):
        return int(time.time()) + struct.unpack("=q", self.path.read_bytes())[0]

    def _store(self, skew):
        # In place: the file is mapped.
        with open(self.path, "r+b") as file:
            file.write(struct.pack("=q", skew))
