#include "domain/provisioning/fly/client.h"

/* {"error": "...", "status": "name_taken"}; some replies say "message" instead. */
static void read_error(json_t *body, const char **ret_code, const char **ret_message)
{
    *ret_code = json_get_text(body, "status");
    *ret_message = json_get_text(body, "error");
    if (!*ret_message)
        *ret_message = json_get_text(body, "message");
}

static const struct cloud_error errors[] = {
    {401, NULL, ERR_DENIED},
    {403, NULL, ERR_DENIED},
    {404, NULL, ERR_NOT_FOUND},
    {408, NULL, ERR_TIMEOUT},
    {409, NULL, ERR_BUSY},
    {412, NULL, ERR_BUSY},
    {429, NULL, ERR_BUSY},
    {0, "name_taken", ERR_CONFLICT},
    {0, "insufficient_capacity", ERR_CAPACITY},
    {504, NULL, ERR_TIMEOUT},
    {0, NULL, OK},
};

/* What fly-go's transport repeats, and what flyctl takes for passing. */
static const struct cloud_retry retries[] = {
    {408, NULL, false, false}, {429, NULL, false, true}, {502, NULL, false, false},
    {503, NULL, false, false}, {0, NULL, false, false},
};

static const struct route_name names[] = {
    {"apps", "app", NULL},
    {"machines", "machine", NULL},
    {"volumes", "volume", NULL},
    {"snapshots", "snapshot", NULL},
    {"secrets", "secret", NULL},
    {"metadata", "key", NULL},
    {"ip_assignments", "ip", NULL},
    {"certificates", "hostname", "acme"},
    {"orgs", "org", NULL},
    {"organizations", "org", NULL},
    {"postgres", "cluster", NULL},
    {"postgresv2", "cluster", NULL},
    {"users", "user", NULL},
    {"databases", "database", NULL},
    {NULL, NULL, NULL},
};

/* https://fly.io/docs/machines/api/working-with-machines-api/#rate-limits; no reply tells them. */
static const struct cloud_rate rates[] = {
    {HTTP_GET, "/apps/{app}/machines/{machine}", {200 * USEC_PER_MS, 10}, false},
    {HTTP_METHODS, "/apps/{app}/", {USEC_PER_SEC, 3}, false},
    {HTTP_DELETE, "/apps/{app}", {600 * USEC_PER_MS, 10}, true},
    {HTTP_METHODS, "/apps/{app}", {USEC_PER_SEC, 3}, false},
    {.route = NULL},
};

const struct cloud_dialect fly_dialect = {
    .name = "Fly",
    .read_error = read_error,
    .errors = errors,
    .infrastructure = FLYIO,
    .request_id_header = "fly-request-id",
    .names = names,
    .retries = retries,
    .backoff = {.retries = 3,
                .first_us = 100 * USEC_PER_MS,
                .cap_us = USEC_PER_SEC,
                .broken_reads = true},
    .rates = rates,
};

enum err flaps_app_find(struct cloud *cloud, const char *name, struct arena *arena, struct error *e)
{
    return cloud_call(cloud, HTTP_GET, arena_printf(arena, "/apps/%s", name), NULL, arena, NULL, e);
}

enum err flaps_app_create(struct cloud *cloud, const char *name, const char *org,
                          struct arena *arena, struct error *e)
{
    json_t *request = json_pack("{s:s, s:s}", "name", name, "org_slug", org);
    BUG_ON(!request);
    return cloud_call(cloud, HTTP_POST, "/apps", request, arena, NULL, e);
}

enum err flaps_app_delete(struct cloud *cloud, const char *name, struct arena *arena,
                          struct error *e)
{
    enum err err = cloud_call(cloud, HTTP_DELETE, arena_printf(arena, "/apps/%s?force=true", name),
                              NULL, arena, NULL, e);
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err read_volume(json_t *volume, struct arena *arena, struct fly_volume *ret,
                            struct error *e)
{
    struct fly_volume v = {
        .id = arena_text(arena, json_get_text(volume, "id")),
        .name = arena_text(arena, json_get_text(volume, "name")),
        .region = arena_text(arena, json_get_text(volume, "region")),
        .state = arena_text(arena, json_get_text(volume, "state")),
    };
    if (!v.id || !v.region)
        return error_set(e, ERR_CORRUPT, "Fly described a volume without id or region");
    *ret = v;
    return OK;
}

/* A deleted volume stays listed for a day. */
static bool volume_is_leaving(const struct fly_volume *v)
{
    return v->state && (strstr(v->state, "destroy") || text_eq(v->state, "deleted"));
}

enum err flaps_volume_find(struct cloud *cloud, const char *app, const char *name,
                           const char *region, struct arena *arena, struct fly_volume *ret,
                           struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_GET, arena_printf(arena, "/apps/%s/volumes", app), NULL, arena,
                   &body, e));
    size_t i;
    json_t *item;
    json_array_foreach (body, i, item) {
        struct fly_volume v;
        TRY(read_volume(item, arena, &v, e));
        if (text_eq(v.name, name) && text_eq(v.region, region) && !volume_is_leaving(&v)) {
            *ret = v;
            return OK;
        }
    }
    return error_set(e, ERR_NOT_FOUND, "app %s has no volume %s in %s", app, name, region);
}

