#include "domain/provisioning/fly/machine.h"

#define LEASE_NONCE_HEADER "fly-machine-lease-nonce"

/* -- what a machine is ------------------------------------------------------------------------ */

bool fly_machine_size_eq(const struct fly_machine_size *a, const struct fly_machine_size *b)
{
    return text_eq(a->cpu_kind, b->cpu_kind) && a->cpus == b->cpus && a->memory_mb == b->memory_mb;
}

const char *fly_machine_size_text(const struct fly_machine_size *size, struct arena *arena)
{
    return arena_printf(arena, "%s-%lld %lld MB", size->cpu_kind ? size->cpu_kind : "unknown",
                        (long long)size->cpus, (long long)size->memory_mb);
}

bool fly_machine_is_ready(const struct fly_machine *m)
{
    return text_eq(m->state, "started") && m->checks_passing == m->checks;
}

bool fly_machine_is_broken(const struct fly_machine *m)
{
    return text_eq(m->state, "failed") || text_eq(m->state, "launch_failed");
}

bool fly_machine_is_gone(const struct fly_machine *m)
{
    static const char *const states[] = {"destroying", "destroyed", "replaced", "migrated"};
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        if (text_eq(m->state, states[i]))
            return true;
    }
    return false;
}

/* A check that was configured and has no result yet does not pass. */
static void read_checks(json_t *machine, struct arena *arena, struct fly_machine *m)
{
    m->checks =
        (int64_t)json_object_size(json_object_get(json_object_get(machine, "config"), "checks"));
    size_t i;
    json_t *check;
    json_array_foreach (json_object_get(machine, "checks"), i, check) {
        if (text_eq(json_get_text(check, "status"), "passing")) {
            m->checks_passing++;
        } else if (!m->trouble) {
            const char *name = json_get_text(check, "name"), *out = json_get_text(check, "output");
            m->trouble = arena_printf(arena, "check %.60s: %.300s", name ? name : "?",
                                      out ? out : "no output");
        }
    }
    if (m->checks_passing > m->checks)
        m->checks_passing = m->checks;
    if (m->checks > 0 && m->checks_passing < m->checks && !m->trouble)
        m->trouble = "a check has no result yet";
}

static enum err read_machine(json_t *machine, struct arena *arena, struct fly_machine *ret,
                             struct error *e)
{
    json_t *config = json_object_get(machine, "config");
    json_t *metadata = json_object_get(config, "metadata");
    json_t *guest = json_object_get(config, "guest");
    struct fly_machine m = {
        .id = arena_text(arena, json_get_text(machine, "id")),
        .name = arena_text(arena, json_get_text(machine, "name")),
        .region = arena_text(arena, json_get_text(machine, "region")),
        .state = arena_text(arena, json_get_text(machine, "state")),
        .version = arena_text(arena, json_get_text(machine, "instance_id")),
        .deployment_id = arena_text(arena, json_get_text(metadata, "webhost_deployment")),
        .role = arena_text(arena, json_get_text(metadata, "webhost_role")),
        .intention = arena_text(arena, json_get_text(metadata, "webhost_intention")),
        .config = config ? json_text(config, arena) : "{}",
        .size = {.cpu_kind = arena_text(arena, json_get_text(guest, "cpu_kind")),
                 .cpus = json_get_int(guest, "cpus"),
                 .memory_mb = json_get_int(guest, "memory_mb")},
    };
    read_checks(machine, arena, &m);
    if (!m.id || !m.region || !m.state)
        return error_set(e, ERR_CORRUPT, "Fly described a machine without id, region or state");
    *ret = m;
    return OK;
}

/* -- looking and making ----------------------------------------------------------------------- */

static const char *machine_path(const char *app, const char *id, const char *rest,
                                struct arena *arena)
{
    return arena_printf(arena, "/apps/%s/machines/%s%s", app, id, rest);
}

enum err flaps_machine_list(struct cloud *cloud, const char *app, struct arena *arena,
                            struct records *ret, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_GET, arena_printf(arena, "/apps/%s/machines", app), NULL, arena,
                   &body, e));
    struct fly_machine *all = arena_new_array(arena, json_array_size(body), struct fly_machine);
    size_t i, count = 0;
    json_t *item;
    json_array_foreach (body, i, item) {
        TRY(read_machine(item, arena, &all[count], e));
        count += !fly_machine_is_gone(&all[count]);
    }
    *ret = (struct records){all, count};
    return OK;
}

