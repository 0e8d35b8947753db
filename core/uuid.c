#include "uuid.h"
#include "backup_id.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

void kist_uuid_make(char ret_uuid[KIST_UUID_LENGTH + 1])
{
    unsigned char bytes[16] = {0};
    /* It names things and guards nothing: without random numbers, process and time will do. */
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        const int64_t parts[] = {kist_time_now() ^ kist_time_monotonic_ms() << 32, getpid()};
        memcpy(bytes, parts, sizeof bytes);
    }
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    size_t at = 0;
    for (size_t i = 0; i < sizeof bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            ret_uuid[at++] = '-';
        at += (size_t)snprintf(ret_uuid + at, 3, "%02x", bytes[i]);
    }
}
