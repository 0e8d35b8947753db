#include "test_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* A test has nothing better to do than stop when something that is not under test goes wrong. */
static void need(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "test_filter: %s\n", what);
    abort();
}

static void resize(struct kist_test_bytes *bytes, size_t size)
{
    unsigned char *data = realloc(bytes->data, size ? size : 1);
    need(data != NULL, "out of memory");
    bytes->data = data;
    bytes->size = bytes->capacity = size;
}

void kist_test_bytes_free(struct kist_test_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct kist_test_bytes){.data = NULL};
}

void kist_test_append(struct kist_test_bytes *bytes, const void *data, size_t size)
{
    size_t before = bytes->size, after = before + size;
    int doubles = data && data == bytes->data;
    if (after > bytes->capacity || !bytes->data)
        resize(bytes, after > 2 * bytes->capacity ? after : 2 * bytes->capacity);
    if (size > 0)
        memcpy(bytes->data + before, doubles ? bytes->data : data, size);
    bytes->size = after;
}

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

void kist_test_noise(struct kist_test_bytes *bytes, size_t size, uint32_t seed)
{
    uint64_t state = seed;
    resize(bytes, size);
    for (size_t i = 0; i < size; i++)
        bytes->data[i] = (unsigned char)(next_random(&state) >> 7);
}

void kist_test_text(struct kist_test_bytes *bytes, size_t size, uint32_t seed)
{
    uint64_t state = seed;
    size_t used = 0;
    resize(bytes, size);
    while (used < size) {
        char line[96];
        int length = snprintf(line, sizeof line, "%u\tcustomer %u\t2026-11-%02u\t%s\\N\n", next_random(&state),
                              next_random(&state) % 1000, next_random(&state) % 30 + 1,
                              next_random(&state) % 3 ? "shipped\t" : "open\t");
        size_t part = (size_t)length < size - used ? (size_t)length : size - used;
        memcpy(bytes->data + used, line, part);
        used += part;
    }
}

/* The default of an option as a number: "1MiB", "-3". Enough for what filters declare. */
static int64_t default_number(const char *text)
{
    char *end = NULL;
    long long number = strtoll(text ? text : "0", &end, 10);
    if (strcmp(end, "KiB") == 0)
        number *= 1024;
    else if (strcmp(end, "MiB") == 0)
        number *= 1024 * 1024;
    else
        need(*end == '\0', "an option's default is no number");
    return number;
}

static const struct kist_test_change *find_change(const struct kist_test_change *changes, const char *name)
{
    for (; changes && changes->name; changes++)
        if (strcmp(changes->name, name) == 0)
            return changes;
    return NULL;
}

int kist_test_filter_open(const struct kist_filter *filter, const struct kist_host *host,
                          const struct kist_test_change *changes, void **ret_config, void **ret_self,
                          struct kist_error *err)
{
    unsigned char *config = calloc(1, filter->about.config_size ? filter->about.config_size : 1);
    need(config != NULL, "out of memory");
    for (const struct kist_option *option = filter->about.options; option && option->name; option++) {
        const struct kist_test_change *change = find_change(changes, option->name);
        if (option->type != KIST_TYPE_INTEGER && option->type != KIST_TYPE_SIZE)
            continue;
        int64_t number = change ? change->value : default_number(option->def);
        memcpy(config + option->offset, &number, sizeof number);
    }
    int code = filter->open(host, config, ret_self, err);
    if (code)
        free(config);
    else
        *ret_config = config;
    return code;
}

/* Says that the plugin broke its contract, as the plugin itself would through the host. */
static int broken(struct kist_error *err, const char *what)
{
    free(err->message);
    free(err->hint);
    *err = (struct kist_error){.struct_size = sizeof *err, .code = KIST_ERR_BUG, .message = strdup(what)};
    return KIST_ERR_BUG;
}

int kist_test_stream_begin(const struct kist_filter *filter, void *self, const void *data, size_t size,
                           struct kist_test_stream *ret_stream, struct kist_error *err)
{
    size_t block_size = (size_t)filter->block_size(self), room = (size_t)64 * 1024, written = 0;
    *ret_stream = (struct kist_test_stream){.filter = filter,
                                            .self = self,
                                            .encoder = self,
                                            .data = data,
                                            .size = size,
                                            .block_size = block_size,
                                            .count = size ? (size - 1) / block_size + 1 : 1};
    if (!filter->encode_begin)
        return 0;
    ret_stream->encoder = NULL;
    resize(&ret_stream->header, room);
    int code = filter->encode_begin(self, ret_stream->header.data, room, &written, &ret_stream->encoder, err);
    if (!code && written > room)
        code = broken(err, "encode_begin gave more than there was room for");
    ret_stream->header.size = code ? 0 : written;
    return code;
}

int kist_test_stream_encode(const struct kist_test_stream *stream, void *worker, size_t index,
                            struct kist_test_bytes *ret_encoded, struct kist_error *err)
{
    size_t start = index * stream->block_size, left = stream->size - start, written = 0;
    struct kist_block block = {.struct_size = sizeof block,
                               .last = index + 1 == stream->count,
                               .index = index,
                               .data = stream->data ? stream->data + start : NULL,
                               .size = left < stream->block_size ? left : stream->block_size};
    resize(ret_encoded, (size_t)stream->filter->encoded_bound(stream->self, block.size));
    int code = stream->filter->encode(worker, &block, ret_encoded->data, ret_encoded->size, &written, err);
    if (!code && written > ret_encoded->size)
        code = broken(err, "a block is larger than its bound");
    ret_encoded->size = code ? 0 : written;
    return code;
}

