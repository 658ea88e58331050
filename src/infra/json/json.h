/*
 * JSON in and out through record tables (base/record.h); the only code that names jansson.
 *
 * Reading refuses what a strict API should: duplicate keys, unknown keys (each named, with the
 * nearest known one when it looks like a typing mistake), wrong types, values out of bounds, NUL in
 * text, depth over 32. All mistakes of one body are reported together.
 *
 * `struct json` is a value; json_null-tolerant getters keep callers short. Values are reference
 * counted by jansson and freed by whoever made them (`_cleanup_json_`).
 */
#ifndef WEBHOST_INFRA_JSON_JSON_H
#define WEBHOST_INFRA_JSON_JSON_H

#include "base/buf.h"
#include "base/record.h"

#include <jansson.h>

static inline void json_cleanup(json_t **value)
{
    json_decref(*value);
}

#define _cleanup_json_ __attribute__((cleanup(json_cleanup)))

#define JSON_DEPTH_MAX 32

/*
 * Parses one JSON value and nothing after it. The error names line and column and quotes at most a
 * few characters of the input.
 */
enum err json_parse(struct str text, json_t **ret_value, struct error *e);

/*
 * Where a value stood in its source. A YAML file supplies one so that problems have line numbers
 * and plain scalars, which arrive as text, are read as the type that the field wants.
 */
struct json_source {
    size_t (*line_of)(const struct json_source *self, const json_t *value);
};

/*
 * Fills `record` from a JSON object. Fields that are not in the object (or are null) keep what
 * `record` holds: call record_clear() first for "absent", or put defaults there. Every mistake is
 * added to `problems`; returns true when there were none. `path` prefixes the field names ("" at
 * the top). `source` is NULL for JSON.
 */
bool json_decode(const struct field *fields, json_t *object, const char *path,
                 const struct json_source *source, struct arena *arena, void *record,
                 struct problems *problems);

/* json_parse() of a body, then json_decode(): what a handler and a worker's arguments need. */
enum err json_decode_text(const struct field *fields, struct str text, struct arena *arena,
                          void *record, struct problems *problems, struct error *e);

/*
 * The record as an object, absent fields as null (or left out with JSON_OMIT_ABSENT), times as RFC
 * 3339, decimals as exact JSON numbers. Fields in table order.
 */
enum { JSON_KEEP_ABSENT = 0, JSON_OMIT_ABSENT = 1 };
json_t *json_encode(const struct field *fields, const void *record, int flags);
json_t *json_encode_list(const struct field *fields, struct records records, size_t item_size,
                         int flags);

/*
 * A decimal as a JSON number that prints exactly: 0.9, 12.5, 30.0. Exact up to 15 significant
 * digits, which is 100 billion with four decimal places; larger whole numbers print as integers.
 */
json_t *json_decimal(int64_t value);

/*
 * A JSON string of text from anywhere. NULL gives null. jansson refuses text that is not UTF-8 (a
 * peer's error message cut in the middle of a character): such text keeps its ASCII, and every
 * other byte becomes '?'.
 */
json_t *json_from_text(const char *text);

/* Compact text in the arena. Key order as inserted. */
char *json_text(const json_t *value, struct arena *arena);

/* Appends to a buffer; `indent` 0 is compact. False when the buffer is full. */
bool json_write(const json_t *value, size_t indent, struct buf *out);

/*
 * The one text that a value has: compact, members sorted by name, at any depth. What is hashed or
 * signed is this, and not how somebody happened to write it. In pieces, as they come.
 */
void json_feed_sorted(const json_t *value, void (*feed)(void *ctx, struct str bytes), void *ctx);

/* Getters for replies of other services: NULL / INT_ABSENT when missing or of another type. */
const char *json_get_text(const json_t *object, const char *key);
int64_t json_get_int(const json_t *object, const char *key);
bool json_get_bool(const json_t *object, const char *key);

#endif
