#include "app/cli/request.h"

#include "app/cli/options.h"
#include "base/decimal.h"

static const char *argument_text(const struct option_spec *arguments, struct str name,
                                 const void *record)
{
    for (const struct option_spec *a = arguments; a->field.name; a++) {
        if (str_eq(str_from(a->field.name), name))
            return *(const char *const *)record_at(record, &a->field);
    }
    BUG_ON(true);
}

const char *request_path(const char *pattern, const struct option_spec *arguments,
                         const void *record, struct arena *arena)
{
    struct str rest = str_from(pattern);
    const char *path = "";
    while (rest.ptr) {
        struct str literal = str_cut(&rest, '{');
        path = arena_printf(arena, "%s%.*s", path, STR_ARG(literal));
        if (rest.ptr) {
            const char *value = argument_text(arguments, str_cut(&rest, '}'), record);
            path = arena_printf(arena, "%s%s", path, url_escape(value, arena));
        }
    }
    return path;
}

const char *url_add(const char *url, const char *name, const char *value, struct arena *arena)
{
    return arena_printf(arena, "%s%c%s=%s", url, strchr(url, '?') ? '&' : '?', name,
                        url_escape(value, arena));
}

static json_t *texts_json(struct texts list)
{
    json_t *array = json_array();
    BUG_ON(!array);
    for (size_t i = 0; i < list.count; i++)
        BUG_ON(json_array_append_new(array, json_string(list.items[i])) != 0);
    return array;
}

static json_t *option_json(const struct option_spec *spec, const void *record)
{
    const void *at = record_at(record, &spec->field);
    switch (spec->field.type) {
    case FIELD_TEXT:
        return json_string(*(const char *const *)at);
    case FIELD_INT:
        return json_integer(*(const int64_t *)at);
    case FIELD_DECIMAL:
        return json_decimal(*(const decimal *)at);
    case FIELD_BOOL:
        return json_true();
    case FIELD_ENUM:
        return json_string(spec->field.names[*(const int *)at]);
    case FIELD_TEXTS:
        return texts_json(*(const struct texts *)at);
    default:
        break;
    }
    BUG_ON(true);
}

const char *request_query(const char *url, const struct option_spec *options, const void *record,
                          struct arena *arena)
{
    for (const struct option_spec *o = options; o && o->field.name; o++) {
        if (!o->key || !option_is_given(o, record))
            continue;
        _cleanup_json_ json_t *value = option_json(o, record);
        BUG_ON(!value);
        url = url_add(url, o->key,
                      json_is_string(value) ? json_string_value(value) : json_text(value, arena),
                      arena);
    }
    return url;
}

/* Sets `value` (taking it) at a dotted path. */
static void set_at(json_t *object, const char *path, json_t *value)
{
    struct str rest = str_from(path);
    struct str name = str_cut(&rest, '.');
    while (rest.ptr) {
        json_t *inner = json_object_getn(object, name.ptr, name.len);
        if (!inner) {
            inner = json_object();
            BUG_ON(json_object_setn_new(object, name.ptr, name.len, inner) != 0);
        }
        object = inner;
        name = str_cut(&rest, '.');
    }
    BUG_ON(json_object_setn_new(object, name.ptr, name.len, value) != 0);
}

void request_body(const struct option_spec *options, const void *record, json_t *body)
{
    for (const struct option_spec *o = options; o && o->field.name; o++) {
        if (o->key && option_is_given(o, record))
            set_at(body, o->key, option_json(o, record));
    }
}
