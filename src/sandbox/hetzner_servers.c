#include "sandbox/hetzner.h"
#include "sandbox/hetzner_things.h"

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
    {"ssh_keys", FIELD_JSON, offsetof(struct server_row, ssh_keys)},
    {"disk_gb", FIELD_INT, offsetof(struct server_row, disk_gb)},
    {"backup_window", FIELD_TEXT, offsetof(struct server_row, backup_window)},
    {"protected", FIELD_BOOL, offsetof(struct server_row, is_protected)},
    {"dns_ptr", FIELD_TEXT, offsetof(struct server_row, dns_ptr)},
    {"listed_at", FIELD_TIME, offsetof(struct server_row, listed_at)},
    FIELD_END,
};

/* -- as JSON ---------------------------------------------------------------------------------- */

/* An address of the server, with the number of its primary IP where there is one. */
static json_t *address_json(const struct records *links, const char *ip, json_t *dns_ptr)
{
    json_t *address = json_packed("{s:s, s:b, s:o}", "ip", ip, "blocked", 0, "dns_ptr", dns_ptr);
    for (size_t i = 0; i < links->count; i++) {
        const struct link_row *link = &((const struct link_row *)links->items)[i];
        if (text_eq(link->kind, "primary_ip") && text_eq(link->detail, ip))
            json_put(address, "id", json_integer(link->thing_id));
    }
    return address;
}

static const char *default_dns_ptr(const struct call *c, const char *ipv4)
{
    return arena_printf(c->arena, "static.%s.clients.sandbox.invalid", ipv4);
}

static json_t *public_net(const struct call *c, const struct server_row *row,
                          const struct records *links)
{
    json_t *net = json_packed("{s:n, s:n, s:[]}", "ipv4", "ipv6", "floating_ips");
    if (row->ipv4)
        json_put(
            net, "ipv4",
            address_json(links, row->ipv4,
                         json_string(row->dns_ptr ? row->dns_ptr : default_dns_ptr(c, row->ipv4))));
    if (row->ipv6)
        json_put(net, "ipv6", address_json(links, row->ipv6, json_array()));
    json_t *firewalls = json_array();
    for (size_t i = 0; i < links->count; i++) {
        const struct link_row *link = &((const struct link_row *)links->items)[i];
        if (text_eq(link->kind, "firewall"))
            json_push(firewalls, json_packed("{s:I, s:s}", "id", (json_int_t)link->thing_id,
                                             "status", "applied"));
    }
    json_put(net, "firewalls", firewalls);
    return net;
}

/* A locally administered address that follows from the numbers. */
static json_t *private_net(const struct link_row *link, const struct call *c)
{
    unsigned n = (unsigned)link->server_id, t = (unsigned)link->thing_id;
    const char *mac = arena_printf(c->arena, "86:00:%02x:%02x:%02x:%02x", t & 255, n >> 16 & 255,
                                   n >> 8 & 255, n & 255);
    return json_packed("{s:I, s:s, s:[], s:s}", "network", (json_int_t)link->thing_id, "ip",
                       link->detail, "alias_ips", "mac_address", mac);
}

/* What is linked to the server; the placement group is shown in full. */
static enum err add_links(struct call *c, const struct records *links, json_t *server,
                          struct error *e)
{
    json_t *networks = json_array(), *volumes = json_array();
    json_put(server, "private_net", networks);
    json_put(server, "volumes", volumes);
    json_put(server, "placement_group", json_null());
    for (size_t i = 0; i < links->count; i++) {
        const struct link_row *link = &((const struct link_row *)links->items)[i];
        if (text_eq(link->kind, "network"))
            json_push(networks, private_net(link, c));
        if (text_eq(link->kind, "volume"))
            json_push(volumes, json_integer(link->thing_id));
        if (!text_eq(link->kind, "placement_group"))
            continue;
        struct thing_row group;
        json_t *shown;
        TRY(thing_find(c, &hetzner_placement_group, link->thing_id, "id", &group, e));
        TRY(thing_json(c, &group, &shown, e));
        json_put(server, "placement_group", shown);
    }
    return OK;
}

enum err hetzner_server_json(struct call *c, const struct server_row *row, json_t **ret_json,
                             struct error *e)
{
    const struct hetzner_type *type = hetzner_type_find(row->server_type);
    const struct hetzner_location *location = hetzner_location_find(row->location);
    BUG_ON(!type || !location);
    struct records links;
    TRY(server_links(c, row->id, &links, e));
    _cleanup_json_ json_t *image = NULL;
    TRY(hetzner_image_by_id(c, row->image_id, &image, e));

