#include "config_file.h"
#include "config_line.h"
#include "text.h"

#include <ini.h>
#include <search.h>
#include <string.h>

/*
 * Where the reading of one file stands. inih splits "key = value"; but it truncates what is long, and says neither
 * where something stood nor what was wrong. So this reader looks at every line first: sections, comments and lines
 * that are wrong end here (inih gets an empty line in their place), pairs and their continuations go on to it.
 */
struct reader {
    struct kist_ini *ini;
    const struct kist_config_file *file;
    struct kist_problem_list *problems;
    const char *at, *end;
    int line;
    struct kist_ini_section *section;
    int in_faulty_section;        /* its entries belong to nothing */
    struct kist_ini_entry *entry; /* whose value may go on in the next line */
    struct kist_text value;
    int after_key;          /* inih has seen a key, so an indented line continues its value */
    int skips_continuation; /* of an entry that was wrong */
    int continues;          /* the line just handed on is a continuation */
    int expects_pair;       /* the line just handed on must reach take_pair() */
    int commented;          /* a comment was cut off from it */
    void *keys;             /* of the section */
};

static int compare_keys(const void *a, const void *b)
{
    const struct kist_ini_entry *left = a, *right = b;
    return strcmp(left->key, right->key);
}

static void keep_node(void *node)
{
    (void)node;
}

static struct kist_config_place place_of(const struct reader *reader)
{
    struct kist_config_place place = {.file = reader->file, .line = reader->line};
    if (reader->section) {
        place.type = reader->section->type;
        place.name = reader->section->name;
    }
    return place;
}

static void finish_value(struct reader *reader)
{
    if (reader->entry) {
        reader->entry->value =
            kist_vault_copy(reader->ini->vault, kist_text_get(&reader->value), reader->value.size);
        if (kist_text_failed(&reader->value))
            reader->ini->vault->failed = 1;
    }
    kist_text_done(&reader->value);
    reader->entry = NULL;
}

/* From here to the next section that is understood, entries are checked for their form only. */
static void finish_section(struct reader *reader)
{
    finish_value(reader);
    tdestroy(reader->keys, keep_node);
    reader->keys = NULL;
    reader->section = NULL;
    reader->in_faulty_section = 1;
}

static void check_name(struct reader *reader, const char *type, const struct kist_line_header *header)
{
    struct kist_config_place place = {.file = reader->file, .line = reader->line, .type = type};
    int has_name = header->name_size > 0, wants_name = strcmp(type, "kist") != 0;
    if (has_name && !wants_name) {
        kist_problem_add(reader->problems, &place, "this section takes no name");
    } else if (!has_name && wants_name) {
        kist_problem_add(reader->problems, &place, "the section has no name");
        kist_problem_hint(reader->problems, "write [%s NAME]", type);
    } else if (wants_name && header->name_size > KIST_INI_NAME_MAX) {
        kist_problem_add(reader->problems, &place, "the name is %zu bytes long, at most %d are allowed",
                         header->name_size, KIST_INI_NAME_MAX);
    } else if (wants_name && !kist_ini_is_name(header->name, header->name_size)) {
        kist_problem_add(reader->problems, &place, "'%.*s' cannot be a name", (int)header->name_size,
                         header->name);
        kist_problem_hint(reader->problems, "a letter or digit, then letters, digits, '_', '.' and '-'");
    }
}

static void add_section(struct reader *reader, const char *type, const struct kist_line_header *header)
{
    struct kist_ini_section *first = NULL;
    struct kist_ini_section section = {.file = reader->file, .line = reader->line, .type = type};
    section.name = kist_vault_copy(reader->ini->vault, header->name, header->name_size);
    if (!section.name)
        return;
    reader->section = kist_ini_add(reader->ini, &section, &first);
    reader->in_faulty_section = 0;
    if (!first)
        return;
    struct kist_config_place place = place_of(reader);
    kist_problem_add(reader->problems, &place, "the section is already at %s:%d", first->file->path, first->line);
    kist_problem_hint(reader->problems, "put the keys into one section, or give this one another name");
}

