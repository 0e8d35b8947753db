#include "schedule_files.h"
#include "schedule_quote.h"

#include <string.h>

#define CREDENTIALS "/etc/kist/credentials"

static void add_command(const struct kist_schedule_facts *facts, struct kist_text *text, const char *key,
                        const char *words)
{
    kist_text_printf(text, "%s=", key);
    kist_quote_unit(text, facts->program);
    kist_text_add(text, " ");
    kist_schedule_add_options(facts, text, kist_quote_unit_argument);
    kist_text_printf(text, " %s\n", words);
}

static void add_unit(struct kist_text *text, const char *description)
{
    kist_text_printf(text,
                     "\n[Unit]\nDescription=%s\nDocumentation=man:kist(1) man:kist.conf(5)\n"
                     "Wants=network-online.target\nAfter=network-online.target\n"
                     "OnFailure=kist-failure@%%n.service\n",
                     description);
}

static void add_user(const struct kist_schedule_facts *facts, struct kist_text *text)
{
    if (facts->user)
        kist_text_printf(text, "User=%s\n", facts->user);
    else
        kist_text_add(text,
                      "# Or User= and a user that may read the configuration: kist schedule systemd --user NAME\n"
                      "DynamicUser=yes\n");
    kist_text_add(text, "StateDirectory=kist\nStateDirectoryMode=0700\nUMask=0077\n");
}

static void add_secrets(const struct kist_schedule_facts *facts, struct kist_text *text)
{
    if (facts->credentials.count)
        kist_text_add(text, "# The first line of each file is ${cred:NAME}; they are root's, mode 0400.\n");
    else
        kist_text_add(text,
                      "# For ${cred:NAME} in the configuration:\n#LoadCredential=NAME:" CREDENTIALS "/NAME\n");
    for (size_t i = 0; i < facts->credentials.count; i++) {
        const char *name = facts->credentials.items[i];
        kist_text_printf(text, "LoadCredential=%s:" CREDENTIALS "/%s\n", name, name);
    }
    if (facts->variables.count) {
        kist_text_add(text, "# With NAME=value for ");
        kist_schedule_add_names(&facts->variables, text);
        kist_text_add(text, ":\nEnvironmentFile=-/etc/kist/environment\n");
    }
}

/* "-" in front of a path: it need not be there yet. */
static void add_folder(struct kist_text *text, const char *folder)
{
    struct kist_text word KIST_CLEANUP_TEXT = KIST_TEXT_INIT;
    kist_text_printf(&word, "-%s", folder);
    text->failed |= kist_text_failed(&word);
    kist_text_add(text, "ReadWritePaths=");
    kist_quote_unit(text, kist_text_get(&word));
    kist_text_add(text, "\n");
}

static void add_paths(const struct kist_schedule_facts *facts, struct kist_text *text)
{
    kist_text_printf(text, "ProtectSystem=strict\nProtectHome=%s\n", facts->uses_home ? "read-only" : "yes");
    kist_text_add(text, "# What kist may write to, besides its state: the directories that destinations name.\n");
    for (size_t i = 0; i < facts->folders.count; i++)
        add_folder(text, facts->folders.items[i]);
    if (!facts->folders.count)
        kist_text_add(text, "#ReadWritePaths=-/srv/backup\n");
    if (facts->state && strcmp(facts->state, "/var/lib/kist") != 0)
        add_folder(text, facts->state);
}

static void add_hardening(const struct kist_schedule_facts *facts, struct kist_text *text)
{
    add_paths(facts, text);
    kist_text_add(
        text, "PrivateTmp=yes\nPrivateDevices=yes\nNoNewPrivileges=yes\nProtectClock=yes\nProtectHostname=yes\n"
              "ProtectKernelLogs=yes\nProtectKernelModules=yes\nProtectKernelTunables=yes\n"
              "ProtectControlGroups=yes\nProtectProc=invisible\nRestrictNamespaces=yes\n"
              "RestrictRealtime=yes\nRestrictSUIDSGID=yes\nLockPersonality=yes\n"
              "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\nSystemCallArchitectures=native\n"
              "SystemCallFilter=@system-service\nSystemCallErrorNumber=EPERM\n"
              "# A dump of its memory would hold secrets.\nLimitCORE=0\n"
              "# Programs that compile while they run (a command of Java or Node.js) need no here.\n"
              "MemoryDenyWriteExecute=yes\n");
    if (facts->user && strcmp(facts->user, "root") != 0)
        kist_text_add(text, "CapabilityBoundingSet=\n");
}