enum err flaps_volume_create(struct cloud *cloud, const char *app, const char *name,
                             const char *region, int64_t size_gb, struct arena *arena,
                             struct fly_volume *ret, struct error *e)
{
    json_t *request = json_pack("{s:s, s:s, s:I, s:b}", "name", name, "region", region, "size_gb",
                                (json_int_t)size_gb, "encrypted", 1);
    BUG_ON(!request);
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_POST, arena_printf(arena, "/apps/%s/volumes", app), request, arena,
                   &body, e));
    return read_volume(body, arena, ret, e);
}

static enum err read_machine(json_t *machine, struct arena *arena, struct fly_machine *ret,
                             struct error *e)
{
    struct fly_machine m = {
        .id = arena_text(arena, json_get_text(machine, "id")),
        .name = arena_text(arena, json_get_text(machine, "name")),
        .region = arena_text(arena, json_get_text(machine, "region")),
        .state = arena_text(arena, json_get_text(machine, "state")),
    };
    if (!m.id || !m.region || !m.state)
        return error_set(e, ERR_CORRUPT, "Fly described a machine without id, region or state");
    *ret = m;
    return OK;
}

static bool machine_has_role(json_t *machine, const struct fly_machine_order *order)
{
    json_t *config = json_object_get(machine, "config");
    json_t *metadata = json_object_get(config, "metadata");
    return text_eq(json_get_text(metadata, "webhost_deployment"), order->deployment_id) &&
           text_eq(json_get_text(metadata, "webhost_role"), order->role) &&
           text_eq(json_get_text(machine, "region"), order->region);
}

enum err flaps_machine_find(struct cloud *cloud, const char *app,
                            const struct fly_machine_order *order, struct arena *arena,
                            struct fly_machine *ret, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    const char *path = arena_printf(arena, "/apps/%s/machines?metadata.webhost_deployment=%s", app,
                                    order->deployment_id);
    TRY(cloud_call(cloud, HTTP_GET, path, NULL, arena, &body, e));
    size_t i;
    json_t *item;
    json_array_foreach (body, i, item) {
        if (machine_has_role(item, order))
            return read_machine(item, arena, ret, e);
    }
    return error_set(e, ERR_NOT_FOUND, "app %s has no %s machine in %s", app, order->role,
                     order->region);
}

enum err flaps_machine_create(struct cloud *cloud, const char *app,
                              const struct fly_machine_order *order, struct arena *arena,
                              struct fly_machine *ret, struct error *e)
{
    json_t *config = json_pack("{s:s, s:{s:s, s:I, s:I}, s:[{s:s, s:s}], s:{s:s, s:s}, s:{s:s}}",
                               "image", order->image, "guest", "cpu_kind", order->cpu_kind, "cpus",
                               (json_int_t)order->cpus, "memory_mb", (json_int_t)order->memory_mb,
                               "mounts", "volume", order->volume_id, "path", order->volume_path,
                               "metadata", "webhost_deployment", order->deployment_id,
                               "webhost_role", order->role, "restart", "policy", "always");
    BUG_ON(!config);
    json_t *request = json_pack("{s:s, s:s, s:o}", "name", order->name, "region", order->region,
                                "config", config);
    BUG_ON(!request);
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_POST, arena_printf(arena, "/apps/%s/machines", app), request, arena,
                   &body, e));
    return read_machine(body, arena, ret, e);
}

enum err flaps_machine_get(struct cloud *cloud, const char *app, const char *id,
                           struct arena *arena, struct fly_machine *ret, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_GET, arena_printf(arena, "/apps/%s/machines/%s", app, id), NULL,
                   arena, &body, e));
    return read_machine(body, arena, ret, e);
}
