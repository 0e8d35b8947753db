/* slack_mention.c - whom a bad message calls. */
#include "slack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* What stands before and behind the word in a message; NULL for a word that is none. */
static const char *head_of(const char *word)
{
    if (strcmp(word, "here") == 0 || strcmp(word, "channel") == 0 || strcmp(word, "everyone") == 0)
        return "<!";
    size_t size = strlen(word);
    if (size < 2 || size > 30 || strspn(word, LETTERS) != size)
        return NULL;
    return *word == 'U' || *word == 'W' ? "<@" : *word == 'S' ? "<!subteam^" : NULL;
}

int slack_mention_check(const struct kist_host *host, const struct slack_config *config, struct kist_error *err)
{
    const kist_list *list = &config->mention;
    if (list->count > SLACK_MENTIONS_MAX)
        return host->fail(host, err, KIST_ERR_CONFIG, "mention: more than %d names", SLACK_MENTIONS_MAX);
    for (uint64_t i = 0; i < list->count; i++) {
        if (head_of(list->items[i]))
            continue;
        host->fail(host, err, KIST_ERR_CONFIG, "mention: '%s' is nobody that Slack could call", list->items[i]);
        host->hint(host, err, "it is here, channel, everyone, or the ID of a member (U...) or a group (S...)");
        return KIST_ERR_CONFIG;
    }
    return 0;
}

char *slack_mentions(const kist_list *list)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    for (uint64_t i = 0; i < list->count; i++)
        fprintf(out, "%s%s%s>", i > 0 ? " " : "", head_of(list->items[i]), list->items[i]);
    int failed = ferror(out) != 0;
    if (fclose(out) == 0 && !failed)
        return text;
    free(text);
    return NULL;
}
