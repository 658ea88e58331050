/*
 * Private networks. A subnet lies within the network's range, and the servers that join get the
 * next free address of the first subnet in their zone.
 */
#include "sandbox/hetzner_things.h"

#include <arpa/inet.h>

#define SUBNETS_MAX 50
#define ROUTES_MAX  100

static void show(const struct call *c, const struct thing_row *row, const json_t *detail,
                 json_t *servers, json_t *shown)
{
    (void)c;
    BUG_ON(json_object_update(shown, (json_t *)(uintptr_t)detail) != 0);
    json_put(shown, "servers", json_incref(servers));
    json_put(shown, "load_balancers", json_array());
    json_put(shown, "protection", json_packed("{s:b}", "delete", (int)row->is_protected));
}

const struct thing_kind hetzner_network = {
    .name = "network",
    .plural = "networks",
    .called = "network",
    .show = show,
    .changeable = "expose_routes_to_vswitch",
};

/* -- ranges ----------------------------------------------------------------------------------- */

struct range {
    uint32_t first, last;
};

static bool read_address(struct str text, uint32_t *ret_address)
{
    char copy[INET_ADDRSTRLEN];
    struct in_addr address;
    if (text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, &address) != 1)
        return false;
    *ret_address = ntohl(address.s_addr);
    return true;
}

static bool read_range(const char *text, struct range *ret_range)
{
    struct str bits = str_from(text);
    struct str address = str_cut(&bits, '/');
    int64_t length;
    uint32_t first;
    if (!bits.ptr || !read_address(address, &first) || !str_to_i64(bits, &length) || length < 1 ||
        length > 30)
        return false;
    uint32_t size_minus_1 = (uint32_t)((UINT64_C(1) << (32 - length)) - 1);
    if (first & size_minus_1)
        return false;
    *ret_range = (struct range){first, first + size_minus_1};
    return true;
}

static bool is_within(struct range inner, struct range outer)
{
    return inner.first >= outer.first && inner.last <= outer.last;
}

static bool overlaps(struct range a, struct range b)
{
    return a.first <= b.last && b.first <= a.last;
}

static const char *address_text(struct call *c, uint32_t a)
{
    return arena_printf(c->arena, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
}

static const char *check_range(const char *text)
{
    struct range range;
    return read_range(text, &range) ? NULL : "must be an IPv4 network in CIDR notation";
}

/* -- input ------------------------------------------------------------------------------------ */

struct subnet_input {
    int type;
    const char *ip_range, *network_zone, *vswitch_id;
};

static const char *const subnet_types[] = {"cloud", "server", "vswitch", NULL};

static const struct field subnet_fields[] = {
    {"type", FIELD_ENUM, offsetof(struct subnet_input, type), .required = true,
     .names = subnet_types},
    {"ip_range", FIELD_TEXT, offsetof(struct subnet_input, ip_range), .check = check_range},
    {"network_zone", FIELD_TEXT, offsetof(struct subnet_input, network_zone), .required = true},
    {"vswitch_id", FIELD_JSON, offsetof(struct subnet_input, vswitch_id)},
    FIELD_END,
};

struct route_input {
    const char *destination, *gateway;
};

static const struct field route_fields[] = {
    {"destination", FIELD_TEXT, offsetof(struct route_input, destination), .required = true,
     .check = check_range},
    {"gateway", FIELD_TEXT, offsetof(struct route_input, gateway), .required = true},
    FIELD_END,
};

struct network_input {
    const char *name, *labels, *ip_range;
    struct records subnets, routes;
    bool expose_routes_to_vswitch;
};

static const struct field network_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct network_input, name), .required = true, .max_len = 128},
    {"labels", FIELD_JSON, offsetof(struct network_input, labels)},
    {"ip_range", FIELD_TEXT, offsetof(struct network_input, ip_range), .required = true,
     .check = check_range},
    {"subnets", FIELD_OBJECTS, offsetof(struct network_input, subnets), .fields = subnet_fields,
     .item_size = sizeof(struct subnet_input)},
    {"routes", FIELD_OBJECTS, offsetof(struct network_input, routes), .fields = route_fields,
     .item_size = sizeof(struct route_input)},
    {"expose_routes_to_vswitch", FIELD_BOOL,
     offsetof(struct network_input, expose_routes_to_vswitch)},
    FIELD_END,
};

static const struct field ip_range_fields[] = {
    {"ip_range", FIELD_TEXT, offsetof(struct network_input, ip_range), .required = true,
     .check = check_range},
    FIELD_END,
};

