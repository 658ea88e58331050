/*
 * What can be done with a server besides switching it on and off.
 */
#include "sandbox/hetzner.h"
#include "sandbox/hetzner_things.h"

#include "hetzner.sql.h"

#define USER_DATA_MAX     32768
#define ROOT_PASSWORD_LEN 20

struct change_input {
    const char *image, *user_data, *server_type, *description, *labels, *ip, *dns_ptr, *ip_range;
    int64_t network, placement_group;
    struct texts alias_ips;
    int image_type;
    bool upgrade_disk, delete_, rebuild;
};

#define INPUT(member) offsetof(struct change_input, member)

static const char *const image_types[] = {"snapshot", "backup", NULL};

enum err hetzner_server_set_address(struct call *c, int64_t server_id, bool is_v4, const char *ip,
                                    struct error *e)
{
    return db_exec(c->tx, is_v4 ? &server_set_ipv4 : &server_set_ipv6,
                   DB_ARGS(db_int(server_id), db_text(ip)), NULL, e);
}

static enum err save_hardware(struct call *c, const struct server_row *row, struct error *e)
{
    return db_exec(c->tx, &server_set_hardware,
                   DB_ARGS(db_int(row->id), db_text(row->server_type), db_int(row->disk_gb),
                           db_int(row->image_id), db_text(row->user_data)),
                   NULL, e);
}

/* -- rebuild and change of type --------------------------------------------------------------- */

static const struct field rebuild_fields[] = {
    {"image", FIELD_TEXT, INPUT(image), .required = true},
    {"user_data", FIELD_TEXT, INPUT(user_data), .max_len = USER_DATA_MAX},
    FIELD_END,
};

enum err hetzner_server_rebuild(struct call *c, struct error *e)
{
    struct server_row row;
    TRY(hetzner_server_to_change(c, &row, e));
    struct change_input in = {0};
    json_t *image = json_object_get(c->body, "image");
    if (image)
        json_put(c->body, "image", hetzner_number_as_text(image));
    TRY(call_decode(c, rebuild_fields, &in));
    if (row.is_protected)
        return call_refuse(c, 423, "protected", "server %lld is protected against rebuilding",
                           (long long)row.id);
    TRY(hetzner_image_choose(c, in.image, hetzner_type_find(row.server_type), &row.image_id, e));
    row.user_data = in.user_data ? in.user_data : row.user_data;
    TRY(save_hardware(c, &row, e));
    row.phases = phases_via("rebuilding", "running", c->now_us, call_delay_us(c));
    TRY(hetzner_server_answer_action(c, "rebuild_server", &row, e));
    json_put(c->reply.body, "root_password",
             text_eq(row.ssh_keys, "[]") ? json_string(call_random_text(c, ROOT_PASSWORD_LEN))
                                         : json_null());
    return OK;
}

static const struct field type_fields[] = {
    {"server_type", FIELD_TEXT, INPUT(server_type), .required = true},
    {"upgrade_disk", FIELD_BOOL, INPUT(upgrade_disk), .required = true},
    FIELD_END,
};

static enum err check_new_type(struct call *c, const struct server_row *row,
                               const struct hetzner_type *type)
{
    const struct hetzner_type *old = hetzner_type_find(row->server_type);
    const struct hetzner_location *location = hetzner_location_find(row->location);
    if (!hetzner_types_are_alike(old, type))
        return call_refuse(c, 422, "invalid_server_type",
                           "server type %s has another architecture than %s",
                           hetzner_type_name(type), row->server_type);
    if (!text_eq(phases_at(&row->phases, c->now_us), "off"))
        return call_refuse(c, 422, "server_not_stopped",
                           "server %lld must be off to change its type", (long long)row->id);
    if (hetzner_type_disk_gb(type) < row->disk_gb)
        return call_refuse(c, 422, "invalid_server_type",
                           "server %lld has a disk of %lld GB, which does not fit into %s",
                           (long long)row->id, (long long)row->disk_gb, hetzner_type_name(type));
    return hetzner_check_availability(c, type, location);
}

