/* flaky_scene.h - an opened store over flaky.h, for the tests of store.h; included by those alone. */
#ifndef KIST_TEST_FLAKY_SCENE_H
#define KIST_TEST_FLAKY_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flaky.h"

struct scene {
    struct flaky flaky;
    struct kist_plugin plugin;
    struct kist_config_section section;
    struct kist_store *store;
    struct kist_error err;
};

static inline void init(struct scene *scene, uint64_t features)
{
    memset(scene, 0, sizeof *scene);
    scene->err = (struct kist_error)KIST_ERROR_INIT;
    fake_disk_init(&scene->flaky.disk);
    scene->plugin = flaky_plugin(features);
    scene->section = fake_section(&scene->plugin, "far", &scene->flaky);
    scene->section.prefix = "p";
    scene->section.retry = (struct kist_retry_policy){.retries = 3, .delay_ms = 1, .deadline_ms = 60000};
    assert_int_equal(kist_store_open(&scene->section, "shop", NULL, &scene->store, &scene->err), 0);
}

static inline void done(struct scene *scene)
{
    kist_store_close(scene->store);
    assert_int_equal(scene->flaky.disk.readers, 0);
    fake_disk_done(&scene->flaky.disk);
    kist_error_done(&scene->err);
}

static inline int note(void *arg, const struct kist_object *object)
{
    char *all = arg;
    strcat(all, object->key);
    strcat(all, " ");
    return 0;
}

#endif
