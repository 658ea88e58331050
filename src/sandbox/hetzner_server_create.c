#include "sandbox/hetzner.h"
#include "sandbox/hetzner_things.h"

#include "hetzner.sql.h"

#define USER_DATA_MAX     32768
#define ROOT_PASSWORD_LEN 20
#define FIRST_SERVER_ID   100000
#define LIST_MAX          100

struct public_net_input {
    bool enable_ipv4, enable_ipv6;
    int64_t ipv4, ipv6; /* numbers of existing primary IPs */
};

struct server_input {
    const char *name, *server_type, *image, *location, *user_data, *labels;
    struct texts ssh_keys;
    const char *volumes, *networks, *firewalls;
    int64_t placement_group;
    bool start_after_create, automount;
    struct public_net_input public_net;
};

static const struct field public_net_fields[] = {
    {"enable_ipv4", FIELD_BOOL, offsetof(struct public_net_input, enable_ipv4)},
    {"enable_ipv6", FIELD_BOOL, offsetof(struct public_net_input, enable_ipv6)},
    {"ipv4", FIELD_INT, offsetof(struct public_net_input, ipv4)},
    {"ipv6", FIELD_INT, offsetof(struct public_net_input, ipv6)},
    FIELD_END,
};

static const struct field server_input_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct server_input, name), .required = true,
     .check = hetzner_check_hostname},
    {"server_type", FIELD_TEXT, offsetof(struct server_input, server_type), .required = true},
    {"image", FIELD_TEXT, offsetof(struct server_input, image), .required = true},
    {"location", FIELD_TEXT, offsetof(struct server_input, location)},
    {"user_data", FIELD_TEXT, offsetof(struct server_input, user_data), .max_len = USER_DATA_MAX},
    {"labels", FIELD_JSON, offsetof(struct server_input, labels)},
    {"ssh_keys", FIELD_TEXTS, offsetof(struct server_input, ssh_keys), .min = 0, .max = LIST_MAX},
    {"volumes", FIELD_JSON, offsetof(struct server_input, volumes)},
    {"networks", FIELD_JSON, offsetof(struct server_input, networks)},
    {"firewalls", FIELD_JSON, offsetof(struct server_input, firewalls)},
    {"placement_group", FIELD_INT, offsetof(struct server_input, placement_group)},
    {"start_after_create", FIELD_BOOL, offsetof(struct server_input, start_after_create)},
    {"automount", FIELD_BOOL, offsetof(struct server_input, automount)},
    {"public_net", FIELD_OBJECT, offsetof(struct server_input, public_net),
     .fields = public_net_fields},
    FIELD_END,
};

/* RFC 1123 labels of at most 63 letters, digits and hyphens, joined by dots. */
const char *hetzner_check_hostname(const char *text)
{
    static const char why[] = "must be a host name of letters, digits, '-' and '.' (RFC 1123)";
    struct str rest = str_from(text);
    if (rest.len > 253)
        return why;
    while (rest.ptr) {
        struct str label = str_cut(&rest, '.');
        if (label.len == 0 || label.len > 63 || label.ptr[0] == '-' ||
            label.ptr[label.len - 1] == '-')
            return why;
        for (size_t i = 0; i < label.len; i++) {
            char ch = label.ptr[i];
            if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                  (ch >= '0' && ch <= '9') || ch == '-'))
                return why;
        }
    }
    return NULL;
}

enum err hetzner_refuse_used_name(struct call *c, const char *sentence)
{
    c->reply.details = json_packed("{s:[{s:s}]}", "fields", "name", "name");
    return call_refuse(c, 409, "uniqueness_error", "%s", sentence);
}

json_t *hetzner_number_as_text(json_t *value)
{
    if (!json_is_integer(value))
        return json_incref(value);
    char text[32];
    (void)snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
    return json_string(text);
}

static void accept_numbers(json_t *body)
{
    static const char *const names[] = {"server_type", "image", "location"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_t *value = json_object_get(body, names[i]);
        if (value)
            json_put(body, names[i], hetzner_number_as_text(value));
    }
    json_t *keys = json_object_get(body, "ssh_keys");
    for (size_t i = 0; i < json_array_size(keys); i++)
        BUG_ON(json_array_set_new(keys, i, hetzner_number_as_text(json_array_get(keys, i))) != 0);
}

struct choice {
    const struct hetzner_type *type;
    int64_t image_id;
    const struct hetzner_location *location;
};

static enum err choose(struct call *c, const struct server_input *in, struct choice *ret_choice,
                       struct error *e)
{
    struct choice chosen = {.type = hetzner_type_find(in->server_type)};
    if (!chosen.type)
        return call_refuse(c, 422, "invalid_input", "server type '%s' not found", in->server_type);
    TRY(hetzner_image_choose(c, in->image, chosen.type, &chosen.image_id, e));
    static const char *const order[] = {"fsn1", "ash", "sin"};
    for (size_t i = 0; !in->location && i < ARRAY_LEN(order) && !chosen.location; i++) {
        const struct hetzner_location *l = hetzner_location_find(order[i]);
        chosen.location = hetzner_type_is_sold_in(chosen.type, l) ? l : NULL;
    }
    if (in->location)
        chosen.location = hetzner_location_find(in->location);
    if (!chosen.location)
        return call_refuse(c, 422, "invalid_input", "location '%s' not found",
                           in->location ? in->location : "");
    if (!hetzner_type_is_sold_in(chosen.type, chosen.location))
        return call_refuse(c, 422, "invalid_input", "unsupported location for server type");
    *ret_choice = chosen;
    return hetzner_check_availability(c, chosen.type, chosen.location);
}

