/* Files of plugins, good and broken: faults 35, 36, 37, 40, 41, 42 and 81 of the catalogue of bad input. */
#include "plugin_files.h"

#include "error.h"
#include "module_loader.h"

#include <elf.h>
#include <link.h>
#include <sys/wait.h>

static struct plugin_files files;
static struct kist_error err = KIST_ERROR_INIT;

static int setup(void **state)
{
    (void)state;
    plugin_files_init(&files);
    return kist_module_loader_init(&err);
}

static int teardown(void **state)
{
    (void)state;
    kist_module_loader_exit();
    kist_error_clear(&err);
    plugin_files_done(&files);
    return 0;
}

static int load_as(const char *path, uint32_t kind)
{
    const struct kist_plugin_head *head = NULL;
    kist_error_clear(&err);
    int code = kist_module_load(path, kind, &head, &err);
    assert_int_equal(code, err.code);
    if (code == 0)
        assert_int_equal(head->magic, KIST_ABI_MAGIC);
    else
        assert_null(head);
    return code;
}

static int load(const char *path)
{
    return load_as(path, KIST_KIND_DESTINATION);
}

/* The error names the file and the real reason. */
static void assert_refused(const char *path, const char *reason)
{
    assert_int_equal(load(path), KIST_ERR_CONFIG);
    if (!strstr(err.message, path) || !strstr(err.message, reason))
        fail_msg("'%s' does not say '%s'", err.message, reason);
}

static void assert_built_refused(const char *built, const char *reason)
{
    assert_refused(plugin_file_copy(&files, built, built), reason);
}

static void a_good_plugin_is_loaded(void **state)
{
    (void)state;
    assert_int_equal(load(plugin_file_copy(&files, "destination-good", "destination-good")), 0);
    /* And once more, and by a second user of the loader after the first has gone. */
    assert_int_equal(load(files.path), 0);
    assert_int_equal(kist_module_loader_init(&err), 0);
    kist_module_loader_exit();
    assert_int_equal(load(files.path), 0);
}

static void the_file_is_missing(void **state)
{
    (void)state;
    assert_int_equal(load("/tmp/kist-test-no-such-dir/destination-good.so"), KIST_ERR_NOT_FOUND);
    snprintf(files.path, sizeof files.path, "%s/destination-missing.so", files.dir);
    assert_int_equal(load(files.path), KIST_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, files.path));
    assert_non_null(strstr(err.message, "No such file or directory"));
}

static void the_file_is_no_library(void **state)
{
    (void)state;
    assert_refused(plugin_file_write(&files, "destination-empty.so", "", 0), "the file is empty");
    assert_refused(plugin_file_write(&files, "destination-e.so", "\177E", 2), "no ELF file");
    assert_refused(plugin_file_write(&files, "destination-text.so", "#!/bin/sh\nexit 0\n", 17), "no ELF file");
    size_t size = 0;
    char *bytes = plugin_bytes("destination-good", &size);
    ((ElfW(Ehdr) *)(void *)bytes)->e_type = ET_EXEC;
    assert_refused(plugin_file_write(&files, "destination-exec.so", bytes, size), "not a shared library");
    free(bytes);
}

static void another_ending_is_refused(void **state)
{
    (void)state;
    static const char la[] = "dlname='destination-good.so'\nlibrary_names='destination-good.so'\ninstalled=no\n";
    assert_refused(plugin_file_write(&files, "destination-good.la", la, sizeof la - 1), "does not end in '.so'");
    assert_refused(plugin_file_write(&files, "so", la, sizeof la - 1), "does not end in '.so'");
}

/* Without the check of the file most of these would end in SIGBUS. */
static void the_file_is_cut_off(void **state)
{
    (void)state;
    size_t size = 0;
    char *bytes = plugin_bytes("destination-good", &size);
    for (size_t cut = 4; cut < size; cut += cut < 2048 ? 7 : 511) {
        char name[64];
        snprintf(name, sizeof name, "destination-cut%zu.so", cut);
        assert_refused(plugin_file_write(&files, name, bytes, cut), "the file is cut off");
        unlink(files.path);
    }
    assert_refused(plugin_file_write(&files, "destination-last.so", bytes, size - 1), "the file is cut off");
    free(bytes);
}

