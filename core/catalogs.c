#include "catalogs.h"
#include "key.h"
#include "log.h"
#include "targets.h"

#include <stdlib.h>
#include <string.h>

#define ROOT "_kist"
#define MANIFEST_SUFFIX ".json"

/* One pipeline on one destination. */
struct cell {
    const char *name;
    size_t row;
    int64_t newest;
};

/* One destination, with its pipelines by name. */
struct place {
    const struct kist_config_section *section;
    struct cell *cells;
    size_t count;
    struct kist_error unsound;
};

struct asking {
    struct kist_catalogs_row *rows;
    size_t count;
    struct place *places;
    size_t place_count;
    const struct kist_target *first; /* that of the first place */
};

static int compare_cells(const void *left, const void *right)
{
    return strcmp(((const struct cell *)left)->name, ((const struct cell *)right)->name);
}

static struct cell *find_cell(const struct place *place, const char *key, size_t length)
{
    size_t low = 0, high = place->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *name = place->cells[middle].name;
        int order = strncmp(name, key, length);
        if (!order && name[length])
            order = 1;
        if (!order)
            return &place->cells[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* "_kist/<pipeline>/<id>.json" is a backup; whatever else lies there is not of interest. */
static int note_object(void *arg, const struct kist_object *object)
{
    struct place *place = arg;
    char id[KIST_ID_LENGTH + 1];
    int64_t seconds = 0;
    if (kist_key_check(object->key, &place->unsound))
        return KIST_ERR_CORRUPT;
    const char *name = object->key + strlen(ROOT "/"), *slash = strchr(name, '/');
    if (!slash || strlen(slash + 1) != KIST_ID_LENGTH + strlen(MANIFEST_SUFFIX) ||
        strcmp(slash + 1 + KIST_ID_LENGTH, MANIFEST_SUFFIX) != 0)
        return 0;
    memcpy(id, slash + 1, KIST_ID_LENGTH);
    id[KIST_ID_LENGTH] = '\0';
    struct cell *cell = kist_id_parse(id, &seconds) ? find_cell(place, name, (size_t)(slash - name)) : NULL;
    if (cell && seconds > cell->newest)
        cell->newest = seconds;
    return 0;
}

/* In the thread of the destination. */
static int list_place(struct kist_target *target, void *arg, struct kist_error *err)
{
    const struct asking *asking = arg;
    struct place *place = &asking->places[target - asking->first];
    char *folder = kist_key_join(ROOT, place->count == 1 ? place->cells[0].name : "", NULL);
    int code = folder ? kist_store_list(target->store, folder, note_object, place, err)
                      : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    free(folder);
    if (place->unsound.code) {
        code = kist_error_move(err, &place->unsound);
        kist_error_prefix(err, "%s: the listing of the backups", target->store->where);
    }
    return code;
}

/* ---- who is asked for what ---- */

static struct place *place_of(struct asking *asking, const struct kist_config_section *section)
{
    size_t i = 0;
    while (i < asking->place_count && asking->places[i].section != section)
        i++;
    struct place *place = &asking->places[i];
    if (i < asking->place_count)
        return place;
    *place = (struct place){
        .section = section, .cells = calloc(asking->count, sizeof *place->cells), .unsound = KIST_ERROR_INIT};
    if (!place->cells)
        return NULL;
    asking->place_count++;
    return place;
}

static int arrange(struct asking *asking, struct kist_error *err)
{
    size_t most = 0;
    for (size_t i = 0; i < asking->count; i++)
        most += asking->rows[i].pipeline->destination_count;
    asking->places = calloc(most + 1, sizeof *asking->places);
    for (size_t i = 0; i < asking->count && asking->places; i++) {
        const struct kist_config_pipeline *pipeline = asking->rows[i].pipeline;
        asking->rows[i].newest = -1;
        asking->rows[i].silent = 0;
        for (size_t k = 0; k < pipeline->destination_count; k++) {
            struct place *place = place_of(asking, pipeline->destinations[k]);
            if (!place)
                return kist_fail(err, KIST_ERR_FAILED, "out of memory");
            place->cells[place->count++] = (struct cell){.name = pipeline->name, .row = i, .newest = -1};
        }
    }
    if (!asking->places)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    for (size_t i = 0; i < asking->place_count; i++)
        qsort(asking->places[i].cells, asking->places[i].count, sizeof(struct cell), compare_cells);
    return 0;
}

/* What the destinations said, or that they did not. */
static void collect(struct asking *asking, const struct kist_targets *targets)
{
    for (size_t i = 0; i < asking->place_count; i++) {
        const struct place *place = &asking->places[i];
        int silent = i >= targets->count || targets->items[i].err.code;
        if (silent && i < targets->count)
            kist_log_at(KIST_LOG_WARNING, NULL, &targets->items[i].err);
        for (size_t k = 0; k < place->count; k++) {
            struct kist_catalogs_row *row = &asking->rows[place->cells[k].row];
            row->silent |= silent;
            /* Also one that broke off has said what there is, though not what there is not. */
            if (place->cells[k].newest > row->newest)
                row->newest = place->cells[k].newest;
        }
    }
}

/* They are all asked as one pipeline that needs none of them. */
static int ask(struct asking *asking, int64_t limit_ms, struct kist_cancel *cancel, struct kist_error *err)
{
    size_t count = asking->place_count;
    struct kist_config_section *sections = calloc(count + 1, sizeof *sections);
    const struct kist_config_section **list = calloc(count + 1, sizeof *list);
    const struct kist_config_pipeline all = {.destinations = list, .destination_count = count};
    struct kist_targets targets = {0};
    for (size_t i = 0; i < count && sections && list; i++) {
        sections[i] = *asking->places[i].section;
        sections[i].retry.retries = sections[i].retry.retries > 0 ? 1 : 0;
        if (!sections[i].retry.deadline_ms || sections[i].retry.deadline_ms > limit_ms)
            sections[i].retry.deadline_ms = limit_ms;
        list[i] = &sections[i];
    }
    int code = sections && list ? kist_targets_open(&all, NULL, cancel, &targets, err)
                                : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    asking->first = targets.items;
    if (!code)
        code = kist_targets_step(&targets, list_place, asking, err);
    collect(asking, &targets);
    kist_targets_close(&targets);
    free(sections);
    free(list);
    return code;
}

int kist_catalogs_newest(struct kist_catalogs_row *rows, size_t count, int64_t limit_ms,
                         struct kist_cancel *cancel, struct kist_error *err)
{
    struct asking asking = {.rows = rows, .count = count};
    int code = count ? arrange(&asking, err) : 0;
    if (!code && asking.place_count)
        code = ask(&asking, limit_ms, cancel, err);
    for (size_t i = 0; i < asking.place_count; i++) {
        free(asking.places[i].cells);
        kist_error_done(&asking.places[i].unsound);
    }
    free(asking.places);
    return code;
}
