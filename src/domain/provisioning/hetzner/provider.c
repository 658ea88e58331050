/*
 * Multi-tenant deployments: a slot on a shared Hetzner server.
 *
 * reserve a slot (perhaps of a new host) -> wait until the host is active -> the tenant's place in
 * the host's shared database. Hosts have jobs of their own (host_workers.h), which wake those who
 * wait; no deployment's job talks to Hetzner.
 */
#include "domain/provisioning/provider.h"

#include "domain/provisioning/host.h"
#include "domain/provisioning/slot.h"

struct slot_work {
    struct provision_run *run;
    struct host host;
    bool database_lives;
};

static enum err reserve_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct slot_work *w = arg;
    const struct provision_run *run = w->run;
    BUG_ON(run->deployment->regions.count != 1);
    return slot_reserve(tx, run->with->env, &run->with->settings->hetzner, run->actor,
                        run->deployment->id, run->deployment->regions.items[0], run->arena,
                        &w->host, e);
}

static enum err release_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct slot_work *w = arg;
    return slot_release(tx, w->run->with->env, w->run->deployment->id, w->host.id, e);
}

/*
 * The rows first, the slot after: a slot that is free must not hold anybody's data. The host knows
 * where they are: a run that died may have made the tenant's place without recording its address.
 */
static enum err leave(struct slot_work *w, struct error *e)
{
    const struct provision_run *run = w->run;
    const struct deployment *d = run->deployment;
    if (w->host.status == HOST_ACTIVE || w->host.status == HOST_DRAINING)
        TRY(tenant_drop(run->with->stores, w->host.database_url, d->customer_id, d->id, e));
    return db_write(run->with->env->db, release_work, w, e);
}

/* A host that takes nobody: its order failed, or it is being drained. */
static bool is_closed(const struct slot_work *w)
{
    return w->host.status != HOST_CREATING && w->host.status != HOST_ACTIVE &&
           w->run->deployment->status != DEPLOYMENT_ACTIVE;
}

static enum err reserve(struct slot_work *w, struct error *e)
{
    struct db *db = w->run->with->env->db;
    TRY(db_write(db, reserve_work, w, e));
    if (!is_closed(w))
        return OK;
    TRY(leave(w, e));
    return db_write(db, reserve_work, w, e);
}

static enum job_result advance(struct provision_run *run, const char **ret_database_url,
                               struct error *e)
{
    struct slot_work w = {.run = run};
    enum err err = reserve(&w, e);
    if (err != OK)
        return provider_result(err);
    if (w.host.status == HOST_CREATING) {
        run->waits_for_job = true;
        return JOB_SNOOZE;
    }
    const struct deployment *d = run->deployment;
    struct tenant tenant = {d->customer_id, d->customer_slug, d->customer_name, d->id};
    err =
        tenant_create(run->with->stores, w.host.database_url, &tenant, env_now(run->with->env), e);
    if (err == OK)
        *ret_database_url = w.host.database_url;
    return provider_result(err);
}

static enum err host_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct slot_work *w = arg;
    return host_find(tx, w->run->deployment->host_id, w->run->arena, &w->host, e);
}

static enum err database_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct slot_work *w = arg;
    return host_database_lives(tx, w->run->deployment->database_url, &w->database_lives, e);
}

/* Where the rows were: the slot is given back, and perhaps the server with them is gone by now. */
static enum err find_rows(struct slot_work *w, bool *ret_there, struct error *e)
{
    const struct provision_run *run = w->run;
    const struct deployment *d = run->deployment;
    bool there = false;
    if (d->database_url)
        TRY(db_read(run->with->env->db, database_work, w, e));
    if (w->database_lives)
        TRY(tenant_has_place(run->with->stores, d->database_url, d->customer_id, d->id, &there, e));
    *ret_there = there;
    return OK;
}

/* What a backup brought back after the slot was given up is removed, too. */
static enum err remove_rows(struct slot_work *w, struct error *e)
{
    const struct provision_run *run = w->run;
    const struct deployment *d = run->deployment;
    bool there;
    TRY(find_rows(w, &there, e));
    return there ? tenant_drop(run->with->stores, d->database_url, d->customer_id, d->id, e) : OK;
}

static enum err remove_tenant(struct provision_run *run, struct error *e)
{
    struct slot_work w = {.run = run};
    if (!run->deployment->host_id)
        return remove_rows(&w, e);
    TRY(db_read(run->with->env->db, host_work, &w, e));
    return leave(&w, e);
}

/* The tenant owned its rows and its slot. Both are looked for, whatever remove() has said. */
static enum err check_gone(struct provision_run *run, struct error *e)
{
    const struct deployment *d = run->deployment;
    struct slot_work w = {.run = run};
    bool there;
    if (d->host_id)
        return error_set(e, ERR_BUSY, "deployment %s still has a slot of host %s", d->id,
                         d->host_id);
    TRY(find_rows(&w, &there, e));
    if (there)
        return error_set(e, ERR_BUSY, "the database of deployment %s still holds its rows", d->id);
    return OK;
}

const struct provider hetzner_provider = {HETZNER, advance, remove_tenant, check_gone};