void kist_test_stream_end(struct kist_test_stream *stream)
{
    if (stream->filter && stream->filter->encode_end && stream->encoder)
        stream->filter->encode_end(stream->encoder);
    kist_test_bytes_free(&stream->header);
    *stream = (struct kist_test_stream){.filter = NULL};
}

int kist_test_filter_encode(const struct kist_filter *filter, void *self, const void *data, size_t size,
                            struct kist_test_bytes *ret_encoded, struct kist_error *err)
{
    struct kist_test_stream stream;
    struct kist_test_bytes block = {.data = NULL};
    void *worker = NULL;
    resize(ret_encoded, 0);
    int code = kist_test_stream_begin(filter, self, data, size, &stream, err);
    if (!code) {
        kist_test_append(ret_encoded, stream.header.data, stream.header.size);
        code = filter->worker_open(stream.encoder, &worker, err);
    }
    for (size_t i = 0; !code && i < stream.count; i++) {
        code = kist_test_stream_encode(&stream, worker, i, &block, err);
        kist_test_append(ret_encoded, block.data, block.size);
    }
    if (worker)
        filter->worker_close(worker);
    kist_test_stream_end(&stream);
    kist_test_bytes_free(&block);
    return code;
}

/* A call of `decode` on a copy of the input of just the right size and into just the room allowed, so that a
 * sanitizer sees every byte read or written outside. */
static int decode_piece(const struct kist_filter *filter, void *decoder, const unsigned char *data, size_t size,
                        size_t room, struct kist_test_bytes *decoded, size_t *ret_taken, size_t *ret_given,
                        struct kist_error *err)
{
    unsigned char *in = malloc(size ? size : 1), *out = malloc(room);
    need(in && out, "out of memory");
    if (size)
        memcpy(in, data, size);
    size_t taken = 0, given = 0;
    int code = filter->decode(decoder, in, size, &taken, out, room, &given, err);
    if (!code && (taken > size || given > room))
        code = broken(err, "decode took or gave more than there was");
    else if (!code && taken == 0 && given == 0 && size > 0)
        code = broken(err, "decode made no progress");
    if (!code) {
        kist_test_append(decoded, out, given);
        *ret_taken = taken;
        *ret_given = given;
    }
    free(in);
    free(out);
    return code;
}

int kist_test_filter_decode(const struct kist_filter *filter, void *self, const void *data, size_t size,
                            size_t piece, size_t room, struct kist_test_bytes *ret_decoded, struct kist_error *err)
{
    void *decoder = NULL;
    const unsigned char *next = data;
    resize(ret_decoded, 0);
    int code = filter->decode_begin(self, &decoder, err);
    if (code)
        return code;
    size_t taken = 0, given = 0;
    while (!code && size > 0) {
        code = decode_piece(filter, decoder, next, piece < size ? piece : size, room, ret_decoded, &taken, &given,
                            err);
        next += taken;
        size -= taken;
    }
    do {
        if (!code)
            code = decode_piece(filter, decoder, NULL, 0, room, ret_decoded, &taken, &given, err);
    } while (!code && given > 0);
    if (!code)
        code = filter->decode_finish(decoder, err);
    filter->decode_end(decoder);
    return code;
}

int kist_test_filter_refuses(const struct kist_filter *filter, void *self, const void *data, size_t size,
                             const char *because, struct kist_error *err)
{
    struct kist_test_bytes decoded = {.data = NULL};
    int code = kist_test_filter_decode(filter, self, data, size, 7, 100, &decoded, err);
    int refused = code == KIST_ERR_CORRUPT && err->code == code && err->message && strstr(err->message, because);
    if (!refused)
        fprintf(stderr, "%zu bytes gave %d and '%s', not KIST_ERR_CORRUPT and '%s'\n", size, code,
                code && err->message ? err->message : "", because);
    kist_test_bytes_free(&decoded);
    return refused;
}

static int memory_file(const char *name, const struct kist_test_bytes *content)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    need(fd >= 0, "memfd_create failed");
    for (size_t done = 0; content && done < content->size;) {
        ssize_t written = write(fd, content->data + done, content->size - done);
        need(written > 0, "write to a memory file failed");
        done += (size_t)written;
    }
    need(lseek(fd, 0, SEEK_SET) == 0, "lseek failed");
    return fd;
}

static void read_memory_file(int fd, struct kist_test_bytes *ret_content)
{
    struct stat info;
    need(fstat(fd, &info) == 0, "fstat failed");
    resize(ret_content, (size_t)info.st_size);
    for (size_t done = 0; done < ret_content->size;) {
        ssize_t got = pread(fd, ret_content->data + done, ret_content->size - done, (off_t)done);
        need(got > 0, "read from a memory file failed");
        done += (size_t)got;
    }
}

int kist_test_run(const char *const *argv, const struct kist_test_bytes *input, struct kist_test_bytes *ret_output)
{
    int in = memory_file("input", input), out = memory_file("output", NULL), status = 0;
    pid_t child = 0;
    posix_spawn_file_actions_t actions;
    need(posix_spawn_file_actions_init(&actions) == 0, "out of memory");
    need(posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO) == 0, "out of memory");
    need(posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO) == 0, "out of memory");
    need(posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) == 0,
         "out of memory");
    int result = posix_spawnp(&child, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (result == 0) {
        while (waitpid(child, &status, 0) < 0)
            need(errno == EINTR, "waitpid failed");
        read_memory_file(out, ret_output);
    }
    close(in);
    close(out);
    return result == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
