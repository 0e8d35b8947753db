/* descriptors.h - how many files this process has open: a test that leaves one behind has found a leak. */
#ifndef KIST_TEST_DESCRIPTORS_H
#define KIST_TEST_DESCRIPTORS_H

#include <fcntl.h>

static inline int count_fds(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

#endif