/* -- subnets and routes ----------------------------------------------------------------------- */

static struct range range_at(const json_t *object)
{
    struct range range;
    BUG_ON(!read_range(json_get_text(object, "ip_range"), &range));
    return range;
}

/* The first /24 of the network that no subnet touches, or NULL. */
static const char *free_subnet(struct call *c, const json_t *detail)
{
    struct range whole = range_at(detail);
    for (uint64_t at = whole.first; at + 255 <= whole.last; at += 256) {
        struct range candidate = {(uint32_t)at, (uint32_t)at + 255};
        bool is_free = true;
        size_t i;
        json_t *subnet;
        json_array_foreach (json_object_get(detail, "subnets"), i, subnet)
            is_free = is_free && !overlaps(candidate, range_at(subnet));
        if (is_free)
            return arena_printf(c->arena, "%s/24", address_text(c, candidate.first));
    }
    return NULL;
}

static enum err add_subnet(struct call *c, json_t *detail, const struct subnet_input *in)
{
    json_t *subnets = json_object_get(detail, "subnets"), *other;
    const char *text = in->ip_range ? in->ip_range : free_subnet(c, detail);
    struct range range;
    if (!text || json_array_size(subnets) >= SUBNETS_MAX)
        return call_refuse(c, 403, "resource_limit_exceeded", "the network has no room for it");
    BUG_ON(!read_range(text, &range));
    size_t i;
    json_array_foreach (subnets, i, other) {
        if (overlaps(range, range_at(other)))
            return call_refuse(c, 422, "invalid_input", "subnet %s overlaps with another", text);
    }
    if (!is_within(range, range_at(detail)))
        return call_refuse(c, 422, "invalid_input", "subnet %s is not within the network", text);
    json_push(subnets, json_packed("{s:s, s:s, s:s, s:s, s:n}", "type", subnet_types[in->type],
                                   "ip_range", text, "network_zone", in->network_zone, "gateway",
                                   address_text(c, range_at(detail).first + 1), "vswitch_id"));
    return OK;
}

static enum err add_route(struct call *c, json_t *detail, const struct route_input *in)
{
    json_t *routes = json_object_get(detail, "routes");
    uint32_t gateway;
    if (!read_address(str_from(in->gateway), &gateway))
        return call_refuse(c, 422, "invalid_input", "invalid input in field 'gateway'");
    if (json_array_size(routes) >= ROUTES_MAX)
        return call_refuse(c, 403, "resource_limit_exceeded", "the network has too many routes");
    json_push(routes,
              json_packed("{s:s, s:s}", "destination", in->destination, "gateway", in->gateway));
    return OK;
}

/* Removes the first object of detail.LIST whose member is that; 404 when there is none. */
static enum err remove_item(struct call *c, json_t *detail, const char *list, const char *member,
                            const char *value)
{
    json_t *items = json_object_get(detail, list);
    for (size_t i = 0; i < json_array_size(items); i++) {
        if (text_eq(json_get_text(json_array_get(items, i), member), value)) {
            (void)json_array_remove(items, i);
            return OK;
        }
    }
    return call_refuse(c, 404, "not_found", "%s is not among the network's %s", value, list);
}

/* -- joining ---------------------------------------------------------------------------------- */

static bool is_used(const struct records *links, const char *ip)
{
    for (size_t i = 0; i < links->count; i++) {
        if (text_eq(((const struct link_row *)links->items)[i].detail, ip))
            return true;
    }
    return false;
}

enum err network_join(struct call *c, const struct thing_row *network, int64_t server_id,
                      const char *wanted, struct error *e)
{
    _cleanup_json_ json_t *detail = thing_detail(network);
    const json_t *subnet = json_array_get(json_object_get(detail, "subnets"), 0);
    if (!subnet)
        return call_refuse(c, 422, "no_subnet_available", "network %lld has no subnet",
                           (long long)network->id);
    struct records links;
    TRY(thing_links(c, network->id, &links, e));
    struct range range = range_at(subnet);
    uint32_t address = range.first + 2; /* .1 is the gateway */
    const char *ip = wanted;
    if (wanted && (!read_address(str_from(wanted), &address) || address <= range.first + 1 ||
                   address >= range.last || is_used(&links, wanted)))
        return call_refuse(c, 422, "ip_not_available", "IP %s is not available", wanted);
    while (!wanted && (ip = address_text(c, address), is_used(&links, ip)))
        address++;
    if (address >= range.last)
        return call_refuse(c, 422, "no_subnet_available", "network %lld has no free IP",
                           (long long)network->id);
    enum err err = thing_link(c, network->id, server_id, ip, e);
    if (err == ERR_CONFLICT)
        return call_refuse(c, 422, "server_already_attached",
                           "server %lld is already attached to network %lld", (long long)server_id,
                           (long long)network->id);
    return err;
}

