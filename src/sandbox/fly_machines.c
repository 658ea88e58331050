#include "sandbox/fly.h"

#include "infra/secrets/secret.h"

#include "fly.sql.h"

#define MACHINE_ID_LEN  14
#define LEASE_NONCE_LEN 12
#define LEASE_TTL_MAX_S 86400

const struct field fly_machine_row_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct machine_row, id)},
    {"app", FIELD_TEXT, offsetof(struct machine_row, app)},
    {"name", FIELD_TEXT, offsetof(struct machine_row, name)},
    {"region", FIELD_TEXT, offsetof(struct machine_row, region)},
    {"instance_id", FIELD_TEXT, offsetof(struct machine_row, instance_id)},
    {"private_ip", FIELD_TEXT, offsetof(struct machine_row, private_ip)},
    {"config", FIELD_JSON, offsetof(struct machine_row, config)},
    {"created_at", FIELD_TIME, offsetof(struct machine_row, created_at)},
    {"updated_at", FIELD_TIME, offsetof(struct machine_row, updated_at)},
    PHASE_FIELDS(struct machine_row),
    {"lease_nonce", FIELD_TEXT, offsetof(struct machine_row, lease_nonce)},
    {"lease_expires_at", FIELD_TIME, offsetof(struct machine_row, lease_expires_at)},
    {"lease_description", FIELD_TEXT, offsetof(struct machine_row, lease_description)},
    {"destroyed_at", FIELD_TIME, offsetof(struct machine_row, destroyed_at)},
    FIELD_END,
};

/* -- as JSON ---------------------------------------------------------------------------------- */

const char *fly_machine_state(const struct call *c, const struct machine_row *row)
{
    return phases_at(&row->phases, c->now_us);
}

/* "nginx", "nginx:1.27", "registry.fly.io/app:v1": as the container world reads them. */
static json_t *image_ref(const char *image)
{
    struct str rest = str_from(image);
    struct str registry = STR("registry-1.docker.io");
    struct str before = rest;
    struct str first = str_cut(&before, '/');
    if (before.ptr && (memchr(first.ptr, '.', first.len) || memchr(first.ptr, ':', first.len))) {
        registry = first;
        rest = before;
    }
    struct str tag = rest;
    struct str repository = str_cut(&tag, ':');
    char digest[HASH_TEXT_MAX];
    (void)sha256_hex(str_from(image), digest);
    return json_packed("{s:s%, s:s%, s:s%, s:s+, s:{}}", "registry", registry.ptr, registry.len,
                       "repository", repository.ptr, repository.len, "tag",
                       tag.ptr ? tag.ptr : "latest", tag.ptr ? tag.len : strlen("latest"), "digest",
                       "sha256:", digest, "labels");
}

json_t *fly_machine_json(const struct call *c, const struct machine_row *row)
{
    json_t *config = NULL;
    BUG_ON(json_parse(str_from(row->config), &config, NULL) != OK);
    const char *state = fly_machine_state(c, row);
    return json_packed("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, "
                       "s:[{s:s, s:s, s:s, s:s, s:I}]}",
                       "id", row->id, "name", row->name, "state", state, "region", row->region,
                       "instance_id", row->instance_id, "private_ip", row->private_ip,
                       "host_status", "ok", "image_ref", image_ref(json_get_text(config, "image")),
                       "created_at", json_time(row->created_at), "updated_at",
                       json_time(row->updated_at), "config", config, "events", "id",
                       row->instance_id, "type", "launch", "status", state, "source", "user",
                       "timestamp", (json_int_t)(row->updated_at / USEC_PER_MS));
}

/* -- reading ---------------------------------------------------------------------------------- */

enum err fly_machine_of(struct call *c, struct machine_row *ret_row, struct error *e)
{
    const char *id = http_param(c->request, "machine");
    enum err err = db_get(c->tx, &machine_get, DB_ARGS(db_text(fly_app_name(c)), db_text(id)),
                          fly_machine_row_fields, c->arena, ret_row, e);
    if (err == ERR_NOT_FOUND)
        return call_refuse(c, 404, NULL, "machine not found");
    return err;
}

enum err fly_machine_to_change(struct call *c, struct machine_row *ret_row, struct error *e)
{
    struct machine_row row;
    TRY(fly_machine_of(c, &row, e));
    if (row.destroyed_at != INT_ABSENT)
        return call_refuse(c, 404, NULL, "machine not found: it has been destroyed");
    const char *nonce = http_header(c->request, "fly-machine-lease-nonce");
    if (fly_lease_is_held(c, &row) && !text_eq(nonce, row.lease_nonce))
        return call_refuse(c, 409, NULL, "aborted: machine %s lease currently held by another",
                           row.id);
    *ret_row = row;
    return OK;
}

