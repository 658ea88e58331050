/*
 * Records: a C struct described by a static table of its fields.
 *
 * One table serves every reader and writer of a struct: JSON bodies and replies (infra/json), YAML
 * files (infra/config), database rows (infra/db), command-line options and table columns
 * (app/cli). The table says name, type, offset and what is allowed; the struct stays a plain
 * struct.
 *
 *     static const struct field customer_fields[] = {
 *         {"id", FIELD_TEXT, offsetof(struct customer, id)},
 *         {"vehicle_count", FIELD_INT, offsetof(struct customer, vehicle_count), .min = 0},
 *         FIELD_END,
 *     };
 *
 * Absent is a value: NULL text, INT_ABSENT numbers and times, -1 enums, NULL lists. record_clear()
 * sets every field absent. Texts, lists and JSON live in the arena given to whoever filled them.
 */
#ifndef WEBHOST_BASE_RECORD_H
#define WEBHOST_BASE_RECORD_H

#include "base/arena.h"
#include "base/err.h"

#define INT_ABSENT INT64_MIN

enum field_type {
    FIELD_TEXT,    /* const char * */
    FIELD_INT,     /* int64_t */
    FIELD_DECIMAL, /* decimal (int64_t, 1/10000) */
    FIELD_BOOL,    /* bool; absent is false */
    FIELD_TIME,    /* int64_t, microseconds since 1970 UTC; RFC 3339 text in JSON */
    FIELD_ENUM,    /* int; `names` lists the values in order from 0 */
    FIELD_TEXTS,   /* struct texts; stored as JSON text in a database */
    FIELD_JSON,    /* const char *, one JSON value as text */
    FIELD_OBJECT,  /* a nested struct described by `fields` */
    FIELD_OBJECTS, /* struct records of structs described by `fields`, each `item_size` bytes */
    FIELD_LAST,    /* ends a table */
};

struct texts {
    const char **items; /* NULL: absent. Non-NULL with count 0: given and empty */
    size_t count;
};

struct records {
    void *items; /* NULL: absent */
    size_t count;
};

/* Why a text is not acceptable ("must be ..."), or NULL. May return a literal only. */
typedef const char *field_check(const char *text);

struct field {
    const char *name;
    enum field_type type;
    size_t offset;
    bool required;
    int64_t min, max; /* FIELD_INT and FIELD_DECIMAL values, list lengths; both 0: no bound */
    size_t max_len;   /* FIELD_TEXT and each of FIELD_TEXTS; 0: FIELD_TEXT_LEN_DEFAULT bytes */
    field_check *check;
    const char *const
        *names; /* FIELD_ENUM; also the items allowed in FIELD_TEXTS; ends with NULL */
    const struct field *fields; /* FIELD_OBJECT, FIELD_OBJECTS */
    size_t item_size;           /* FIELD_OBJECTS */
    const char *help;           /* one line, for documentation */
};

#define FIELD_END                                                                                  \
    {                                                                                              \
        .name = NULL, .type = FIELD_LAST                                                           \
    }
#define FIELD_TEXT_LEN_DEFAULT 1024

/* Sets every field of the struct absent. */
void record_clear(const struct field *fields, void *record);

/* The entry of that name, or NULL. */
const struct field *record_field(const struct field *fields, struct str name);

static inline void *record_at(const void *record, const struct field *f)
{
    return (char *)(uintptr_t)record + f->offset;
}

/* The index of `text` in the NULL-terminated `names`, or -1. */
int enum_from_text(const char *const *names, struct str text);

/*
 * What was wrong with an input, all of it: one entry for each mistake, bounded.
 */
#define PROBLEMS_MAX 100

struct problem {
    const char *path; /* "profile_overrides.budget", "rules[2].add"; "" for the whole */
    size_t line;      /* 1-based in the source file; 0 when the source has no lines */
    const char *text; /* "must be ..."; completes a sentence that starts with the path */
};

struct problems {
    struct arena *arena; /* holds the texts; set by the owner */
    struct problem items[PROBLEMS_MAX];
    size_t count;   /* at most PROBLEMS_MAX */
    size_t dropped; /* further mistakes that were not kept */
};

void problem_add(struct problems *p, const char *path, size_t line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Joins all problems into one ERR_INVALID sentence "path: text; path: text". */
enum err problems_error(const struct problems *p, struct error *e);

#endif
