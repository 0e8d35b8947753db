/* age_pipe.c - the filter between standard input and output, for tests that hold it against other programs.
 *
 *     test-filter-age-pipe encode|decode|settings|key [recipients=A,B] [passphrase=P] [identity_file=F] [work_factor=N]
 *
 * Ends with 0, or with the number of the error, which is on standard error then. What was decoded before an error is
 * written all the same. */
#include "age_filter.h"

#include <test_filter.h>
#include <test_host.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct kist_filter kist_plugin;

#define ITEMS_MAX 1000

static void need(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "age_pipe: %s\n", what);
    exit(99);
}

static void read_list(char *text, kist_list *list)
{
    static const char *items[ITEMS_MAX];
    char *rest = NULL;
    for (char *item = strtok_r(text, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
        need(list->count < ITEMS_MAX, "too many items");
        items[list->count++] = item;
    }
    list->items = items;
}

static void read_option(char *word, struct kist_age_config *config)
{
    char *value = strchr(word, '=');
    need(value != NULL, "an option is NAME=VALUE");
    *value++ = '\0';
    if (strcmp(word, "recipients") == 0)
        read_list(value, &config->recipients);
    else if (strcmp(word, "passphrase") == 0)
        config->passphrase.reveal = value;
    else if (strcmp(word, "identity_file") == 0)
        config->identity_file = value;
    else if (strcmp(word, "work_factor") == 0)
        config->work_factor = strtol(value, NULL, 10);
    else
        need(0, "there is no such option");
}

static void read_input(struct kist_test_bytes *input)
{
    static unsigned char buffer[1 << 16];
    for (size_t got = 0; (got = fread(buffer, 1, sizeof buffer, stdin)) > 0;)
        kist_test_append(input, buffer, got);
    need(!ferror(stdin), "standard input cannot be read");
}

static void write_output(const struct kist_test_bytes *output)
{
    need(fwrite(output->data, 1, output->size, stdout) == output->size && fflush(stdout) == 0,
         "standard output cannot be written");
}

static int print_key(void *arg, const struct kist_key *key)
{
    (void)arg;
    return printf("# public key: %s\n%s\n", key->recipient, key->identity) < 0 ? KIST_ERR_FAILED : 0;
}

static int print_settings(void *self)
{
    const char *settings = kist_plugin.settings(self);
    printf("%s\n%s\n", settings ? settings : "", kist_plugin.decoder_command(self));
    return 0;
}

static int transform(const char *verb, void *self, struct kist_error *err)
{
    struct kist_test_bytes input = {.data = NULL}, output = {.data = NULL};
    int code = 0;
    read_input(&input);
    if (strcmp(verb, "encode") == 0)
        code = kist_test_filter_encode(&kist_plugin, self, input.data, input.size, &output, err);
    else
        code = kist_test_filter_decode(&kist_plugin, self, input.data, input.size, 10007, 65539, &output, err);
    write_output(&output);
    kist_test_bytes_free(&input);
    kist_test_bytes_free(&output);
    return code;
}

int main(int argc, char **argv)
{
    struct kist_test_host test;
    struct kist_age_config config = {.work_factor = 10};
    void *self = NULL;
    need(argc >= 2, "say what to do");
    need(kist_test_host_init(&test) == 0, "out of memory");
    for (int i = 2; i < argc; i++)
        read_option(argv[i], &config);
    const int makes_key = strcmp(argv[1], "key") == 0;
    int code = makes_key ? kist_plugin.new_key(&test.host, print_key, NULL, &test.err)
                         : kist_plugin.open(&test.host, &config, &self, &test.err);
    if (!code && !makes_key)
        code = strcmp(argv[1], "settings") == 0 ? print_settings(self) : transform(argv[1], self, &test.err);
    if (code)
        fprintf(stderr, "%s\nhint: %s\n", test.err.message, test.err.hint ? test.err.hint : "");
    if (self)
        kist_plugin.close(self);
    kist_test_host_done(&test);
    return -code;
}
