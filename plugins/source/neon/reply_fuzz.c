/* Any bytes as a reply: no crash, nothing given of what is refused, and what is given is fit for a URL and a message. */
#include "neon.h"
#include "test_host.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
    if (!truth)
        abort();
}

static void expect_name(const char *name)
{
    expect(neon_name_is_sound(name));
}

static void expect_word(const char *word, size_t size)
{
    expect(strnlen(word, size) < size);
    for (; *word; word++)
        expect(*word > ' ' && *word < 0x7f);
}

static void try_branch(struct kist_test_host *test, const json_t *json)
{
    struct neon_branch branch;
    if (neon_read_branch(&test->host, json, &branch, &test->err) != 0)
        return;
    expect(neon_id_is_sound(branch.id) && (!*branch.parent_id || neon_id_is_sound(branch.parent_id)));
    expect_name(branch.name);
    expect_word(branch.state, sizeof branch.state);
    expect(branch.time_ms >= 0 && branch.created_ms >= 0 && branch.expires_ms >= 0 && branch.logical_size >= -1);
    char *item = neon_item_name(branch.name, "branch");
    expect(item && !strchr(item, '/') && *item != '.');
    free(item);
}

static void try_others(struct kist_test_host *test, const json_t *json)
{
    struct neon_snapshot snapshot;
    struct neon_operation operation;
    struct neon_endpoint endpoint;
    struct neon_project project;
    if (neon_read_snapshot(&test->host, json, &snapshot, &test->err) == 0) {
        expect(neon_id_is_sound(snapshot.id) && snapshot.size >= -1);
        expect_name(snapshot.name);
    }
    if (neon_read_operation(&test->host, json, &operation, &test->err) == 0) {
        expect(neon_id_is_sound(operation.id) && *operation.status);
        expect_word(operation.status, sizeof operation.status);
        expect(strnlen(operation.error, sizeof operation.error) < sizeof operation.error);
    }
    if (neon_read_endpoint(&test->host, json, &endpoint, &test->err) == 0) {
        expect(neon_id_is_sound(endpoint.id));
        expect_word(endpoint.host, sizeof endpoint.host);
    }
    if (neon_read_project(&test->host, json, &project, &test->err) == 0) {
        expect_word(project.region, sizeof project.region);
        expect(project.history_ms >= -1);
    }
}

static void try_all(struct kist_test_host *test, const json_t *json)
{
    try_branch(test, json);
    try_others(test, json);
}

static void try_lists(struct kist_test_host *test, const json_t *reply)
{
    static const char *const names[] = {"branches", "snapshots", "operations", "endpoints"};
    const char *cursor = neon_read_cursor(reply);
    expect(!cursor || *cursor);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *list = neon_read_list(&test->host, reply, names[i], &test->err);
        for (size_t j = 0; j < json_array_size(list); j++)
            try_all(test, json_array_get(list, j));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"branch", "snapshot", "operation", "project"};
    struct kist_test_host test;
    json_t *reply = NULL;
    expect(kist_test_host_init(&test) == 0);
    if (kist_json_load(&test.host, (const char *)data, size, &reply, &test.err) == 0) {
        try_all(&test, reply);
        try_lists(&test, reply);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            try_all(&test, json_object_get(reply, names[i]));
    }
    json_decref(reply);
    kist_test_host_done(&test);
    return 0;
}