static enum err check_ssh_keys(struct call *c, const struct texts *keys, struct error *e)
{
    for (size_t i = 0; i < keys->count; i++) {
        bool exists;
        TRY(hetzner_ssh_key_exists(c, keys->items[i], &exists, e));
        if (!exists)
            return call_refuse(c, 422, "invalid_input", "SSH key '%s' not found", keys->items[i]);
    }
    return OK;
}

static enum err insert(struct call *c, const struct server_input *in, const struct choice *chosen,
                       struct server_row *row, struct error *e)
{
    int64_t id;
    TRY(db_exec(c->tx, &server_purge, DB_ARGS(db_int(c->now_us)), NULL, e));
    TRY(call_next_number(c, "hetzner_server", FIRST_SERVER_ID, &id, e));
    int64_t delay = call_delay_us(c);
    bool starts = in->start_after_create && !c->must_fail;
    *row = (struct server_row){
        .id = id,
        .name = in->name,
        .server_type = hetzner_type_name(chosen->type),
        .image_id = chosen->image_id,
        .location = hetzner_location_name(chosen->location),
        .labels = in->labels ? in->labels : "{}",
        .user_data = in->user_data,
        .ssh_keys = in->ssh_keys.items ? db_texts_json(c->arena, in->ssh_keys) : "[]",
        .disk_gb = hetzner_type_disk_gb(chosen->type),
        .listed_at = call_listed_at(c),
        .created_at = c->now_us,
        .phases = starts ? phases_via_two("initializing", "starting", "running", c->now_us, delay)
                         : phases_via("initializing", "off", c->now_us, delay),
        .gone_at = INT_ABSENT,
    };
    row->locked_until = phases_settle_at(&row->phases);
    enum err err = db_exec(
        c->tx, &server_insert,
        DB_ARGS(db_int(id), db_text(row->name), db_text(row->server_type), db_int(row->image_id),
                db_text(row->location), db_text(row->labels), db_text(row->user_data),
                db_text(row->ipv4), db_text(row->ipv6), db_int(row->created_at),
                PHASE_ARGS(&row->phases), db_int(row->locked_until), db_text(row->ssh_keys),
                db_int(row->disk_gb), db_int(row->listed_at)),
        NULL, e);
    if (err == ERR_CONFLICT)
        return hetzner_refuse_used_name(c, "server name is already used");
    return err;
}

/* -- what the server uses --------------------------------------------------------------------- */

/* The primary IP that the request names. */
static enum err use_address(struct call *c, struct server_row *row, const char *field, int64_t id,
                            const char **ret_ip, struct error *e)
{
    struct thing_row thing;
    struct records links;
    TRY(thing_find(c, &hetzner_primary_ip, id, field, &thing, e));
    TRY(thing_links(c, thing.id, &links, e));
    _cleanup_json_ json_t *detail = thing_detail(&thing);
    const char *ip = arena_text(c->arena, json_get_text(detail, "ip"));
    if (links.count > 0)
        return call_refuse(c, 422, "primary_ip_assigned", "primary IP %lld is assigned already",
                           (long long)id);
    if (!text_eq(json_get_text(detail, "type"), field))
        return call_refuse(c, 422, "primary_ip_version_mismatch", "primary IP %lld is not an %s",
                           (long long)id, field);
    if (!text_eq(thing.location, row->location))
        return call_refuse(c, 422, "invalid_input", "primary IP %lld is in %s", (long long)id,
                           thing.location);
    *ret_ip = ip;
    return thing_link(c, thing.id, row->id, ip, e);
}

static enum err give_addresses(struct call *c, const struct public_net_input *in,
                               struct server_row *row, struct error *e)
{
    unsigned id = (unsigned)row->id, host = id & 0x1ffff; /* 198.18.0.0/15 has 17 bits */
    if (in->enable_ipv4 && in->ipv4 != INT_ABSENT) {
        TRY(use_address(c, row, "ipv4", in->ipv4, &row->ipv4, e));
    } else if (in->enable_ipv4) {
        row->ipv4 = arena_printf(c->arena, "198.%u.%u.%u", 18 + (host >> 16), (host >> 8) & 255,
                                 host & 255);
        TRY(primary_ip_for(c, row, "ipv4", row->ipv4, e));
    }
    if (in->enable_ipv6 && in->ipv6 != INT_ABSENT) {
        TRY(use_address(c, row, "ipv6", in->ipv6, &row->ipv6, e));
    } else if (in->enable_ipv6) {
        row->ipv6 = arena_printf(c->arena, "2001:db8:%x:%x::/64", (id >> 16) & 0xffff, id & 0xffff);
        TRY(primary_ip_for(c, row, "ipv6", row->ipv6, e));
    }
    TRY(hetzner_server_set_address(c, row->id, true, row->ipv4, e));
    return hetzner_server_set_address(c, row->id, false, row->ipv6, e);
}

