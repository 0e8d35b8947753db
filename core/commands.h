/* commands.h - what each command does; cmd_*.c, one file per command. commands.c is their table. */
#ifndef KIST_CORE_COMMANDS_H
#define KIST_CORE_COMMANDS_H

#include "cli.h"

enum kist_exit kist_cmd_run(struct kist_cli *cli);
enum kist_exit kist_cmd_list(struct kist_cli *cli);
enum kist_exit kist_cmd_show(struct kist_cli *cli);
enum kist_exit kist_cmd_verify(struct kist_cli *cli);
enum kist_exit kist_cmd_restore(struct kist_cli *cli);
enum kist_exit kist_cmd_drill(struct kist_cli *cli);
enum kist_exit kist_cmd_accept(struct kist_cli *cli);
enum kist_exit kist_cmd_daemon(struct kist_cli *cli);
enum kist_exit kist_cmd_prune(struct kist_cli *cli);
enum kist_exit kist_cmd_hold(struct kist_cli *cli);
enum kist_exit kist_cmd_release(struct kist_cli *cli);
enum kist_exit kist_cmd_status(struct kist_cli *cli);
enum kist_exit kist_cmd_history(struct kist_cli *cli);
enum kist_exit kist_cmd_report(struct kist_cli *cli);
enum kist_exit kist_cmd_notify_test(struct kist_cli *cli);
enum kist_exit kist_cmd_schedule(struct kist_cli *cli);
enum kist_exit kist_cmd_key_new(struct kist_cli *cli);
enum kist_exit kist_cmd_config_check(struct kist_cli *cli);
enum kist_exit kist_cmd_config_show(struct kist_cli *cli);
enum kist_exit kist_cmd_plugin_list(struct kist_cli *cli);
enum kist_exit kist_cmd_plugin_inspect(struct kist_cli *cli);
enum kist_exit kist_cmd_plugin_test(struct kist_cli *cli);
enum kist_exit kist_cmd_doctor(struct kist_cli *cli);
enum kist_exit kist_cmd_version(struct kist_cli *cli);
enum kist_exit kist_cmd_help(struct kist_cli *cli);

#endif
