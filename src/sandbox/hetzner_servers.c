#include "sandbox/hetzner.h"

#include "hetzner.sql.h"

const struct field hetzner_server_row_fields[] = {
    {"id", FIELD_INT, offsetof(struct server_row, id)},
    {"name", FIELD_TEXT, offsetof(struct server_row, name)},
    {"server_type", FIELD_TEXT, offsetof(struct server_row, server_type)},
    {"image_id", FIELD_INT, offsetof(struct server_row, image_id)},
    {"location", FIELD_TEXT, offsetof(struct server_row, location)},
    {"labels", FIELD_JSON, offsetof(struct server_row, labels)},
    {"user_data", FIELD_TEXT, offsetof(struct server_row, user_data)},
    {"ipv4", FIELD_TEXT, offsetof(struct server_row, ipv4)},
    {"ipv6", FIELD_TEXT, offsetof(struct server_row, ipv6)},
    {"created_at", FIELD_TIME, offsetof(struct server_row, created_at)},
    PHASE_FIELDS(struct server_row),
    {"locked_until", FIELD_TIME, offsetof(struct server_row, locked_until)},
    {"gone_at", FIELD_TIME, offsetof(struct server_row, gone_at)},
    FIELD_END,
};

/* -- as JSON ---------------------------------------------------------------------------------- */

static json_t *public_net(const struct server_row *row)
{
    json_t *net =
        json_packed("{s:n, s:n, s:[], s:[]}", "ipv4", "ipv6", "floating_ips", "firewalls");
    /* Primary IPs come with the server here; their numbers follow from its own. */
    if (row->ipv4)
        json_put(net, "ipv4",
                 json_packed("{s:I, s:s, s:b, s:s}", "id", (json_int_t)(row->id * 2), "ip",
                             row->ipv4, "blocked", 0, "dns_ptr", "static.sandbox.invalid"));
    if (row->ipv6)
        json_put(net, "ipv6",
                 json_packed("{s:I, s:s, s:b, s:[]}", "id", (json_int_t)(row->id * 2 + 1), "ip",
                             row->ipv6, "blocked", 0, "dns_ptr"));
    return net;
}

json_t *hetzner_server_json(const struct call *c, const struct server_row *row)
{
    const struct hetzner_type *type = hetzner_type_find(row->server_type);
    const struct hetzner_location *location = hetzner_location_find(row->location);
    const char *image_id = arena_printf(c->arena, "%lld", (long long)row->image_id);
    const struct hetzner_image *image = hetzner_image_find(image_id, NULL);
    BUG_ON(!type || !location || !image);

    json_t *server = json_packed(
        "{s:I, s:s, s:s, s:o, s:b, s:b, s:n, s:i, s:i, s:I, s:{s:b, s:b}, s:I, s:n, s:n}", "id",
        (json_int_t)row->id, "name", row->name, "status", phases_at(&row->phases, c->now_us),
        "created", json_time(row->created_at), "rescue_enabled", 0, "locked",
        c->now_us < row->locked_until, "backup_window", "outgoing_traffic", 0, "ingoing_traffic", 0,
        "included_traffic", (json_int_t)hetzner_included_traffic(location), "protection", "delete",
        0, "rebuild", 0, "primary_disk_size", (json_int_t)hetzner_type_disk_gb(type), "iso",
        "placement_group");
    json_put(server, "public_net", public_net(row));
    json_put(server, "private_net", json_array());
    json_put(server, "server_type", hetzner_type_json(type));
    json_put(server, "location", hetzner_location_json(location));
    json_put(server, "image", hetzner_image_json(image));
    json_put(server, "volumes", json_array());
    json_put(server, "load_balancers", json_array());
    json_t *labels = NULL;
    BUG_ON(json_parse(str_from(row->labels), &labels, NULL) != OK);
    json_put(server, "labels", labels);
    return server;
}

static enum err answer_server(struct call *c, const struct server_row *row)
{
    return call_answer(c, 200, json_packed("{s:o}", "server", hetzner_server_json(c, row)));
}

/* -- reading ---------------------------------------------------------------------------------- */

enum err hetzner_server_of(struct call *c, struct server_row *ret_row, struct error *e)
{
    int64_t id = call_id(c, "id");
    enum err err = db_get(c->tx, &server_get, DB_ARGS(db_int(id), db_int(c->now_us)),
                          hetzner_server_row_fields, c->arena, ret_row, e);
    if (err == ERR_NOT_FOUND)
        return call_refuse(c, 404, "not_found", "server with ID '%s' not found",
                           http_param(c->request, "id"));
    return err;
}

enum err hetzner_server_get(struct call *c, struct error *e)
{
    struct server_row row;
    TRY(hetzner_server_of(c, &row, e));
    return answer_server(c, &row);
}

