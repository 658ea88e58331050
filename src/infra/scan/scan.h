/*
 * Reads many small JSON objects fast: simdjson's on-demand parser, behind C.
 *
 * A scanner knows the names of the members that its owner wants, of the objects themselves and of
 * one object inside of them. Each object's members are handed over as values, all in one call, and
 * nothing is kept: texts are views into the input, or into the scanner when they had escapes, and
 * end with the call.
 *
 * simdjson on demand does not look at what it is not asked for, so everything is visited here,
 * wanted or not: what is handed over comes from well-formed JSON in valid UTF-8.
 *
 * A line of NDJSON that is no JSON has its fault and the next line is read: each line is a document
 * of its own, since a parser of the whole could not tell where a broken one ends.
 *
 * One thread at a time. The input must be readable, not necessarily meaningful, for SCAN_PADDING
 * bytes behind its end.
 */
#ifndef WEBHOST_INFRA_SCAN_SCAN_H
#define WEBHOST_INFRA_SCAN_SCAN_H

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SCAN_PADDING     64
#define SCAN_MEMBERS_MAX 32
#define SCAN_DEPTH_MAX   16                /* of objects and lists within an object */
#define SCAN_LINE_MAX    ((size_t)1 << 20) /* bytes of a line of NDJSON */

enum scan_type {
    SCAN_NULL,
    SCAN_BOOL,
    SCAN_WHOLE, /* a number without fraction and exponent that fits into 64 bits */
    SCAN_REAL,
    SCAN_TEXT,
    SCAN_OTHER, /* an object or a list */
};

struct scan_value {
    enum scan_type type;
    int64_t whole; /* SCAN_WHOLE */
    double real;   /* SCAN_WHOLE and SCAN_REAL */
    struct str text;
};

struct scan_names {
    const char *const *outer; /* ends with NULL */
    const char *inner_of;     /* the member that is the object inside; not in `outer` */
    const char *const *inner; /* ends with NULL */
};

struct scan_object {
    size_t index;      /* from 0 */
    const char *fault; /* NULL: it is well-formed. Else nothing below is to be looked at */
    uint32_t given;    /* bit n: member n is there; the inner ones count on behind the outer ones */
    const struct scan_value *values;
    bool inner_given;       /* `inner_of` is there, and is an object */
    struct str twice;       /* the name of a member that is there twice; empty: none is */
    struct str inner_other; /* the first inner member of another name; empty: there is none */
};

/* Takes an object; false stops the scan. */
typedef bool scan_taker(const struct scan_object *object, void *arg);

struct scanner;

/* The names must outlive it. */
struct scanner *scanner_new(const struct scan_names *names);
void scanner_free(struct scanner *scanner); /* NULL is fine */

/*
 * One object; a list of objects; one object on each line. What is wrong with the whole is returned,
 * to complete a sentence that starts with "the body" ("is not JSON: ..."), or NULL; objects in
 * front of a list's fault were handed over by then.
 */
const char *scan_one(struct scanner *scanner, struct str text, scan_taker *take, void *arg);
const char *scan_list(struct scanner *scanner, struct str text, scan_taker *take, void *arg);
const char *scan_lines(struct scanner *scanner, struct str text, scan_taker *take, void *arg);

#ifdef __cplusplus
}
#endif

#endif
