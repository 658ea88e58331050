#include "sandbox/hetzner_things.h"

#include "hetzner.sql.h"

#define NAME_MAX_LEN 128

static const struct field thing_row_fields[] = {
    {"id", FIELD_INT, offsetof(struct thing_row, id)},
    {"kind", FIELD_TEXT, offsetof(struct thing_row, kind)},
    {"name", FIELD_TEXT, offsetof(struct thing_row, name)},
    {"labels", FIELD_JSON, offsetof(struct thing_row, labels)},
    {"location", FIELD_TEXT, offsetof(struct thing_row, location)},
    {"detail", FIELD_JSON, offsetof(struct thing_row, detail)},
    {"protected", FIELD_BOOL, offsetof(struct thing_row, is_protected)},
    {"created_at", FIELD_TIME, offsetof(struct thing_row, created_at)},
    {"ready_at", FIELD_TIME, offsetof(struct thing_row, ready_at)},
    {"listed_at", FIELD_TIME, offsetof(struct thing_row, listed_at)},
    FIELD_END,
};

static const struct field link_row_fields[] = {
    {"thing_id", FIELD_INT, offsetof(struct link_row, thing_id)},
    {"server_id", FIELD_INT, offsetof(struct link_row, server_id)},
    {"kind", FIELD_TEXT, offsetof(struct link_row, kind)},
    {"name", FIELD_TEXT, offsetof(struct link_row, name)},
    {"detail", FIELD_TEXT, offsetof(struct link_row, detail)},
    FIELD_END,
};

static const struct thing_kind *const kinds[] = {
    &hetzner_firewall,        &hetzner_network,    &hetzner_volume,
    &hetzner_placement_group, &hetzner_primary_ip,
};

static const struct thing_kind *kind_named(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (text_eq(kinds[i]->name, name))
            return kinds[i];
    }
    BUG_ON(true);
}

/* The kind of the route. */
static const struct thing_kind *kind_of(const struct call *c)
{
    return c->endpoint->about;
}

/* -- rows ------------------------------------------------------------------------------------- */

enum err thing_of(struct call *c, struct thing_row *ret_row, struct error *e)
{
    const struct thing_kind *kind = kind_of(c);
    enum err err =
        db_get(c->tx, &thing_get_one, DB_ARGS(db_text(kind->name), db_int(call_id(c, "id"))),
               thing_row_fields, c->arena, ret_row, e);
    if (err == ERR_NOT_FOUND)
        return call_refuse(c, 404, "not_found", "%s with ID '%s' not found", kind->called,
                           http_param(c->request, "id"));
    return err;
}

enum err thing_find(struct call *c, const struct thing_kind *kind, int64_t id, const char *field,
                    struct thing_row *ret_row, struct error *e)
{
    enum err err = db_get(c->tx, &thing_get_one, DB_ARGS(db_text(kind->name), db_int(id)),
                          thing_row_fields, c->arena, ret_row, e);
    if (err == ERR_NOT_FOUND)
        return call_refuse(c, 422, "invalid_input",
                           "invalid input in field '%s': %s %lld not found", field, kind->called,
                           (long long)id);
    return err;
}

enum err thing_insert(struct call *c, const struct thing_kind *kind, const char *name,
                      const char *labels, const char *location, json_t *detail,
                      struct thing_row *ret_row, struct error *e)
{
    struct thing_row row = {
        .kind = kind->name,
        .name = name,
        .labels = labels ? labels : "{}",
        .location = location,
        .detail = json_text(detail, c->arena),
        .created_at = c->now_us,
        .ready_at = c->now_us + call_delay_us(c),
        .listed_at = call_listed_at(c),
    };
    json_decref(detail);
    if (labels)
        TRY(hetzner_labels_check(c, labels));
    TRY(call_next_number(c, "hetzner_thing", 1, &row.id, e));
    enum err err =
        db_exec(c->tx, &thing_insert_one,
                DB_ARGS(db_int(row.id), db_text(row.kind), db_text(row.name), db_text(row.labels),
                        db_text(row.location), db_text(row.detail), db_int(row.created_at),
                        db_int(row.ready_at), db_int(row.listed_at)),
                NULL, e);
    if (err == ERR_CONFLICT)
        return hetzner_refuse_used_name(
            c, arena_printf(c->arena, "%s name is already used", kind->called));
    TRY(err);
    *ret_row = row;
    return OK;
}

static enum err save(struct call *c, const struct thing_row *row, struct error *e)
{
    return db_exec(c->tx, &thing_save,
                   DB_ARGS(db_int(row->id), db_text(row->name), db_text(row->labels),
                           db_text(row->detail), db_int(row->is_protected), db_int(row->listed_at)),
                   NULL, e);
}

enum err thing_set_detail(struct call *c, struct thing_row *row, json_t *detail, struct error *e)
{
    row->detail = json_text(detail, c->arena);
    json_decref(detail);
    return save(c, row, e);
}

json_t *thing_detail(const struct thing_row *row)
{
    json_t *detail = NULL;
    BUG_ON(json_parse(str_from(row->detail), &detail, NULL) != OK);
    return detail;
}