enum err hetzner_server_change_type(struct call *c, struct error *e)
{
    struct server_row row;
    TRY(hetzner_server_to_change(c, &row, e));
    struct change_input in = {0};
    json_t *wanted = json_object_get(c->body, "server_type");
    if (wanted)
        json_put(c->body, "server_type", hetzner_number_as_text(wanted));
    TRY(call_decode(c, type_fields, &in));
    const struct hetzner_type *type = hetzner_type_find(in.server_type);
    if (!type)
        return call_refuse(c, 422, "invalid_input", "server type '%s' not found", in.server_type);
    TRY(check_new_type(c, &row, type));
    if (!c->must_fail) {
        row.server_type = hetzner_type_name(type);
        row.disk_gb = in.upgrade_disk ? hetzner_type_disk_gb(type) : row.disk_gb;
    }
    TRY(save_hardware(c, &row, e));
    row.phases = phases_via("migrating", "off", c->now_us, call_delay_us(c));
    return hetzner_server_answer_action(c, "change_server_type", &row, e);
}

/* -- options ---------------------------------------------------------------------------------- */

static const struct field protection_fields[] = {
    {"delete", FIELD_BOOL, INPUT(delete_)},
    {"rebuild", FIELD_BOOL, INPUT(rebuild)},
    FIELD_END,
};

/* The two protections can only be set together, as the API demands. */
enum err hetzner_server_change_protection(struct call *c, struct error *e)
{
    struct server_row row;
    TRY(hetzner_server_to_change(c, &row, e));
    struct change_input in = {.delete_ = row.is_protected, .rebuild = row.is_protected};
    TRY(call_decode(c, protection_fields, &in));
    if (in.delete_ != in.rebuild)
        return call_refuse(c, 422, "invalid_input",
                           "delete and rebuild protection must have the same value");
    row.is_protected = in.delete_;
    TRY(hetzner_server_save_options(c, &row, e));
    return hetzner_server_answer_action(c, "change_protection", &row, e);
}

enum err hetzner_server_enable_backup(struct call *c, struct error *e)
{
    struct server_row row;
    TRY(hetzner_server_to_change(c, &row, e));
    row.backup_window = "22-02";
    TRY(hetzner_server_save_options(c, &row, e));
    return hetzner_server_answer_action(c, "enable_backup", &row, e);
}

/* The backups there are go too. */
enum err hetzner_server_disable_backup(struct call *c, struct error *e)
{
    struct server_row row;
    TRY(hetzner_server_to_change(c, &row, e));
    row.backup_window = NULL;
    TRY(db_exec(c->tx, &image_delete_backups, DB_ARGS(db_int(row.id)), NULL, e));
    TRY(hetzner_server_save_options(c, &row, e));
    return hetzner_server_answer_action(c, "disable_backup", &row, e);
}

static const struct field dns_fields[] = {
    {"ip", FIELD_TEXT, INPUT(ip), .required = true},
    {"dns_ptr", FIELD_TEXT, INPUT(dns_ptr)},
    FIELD_END,
};

enum err hetzner_server_change_dns_ptr(struct call *c, struct error *e)
{
    struct server_row row;
    TRY(hetzner_server_to_change(c, &row, e));
    struct change_input in = {0};
    TRY(call_decode(c, dns_fields, &in));
    if (!text_eq(in.ip, row.ipv4))
        return call_refuse(c, 422, "invalid_input", "IP %s does not belong to server %lld", in.ip,
                           (long long)row.id);
    row.dns_ptr = in.dns_ptr;
    TRY(hetzner_server_save_options(c, &row, e));
    return hetzner_server_answer_action(c, "change_dns_ptr", &row, e);
}

/* -- images ----------------------------------------------------------------------------------- */

static const struct field image_fields[] = {
    {"description", FIELD_TEXT, INPUT(description)},
    {"type", FIELD_ENUM, INPUT(image_type), .names = image_types},
    {"labels", FIELD_JSON, INPUT(labels)},
    FIELD_END,
};

enum err hetzner_server_create_image(struct call *c, struct error *e)
{
    struct server_row row;
    TRY(hetzner_server_to_change(c, &row, e));
    struct change_input in = {0};
    TRY(call_decode(c, image_fields, &in));
    const char *type = image_types[in.image_type];
    if (in.labels)
        TRY(hetzner_labels_check(c, in.labels));
    if (text_eq(type, "backup") && !row.backup_window)
        return call_refuse(c, 422, "invalid_input", "backups are not enabled for server %lld",
                           (long long)row.id);
    int64_t id;
    TRY(call_next_number(c, "hetzner_image", 200000000, &id, e));
    TRY(db_exec(c->tx, &image_insert,
                DB_ARGS(db_int(id), db_text(type),
                        db_text(in.description ? in.description : row.name),
                        db_text(in.labels ? in.labels : "{}"), db_int(row.id), db_text(row.name),
                        db_int(row.image_id), db_int(row.disk_gb), db_int(c->now_us),
                        db_int(c->now_us + call_delay_us(c))),
                NULL, e));
    json_t *image;
    TRY(hetzner_image_by_id(c, id, &image, e));
    enum err err = hetzner_server_answer_action(c, "create_image", &row, e);
    if (err != OK) {
        json_decref(image);
        return err;
    }
    json_put(c->reply.body, "image", image);
    return OK;
}

