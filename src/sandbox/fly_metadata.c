/*
 * A machine's metadata is part of its configuration, but changing it here makes no new instance.
 */
#include "sandbox/fly.h"

#include "fly.sql.h"

struct metadata_input {
    const char *metadata, *machine_version, *updated_at, *value;
};

static const struct field metadata_fields[] = {
    {"metadata", FIELD_JSON, offsetof(struct metadata_input, metadata), .required = true},
    {"machine_version", FIELD_TEXT, offsetof(struct metadata_input, machine_version)},
    {"updated_at", FIELD_TEXT, offsetof(struct metadata_input, updated_at)},
    FIELD_END,
};

static const struct field value_fields[] = {
    {"value", FIELD_TEXT, offsetof(struct metadata_input, value), .required = true},
    {"updated_at", FIELD_TEXT, offsetof(struct metadata_input, updated_at)},
    FIELD_END,
};

/* The configuration, owned by the caller, and its metadata object, made when missing. */
static json_t *open_config(const struct machine_row *row, json_t **ret_metadata)
{
    json_t *config = NULL;
    BUG_ON(json_parse(str_from(row->config), &config, NULL) != OK);
    if (!json_is_object(json_object_get(config, "metadata")))
        json_put(config, "metadata", json_object());
    *ret_metadata = json_object_get(config, "metadata");
    return config;
}

static enum err save(struct call *c, const struct machine_row *row, const json_t *config,
                     struct error *e)
{
    TRY(db_exec(c->tx, &machine_set_config,
                DB_ARGS(db_text(row->id), db_text(json_text(config, c->arena)),
                        db_text(row->instance_id), db_int(c->now_us)),
                NULL, e));
    return call_answer(c, 204, NULL);
}

enum err fly_metadata_show(struct call *c, struct error *e)
{
    struct machine_row row;
    TRY(fly_machine_of(c, &row, e));
    json_t *metadata;
    json_t *config = open_config(&row, &metadata);
    json_incref(metadata);
    json_decref(config);
    return call_answer(c, 200, metadata);
}

static enum err set_many(struct call *c, bool replace, struct error *e)
{
    struct machine_row row;
    TRY(fly_machine_to_change(c, &row, e));
    struct metadata_input in = {0};
    TRY(call_decode(c, metadata_fields, &in));
    if (in.machine_version && !text_eq(in.machine_version, row.instance_id))
        return call_refuse(c, 412, NULL, "failed_precondition: machine_version does not match %s",
                           row.instance_id);
    json_t *metadata;
    _cleanup_json_ json_t *config = open_config(&row, &metadata);
    json_t *given = json_object_get(c->body, "metadata"), *value;
    const char *key;
    if (!json_is_object(given))
        return call_refuse(c, 400, NULL, "invalid_argument: metadata must be an object");
    if (replace)
        BUG_ON(json_object_clear(metadata) != 0);
    json_object_foreach (given, key, value) {
        if (!json_is_string(value))
            return call_refuse(c, 400, NULL, "invalid_argument: metadata.%s must be text", key);
        json_put(metadata, key, json_incref(value));
    }
    return save(c, &row, config, e);
}

enum err fly_metadata_replace(struct call *c, struct error *e)
{
    return set_many(c, true, e);
}

enum err fly_metadata_merge(struct call *c, struct error *e)
{
    return set_many(c, false, e);
}

enum err fly_metadata_get_key(struct call *c, struct error *e)
{
    struct machine_row row;
    TRY(fly_machine_of(c, &row, e));
    json_t *metadata;
    json_t *config = open_config(&row, &metadata);
    const char *value =
        arena_text(c->arena, json_get_text(metadata, http_param(c->request, "key")));
    json_decref(config);
    if (!value)
        return call_refuse(c, 404, NULL, "metadata key not found");
    return call_answer(c, 200, json_packed("{s:s}", "value", value));
}

enum err fly_metadata_set_key(struct call *c, struct error *e)
{
    struct machine_row row;
    TRY(fly_machine_to_change(c, &row, e));
    struct metadata_input in = {0};
    TRY(call_decode(c, value_fields, &in));
    json_t *metadata;
    _cleanup_json_ json_t *config = open_config(&row, &metadata);
    json_put(metadata, http_param(c->request, "key"), json_string(in.value));
    return save(c, &row, config, e);
}

enum err fly_metadata_delete_key(struct call *c, struct error *e)
{
    struct machine_row row;
    TRY(fly_machine_to_change(c, &row, e));
    json_t *metadata;
    _cleanup_json_ json_t *config = open_config(&row, &metadata);
    (void)json_object_del(metadata, http_param(c->request, "key"));
    return save(c, &row, config, e);
}
