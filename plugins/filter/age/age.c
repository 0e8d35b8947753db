/* age.c - the age filter: encrypts to recipients or a passphrase, so that `age -d` opens what it wrote. */
#include "age_armor.h"
#include "age_filter.h"

#include <stdlib.h>
#include <string.h>

static const struct kist_option options[] = {
    KIST_OPTION(struct kist_age_config, recipients,
                .help = "who can open the files: public keys that start with age1; 'kist key new' makes them"),
    KIST_OPTION(struct kist_age_config, passphrase,
                .help = "encrypt with a passphrase instead; costs a second and 256 MiB of memory per file"),
    KIST_OPTION(struct kist_age_config, identity_file,
                .help = "file with the secret keys that open the files; only restore and deep checks need it"),
    KIST_OPTION(struct kist_age_config, work_factor, .def = "18", KIST_RANGE(1, AGE_WORK_FACTOR_MAX),
                .help = "how hard a passphrase is to guess, 1 to 22: each step doubles time and memory"),
    KIST_OPTION_END,
};

static int make_settings(struct kist_age *age)
{
    static const char title[] = "recipients=";
    size_t size = sizeof title;
    if (age->recipient_count == 0) {
        age->settings = age->passphrase ? strdup("passphrase") : NULL;
        return age->settings || !age->passphrase;
    }
    for (size_t i = 0; i < age->recipient_count; i++)
        size += strlen(age->recipients[i].text) + 1;
    char *end = age->settings = malloc(size);
    if (!end)
        return 0;
    end = stpcpy(end, title);
    for (size_t i = 0; i < age->recipient_count; i++) {
        end = stpcpy(end, i > 0 ? "," : "");
        end = stpcpy(end, age->recipients[i].text);
    }
    return 1;
}

static void age_close(void *self)
{
    struct kist_age *age = self;
    if (!age)
        return;
    kist_age_keys_done(age);
    free(age->settings);
    free(age);
}

static int fill(struct kist_age *age, const struct kist_age_config *config, struct kist_error *err)
{
    const struct kist_host *host = age->host;
    if (config->recipients.count > 0 && config->passphrase.reveal)
        return host->fail(host, err, KIST_ERR_CONFIG,
                          "recipients and passphrase are both set: a file can be encrypted with one of them only");
    if (config->passphrase.reveal && !*config->passphrase.reveal)
        return host->fail(host, err, KIST_ERR_CONFIG, "passphrase is empty");
    age->work_factor = (unsigned)config->work_factor;
    age->passphrase = config->passphrase.reveal;
    age->identity_file = config->identity_file;
    int code = kist_age_read_recipients(age, &config->recipients, err);
    if (!code)
        code = kist_age_read_identities(age, err);
    if (!code && !make_settings(age))
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    return code;
}

static int age_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct kist_age *self = calloc(1, sizeof *self);
    if (!self)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    self->host = host;
    int code = fill(self, config, err);
    if (code)
        age_close(self);
    else
        *ret_self = self;
    return code;
}

static uint64_t age_block_size(void *self)
{
    (void)self;
    return AGE_BLOCK_CHUNKS * AGE_CHUNK;
}

static int age_recognizes(const void *data, size_t size)
{
    static const char intro[] = AGE_INTRO, armor[] = AGE_ARMOR_BEGIN;
    const char *text = data;
    if (size >= sizeof intro - 1 && memcmp(text, intro, sizeof intro - 1) == 0)
        return 1;
    while (size > 0 && *text != 0 && strchr(" \t\r\n", *text)) {
        text++;
        size--;
    }
    return size >= sizeof armor - 1 && memcmp(text, armor, sizeof armor - 1) == 0;
}

/* `age -d` asks for a passphrase by itself; of an identity file it has to be told. */
static const char *age_decoder_command(void *self)
{
    const struct kist_age *age = self;
    return age->passphrase ? "age -d" : "age -d -i identity.txt";
}

static const char *age_settings(void *self)
{
    const struct kist_age *age = self;
    return age->settings;
}

KIST_FILTER(
        .about = {.name = "age",
                  .version = KIST_VERSION,
                  .summary = "encrypts to age recipients, or with a passphrase",
                  .details =
                      "Writes the age v1 format, which 'age -d' opens. Whoever has the identity of one of the "
                      "recipients can open a file; the machine that writes it needs none. What was cut, changed, "
                      "reordered or continued is refused. Any age file for X25519 or a passphrase can be "
                      "decoded, also an armored one.",
                  .options = options,
                  .config_size = sizeof(struct kist_age_config)},
        .features = KIST_FILTER_ENCRYPTS, .suffix = ".age", .stock_decoder = "age -d -i identity.txt",
        .open = age_open, .close = age_close, .block_size = age_block_size,
        .encoded_bound = kist_age_encoded_bound, .encode_begin = kist_age_encode_begin,
        .encode_end = kist_age_encode_end, .worker_open = kist_age_worker_open,
        .worker_close = kist_age_worker_close, .encode = kist_age_encode, .decode_begin = kist_age_decode_begin,
        .decode = kist_age_decode, .decode_finish = kist_age_decode_finish, .decode_end = kist_age_decode_end,
        .recognizes = age_recognizes, .decoder_command = age_decoder_command, .settings = age_settings,
        .new_key = kist_age_new_key, .can_decode = kist_age_can_decode);
