#include "infra/json/json.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "base/nearest.h"

#include <inttypes.h>

#define ECHO_MAX 40 /* bytes of the input that a sentence may repeat */

/* Where in the document we are; turned into text only when there is a mistake to report. */
struct place {
    const struct place *up;
    const char *name; /* NULL: an element of a list */
    size_t index;
    size_t line;
};

struct decoder {
    const struct json_source *source;
    struct arena *arena;
    struct problems *problems;
};

static bool is_deeper_than(const json_t *value, size_t depth)
{
    if (!json_is_object(value) && !json_is_array(value))
        return false;
    if (depth == 0)
        return true;
    size_t index;
    const char *key;
    json_t *inner;
    if (json_is_array(value)) {
        json_array_foreach (value, index, inner) {
            if (is_deeper_than(inner, depth - 1))
                return true;
        }
        return false;
    }
    json_object_foreach ((json_t *)(uintptr_t)value, key, inner) {
        if (is_deeper_than(inner, depth - 1))
            return true;
    }
    return false;
}

enum err json_parse(struct str text, json_t **ret_value, struct error *e)
{
    if (str_trim(text).len == 0)
        return error_set(e, ERR_INVALID, "not JSON: the text is empty");
    /* jansson skips a NUL that follows a number, as if the text went on behind it. */
    if (memchr(text.ptr, '\0', text.len))
        return error_set(e, ERR_INVALID, "not JSON: there is a NUL byte in it");
    json_error_t at;
    json_t *value = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &at);
    if (!value)
        return error_set(e, ERR_INVALID, "not JSON: line %d column %d: %s", at.line, at.column,
                         at.text);
    if (is_deeper_than(value, JSON_DEPTH_MAX)) {
        json_decref(value);
        return error_set(e, ERR_INVALID, "the JSON is nested more than %d levels deep",
                         JSON_DEPTH_MAX);
    }
    *ret_value = value;
    return OK;
}

/*
 * At most ECHO_MAX bytes of `text`, cut between characters, with "..." when something is left, and
 * without control characters, which could rewrite the terminal that shows the sentence.
 */
static const char *echo(struct decoder *d, const char *text)
{
    size_t len = strnlen(text, ECHO_MAX + 1);
    const char *rest = len > ECHO_MAX ? "..." : "";
    if (len > ECHO_MAX) {
        len = ECHO_MAX;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
    }
    char *shown = arena_printf(d->arena, "%.*s%s", (int)len, text, rest);
    for (char *p = shown; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    }
    return shown;
}

static const char *place_text(struct decoder *d, const struct place *at)
{
    if (!at->up)
        return at->name;
    const char *before = place_text(d, at->up);
    if (!at->name)
        return arena_printf(d->arena, "%s[%zu]", before, at->index);
    return *before ? arena_printf(d->arena, "%s.%s", before, at->name) : at->name;
}

