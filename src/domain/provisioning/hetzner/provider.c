/*
 * Multi-tenant deployments: a slot on a shared Hetzner server.
 *
 * reserve a slot (perhaps of a new host) -> have the server -> wait until it runs -> the tenant's
 * place in the host's shared database. Several deployments may wait for one new host: each may
 * order the server, the unique name lets one through and the others adopt it.
 */
#include "domain/provisioning/provider.h"

#include "domain/provisioning/hetzner/client.h"
#include "domain/provisioning/host.h"
#include "infra/db/db.h"

struct slot_work {
    struct provision_run *run;
    struct host_order order;
    struct host host;
    const char *address;
};

static enum err reserve_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct slot_work *w = arg;
    return host_reserve_slot(tx, w->run->with->env, w->run->deployment->id, &w->order,
                             w->run->arena, &w->host, e);
}

static enum err ordered_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct slot_work *w = arg;
    return host_ordered(tx, w->host.id, w->host.provider_id, e);
}

static enum err activate_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct slot_work *w = arg;
    TRY(host_activate(tx, w->run->with->env, w->run->actor, &w->host, w->address, w->run->arena,
                      e));
    return host_find(tx, w->host.id, w->run->arena, &w->host, e);
}

static enum err reserve(struct slot_work *w, struct error *e)
{
    const struct hetzner_settings *s = &w->run->with->settings->hetzner;
    const struct deployment *d = w->run->deployment;
    BUG_ON(d->regions.count != 1);
    const char *location = d->regions.items[0];
    w->order = (struct host_order){
        .location = location,
        .server_type = hetzner_settings_type(s, location),
        .capacity = s->slots_per_host,
        .database_url = s->database_url,
    };
    if (!w->order.server_type)
        return error_set(e, ERR_INVALID,
                         "no server type is set for Hetzner location %s: add it to "
                         "provisioning.hetzner.server_types",
                         location);
    return db_write(w->run->with->env->db, reserve_work, w, e);
}

static struct cloud cloud_of(const struct provisioning *p, struct http_client *http)
{
    return (struct cloud){
        .dialect = &hcloud_dialect,
        .endpoint = p->settings->hetzner.endpoint,
        .token = p->hetzner_token,
        .timeout_us = p->settings->call_timeout_ms * USEC_PER_MS,
        .http = http,
    };
}

/* The server of that name, if it is ours: the label says so. */
static enum err adopt(struct cloud *cloud, const struct host *host, struct arena *arena,
                      struct hcloud_server *ret, struct error *e)
{
    struct hcloud_server server;
    TRY(hcloud_server_find(cloud, host->name, arena, &server, e));
    if (!text_eq(server.managed_by, "webhost"))
        return error_set(e, ERR_CONFLICT,
                         "server %s exists at Hetzner but does not carry the label "
                         "managed-by=webhost: it is not ours to use",
                         host->name);
    *ret = server;
    return OK;
}

/* Finds the host's server or orders it, and records its id. */
static enum err have_server(struct cloud *cloud, struct slot_work *w, struct error *e)
{
    struct arena *arena = w->run->arena;
    struct hcloud_server server;
    enum err err = adopt(cloud, &w->host, arena, &server, e);
    if (err == ERR_NOT_FOUND) {
        struct hcloud_order order = {
            .name = w->host.name,
            .server_type = w->host.server_type,
            .image = w->run->with->settings->hetzner.image,
            .location = w->host.location,
            .host_id = w->host.id,
            .firewall = INT_ABSENT,
            .network = INT_ABSENT,
            .placement_group = INT_ABSENT,
        };
        err = hcloud_server_create(cloud, &order, arena, &server, NULL, e);
        if (err == ERR_CONFLICT) /* another job ordered it between our two calls */
            err = adopt(cloud, &w->host, arena, &server, e);
    }
    TRY(err);
    w->host.provider_id = server.id;
    return db_write(w->run->with->env->db, ordered_work, w, e);
}

/* Whether the server's actions have ended and it runs; then `ret_address` is set. */
static enum err look_at_server(struct cloud *cloud, const struct slot_work *w, bool *ret_runs,
                               const char **ret_address, struct error *e)
{
    struct arena *arena = w->run->arena;
    bool done;
    TRY(hcloud_actions_done(cloud, w->host.provider_id, arena, &done, e));
    struct hcloud_server server = {0};
    if (done)
        TRY(hcloud_server_get(cloud, w->host.provider_id, arena, &server, e));
    *ret_runs = done && text_eq(server.status, "running") && server.ipv4;
    *ret_address = server.ipv4;
    return OK;
}

/* Brings a host that is being created nearer to active. */
static enum job_result advance_host(struct cloud *cloud, struct slot_work *w, struct error *e)
{
    enum err err = OK;
    if (w->host.provider_id == INT_ABSENT)
        err = have_server(cloud, w, e);
    bool runs = false;
    if (err == OK)
        err = look_at_server(cloud, w, &runs, &w->address, e);
    if (err == OK && !runs)
        return JOB_SNOOZE;
    if (err == OK)
        err = db_write(w->run->with->env->db, activate_work, w, e);
    return provider_result(err);
}

static enum job_result advance(struct provision_run *run, const char **ret_database_url,
                               struct error *e)
{
    struct slot_work w = {.run = run};
    enum err err = reserve(&w, e);
    if (err != OK)
        return provider_result(err);
    if (w.host.status == HOST_CREATING) {
        struct http_client *http = http_client_new();
        struct cloud cloud = cloud_of(run->with, http);
        enum job_result result = advance_host(&cloud, &w, e);
        http_client_free(http);
        if (result != JOB_DONE)
            return result;
    }
    const struct deployment *d = run->deployment;
    struct tenant tenant = {d->customer_id, d->customer_slug, d->customer_name, d->id};
    err =
        tenant_create(run->with->stores, w.host.database_url, &tenant, env_now(run->with->env), e);
    if (err == OK)
        *ret_database_url = w.host.database_url;
    return provider_result(err);
}

static enum err release_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct provision_run *run = arg;
    return host_release_slot(tx, run->deployment->id, run->deployment->host_id, e);
}

static enum err host_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct slot_work *w = arg;
    return host_find(tx, w->run->deployment->host_id, w->run->arena, &w->host, e);
}

/*
 * The rows first, the slot after: a slot that is free must not hold anybody's data. The host knows
 * where they are: a run that died may have made the tenant's place without recording its address.
 */
static enum err remove_tenant(struct provision_run *run, struct error *e)
{
    const struct deployment *d = run->deployment;
    if (!d->host_id)
        return OK;
    struct slot_work w = {.run = run};
    TRY(db_read(run->with->env->db, host_work, &w, e));
    if (w.host.status == HOST_ACTIVE)
        TRY(tenant_drop(run->with->stores, w.host.database_url, d->customer_id, d->id, e));
    return db_write(run->with->env->db, release_work, run, e);
}

const struct provider hetzner_provider = {HETZNER, advance, remove_tenant};