/* Any byte of the headers may be wrong: refused or loaded, but never a crash of the check itself. */
static void damaged_headers_do_no_harm(void **state)
{
    (void)state;
    size_t size = 0;
    char *good = plugin_bytes("destination-good", &size);
    const ElfW(Ehdr) *header = (void *)good;
    size_t tables = sizeof *header + header->e_phnum * sizeof(ElfW(Phdr));
    for (size_t at = 0; at < size; at += at < tables || at >= header->e_shoff ? 1 : 4096) {
        char name[64];
        good[at] = (char)~good[at];
        snprintf(name, sizeof name, "destination-byte%zu.so", at);
        plugin_file_write(&files, name, good, size);
        good[at] = (char)~good[at];
        /* Only the kind of a filter is asked for, so that a file found whole is refused by its head, never loaded.
         */
        assert_int_not_equal(load_as(files.path, KIST_KIND_FILTER), 0);
        unlink(files.path);
    }
    free(good);
}

static void another_machine(void **state)
{
    (void)state;
    size_t size = 0;
    char *bytes = plugin_bytes("destination-good", &size);
    ElfW(Ehdr) *header = (void *)bytes;
    header->e_machine = header->e_machine == EM_S390 ? EM_X86_64 : EM_S390;
    assert_refused(plugin_file_write(&files, "destination-machine.so", bytes, size), "it is made for s390");
    free(bytes);
}

static void another_interface(void **state)
{
    (void)state;
    unsetenv("KIST_TEST_RAN");
    assert_built_refused("destination-abi2", "made for plugin interface 2, and this kist speaks 1");
    assert_non_null(err.hint);
    assert_built_refused("destination-abi0", "made for plugin interface 0");
    assert_built_refused("destination-magic", "not a kist plugin");
    /* They were refused before their constructors ran. */
    assert_null(getenv("KIST_TEST_RAN"));
}

/* Where the sections were stripped off, the same is found out after loading. */
static void another_interface_without_sections(void **state)
{
    (void)state;
    size_t size = 0;
    char *bytes = plugin_bytes("destination-abi2", &size);
    ElfW(Ehdr) *header = (void *)bytes;
    header->e_shoff = 0;
    header->e_shnum = header->e_shstrndx = 0;
    assert_refused(plugin_file_write(&files, "destination-bare.so", bytes, size), "plugin interface 2");
    free(bytes);
    bytes = plugin_bytes("destination-no_symbol", &size);
    header = (void *)bytes;
    header->e_shoff = 0;
    header->e_shnum = header->e_shstrndx = 0;
    assert_refused(plugin_file_write(&files, "destination-bare2.so", bytes, size), "no data symbol 'kist_plugin'");
    free(bytes);
}

static void another_head(void **state)
{
    (void)state;
    assert_built_refused("destination-no_symbol", "no data symbol 'kist_plugin'");
    assert_built_refused("destination-kind", "it is a filter, but its file name says destination");
    assert_built_refused("destination-kind9", "kind that this kist does not know");
    assert_built_refused("destination-small", "impossible size (96)");
    assert_built_refused("destination-huge", "impossible size (4000)");
    assert_built_refused("destination-option_size", "options have an impossible size (20)");
}

static void a_library_is_missing(void **state)
{
    (void)state;
    assert_built_refused("destination-needs_library", "libkist-test-missing.so");
    assert_non_null(strstr(err.message, "No such file or directory"));
    assert_non_null(strstr(err.hint, "ldd"));
}

static void a_symbol_is_missing(void **state)
{
    (void)state;
    assert_built_refused("destination-undefined", "undefined symbol: kist_test_nobody_defines_this");
    assert_non_null(err.hint);
}

