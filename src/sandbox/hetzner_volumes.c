/*
 * Volumes: attached to at most one server, in the same location; they outlive it. Detaching and
 * attaching lock the server as the real ones do.
 */
#include "sandbox/hetzner_things.h"

#define SIZE_MIN_GB 10
#define SIZE_MAX_GB 10240

static void show(const struct call *c, const struct thing_row *row, const json_t *detail,
                 json_t *servers, json_t *shown)
{
    json_t *server = json_array_get(servers, 0);
    json_put(shown, "server", server ? json_incref(server) : json_null());
    json_put(shown, "location", hetzner_location_json(hetzner_location_find(row->location)));
    json_put(shown, "size", json_incref(json_object_get(detail, "size")));
    json_put(shown, "format", json_incref(json_object_get(detail, "format")));
    json_put(shown, "linux_device",
             json_string(arena_printf(c->arena, "/dev/disk/by-id/scsi-0HC_Volume_%lld",
                                      (long long)row->id)));
    json_put(shown, "protection", json_packed("{s:b}", "delete", (int)row->is_protected));
    json_put(shown, "status", json_string(c->now_us < row->ready_at ? "creating" : "available"));
}

const struct thing_kind hetzner_volume = {
    .name = "volume",
    .plural = "volumes",
    .called = "volume",
    .show = show,
    .status_while_used = 422,
    .code_while_used = "volume_still_attached",
};

struct volume_input {
    const char *name, *labels, *location;
    int64_t size, server;
    int format;
    bool automount;
};

static const char *const formats[] = {"ext4", "xfs", NULL};

static const struct field volume_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct volume_input, name), .required = true, .max_len = 64},
    {"size", FIELD_INT, offsetof(struct volume_input, size), .required = true, .min = SIZE_MIN_GB,
     .max = SIZE_MAX_GB},
    {"labels", FIELD_JSON, offsetof(struct volume_input, labels)},
    {"location", FIELD_TEXT, offsetof(struct volume_input, location)},
    {"server", FIELD_INT, offsetof(struct volume_input, server)},
    {"format", FIELD_ENUM, offsetof(struct volume_input, format), .names = formats},
    {"automount", FIELD_BOOL, offsetof(struct volume_input, automount)},
    FIELD_END,
};

static const struct field attach_fields[] = {
    {"server", FIELD_INT, offsetof(struct volume_input, server), .required = true},
    {"automount", FIELD_BOOL, offsetof(struct volume_input, automount)},
    FIELD_END,
};

static const struct field size_fields[] = {
    {"size", FIELD_INT, offsetof(struct volume_input, size), .required = true, .min = SIZE_MIN_GB,
     .max = SIZE_MAX_GB},
    FIELD_END,
};

static enum err lock(struct call *c, struct server_row *server, struct error *e)
{
    TRY(hetzner_refuse_if_locked(c, server));
    server->locked_until = c->now_us + call_delay_us(c);
    return hetzner_server_save_phases(c, server, e);
}

static enum err attach(struct call *c, const struct thing_row *row, struct server_row *server,
                       json_t **ret_action, struct error *e)
{
    struct records links;
    TRY(thing_links(c, row->id, &links, e));
    if (links.count > 0)
        return call_refuse(c, 422, "volume_already_attached", "volume %lld is already attached",
                           (long long)row->id);
    if (!text_eq(server->location, row->location))
        return call_refuse(c, 422, "invalid_input", "server %lld is in %s and volume %lld in %s",
                           (long long)server->id, server->location, (long long)row->id,
                           row->location);
    if (!c->must_fail)
        TRY(thing_link(c, row->id, server->id, NULL, e));
    return thing_action(c, "attach_volume", row, server->id, ret_action, e);
}

