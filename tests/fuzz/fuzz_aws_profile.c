/* Any bytes as a shared configuration file, a command and a time: no crash, and mistakes are told with file and line. */
#include "aws_private.h"
#include "test_host.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
    if (!truth)
        abort();
}

static void parse(const struct kist_host *host, struct kist_error *err, int where, const char *text, size_t size)
{
    struct aws_profiles profiles = {.values = NULL};
    int code = aws_profiles_parse(host, &profiles, where, "fuzz", text, size, err);
    expect(code == 0 || (code == KIST_ERR_CONFIG && strncmp(err->message, "fuzz:", 5) == 0));
    const char *value = aws_profile_value(&profiles, "x", "region");
    expect(!value || *value);
    free(aws_profile_nested(&profiles, where, "x", "s3", "k"));
    aws_profiles_done(&profiles);
}

static void read_text(const char *text)
{
    char **words = NULL;
    if (aws_split_words(text, &words) == 1)
        for (size_t i = 0; words[i]; i++)
            expect(strlen(words[i]) <= strlen(text));
    free(words);
    expect(aws_time(text) >= -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kist_test_host test;
    char *text = malloc(size + 1);
    expect(text && kist_test_host_init(&test) == 0);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    parse(&test.host, &test.err, AWS_IN_CONFIG, (const char *)data, size);
    parse(&test.host, &test.err, AWS_IN_CREDENTIALS, (const char *)data, size);
    struct aws_credentials credentials = {.access_key = NULL};
    int code =
        aws_credentials_parse(&test.host, "fuzz", (const char *)data, size, size % 2, &credentials, &test.err);
    expect(code == 0 || code == KIST_ERR_AUTH);
    aws_credentials_done(&credentials);
    read_text(text);
    free(text);
    kist_test_host_done(&test);
    return 0;
}