static void others_could_write_it(void **state)
{
    (void)state;
    char dir[128];
    plugin_file_copy(&files, "destination-good", "destination-writable");
    assert_int_equal(chmod(files.path, 0646), 0);
    assert_refused(files.path, "can be written by other users");
    assert_non_null(strstr(err.hint, "chmod go-w"));
    assert_int_equal(chmod(files.path, 0644), 0);
    assert_int_equal(chmod(files.dir, 0757), 0);
    assert_refused(files.path, "can be written by other users");
    assert_int_equal(chmod(files.dir, 01777), 0);
    assert_int_equal(load(files.path), 0);
    assert_int_equal(chmod(files.dir, 0700), 0);
    /* A parent counts as much. */
    snprintf(dir, sizeof dir, "%s/plugins", files.dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(chmod(files.dir, 0707), 0);
    plugin_file_copy(&files, "destination-good", "plugins/destination-deeper");
    assert_refused(files.path, "can be written by other users");
    assert_int_equal(chmod(files.dir, 0700), 0);
    assert_int_equal(load(files.path), 0);
}

static void another_user_owns_it(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    plugin_file_copy(&files, "destination-good", "destination-foreign");
    assert_int_equal(chown(files.path, 65533, 65533), 0);
    assert_refused(files.path, "belongs to user 65533");
    assert_int_equal(chown(files.path, 0, 0), 0);
    assert_int_equal(chmod(files.path, 0664), 0);
    assert_refused(files.path, "can be written by other users");
    assert_int_equal(chmod(files.path, 0644), 0);
    assert_int_equal(chown(files.dir, 65533, 65533), 0);
    assert_refused(files.path, "belongs to user 65533");
    assert_int_equal(chown(files.dir, 0, 0), 0);
}

static void it_is_not_a_file(void **state)
{
    (void)state;
    char path[300];
    plugin_file_copy(&files, "destination-good", "destination-target");
    snprintf(path, sizeof path, "%s/destination-link.so", files.dir);
    assert_int_equal(symlink(files.path, path), 0);
    assert_refused(path, "symbolic link");
    snprintf(path, sizeof path, "%s/destination-dir.so", files.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused(path, "a directory");
    snprintf(path, sizeof path, "%s/destination-fifo.so", files.dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(path, "not a file");
    snprintf(path, sizeof path, "%s/destination-target.so/destination-x.so", files.dir);
    assert_refused(path, "Not a directory");
}

/* A directory may be reached through a link (/lib on many systems); what it leads to is what is checked. */
static void a_linked_directory_is_followed(void **state)
{
    (void)state;
    char path[300], dir[128];
    snprintf(dir, sizeof dir, "%s/real", files.dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    plugin_file_copy(&files, "destination-good", "real/destination-linked");
    snprintf(path, sizeof path, "%s/link", files.dir);
    assert_int_equal(symlink("real", path), 0);
    strcat(path, "/destination-linked.so");
    assert_int_equal(load(path), 0);
    assert_int_equal(chmod(dir, 0777), 0);
    assert_refused(path, "can be written by other users");
}

static void relative_paths_are_refused(void **state)
{
    (void)state;
    plugin_file_copy(&files, "destination-good", "destination-relative");
    char *before = getcwd(NULL, 0);
    assert_int_equal(chdir(files.dir), 0);
    setenv("LD_LIBRARY_PATH", files.dir, 1);
    assert_refused("destination-relative.so", "absolute");
    assert_refused("./destination-relative.so", "absolute");
    unsetenv("LD_LIBRARY_PATH");
    assert_int_equal(chdir(before), 0);
    free(before);
}

/* What the child said on stderr; its exit status must be that of a wrong configuration. */
static void assert_child_names(const char *built, const char *reason)
{
    int ends[2];
    char said[512] = "";
    plugin_file_copy(&files, built, built);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        (void)load(files.path);
        _exit(99);
    }
    close(ends[1]);
    size_t size = 0;
    for (ssize_t got; (got = read(ends[0], said + size, sizeof said - 1 - size)) > 0;)
        size += (size_t)got;
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), KIST_EXIT_USAGE);
    assert_non_null(strstr(said, files.path));
    assert_non_null(strstr(said, reason));
}

static void a_constructor_ends_the_program(void **state)
{
    (void)state;
    assert_child_names("destination-crash", "crashed");
    assert_child_names("destination-exits", "ended the program");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_good_plugin_is_loaded),
        TEST(the_file_is_missing),
        TEST(the_file_is_no_library),
        TEST(another_ending_is_refused),
        TEST(the_file_is_cut_off),
        TEST(damaged_headers_do_no_harm),
        TEST(another_machine),
        TEST(another_interface),
        TEST(another_interface_without_sections),
        TEST(another_head),
        TEST(a_library_is_missing),
        TEST(a_symbol_is_missing),
        TEST(others_could_write_it),
        TEST(another_user_owns_it),
        TEST(it_is_not_a_file),
        TEST(a_linked_directory_is_followed),
        TEST(relative_paths_are_refused),
        TEST(a_constructor_ends_the_program),
    };
    return cmocka_run_group_tests_name("module_loader", tests, NULL, NULL);
}
