/* bech32.c - keys as texts with a checksum (BIP 173, without its limit of 90 characters). */
#include "age_text.h"

#include "age_crypto.h"

#include <openssl/crypto.h>
#include <stdint.h>
#include <string.h>

#define DIGITS ((size_t)52) /* of 32 bytes, 5 bits each */
#define CHECK_DIGITS ((size_t)6)

static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static uint32_t checksum_step(uint32_t sum, unsigned value)
{
    static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
    uint32_t top = sum >> 25;
    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (unsigned i = 0; i < 5; i++)
        sum ^= top >> i & 1 ? generator[i] : 0;
    return sum;
}

static uint32_t checksum(const char *hrp, const unsigned char *digits, size_t count)
{
    uint32_t sum = 1;
    for (const char *c = hrp; *c; c++)
        sum = checksum_step(sum, (unsigned char)*c >> 5);
    sum = checksum_step(sum, 0);
    for (const char *c = hrp; *c; c++)
        sum = checksum_step(sum, *c & 31);
    for (size_t i = 0; i < count; i++)
        sum = checksum_step(sum, digits[i]);
    return sum;
}

void kist_age_bech32_write(const char *hrp, const unsigned char *key, char *out)
{
    unsigned char digits[DIGITS + CHECK_DIGITS] = {0};
    const size_t start = strlen(hrp) + 1;
    for (size_t bit = 0; bit < 8 * AGE_KEY_SIZE; bit++)
        digits[bit / 5] |= (unsigned char)((key[bit / 8] >> (7 - bit % 8) & 1) << (4 - bit % 5));
    uint32_t sum = checksum(hrp, digits, DIGITS + CHECK_DIGITS) ^ 1;
    for (size_t i = 0; i < CHECK_DIGITS; i++)
        digits[DIGITS + i] = (unsigned char)(sum >> 5 * (CHECK_DIGITS - 1 - i) & 31);
    memcpy(out, hrp, start - 1);
    out[start - 1] = '1';
    for (size_t i = 0; i < DIGITS + CHECK_DIGITS; i++)
        out[start + i] = alphabet[digits[i]];
    out[start + DIGITS + CHECK_DIGITS] = '\0';
    OPENSSL_cleanse(digits, sizeof digits);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int mixes_cases(const char *text)
{
    int small = 0, large = 0;
    for (; *text; text++) {
        small |= *text >= 'a' && *text <= 'z';
        large |= *text >= 'A' && *text <= 'Z';
    }
    return small && large;
}

/* Whether the text, in lower case, begins with `hrp` and the separator. */
static int starts_with(const char *text, const char *hrp)
{
    for (; *hrp; hrp++, text++)
        if (lower(*text) != *hrp)
            return 0;
    return *text == '1';
}

static const char *read_digits(const char *text, const char *hrp, unsigned char *digits)
{
    const size_t length = strlen(text), wanted = DIGITS + CHECK_DIGITS;
    for (size_t i = 0; i < length; i++) {
        const char *found = strchr(alphabet, lower(text[i]));
        if (!found)
            return "it has a character that no key has";
        if (i < wanted)
            digits[i] = (unsigned char)(found - alphabet);
    }
    if (length != wanted)
        return length < wanted ? "it is too short" : "it is too long";
    return checksum(hrp, digits, wanted) == 1 ? NULL : "its checksum does not match, so it was mistyped or cut";
}

const char *kist_age_bech32_read(const char *text, const char *hrp, unsigned char *ret_key)
{
    unsigned char digits[DIGITS + CHECK_DIGITS] = {0}, key[AGE_KEY_SIZE] = {0};
    if (!starts_with(text, hrp))
        return "it does not start as it has to";
    if (mixes_cases(text))
        return "it mixes lower and upper case";
    const char *wrong = read_digits(text + strlen(hrp) + 1, hrp, digits);
    /* 52 digits are 260 bits; those behind the key's are zero. */
    if (!wrong && digits[DIGITS - 1] & 15)
        wrong = "its last bits are not zero";
    for (size_t bit = 0; bit < 8 * AGE_KEY_SIZE; bit++)
        key[bit / 8] |= (unsigned char)((digits[bit / 5] >> (4 - bit % 5) & 1) << (7 - bit % 8));
    if (!wrong)
        memcpy(ret_key, key, sizeof key);
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(digits, sizeof digits);
    return wrong;
}
