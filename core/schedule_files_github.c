#include "schedule_files.h"
#include "schedule_quote.h"

#include <string.h>

#define HOURLY "17 * * * *"

/* A set of numbers as a field; "*" for all from `first` to `last`. */
static void add_field(struct kist_text *text, uint64_t set, int first, int last)
{
    uint64_t all = (UINT64_MAX >> (63 - last)) & (UINT64_MAX << first);
    const char *separator = "";
    if (set == all) {
        kist_text_add(text, "*");
        return;
    }
    for (int i = first; i <= last; i++)
        if (set >> i & 1) {
            kist_text_printf(text, "%s%d", separator, i);
            separator = ",";
        }
}

/* GitHub's clock is UTC, and where both day fields are restricted it takes either. */
static int is_sayable(const struct kist_schedule_pipeline *pipeline)
{
    const struct kist_schedule *schedule = &pipeline->parsed;
    int days = schedule->days != UINT32_C(0xfffffffe), weekdays = schedule->weekdays != 0x7f;
    return schedule->kind == KIST_SCHEDULE_CRON && schedule->offset == 0 && strcmp(pipeline->zone, "UTC") == 0 &&
           !(schedule->any_day && days && weekdays) && !(schedule->any_weekday && days && weekdays);
}

static void add_cron(const struct kist_schedule_pipeline *pipeline, struct kist_text *cron)
{
    const struct kist_schedule *schedule = &pipeline->parsed;
    add_field(cron, schedule->minutes, 0, 59);
    kist_text_add(cron, " ");
    add_field(cron, schedule->hours, 0, 23);
    kist_text_add(cron, " ");
    add_field(cron, schedule->days, 1, 31);
    kist_text_add(cron, " ");
    add_field(cron, schedule->months, 1, 12);
    kist_text_add(cron, " ");
    add_field(cron, schedule->weekdays, 0, 6);
}

/* Each time once; what GitHub has no words for is asked every hour. */
static void add_crons(const struct kist_schedule_facts *facts, struct kist_text *text)
{
    int hourly = 0, count = 0;
    for (size_t i = 0; i < facts->pipeline_count; i++) {
        struct kist_text cron KIST_CLEANUP_TEXT = KIST_TEXT_INIT;
        const struct kist_schedule_pipeline *pipeline = &facts->pipelines[i];
        if (!pipeline->schedule)
            continue;
        count++;
        if (!is_sayable(pipeline)) {
            hourly = 1;
            continue;
        }
        kist_text_add(&cron, "    - cron: \"");
        add_cron(pipeline, &cron);
        kist_text_add(&cron, "\"\n");
        text->failed |= kist_text_failed(&cron);
        if (!strstr(kist_text_get(text), kist_text_get(&cron)))
            kist_text_add(text, kist_text_get(&cron));
    }
    if (hourly || count == 0)
        kist_text_add(text, "    # For schedules in other time zones, with jitter, or at intervals: every hour.\n"
                            "    - cron: \"" HOURLY "\"\n");
}

/* The name of a secret of GitHub for a credential: letters, digits and '_'. */
static void add_secret_name(struct kist_text *text, const char *name)
{
    kist_text_add(text, "KIST_CRED_");
    for (; *name; name++) {
        int plain =
            (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') || (*name >= '0' && *name <= '9');
        kist_text_add_char(text, plain ? *name : '_');
    }
}

static void add_credentials(const struct kist_schedule_facts *facts, struct kist_text *text)
{
    kist_text_add(text, "      - name: Credentials, as files\n        env:\n");
    for (size_t i = 0; i < facts->credentials.count; i++) {
        kist_text_add(text, "          ");
        add_secret_name(text, facts->credentials.items[i]);
        kist_text_add(text, ": ${{ secrets.");
        add_secret_name(text, facts->credentials.items[i]);
        kist_text_add(text, " }}\n");
    }
    kist_text_add(text, "        run: |\n          umask 077\n          mkdir \"$RUNNER_TEMP/credentials\"\n");
    for (size_t i = 0; i < facts->credentials.count; i++) {
        kist_text_add(text, "          printf '%s\\n' \"$");
        add_secret_name(text, facts->credentials.items[i]);
        kist_text_add(text, "\" >\"$RUNNER_TEMP\"/credentials/");
        kist_quote_shell(text, facts->credentials.items[i]);
        kist_text_add(text, "\n");
    }
}

static void add_run(const struct kist_schedule_facts *facts, struct kist_text *text)
{
    kist_text_add(text, "      - name: Run what is due\n");
    if (facts->variables.count)
        kist_text_add(text, "        env:\n");
    for (size_t i = 0; i < facts->variables.count; i++)
        kist_text_printf(text, "          %s: ${{ secrets.%s }}\n", facts->variables.items[i],
                         facts->variables.items[i]);
    kist_text_add(text, "        # By hand, all of them are run.\n        run: |\n");
    if (facts->credentials.count)
        kist_text_add(text, "          export CREDENTIALS_DIRECTORY=\"$RUNNER_TEMP/credentials\"\n");
    kist_text_add(
        text, "          if [ \"$GITHUB_EVENT_NAME\" = workflow_dispatch ]; then what=--all; else what=--due; fi\n"
              "          kist --config conf.d --state \"$RUNNER_TEMP/kist\" run \"$what\"\n");
}

void kist_schedule_write_workflow(const struct kist_schedule_facts *facts, struct kist_text *text)
{
    kist_text_add(text, "# .github/workflows/kist.yml - with the configuration as conf.d in this repository, its "
                        "secrets as those of the\n"
                        "# repository, and an image with kist and the client programs of the databases.\n#\n"
                        "# GitHub starts scheduled workflows late, or leaves one out under load: kist makes up "
                        "for that with the next one. What\n"
                        "# was done is read from the destinations, so that nothing is cached here.\n");
    kist_schedule_add_pipelines(facts, text);
    kist_text_add(text, "name: kist\n\n\"on\":\n  workflow_dispatch:\n  schedule:\n");
    add_crons(facts, text);
    kist_text_add(
        text, "\npermissions:\n  contents: read\n\nconcurrency:\n  group: kist\n  cancel-in-progress: false\n\n"
              "jobs:\n  backup:\n    runs-on: ubuntu-latest\n    timeout-minutes: 350\n"
              "    container:\n      image: ${{ vars.KIST_IMAGE }}\n    steps:\n"
              "      - uses: actions/checkout@v4\n        with:\n          persist-credentials: false\n");
    if (facts->credentials.count)
        add_credentials(facts, text);
    add_run(facts, text);
}