static void take_header(struct reader *reader, const char *text, size_t size)
{
    struct kist_config_place place = {.file = reader->file, .line = reader->line};
    struct kist_line_header header;
    finish_section(reader);
    if (kist_line_split_header(text, size, &header)) {
        kist_problem_add(reader->problems, &place, "']' is missing at the end of the section's name");
        return;
    }
    if (header.has_rest) {
        kist_problem_add(reader->problems, &place, "text after ']'");
        kist_problem_hint(reader->problems, "a key stands on a line of its own; a comment begins with ';'");
    }
    const char *type = kist_ini_type(header.type, header.type_size);
    if (type) {
        check_name(reader, type, &header);
        add_section(reader, type, &header);
        return;
    }
    const char *meant = kist_ini_suggest_type(header.type, header.type_size);
    kist_problem_add(reader->problems, &place, "[%.*s]: unknown kind of section", (int)header.type_size,
                     header.type);
    if (meant)
        kist_problem_hint(reader->problems, "did you mean '%s'?", meant);
    else
        kist_problem_hint(reader->problems,
                          "sections are pipeline, source, filter, destination, notifier and kist");
}

static void add_entry(struct reader *reader, const char *key, const char *value)
{
    struct kist_vault *vault = reader->ini->vault;
    struct kist_ini_entry *entry = kist_vault_alloc(vault, 1, sizeof *entry);
    char *copy = kist_vault_string(vault, key);
    if (!entry || !copy)
        return;
    *entry = (struct kist_ini_entry){.key = copy, .line = reader->line, .commented = reader->commented};
    struct kist_ini_entry *const *node = tsearch(entry, &reader->keys, compare_keys);
    if (!node) {
        vault->failed = 1;
        return;
    }
    if (*node != entry) {
        struct kist_config_place place = place_of(reader);
        place.key = copy;
        kist_problem_add(reader->problems, &place, "the key is already at %s:%d", reader->file->path,
                         (*node)->line);
        reader->skips_continuation = 1;
        return;
    }
    /* In front; the end of the file turns them round. */
    entry->next = reader->section->entries;
    reader->section->entries = entry;
    reader->entry = entry;
    kist_text_add(&reader->value, value);
}

static void continue_value(struct reader *reader, const char *value)
{
    if (!reader->entry)
        return;
    kist_text_add_char(&reader->value, '\n');
    kist_text_add(&reader->value, value);
    reader->entry->commented |= reader->commented;
}

/* inih's handler: a pair, or one more line of the last value. Its `section` is cut at 49 bytes; the reader knows.
 */
static int take_pair(void *arg, const char *section, const char *key, const char *value)
{
    struct reader *reader = arg;
    (void)section;
    reader->expects_pair = 0;
    if (reader->continues) {
        continue_value(reader, value);
        return 1;
    }
    finish_value(reader);
    reader->after_key = *key != '\0';
    struct kist_config_place place = place_of(reader);
    if (!reader->section && !reader->in_faulty_section) {
        kist_problem_add(reader->problems, &place, "a key outside of a section");
        kist_problem_hint(reader->problems, "begin the file with a section: [pipeline NAME]");
    } else if (strlen(key) > KIST_INI_NAME_MAX) {
        kist_problem_add(reader->problems, &place, "the key is %zu bytes long, at most %d are allowed",
                         strlen(key), KIST_INI_NAME_MAX);
    } else if (!kist_ini_is_name(key, strlen(key))) {
        kist_problem_add(reader->problems, &place, "what stands before '=' is not a key");
        kist_problem_hint(reader->problems, "keys are made of letters, digits and '_'");
    } else if (reader->section) {
        add_entry(reader, key, value);
        return 1;
    }
    reader->skips_continuation = 1;
    return 1;
}

/* 1 when the bytes of the line are fine; says otherwise what is wrong. */
static int is_sound(struct reader *reader, const char *text, size_t size)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    struct kist_config_place place = place_of(reader);
    if (kist_line_check(text, size, &err) == 0)
        return 1;
    kist_problem_add_error(reader->problems, &place, &err);
    return 0;
}

