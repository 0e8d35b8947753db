/*
 * schedule_facts.h - what the files of `kist schedule` are made from. It is taken from the text of the configuration alone:
 * the credentials and variables that values refer to are there where it will run, not here.
 */
#ifndef KIST_CORE_SCHEDULE_FACTS_H
#define KIST_CORE_SCHEDULE_FACTS_H

#include "config_ini.h"

struct kist_schedule_list {
    char **items;
    size_t count;
};

struct kist_schedule_pipeline {
    const char *name;
    const char *schedule, *zone; /* as written; schedule NULL: none */
    struct kist_schedule parsed; /* kind NONE also where it refers to a variable */
};

struct kist_schedule_facts {
    char *program;                            /* this one */
    char *config;                             /* the file or directory */
    char *state;                              /* directory, where the configuration or an option names it */
    const char *user;                         /* or NULL */
    struct kist_schedule_pipeline *pipelines; /* in the order of the files */
    size_t pipeline_count;
    struct kist_schedule_list files;       /* of the configuration */
    struct kist_schedule_list credentials; /* NAME of each ${cred:NAME} */
    struct kist_schedule_list variables;   /* NAME of each ${NAME} */
    struct kist_schedule_list folders;     /* directories that destinations name */
    struct kist_schedule_list options;     /* that each command needs: "--state=DIR" */
    int uses_home;                         /* something is below a home directory */
    int private_files;                     /* not all of the files can be read by everybody */
    struct kist_vault vault;
    struct kist_ini ini;
};

/* Mistakes go to `problems`. Always to be ended with done(). */
int kist_schedule_facts_read(const char *config, struct kist_schedule_facts *facts,
                             struct kist_problem_list *problems, struct kist_error *err) KIST_CHECKED;
/* Adds "--NAME=PATH" to the commands, with a path that holds everywhere. */
int kist_schedule_facts_option(struct kist_schedule_facts *facts, const char *name, const char *path,
                               struct kist_error *err) KIST_CHECKED;
void kist_schedule_facts_done(struct kist_schedule_facts *facts);

#endif
