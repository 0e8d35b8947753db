/* RESTORE.txt: bash, following it word for word, gets back files of any name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes.h"
#include "restore_notes.h"
#include "text.h"

#define ID "2026-11-21T02-00-00Z"

static struct kist_error err = KIST_ERROR_INIT;

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* The commands are the lines that are indented, and what stands between them and END. */
static char *commands_of(const char *notes)
{
    struct kist_text script = KIST_TEXT_INIT;
    kist_text_add(&script, "set -e\n");
    int here = 0;
    for (const char *line = notes; *line;) {
        size_t length = strcspn(line, "\n") + 1;
        int indented = strncmp(line, "    ", 4) == 0;
        if (indented || here)
            kist_text_add_bytes(&script, line, length);
        here = here ? strncmp(line, "END\n", 4) != 0 : indented && memmem(line, length, "<<'END'", 7) != NULL;
        line += length;
    }
    return kist_text_take(&script);
}

static void set(char **field, const char *text)
{
    *field = strdup(text);
    assert_non_null(*field);
}

static const char *const names[] = {
    "plain.dump",
    "it's.dump",
    "two words",
    "$(touch hacked)",
    "`touch hacked`",
    "-rf",
    "--help",
    "\\n\\",
    "\"q\"",
    "sh\xc3\xb6p\xe2\x82\xac.dump",
    "*",
    "?[a]",
    "; touch hacked",
    "&& false",
    "#",
    "~",
    "!!",
    "%s%n",
    "END",
};
#define COUNT (sizeof names / sizeof *names)

static void fill(struct kist_manifest *manifest, const char *stock_restore)
{
    char text[300];
    *manifest = (struct kist_manifest){.id = ID, .started = 1795226400};
    set(&manifest->pipeline, "shop");
    set(&manifest->kist_version, "0.1.0");
    set(&manifest->source_plugin, "pg_dump");
    for (size_t i = 0; i < COUNT; i++) {
        struct kist_manifest_item *item = NULL;
        assert_int_equal(kist_manifest_add_item(manifest, &item, &err), 0);
        set(&item->name, names[i]);
        snprintf(text, sizeof text, "shop/" ID "/%s.fk", names[i]);
        set(&item->key, text);
        if (stock_restore)
            set(&item->stock_restore, stock_restore);
        snprintf(text, sizeof text, "data of %zu\n", i);
        item->stored.size = strlen(text);
        assert_int_equal(kist_hash_bytes(text, strlen(text), item->stored.sha256, &err), 0);
    }
}

/* Follows the notes in a folder of their own; returns what the shell says. */
static int follow(const struct kist_manifest *manifest, const char *decoder, const char *check)
{
    struct kist_plugin plugin = fake_filter_plugin;
    plugin.as.filter.stock_decoder = decoder;
    struct kist_instance filter = {.plugin = &plugin}, *const filters[] = {&filter};
    const struct kist_config_pipeline pipeline = {.name = "shop"};
    char folder[] = "/tmp/kist-notes-XXXXXX", path[400], text[40], *notes = NULL;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(kist_restore_notes_format(manifest, &pipeline, filters, 1, &notes, &err), 0);
    char *commands = commands_of(notes);
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(path, sizeof path, "%s/%s.fk", folder, names[i]);
        snprintf(text, sizeof text, "data of %zu\n", i);
        write_file(path, text);
    }
    snprintf(path, sizeof path, "%s/script", folder);
    write_file(path, commands);
    struct kist_text all = KIST_TEXT_INIT;
    kist_text_printf(&all, "cd %s && PATH=$PATH:. && bash script >/dev/null 2>&1 && test ! -e hacked && %s",
                     folder, check);
    int status = system(kist_text_get(&all)); /* the reader of the notes has a shell, too */
    kist_text_done(&all);
    snprintf(path, sizeof path, "rm -rf %s", folder);
    assert_int_equal(system(path), 0);
    free(notes);
    free(commands);
    return status;
}

/* ---- what a provider holds ---- */

#define EVIL "x\n    touch hacked\n\x1b[2J\xe2\x80\xae$(touch hacked)"

static char *notes_of(const struct kist_manifest *manifest)
{
    struct kist_plugin plugin = fake_filter_plugin;
    plugin.features |= KIST_FILTER_ENCRYPTS;
    struct kist_instance filter = {.plugin = &plugin}, *const filters[] = {&filter};
    const struct kist_config_pipeline pipeline = {.name = "shop"};
    char *notes = NULL;
    size_t count = 0;
    for (size_t i = 0; i < manifest->item_count; i++)
        count |= manifest->items[i].key != NULL;
    assert_int_equal(kist_restore_notes_format(manifest, &pipeline, filters, count, &notes, &err), 0);
    return notes;
}

