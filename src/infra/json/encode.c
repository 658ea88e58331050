#include "infra/json/json.h"

#include "base/clock.h"
#include "base/decimal.h"

/* 15 digits print every decimal of our range as it was written: 0.9, never 0.90000000000000002. */
#define DUMP_FLAGS (JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

json_t *json_decimal(int64_t value)
{
    const int64_t exact = INT64_C(1000000000000000); /* 15 digits */
    json_t *number = (value >= exact || value <= -exact) && value % DECIMAL_ONE == 0
                         ? json_integer(value / DECIMAL_ONE)
                         : json_real((double)value / DECIMAL_ONE);
    BUG_ON(!number);
    return number;
}

json_t *json_from_text(const char *text)
{
    if (!text)
        return json_null();
    json_t *string = json_string(text);
    if (string)
        return string;
    _cleanup_arena_ struct arena a = {0};
    char *ascii = arena_text(&a, text);
    for (char *p = ascii; *p; p++) {
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    }
    string = json_string(ascii);
    BUG_ON(!string);
    return string;
}

static json_t *encode_texts(struct texts list)
{
    if (!list.items)
        return json_null();
    json_t *array = json_array();
    for (size_t i = 0; i < list.count; i++)
        BUG_ON(json_array_append_new(array, json_from_text(list.items[i])) != 0);
    return array;
}

/* Columns of type FIELD_JSON hold what json_text() wrote; anything else is shown as plain text. */
static json_t *encode_json(const char *text)
{
    json_t *value = text ? json_loads(text, JSON_DECODE_ANY, NULL) : json_null();
    return value ? value : json_from_text(text);
}

static json_t *encode_time(int64_t time)
{
    char text[TIME_TEXT_MAX];
    return time == INT_ABSENT ? json_null() : json_string(time_text(time, text));
}

static json_t *encode_field(const struct field *f, const void *at, int flags)
{
    int64_t number;
    switch (f->type) {
    case FIELD_TEXT:
        return json_from_text(*(const char *const *)at);
    case FIELD_INT:
        number = *(const int64_t *)at;
        return number == INT_ABSENT ? json_null() : json_integer(number);
    case FIELD_DECIMAL:
        number = *(const decimal *)at;
        return number == INT_ABSENT ? json_null() : json_decimal(number);
    case FIELD_BOOL:
        return json_boolean(*(const bool *)at);
    case FIELD_TIME:
        return encode_time(*(const int64_t *)at);
    case FIELD_ENUM:
        return *(const int *)at < 0 ? json_null() : json_from_text(f->names[*(const int *)at]);
    case FIELD_TEXTS:
        return encode_texts(*(const struct texts *)at);
    case FIELD_JSON:
        return encode_json(*(const char *const *)at);
    case FIELD_OBJECT:
        return json_encode(f->fields, at, flags);
    case FIELD_OBJECTS:
        return json_encode_list(f->fields, *(const struct records *)at, f->item_size, flags);
    case FIELD_LAST:
        break;
    }
    BUG_ON(true);
}

json_t *json_encode(const struct field *fields, const void *record, int flags)
{
    json_t *object = json_object();
    BUG_ON(!object);
    for (const struct field *f = fields; f->name; f++) {
        json_t *value = encode_field(f, record_at(record, f), flags);
        if (json_is_null(value) && (flags & JSON_OMIT_ABSENT))
            continue; /* null is a static value: nothing to release */
        BUG_ON(json_object_set_new(object, f->name, value) != 0);
    }
    return object;
}

json_t *json_encode_list(const struct field *fields, struct records records, size_t item_size,
                         int flags)
{
    if (!records.items)
        return json_null();
    json_t *array = json_array();
    BUG_ON(!array);
    for (size_t i = 0; i < records.count; i++) {
        const char *record = (const char *)records.items + i * item_size;
        BUG_ON(json_array_append_new(array, json_encode(fields, record, flags)) != 0);
    }
    return array;
}

char *json_text(const json_t *value, struct arena *arena)
{
    char *dumped = json_dumps(value, DUMP_FLAGS | JSON_COMPACT);
    BUG_ON(!dumped);
    char *text = arena_text(arena, dumped);
    free(dumped);
    return text;
}

static int append_to_buf(const char *bytes, size_t len, void *out)
{
    return buf_append(out, bytes, len) ? 0 : -1;
}

bool json_write(const json_t *value, size_t indent, struct buf *out)
{
    size_t layout = indent ? JSON_INDENT(indent) : JSON_COMPACT;
    return json_dump_callback(value, append_to_buf, out, DUMP_FLAGS | layout) == 0;
}

const char *json_get_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

int64_t json_get_int(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : INT_ABSENT;
}

bool json_get_bool(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

struct feeding {
    void (*feed)(void *ctx, struct str bytes);
    void *ctx;
};

static int append_to_feed(const char *bytes, size_t len, void *out)
{
    const struct feeding *to = out;
    to->feed(to->ctx, (struct str){bytes, len});
    return 0;
}

void json_feed_sorted(const json_t *value, void (*feed)(void *ctx, struct str bytes), void *ctx)
{
    struct feeding to = {feed, ctx};
    BUG_ON(json_dump_callback(value, append_to_feed, &to,
                              DUMP_FLAGS | JSON_COMPACT | JSON_SORT_KEYS) != 0);
}
