/*
 * Single-tenant deployments: an app of the customer's own at Fly.
 *
 * The app with its addresses; in each region volumes and machines for the application; in the first
 * region a database. What there should be follows from the plan and the regions, so each run walks
 * the whole list, makes what is missing, fits what has another size, removes what is left over, and
 * is done when every machine does its work. Creating and scaling are the same walk.
 */
#include "domain/provisioning/fly/parts.h"

static enum err have_everything(struct fly_run *f, bool *ret_ready, struct error *e)
{
    BUG_ON(f->d.regions.count == 0);
    TRY(fly_have_app(f, e));
    TRY(fly_have_network(f, e));
    TRY(fly_have_database(f, e));
    TRY(fly_have_secrets(f, e));
    TRY(fly_have_units(f, ret_ready, e));
    return *ret_ready ? fly_sweep(f, e) : OK;
}

static enum job_result advance(struct provision_run *run, const char **ret_database_url,
                               struct error *e)
{
    struct fly_run f;
    bool ready = false;
    fly_run_begin(&f, run);
    enum err err = have_everything(&f, &ready, e);
    fly_run_end(&f);
    if (err != OK)
        return provider_result(err);
    if (!ready)
        return JOB_SNOOZE;

    const struct deployment *d = run->deployment;
    struct tenant tenant = {d->customer_id, d->customer_slug, d->customer_name, d->id};
    err = tenant_create(run->with->stores, f.database_url, &tenant, env_now(run->with->env), e);
    if (err == OK)
        *ret_database_url = f.database_url;
    return provider_result(err);
}

/*
 * Deletes the tenant where its database outlives the app (the sandbox); a run that died may have
 * made its place without recording the address. A server that cannot be reached is the app's own
 * and goes with it.
 */
static enum err drop_tenant(struct fly_run *f, struct error *e)
{
    const struct deployment *d = &f->d;
    const char *url = d->database_url ? d->database_url : fly_machine_database_url(f);
    enum err err = tenant_drop(f->run->with->stores, url, d->customer_id, d->id, e);
    return err == ERR_UNAVAILABLE ? OK : err;
}

static enum err remove_instance(struct provision_run *run, struct error *e)
{
    struct fly_run f;
    fly_run_begin(&f, run);
    enum err err = drop_tenant(&f, e);
    if (err == OK)
        err = fly_remove_all(&f, e);
    fly_run_end(&f);
    return err;
}

/* Machines, volumes and addresses cannot outlive their app; a cluster's row says that it is gone.
 */
static enum err check_gone(struct provision_run *run, struct error *e)
{
    struct fly_run f;
    bool ours = false;
    fly_run_begin(&f, run);
    enum err err = fly_app_is_ours(&f, &ours, e);
    const char *app = arena_text(run->arena, f.d.app);
    fly_run_end(&f);
    if (err == OK && ours)
        return error_set(e, ERR_BUSY, "app %s still exists at Fly", app);
    return err;
}

const struct provider fly_provider = {FLYIO, advance, remove_instance, check_gone};