/* -- links ------------------------------------------------------------------------------------ */

enum err thing_link(struct call *c, int64_t thing_id, int64_t server_id, const char *detail,
                    struct error *e)
{
    return db_exec(c->tx, &link_insert,
                   DB_ARGS(db_int(thing_id), db_int(server_id), db_text(detail ? detail : "")),
                   NULL, e);
}

enum err thing_unlink(struct call *c, int64_t thing_id, int64_t server_id, bool *ret_was_there,
                      struct error *e)
{
    int64_t gone;
    TRY(db_exec(c->tx, &link_delete, DB_ARGS(db_int(thing_id), db_int(server_id)), &gone, e));
    *ret_was_there = gone > 0;
    return OK;
}

enum err thing_links(struct call *c, int64_t thing_id, struct records *ret_links, struct error *e)
{
    return db_list(c->tx, &link_list_of_thing, DB_ARGS(db_int(thing_id)), link_row_fields,
                   sizeof(struct link_row), HETZNER_ROWS_MAX, c->arena, ret_links, e);
}

enum err server_links(struct call *c, int64_t server_id, struct records *ret_links, struct error *e)
{
    return db_list(c->tx, &link_list_of_server, DB_ARGS(db_int(server_id)), link_row_fields,
                   sizeof(struct link_row), HETZNER_ROWS_MAX, c->arena, ret_links, e);
}

enum err thing_server(struct call *c, int64_t id, const char *field, struct server_row *ret_row,
                      struct error *e)
{
    enum err err = hetzner_server_find(c, id, ret_row, e);
    if (err == ERR_NOT_FOUND || (err == OK && ret_row->gone_at != INT_ABSENT))
        return call_refuse(c, 422, "invalid_input",
                           "invalid input in field '%s': server %lld not found", field,
                           (long long)id);
    return err;
}

/* A primary IP goes with its server unless its auto_delete is false. */
static enum err let_go(struct call *c, const struct link_row *link, struct error *e)
{
    if (!text_eq(link->kind, hetzner_primary_ip.name))
        return OK;
    struct thing_row row;
    TRY(thing_find(c, &hetzner_primary_ip, link->thing_id, "id", &row, e));
    _cleanup_json_ json_t *detail = thing_detail(&row);
    if (!json_get_bool(detail, "auto_delete"))
        return OK;
    return db_exec(c->tx, &thing_remove, DB_ARGS(db_int(row.id)), NULL, e);
}

enum err server_unlink_all(struct call *c, int64_t server_id, struct error *e)
{
    struct records links;
    TRY(server_links(c, server_id, &links, e));
    for (size_t i = 0; i < links.count; i++)
        TRY(let_go(c, &((const struct link_row *)links.items)[i], e));
    return db_exec(c->tx, &link_delete_all_of_server, DB_ARGS(db_int(server_id)), NULL, e);
}

/* -- as JSON ---------------------------------------------------------------------------------- */

enum err thing_json(struct call *c, const struct thing_row *row, json_t **ret_json, struct error *e)
{
    struct records links;
    TRY(thing_links(c, row->id, &links, e));
    _cleanup_json_ json_t *servers = json_array();
    for (size_t i = 0; i < links.count; i++)
        json_push(servers, json_integer(((const struct link_row *)links.items)[i].server_id));
    _cleanup_json_ json_t *detail = thing_detail(row);
    json_t *labels = NULL;
    BUG_ON(json_parse(str_from(row->labels), &labels, NULL) != OK);
    json_t *shown = json_packed("{s:I, s:s, s:o, s:o}", "id", (json_int_t)row->id, "name",
                                row->name, "labels", labels, "created", json_time(row->created_at));
    kind_named(row->kind)->show(c, row, detail, servers, shown);
    *ret_json = shown;
    return OK;
}

enum err thing_answer(struct call *c, int status, const struct thing_row *row, struct error *e)
{
    json_t *shown;
    TRY(thing_json(c, row, &shown, e));
    return call_answer(c, status, json_packed("{s:o}", row->kind, shown));
}

enum err thing_action(struct call *c, const char *command, const struct thing_row *row,
                      int64_t server_id, json_t **ret_action, struct error *e)
{
    struct action_about about = {row->kind, row->id, server_id ? "server" : NULL, server_id};
    struct action_row action;
    TRY(hetzner_action_new(c, command, about, c->now_us + call_delay_us(c), &action, e));
    *ret_action = hetzner_action_json(c, &action);
    return OK;
}

enum err thing_answer_action(struct call *c, const char *command, const struct thing_row *row,
                             struct error *e)
{
    json_t *action;
    TRY(thing_action(c, command, row, 0, &action, e));
    return call_answer(c, 201, json_packed("{s:o}", "action", action));
}

/* -- what all kinds can do -------------------------------------------------------------------- */