/* -- networks and placement groups ------------------------------------------------------------ */

static const struct field attach_fields[] = {
    {"network", FIELD_INT, INPUT(network), .required = true},
    {"ip", FIELD_TEXT, INPUT(ip)},
    {"ip_range", FIELD_TEXT, INPUT(ip_range)},
    {"alias_ips", FIELD_TEXTS, INPUT(alias_ips), .min = 0, .max = 5},
    FIELD_END,
};

static const struct field detach_fields[] = {
    {"network", FIELD_INT, INPUT(network), .required = true},
    FIELD_END,
};

static const struct field group_fields[] = {
    {"placement_group", FIELD_INT, INPUT(placement_group), .required = true},
    FIELD_END,
};

enum err hetzner_server_attach_to_network(struct call *c, struct error *e)
{
    struct server_row row;
    TRY(hetzner_server_to_change(c, &row, e));
    struct change_input in = {0};
    TRY(call_decode(c, attach_fields, &in));
    struct thing_row network;
    TRY(thing_find(c, &hetzner_network, in.network, "network", &network, e));
    TRY(network_join(c, &network, row.id, in.ip, e));
    return hetzner_server_answer_action(c, "attach_to_network", &row, e);
}

enum err hetzner_server_detach_from_network(struct call *c, struct error *e)
{
    struct server_row row;
    TRY(hetzner_server_to_change(c, &row, e));
    struct change_input in = {0};
    TRY(call_decode(c, detach_fields, &in));
    struct thing_row network;
    TRY(thing_find(c, &hetzner_network, in.network, "network", &network, e));
    bool was_there;
    TRY(thing_unlink(c, network.id, row.id, &was_there, e));
    if (!was_there)
        return call_refuse(c, 422, "invalid_input", "server %lld is not attached to network %lld",
                           (long long)row.id, (long long)network.id);
    return hetzner_server_answer_action(c, "detach_from_network", &row, e);
}

static enum err leave_group(struct call *c, int64_t server_id, bool *ret_was_in, struct error *e)
{
    struct records links;
    TRY(server_links(c, server_id, &links, e));
    *ret_was_in = false;
    for (size_t i = 0; i < links.count && !*ret_was_in; i++) {
        const struct link_row *link = &((const struct link_row *)links.items)[i];
        if (text_eq(link->kind, hetzner_placement_group.name))
            TRY(thing_unlink(c, link->thing_id, server_id, ret_was_in, e));
    }
    return OK;
}

enum err hetzner_server_add_to_placement_group(struct call *c, struct error *e)
{
    struct server_row row;
    TRY(hetzner_server_to_change(c, &row, e));
    struct change_input in = {0};
    TRY(call_decode(c, group_fields, &in));
    struct thing_row group;
    TRY(thing_find(c, &hetzner_placement_group, in.placement_group, "placement_group", &group, e));
    bool was_in;
    TRY(leave_group(c, row.id, &was_in, e));
    if (was_in)
        return call_refuse(c, 422, "already_in_placement_group",
                           "server %lld is in a placement group already", (long long)row.id);
    if (!text_eq(phases_at(&row.phases, c->now_us), "off"))
        return call_refuse(c, 422, "server_not_stopped", "server %lld must be off",
                           (long long)row.id);
    TRY(thing_link(c, group.id, row.id, NULL, e));
    return hetzner_server_answer_action(c, "add_to_placement_group", &row, e);
}

enum err hetzner_server_remove_from_placement_group(struct call *c, struct error *e)
{
    struct server_row row;
    TRY(hetzner_server_to_change(c, &row, e));
    bool was_in;
    TRY(leave_group(c, row.id, &was_in, e));
    if (!was_in)
        return call_refuse(c, 422, "not_in_placement_group", "server %lld is in no placement group",
                           (long long)row.id);
    return hetzner_server_answer_action(c, "remove_from_placement_group", &row, e);
}
