#include "domain/provisioning/fly/client.h"

/* {"error": "...", "status": "name_taken"}; some replies say "message" instead. */
static void read_error(json_t *body, const char **ret_code, const char **ret_message)
{
    *ret_code = json_get_text(body, "status");
    *ret_message = json_get_text(body, "error");
    if (!*ret_message)
        *ret_message = json_get_text(body, "message");
}

/* insufficient_capacity comes with several statuses; an organisation's quota is none of them. */
static const struct cloud_error errors[] = {
    {0, "insufficient_capacity", ERR_CAPACITY},
    {0, "name_taken", ERR_CONFLICT},
    {401, NULL, ERR_DENIED},
    {403, NULL, ERR_DENIED},
    {404, NULL, ERR_NOT_FOUND},
    {408, NULL, ERR_TIMEOUT},
    {409, NULL, ERR_BUSY},
    {412, NULL, ERR_BUSY},
    {429, NULL, ERR_BUSY},
    {504, NULL, ERR_TIMEOUT},
    {0, NULL, OK},
};

/* Asked for an app by its name, 403 says that the name is somebody else's. */
static const struct cloud_error name_errors[] = {
    {401, NULL, ERR_DENIED},    {403, NULL, ERR_CONFLICT},
    {404, NULL, ERR_NOT_FOUND}, {408, NULL, ERR_TIMEOUT},
    {409, NULL, ERR_BUSY},      {429, NULL, ERR_BUSY},
    {504, NULL, ERR_TIMEOUT},   {0, NULL, OK},
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
    .scheme = fly_token_scheme,
    .request_id_header = "fly-request-id",
    .names = names,
    .retries = retries,
    .backoff = {.retries = 3,
                .first_us = 100 * USEC_PER_MS,
                .cap_us = USEC_PER_SEC,
                .broken_reads = true},
    .rates = rates,
};

const char *fly_token_scheme(const struct secret *token)
{
    static const struct str schemes[] = {STR("FlyV1 "), STR("Bearer ")};
    static const struct str macaroons[] = {STR("fm1r_"), STR("fm1a_"), STR("fm2_")};
    struct str text = str_from(token ? secret_expose(token) : "");
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (str_starts_with(text, schemes[i]))
            return "";
    }
    for (size_t i = 0; i < ARRAY_LEN(macaroons); i++) {
        if (str_starts_with(text, macaroons[i]))
            return "FlyV1";
    }
    return "Bearer";
}

/* Deleting what is gone already is what the caller wanted. */
static enum err gone_is_ok(enum err err)
{
    return err == ERR_NOT_FOUND ? OK : err;
}

/* -- apps ------------------------------------------------------------------------------------- */

enum err flaps_app_get(struct cloud *cloud, const char *name, struct arena *arena,
                       struct fly_app *ret, struct error *e)
{
    const struct cloud_dialect *usual = cloud->dialect;
    struct cloud_dialect dialect = *usual;
    _cleanup_json_ json_t *body = NULL;
    dialect.errors = name_errors;
    cloud->dialect = &dialect;
    enum err err =
        cloud_call(cloud, HTTP_GET, arena_printf(arena, "/apps/%s", name), NULL, arena, &body, e);
    cloud->dialect = usual;
    TRY(err);
    const json_t *org = json_object_get(body, "organization");
    *ret = (struct fly_app){name, arena_text(arena, json_get_text(org, "slug"))};
    return OK;
}

enum err flaps_app_create(struct cloud *cloud, const char *name, const char *org,
                          struct arena *arena, struct error *e)
{
    json_t *request = json_pack("{s:s, s:s}", "name", name, "org_slug", org);
    BUG_ON(!request);
    return cloud_call(cloud, HTTP_POST, "/apps?wait=true", request, arena, NULL, e);
}

enum err flaps_app_delete(struct cloud *cloud, const char *name, struct arena *arena,
                          struct error *e)
{
    const char *path = arena_printf(arena, "/apps/%s?force=true", name);
    return gone_is_ok(cloud_call(cloud, HTTP_DELETE, path, NULL, arena, NULL, e));
}

/* -- volumes ---------------------------------------------------------------------------------- */

static enum err read_volume(json_t *volume, struct arena *arena, struct fly_volume *ret,
                            struct error *e)
{
    struct fly_volume v = {
        .id = arena_text(arena, json_get_text(volume, "id")),
        .name = arena_text(arena, json_get_text(volume, "name")),
        .region = arena_text(arena, json_get_text(volume, "region")),
        .state = arena_text(arena, json_get_text(volume, "state")),
        .machine_id = arena_text(arena, json_get_text(volume, "attached_machine_id")),
        .size_gb = json_get_int(volume, "size_gb"),
    };
    if (!v.id || !v.region)
        return error_set(e, ERR_CORRUPT, "Fly described a volume without id or region");
    if (v.machine_id && !*v.machine_id)
        v.machine_id = NULL;
    *ret = v;
    return OK;
}

static bool volume_is_leaving(const struct fly_volume *v)
{
    return v->state && (strstr(v->state, "destroy") || text_eq(v->state, "deleted"));
}

enum err flaps_volume_list(struct cloud *cloud, const char *app, struct arena *arena,
                           struct records *ret, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_GET, arena_printf(arena, "/apps/%s/volumes", app), NULL, arena,
                   &body, e));
    struct fly_volume *all = arena_new_array(arena, json_array_size(body), struct fly_volume);
    size_t i, count = 0;
    json_t *item;
    json_array_foreach (body, i, item) {
        TRY(read_volume(item, arena, &all[count], e));
        count += !volume_is_leaving(&all[count]);
    }
    *ret = (struct records){all, count};
    return OK;
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