static void add_service(const struct kist_schedule_facts *facts, struct kist_text *text)
{
    add_user(facts, text);
    add_secrets(facts, text);
    kist_text_add(text, "\n# Backups give way to everything else.\nNice=10\nIOSchedulingClass=idle\n\n");
    add_hardening(facts, text);
}

void kist_schedule_write_service(const struct kist_schedule_facts *facts, struct kist_text *text)
{
    kist_text_add(text, "# kist.service - runs the pipelines that are due; kist.timer starts it every minute.\n#\n"
                        "# Put it in /etc/systemd/system with the others, then:\n"
                        "#   systemctl daemon-reload && systemctl enable --now kist.timer\n#\n"
                        "# The configuration says when each pipeline is due:\n");
    kist_schedule_add_pipelines(facts, text);
    add_unit(text, "Backups that are due");
    kist_text_add(text, "\n[Service]\nType=oneshot\n");
    add_command(facts, text, "ExecStart", "run --due");
    kist_text_add(
        text,
        "# 5: another host, or another run, is at it.\nSuccessExitStatus=5\n"
        "# For all that is due together. A stopped run ends its programs itself, and leaves no half of a backup.\n"
        "TimeoutStartSec=24h\nTimeoutStopSec=2min\nKillMode=mixed\n");
    add_service(facts, text);
}

void kist_schedule_write_timer(const struct kist_schedule_facts *facts, struct kist_text *text)
{
    (void)facts;
    kist_text_add(text, "# kist.timer - asks every minute what is due. When that is, kist itself knows.\n"
                        "\n[Unit]\nDescription=Backups that are due, every minute\nDocumentation=man:kist(1)\n"
                        "\n[Timer]\nOnCalendar=*-*-* *:*:00\nAccuracySec=5s\n"
                        "# After a time without power, at once.\nPersistent=true\n"
                        "\n[Install]\nWantedBy=timers.target\n");
}

void kist_schedule_write_daemon(const struct kist_schedule_facts *facts, struct kist_text *text)
{
    kist_text_add(text, "# kist-daemon.service - instead of kist.timer: one process that waits. A long backup "
                        "does not keep others\n"
                        "# from their time then.\n#   systemctl enable --now kist-daemon.service\n");
    add_unit(text, "Backups when they are due");
    kist_text_add(text, "Conflicts=kist.timer\n\n[Service]\nType=notify\nNotifyAccess=main\n");
    add_command(facts, text, "ExecStart", "daemon");
    kist_text_add(text, "ExecReload=/bin/kill -HUP $MAINPID\n"
                        "# 2: a configuration with a mistake gets no better by itself.\n"
                        "Restart=on-failure\nRestartSec=30s\nRestartPreventExitStatus=2\nWatchdogSec=10min\n"
                        "# Running backups may come to their end.\nTimeoutStopSec=30min\nKillMode=mixed\n");
    add_service(facts, text);
    kist_text_add(text, "\n[Install]\nWantedBy=multi-user.target\n");
}

void kist_schedule_write_failure(const struct kist_schedule_facts *facts, struct kist_text *text)
{
    (void)facts;
    kist_text_add(
        text, "# kist-failure@.service - when kist cannot even tell of its failure: killed, out of memory, "
              "misconfigured. Failed\n"
              "# backups are told by the notifiers of the pipeline. Change ExecStart= to what reaches you.\n"
              "\n[Unit]\nDescription=Tells that %i failed\n"
              "\n[Service]\nType=oneshot\nDynamicUser=yes\nSyslogIdentifier=kist-failure\nSyslogLevel=err\n"
              "ExecStart=/bin/echo \"%i failed. See: journalctl -u %i; kist status\"\n"
              "ProtectSystem=strict\nProtectHome=yes\nPrivateTmp=yes\nPrivateDevices=yes\nNoNewPrivileges=yes\n"
              "PrivateNetwork=yes\nCapabilityBoundingSet=\nSystemCallFilter=@system-service\n");
}
