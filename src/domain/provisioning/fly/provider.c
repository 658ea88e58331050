/*
 * Single-tenant deployments: an app of the customer's own at Fly.
 *
 * The app; in each region a volume and a machine for the application; in the first region a volume
 * and a machine for PostgreSQL. A deployment's shopping list is fixed by its plan and regions, so
 * each run walks the whole list, makes what is missing, and is done when every machine has started.
 */
#include "domain/provisioning/provider.h"

#include "domain/provisioning/fly/client.h"
#include "domain/provisioning/fly/size.h"
#include "domain/provisioning/template.h"

struct fly_run {
    struct provision_run *run;
    struct cloud cloud;
    const struct deployment *d;
};

/* -- records ---------------------------------------------------------------------------------- */

struct resource_work {
    struct provision_run *run;
    enum resource_kind kind;
    const char *region, *name;
    struct resource resource;
};

static enum err intend_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct resource_work *w = arg;
    return resource_intend(tx, w->run->with->env, w->run->deployment->id, w->kind, w->region,
                           w->name, w->run->arena, &w->resource, e);
}

static enum err created_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct resource_work *w = arg;
    return resource_created(tx, w->resource.id, w->resource.provider_id, e);
}

/* Records the intention, or finds it from an earlier run. */
static enum err intend(struct fly_run *f, enum resource_kind kind, const char *region,
                       const char *name, struct resource *ret, struct error *e)
{
    struct resource_work w = {.run = f->run, .kind = kind, .region = region, .name = name};
    TRY(db_write(f->run->with->env->db, intend_work, &w, e));
    *ret = w.resource;
    return OK;
}

static enum err created(struct fly_run *f, struct resource *r, const char *provider_id,
                        struct error *e)
{
    r->provider_id = provider_id;
    r->status = RESOURCE_CREATED;
    struct resource_work w = {.run = f->run, .resource = *r};
    return db_write(f->run->with->env->db, created_work, &w, e);
}

/* -- making what is missing ------------------------------------------------------------------- */

static enum err have_app(struct fly_run *f, struct error *e)
{
    struct resource app;
    TRY(intend(f, RESOURCE_APP, "", f->d->app, &app, e));
    if (app.status == RESOURCE_CREATED)
        return OK;
    enum err err = flaps_app_find(&f->cloud, f->d->app, f->run->arena, e);
    if (err == ERR_NOT_FOUND)
        err = flaps_app_create(&f->cloud, f->d->app, f->run->with->settings->fly.org, f->run->arena,
                               e);
    TRY(err);
    return created(f, &app, f->d->app, e);
}

/* A volume and the machine on it, both in one region, both of one role. */
struct unit {
    enum resource_kind volume_kind, machine_kind;
    const char *role; /* "app-1", "database" */
    const char *volume_name, *volume_path;
    const char *image;
    const char *region;
    struct fly_machine_size size;
};

static enum err have_volume(struct fly_run *f, const struct unit *u, const char **ret_id,
                            struct error *e)
{
    struct resource r;
    TRY(intend(f, u->volume_kind, u->region, u->volume_name, &r, e));
    if (r.status != RESOURCE_CREATED) {
        struct fly_volume volume;
        enum err err = flaps_volume_find(&f->cloud, f->d->app, u->volume_name, u->region,
                                         f->run->arena, &volume, e);
        if (err == ERR_NOT_FOUND)
            err = flaps_volume_create(&f->cloud, f->d->app, u->volume_name, u->region,
                                      u->size.volume_gb, f->run->arena, &volume, e);
        TRY(err);
        TRY(created(f, &r, volume.id, e));
    }
    *ret_id = r.provider_id;
    return OK;
}

static enum err have_machine(struct fly_run *f, const struct unit *u, const char *volume_id,
                             bool *ret_started, struct error *e)
{
    struct arena *arena = f->run->arena;
    const char *name = arena_printf(arena, "%s-%s-%s", f->d->app, u->role, u->region);
    struct resource r;
    struct fly_machine machine;
    TRY(intend(f, u->machine_kind, u->region, name, &r, e));
    if (r.status == RESOURCE_CREATED) {
        TRY(flaps_machine_get(&f->cloud, f->d->app, r.provider_id, arena, &machine, e));
    } else {
        struct fly_machine_order order = {
            .name = name,
            .region = u->region,
            .image = u->image,
            .cpu_kind = u->size.cpu_kind,
            .cpus = u->size.cpus,
            .memory_mb = u->size.memory_mb,
            .volume_id = volume_id,
            .volume_path = u->volume_path,
            .deployment_id = f->d->id,
            .role = u->role,
        };
        enum err err = flaps_machine_find(&f->cloud, f->d->app, &order, arena, &machine, e);
        if (err == ERR_NOT_FOUND)
            err = flaps_machine_create(&f->cloud, f->d->app, &order, arena, &machine, e);
        TRY(err);
        TRY(created(f, &r, machine.id, e));
    }
    if (text_eq(machine.state, "failed") || text_eq(machine.state, "launch_failed"))
        return error_set(e, ERR_UNAVAILABLE, "Fly could not start machine %s in %s (state %s)",
                         machine.id, u->region, machine.state);
    *ret_started = text_eq(machine.state, "started");
    return OK;
}

