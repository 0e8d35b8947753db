/* age_header.h - the header of a file, read line by line as it comes, and written. */
#ifndef KIST_AGE_HEADER_H
#define KIST_AGE_HEADER_H

#include "age_filter.h"

enum kist_age_stanza_kind {
    KIST_AGE_X25519,
    KIST_AGE_SCRYPT,
    KIST_AGE_OTHER, /* not known, and passed over */
};

struct kist_age_stanza {
    enum kist_age_stanza_kind kind;
    unsigned work_factor;              /* scrypt */
    unsigned char share[AGE_KEY_SIZE]; /* X25519: a point; scrypt: AGE_SALT_SIZE bytes of salt */
    unsigned char body[AGE_BODY_SIZE]; /* the file key, wrapped */
};

struct kist_age_header {
    char *text; /* all of it so far */
    size_t size, room;
    size_t line_start;               /* of the line that did not end yet */
    size_t line_count;               /* lines that did */
    int in_body;                     /* the next line belongs to the body of the last stanza */
    size_t body_size;                /* bytes of that body */
    struct kist_age_stanza *stanzas; /* of the known kinds */
    size_t stanza_count, stanza_room;
    size_t others;               /* stanzas of other kinds */
    struct kist_age_stanza last; /* the one that is being read */
    size_t mac_size;             /* bytes at the start of `text` that the MAC is about */
    unsigned char mac[AGE_MAC_SIZE];
    int complete;
};

/* Takes bytes up to the end of the header at most, and says how many. Returns 0, KIST_ERR_FAILED without memory, or
 * KIST_ERR_CORRUPT and what is wrong, in words that follow "age header is damaged in line N: ". */
int kist_age_header_read(struct kist_age_header *header, const char *data, size_t size, size_t *ret_taken,
                         const char **ret_wrong);
void kist_age_header_done(struct kist_age_header *header);

/* header_line.c: one line of a header after the first, without its end. Returns what is wrong, or NULL. */
const char *kist_age_header_line(struct kist_age_header *header, const char *line, size_t length);
/* Whether the stanza `header->last`, whose body is complete, can go into the header; it stays there. */
const char *kist_age_header_add(struct kist_age_header *header);

/* unlock.c: finds the file key with what the instance has. KIST_ERR_CORRUPT if nothing fits, or the header was changed;
 * KIST_ERR_REFUSED if it takes more memory than is allowed. */
int kist_age_unlock(const struct kist_age *age, const struct kist_age_header *header, unsigned char *ret_file_key,
                    struct kist_error *err) KIST_CHECKED;

/* header_write.c: a header for all recipients, or the passphrase. */
int kist_age_header_write(const struct kist_age *age, const unsigned char *file_key, char *out, size_t capacity,
                          size_t *ret_size, struct kist_error *err) KIST_CHECKED;

#endif