/* Where it is to be: `location`, or where its server is. */
static enum err place(struct call *c, const struct volume_input *in, struct server_row *server,
                      const char **ret_location, struct error *e)
{
    bool has_server = in->server != INT_ABSENT;
    if (has_server == (in->location != NULL))
        return call_refuse(c, 422, "invalid_input", "give either a location or a server");
    if (has_server) {
        TRY(thing_server(c, in->server, "server", server, e));
        *ret_location = server->location;
        return lock(c, server, e);
    }
    const struct hetzner_location *location = hetzner_location_find(in->location);
    if (!location)
        return call_refuse(c, 422, "invalid_input", "location '%s' not found", in->location);
    *ret_location = hetzner_location_name(location);
    return OK;
}

enum err volume_create(struct call *c, struct error *e)
{
    struct volume_input in;
    record_clear(volume_fields, &in);
    json_t *location = json_object_get(c->body, "location");
    if (location)
        json_put(c->body, "location", hetzner_number_as_text(location));
    TRY(call_decode(c, volume_fields, &in));
    struct server_row server = {0};
    const char *where = NULL;
    TRY(place(c, &in, &server, &where, e));
    json_t *detail = json_packed("{s:I, s:s?}", "size", (json_int_t)in.size, "format",
                                 in.format < 0 ? NULL : formats[in.format]);
    struct thing_row row;
    TRY(thing_insert(c, &hetzner_volume, in.name, in.labels, where, detail, &row, e));
    _cleanup_json_ json_t *action = NULL, *next = json_array();
    TRY(thing_action(c, "create_volume", &row, server.id, &action, e));
    if (server.id) {
        json_t *attached;
        TRY(attach(c, &row, &server, &attached, e));
        json_push(next, attached);
    }
    json_t *shown;
    TRY(thing_json(c, &row, &shown, e));
    return call_answer(
        c, 201,
        json_packed("{s:o, s:O, s:O}", "volume", shown, "action", action, "next_actions", next));
}

enum err volume_attach(struct call *c, struct error *e)
{
    struct thing_row row;
    TRY(thing_of(c, &row, e));
    struct volume_input in = {0};
    TRY(call_decode(c, attach_fields, &in));
    struct server_row server;
    TRY(thing_server(c, in.server, "server", &server, e));
    json_t *action;
    TRY(lock(c, &server, e));
    TRY(attach(c, &row, &server, &action, e));
    return call_answer(c, 201, json_packed("{s:o}", "action", action));
}

enum err volume_detach(struct call *c, struct error *e)
{
    struct thing_row row;
    TRY(thing_of(c, &row, e));
    struct records links;
    TRY(thing_links(c, row.id, &links, e));
    if (links.count == 0)
        return call_refuse(c, 422, "volume_not_attached", "volume %lld is not attached",
                           (long long)row.id);
    struct server_row server;
    TRY(thing_server(c, ((const struct link_row *)links.items)->server_id, "server", &server, e));
    TRY(lock(c, &server, e));
    bool was_there;
    if (!c->must_fail)
        TRY(thing_unlink(c, row.id, server.id, &was_there, e));
    json_t *action;
    TRY(thing_action(c, "detach_volume", &row, server.id, &action, e));
    return call_answer(c, 201, json_packed("{s:o}", "action", action));
}

enum err volume_resize(struct call *c, struct error *e)
{
    struct thing_row row;
    TRY(thing_of(c, &row, e));
    struct volume_input in = {0};
    TRY(call_decode(c, size_fields, &in));
    json_t *detail = thing_detail(&row);
    json_int_t size = json_integer_value(json_object_get(detail, "size"));
    if (in.size <= size) {
        json_decref(detail);
        return call_refuse(c, 422, "invalid_input",
                           "volume %lld has %lld GB and can only become larger", (long long)row.id,
                           (long long)size);
    }
    if (!c->must_fail)
        json_put(detail, "size", json_integer(in.size));
    TRY(thing_set_detail(c, &row, detail, e));
    return thing_answer_action(c, "resize_volume", &row, e);
}