static enum err have_unit(struct fly_run *f, const struct unit *u, bool *all_started,
                          struct error *e)
{
    const char *volume_id;
    bool started = false;
    TRY(have_volume(f, u, &volume_id, e));
    TRY(have_machine(f, u, volume_id, &started, e));
    *all_started = *all_started && started;
    return OK;
}

/* Unit `number` of the application in a region: its name tells it from its neighbours. */
static struct unit app_unit(const struct fly_run *f, const char *region, int number)
{
    struct arena *arena = f->run->arena;
    return (struct unit){
        .volume_kind = RESOURCE_VOLUME,
        .machine_kind = RESOURCE_MACHINE,
        .role = arena_printf(arena, "app-%d", number),
        .volume_name = arena_printf(arena, "app_data_%d", number),
        .volume_path = "/data",
        .image = f->run->with->settings->fly.image,
        .region = region,
        .size = fly_size_of((enum plan)f->d->plan)->app,
    };
}

static struct unit database_unit(const struct fly_run *f)
{
    return (struct unit){
        .volume_kind = RESOURCE_DATABASE_VOLUME,
        .machine_kind = RESOURCE_DATABASE_MACHINE,
        .role = "database",
        .volume_name = "pg_data",
        .volume_path = "/data",
        .image = f->run->with->settings->fly.database_image,
        .region = f->d->regions.items[0],
        .size = fly_size_of((enum plan)f->d->plan)->database,
    };
}

static enum err have_everything(struct fly_run *f, bool *ret_started, struct error *e)
{
    const struct texts regions = f->d->regions;
    int per_region = fly_size_of((enum plan)f->d->plan)->apps_per_region;
    bool started = true;
    BUG_ON(regions.count == 0);
    TRY(have_app(f, e));
    struct unit database = database_unit(f);
    TRY(have_unit(f, &database, &started, e));
    for (size_t i = 0; i < regions.count; i++) {
        for (int number = 1; number <= per_region; number++) {
            struct unit app = app_unit(f, regions.items[i], number);
            TRY(have_unit(f, &app, &started, e));
        }
    }
    *ret_started = started;
    return OK;
}

/* -- the interface ---------------------------------------------------------------------------- */

static void fly_run_open(struct fly_run *f, struct provision_run *run)
{
    *f = (struct fly_run){.run = run, .d = run->deployment};
    cloud_open(&f->cloud, run->with, &fly_dialect, f->d->id, f->d->customer_id);
}

/* Recorded, or where it is made. */
static const char *database_url(struct provision_run *run)
{
    const struct deployment *d = run->deployment;
    if (d->database_url)
        return d->database_url;
    return template_fill(run->arena, run->with->settings->fly.database_url, "app", d->app);
}

static enum job_result advance(struct provision_run *run, const char **ret_database_url,
                               struct error *e)
{
    struct fly_run f;
    bool started = false;
    fly_run_open(&f, run);
    enum err err = have_everything(&f, &started, e);
    cloud_close(&f.cloud);
    if (err != OK)
        return provider_result(err);
    if (!started)
        return JOB_SNOOZE;

    const struct deployment *d = run->deployment;
    const char *url = database_url(run);
    struct tenant tenant = {d->customer_id, d->customer_slug, d->customer_name, d->id};
    err = tenant_create(run->with->stores, url, &tenant, env_now(run->with->env), e);
    if (err == OK)
        *ret_database_url = url;
    return provider_result(err);
}

static enum err forget_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct provision_run *run = arg;
    struct records all;
    TRY(resource_list(tx, run->deployment->id, run->arena, &all, e));
    const struct resource *items = all.items;
    for (size_t i = 0; i < all.count; i++)
        TRY(resource_deleted(tx, items[i].id, e));
    return OK;
}

/*
 * Deletes the tenant where its database outlives the app (the sandbox); a run that died may have
 * made its place without recording the address. A server that cannot be reached is the app's own
 * and goes with it.
 */
static enum err drop_tenant(struct provision_run *run, struct error *e)
{
    const struct deployment *d = run->deployment;
    const char *url = database_url(run);
    enum err err = tenant_drop(run->with->stores, url, d->customer_id, d->id, e);
    return err == ERR_UNAVAILABLE ? OK : err;
}

/* Deleting the app deletes its machines and volumes with it. */
static enum err remove_app(struct provision_run *run, struct error *e)
{
    TRY(drop_tenant(run, e));
    struct fly_run f;
    fly_run_open(&f, run);
    enum err err = flaps_app_delete(&f.cloud, run->deployment->app, run->arena, e);
    cloud_close(&f.cloud);
    TRY(err);
    return db_write(run->with->env->db, forget_work, run, e);
}

const struct provider fly_provider = {FLYIO, advance, remove_app};
