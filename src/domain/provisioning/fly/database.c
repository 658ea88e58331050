/*
 * Where the instance's database is: on a machine of the app (units.c), or managed Postgres.
 */
#include "base/url.h"
#include "domain/provisioning/fly/parts.h"
#include "domain/provisioning/fly/postgres.h"
#include "domain/provisioning/template.h"

static enum err find_cluster(struct fly_run *f, const struct resource *r, void *what,
                             struct fly_made *ret, struct error *e)
{
    (void)what;
    struct fly_cluster c;
    TRY(fly_cluster_find(&f->account, fly_settings_of(f)->org, r->name, fly_arena(f), &c, e));
    ret->id = c.id;
    return OK;
}

static enum err make_cluster(struct fly_run *f, const struct resource *r, void *what,
                             struct fly_made *ret, struct error *e)
{
    const struct fly_size *size = what;
    struct fly_cluster_order order = {
        .org = fly_settings_of(f)->org,
        .name = r->name,
        .region = r->region,
        .plan = size->managed_database,
        .disk_gb = size->database.volume_gb,
    };
    struct fly_cluster c;
    TRY(fly_cluster_create(&f->cloud, &order, fly_arena(f), &c, e));
    *ret = (struct fly_made){c.id, size->managed_database};
    return OK;
}

static const char *url_with(struct fly_run *f, const struct fly_cluster *c, const char *password)
{
    struct arena *arena = fly_arena(f);
    const char *url = fly_settings_of(f)->managed_database_url;
    url = template_fill(arena, url, "host", c->host);
    url = template_fill(arena, url, "port", arena_printf(arena, "%lld", (long long)c->port));
    url = template_fill(arena, url, "user", FLY_POSTGRES_USER);
    return template_fill(arena, url, "password", password);
}

/* Fly chose the password: it is recorded sealed, and opened where the database is. */
static enum err learn_url(struct fly_run *f, const struct fly_cluster *c, struct error *e)
{
    const struct provisioning *p = f->run->with;
    struct secret *password = NULL;
    TRY(fly_cluster_password(&f->cloud, c->id, fly_arena(f), &password, e));
    const char *sealed = secret_seal(p->key, password, p->env->rng, fly_arena(f));
    f->clear_url = url_with(f, c, url_escape(secret_expose(password), fly_arena(f)));
    f->database_url = url_with(f, c, arena_printf(fly_arena(f), "{sealed:%s}", sealed));
    secret_free(password);
    return OK;
}

static enum err have_cluster(struct fly_run *f, const char *region, struct error *e)
{
    static const struct fly_maker maker = {find_cluster, make_cluster};
    struct fly_size size = *fly_size_of((enum plan)f->d.plan);
    const char *name = arena_printf(fly_arena(f), "%s-db", f->d.app);
    struct fly_slot slot = {RESOURCE_DATABASE_CLUSTER, region, "database", name};
    struct resource r;
    struct fly_cluster c;
    TRY(fly_have(f, &slot, &maker, &size, &r, e));
    if (f->database_url)
        return OK;
    TRY(fly_cluster_get(&f->cloud, r.provider_id, fly_arena(f), &c, e));
    if (fly_cluster_is_broken(&c))
        return error_set(e, ERR_UNAVAILABLE,
                         "Fly could not make Postgres cluster %s in %s (%s); remove it with "
                         "`fly mpg destroy %s`, then retry the job",
                         c.id, region, c.status, c.id);
    if (!fly_cluster_is_ready(&c))
        return error_set(e, ERR_BUSY, "Postgres cluster %s is still being made", c.id);
    TRY(fly_record_started(f, &r, e));
    return learn_url(f, &c, e);
}

/* {password} stays in the record as {password:APP}: it follows from the key and the app's name. */
const char *fly_machine_database_url(const struct fly_run *f)
{
    struct arena *arena = fly_arena(f);
    const char *url = template_fill(arena, fly_settings_of(f)->database_url, "app", f->d.app);
    return template_fill(arena, url, "password", arena_printf(arena, "{password:%s}", f->d.app));
}

enum err fly_have_database(struct fly_run *f, struct error *e)
{
    struct resource r;
    f->database_url = f->d.database_url;
    TRY(fly_database_place(f, &r, e));
    if (r.kind == RESOURCE_DATABASE_CLUSTER)
        return have_cluster(f, r.region, e);
    if (!f->database_url)
        f->database_url = fly_machine_database_url(f);
    return OK;
}
