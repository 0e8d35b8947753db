#include "json.h"

/* jansson goes down thousands of levels by calling itself, on stacks that may be smaller than that takes. */
static int is_deep(const char *data, size_t size)
{
    size_t depth = 0;
    int in_string = 0;
    for (size_t i = 0; i < size; i++) {
        if (in_string) {
            if (data[i] == '\\')
                i++;
            else if (data[i] == '"')
                in_string = 0;
        } else if (data[i] == '"') {
            in_string = 1;
        } else if (data[i] == '[' || data[i] == '{') {
            if (++depth > KIST_JSON_DEPTH)
                return 1;
        } else if ((data[i] == ']' || data[i] == '}') && depth > 0) {
            depth--;
        }
    }
    return 0;
}

int kist_json_load(const struct kist_host *host, const char *data, size_t size, json_t **ret_json,
                   struct kist_error *err)
{
    json_error_t why;
    if (size > KIST_JSON_SIZE)
        return host->fail(host, err, KIST_ERR_CORRUPT, "JSON of %zu bytes is too large", size);
    if (is_deep(data, size))
        return host->fail(host, err, KIST_ERR_CORRUPT, "JSON has more than %d levels", KIST_JSON_DEPTH);
    json_t *json = json_loadb(data, size, JSON_REJECT_DUPLICATES, &why);
    if (!json && json_error_code(&why) == json_error_out_of_memory)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    /* Its text is left out, since it quotes the document, in which there may be a secret. */
    if (!json)
        return host->fail(host, err, KIST_ERR_CORRUPT, "not JSON (line %d, column %d)", why.line, why.column);
    *ret_json = json;
    return 0;
}

const char *kist_json_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

int64_t kist_json_number(const json_t *object, const char *name, int64_t other)
{
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) ? (int64_t)json_integer_value(value) : other;
}
