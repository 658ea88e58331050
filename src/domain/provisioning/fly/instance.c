#include "domain/provisioning/fly/instance.h"

#include "domain/audit/audit.h"
#include "domain/provisioning/fly/health.h"
#include "domain/provisioning/fly/size.h"
#include "domain/provisioning/fly/workers.h"
#include "domain/provisioning/routing.h"
#include "instance.sql.h"

#define REGIONS_MAX 10
#define HEALTHS_MAX 20

enum err instance_find(struct db_tx *tx, const char *name, struct arena *arena,
                       struct deployment *ret, struct error *e)
{
    enum err err =
        db_get(tx, &instance_by_name, DB_ARGS(db_text(name)), deployment_fields, arena, ret, e);
    return err == ERR_NOT_FOUND
               ? error_set(e, err,
                           "there is no dedicated instance %.100s: name a customer's slug, "
                           "an app or a deployment",
                           name)
               : err;
}

/* -- the shape -------------------------------------------------------------------------------- */

static bool has(const struct texts *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (text_eq(list->items[i], text))
            return true;
    }
    return false;
}

/* The present regions first, then the others in the order of geographies. */
static struct texts regions_of_plan(const struct deployment *d, enum plan plan, struct arena *arena)
{
    size_t count = (size_t)fly_size_of(plan)->regions;
    struct texts out = {arena_new_array(arena, count, const char *), 0};
    for (size_t i = 0; i < d->regions.count && out.count < count; i++)
        out.items[out.count++] = d->regions.items[i];
    for (int g = 0; g < GEOGRAPHY_COUNT && out.count < count; g++) {
        const char *region = region_name(FLYIO, (enum geography)g);
        if (!has(&out, region))
            out.items[out.count++] = region;
    }
    return out;
}

static bool is_region_code(const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p < 'a' || *p > 'z')
            return false;
    }
    return strlen(text) == 3;
}

static enum err check_regions(const struct texts *regions, const char *database, struct error *e)
{
    if (regions->count == 0 || regions->count > REGIONS_MAX)
        return error_set(e, ERR_INVALID, "regions must be 1 to %d codes such as iad", REGIONS_MAX);
    for (size_t i = 0; i < regions->count; i++) {
        struct texts before = {regions->items, i};
        if (!is_region_code(regions->items[i]))
            return error_set(e, ERR_INVALID, "%.20s is no region's code; they are three letters",
                             regions->items[i]);
        if (has(&before, regions->items[i]))
            return error_set(e, ERR_INVALID, "region %s stands there twice", regions->items[i]);
    }
    if (database && !has(regions, database))
        return error_set(e, ERR_INVALID,
                         "the database is in %s, which is not among the regions: keep it",
                         database);
    return OK;
}

static enum err enqueue(struct db_tx *tx, const struct env *env, const struct deployment *d,
                        struct arena *arena, struct job *ret_job, struct error *e)
{
    struct job_spec spec = {
        .worker = SCALE_WORKER,
        .queue = "provisioning",
        .customer_id = d->customer_id,
        .max_attempts = JOB_CLOUD_ATTEMPTS,
        .args = arena_printf(arena, "{\"deployment_id\":\"%s\"}", d->id),
        .unique_key = arena_printf(arena, "scale:%s", d->id),
    };
    return job_enqueue(tx, env, &spec, arena, ret_job, NULL, e);
}

enum err instance_scale(struct db_tx *tx, const struct env *env, const char *actor,
                        struct deployment *d, const struct instance_shape *shape,
                        struct arena *arena, struct job *ret_job, struct error *e)
{
    enum plan plan = shape->plan < 0 ? (enum plan)d->plan : (enum plan)shape->plan;
    if (plan < PLAN_STARTER)
        return error_set(e, ERR_INVALID, "plan %s has no dedicated instance: migrate the customer",
                         plan_names[plan]);
    if (d->status != DEPLOYMENT_ACTIVE)
        return error_set(e, ERR_CONFLICT, "instance %s is %s; only an active one can be scaled",
                         d->app, deployment_status_names[d->status]);
    const char *database;
    struct texts regions = shape->regions.items ? shape->regions : regions_of_plan(d, plan, arena);
    TRY(db_get_text(tx, &instance_database_region, DB_ARGS(db_text(d->id)), arena, &database, e));
    TRY(check_regions(&regions, database, e));
    const char *list = db_texts_json(arena, regions);
    TRY(db_exec(tx, &instance_set_shape,
                DB_ARGS(db_text(d->id), db_text(plan_names[plan]), db_text(list)), NULL, e));
    TRY(route_refresh(tx, d->customer_id, e));
    d->plan = (int)plan;
    d->regions = regions;
    TRY(enqueue(tx, env, d, arena, ret_job, e));
    const char *details =
        arena_printf(arena, "{\"plan\":\"%s\",\"regions\":%s}", plan_names[plan], list);
    return audit_write(tx, env, arena, actor, "instance.scale_requested", d->id, details, e);
}

