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
    {"run", "[PIPELINE...]", "back up: run pipelines now",
     "With several pipelines they run one after the other; the exit status is that of the one that failed, or 1 when\n"
     "they failed in different ways.",
     OPTIONS({"all", 'a', NULL, "run every pipeline"},
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
     "decodes to what was saved, and the source's own tool reads it to the end).\n"
     "Without a BACKUP the latest one of every pipeline is verified, with --all every backup.",
     OPTIONS({"level", 'l', "LEVEL", "size, hash or decode"}, {"all", 'a', NULL, "verify every backup, not only the latest"},
             DESTINATION_OPTION, JSON_OPTION),
     0, -1, KIST_EXIT_FAILED, kist_cmd_verify},
    {"restore", "BACKUP", "restore a backup into its source, another target, or files",
     "Every stored byte is proved before anything is changed. A target that already holds something is refused (exit 7)\n"
     "unless --clean. --to takes what the source plugin understands (for pg_dump a database name on the same server, or\n"
     "a postgresql:// URL), and ${NAME} in it is replaced as in a configuration file: a password has no place on a\n"
     "command line. With --include only the items that fit are proved and restored: '*' stands for any characters but /,\n"
     "'**' for any at all, '?' for one; `kist show BACKUP` lists the names.",
     OPTIONS({"to", 't', "TARGET", "restore to this target instead of the source itself"},
             {"output", 'o', "DIR", "write the decoded items as files into DIR"},
             {"include", 'i', "GLOB", "only the items whose names fit; may be repeated"},
             {"create", 0, NULL, "make the target if it is missing"}, {"clean", 0, NULL, "replace what the target holds"},
             DESTINATION_OPTION),
     1, 1, KIST_EXIT_DEGRADED, kist_cmd_restore},
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
