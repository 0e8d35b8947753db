#include "config_line.h"
#include "config_file.h"
#include "text.h"

#include <string.h>

int kist_line_check(const char *text, size_t size, struct kist_error *err)
{
    if (memchr(text, '\0', size))
        return kist_fail(err, KIST_ERR_CONFIG, "a NUL byte in the line");
    if (!kist_utf8_valid(text, size))
        return kist_fail(err, KIST_ERR_CONFIG, "the line is not valid UTF-8");
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return kist_fail(err, KIST_ERR_CONFIG, "a control character (0x%02x) in the line", c);
    }
    if (size <= KIST_INI_LINE_MAX)
        return 0;
    kist_fail(err, KIST_ERR_CONFIG, "the line is %zu bytes long, at most %d are allowed", size, KIST_INI_LINE_MAX);
    kist_hint(err, "a list goes on in the next line, indented; any other long value can come from the environment "
                   "(${NAME}) or from a file (KEY_file = PATH)");
    return KIST_ERR_CONFIG;
}

size_t kist_line_size(const char *text, size_t size, int *ret_commented)
{
    *ret_commented = 0;
    for (size_t i = 1; i < size && !*ret_commented; i++) {
        if (text[i] == ';' && kist_line_is_blank(text[i - 1])) {
            *ret_commented = 1;
            size = i;
        }
    }
    while (size > 0 && kist_line_is_blank(text[size - 1]))
        size--;
    return size;
}

static int is_key_byte(char c)
{
    return c == '_' || c == '-' || kist_ini_is_name(&c, 1);
}

int kist_line_stands_alone(const char *text, size_t size)
{
    size_t key_size = 0;
    if (size > 0 && text[0] == '[')
        return memchr(text, ']', size) != NULL;
    if (size == 0 || !kist_ini_is_name(text, 1))
        return 0;
    while (key_size < size && is_key_byte(text[key_size]))
        key_size++;
    size_t at = key_size;
    while (at < size && kist_line_is_blank(text[at]))
        at++;
    if (at == size)
        return 0;
    /* "https://..." and "a:b" continue a list; "key: value" does not. */
    return text[at] == '=' || (text[at] == ':' && (at + 1 == size || kist_line_is_blank(text[at + 1])));
}

int kist_line_split_header(const char *text, size_t size, struct kist_line_header *ret_header)
{
    const char *close = memchr(text, ']', size);
    if (!close)
        return -1;
    const char *type = text + 1;
    while (type < close && kist_line_is_blank(*type))
        type++;
    const char *type_end = type;
    while (type_end < close && !kist_line_is_blank(*type_end))
        type_end++;
    const char *name = type_end, *name_end = close;
    while (name < name_end && kist_line_is_blank(*name))
        name++;
    while (name_end > name && kist_line_is_blank(name_end[-1]))
        name_end--;
    *ret_header = (struct kist_line_header){.type = type,
                                            .type_size = (size_t)(type_end - type),
                                            .name = name,
                                            .name_size = (size_t)(name_end - name),
                                            .has_rest = close + 1 < text + size && close[1] != ';'};
    return 0;
}