enum err instance_repair(struct db_tx *tx, const struct env *env, const struct deployment *d,
                         struct arena *arena, bool *ret_asked, struct error *e)
{
    int64_t changes;
    struct job job;
    TRY(db_exec(tx, &instance_set_repair, DB_ARGS(db_text(d->id)), &changes, e));
    *ret_asked = changes == 1;
    if (changes == 0)
        return OK;
    TRY(enqueue(tx, env, d, arena, &job, e));
    return audit_write(tx, env, arena, "job:" HEALTH_WORKER, "instance.repair_requested", d->id,
                       NULL, e);
}

enum err instance_scaled(struct db_tx *tx, const struct env *env, const char *actor,
                         const struct deployment *d, struct arena *arena, bool *ret_done,
                         struct error *e)
{
    int64_t changes, scaling;
    TRY(db_exec(tx, &instance_set_scaled,
                DB_ARGS(db_text(d->id), db_text(plan_names[d->plan]),
                        db_text(db_texts_json(arena, d->regions))),
                &changes, e));
    if (changes == 1) {
        *ret_done = true;
        return audit_write(tx, env, arena, actor, "instance.scaled", d->id, NULL, e);
    }
    TRY(db_get_int(tx, &instance_scaling, DB_ARGS(db_text(d->id)), &scaling, e));
    *ret_done = scaling != 1; /* a repeated run after its own commit */
    return OK;
}

enum err instance_scale_failed(struct db_tx *tx, const struct env *env, const char *actor,
                               const char *id, const char *why, struct arena *arena,
                               struct error *e)
{
    int64_t changes;
    TRY(db_exec(tx, &instance_set_scale_error, DB_ARGS(db_text(id), db_text(why)), &changes, e));
    return changes ? audit_write(tx, env, arena, actor, "instance.scale_failed", id, NULL, e) : OK;
}

/* -- the view --------------------------------------------------------------------------------- */

struct scaling {
    bool scaling;
    const char *scale_error;
};

static const struct field scaling_fields[] = {
    {"scaling", FIELD_BOOL, offsetof(struct scaling, scaling)},
    {"scale_error", FIELD_TEXT, offsetof(struct scaling, scale_error)},
    FIELD_END,
};

/* Where the hostname has to lead: Fly answers for every app under its own name. */
static json_t *certificate_json(const struct resource *r, const char *app)
{
    return json_pack("{s:s, s:s?, s:{s:s, s:s, s:o}}", "hostname", r->name, "status", r->state,
                     "dns", "type", "CNAME", "name", r->name, "value",
                     json_sprintf("%s.fly.dev", app));
}

static void add_health(json_t *out, const struct resource *items, size_t count, const char *app)
{
    json_t *certificates = json_array();
    int worst = -1;
    for (size_t i = 0; i < count; i++) {
        if (items[i].status != RESOURCE_CREATED)
            continue;
        int health =
            items[i].health ? enum_from_text(fly_health_names, str_from(items[i].health)) : -1;
        if (health > worst)
            worst = health;
        if (items[i].kind == RESOURCE_CERTIFICATE)
            (void)json_array_append_new(certificates, certificate_json(&items[i], app));
    }
    (void)json_object_set_new(out, "health",
                              json_from_text(worst < 0 ? NULL : fly_health_names[worst]));
    (void)json_object_set_new(out, "certificates", certificates);
}

enum err instance_json(struct db_tx *tx, const struct deployment *d, struct arena *arena,
                       json_t **ret, struct error *e)
{
    struct scaling scaling;
    struct records resources;
    json_t *out;
    TRY(db_get(tx, &instance_scaling, DB_ARGS(db_text(d->id)), scaling_fields, arena, &scaling, e));
    TRY(resource_list(tx, d->id, arena, &resources, e));
    TRY(deployment_json(tx, d, arena, &out, e));
    (void)json_object_set_new(out, "customer", json_string(d->customer_slug));
    (void)json_object_set_new(out, "scaling", json_boolean(scaling.scaling));
    (void)json_object_set_new(out, "scale_error", json_from_text(scaling.scale_error));
    add_health(out, resources.items, resources.count, d->app);
    *ret = out;
    return OK;
}

static const struct field count_fields[] = {
    {"health", FIELD_TEXT, offsetof(struct instance_health_count, health)},
    {"machines", FIELD_INT, offsetof(struct instance_health_count, machines)},
    FIELD_END,
};

enum err instance_health_counts(struct db_tx *tx, struct arena *arena, struct records *ret,
                                struct error *e)
{
    return db_list(tx, &instance_health_counts_query, DB_NO_ARGS, count_fields,
                   sizeof(struct instance_health_count), HEALTHS_MAX, arena, ret, e);
}