/* What stands in one of the body's lists is a thing of that kind and gets linked. */
static enum err use(struct call *c, const struct server_row *row, const struct thing_kind *kind,
                    const char *field, const json_t *item, struct error *e)
{
    const json_t *number = json_is_object(item) ? json_object_get(item, kind->name) : item;
    struct thing_row thing;
    if (!json_is_integer(number))
        return call_refuse(c, 422, "invalid_input", "invalid input in field '%s'", field);
    TRY(thing_find(c, kind, json_integer_value(number), field, &thing, e));
    if (kind == &hetzner_network)
        return network_join(c, &thing, row->id, NULL, e);
    struct records links;
    TRY(thing_links(c, thing.id, &links, e));
    if (kind == &hetzner_volume && (links.count > 0 || !text_eq(thing.location, row->location)))
        return call_refuse(c, 422, "invalid_input", "volume %lld is %s", (long long)thing.id,
                           links.count > 0 ? "attached already" : "in another location");
    enum err err = thing_link(c, thing.id, row->id, NULL, e);
    if (err == ERR_CONFLICT)
        return call_refuse(c, 422, "invalid_input", "invalid input in field '%s': named twice",
                           field);
    return err;
}

static enum err use_all(struct call *c, const struct server_row *row, const struct thing_kind *kind,
                        const char *command, json_t *next, struct error *e)
{
    const json_t *list = json_object_get(c->body, kind->plural);
    if (list && !json_is_null(list) && !json_is_array(list))
        return call_refuse(c, 422, "invalid_input", "invalid input in field '%s': must be a list",
                           kind->plural);
    for (size_t i = 0; i < json_array_size(list); i++) {
        TRY(use(c, row, kind, kind->plural, json_array_get(list, i), e));
        struct action_row action;
        struct action_about about = {"server", row->id, kind->name, 0};
        const json_t *item = json_array_get(list, i);
        about.other_id =
            json_integer_value(json_is_object(item) ? json_object_get(item, kind->name) : item);
        if (!command)
            continue;
        TRY(hetzner_action_new(c, command, about, row->locked_until, &action, e));
        json_push(next, hetzner_action_json(c, &action));
    }
    return OK;
}

static enum err use_things(struct call *c, const struct server_input *in,
                           const struct server_row *row, json_t *next, struct error *e)
{
    TRY(use_all(c, row, &hetzner_volume, "attach_volume", next, e));
    TRY(use_all(c, row, &hetzner_network, "attach_to_network", next, e));
    TRY(use_all(c, row, &hetzner_firewall, NULL, next, e));
    if (in->placement_group == INT_ABSENT)
        return OK;
    const json_t *group = json_object_get(c->body, "placement_group");
    return use(c, row, &hetzner_placement_group, "placement_group", group, e);
}

/* -- the operation ---------------------------------------------------------------------------- */

static enum err answer_created(struct call *c, const struct server_input *in,
                               const struct server_row *row, struct error *e)
{
    struct action_row create, start;
    struct action_about about = {"server", row->id, NULL, 0};
    TRY(hetzner_action_new(c, "create_server", about, row->phases.first_until, &create, e));
    _cleanup_json_ json_t *next = json_array();
    if (in->start_after_create) {
        TRY(hetzner_action_new(c, "start_server", about, row->phases.second_until, &start, e));
        json_push(next, hetzner_action_json(c, &start));
    }
    TRY(use_things(c, in, row, next, e));
    json_t *server;
    TRY(hetzner_server_json(c, row, &server, e));
    json_t *reply =
        json_packed("{s:o, s:o, s:O, s:n}", "server", server, "action",
                    hetzner_action_json(c, &create), "next_actions", next, "root_password");
    if (in->ssh_keys.count == 0)
        json_put(reply, "root_password", json_string(call_random_text(c, ROOT_PASSWORD_LEN)));
    return call_answer(c, 201, reply);
}

enum err hetzner_server_create(struct call *c, struct error *e)
{
    struct server_input in;
    record_clear(server_input_fields, &in);
    in.start_after_create = in.public_net.enable_ipv4 = in.public_net.enable_ipv6 = true;
    accept_numbers(c->body);
    TRY(call_decode(c, server_input_fields, &in));
    if (in.labels)
        TRY(hetzner_labels_check(c, in.labels));
    struct choice chosen = {0};
    TRY(choose(c, &in, &chosen, e));
    TRY(check_ssh_keys(c, &in.ssh_keys, e));
    struct server_row row;
    TRY(insert(c, &in, &chosen, &row, e));
    TRY(give_addresses(c, &in.public_net, &row, e));
    c->reply.machines_changed = true;
    return answer_created(c, &in, &row, e);
}
