/* webhook_sign.c - proves to the receiver who sent a message, and when. */
#include "webhook.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int webhook_sign(const char *secret, const char *timestamp, const char *body, char ret_text[WEBHOOK_SIGNATURE])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    char *text = NULL;
    size_t length = strlen(secret);
    int written = length <= INT32_MAX ? asprintf(&text, "%s.%s", timestamp, body) : -1;
    if (written < 0)
        return -1;
    int done = HMAC(EVP_sha256(), secret, (int)length, (const unsigned char *)text, (size_t)written, mac, &size) !=
                   NULL &&
               size == 32;
    free(text);
    if (!done)
        return -1;
    memcpy(ret_text, "sha256=", 8);
    for (unsigned i = 0; i < size; i++)
        snprintf(ret_text + 7 + 2 * (size_t)i, 3, "%02x", mac[i]);
    return 0;
}
