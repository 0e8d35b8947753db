#include "config_dir.h"
#include "config_file.h"
#include "log.h"
#include "read_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".ini"

static int is_ini(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name), suffix = sizeof SUFFIX - 1;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
        return 0;
    if (entry->d_name[0] != '.' && size > suffix && strcmp(entry->d_name + size - suffix, SUFFIX) == 0)
        return 1;
    kist_log(KIST_LOG_DEBUG, NULL, "'%s' in the configuration's directory is ignored: not a *.ini", entry->d_name);
    return 0;
}

/* alphasort() would follow the locale, and files would be read in another order elsewhere. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_file(struct kist_config_file *file, struct kist_ini *ini, struct kist_problem_list *problems)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    struct kist_config_place place = {.file = file};
    struct stat status;
    char *data = NULL;
    size_t size = 0;
    int fd = -1;
    int failed = kist_file_open(file->path, &fd, &status, &err);
    if (!failed) {
        file->mode = status.st_mode & 07777;
        if (kist_file_check_control(file->path, &status, &err))
            kist_problem_add_error(problems, &place, &err);
        failed = kist_file_read(fd, KIST_CONFIG_FILE_LIMIT, &data, &size, &err);
        close(fd);
    }
    if (failed) {
        kist_problem_add_error(problems, &place, &err);
        return;
    }
    kist_ini_parse(ini, file, data, size, problems);
    explicit_bzero(data, size);
    free(data);
}

static void add_file(const char *folder, const char *name, int rank, struct kist_ini *ini,
                     struct kist_problem_list *problems)
{
    struct kist_config_file *file = kist_vault_alloc(ini->vault, 1, sizeof *file);
    size_t folder_size = strlen(folder), name_size = strlen(name);
    while (folder_size > 0 && folder[folder_size - 1] == '/')
        folder_size--;
    char *path = kist_vault_alloc(ini->vault, folder_size + name_size + 2, 1);
    if (!file || !path)
        return;
    memcpy(path, folder, folder_size);
    path[folder_size] = '/';
    memcpy(path + folder_size + 1, name, name_size);
    *file = (struct kist_config_file){.path = path, .rank = rank};
    read_file(file, ini, problems);
}

static void report_path(const char *path, int errnum, struct kist_problem_list *problems)
{
    struct kist_config_file file = {.path = path, .rank = -1};
    struct kist_config_place place = {.file = &file};
    kist_problem_add(problems, &place, "the configuration cannot be read: %s", strerrordesc_np(errnum));
    if (errnum == ENOENT)
        kist_problem_hint(problems,
                          "name a directory of *.ini files, or one file, with -c PATH or in KIST_CONFIG");
}

static void read_directory(const char *path, const struct stat *status, struct kist_ini *ini,
                           struct kist_problem_list *problems)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    struct kist_config_file folder = {.path = path, .rank = -1};
    struct kist_config_place place = {.file = &folder};
    struct dirent **names = NULL;
    if (kist_file_check_control(path, status, &err))
        kist_problem_add_error(problems, &place, &err);
    int count = scandir(path, &names, is_ini, by_name);
    if (count < 0) {
        report_path(path, errno, problems);
        return;
    }
    if (count == 0) {
        kist_problem_add(problems, &place, "no *.ini file in this directory");
        kist_problem_hint(problems, "write a pipeline into a file such as %s/backup.ini", path);
    }
    for (int i = 0; i < count; i++) {
        add_file(path, names[i]->d_name, i, ini, problems);
        free(names[i]);
    }
    free(names);
}

int kist_config_dir_read(const char *path, struct kist_ini *ini, struct kist_problem_list *problems,
                         struct kist_error *err)
{
    struct stat status;
    if (stat(path, &status)) {
        report_path(path, errno, problems);
    } else if (S_ISDIR(status.st_mode)) {
        read_directory(path, &status, ini, problems);
    } else {
        struct kist_config_file *file = kist_vault_alloc(ini->vault, 1, sizeof *file);
        char *copy = kist_vault_string(ini->vault, path);
        if (file && copy) {
            *file = (struct kist_config_file){.path = copy};
            read_file(file, ini, problems);
        }
    }
    if (ini->vault->failed || problems->failed)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    return 0;
}
