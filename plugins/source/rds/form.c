/* form.c - the body of a request: a form with its lists spelled out, as the Query API wants them. */
#include "rds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION "2014-10-31"

void rds_form_begin(struct rds_form *form, const char *action)
{
    *form = (struct rds_form){.action = action};
    form->out = open_memstream(&form->text, &form->size);
    form->failed = form->out == NULL;
    if (form->out)
        fprintf(form->out, "Action=%s&Version=" VERSION, action);
}

void rds_form_add(struct rds_form *form, const char *name, const char *value)
{
    if (!value || form->failed)
        return;
    char *encoded = kist_http_encode(value, 0);
    form->failed = !encoded || fprintf(form->out, "&%s=%s", name, encoded) < 0;
    free(encoded);
}

void rds_form_add_list(struct rds_form *form, const char *name, const kist_list *list)
{
    char row[128];
    for (uint64_t i = 0; i < list->count; i++) {
        snprintf(row, sizeof row, "%s.%llu", name, (unsigned long long)i + 1);
        rds_form_add(form, row, list->items[i]);
    }
}

void rds_form_add_tag(struct rds_form *form, size_t number, const char *key, const char *value)
{
    char row[64];
    snprintf(row, sizeof row, "Tags.Tag.%zu.Key", number);
    rds_form_add(form, row, key);
    snprintf(row, sizeof row, "Tags.Tag.%zu.Value", number);
    rds_form_add(form, row, value);
}

void rds_form_add_tags(struct rds_form *form, size_t number, const kist_list *tags)
{
    for (uint64_t i = 0; i < tags->count && !form->failed; i++) {
        const char *equals = strchr(tags->items[i], '=');
        char *key = equals ? strndup(tags->items[i], (size_t)(equals - tags->items[i])) : NULL;
        form->failed = key == NULL;
        if (key)
            rds_form_add_tag(form, number + (size_t)i, key, equals + 1);
        free(key);
    }
}

int rds_form_end(struct rds_form *form)
{
    if (form->out && fclose(form->out) != 0)
        form->failed = 1;
    form->out = NULL;
    return form->failed ? -1 : 0;
}

void rds_form_done(struct rds_form *form)
{
    if (form->out)
        (void)fclose(form->out);
    free(form->text);
    *form = (struct rds_form){0};
}
