/* units.h - sizes, durations, numbers and switches: from the text of a person, and back. */
#ifndef KIST_CORE_UNITS_H
#define KIST_CORE_UNITS_H

#include "error.h"

/*
 * From text. Blanks around the text and between number and unit are fine; a sign (but for integers), a fraction,
 * an exponent, an unknown unit or a value that does not fit is KIST_ERR_CONFIG with a hint. The message quotes the
 * text.
 *
 * Sizes: "4096" (bytes), B; KiB MiB GiB TiB are powers of 1024; kB (or KB) MB GB TB are powers of 1000.
 * Durations: a whole number and its unit, always both: ms s m h d w.
 */
int kist_size_parse(const char *text, uint64_t *ret_bytes, struct kist_error *err) KIST_CHECKED;
int kist_duration_parse(const char *text, int64_t *ret_ms, struct kist_error *err) KIST_CHECKED;
int kist_integer_parse(const char *text, int64_t *ret_number, struct kist_error *err) KIST_CHECKED;
int kist_switch_parse(const char *text, uint32_t *ret_on, struct kist_error *err) KIST_CHECKED;

/* A short text by value: printf("%s", kist_size_show(n).text). */
struct kist_units_text {
    char text[40];
};

/* Exactly, in the form that the parsers take: "16MiB", "1GB", "4097"; "90m", "7d". */
struct kist_units_text kist_size_write(uint64_t bytes);
struct kist_units_text kist_duration_write(int64_t ms);

/* For people: "999 B", "12.3 MiB"; "250 ms", "12 s", "3 min 05 s", "1 h 02 min", "2 d 03 h"; "12.3 MiB/s" ("-"
 * when no time has passed). */
struct kist_units_text kist_size_show(uint64_t bytes);
struct kist_units_text kist_duration_show(int64_t ms);
struct kist_units_text kist_rate_show(uint64_t bytes, int64_t ms);
/* "10,000". */
struct kist_units_text kist_count_show(uint64_t count);

#endif