static void report_indented(struct reader *reader)
{
    struct kist_config_place place = place_of(reader);
    kist_problem_add(reader->problems, &place,
                     "an indented line continues the value above, but this one looks like a key or a section");
    kist_problem_hint(reader->problems, "remove the blanks in front of it");
}

/* A line with bytes that no line may have: what it meant is unknown, and so is what the next ones continue. */
static void drop_line(struct reader *reader, int continues, int is_header)
{
    if (is_header)
        finish_section(reader);
    else if (!continues)
        finish_value(reader);
    reader->skips_continuation = !is_header;
}

/* Decides what the line is. Returns the bytes that inih gets of it, from `*ret_text` on. */
static size_t take_line(struct reader *reader, const char *text, size_t size, const char **ret_text)
{
    size_t indent = 0;
    while (indent < size && kist_line_is_blank(text[indent]))
        indent++;
    int sound = is_sound(reader, text, size);
    if (indent == size || text[indent] == ';' || text[indent] == '#')
        return 0;
    int continues = indent > 0 && (reader->after_key || reader->skips_continuation);
    int is_header = !continues && text[indent] == '[';
    if (!continues)
        reader->skips_continuation = 0;
    if (!sound) {
        drop_line(reader, continues, is_header);
        return 0;
    }
    size = kist_line_size(text, size, &reader->commented);
    if (is_header) {
        take_header(reader, text + indent, size - indent);
        reader->after_key = 0;
        return 0;
    }
    if (continues && kist_line_stands_alone(text + indent, size - indent)) {
        report_indented(reader);
        return 0;
    }
    if (continues && reader->skips_continuation)
        return 0;
    reader->continues = continues;
    reader->expects_pair = !continues;
    /* Without its indent inih cannot take a pair for a continuation. */
    *ret_text = continues ? text : text + indent;
    return continues ? size : size - indent;
}

static void check_last_line(struct reader *reader)
{
    if (!reader->expects_pair)
        return;
    struct kist_config_place place = place_of(reader);
    kist_problem_add(reader->problems, &place, "neither a section nor 'key = value'");
    finish_value(reader);
    reader->expects_pair = 0;
    reader->skips_continuation = 1;
}

/* inih's reader: hands on the next line, like fgets. */
static char *read_line(char *line, int capacity, void *arg)
{
    struct reader *reader = arg;
    check_last_line(reader);
    if (reader->at == reader->end) {
        explicit_bzero(line, (size_t)capacity);
        return NULL;
    }
    const char *text = reader->at;
    const char *end = memchr(text, '\n', (size_t)(reader->end - text));
    reader->at = end ? end + 1 : reader->end;
    size_t size = (size_t)((end ? end : reader->end) - text);
    if (size > 0 && text[size - 1] == '\r')
        size--;
    reader->line++;
    reader->continues = 0;
    size = take_line(reader, text, size, &text);
    if (size >= (size_t)capacity)
        size = (size_t)capacity - 1;
    memcpy(line, text, size);
    line[size] = '\0';
    return line;
}

static void turn_round(struct kist_ini_section *section)
{
    struct kist_ini_entry *entries = NULL;
    while (section->entries) {
        struct kist_ini_entry *entry = section->entries;
        section->entries = entry->next;
        entry->next = entries;
        entries = entry;
    }
    section->entries = entries;
}

void kist_ini_parse(struct kist_ini *ini, const struct kist_config_file *file, const char *data, size_t size,
                    struct kist_problem_list *problems)
{
    struct reader reader = {.ini = ini, .file = file, .problems = problems, .at = data, .end = data + size};
    struct kist_ini_section *last = ini->last;
    if (size >= 2 && (memcmp(data, "\xff\xfe", 2) == 0 || memcmp(data, "\xfe\xff", 2) == 0)) {
        struct kist_config_place place = {.file = file};
        kist_problem_add(problems, &place, "the file is UTF-16; save it as UTF-8");
        return;
    }
    if (size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0)
        reader.at += 3;
    if (ini_parse_stream(read_line, &reader, take_pair, &reader) == -2)
        ini->vault->failed = 1;
    finish_section(&reader);
    for (last = last ? last->next : ini->sections; last; last = last->next)
        turn_round(last);
}