static void refuse(struct decoder *d, const struct place *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void refuse(struct decoder *d, const struct place *at, const char *fmt, ...)
{
    BUG_ON(!fmt);
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vprintf(d->arena, fmt, ap);
    va_end(ap);
    problem_add(d->problems, place_text(d, at), at->line, "%s", text);
}

static size_t line_of(const struct decoder *d, const json_t *value, const struct place *up)
{
    size_t line = d->source ? d->source->line_of(d->source, value) : 0;
    return line || !up ? line : up->line;
}

/* Plain YAML scalars arrive as text and take the type of their field; JSON text stays text. */
static bool is_scalar_text(const struct decoder *d, const json_t *value)
{
    return d->source && json_is_string(value);
}

static void check_bounds(struct decoder *d, const struct field *f, int64_t value,
                         const struct place *at)
{
    if ((f->min == 0 && f->max == 0) || (value >= f->min && value <= f->max))
        return;
    char least[DECIMAL_TEXT_MAX], most[DECIMAL_TEXT_MAX];
    if (f->type == FIELD_DECIMAL) {
        (void)decimal_text(f->min, least);
        (void)decimal_text(f->max, most);
    } else {
        (void)snprintf(least, sizeof(least), "%" PRId64, f->min);
        (void)snprintf(most, sizeof(most), "%" PRId64, f->max);
    }
    bool endless = f->max == INT64_MAX || (f->type == FIELD_DECIMAL && f->max == DECIMAL_MAX);
    if (value < f->min && endless)
        refuse(d, at, "must be at least %s", least);
    else
        refuse(d, at, "must be between %s and %s", least, most);
}

static void decode_int(struct decoder *d, const struct field *f, const json_t *v,
                       const struct place *at, void *into)
{
    int64_t number;
    if (json_is_integer(v)) {
        number = json_integer_value(v);
    } else if (!is_scalar_text(d, v) || !str_to_i64(str_from(json_string_value(v)), &number)) {
        refuse(d, at, "must be a whole number");
        return;
    }
    if (number == INT_ABSENT) {
        refuse(d, at, "is out of range");
        return;
    }
    check_bounds(d, f, number, at);
    *(int64_t *)into = number;
}

static enum decimal_error decimal_from_json(const json_t *v, decimal *ret_value)
{
    if (json_is_string(v))
        return decimal_parse((struct str){json_string_value(v), json_string_length(v)}, ret_value);
    if (json_is_real(v))
        return decimal_from_double(json_real_value(v), ret_value);
    int64_t whole = json_integer_value(v), scaled;
    if (__builtin_mul_overflow(whole, DECIMAL_ONE, &scaled) || scaled > DECIMAL_MAX ||
        scaled < -DECIMAL_MAX)
        return DECIMAL_RANGE;
    *ret_value = scaled;
    return DECIMAL_OK;
}

static void decode_decimal(struct decoder *d, const struct field *f, const json_t *v,
                           const struct place *at, void *into)
{
    decimal number;
    enum decimal_error why =
        json_is_number(v) || is_scalar_text(d, v) ? decimal_from_json(v, &number) : DECIMAL_SYNTAX;
    switch (why) {
    case DECIMAL_OK:
        check_bounds(d, f, number, at);
        *(decimal *)into = number;
        return;
    case DECIMAL_PLACES:
        if (json_is_real(v))
            refuse(d, at, "has more than four decimal places (%.15g); round it",
                   json_real_value(v));
        else
            refuse(d, at, "has more than four decimal places (%s); round it",
                   echo(d, json_string_value(v)));
        return;
    case DECIMAL_RANGE:
        refuse(d, at, "is out of range");
        return;
    case DECIMAL_SYNTAX:
        refuse(d, at, "must be a number");
        return;
    }
}

static void decode_bool(struct decoder *d, const json_t *v, const struct place *at, void *into)
{
    bool yes = json_is_true(v) || (is_scalar_text(d, v) && text_eq(json_string_value(v), "true"));
    bool no = json_is_false(v) || (is_scalar_text(d, v) && text_eq(json_string_value(v), "false"));
    if (!yes && !no)
        refuse(d, at, "must be true or false");
    else
        *(bool *)into = yes;
}

static void refuse_not_one_of(struct decoder *d, const struct field *f, const json_t *v,
                              const struct place *at)
{
    const char *all = "";
    for (size_t i = 0; f->names[i]; i++)
        all = arena_printf(d->arena, "%s%s%s", all, i ? ", " : "", f->names[i]);
    if (json_is_string(v))
        refuse(d, at, "must be one of %s, and not \"%s\"", all, echo(d, json_string_value(v)));
    else
        refuse(d, at, "must be one of %s", all);
}

/* The text, or NULL after a problem was added. */
static const char *take_text(struct decoder *d, const struct field *f, const json_t *v,
                             const struct place *at)
{
    if (f->names && f->type == FIELD_TEXTS) {
        int i = json_is_string(v) ? enum_from_text(f->names, str_from(json_string_value(v))) : -1;
        if (i < 0)
            refuse_not_one_of(d, f, v, at);
        return i < 0 ? NULL : f->names[i];
    }
    if (!json_is_string(v)) {
        refuse(d, at, "must be text");
        return NULL;
    }
    const char *text = json_string_value(v);
    size_t len = json_string_length(v), max = f->max_len ? f->max_len : FIELD_TEXT_LEN_DEFAULT;
    const char *why = NULL;
    if (strlen(text) != len)
        refuse(d, at, "must not contain a NUL character");
    else if (len > max)
        refuse(d, at, "must be at most %zu bytes long, and not %zu", max, len);
    else if (f->check && (why = f->check(text)))
        refuse(d, at, "%s", why);
    else
        return arena_text_n(d->arena, text, len);
    return NULL;
}

static void decode_text(struct decoder *d, const struct field *f, const json_t *v,
                        const struct place *at, void *into)
{
    const char *text = take_text(d, f, v, at);
    if (text)
        *(const char **)into = text;
}

static void decode_time(struct decoder *d, const json_t *v, const struct place *at, void *into)
{
    int64_t time;
    if (json_is_string(v) && time_parse(str_from(json_string_value(v)), &time))
        *(int64_t *)into = time;
    else
        refuse(d, at, "must be a time like 2026-11-23T17:20:00Z");
}

static void decode_enum(struct decoder *d, const struct field *f, const json_t *v,
                        const struct place *at, void *into)
{
    int value = json_is_string(v) ? enum_from_text(f->names, str_from(json_string_value(v))) : -1;
    if (value < 0)
        refuse_not_one_of(d, f, v, at);
    else
        *(int *)into = value;
}

static bool check_list(struct decoder *d, const struct field *f, const json_t *v,
                       const struct place *at)
{
    if (!json_is_array(v)) {
        refuse(d, at, "must be a list");
        return false;
    }
    int64_t count = (int64_t)json_array_size(v);
    if ((f->min || f->max) && (count < f->min || count > f->max)) {
        refuse(d, at, "must have %" PRId64 " to %" PRId64 " items, and not %" PRId64, f->min,
               f->max, count);
        return false;
    }
    return true;
}

static void decode_texts(struct decoder *d, const struct field *f, const json_t *v,
                         const struct place *at, void *into)
{
    if (!check_list(d, f, v, at))
        return;
    struct texts *list = into;
    list->count = json_array_size(v);
    list->items = arena_new_array(d->arena, list->count, const char *);
    for (size_t i = 0; i < list->count; i++) {
        const json_t *item = json_array_get(v, i);
        struct place here = {.up = at, .index = i, .line = line_of(d, item, at)};
        list->items[i] = take_text(d, f, item, &here);
    }
}

static void decode_object(struct decoder *d, const struct field *fields, json_t *object,
                          const struct place *at, void *record);

static void decode_objects(struct decoder *d, const struct field *f, const json_t *v,
                           const struct place *at, void *into)
{
    if (!check_list(d, f, v, at))
        return;
    struct records *list = into;
    list->count = json_array_size(v);
    list->items = arena_alloc_array(d->arena, list->count, f->item_size);
    for (size_t i = 0; i < list->count; i++) {
        json_t *item = json_array_get(v, i);
        struct place here = {.up = at, .index = i, .line = line_of(d, item, at)};
        void *record = (char *)list->items + i * f->item_size;
        record_clear(f->fields, record);
        decode_object(d, f->fields, item, &here, record);
    }
}

static void decode_field(struct decoder *d, const struct field *f, json_t *v,
                         const struct place *at, void *into)
{
    switch (f->type) {
    case FIELD_TEXT:
        decode_text(d, f, v, at, into);
        return;
    case FIELD_INT:
        decode_int(d, f, v, at, into);
        return;
    case FIELD_DECIMAL:
        decode_decimal(d, f, v, at, into);
        return;
    case FIELD_BOOL:
        decode_bool(d, v, at, into);
        return;
    case FIELD_TIME:
        decode_time(d, v, at, into);
        return;
    case FIELD_ENUM:
        decode_enum(d, f, v, at, into);
        return;
    case FIELD_TEXTS:
        decode_texts(d, f, v, at, into);
        return;
    case FIELD_JSON:
        *(const char **)into = json_text(v, d->arena);
        return;
    case FIELD_OBJECT:
        decode_object(d, f->fields, v, at, into);
        return;
    case FIELD_OBJECTS:
        decode_objects(d, f, v, at, into);
        return;
    case FIELD_LAST:
        break;
    }
    BUG_ON(true);
}

static void refuse_unknown(struct decoder *d, const struct field *fields, json_t *object,
                           const struct place *at)
{
    const char *key;
    json_t *value;
    json_object_foreach (object, key, value) {
        if (record_field(fields, str_from(key)))
            continue;
        struct place here = {.up = at, .name = echo(d, key), .line = line_of(d, value, at)};
        struct nearest near = NEAREST_INIT(str_from(key));
        for (const struct field *f = fields; f->name; f++)
            nearest_offer(&near, str_from(f->name));
        bool found = near.best.len > 0;
        refuse(d, &here, "is unknown%s%.*s%s", found ? "; did you mean " : "", STR_ARG(near.best),
               found ? "?" : "");
    }
}

static void decode_object(struct decoder *d, const struct field *fields, json_t *object,
                          const struct place *at, void *record)
{
    if (!json_is_object(object)) {
        refuse(d, at, d->source ? "must be a list of `key: value`" : "must be an object");
        return;
    }
    refuse_unknown(d, fields, object, at);
    for (const struct field *f = fields; f->name; f++) {
        json_t *value = json_object_get(object, f->name);
        bool given = value && !json_is_null(value);
        struct place here = {
            .up = at, .name = f->name, .line = given ? line_of(d, value, at) : at->line};
        if (given)
            decode_field(d, f, value, &here, record_at(record, f));
        else if (f->required)
            refuse(d, &here, "is required");
    }
}

bool json_decode(const struct field *fields, json_t *object, const char *path,
                 const struct json_source *source, struct arena *arena, void *record,
                 struct problems *problems)
{
    struct decoder d = {.source = source, .arena = arena, .problems = problems};
    size_t before = problems->count + problems->dropped;
    struct place top = {.name = path, .line = line_of(&d, object, NULL)};
    decode_object(&d, fields, object, &top, record);
    return problems->count + problems->dropped == before;
}

enum err json_decode_text(const struct field *fields, struct str text, struct arena *arena,
                          void *record, struct problems *problems, struct error *e)
{
    _cleanup_json_ json_t *value = NULL;
    TRY(json_parse(text, &value, e));
    if (!json_decode(fields, value, "", NULL, arena, record, problems))
        return problems_error(problems, e);
    return OK;
}
