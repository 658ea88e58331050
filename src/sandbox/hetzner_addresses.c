/*
 * Placement groups and primary IPs.
 */
#include "sandbox/hetzner_things.h"

/* -- placement groups ------------------------------------------------------------------------- */

static void show_group(const struct call *c, const struct thing_row *row, const json_t *detail,
                       json_t *servers, json_t *shown)
{
    (void)c;
    (void)row;
    (void)detail;
    json_put(shown, "type", json_string("spread"));
    json_put(shown, "servers", json_incref(servers));
}

const struct thing_kind hetzner_placement_group = {
    .name = "placement_group",
    .plural = "placement_groups",
    .called = "placement group",
    .show = show_group,
    .status_while_used = 422,
    .code_while_used = "resource_in_use",
};

struct group_input {
    const char *name, *labels;
    int type;
};

static const char *const group_types[] = {"spread", NULL};

static const struct field group_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct group_input, name), .required = true, .max_len = 128},
    {"labels", FIELD_JSON, offsetof(struct group_input, labels)},
    {"type", FIELD_ENUM, offsetof(struct group_input, type), .required = true,
     .names = group_types},
    FIELD_END,
};

enum err placement_group_create(struct call *c, struct error *e)
{
    struct group_input in = {0};
    TRY(call_decode(c, group_fields, &in));
    struct thing_row row;
    TRY(thing_insert(c, &hetzner_placement_group, in.name, in.labels, NULL, json_object(), &row,
                     e));
    json_t *shown;
    TRY(thing_json(c, &row, &shown, e));
    return call_answer(c, 201, json_packed("{s:o, s:n}", "placement_group", shown, "action"));
}

/* -- primary IPs ------------------------------------------------------------------------------ */

static void show_ip(const struct call *c, const struct thing_row *row, const json_t *detail,
                    json_t *servers, json_t *shown)
{
    (void)c;
    BUG_ON(json_object_update(shown, (json_t *)(uintptr_t)detail) != 0);
    json_t *server = json_array_get(servers, 0);
    json_put(shown, "location", hetzner_location_json(hetzner_location_find(row->location)));
    json_put(shown, "blocked", json_false());
    json_put(shown, "protection", json_packed("{s:b}", "delete", (int)row->is_protected));
    json_put(shown, "assignee_type", json_string("server"));
    json_put(shown, "assignee_id", server ? json_incref(server) : json_null());
}

const struct thing_kind hetzner_primary_ip = {
    .name = "primary_ip",
    .plural = "primary_ips",
    .called = "primary IP",
    .show = show_ip,
    .status_while_used = 422,
    .code_while_used = "must_be_unassigned",
    .changeable = "auto_delete",
};

struct ip_input {
    const char *name, *labels, *location;
    int type, assignee_type;
    int64_t assignee_id;
    bool auto_delete;
    const char *ip, *dns_ptr;
};

static const char *const ip_types[] = {"ipv4", "ipv6", NULL};
static const char *const assignee_types[] = {"server", NULL};

#define INPUT(member) offsetof(struct ip_input, member)

static const struct field ip_fields[] = {
    {"name", FIELD_TEXT, INPUT(name), .required = true, .max_len = 128},
    {"labels", FIELD_JSON, INPUT(labels)},
    {"type", FIELD_ENUM, INPUT(type), .required = true, .names = ip_types},
    {"location", FIELD_TEXT, INPUT(location)},
    {"assignee_type", FIELD_ENUM, INPUT(assignee_type), .required = true, .names = assignee_types},
    {"assignee_id", FIELD_INT, INPUT(assignee_id)},
    {"auto_delete", FIELD_BOOL, INPUT(auto_delete)},
    FIELD_END,
};

static const struct field assign_fields[] = {
    {"assignee_type", FIELD_ENUM, INPUT(assignee_type), .required = true, .names = assignee_types},
    {"assignee_id", FIELD_INT, INPUT(assignee_id), .required = true},
    FIELD_END,
};

static const struct field dns_fields[] = {
    {"ip", FIELD_TEXT, INPUT(ip), .required = true},
    {"dns_ptr", FIELD_TEXT, INPUT(dns_ptr)},
    FIELD_END,
};

static json_t *ip_detail(const char *type, const char *ip, bool auto_delete)
{
    return json_packed("{s:s, s:s, s:b, s:[]}", "type", type, "ip", ip, "auto_delete",
                       (int)auto_delete, "dns_ptr");
}

enum err primary_ip_for(struct call *c, const struct server_row *server, const char *type,
                        const char *ip, struct error *e)
{
    const char *name = arena_printf(c->arena, "primary_ip-%s-%lld", type, (long long)server->id);
    struct thing_row row;
    TRY(thing_insert(c, &hetzner_primary_ip, name, NULL, server->location,
                     ip_detail(type, ip, true), &row, e));
    return thing_link(c, row.id, server->id, ip, e);
}

