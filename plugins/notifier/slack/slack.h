/* slack.h - what the files of this plugin share. */
#ifndef KIST_SLACK_H
#define KIST_SLACK_H

#include "json.h"
#include "post.h"

/* What Slack takes, in characters. */
#define SLACK_HEADER_MAX ((size_t)150)
#define SLACK_FIELDS_MAX 10
#define SLACK_FIELD_MAX ((size_t)2000)
#define SLACK_SECTION_MAX ((size_t)3000)
#define SLACK_TEXT_MAX ((size_t)4000)
#define SLACK_BLOCKS_MAX ((size_t)12900) /* all blocks as JSON; from 13,000 on messages are refused */
#define SLACK_MENTIONS_MAX 20

struct slack_config {
    kist_secret webhook_url;
    kist_secret token;
    const char *channel;
    kist_list mention;
    const char *api_url;
    kist_switch allow_plaintext;
    const char *ca_file;
};

struct slack {
    const struct kist_host *host;
    const struct slack_config *config;
    char *authorization; /* of a bot token, or NULL */
    char *url;           /* chat.postMessage, or NULL */
};

/* `before` as it stands, then `text` with & < > escaped, at most `limit` characters with an ellipsis for what is left out.
 * A character counts for as many as it takes in UTF-16; what is no UTF-8 becomes '?'. New; NULL without memory. */
char *slack_escape(const char *before, const char *text, size_t limit) KIST_CHECKED;

/* The message for an event: {"text", "blocks", ...}. New reference, or NULL without memory. */
json_t *slack_message(const struct slack_config *config, const struct kist_event *event) KIST_CHECKED;

/* CONFIG for a mention that is neither a member, a group nor one of Slack's words. */
int slack_mention_check(const struct kist_host *host, const struct slack_config *config,
                        struct kist_error *err) KIST_CHECKED;
/* "<@U1> <!here>"; new. */
char *slack_mentions(const kist_list *list) KIST_CHECKED;

/* What became of a message. */
struct slack_end {
    char ts[48];     /* by which it can be threaded; "" when it is not known */
    int thread_gone; /* it was refused because of its thread */
};

/* Judges what the API said in a reply of 200: 0 with the message's time stamp ("" when it is unusable; borrowed from `reply`),
 * or the error. `ret_thread_gone` 1: the message was refused because of the thread it should go to. */
int slack_judge_api(const struct kist_post *post, const json_t *reply, const char **ret_ts, int *ret_thread_gone,
                    struct kist_error *err) KIST_CHECKED;
int slack_judge_webhook(const struct kist_post *post, struct kist_error *err) KIST_CHECKED;

/* What thread a message may name: digits, a dot, digits. */
int slack_is_ts(const char *text);

#endif