static void hold(struct kist_manifest *manifest, const struct kist_reference *given)
{
    struct kist_manifest_item *item = NULL;
    assert_int_equal(kist_manifest_add_item(manifest, &item, &err), 0);
    set(&item->name, "main.branch");
    assert_int_equal(kist_reference_copy(given, &item->reference, &err), 0);
    if (given->size > 0)
        item->raw.size = (uint64_t)given->size;
}

static void what_a_provider_holds(void **state)
{
    (void)state;
    struct kist_manifest manifest = {.id = ID, .started = 1795226400};
    const struct kist_reference plain = {.struct_size = sizeof plain,
                                         .provider = "neon",
                                         .kind = "branch",
                                         .id = "br-x-1",
                                         .name = "kist-shop",
                                         .account = "quiet-sun-1",
                                         .region = "eu-central-1",
                                         .state = "ready",
                                         .time_ms = 1795226400000,
                                         .size = 12 * (INT64_C(1) << 30),
                                         .until_ms = 1795831200000,
                                         .stock_restore = "neonctl branches restore main br-x-1"};
    set(&manifest.pipeline, "shop");
    set(&manifest.kist_version, "0.1.0");
    set(&manifest.source_plugin, "neon");
    hold(&manifest, &plain);
    char *notes = notes_of(&manifest);
    assert_non_null(strstr(notes, "  main.branch: the branch br-x-1, called kist-shop, held by neon quiet-sun-1 in "
                                  "eu-central-1, 12.0 GiB, as of 2026-11-21T02:00:00Z; it may be gone from "
                                  "2026-11-28T02:00:00Z on\n"));
    assert_non_null(strstr(notes, "no independent copy"));
    assert_non_null(strstr(notes, "\n    neonctl branches restore main br-x-1\n"));
    /* There are no files to check, nothing to decode and no key that is needed. */
    assert_null(strstr(notes, "sha256sum"));
    assert_null(strstr(notes, "pipefail"));
    assert_null(strstr(notes, "encrypted"));
    assert_null(strstr(notes, "when decoded"));
    free(notes);
    kist_manifest_done(&manifest);
}

static void a_hostile_provider_gives_no_commands(void **state)
{
    (void)state;
    struct kist_manifest manifest;
    const struct kist_reference evil = {.struct_size = sizeof evil,
                                        .provider = EVIL,
                                        .kind = EVIL,
                                        .id = EVIL,
                                        .name = EVIL,
                                        .account = EVIL,
                                        .region = EVIL,
                                        .state = EVIL,
                                        .size = -1};
    fill(&manifest, NULL);
    hold(&manifest, &evil);
    char *notes = notes_of(&manifest);
    assert_null(strstr(notes, "\n    touch"));
    assert_null(strchr(notes, '\x1b'));
    free(notes);
    /* What is stored beside it comes back all the same. */
    assert_int_equal(
        follow(&manifest, "cat", "for f in *.fk; do cmp -- \"$f\" \"restored-${f%.fk}\" || exit 1; done"), 0);
    struct kist_reference command = evil;
    command.stock_restore = EVIL;
    hold(&manifest, &command);
    notes = notes_of(&manifest);
    char *commands = commands_of(notes);
    assert_null(strstr(commands, "\n    touch"));
    assert_null(strchr(commands, '\x1b'));
    assert_non_null(strstr(commands, "    x\\n    touch hacked"));
    free(commands);
    free(notes);
    kist_manifest_done(&manifest);
}

static void any_name_survives_a_shell(void **state)
{
    (void)state;
    struct kist_manifest manifest;
    fill(&manifest, NULL);
    assert_int_equal(
        follow(&manifest, "cat", "for f in *.fk; do cmp -- \"$f\" \"restored-${f%.fk}\" || exit 1; done"), 0);
    /* One byte that differs is seen before anything is restored. */
    manifest.items[3].stored.sha256[0] = manifest.items[3].stored.sha256[0] == '0' ? '1' : '0';
    assert_int_not_equal(follow(&manifest, "cat", "true"), 0);
    manifest.items[3].stored.sha256[0] = manifest.items[3].stored.sha256[0] == '0' ? '1' : '0';
    /* And so is a decoder that fails in the middle of a pipe. */
    assert_int_not_equal(follow(&manifest, "false", "true"), 0);
    kist_manifest_done(&manifest);
}

static void restored_by_the_sources_own_tool(void **state)
{
    (void)state;
    struct kist_manifest manifest;
    char check[100];
    fill(&manifest, "cat >> all");
    snprintf(check, sizeof check, "test $(wc -l < all) = %zu", COUNT);
    assert_int_equal(follow(&manifest, "cat", check), 0);
    kist_manifest_done(&manifest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_name_survives_a_shell),
        cmocka_unit_test(what_a_provider_holds),
        cmocka_unit_test(a_hostile_provider_gives_no_commands),
        cmocka_unit_test(restored_by_the_sources_own_tool),
    };
    return cmocka_run_group_tests_name("restore_notes", tests, NULL, NULL);
}