enum err flaps_machine_get(struct cloud *cloud, const char *app, const char *id,
                           struct arena *arena, struct fly_machine *ret, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_GET, machine_path(app, id, "", arena), NULL, arena, &body, e));
    return read_machine(body, arena, ret, e);
}

static json_t *guest_json(const struct fly_machine_size *size)
{
    return json_pack("{s:s, s:I, s:I}", "cpu_kind", size->cpu_kind, "cpus", (json_int_t)size->cpus,
                     "memory_mb", (json_int_t)size->memory_mb);
}

/* HTTP and HTTPS at the edge, one port inside. */
static json_t *services_json(int64_t port)
{
    return json_pack("[{s:s, s:I, s:[{s:i, s:[s], s:b}, {s:i, s:[s, s]}]}]", "protocol", "tcp",
                     "internal_port", (json_int_t)port, "ports", "port", 80, "handlers", "http",
                     "force_https", 1, "port", 443, "handlers", "tls", "http");
}

static json_t *checks_json(const struct fly_check *check, int64_t port, bool http)
{
    json_t *one = json_pack("{s:s, s:I, s:o, s:o, s:o}", "type", http ? "http" : "tcp", "port",
                            (json_int_t)port, "interval",
                            json_sprintf("%lldms", (long long)check->interval_ms), "timeout",
                            json_sprintf("%lldms", (long long)check->timeout_ms), "grace_period",
                            json_sprintf("%lldms", (long long)check->grace_ms));
    if (http) {
        (void)json_object_set_new(one, "method", json_string("GET"));
        (void)json_object_set_new(one, "path", json_string(check->path));
    }
    return json_pack("{s:o}", "webhost", one);
}

static json_t *config_json(const struct fly_machine_order *order, const char *install_id)
{
    json_t *config =
        json_pack("{s:s, s:o, s:[{s:s, s:s}], s:{s:s, s:s, s:s, s:s*}, s:{s:s}}", "image",
                  order->image, "guest", guest_json(&order->size), "mounts", "volume",
                  order->volume_id, "path", order->volume_path, "metadata", "webhost_deployment",
                  order->deployment_id, "webhost_role", order->role, "webhost_intention",
                  order->intention, "webhost_install", install_id, "restart", "policy", "always");
    BUG_ON(!config);
    if (order->service_port > 0)
        (void)json_object_set_new(config, "services", services_json(order->service_port));
    if (order->check) {
        bool http = order->check->type == FLY_CHECK_HTTP && order->service_port > 0;
        (void)json_object_set_new(config, "checks",
                                  checks_json(order->check, order->check_port, http));
    }
    return config;
}

enum err flaps_machine_create(struct cloud *cloud, const char *app,
                              const struct fly_machine_order *order, struct arena *arena,
                              struct fly_machine *ret, struct error *e)
{
    json_t *request = json_pack("{s:s, s:s, s:o}", "name", order->name, "region", order->region,
                                "config", config_json(order, cloud->install_id));
    BUG_ON(!request);
    if (order->secrets_version != INT_ABSENT)
        (void)json_object_set_new(request, "min_secrets_version",
                                  json_integer(order->secrets_version));
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_POST, arena_printf(arena, "/apps/%s/machines", app), request, arena,
                   &body, e));
    return read_machine(body, arena, ret, e);
}

/* -- leases ----------------------------------------------------------------------------------- */

/* The nonce of a lease that a dead run of ours left; ERR_BUSY when it is somebody else's. */
static enum err take_over(struct cloud *cloud, const char *path, const char *owner,
                          struct arena *arena, const char **ret_nonce, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    enum err err = cloud_call(cloud, HTTP_GET, path, NULL, arena, &body, e);
    if (err == ERR_NOT_FOUND)
        return error_set(e, ERR_BUSY, "Fly, %s: the lease has just become free", path);
    TRY(err);
    const json_t *data = json_object_get(body, "data");
    const char *nonce = json_get_text(data, "nonce");
    if (!nonce || !text_eq(json_get_text(data, "description"), owner))
        return error_set(e, ERR_BUSY, "Fly, %s: somebody else is working on the machine (%.100s)",
                         path, json_get_text(data, "owner") ? json_get_text(data, "owner") : "?");
    *ret_nonce = arena_text(arena, nonce);
    return OK;
}

