#include "commands.h"

#define JSON_OPTION                                                                                               \
    {                                                                                                             \
        "json", 0, NULL, "print JSON instead of a table"                                                          \
    }
#define DESTINATION_OPTION                                                                                        \
    {                                                                                                             \
        "destination", 0, "NAME", "look at this destination only"                                                 \
    }
#define OPTIONS(...)                                                                                              \
    (const struct kist_cli_option[])                                                                              \
    {                                                                                                             \
        __VA_ARGS__,                                                                                              \
        {                                                                                                         \
            .name = NULL                                                                                          \
        }                                                                                                         \
    }

const struct kist_cli_option kist_global_options[] = {
    {"config", 'c', "DIR|FILE", "configuration (default: $KIST_CONFIG, else /etc/kist/conf.d)"},
    {"state", 0, "DIR", "state directory: locks and history (default: $KIST_STATE, else /var/lib/kist)"},
    {"plugin-dir", 0, "DIR", "look for plugins here first; may be repeated"},
    {"quiet", 'q', NULL, "say only what is wrong"},
    {"verbose", 'v', NULL, "say more"},
    {"no-color", 0, NULL, "no colours, whatever the terminal can do"},
    {"log-format", 0, "FORMAT", "plain (default; priorities for the journal under systemd), json or journald"},
    {"help", 'h', NULL, "show this help"},
    {"version", 0, NULL, "show the version"},
    {.name = NULL},
};

