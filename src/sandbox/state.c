#include "sandbox/state.h"

#include "state.sql.h"

#define ROWS_MAX 100000

struct numbered {
    int64_t id;
    const char *name, *labels, *server_type, *location, *user_data, *ssh_keys, *type;
};

static const struct field numbered_fields[] = {
    {"id", FIELD_INT, offsetof(struct numbered, id)},
    {"name", FIELD_TEXT, offsetof(struct numbered, name)},
    {"labels", FIELD_JSON, offsetof(struct numbered, labels)},
    {"server_type", FIELD_TEXT, offsetof(struct numbered, server_type)},
    {"location", FIELD_TEXT, offsetof(struct numbered, location)},
    {"user_data", FIELD_TEXT, offsetof(struct numbered, user_data)},
    {"ssh_keys", FIELD_JSON, offsetof(struct numbered, ssh_keys)},
    {"type", FIELD_TEXT, offsetof(struct numbered, type)},
    FIELD_END,
};

struct named {
    const char *id, *app, *name, *org_slug, *region, *machine_id, *config;
};

static const struct field named_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct named, id)},
    {"app", FIELD_TEXT, offsetof(struct named, app)},
    {"name", FIELD_TEXT, offsetof(struct named, name)},
    {"org_slug", FIELD_TEXT, offsetof(struct named, org_slug)},
    {"region", FIELD_TEXT, offsetof(struct named, region)},
    {"machine_id", FIELD_TEXT, offsetof(struct named, machine_id)},
    {"config", FIELD_JSON, offsetof(struct named, config)},
    FIELD_END,
};

struct part {
    const char *name;
    const struct db_query *query;
    const struct field *fields;
    size_t row_size;
};

static const struct part parts[] = {
    {"servers", &state_servers, numbered_fields, sizeof(struct numbered)},
    {"ssh_keys", &state_ssh_keys, numbered_fields, sizeof(struct numbered)},
    {"firewalls", &state_firewalls, numbered_fields, sizeof(struct numbered)},
    {"networks", &state_networks, numbered_fields, sizeof(struct numbered)},
    {"hetzner_volumes", &state_hetzner_volumes, numbered_fields, sizeof(struct numbered)},
    {"placement_groups", &state_placement_groups, numbered_fields, sizeof(struct numbered)},
    {"primary_ips", &state_primary_ips, numbered_fields, sizeof(struct numbered)},
    {"images", &state_images, numbered_fields, sizeof(struct numbered)},
    {"apps", &state_apps, named_fields, sizeof(struct named)},
    {"machines", &state_machines, named_fields, sizeof(struct named)},
    {"volumes", &state_volumes, named_fields, sizeof(struct named)},
    {"postgres", &state_postgres, named_fields, sizeof(struct named)},
};

static void count_labels(json_t *counts, json_t *labels)
{
    _cleanup_arena_ struct arena a = {0};
    const char *key;
    json_t *value;
    json_object_foreach (labels, key, value) {
        const char *pair = arena_printf(&a, "%s=%s", key, json_string_value(value));
        json_int_t before = json_integer_value(json_object_get(counts, pair));
        json_put(counts, pair, json_integer(before + 1));
    }
}

/* Of a machine's configuration only the metadata is of interest. */
static void show_metadata(json_t *machines)
{
    size_t i;
    json_t *machine;
    json_array_foreach (machines, i, machine) {
        json_t *metadata = json_object_get(json_object_get(machine, "config"), "metadata");
        json_put(machine, "metadata", metadata ? json_incref(metadata) : json_object());
        (void)json_object_del(machine, "config");
    }
}

static void summarise(json_t *state)
{
    json_t *counts = json_object(), *labels = json_object(), *list, *item;
    const char *name;
    size_t i;
    json_object_foreach (state, name, list) {
        json_put(counts, name, json_integer((json_int_t)json_array_size(list)));
        json_array_foreach (list, i, item) {
            if (text_eq(name, "servers"))
                count_labels(labels, json_object_get(item, "labels"));
            if (text_eq(name, "machines"))
                count_labels(labels, json_object_get(item, "metadata"));
        }
    }
    json_put(state, "counts", counts);
    json_put(state, "labels", labels);
}

enum err sandbox_state_show(struct call *c, struct error *e)
{
    _cleanup_json_ json_t *state = json_object();
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const struct part *p = &parts[i];
        struct records rows;
        TRY(db_list(c->tx, p->query, DB_NO_ARGS, p->fields, p->row_size, ROWS_MAX, c->arena, &rows,
                    e));
        json_t *list = rows.count ? json_encode_list(p->fields, rows, p->row_size, JSON_OMIT_ABSENT)
                                  : json_array();
        json_put(state, p->name, list);
    }
    show_metadata(json_object_get(state, "machines"));
    summarise(state);
    return call_answer(c, 200, json_incref(state));
}
