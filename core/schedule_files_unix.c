#include "schedule_files.h"
#include "schedule_quote.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define SEARCH_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define CREDENTIALS "/etc/kist/credentials"

static const char *user_of(const struct kist_schedule_facts *facts)
{
    const struct passwd *entry = facts->user ? NULL : getpwuid(geteuid());
    return facts->user ? facts->user : entry ? entry->pw_name : "root";
}

void kist_schedule_write_crontab(const struct kist_schedule_facts *facts, struct kist_text *text)
{
    kist_text_add(text, "# /etc/cron.d/kist - runs the pipelines that are due. It belongs to root, mode 0644, and "
                        "its name has no dot.\n"
                        "#\n# Asked every minute, kist itself knows when each pipeline is due, and that a run is "
                        "still at work: no flock is\n"
                        "# needed, and nothing is lost while the host sleeps.\n");
    kist_schedule_add_pipelines(facts, text);
    kist_text_printf(
        text,
        "#\n# What kist has to say comes by mail. Failures are told by the notifiers of the pipelines as well.\n"
        "MAILTO=%s\nSHELL=/bin/sh\nPATH=" SEARCH_PATH "\n",
        user_of(facts));
    if (facts->credentials.count) {
        kist_text_add(text, "# Files, mode 0400, whose first line is ${cred:NAME}: ");
        kist_schedule_add_names(&facts->credentials, text);
        kist_text_add(text, "\nCREDENTIALS_DIRECTORY=" CREDENTIALS "\n");
    }
    if (facts->variables.count)
        kist_text_add(text, "# The configuration refers to these; others than root can read this file.\n");
    for (size_t i = 0; i < facts->variables.count; i++)
        kist_text_printf(text, "#%s=\n", facts->variables.items[i]);
    kist_text_printf(text, "\n* * * * * %s ", user_of(facts));
    kist_quote_crontab(text, facts->program);
    kist_text_add(text, " ");
    kist_schedule_add_options(facts, text, kist_quote_crontab);
    kist_text_add(text, " --quiet run --due\n");
}

static void add_string(struct kist_text *text, const char *indent, const char *word)
{
    kist_text_printf(text, "%s<string>", indent);
    kist_quote_xml(text, word);
    kist_text_add(text, "</string>\n");
}

static void add_environment(const struct kist_schedule_facts *facts, struct kist_text *text)
{
    kist_text_add(text, "  <key>EnvironmentVariables</key>\n  <dict>\n    <key>PATH</key>\n"
                        "    <string>/opt/homebrew/bin:" SEARCH_PATH "</string>\n");
    if (facts->credentials.count)
        kist_text_add(text, "    <key>CREDENTIALS_DIRECTORY</key>\n    <string>" CREDENTIALS "</string>\n");
    for (size_t i = 0; i < facts->variables.count; i++) {
        kist_text_add(text, "    <!-- To be filled in. -->\n    <key>");
        kist_quote_xml(text, facts->variables.items[i]);
        kist_text_add(text, "</key>\n    <string></string>\n");
    }
    kist_text_add(text, "  </dict>\n");
}

void kist_schedule_write_plist(const struct kist_schedule_facts *facts, struct kist_text *text)
{
    static const char *const words[] = {"--quiet", "run", "--due"};
    kist_text_add(text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
                        "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
                        "<!-- /Library/LaunchDaemons/kist.run-due.plist, root's, mode 0644. Then:\n"
                        "     launchctl bootstrap system /Library/LaunchDaemons/kist.run-due.plist -->\n"
                        "<plist version=\"1.0\">\n<dict>\n  <key>Label</key>\n  <string>kist.run-due</string>\n"
                        "  <key>ProgramArguments</key>\n  <array>\n");
    add_string(text, "    ", facts->program);
    add_string(text, "    ", "--config");
    add_string(text, "    ", facts->config);
    for (size_t i = 0; i < facts->options.count; i++)
        add_string(text, "    ", facts->options.items[i]);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        add_string(text, "    ", words[i]);
    kist_text_add(text, "  </array>\n");
    if (facts->user) {
        kist_text_add(text, "  <key>UserName</key>\n");
        add_string(text, "  ", facts->user);
    }
    add_environment(facts, text);
    kist_text_add(text, "  <key>StartInterval</key>\n  <integer>60</integer>\n"
                        "  <key>ProcessType</key>\n  <string>Background</string>\n"
                        "  <key>LowPriorityIO</key>\n  <true/>\n  <key>Nice</key>\n  <integer>10</integer>\n"
                        "  <key>Umask</key>\n  <integer>63</integer>\n"
                        "  <key>ExitTimeOut</key>\n  <integer>120</integer>\n"
                        "  <key>StandardErrorPath</key>\n  <string>/var/log/kist.log</string>\n"
                        "</dict>\n</plist>\n");
}