/* clang-format off */
const struct kist_command kist_commands[] = {
    {"run", "[PIPELINE...]", "back up: run pipelines now, or those that are due",
     "With several pipelines they run one after the other; the exit status is that of the one that failed, or 1 when\n"
     "they failed in different ways. --due is what cron calls every minute: it runs the pipelines whose `schedule`\n"
     "says so, [kist] max_parallel at a time, and makes up once for what was missed while the host was asleep.",
     OPTIONS({"due", 0, NULL, "run those pipelines whose schedule says that it is time"},
             {"all", 'a', NULL, "run every pipeline"},
             {"label", 0, "KEY=VALUE", "a note that the backup carries; may be repeated"},
             {"dry-run", 'n', NULL, "check everything that a run would need, and change nothing"},
             {"repair", 'r', NULL, "make no new backup, but copy those that a destination lacks from one that has them"}),
     0, -1, KIST_EXIT_DEGRADED, kist_cmd_run},
    {"list", "[PIPELINE]", "list the backups on all destinations",
     "A backup is 'ok' when every destination holds it, 'partial' when some lack it, 'damaged' when a manifest cannot be\n"
     "trusted, 'unknown' when a destination does not answer.",
     OPTIONS(DESTINATION_OPTION, JSON_OPTION), 0, 1, KIST_EXIT_FAILED, kist_cmd_list},
    {"show", "BACKUP", "show one backup: items, sizes, hashes, facts",
     "BACKUP is PIPELINE/ID, PIPELINE/latest or PIPELINE (its latest).", OPTIONS(DESTINATION_OPTION, JSON_OPTION),
     1, 1, KIST_EXIT_FAILED, kist_cmd_show},
    {"verify", "[BACKUP...]", "prove that backups are what was saved",
     "Levels: size (every object is there with its size), hash (every stored byte is right; the default), decode (and it\n"
     "decodes to what was saved, and the source's own tool reads it to the end), drill (and it can be restored: see\n"
     "`kist drill`). What was proved, and what was found bad, is noted beside the backup and shown by `kist list`.\n"
     "Without a BACKUP the latest one of every pipeline is verified, with --all every backup. --sample 3/7 reads the\n"
     "third seventh of what there is to read, so that seven calls a week, 1/7 to 7/7, read it all.",
     OPTIONS({"level", 'l', "LEVEL", "size, hash, decode or drill"},
             {"all", 'a', NULL, "verify every backup, not only the latest"},
             {"sample", 0, "N/T", "read only part N of T of the data; the sizes of all are checked"}, DESTINATION_OPTION,
             JSON_OPTION),
     0, -1, KIST_EXIT_FAILED, kist_cmd_verify},
    {"drill", "[BACKUP...]", "restore a backup into a scratch place, compare all that was counted, and throw it away",
     "The scratch place is the source's own choice: for pg_dump a throwaway cluster of this machine, or a new database on\n"
     "the server of `drill_url`. How long it took and what came of it is noted beside the backup and in the history.\n"
     "Without a BACKUP the latest one of every pipeline is drilled that can be. Exit 4 when what was restored differs.",
     OPTIONS(DESTINATION_OPTION, JSON_OPTION), 0, -1, KIST_EXIT_DEGRADED, kist_cmd_drill},
    {"accept", "BACKUP", "say that a suspect backup is good",
     "A backup is suspect when it is much smaller than those before it, or lacks what `critical_tables` asks for. It can\n"
     "be restored like any other, but no older backup is deleted for its sake until it is accepted.",
     NULL, 1, 1, KIST_EXIT_DEGRADED, kist_cmd_accept},
    {"restore", "BACKUP", "restore a backup into its source, another target, or files",
     "Every stored byte is proved before anything is changed, and what was counted at the backup is counted again after.\n"
     "A database that holds something stays as it is: the backup is restored beside it, into NAME_restore_TIME. --swap\n"
     "then puts it into the place of the live one, which is kept as NAME_before_TIME, and --undo swaps them back.\n"
     "--in-place replaces what the live database holds instead: it needs --confirm NAME, and backs that up first.\n"
     "Other targets that hold something are refused (exit 7) unless --clean.\n"
     "--to takes what the source plugin understands (for pg_dump a database name on the same server, or a postgresql://\n"
     "URL), and ${NAME} in it is replaced as in a configuration file: a password has no place on a command line.\n"
     "With --include only the items that fit are proved and restored: '*' stands for any characters but /, '**' for any\n"
     "at all, '?' for one; `kist show BACKUP` lists the names.\n"
     "--from restores a dump that is no backup of kist: BACKUP is then the PIPELINE whose source takes it, and whose\n"
     "filters know the keys.",
     OPTIONS({"to", 't', "TARGET", "restore to this target instead of the source itself"},
             {"to-branch", 0, "NAME", "restore to a new branch of this name, at a provider that has branches"},
             {"at", 0, "TIME", "restore a moment of the provider's own history; BACKUP is then a PIPELINE"},
             {"latest", 0, NULL, "the same, the latest moment there is"},
             {"output", 'o', "DIR", "write the decoded items as files into DIR"},
             {"include", 'i', "GLOB", "only the items whose names fit; may be repeated"},
             {"dry-run", 'n', NULL, "print what would be done and lost, and change nothing"},
             {"create", 0, NULL, "make the target if it is missing"},
             {"swap", 0, NULL, "after a restore beside the live one, put it into its place"},
             {"undo", 0, NULL, "swap back what the last --swap put aside; BACKUP is then a PIPELINE"},
             {"in-place", 0, NULL, "replace what the live database holds, at once or not at all"},
             {"confirm", 0, "NAME", "the database that --in-place replaces, or that --swap puts in"},
             {"skip-safety-backup", 0, NULL, "with --in-place: make no backup of the target first"},
             {"clean", 0, NULL, "replace objects that the target holds already"},
             {"table", 0, "TABLE", "only this table; may be repeated"},
             {"schema", 0, "SCHEMA", "only this schema; may be repeated"},
             {"schema-only", 0, NULL, "definitions without data"}, {"data-only", 0, NULL, "data without definitions"},
             {"jobs", 'j', "N", "restore N tables or indexes at a time, into a new database only"},
             {"no-owner", 0, NULL, "everything belongs to the role that restores"},
             {"role", 0, "ROLE", "become this role before anything is made"},
             {"allow-old-client", 0, NULL, "use client programs with known security holes"},
             {"from", 0, "FILE|DESTINATION:KEY", "restore this dump instead of a backup"},
             {"trust-sql", 0, NULL, "with --from: run the SQL of a plain dump that kist did not make"}, DESTINATION_OPTION),
     1, 1, KIST_EXIT_DEGRADED, kist_cmd_restore},
    {"daemon", "", "run pipelines when they are due, until it is told to stop",
     "The same as `kist run --due` every minute, for containers. SIGHUP reads the configuration again, SIGTERM lets\n"
     "running backups come to their end and takes no new ones, a second SIGTERM stops them. It opens no port: ask\n"
     "`kist status`.",
     NULL, 0, 0, KIST_EXIT_DEGRADED, kist_cmd_daemon},
    {"prune", "[PIPELINE...]", "delete the backups that `keep` no longer asks for",
     "A run does it by itself, after a good backup. --dry-run says of every backup why it stays or goes. Exit 3 when\n"
     "something that should go stays: the store holds it locked, the clock cannot be right, the newest backup is not\n"
     "good, or more than `max_delete` would go at once.",
     OPTIONS({"dry-run", 'n', NULL, "print what would be done, and change nothing"}, DESTINATION_OPTION, JSON_OPTION), 0, -1,
     KIST_EXIT_DEGRADED, kist_cmd_prune},
    {"hold", "BACKUP", "pin a backup: retention never deletes it",
     "BACKUP is PIPELINE/ID, PIPELINE/latest or PIPELINE (its latest). `kist release` takes the pin away.",
     OPTIONS({"reason", 0, "TEXT", "why; `kist show` tells"}), 1, 1, KIST_EXIT_DEGRADED, kist_cmd_hold},
    {"release", "BACKUP", "take the pin of `kist hold` away", NULL, NULL, 1, 1, KIST_EXIT_DEGRADED, kist_cmd_release},
    {"status", "[PIPELINE...]", "how each pipeline stands: the last good backup, its age, what comes next",
     "Exit 8 when a pipeline is stale: its last good backup is older than its schedule, its `max_age` or --max-age allows.\n"
     "--check prints one line in the form that Nagios and its like read.",
     OPTIONS({"max-age", 0, "AGE", "stale when the last good backup is older than this: 26h"},
             {"check", 0, NULL, "one line for a monitoring system"},
             {"metrics", 0, "FILE", "write FILE in the text format of Prometheus, for node_exporter"}, JSON_OPTION),
     0, -1, KIST_EXIT_FAILED, kist_cmd_status},
    {"history", "[PIPELINE]", "what was run, restored, verified and deleted from this host",
     "Where the history of this host is lost, the backups on the destinations are shown instead.",
     OPTIONS({"limit", 0, "N", "the newest N entries only (default: 50; 0: all)"},
             {"since", 0, "AGE", "not older than this: 7d"}, JSON_OPTION),
     0, 1, KIST_EXIT_FAILED, kist_cmd_history},
    {"report", "[PIPELINE...]", "write one HTML page about all pipelines",
     "The page needs no other file and runs no script: timelines, sizes, durations, what retention keeps, what failed.",
     OPTIONS({"html", 0, "FILE", "write it to FILE ('-': standard output)"},
             {"to", 0, "DESTINATION:KEY", "put it under KEY of a destination, too"}),
     0, -1, KIST_EXIT_FAILED, kist_cmd_report},
    {"notify test", "NAME", "send a test message through the notifier of [notifier NAME]", NULL, NULL, 1, 1,
     KIST_EXIT_FAILED, kist_cmd_notify_test},
    {"schedule", "systemd|cron|kubernetes|github|launchd", "print files that run kist on time",
     "For systemd each file is printed below a line with its name; --output DIR writes them instead.",
     OPTIONS({"output", 'o', "DIR", "write the files into DIR"}, {"user", 0, "NAME", "the user that runs it (systemd, cron, launchd)"}),
     1, 1, KIST_EXIT_FAILED, kist_cmd_schedule},
    {"key new", "[FILTER]", "make a pair of keys for a filter that encrypts",
     "The identity opens what is encrypted to the recipient. Keep it away from the machine that makes the backups, and\n"
     "have a copy of it where a fire cannot reach both. FILTER may be left out when only one plugin makes keys.",
     OPTIONS({"output", 'o', "FILE", "write the identity into a new FILE that only you can read, and print the recipient"}),
     0, 1, KIST_EXIT_FAILED, kist_cmd_key_new},
    {"config check", "", "check the configuration, and do nothing else", NULL, NULL, 0, 0,
     KIST_EXIT_FAILED, kist_cmd_config_check},
    {"config show", "", "show the configuration that applies, secrets as ***", NULL, NULL, 0, 0,
     KIST_EXIT_FAILED, kist_cmd_config_show},
    {"plugin list", "", "list the plugins, and what is wrong with those that cannot be used", NULL,
     OPTIONS(JSON_OPTION), 0, 0, KIST_EXIT_FAILED, kist_cmd_plugin_list},
    {"plugin inspect", "[KIND] NAME|PATH", "show a plugin and all its options", NULL, OPTIONS(JSON_OPTION), 1, 2,
     KIST_EXIT_FAILED, kist_cmd_plugin_inspect},
    {"plugin test", "[KIND] NAME|PATH", "hold a destination or filter against its contract",
     "Each case is a clause of the interface, tried on the real thing. With -c FILE the plugin is set up as the one\n"
     "section of FILE says that uses it; without, it has its defaults. A destination is tried in a folder of its own,\n"
     "kist-plugin-test-RANDOM below the section's prefix, which is removed again.",
     OPTIONS({"case", 0, "CASE", "run this case only; may be repeated"}, JSON_OPTION), 1, 2,
     KIST_EXIT_FAILED, kist_cmd_plugin_test},
    {"doctor", "[PIPELINE...]", "find everything that would fail in a run, and change nothing", NULL, NULL, 0, -1,
     KIST_EXIT_FAILED, kist_cmd_doctor},
    {"version", "", "show the version", NULL, NULL, 0, 0,
     KIST_EXIT_FAILED, kist_cmd_version},
    {"help", "[COMMAND]", "show how a command is used", NULL, NULL, 0, 2,
     KIST_EXIT_FAILED, kist_cmd_help},
    {.name = NULL},
};
/* clang-format on */
