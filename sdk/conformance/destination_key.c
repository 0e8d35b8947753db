/* destination_key.c - a key is UTF-8 and comes back as it was given. A case for each kind of trouble, so that the report
 * says which it is. */
#include "destination_cases.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_OF(i) (10 + (uint64_t)(i))

/* Puts an object under each name; then all are there, listed under their names, and can be removed one by one. */
static int keeps_names(struct trial *t, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int rc = trial_put(t, trial_key(t, "n/%s", names[i]), (unsigned)i, SIZE_OF(i));
        EXPECT(t, rc == 0, "name '%s' was refused with %d", names[i], rc);
    }
    for (size_t i = 0; i < count; i++)
        EXPECT(t, trial_holds(t, trial_key(t, "n/%s", names[i]), (unsigned)i, SIZE_OF(i)),
               "object '%s' did not come back", names[i]);
    EXPECT(t, trial_list(t, trial_key(t, "n/")) == 0, "list failed");
    for (size_t i = 0; i < count; i++)
        EXPECT(t, trial_found(t, trial_key(t, "n/%s", names[i])), "object '%s' is not listed under its name",
               names[i]);
    EXPECT(t, t->found.count == count, "list gave %zu objects, not %zu", t->found.count, count);
    for (size_t i = 0; i < count; i++) {
        EXPECT(t, trial_remove(t, trial_key(t, "n/%s", names[i])) == 0, "object '%s' cannot be removed", names[i]);
        EXPECT(t, trial_absent(t, trial_key(t, "n/%s", names[i])), "object '%s' is there after remove", names[i]);
    }
    return 0;
}

#define NAMES(function, ...)                                                                                      \
    static int function(struct trial *t)                                                                          \
    {                                                                                                             \
        static const char *const names[] = {__VA_ARGS__};                                                         \
        return keeps_names(t, names, sizeof names / sizeof *names);                                               \
    }

NAMES(with_spaces, "with space", "two  spaces", "a b/c d")
NAMES(with_blank_ends, " leading", "trailing ", " both ", "folder /x", " folder/x")
NAMES(with_percent, "percent%20", "percent 20", "%", "%2F", "a%2Fb", "%00", "%%s")
NAMES(with_plus, "plus+and", "plus and", "1+1=2", "plus%2Band")
NAMES(with_quotes, "quote'single", "double\"quote", "back`tick`", "''")
NAMES(with_backslash, "back\\slash", "back\\\\slash", "\\", "a\\nb")
NAMES(with_controls, "new\nline", "tab\ttab", "escape\033[31m", "carriage\rreturn", "bell\007", "del\177")
NAMES(with_reserved, "what?query", "hash#tag", "a&b;c=d", "a:b@c", "<x>", "a|b", "a,b", "{x}^~", "!$*()",
      "a&amp;b")
NAMES(with_brackets, "*", "[a]", "?", "a*", "[!a]", "$HOME", "~", "-dash", "--", "@", "con", "nul.txt")
NAMES(with_dots, ".hidden", "...", "a..b", "..a", "a.", "a..", ".a/b", "c./b", ".....")
NAMES(with_letters, "\xc3\xa9t\xc3\xa9", "\xe6\x97\xa5\xe6\x9c\xac", "\xd7\xa2\xd7\x91\xd7\xa8\xd7\x99\xd7\xaa",
      "\xc3\x9f", "ss",
      "\xe2\x80\x8b"
      "zero width",
      "\xc2\xa0no-break")
/* The same letter, composed and not: they are different keys. */
NAMES(with_forms, "\xc3\xa9", "e\xcc\x81", "caf\xc3\xa9", "cafe\xcc\x81")
NAMES(with_emoji, "\xf0\x9f\x93\xa6", "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80", "a\xf0\x9f\x92\xbe.bin")
NAMES(with_case, "UPPER", "upper", "Upper", "\xc3\x89", "\xc3\xa9")
NAMES(with_digits, "1", "01", "1.0", "0x1", "-1", "00001")

static int component_255(struct trial *t)
{
    char name[256];
    memset(name, 'x', 255);
    name[255] = '\0';
    return keeps_names(t, (const char *const[]){name}, 1);
}

static int long_key(struct trial *t)
{
    char name[901];
    memset(name, 'k', 900);
    for (size_t i = 200; i < 900; i += 200)
        name[i] = '/';
    name[900] = '\0';
    return keeps_names(t, (const char *const[]){name}, 1);
}

