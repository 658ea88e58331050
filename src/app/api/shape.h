/*
 * Shapes: what the JSON objects of replies are made of, for those who read about them (openapi.h)
 * and for the test that holds every reply against its shape.
 *
 * Most of an object comes from a record table (base/record.h), so a shape names the table, what of
 * it stays inside, and what is put beside it:
 *
 *     const struct shape reply_host_shown = {
 *         .name = "HostShown", .base = &reply_host, .parts = PARTS({"tenants", PART_LIST, ...})};
 *
 * A field that is `required` in its table is never null in a reply. Shapes are constants.
 */
#ifndef WEBHOST_APP_API_SHAPE_H
#define WEBHOST_APP_API_SHAPE_H

#include "infra/json/json.h"

enum part_kind { PART_OBJECT, PART_OBJECT_OR_NULL, PART_LIST };

/* A member that is an object, or a list of objects, with a shape of its own. */
struct part {
    const char *name;
    enum part_kind kind;
    const struct shape *shape;
    const char *help;
};

struct shape {
    const char *name;           /* of its schema; NULL: written out where it is used */
    const char *help;           /* one sentence; of a named shape never NULL */
    const struct shape *base;   /* whose members it has too; NULL: none */
    const struct field *fields; /* a record table; NULL: none */
    const char *const *only, *const *without; /* of the table; end with NULL. NULL: all, none */
    const struct field *more;                 /* members of simple types that no record has */
    const struct part *parts;                 /* ends with name NULL */
    bool sparse;                              /* what is absent is left out and not null */
};

#define PARTS(...)                                                                                 \
    (const struct part[])                                                                          \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            NULL                                                                                   \
        }                                                                                          \
    }

/*
 * The JSON Schema (2020-12) of a shape's object; shapes with names are put into `schemas`, which
 * has the named ones so far, and referred to.
 */
json_t *shape_schema(const struct shape *shape, json_t *schemas);

/* Of a request's body: closed, and only what is required is required. */
json_t *body_schema(const struct field *fields);

/* Of one value: a parameter, or a member that is never null when `f` is required. */
json_t *field_schema(const struct field *f);

#endif