enum err flaps_lease_take(struct cloud *cloud, const char *app, const char *id, const char *owner,
                          struct arena *arena, struct error *e)
{
    const char *path = machine_path(app, id, "/lease", arena);
    json_t *request = json_pack("{s:i, s:s}", "ttl", FLY_LEASE_S, "description", owner);
    BUG_ON(!request);
    _cleanup_json_ json_t *body = NULL;
    const char *nonce = NULL;
    enum err err = cloud_call(cloud, HTTP_POST, path, request, arena, &body, e);
    if (err == ERR_BUSY) {
        TRY(take_over(cloud, path, owner, arena, &nonce, e));
    } else {
        TRY(err);
        nonce = arena_text(arena, json_get_text(json_object_get(body, "data"), "nonce"));
    }
    if (!nonce)
        return error_set(e, ERR_CORRUPT, "Fly leased machine %s without a nonce", id);
    cloud->header = (struct http_pair){LEASE_NONCE_HEADER, nonce};
    return OK;
}

void flaps_lease_release(struct cloud *cloud, const char *app, const char *id, struct arena *arena)
{
    struct error ignored;
    (void)cloud_call(cloud, HTTP_DELETE, machine_path(app, id, "/lease", arena), NULL, arena, NULL,
                     &ignored);
    cloud->header = (struct http_pair){0};
}

/* -- changes ---------------------------------------------------------------------------------- */

enum err flaps_machine_resize(struct cloud *cloud, const char *app, const struct fly_machine *m,
                              const struct fly_machine_size *size, int64_t secrets_version,
                              struct arena *arena, struct error *e)
{
    json_t *config = NULL;
    TRY(json_parse(str_from(m->config), &config, e));
    (void)json_object_set_new(config, "guest", guest_json(size));
    json_t *request = json_pack("{s:o, s:s}", "config", config, "current_version", m->version);
    BUG_ON(!request);
    if (secrets_version != INT_ABSENT)
        (void)json_object_set_new(request, "min_secrets_version", json_integer(secrets_version));
    return cloud_call(cloud, HTTP_POST, machine_path(app, m->id, "", arena), request, arena, NULL,
                      e);
}

enum err flaps_machine_start(struct cloud *cloud, const char *app, const char *id,
                             struct arena *arena, struct error *e)
{
    return cloud_call(cloud, HTTP_POST, machine_path(app, id, "/start", arena), NULL, arena, NULL,
                      e);
}

enum err flaps_machine_restart(struct cloud *cloud, const char *app, const char *id,
                               struct arena *arena, struct error *e)
{
    return cloud_call(cloud, HTTP_POST, machine_path(app, id, "/restart", arena), NULL, arena, NULL,
                      e);
}

enum err flaps_machine_destroy(struct cloud *cloud, const char *app, const char *id,
                               struct arena *arena, struct error *e)
{
    enum err err = cloud_call(cloud, HTTP_DELETE, machine_path(app, id, "?force=true", arena), NULL,
                              arena, NULL, e);
    return err == ERR_NOT_FOUND ? OK : err;
}

enum err flaps_machine_wait(struct cloud *cloud, const char *app, const char *id, int64_t seconds,
                            struct arena *arena, struct error *e)
{
    const char *path = arena_printf(arena, "/apps/%s/machines/%s/wait?state=started&timeout=%lld",
                                    app, id, (long long)seconds);
    static const struct cloud_retry never[] = {{0}};
    const struct cloud_dialect *usual = cloud->dialect;
    struct cloud_dialect dialect = *usual;
    dialect.retries = never; /* 408 is an answer here */
    cloud->dialect = &dialect;
    enum err err = cloud_call(cloud, HTTP_GET, path, NULL, arena, NULL, e);
    cloud->dialect = usual;
    return err == ERR_TIMEOUT ? OK : err; /* not yet: whoever looks next sees what it is */
}