enum err fly_machine_get(struct call *c, struct error *e)
{
    struct machine_row row;
    TRY(fly_machine_of(c, &row, e));
    return call_answer(c, 200, fly_machine_json(c, &row));
}

/* Every ?metadata.KEY=VALUE of the query holds. */
static bool has_metadata(const struct call *c, const json_t *machine)
{
    const struct http_request *r = c->request;
    const json_t *metadata = json_object_get(json_object_get(machine, "config"), "metadata");
    static const char prefix[] = "metadata.";
    for (size_t i = 0; i < r->query_count; i++) {
        const char *name = r->query[i].name;
        if (!str_starts_with(str_from(name), str_from(prefix)))
            continue;
        const char *held = json_get_text(metadata, name + strlen(prefix));
        if (!held || !text_eq(held, r->query[i].value))
            return false;
    }
    return true;
}

bool fly_machine_is_asked_for(const struct call *c, const struct machine_row *row)
{
    const char *region = http_query(c->request, "region");
    const char *states = http_query(c->request, "state");
    if (row->destroyed_at != INT_ABSENT && c->now_us >= row->destroyed_at &&
        !call_flag(c, "include_deleted"))
        return false;
    if (region && !text_eq(region, row->region))
        return false;
    struct str rest = str_from(states), state = str_from(fly_machine_state(c, row));
    while (rest.len > 0) {
        if (str_eq(str_cut(&rest, ','), state))
            return true;
    }
    return !states;
}

enum err fly_machine_list(struct call *c, struct error *e)
{
    TRY(fly_app_check(c, e));
    struct records rows;
    TRY(db_list(c->tx, &machine_list, DB_ARGS(db_text(fly_app_name(c))), fly_machine_row_fields,
                sizeof(struct machine_row), FLY_ROWS_MAX, c->arena, &rows, e));
    json_t *list = json_array();
    for (size_t i = 0; i < rows.count; i++) {
        const struct machine_row *row = &((const struct machine_row *)rows.items)[i];
        if (!fly_machine_is_asked_for(c, row))
            continue;
        json_t *machine = fly_machine_json(c, row);
        bool wanted = has_metadata(c, machine);
        if (call_flag(c, "summary"))
            (void)json_object_del(machine, "events");
        if (wanted)
            json_push(list, machine);
        else
            json_decref(machine);
    }
    return call_answer(c, 200, list);
}

/* -- creating and updating -------------------------------------------------------------------- */

struct machine_input {
    const char *name, *region, *current_version;
    struct config_input config;
    bool skip_launch, skip_secrets, skip_service_registration, lsvd;
    int64_t lease_ttl, min_secrets_version;
};

#define MACHINE_INPUT_FIELDS                                                                       \
    {"name", FIELD_TEXT, offsetof(struct machine_input, name), .check = fly_check_name},           \
        {"region", FIELD_TEXT, offsetof(struct machine_input, region)},                            \
        {"config", FIELD_OBJECT, offsetof(struct machine_input, config), .required = true,         \
         .fields = fly_config_fields},                                                             \
        {"skip_launch", FIELD_BOOL, offsetof(struct machine_input, skip_launch)},                  \
        {"skip_secrets", FIELD_BOOL, offsetof(struct machine_input, skip_secrets)},                \
        {"skip_service_registration", FIELD_BOOL,                                                  \
         offsetof(struct machine_input, skip_service_registration)},                               \
        {"lsvd", FIELD_BOOL, offsetof(struct machine_input, lsvd)},                                \
        {"lease_ttl", FIELD_INT, offsetof(struct machine_input, lease_ttl), .min = 1,              \
         .max = LEASE_TTL_MAX_S},                                                                  \
    {                                                                                              \
        "min_secrets_version", FIELD_INT, offsetof(struct machine_input, min_secrets_version)      \
    }

static const struct field machine_create_fields[] = {
    MACHINE_INPUT_FIELDS,
    FIELD_END,
};

static const struct field machine_update_fields[] = {
    MACHINE_INPUT_FIELDS,
    {"current_version", FIELD_TEXT, offsetof(struct machine_input, current_version)},
    FIELD_END,
};

const char *fly_new_instance_id(struct call *c)
{
    /* 48 bits of milliseconds in 12 digits, then 14 random characters; upper case as ULIDs are. */
    char *id = arena_printf(c->arena, "%012llx%s", (unsigned long long)(c->now_us / USEC_PER_MS),
                            call_random_hex(c, 14));
    for (char *p = id; *p; p++) {
        if (*p >= 'a' && *p <= 'f')
            *p = (char)(*p - 'a' + 'A');
    }
    return id;
}

