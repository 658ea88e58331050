#include "sandbox/hetzner.h"

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

/* Names and numbers are both welcome where the API says "ID or name"; we go on with texts. */
static json_t *number_as_text(json_t *value)
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
            json_put(body, names[i], number_as_text(value));
    }
    json_t *keys = json_object_get(body, "ssh_keys");
    for (size_t i = 0; i < json_array_size(keys); i++)
        BUG_ON(json_array_set_new(keys, i, number_as_text(json_array_get(keys, i))) != 0);
}

/* The emulator has none of these, so whatever is named does not exist. */
static enum err refuse_unknown_parts(struct call *c)
{
    static const char *const lists[] = {"volumes", "networks", "firewalls"};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        const json_t *list = json_object_get(c->body, lists[i]);
        if (list && !json_is_null(list) && (!json_is_array(list) || json_array_size(list) > 0))
            return call_refuse(c, 422, "invalid_input", "invalid input in field '%s': not found",
                               lists[i]);
    }
    if (json_is_integer(json_object_get(c->body, "placement_group")))
        return call_refuse(c, 422, "invalid_input",
                           "invalid input in field 'placement_group': not found");
    return OK;
}

struct choice {
    const struct hetzner_type *type;
    const struct hetzner_image *image;
    const struct hetzner_location *location;
};

static enum err choose(struct call *c, const struct server_input *in, struct choice *ret_choice)
{
    struct choice chosen = {.type = hetzner_type_find(in->server_type)};
    if (!chosen.type)
        return call_refuse(c, 422, "invalid_input", "server type '%s' not found", in->server_type);
    chosen.image = hetzner_image_find(in->image, chosen.type);
    if (!chosen.image)
        return call_refuse(c, 422, "invalid_input", "image '%s' not found", in->image);
    if (!hetzner_image_fits(chosen.image, chosen.type))
        return call_refuse(c, 422, "invalid_input", "image '%s' has another architecture than %s",
                           in->image, hetzner_type_name(chosen.type));
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
    return OK;
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
    bool starts = in->start_after_create;
    unsigned host = (unsigned)(id & 0x1ffff); /* 198.18.0.0/15 has 17 bits */
    *row = (struct server_row){
        .id = id,
        .name = in->name,
        .server_type = hetzner_type_name(chosen->type),
        .image_id = hetzner_image_id(chosen->image),
        .location = hetzner_location_name(chosen->location),
        .labels = in->labels ? in->labels : "{}",
        .user_data = in->user_data,
        .created_at = c->now_us,
        .phases = starts ? phases_via_two("initializing", "starting", "running", c->now_us, delay)
                         : phases_via("initializing", "off", c->now_us, delay),
        .gone_at = INT_ABSENT,
    };
    row->locked_until = phases_settle_at(&row->phases);
    if (in->public_net.enable_ipv4)
        row->ipv4 = arena_printf(c->arena, "198.%u.%u.%u", 18 + (host >> 16), (host >> 8) & 255,
                                 host & 255);
    if (in->public_net.enable_ipv6)
        row->ipv6 = arena_printf(c->arena, "2001:db8:%x:%x::/64", (unsigned)(id >> 16) & 0xffff,
                                 (unsigned)id & 0xffff);
    enum err err = db_exec(c->tx, &server_insert,
                           DB_ARGS(db_int(id), db_text(row->name), db_text(row->server_type),
                                   db_int(row->image_id), db_text(row->location),
                                   db_text(row->labels), db_text(row->user_data),
                                   db_text(row->ipv4), db_text(row->ipv6), db_int(row->created_at),
                                   PHASE_ARGS(&row->phases), db_int(row->locked_until)),
                           NULL, e);
    if (err == ERR_CONFLICT)
        return hetzner_refuse_used_name(c, "server name is already used");
    return err;
}

static enum err answer_created(struct call *c, const struct server_input *in,
                               const struct server_row *row, struct error *e)
{
    struct action_row create, start;
    TRY(hetzner_action_new(c, "create_server", row->id, row->phases.first_until, &create, e));
    json_t *next = json_array();
    if (in->start_after_create) {
        enum err err =
            hetzner_action_new(c, "start_server", row->id, row->phases.second_until, &start, e);
        if (err != OK) {
            json_decref(next);
            return err;
        }
        json_push(next, hetzner_action_json(c, &start));
    }
    json_t *reply =
        json_packed("{s:o, s:o, s:o, s:n}", "server", hetzner_server_json(c, row), "action",
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
    TRY(refuse_unknown_parts(c));
    if (in.public_net.ipv4 != INT_ABSENT || in.public_net.ipv6 != INT_ABSENT)
        return call_refuse(c, 422, "invalid_input",
                           "invalid input in field 'public_net': not found");
    struct choice chosen = {0};
    TRY(choose(c, &in, &chosen));
    TRY(check_ssh_keys(c, &in.ssh_keys, e));
    struct server_row row;
    TRY(insert(c, &in, &chosen, &row, e));
    return answer_created(c, &in, &row, e);
}