/* ?type= of placement groups, ?ip= of primary IPs, ?status= of volumes. */
static bool is_asked_for(const struct call *c, const struct thing_row *row, const json_t *shown)
{
    static const char *const filters[] = {"type", "ip", "status"};
    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        const char *value = json_get_text(shown, filters[i]);
        if (value && !hetzner_query_allows(c, filters[i], value))
            return false;
    }
    return hetzner_query_allows(c, "name", row->name) && hetzner_selector_matches(c, row->labels) &&
           hetzner_is_listed(c, row->listed_at);
}

enum err thing_list(struct call *c, struct error *e)
{
    TRY(hetzner_selector_check(c));
    const struct thing_kind *kind = kind_of(c);
    struct records rows;
    TRY(db_list(c->tx, &thing_all, DB_ARGS(db_text(kind->name)), thing_row_fields,
                sizeof(struct thing_row), HETZNER_ROWS_MAX, c->arena, &rows, e));
    _cleanup_json_ json_t *list = json_array();
    for (size_t i = 0; i < rows.count; i++) {
        const struct thing_row *row = &((const struct thing_row *)rows.items)[i];
        _cleanup_json_ json_t *shown = NULL;
        TRY(thing_json(c, row, &shown, e));
        if (is_asked_for(c, row, shown))
            json_push(list, json_incref(shown));
    }
    return hetzner_list_answer(c, kind->plural, list);
}

enum err thing_get(struct call *c, struct error *e)
{
    struct thing_row row;
    TRY(thing_of(c, &row, e));
    return thing_answer(c, 200, &row, e);
}

struct thing_change {
    const char *name, *labels, *others[2];
};

static const struct field thing_change_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct thing_change, name), .max_len = NAME_MAX_LEN},
    {"labels", FIELD_JSON, offsetof(struct thing_change, labels)},
    {"expose_routes_to_vswitch", FIELD_JSON, offsetof(struct thing_change, others[0])},
    {"auto_delete", FIELD_JSON, offsetof(struct thing_change, others[1])},
    FIELD_END,
};

/* The flags among the members of detail that this kind may change. */
static enum err change_flags(struct call *c, const struct thing_kind *kind, json_t *detail)
{
    static const char *const flags[] = {"expose_routes_to_vswitch", "auto_delete"};
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        json_t *value = json_object_get(c->body, flags[i]);
        if (!value)
            continue;
        if (!text_eq(kind->changeable, flags[i]) || !json_is_boolean(value))
            return call_refuse(c, 422, "invalid_input", "invalid input in field '%s'", flags[i]);
        json_put(detail, flags[i], json_incref(value));
    }
    return OK;
}

enum err thing_update(struct call *c, struct error *e)
{
    struct thing_row row;
    TRY(thing_of(c, &row, e));
    struct thing_change change = {0};
    TRY(call_decode(c, thing_change_fields, &change));
    if (change.labels)
        TRY(hetzner_labels_check(c, change.labels));
    row.labels = change.labels ? change.labels : row.labels;
    row.name = change.name ? change.name : row.name;
    row.listed_at = call_listed_at(c);
    _cleanup_json_ json_t *detail = thing_detail(&row);
    TRY(change_flags(c, kind_of(c), detail));
    row.detail = json_text(detail, c->arena);
    enum err err = save(c, &row, e);
    if (err == ERR_CONFLICT)
        return hetzner_refuse_used_name(
            c, arena_printf(c->arena, "%s name is already used", kind_of(c)->called));
    TRY(err);
    return thing_answer(c, 200, &row, e);
}

enum err thing_delete(struct call *c, struct error *e)
{
    const struct thing_kind *kind = kind_of(c);
    struct thing_row row;
    TRY(thing_of(c, &row, e));
    if (row.is_protected)
        return call_refuse(c, 423, "protected", "%s %lld is protected against deletion",
                           kind->called, (long long)row.id);
    struct records links;
    TRY(thing_links(c, row.id, &links, e));
    if (links.count > 0 && kind->code_while_used)
        return call_refuse(c, kind->status_while_used, kind->code_while_used,
                           "%s with ID '%lld' is still in use", kind->called, (long long)row.id);
    TRY(db_exec(c->tx, &link_delete_all_of_thing, DB_ARGS(db_int(row.id)), NULL, e));
    TRY(db_exec(c->tx, &thing_remove, DB_ARGS(db_int(row.id)), NULL, e));
    return call_answer(c, 204, NULL);
}

enum err thing_actions(struct call *c, struct error *e)
{
    struct thing_row row;
    TRY(thing_of(c, &row, e));
    return hetzner_actions_answer(c, row.kind, row.id, e);
}

struct protection_input {
    bool is_protected;
};

static const struct field protection_fields[] = {
    {"delete", FIELD_BOOL, offsetof(struct protection_input, is_protected)},
    FIELD_END,
};

enum err thing_change_protection(struct call *c, struct error *e)
{
    struct thing_row row;
    TRY(thing_of(c, &row, e));
    struct protection_input in = {row.is_protected};
    TRY(call_decode(c, protection_fields, &in));
    row.is_protected = in.is_protected;
    TRY(save(c, &row, e));
    return thing_answer_action(c, "change_protection", &row, e);
}