static enum err insert(struct call *c, const struct machine_input *in, struct machine_row *row,
                       struct error *e)
{
    int64_t now = c->now_us, delay = call_delay_us(c);
    const char *started = c->must_fail ? "failed" : "started";
    row->app = fly_app_name(c);
    row->id = call_random_hex(c, MACHINE_ID_LEN);
    row->name = in->name ? in->name : arena_printf(c->arena, "machine-%s", row->id);
    row->region = in->region ? in->region : "iad";
    row->instance_id = fly_new_instance_id(c);
    row->private_ip = arena_printf(c->arena, "fdaa:0:%.4s:a7b:%.4s:%.4s:%.4s:2", row->id,
                                   row->id + 2, row->id + 6, row->id + 10);
    row->created_at = row->updated_at = now;
    row->phases = in->skip_launch ? phases_settled("created")
                                  : phases_via_two("created", "starting", started, now, delay);
    row->lease_expires_at = row->destroyed_at = INT_ABSENT;
    if (in->lease_ttl != INT_ABSENT) {
        row->lease_nonce = call_random_hex(c, LEASE_NONCE_LEN);
        row->lease_expires_at = now + in->lease_ttl * USEC_PER_SEC;
    }
    enum err err =
        db_exec(c->tx, &machine_insert,
                DB_ARGS(db_text(row->id), db_text(row->app), db_text(row->name),
                        db_text(row->region), db_text(row->instance_id), db_text(row->private_ip),
                        db_text(row->config), db_int(now), PHASE_ARGS(&row->phases),
                        db_text(row->lease_nonce), db_int(row->lease_expires_at)),
                NULL, e);
    if (err == ERR_CONFLICT)
        return call_refuse(
            c, 409, NULL,
            "already_exists: unique machine name violation, a machine of app %s already "
            "has the name \"%s\"",
            row->app, row->name);
    return err;
}

enum err fly_machine_create(struct call *c, struct error *e)
{
    TRY(fly_app_check(c, e));
    struct machine_input in;
    record_clear(machine_create_fields, &in);
    TRY(call_decode(c, machine_create_fields, &in));
    if (in.region && !fly_region_is_known(in.region))
        return call_refuse(c, 400, NULL, "invalid_argument: region %s is not known", in.region);
    struct machine_row row = {0};
    TRY(fly_config_check(c, &in.config, &row.config));
    TRY(insert(c, &in, &row, e));
    TRY(fly_volumes_attach(c, row.id, row.region, &in.config.mounts, e));
    json_t *machine = fly_machine_json(c, &row);
    if (row.lease_nonce)
        json_put(machine, "nonce", json_string(row.lease_nonce));
    return call_answer(c, 200, machine);
}

static enum err check_update(struct call *c, const struct machine_row *row,
                             const struct machine_input *in)
{
    if (in->name && !text_eq(in->name, row->name))
        return call_refuse(c, 400, NULL, "invalid_argument: a machine's name cannot be changed");
    if (in->region && !text_eq(in->region, row->region))
        return call_refuse(c, 400, NULL, "invalid_argument: a machine's region cannot be changed");
    if (in->current_version && !text_eq(in->current_version, row->instance_id))
        return call_refuse(c, 409, NULL, "aborted: machine %s is at version %s, not %s", row->id,
                           row->instance_id, in->current_version);
    if (c->now_us < phases_settle_at(&row->phases))
        return call_refuse(c, 412, NULL,
                           "failed_precondition: machine %s is %s; wait until it settles", row->id,
                           fly_machine_state(c, row));
    return OK;
}

/* The whole configuration is replaced; the machine gets a new instance and is started with it. */
enum err fly_machine_update(struct call *c, struct error *e)
{
    struct machine_row row;
    TRY(fly_machine_to_change(c, &row, e));
    struct machine_input in;
    record_clear(machine_update_fields, &in);
    TRY(call_decode(c, machine_update_fields, &in));
    TRY(check_update(c, &row, &in));
    TRY(fly_config_check(c, &in.config, &row.config));
    TRY(fly_volumes_attach(c, row.id, row.region, &in.config.mounts, e));
    int64_t delay = call_delay_us(c);
    row.instance_id = fly_new_instance_id(c);
    row.updated_at = c->now_us;
    row.phases = in.skip_launch
                     ? phases_via("updating", "stopped", c->now_us, delay)
                     : phases_via_two("updating", "starting", c->must_fail ? "failed" : "started",
                                      c->now_us, delay);
    TRY(db_exec(c->tx, &machine_set_config,
                DB_ARGS(db_text(row.id), db_text(row.config), db_text(row.instance_id),
                        db_int(row.updated_at)),
                NULL, e));
    TRY(fly_machine_save_phases(c, &row, e));
    return call_answer(c, 200, fly_machine_json(c, &row));
}
