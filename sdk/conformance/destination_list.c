/* destination_list.c - a listing is complete and has nothing else, or it is an error. */
#include "destination_cases.h"

#include <stdlib.h>
#include <string.h>

/* Numbers are made by workers; `arg` is the first one. */
static int put_number(struct trial *t, size_t number, const void *arg)
{
    char *key = strdup(trial_key(t, "many/%05zu", number + *(const size_t *)arg));
    int rc = trial_put(t, key, 1, 1);
    free(key);
    return rc;
}

static int list_empty(struct trial *t)
{
    EXPECT(t, trial_lists(t, trial_key(t, "nothing/here/"), 0), "an empty folder gives %zu objects, or an error",
           t->found.count);
    EXPECT(t, trial_lists(t, t->suite->prefix, 0), "an empty store gives %zu objects, or an error",
           t->found.count);
    EXPECT(t, trial_put(t, trial_key(t, "folder/object"), 1, 1) == 0, "put failed");
    EXPECT(t, trial_remove(t, trial_key(t, "folder/object")) == 0, "remove failed");
    EXPECT(t, trial_lists(t, trial_key(t, "folder/"), 0), "a folder that is empty again gives %zu objects",
           t->found.count);
    return 0;
}

static int list_pages(struct trial *t)
{
    static const size_t counts[] = {1, 999, 1000, 1001, 2500};
    size_t made = 0;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int rc = trial_each(t, counts[i] - made, put_number, &made);
        EXPECT(t, rc == 0, "one of %zu puts gave %d", counts[i] - made, rc);
        made = counts[i];
        rc = trial_list(t, trial_key(t, "many/"));
        EXPECT(t, rc == 0 && t->found.count == made && t->found.doubles == 0,
               "list gave %zu objects, %zu of them twice, of %zu (result %d)", t->found.count, t->found.doubles,
               made, rc);
    }
    for (size_t i = 0; i < made; i++)
        EXPECT(t, trial_found(t, trial_key(t, "many/%05zu", i)), "object %zu is not listed", i);
    return 0;
}

static int put_all(struct trial *t, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        EXPECT(t, trial_put(t, trial_key(t, "%s", names[i]), (unsigned)i, i) == 0, "put '%s' failed", names[i]);
    return 0;
}

static int list_siblings(struct trial *t)
{
    static const char *const names[] = {"s/a/x", "s/a/b/y", "s/ab/x", "s/a.txt", "s/a0", "s/b", "sa", "t/s/a/z"};
    if (put_all(t, names, sizeof names / sizeof *names) != 0)
        return -1;
    EXPECT(t, trial_list(t, trial_key(t, "s/a/")) == 0, "list failed");
    EXPECT(t, trial_found(t, trial_key(t, "s/a/x")) && trial_found(t, trial_key(t, "s/a/b/y")),
           "list lacks an object of the folder");
    EXPECT(t, t->found.count == 2, "list gave %zu objects of a folder that has 2", t->found.count);
    return 0;
}

static int list_string_prefix(struct trial *t)
{
    static const char *const names[] = {"run/1", "run-2/1", "run2/1", "runs/1", "ru"};
    if (put_all(t, names, sizeof names / sizeof *names) != 0)
        return -1;
    EXPECT(t, trial_lists(t, trial_key(t, "run/"), 1) && trial_found(t, trial_key(t, "run/1")),
           "list of 'run/' gave %zu objects: folders whose name begins with 'run' are others", t->found.count);
    EXPECT(t, trial_lists(t, trial_key(t, "runs/"), 1), "list of 'runs/' gave %zu objects", t->found.count);
    return 0;
}

static int list_no_folder(struct trial *t)
{
    static const char *const names[] = {"f/object", "f/other"};
    if (put_all(t, names, 2) != 0)
        return -1;
    EXPECT(t, trial_lists(t, trial_key(t, "f/object/"), 0), "an object was listed as a folder of %zu objects",
           t->found.count);
    EXPECT(t, trial_lists(t, trial_key(t, "f/obj/"), 0), "half a name was listed as a folder of %zu objects",
           t->found.count);
    return 0;
}

static int list_nested(struct trial *t)
{
    static const char *const names[] = {"n/1", "n/a/2", "n/a/b/3", "n/a/b/c/4", "n/a/b/c/5", "n/z/a/6"};
    if (put_all(t, names, 6) != 0)
        return -1;
    EXPECT(t, trial_lists(t, trial_key(t, "n/"), 6),
           "list gave %zu of 6 objects in folders within folders, and no folder is an object", t->found.count);
    EXPECT(t, trial_lists(t, trial_key(t, "n/a/b/"), 3), "list of an inner folder gave %zu of 3", t->found.count);
    return 0;
}

static int list_after_remove(struct trial *t)
{
    static const char *const names[] = {"r/1", "r/2", "r/3", "r/in/4"};
    if (put_all(t, names, 4) != 0)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        EXPECT(t, trial_remove(t, trial_key(t, "%s", names[i])) == 0, "remove failed");
        EXPECT(t, trial_lists(t, trial_key(t, "r/"), 3 - i), "list gives %zu objects after a remove, not %zu",
               t->found.count, 3 - i);
    }
    return 0;
}

static int list_stops(struct trial *t)
{
    for (int i = 0; i < 5; i++)
        EXPECT(t, trial_put(t, trial_key(t, "stop/%d", i), 1, 1) == 0, "put failed");
    t->found.stop_at = 2;
    int rc = trial_list(t, trial_key(t, "stop/"));
    t->found.stop_at = 0;
    EXPECT(t, rc == TRIAL_STOP, "the receiver's result %d became %d", TRIAL_STOP, rc);
    EXPECT(t, t->found.count == 2, "the receiver got %zu more objects after it had ended the listing",
           t->found.count - 2);
    EXPECT(t, trial_lists(t, trial_key(t, "stop/"), 5), "the next listing gave %zu objects, not 5",
           t->found.count);
    return 0;
}

struct search {
    const char *key;
    int seen;
};

static int find_one(void *arg, const struct kist_object *object)
{
    struct search *search = arg;
    search->seen = object->key && strcmp(object->key, search->key) == 0;
    return search->seen ? TRIAL_STOP : 0;
}

static int list_whole(struct trial *t)
{
    struct search search = {.key = trial_key(t, "whole/object")};
    EXPECT(t, trial_put(t, search.key, 1, 1) == 0, "put failed");
    case_clear(&t->err);
    int rc = t->plugin->list(t->self, "", find_one, &search, &t->err);
    EXPECT(t, search.seen && rc == TRIAL_STOP, "list of everything gave %d and lacks an object", rc);
    return 0;
}

const struct destination_case destination_list_cases[] = {
    {"list-empty", "an empty store or folder gives none and is no error", list_empty, 0},
    {"list-pages", "list gives every object once, all pages: of 1, 999, 1000, 1001 and 2500", list_pages, KEEPS},
    {"list-siblings", "list gives what is in the folder and nothing beside it", list_siblings, KEEPS},
    {"list-string-prefix", "a folder is not every folder that begins with its name", list_string_prefix, KEEPS},
    {"list-no-folder", "an object is no folder", list_no_folder, KEEPS},
    {"list-nested", "list gives objects of all levels, and no folders", list_nested, KEEPS},
    {"list-after-remove", "what was removed is not listed", list_after_remove, KEEPS},
    {"list-stops", "a result other than 0 of the receiver ends the listing, which returns it", list_stops, KEEPS},
    {"list-whole", "the empty prefix is the whole store", list_whole, KEEPS},
    {.name = NULL},
};