enum err flaps_volume_extend(struct cloud *cloud, const char *app, const char *id, int64_t size_gb,
                             struct arena *arena, bool *ret_needs_restart, struct error *e)
{
    json_t *request = json_pack("{s:I}", "size_gb", (json_int_t)size_gb);
    BUG_ON(!request);
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_PUT, arena_printf(arena, "/apps/%s/volumes/%s/extend", app, id),
                   request, arena, &body, e));
    *ret_needs_restart = json_get_bool(body, "needs_restart");
    return OK;
}

enum err flaps_volume_delete(struct cloud *cloud, const char *app, const char *id,
                             struct arena *arena, struct error *e)
{
    const char *path = arena_printf(arena, "/apps/%s/volumes/%s", app, id);
    return gone_is_ok(cloud_call(cloud, HTTP_DELETE, path, NULL, arena, NULL, e));
}

/* -- secrets ---------------------------------------------------------------------------------- */

/* Go's reader of the official client takes either case; so does Fly when it writes. */
static int64_t read_version(const json_t *body)
{
    int64_t version = json_get_int(body, "version");
    return version != INT_ABSENT ? version : json_get_int(body, "Version");
}

enum err flaps_secrets_set(struct cloud *cloud, const char *app, json_t *values,
                           struct arena *arena, int64_t *ret_version, struct error *e)
{
    json_t *request = json_pack("{s:o}", "values", values);
    BUG_ON(!request);
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_POST, arena_printf(arena, "/apps/%s/secrets", app), request, arena,
                   &body, e));
    int64_t version = read_version(body);
    if (version == INT_ABSENT)
        return error_set(e, ERR_CORRUPT, "Fly set the secrets of %s and told no version", app);
    *ret_version = version;
    return OK;
}

/* -- addresses -------------------------------------------------------------------------------- */

/* An assignment does not say its type; its address and `shared` do. */
static const char *ip_type(json_t *item)
{
    const char *ip = json_get_text(item, "ip");
    if (!ip)
        return NULL;
    if (!strchr(ip, ':'))
        return json_get_bool(item, "shared") ? "shared_v4" : "v4";
    return str_starts_with(str_from(ip), STR("fdaa:")) ? "private_v6" : "v6";
}

enum err flaps_ip_find(struct cloud *cloud, const char *app, const char *type, struct arena *arena,
                       const char **ret_ip, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_GET, arena_printf(arena, "/apps/%s/ip_assignments", app), NULL,
                   arena, &body, e));
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(body, "ips"), i, item) {
        if (text_eq(ip_type(item), type)) {
            *ret_ip = arena_text(arena, json_get_text(item, "ip"));
            return OK;
        }
    }
    return error_set(e, ERR_NOT_FOUND, "app %s has no address of type %s", app, type);
}

enum err flaps_ip_assign(struct cloud *cloud, const char *app, const char *type,
                         struct arena *arena, const char **ret_ip, struct error *e)
{
    json_t *request = json_pack("{s:s}", "type", type);
    BUG_ON(!request);
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_POST, arena_printf(arena, "/apps/%s/ip_assignments", app), request,
                   arena, &body, e));
    const char *ip = json_get_text(body, "ip");
    if (!ip)
        return error_set(e, ERR_CORRUPT, "Fly gave app %s an address and did not tell it", app);
    *ret_ip = arena_text(arena, ip);
    return OK;
}

enum err flaps_ip_release(struct cloud *cloud, const char *app, const char *ip, struct arena *arena,
                          struct error *e)
{
    const char *path = arena_printf(arena, "/apps/%s/ip_assignments/%s", app, ip);
    return gone_is_ok(cloud_call(cloud, HTTP_DELETE, path, NULL, arena, NULL, e));
}

/* -- certificates ----------------------------------------------------------------------------- */

static enum err call_certificate(struct cloud *cloud, enum http_method method, const char *path,
                                 json_t *request, struct arena *arena, struct fly_certificate *ret,
                                 struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, method, path, request, arena, &body, e));
    *ret = (struct fly_certificate){
        .hostname = arena_text(arena, json_get_text(body, "hostname")),
        .status = arena_text(arena, json_get_text(body, "status")),
    };
    return OK;
}

enum err flaps_certificate_get(struct cloud *cloud, const char *app, const char *hostname,
                               struct arena *arena, struct fly_certificate *ret, struct error *e)
{
    const char *path = arena_printf(arena, "/apps/%s/certificates/%s", app, hostname);
    return call_certificate(cloud, HTTP_GET, path, NULL, arena, ret, e);
}

enum err flaps_certificate_request(struct cloud *cloud, const char *app, const char *hostname,
                                   struct arena *arena, struct fly_certificate *ret,
                                   struct error *e)
{
    json_t *request = json_pack("{s:s}", "hostname", hostname);
    BUG_ON(!request);
    const char *path = arena_printf(arena, "/apps/%s/certificates/acme", app);
    return call_certificate(cloud, HTTP_POST, path, request, arena, ret, e);
}

enum err flaps_certificate_check(struct cloud *cloud, const char *app, const char *hostname,
                                 struct arena *arena, struct fly_certificate *ret, struct error *e)
{
    const char *path = arena_printf(arena, "/apps/%s/certificates/%s/check", app, hostname);
    return call_certificate(cloud, HTTP_POST, path, NULL, arena, ret, e);
}

enum err flaps_certificate_delete(struct cloud *cloud, const char *app, const char *hostname,
                                  struct arena *arena, struct error *e)
{
    const char *path = arena_printf(arena, "/apps/%s/certificates/%s", app, hostname);
    return gone_is_ok(cloud_call(cloud, HTTP_DELETE, path, NULL, arena, NULL, e));
}
