#include "history_print.h"
#include "text.h"
#include "units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DASH "-"

/* Anybody who can write to the file can write anything into it: a control character must not get to the terminal. */
static void print_text(json_t *entry, const char *name, int width)
{
    KIST_CLEANUP_TEXT struct kist_text clean = KIST_TEXT_INIT;
    const char *text = json_string_value(json_object_get(entry, name));
    if (text)
        kist_text_add_printable(&clean, text, strlen(text));
    printf("%-*s", width, clean.size ? kist_text_get(&clean) : DASH);
}

static int is_number(json_t *entry, const char *name)
{
    json_t *value = json_object_get(entry, name);
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static int64_t number(json_t *entry, const char *name)
{
    return json_integer_value(json_object_get(entry, name));
}

/* Not every event has an outcome of its own: what has none was done. */
static void print_outcome(json_t *entry)
{
    int has_exit = is_number(entry, "exit");
    if (json_is_string(json_object_get(entry, "outcome")))
        print_text(entry, "outcome", 9);
    else if (has_exit && number(entry, "exit") != 0)
        printf("exit %-4" PRId64, number(entry, "exit"));
    else
        printf("%-9s", "ok");
}

/* What was restored when that was no backup. */
static void print_moment(json_t *entry)
{
    fputs("of ", stdout);
    print_text(entry, "at", 0);
}

/* Over all destinations. */
static size_t count_all(json_t *places)
{
    const char *place = NULL;
    json_t *list = NULL;
    size_t count = 0;
    json_object_foreach(places, place, list)
        count += json_array_size(list);
    return count;
}

static void print_pruned(json_t *entry)
{
    size_t discarded = count_all(json_object_get(entry, "references"));
    printf("deleted %zu", count_all(json_object_get(entry, "removed")));
    if (discarded)
        printf(", discarded %zu at the provider", discarded);
}

/* Why, or what became of it where nothing went wrong. */
static void print_note(json_t *entry)
{
    if (json_is_true(json_object_get(entry, "rebuilt")))
        fputs(json_object_get(entry, "cause") ? "from the catalog: " : "from the catalog", stdout);
    if (json_object_get(entry, "cause"))
        print_text(entry, "cause", 0);
    else if (json_object_get(entry, "reason"))
        print_text(entry, "reason", 0);
    else if (json_object_get(entry, "at"))
        print_moment(entry);
    else if (json_object_get(entry, "removed"))
        print_pruned(entry);
    else if (!json_object_get(entry, "rebuilt"))
        fputs(DASH, stdout);
}

static void print_entry(json_t *entry)
{
    print_text(entry, "time", 22);
    print_text(entry, "pipeline", 16);
    putchar(' ');
    print_text(entry, "event", 9);
    putchar(' ');
    print_outcome(entry);
    putchar(' ');
    print_text(entry, "id", 21);
    printf(" %13s %10s  ",
           is_number(entry, "duration_ms") ? kist_duration_show(number(entry, "duration_ms")).text : DASH,
           number(entry, "raw_size") > 0 ? kist_size_show((uint64_t)number(entry, "raw_size")).text : DASH);
    print_text(entry, json_object_get(entry, "sudo_user") ? "sudo_user" : "user", 10);
    fputs("  ", stdout);
    print_note(entry);
    putchar('\n');
}

void kist_history_print(json_t *entries)
{
    size_t index = 0;
    json_t *entry = NULL;
    printf("%-22s%-16s %-9s %-9s %-21s %13s %10s  %-10s  %s\n", "TIME", "PIPELINE", "EVENT", "OUTCOME", "ID",
           "DURATION", "SIZE", "WHO", "CAUSE");
    json_array_foreach(entries, index, entry)
        print_entry(entry);
}