static int deep_key(struct trial *t)
{
    char path[400] = "";
    for (size_t i = 0; i < 60; i++)
        memcpy(path + 6 * i, "depth/", 7);
    memcpy(path + 360, "end", 4);
    return keeps_names(t, (const char *const[]){path}, 1);
}

/* Puts `first`, then `second`, one of which is a folder of the other. Returns 1 when the store cannot hold both. */
static int both(struct trial *t, const char *first, const char *second)
{
    EXPECT(t, trial_put(t, first, 1, 10) == 0, "put failed");
    int rc = trial_put(t, second, 2, 20);
    EXPECT(t, trial_holds(t, first, 1, 10), "an object was changed by one below or above it");
    if (rc != 0) {
        EXPECT(t, trial_absent(t, second), "an object that was refused with %d is there", rc);
        return 1;
    }
    EXPECT(t, trial_holds(t, second, 2, 20), "an object below or above another did not come back");
    EXPECT(t, trial_list(t, t->suite->prefix) == 0 && trial_found(t, first) && trial_found(t, second),
           "list lacks an object below or above another");
    EXPECT(t, trial_remove(t, first) == 0 && trial_holds(t, second, 2, 20), "remove took another object with it");
    return 0;
}

static int object_and_folder(struct trial *t)
{
    int below = both(t, trial_key(t, "a"), trial_key(t, "a/b"));
    int above = below < 0 ? -1 : both(t, trial_key(t, "c/d"), trial_key(t, "c"));
    if (below < 0 || above < 0)
        return -1;
    return below || above ? trial_skip(t, "the store cannot hold both an object 'a' and an object 'a/b'") : 0;
}

/* The core never passes such keys on; a plugin that gets one refuses it or takes it literally, but maps it to nothing
 * else. */
static int bad_keys(struct trial *t)
{
    static const char *const tails[] = {"",    "/a",  "a/",    "a//b",   ".",    "..",
                                        "./a", "a/.", "a/./b", "a/../b", "a/..", "../a"};
    EXPECT(t, trial_put(t, trial_key(t, "b"), 1, 10) == 0, "put failed");
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        const char *key = trial_key(t, "%s", tails[i]);
        if (trial_put(t, key, 2, 20) != 0)
            continue;
        EXPECT(t, trial_holds(t, key, 2, 20), "'%s' was accepted, but is not there", key);
        EXPECT(t, trial_remove(t, key) == 0, "'%s' was accepted, but cannot be removed", key);
    }
    EXPECT(t, trial_lists(t, t->suite->prefix, 1) && trial_found(t, trial_key(t, "b")),
           "keys that are none became other objects");
    EXPECT(t, trial_holds(t, trial_key(t, "b"), 1, 10), "a key that is none changed another object");
    return 0;
}

const struct destination_case destination_key_cases[] = {
    {"key-spaces", "a key may have blanks", with_spaces, KEEPS},
    {"key-blank-ends", "a name may begin and end with blanks", with_blank_ends, KEEPS},
    {"key-percent", "a key is not decoded: %20 is no blank", with_percent, KEEPS},
    {"key-plus", "a plus sign is no blank", with_plus, KEEPS},
    {"key-quotes", "a key may have quotes", with_quotes, KEEPS},
    {"key-backslash", "a backslash is a character as others", with_backslash, KEEPS},
    {"key-controls", "a key may have control characters", with_controls, KEEPS},
    {"key-reserved", "a key may have what URLs and XML reserve", with_reserved, KEEPS},
    {"key-wildcards", "a key may have what shells expand", with_brackets, KEEPS},
    {"key-dots", "a name may have dots, as long as it is not '.' or '..'", with_dots, KEEPS},
    {"key-unicode", "a key may have letters of any script", with_letters, KEEPS},
    {"key-normal-forms", "two spellings of a letter are two keys", with_forms, KEEPS},
    {"key-emoji", "a key may have characters of four bytes", with_emoji, KEEPS},
    {"key-case", "upper and lower case are different keys", with_case, KEEPS},
    {"key-digits", "a key that looks like a number is a text", with_digits, KEEPS},
    {"key-255", "a name may have 255 bytes", component_255, KEEPS},
    {"key-900", "a key may have 900 bytes", long_key, KEEPS},
    {"key-deep", "a key may have many parts", deep_key, KEEPS},
    {"key-and-folder", "an object beside a folder of that name: both, or an error", object_and_folder, KEEPS},
    {"bad-keys", "what is no key is never mapped to something else", bad_keys, KEEPS},
    {.name = NULL},
};