    _cleanup_json_ json_t *server = json_packed(
        "{s:I, s:s, s:s, s:o, s:b, s:b, s:s?, s:i, s:i, s:I, s:{s:b, s:b}, s:I, s:n, s:[]}", "id",
        (json_int_t)row->id, "name", row->name, "status", phases_at(&row->phases, c->now_us),
        "created", json_time(row->created_at), "rescue_enabled", 0, "locked",
        c->now_us < row->locked_until, "backup_window", row->backup_window, "outgoing_traffic", 0,
        "ingoing_traffic", 0, "included_traffic", (json_int_t)hetzner_included_traffic(location),
        "protection", "delete", (int)row->is_protected, "rebuild", (int)row->is_protected,
        "primary_disk_size",
        (json_int_t)(row->disk_gb == INT_ABSENT ? hetzner_type_disk_gb(type) : row->disk_gb), "iso",
        "load_balancers");
    json_put(server, "public_net", public_net(c, row, &links));
    TRY(add_links(c, &links, server, e));
    json_put(server, "server_type", hetzner_type_json(c, type));
    json_put(server, "location", hetzner_location_json(location));
    json_put(server, "image", image ? json_incref(image) : json_null());
    json_t *labels = NULL;
    BUG_ON(json_parse(str_from(row->labels), &labels, NULL) != OK);
    json_put(server, "labels", labels);
    *ret_json = json_incref(server);
    return OK;
}

static enum err answer_server(struct call *c, const struct server_row *row, struct error *e)
{
    json_t *server;
    TRY(hetzner_server_json(c, row, &server, e));
    return call_answer(c, 200, json_packed("{s:o}", "server", server));
}

/* -- reading ---------------------------------------------------------------------------------- */

enum err hetzner_server_find(struct call *c, int64_t id, struct server_row *ret_row,
                             struct error *e)
{
    return db_get(c->tx, &server_get, DB_ARGS(db_int(id), db_int(c->now_us)),
                  hetzner_server_row_fields, c->arena, ret_row, e);
}

enum err hetzner_server_of(struct call *c, struct server_row *ret_row, struct error *e)
{
    enum err err = hetzner_server_find(c, call_id(c, "id"), ret_row, e);
    if (err == ERR_NOT_FOUND)
        return call_refuse(c, 404, "not_found", "server with ID '%s' not found",
                           http_param(c->request, "id"));
    return err;
}

enum err hetzner_server_get(struct call *c, struct error *e)
{
    struct server_row row;
    TRY(hetzner_server_of(c, &row, e));
    return answer_server(c, &row, e);
}

static int by_name(const void *a, const void *b)
{
    const struct server_row *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* They come by number, which is in order of creation too. */
static enum err sort(struct call *c, const struct server_row **rows, size_t count)
{
    const char *column;
    bool is_down;
    TRY(hetzner_sort_read(c, &column, &is_down));
    if (text_eq(column, "name"))
        qsort(rows, count, sizeof(*rows), by_name);
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
            hetzner_selector_matches(c, row->labels) && hetzner_is_listed(c, row->listed_at))
            wanted[count++] = row;
    }
    TRY(sort(c, wanted, count));
    hetzner_page_cut(&page, count);
    _cleanup_json_ json_t *shown = json_array();
    for (size_t i = page.from; i < page.to; i++) {
        json_t *server;
        TRY(hetzner_server_json(c, wanted[i], &server, e));
        json_push(shown, server);
    }
    return hetzner_page_answer(c, &page, "servers", json_incref(shown));
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

enum err hetzner_server_to_change(struct call *c, struct server_row *ret_row, struct error *e)
{
    struct server_row row;
    TRY(hetzner_server_of(c, &row, e));
    TRY(hetzner_refuse_if_locked(c, &row));
    *ret_row = row;
    return OK;
}

enum err hetzner_server_save_options(struct call *c, const struct server_row *row, struct error *e)
{
    return db_exec(c->tx, &server_set_options,
                   DB_ARGS(db_int(row->id), db_int(row->is_protected), db_text(row->backup_window),
                           db_text(row->dns_ptr)),
                   NULL, e);
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
        TRY(db_exec(c->tx, &server_set_labels,
                    DB_ARGS(db_int(row.id), db_text(change.labels), db_int(call_listed_at(c))),
                    NULL, e));
        row.labels = change.labels;
    }
    if (change.name) {
        TRY(db_exec(c->tx, &server_purge, DB_ARGS(db_int(c->now_us)), NULL, e));
        enum err err = db_exec(
            c->tx, &server_set_name,

            DB_ARGS(db_int(row.id), db_text(change.name), db_int(call_listed_at(c))), NULL, e);
        if (err == ERR_CONFLICT)
            return hetzner_refuse_used_name(c, "server name is already used");
        TRY(err);
        row.name = change.name;
    }
    return answer_server(c, &row, e);
}

enum err hetzner_server_delete(struct call *c, struct error *e)
{
    struct server_row row;
    TRY(hetzner_server_to_change(c, &row, e));
    if (row.is_protected)
        return call_refuse(c, 423, "protected", "server %lld is protected against deletion",
                           (long long)row.id);
    TRY(server_unlink_all(c, row.id, e));
    row.gone_at = c->now_us + call_delay_us(c);
    row.locked_until = row.gone_at;
    row.phases = phases_settled("deleting");
    TRY(hetzner_server_save_phases(c, &row, e));
    c->reply.machines_changed = true;
    struct action_row action;
    struct action_about about = {"server", row.id, NULL, 0};
    TRY(hetzner_action_new(c, "delete_server", about, row.gone_at, &action, e));
    return call_answer(c, 200, json_packed("{s:o}", "action", hetzner_action_json(c, &action)));
}
