#include "tar_check.h"

#include <string.h>

/* Fields of a header. */
#define SIZE_AT 124
#define SIZE_LENGTH 12
#define CHECKSUM_AT 148
#define CHECKSUM_LENGTH 8
#define MAGIC_AT 257
#define SIZE_MAX_SOUND (UINT64_C(1) << 60)

void pgd_tar_check_init(struct pgd_tar_check *check)
{
    *check = (struct pgd_tar_check){.fault = NULL};
}

static int fault(struct pgd_tar_check *check, const char *what)
{
    if (!check->fault)
        check->fault = what;
    return -1;
}

/* Octal digits, or, with the highest bit set, the number itself in as many bytes. */
static int read_number(const unsigned char *field, size_t length, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (field[0] == 0x80) {
        for (size_t i = 1; i < length; i++) {
            if (number > SIZE_MAX_SOUND >> 8)
                return -1;
            number = number << 8 | field[i];
        }
    } else {
        size_t i = 0;
        while (i < length && field[i] == ' ')
            i++;
        for (; i < length && field[i] >= '0' && field[i] <= '7'; i++)
            number = number << 3 | (uint64_t)(field[i] - '0');
        if (i < length && field[i] != ' ' && field[i] != '\0')
            return -1;
    }
    *ret_number = number;
    return number > SIZE_MAX_SOUND ? -1 : 0;
}

static int is_zero(const unsigned char *block)
{
    static const unsigned char zeros[PGD_TAR_BLOCK];
    return memcmp(block, zeros, PGD_TAR_BLOCK) == 0;
}

/* The sum is made with its own field as blanks. */
static uint64_t checksum(const unsigned char *block)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < PGD_TAR_BLOCK; i++)
        sum += i >= CHECKSUM_AT && i < CHECKSUM_AT + CHECKSUM_LENGTH ? ' ' : block[i];
    return sum;
}

static int take_header(struct pgd_tar_check *check)
{
    uint64_t sum = 0, size = 0;
    const unsigned char *block = check->block;
    if (is_zero(block)) {
        check->zeros++;
        return 0;
    }
    if (check->zeros > 0)
        return fault(check, "bytes follow the end of the archive");
    if (memcmp(block + MAGIC_AT, "ustar", 5) != 0 ||
        read_number(block + CHECKSUM_AT, CHECKSUM_LENGTH, &sum) != 0 || sum != checksum(block) ||
        read_number(block + SIZE_AT, SIZE_LENGTH, &size) != 0)
        return fault(check, "a header in the archive is damaged");
    check->left = (size + PGD_TAR_BLOCK - 1) / PGD_TAR_BLOCK * PGD_TAR_BLOCK;
    return 0;
}

int pgd_tar_check_feed(struct pgd_tar_check *check, const void *data, size_t size)
{
    const unsigned char *at = data;
    while (size > 0 && !check->fault) {
        size_t take = 0;
        if (check->left > 0) {
            take = check->left < size ? (size_t)check->left : size;
            check->left -= take;
        } else {
            take = PGD_TAR_BLOCK - check->block_size < size ? PGD_TAR_BLOCK - check->block_size : size;
            memcpy(check->block + check->block_size, at, take);
            check->block_size += take;
        }
        at += take;
        size -= take;
        if (check->block_size == PGD_TAR_BLOCK) {
            check->block_size = 0;
            (void)take_header(check);
        }
    }
    return check->fault ? -1 : 0;
}

int pgd_tar_check_end(struct pgd_tar_check *check)
{
    if (check->fault)
        return -1;
    if (check->zeros >= 2 && check->block_size > 0)
        return fault(check, "bytes follow the end of the archive");
    return check->left > 0 || check->block_size > 0 || check->zeros < 2 ? fault(check, "the archive is cut off")
                                                                        : 0;
}