/* -- operations ------------------------------------------------------------------------------- */

enum err network_create(struct call *c, struct error *e)
{
    struct network_input in;
    record_clear(network_fields, &in);
    TRY(call_decode(c, network_fields, &in));
    _cleanup_json_ json_t *detail =
        json_packed("{s:s, s:[], s:[], s:b}", "ip_range", in.ip_range, "subnets", "routes",
                    "expose_routes_to_vswitch", (int)in.expose_routes_to_vswitch);
    for (size_t i = 0; i < in.subnets.count; i++)
        TRY(add_subnet(c, detail, &((const struct subnet_input *)in.subnets.items)[i]));
    for (size_t i = 0; i < in.routes.count; i++)
        TRY(add_route(c, detail, &((const struct route_input *)in.routes.items)[i]));
    struct thing_row row;
    TRY(thing_insert(c, &hetzner_network, in.name, in.labels, NULL, json_incref(detail), &row, e));
    return thing_answer(c, 201, &row, e);
}

enum err network_add_subnet(struct call *c, struct error *e)
{
    struct thing_row row;
    TRY(thing_of(c, &row, e));
    struct subnet_input in = {0};
    TRY(call_decode(c, subnet_fields, &in));
    _cleanup_json_ json_t *detail = thing_detail(&row);
    TRY(add_subnet(c, detail, &in));
    TRY(thing_set_detail(c, &row, json_incref(detail), e));
    return thing_answer_action(c, "add_subnet", &row, e);
}

enum err network_delete_subnet(struct call *c, struct error *e)
{
    struct thing_row row;
    TRY(thing_of(c, &row, e));
    struct network_input in = {0};
    TRY(call_decode(c, ip_range_fields, &in));
    struct records links;
    TRY(thing_links(c, row.id, &links, e));
    struct range range;
    BUG_ON(!read_range(in.ip_range, &range));
    for (size_t i = 0; i < links.count; i++) {
        uint32_t ip = 0;
        (void)read_address(str_from(((const struct link_row *)links.items)[i].detail), &ip);
        if (ip >= range.first && ip <= range.last)
            return call_refuse(c, 422, "service_error", "servers are attached to the subnet");
    }
    _cleanup_json_ json_t *detail = thing_detail(&row);
    TRY(remove_item(c, detail, "subnets", "ip_range", in.ip_range));
    TRY(thing_set_detail(c, &row, json_incref(detail), e));
    return thing_answer_action(c, "delete_subnet", &row, e);
}

enum err network_add_route(struct call *c, struct error *e)
{
    struct thing_row row;
    TRY(thing_of(c, &row, e));
    struct route_input in = {0};
    TRY(call_decode(c, route_fields, &in));
    _cleanup_json_ json_t *detail = thing_detail(&row);
    TRY(add_route(c, detail, &in));
    TRY(thing_set_detail(c, &row, json_incref(detail), e));
    return thing_answer_action(c, "add_route", &row, e);
}

enum err network_delete_route(struct call *c, struct error *e)
{
    struct thing_row row;
    TRY(thing_of(c, &row, e));
    struct route_input in = {0};
    TRY(call_decode(c, route_fields, &in));
    _cleanup_json_ json_t *detail = thing_detail(&row);
    TRY(remove_item(c, detail, "routes", "destination", in.destination));
    TRY(thing_set_detail(c, &row, json_incref(detail), e));
    return thing_answer_action(c, "delete_route", &row, e);
}

/* The range may only grow around what there is. */
enum err network_change_ip_range(struct call *c, struct error *e)
{
    struct thing_row row;
    TRY(thing_of(c, &row, e));
    struct network_input in = {0};
    TRY(call_decode(c, ip_range_fields, &in));
    _cleanup_json_ json_t *detail = thing_detail(&row);
    struct range range;
    BUG_ON(!read_range(in.ip_range, &range));
    if (!is_within(range_at(detail), range))
        return call_refuse(c, 422, "invalid_input", "the new range must contain the old one");
    json_put(detail, "ip_range", json_string(in.ip_range));
    TRY(thing_set_detail(c, &row, json_incref(detail), e));
    return thing_answer_action(c, "change_ip_range", &row, e);
}
