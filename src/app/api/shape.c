#include "app/api/shape.h"

#include "base/decimal.h"

static void put(json_t *object, const char *key, json_t *value)
{
    BUG_ON(!value || json_object_set_new(object, key, value) != 0);
}

/* -- one field -------------------------------------------------------------------------------- */

static const char *type_name(enum field_type type)
{
    switch (type) {
    case FIELD_INT:
        return "integer";
    case FIELD_DECIMAL:
        return "number";
    case FIELD_BOOL:
        return "boolean";
    case FIELD_TEXTS:
    case FIELD_OBJECTS:
        return "array";
    case FIELD_OBJECT:
        return "object";
    case FIELD_TEXT:
    case FIELD_TIME:
    case FIELD_ENUM:
        return "string";
    case FIELD_JSON:
    case FIELD_LAST:
        break;
    }
    return NULL; /* any JSON */
}

/* A boolean that is absent is false, so it is never null in a reply. */
static bool may_be_null(const struct field *f)
{
    return !f->required && f->type != FIELD_BOOL;
}

static json_t *names_json(const char *const *names, bool or_null)
{
    json_t *list = json_array();
    for (size_t i = 0; names[i]; i++)
        (void)json_array_append_new(list, json_string(names[i]));
    if (or_null)
        (void)json_array_append_new(list, json_null());
    return list;
}

static void put_bound(json_t *schema, const struct field *f, const char *key, int64_t bound)
{
    bool is_decimal = f->type == FIELD_DECIMAL;
    bool endless = bound == INT64_MAX || bound == INT64_MIN ||
                   (is_decimal && (bound == DECIMAL_MAX || bound == -DECIMAL_MAX));
    if (!endless)
        put(schema, key, is_decimal ? json_decimal(bound) : json_integer(bound));
}

static void put_bounds(json_t *schema, const struct field *f)
{
    bool is_list = f->type == FIELD_TEXTS || f->type == FIELD_OBJECTS;
    if (f->min == 0 && f->max == 0)
        return;
    put_bound(schema, f, is_list ? "minItems" : "minimum", f->min);
    put_bound(schema, f, is_list ? "maxItems" : "maximum", f->max);
}

static json_t *item_schema(const struct field *f)
{
    json_t *item = json_pack("{s:s}", "type", "string");
    if (f->names)
        put(item, "enum", names_json(f->names, false));
    return item;
}

json_t *field_schema(const struct field *f)
{
    const char *type = type_name(f->type);
    json_t *schema = f->type == FIELD_OBJECT ? body_schema(f->fields) : json_object();
    if (type && may_be_null(f))
        put(schema, "type", json_pack("[s, s]", type, "null"));
    else if (type)
        put(schema, "type", json_string(type));
    if (f->type == FIELD_TIME)
        put(schema, "format", json_string("date-time"));
    if (f->type == FIELD_INT)
        put(schema, "format", json_string("int64"));
    if (f->type == FIELD_ENUM)
        put(schema, "enum", names_json(f->names, may_be_null(f)));
    if (f->type == FIELD_TEXT && f->max_len)
        put(schema, "maxLength", json_integer((json_int_t)f->max_len));
    if (f->type == FIELD_TEXTS)
        put(schema, "items", item_schema(f));
    if (f->type == FIELD_OBJECTS)
        put(schema, "items", body_schema(f->fields));
    put_bounds(schema, f);
    if (f->help)
        put(schema, "description", json_string(f->help));
    return schema;
}

/* -- objects ---------------------------------------------------------------------------------- */

struct object {
    json_t *properties, *required;
};

static json_t *object_end(struct object *o)
{
    json_t *schema = json_pack("{s:s}", "type", "object");
    put(schema, "properties", o->properties);
    if (json_array_size(o->required) > 0)
        put(schema, "required", o->required);
    else
        json_decref(o->required);
    return schema;
}

static void add_member(struct object *o, const char *name, json_t *schema, bool always)
{
    put(o->properties, name, schema);
    if (always)
        (void)json_array_append_new(o->required, json_string(name));
}

json_t *body_schema(const struct field *fields)
{
    struct object o = {json_object(), json_array()};
    for (const struct field *f = fields; f->name; f++)
        add_member(&o, f->name, field_schema(f), f->required);
    json_t *schema = object_end(&o);
    put(schema, "additionalProperties", json_false());
    return schema;
}

static bool is_shown(const struct shape *shape, const char *name)
{
    if (shape->only)
        return enum_from_text(shape->only, str_from(name)) >= 0;
    return !shape->without || enum_from_text(shape->without, str_from(name)) < 0;
}

static void add_fields(struct object *o, const struct shape *shape, bool sparse)
{
    for (const struct field *f = shape->fields; f && f->name; f++) {
        if (is_shown(shape, f->name))
            add_member(o, f->name, field_schema(f), !sparse || f->required);
    }
    for (const struct field *f = shape->more; f && f->name; f++)
        add_member(o, f->name, field_schema(f), !sparse || f->required);
}

static json_t *part_schema(const struct part *part, json_t *schemas)
{
    json_t *schema = shape_schema(part->shape, schemas);
    if (part->kind == PART_LIST)
        schema = json_pack("{s:s, s:o}", "type", "array", "items", schema);
    if (part->kind == PART_OBJECT_OR_NULL)
        schema = json_pack("{s:[o, {s:s}]}", "anyOf", schema, "type", "null");
    if (part->help)
        put(schema, "description", json_string(part->help));
    return schema;
}

static void add_members(struct object *o, const struct shape *shape, bool sparse, json_t *schemas)
{
    if (shape->base)
        add_members(o, shape->base, sparse, schemas);
    add_fields(o, shape, sparse);
    for (const struct part *part = shape->parts; part && part->name; part++)
        add_member(o, part->name, part_schema(part, schemas), !sparse);
}

json_t *shape_schema(const struct shape *shape, json_t *schemas)
{
    json_t *reference =
        shape->name
            ? json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%s", shape->name))
            : NULL;
    if (shape->name && json_object_get(schemas, shape->name))
        return reference;
    struct object o = {json_object(), json_array()};
    add_members(&o, shape, shape->sparse, schemas);
    json_t *schema = object_end(&o);
    if (shape->help)
        put(schema, "description", json_string(shape->help));
    if (!shape->name)
        return schema;
    put(schemas, shape->name, schema);
    return reference;
}