/* A server has one address of a type, changed only while it is off. */
static enum err assign(struct call *c, const struct thing_row *row, int64_t server_id,
                       struct error *e)
{
    struct server_row server;
    TRY(thing_server(c, server_id, "assignee_id", &server, e));
    if (!text_eq(phases_at(&server.phases, c->now_us), "off"))
        return call_refuse(c, 422, "server_not_stopped", "server %lld must be off",
                           (long long)server.id);
    if (!text_eq(server.location, row->location))
        return call_refuse(c, 422, "invalid_input", "the server is in another location");
    _cleanup_json_ json_t *detail = thing_detail(row);
    const char *ip = json_get_text(detail, "ip");
    bool is_v4 = text_eq(json_get_text(detail, "type"), "ipv4");
    if (is_v4 ? server.ipv4 : server.ipv6)
        return call_refuse(c, 422, "server_has_ipv4",
                           "server %lld has an address of this type already", (long long)server.id);
    TRY(thing_link(c, row->id, server.id, ip, e));
    return hetzner_server_set_address(c, server.id, is_v4, ip, e);
}

enum err primary_ip_create(struct call *c, struct error *e)
{
    struct ip_input in;
    record_clear(ip_fields, &in);
    json_t *location = json_object_get(c->body, "location");
    if (location)
        json_put(c->body, "location", hetzner_number_as_text(location));
    TRY(call_decode(c, ip_fields, &in));
    const char *where = in.location;
    struct server_row server;
    if (in.assignee_id != INT_ABSENT) {
        TRY(thing_server(c, in.assignee_id, "assignee_id", &server, e));
        where = server.location;
    }
    const struct hetzner_location *found = where ? hetzner_location_find(where) : NULL;
    if (!found)
        return call_refuse(c, 422, "invalid_input", "give a location that exists or an assignee");
    int64_t number;
    TRY(call_next_number(c, "hetzner_address", 1, &number, e));
    unsigned n = (unsigned)number & 0xffff;
    const char *ip = in.type == 0 ? arena_printf(c->arena, "192.0.%u.%u", 2 + (n >> 8), n & 255)
                                  : arena_printf(c->arena, "2001:db8:ffff:%x::/64", n);
    struct thing_row row;
    TRY(thing_insert(c, &hetzner_primary_ip, in.name, in.labels, hetzner_location_name(found),
                     ip_detail(ip_types[in.type], ip, in.auto_delete), &row, e));
    json_t *shown, *action;
    if (in.assignee_id != INT_ABSENT)
        TRY(assign(c, &row, in.assignee_id, e));
    TRY(thing_action(c, "create_primary_ip", &row, 0, &action, e));
    enum err err = thing_json(c, &row, &shown, e);
    if (err != OK) {
        json_decref(action);
        return err;
    }
    return call_answer(c, 201, json_packed("{s:o, s:o}", "primary_ip", shown, "action", action));
}

enum err primary_ip_assign(struct call *c, struct error *e)
{
    struct thing_row row;
    TRY(thing_of(c, &row, e));
    struct ip_input in = {0};
    TRY(call_decode(c, assign_fields, &in));
    struct records links;
    TRY(thing_links(c, row.id, &links, e));
    if (links.count > 0)
        return call_refuse(c, 422, "primary_ip_assigned", "primary IP %lld is assigned already",
                           (long long)row.id);
    TRY(assign(c, &row, in.assignee_id, e));
    return thing_answer_action(c, "assign_primary_ip", &row, e);
}

enum err primary_ip_unassign(struct call *c, struct error *e)
{
    struct thing_row row;
    TRY(thing_of(c, &row, e));
    struct records links;
    TRY(thing_links(c, row.id, &links, e));
    if (links.count == 0)
        return call_refuse(c, 422, "primary_ip_not_assigned", "primary IP %lld is not assigned",
                           (long long)row.id);
    struct server_row server;
    TRY(thing_server(c, ((const struct link_row *)links.items)->server_id, "id", &server, e));
    if (!text_eq(phases_at(&server.phases, c->now_us), "off"))
        return call_refuse(c, 422, "server_not_stopped", "server %lld must be off",
                           (long long)server.id);
    _cleanup_json_ json_t *detail = thing_detail(&row);
    bool was_there;
    TRY(thing_unlink(c, row.id, server.id, &was_there, e));
    TRY(hetzner_server_set_address(c, server.id, text_eq(json_get_text(detail, "type"), "ipv4"),
                                   NULL, e));
    return thing_answer_action(c, "unassign_primary_ip", &row, e);
}

enum err primary_ip_change_dns_ptr(struct call *c, struct error *e)
{
    struct thing_row row;
    TRY(thing_of(c, &row, e));
    struct ip_input in = {0};
    TRY(call_decode(c, dns_fields, &in));
    json_t *detail = thing_detail(&row);
    json_t *list = json_array();
    if (in.dns_ptr)
        json_push(list, json_packed("{s:s, s:s}", "ip", in.ip, "dns_ptr", in.dns_ptr));
    json_put(detail, "dns_ptr", list);
    TRY(thing_set_detail(c, &row, detail, e));
    return thing_answer_action(c, "change_dns_ptr", &row, e);
}