static int by_name(const void *a, const void *b)
{
    const struct server_row *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static int by_id(const void *a, const void *b)
{
    const struct server_row *const *x = a, *const *y = b;
    return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

/* Ids are given in order of creation, so that sorting by `created` is sorting by id. */
static enum err sort(struct call *c, const struct server_row **rows, size_t count)
{
    const char *wanted = http_query(c->request, "sort");
    struct str direction = str_from(wanted ? wanted : "id");
    struct str column = str_cut(&direction, ':');
    bool is_known =
        str_eq(column, STR("id")) || str_eq(column, STR("name")) || str_eq(column, STR("created"));
    bool is_down = str_eq(direction, STR("desc"));
    if (!is_known || (direction.ptr && !is_down && !str_eq(direction, STR("asc"))))
        return call_refuse(c, 422, "invalid_input", "invalid input in field 'sort': unknown order");
    qsort(rows, count, sizeof(*rows), str_eq(column, STR("name")) ? by_name : by_id);
    for (size_t i = 0; is_down && i < count / 2; i++) {
        const struct server_row *other = rows[count - 1 - i];
        rows[count - 1 - i] = rows[i];
        rows[i] = other;
    }
    return OK;
}

enum err hetzner_server_list(struct call *c, struct error *e)
{
    struct page page;
    TRY(hetzner_page_read(c, &page));
    TRY(hetzner_selector_check(c));
    struct records all;
    TRY(db_list(c->tx, &server_list, DB_ARGS(db_int(c->now_us)), hetzner_server_row_fields,
                sizeof(struct server_row), HETZNER_ROWS_MAX, c->arena, &all, e));

    const struct server_row **wanted = arena_alloc_array(c->arena, all.count + 1, sizeof(*wanted));
    size_t count = 0;
    for (size_t i = 0; i < all.count; i++) {
        const struct server_row *row = &((const struct server_row *)all.items)[i];
        if (hetzner_query_allows(c, "name", row->name) &&
            hetzner_query_allows(c, "status", phases_at(&row->phases, c->now_us)) &&
            hetzner_selector_matches(c, row->labels))
            wanted[count++] = row;
    }
    TRY(sort(c, wanted, count));
    hetzner_page_cut(&page, count);
    json_t *shown = json_array();
    for (size_t i = page.from; i < page.to; i++)
        json_push(shown, hetzner_server_json(c, wanted[i]));
    return hetzner_page_answer(c, &page, "servers", shown);
}

/* -- changing --------------------------------------------------------------------------------- */

enum err hetzner_server_save_phases(struct call *c, const struct server_row *row, struct error *e)
{
    return db_exec(c->tx, &server_set_phases,
                   DB_ARGS(db_int(row->id), PHASE_ARGS(&row->phases), db_int(row->locked_until),
                           db_int(row->gone_at)),
                   NULL, e);
}

enum err hetzner_refuse_if_locked(struct call *c, const struct server_row *row)
{
    if (c->now_us < row->locked_until)
        return call_refuse(c, 423, "locked", "server %lld is locked: an action is running",
                           (long long)row->id);
    return OK;
}

struct server_change {
    const char *name, *labels;
};

static const struct field server_change_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct server_change, name), .check = hetzner_check_hostname},
    {"labels", FIELD_JSON, offsetof(struct server_change, labels)},
    FIELD_END,
};

enum err hetzner_server_update(struct call *c, struct error *e)
{
    struct server_row row;
    TRY(hetzner_server_of(c, &row, e));
    struct server_change change;
    record_clear(server_change_fields, &change);
    TRY(call_decode(c, server_change_fields, &change));
    if (change.labels) {
        TRY(hetzner_labels_check(c, change.labels));
        TRY(db_exec(c->tx, &server_set_labels, DB_ARGS(db_int(row.id), db_text(change.labels)),
                    NULL, e));
        row.labels = change.labels;
    }
    if (change.name) {
        TRY(db_exec(c->tx, &server_purge, DB_ARGS(db_int(c->now_us)), NULL, e));
        enum err err = db_exec(c->tx, &server_set_name,
                               DB_ARGS(db_int(row.id), db_text(change.name)), NULL, e);
        if (err == ERR_CONFLICT)
            return hetzner_refuse_used_name(c, "server name is already used");
        TRY(err);
        row.name = change.name;
    }
    return answer_server(c, &row);
}

enum err hetzner_server_delete(struct call *c, struct error *e)
{
    struct server_row row;
    TRY(hetzner_server_of(c, &row, e));
    TRY(hetzner_refuse_if_locked(c, &row));
    row.gone_at = c->now_us + call_delay_us(c);
    row.locked_until = row.gone_at;
    row.phases = phases_settled("deleting");
    TRY(hetzner_server_save_phases(c, &row, e));
    struct action_row action;
    TRY(hetzner_action_new(c, "delete_server", row.id, row.gone_at, &action, e));
    return call_answer(c, 200, json_packed("{s:o}", "action", hetzner_action_json(c, &action)));
}
