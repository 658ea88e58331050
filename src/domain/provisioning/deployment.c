#include "domain/provisioning/deployment.h"

#include "deployment.sql.h"
#include "domain/audit/audit.h"
#include "domain/facts/facts.h"
#include "domain/provisioning/host.h"
#include "domain/provisioning/routing.h"

#define RESOURCES_MAX 1000
/* With "-2-database-iad-10" behind it, a machine's name fits Fly's 63. */
#define APP_NAME_SLUG_MAX 32

const char *const deployment_status_names[] = {
    "provisioning", "active", "failed", "retiring", "retired", NULL,
};

const char *const resource_kind_names[] = {
    "app",
    "volume",
    "machine",
    "database_volume",
    "database_machine",
    "database_cluster",
    "secrets",
    "ip",
    "certificate",
    NULL,
};

static const char *const resource_status_names[] = {"intended", "created", "deleted", "leaving",
                                                    NULL};

const struct field deployment_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct deployment, id), .required = true, .help = "its id"},
    {"customer_id", FIELD_TEXT, offsetof(struct deployment, customer_id)},
    {"customer_slug", FIELD_TEXT, offsetof(struct deployment, customer_slug)},
    {"customer_name", FIELD_TEXT, offsetof(struct deployment, customer_name)},
    {"mode", FIELD_ENUM, offsetof(struct deployment, mode), .names = mode_names, .required = true,
     .help = "shared or alone"},
    {"plan", FIELD_ENUM, offsetof(struct deployment, plan), .names = plan_names, .required = true,
     .help = "its size"},
    {"status", FIELD_ENUM, offsetof(struct deployment, status), .names = deployment_status_names,
     .required = true, .help = "how far it is"},
    {"is_current", FIELD_BOOL, offsetof(struct deployment, is_current)},
    {"regions", FIELD_TEXTS, offsetof(struct deployment, regions), .required = true,
     .help = "where; the main one first"},
    {"host_id", FIELD_TEXT, offsetof(struct deployment, host_id)},
    {"app", FIELD_TEXT, offsetof(struct deployment, app), .help = "the Fly app's name"},
    {"database_url", FIELD_TEXT, offsetof(struct deployment, database_url)},
    {"error", FIELD_TEXT, offsetof(struct deployment, error), .help = "why it failed"},
    {"created_at", FIELD_TIME, offsetof(struct deployment, created_at), .required = true,
     .help = "since when it is wanted"},
    {"active_at", FIELD_TIME, offsetof(struct deployment, active_at),
     .help = "since when the customer lives there"},
    {"retired_at", FIELD_TIME, offsetof(struct deployment, retired_at)},
    FIELD_END,
};

const struct field resource_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct resource, id), .required = true, .help = "its id"},
    {"kind", FIELD_ENUM, offsetof(struct resource, kind), .names = resource_kind_names,
     .required = true, .help = "what it is"},
    {"region", FIELD_TEXT, offsetof(struct resource, region), .help = "where it is"},
    {"name", FIELD_TEXT, offsetof(struct resource, name), .help = "its name in the cloud"},
    {"provider_id", FIELD_TEXT, offsetof(struct resource, provider_id),
     .help = "the cloud's id for it"},
    {"status", FIELD_ENUM, offsetof(struct resource, status), .names = resource_status_names,
     .required = true, .help = "intended, there, leaving or gone"},
    {"slot", FIELD_TEXT, offsetof(struct resource, slot), .help = "what it is for"},
    {"size", FIELD_TEXT, offsetof(struct resource, size), .help = "how large"},
    {"state", FIELD_TEXT, offsetof(struct resource, state), .help = "what the cloud last said"},
    {"health", FIELD_TEXT, offsetof(struct resource, health), .help = "how it does"},
    {"error", FIELD_TEXT, offsetof(struct resource, error), .help = "why it was given up"},
    {"asked_at", FIELD_TIME, offsetof(struct resource, asked_at), .help = "when it was ordered"},
    {"started_at", FIELD_TIME, offsetof(struct resource, started_at),
     .help = "when it last began to run"},
    {"checked_at", FIELD_TIME, offsetof(struct resource, checked_at),
     .help = "when it was last looked at"},
    {"restarts", FIELD_INT, offsetof(struct resource, restarts),
     .help = "times that it was started again"},
    {"restarted_at", FIELD_TIME, offsetof(struct resource, restarted_at),
     .help = "when it was last started again"},
    FIELD_END,
};

/*
 * An app's name is derived from the deployment, so that a retry after a crash asks for the same
 * one. App names are global at Fly: the random tail of the id keeps ours apart from strangers'.
 */
static const char *app_name(struct arena *arena, const char *slug, const char *deployment_id)
{
    const char *tail = deployment_id + strlen(deployment_id) - 8;
    return arena_printf(arena, APP_NAME_PREFIX "%.*s-%s", APP_NAME_SLUG_MAX, slug, tail);
}

static struct texts region_list(const struct placement *placement, struct arena *arena)
{
    struct texts list = {arena_new_array(arena, placement->region_count, const char *),
                         placement->region_count};
    for (size_t i = 0; i < list.count; i++)
        list.items[i] =
            region_name(infrastructure_of(placement->mode), (enum geography)placement->regions[i]);
    return list;
}

enum err deployment_create(struct db_tx *tx, const struct env *env, const char *customer_id,
                           const char *customer_slug, const struct placement *placement,
                           const char *decision_id, bool current, struct arena *arena,
                           const char **ret_id, struct error *e)
{
    const char *id = env_id(env, arena);
    const char *app = placement->mode == SINGLE_TENANT ? app_name(arena, customer_slug, id) : NULL;
    struct texts regions = region_list(placement, arena);
    TRY(db_exec(tx, &deployment_insert,
                DB_ARGS(db_text(id), db_text(customer_id), db_text(mode_names[placement->mode]),
                        db_text(plan_names[placement->plan]), db_int(current),
                        db_text(db_texts_json(arena, regions)), db_text(app), db_text(decision_id),
                        db_int(env_now(env))),
                NULL, e));
    *ret_id = id;
    return OK;
}

enum err deployment_create_like(struct db_tx *tx, const struct env *env,
                                const struct deployment *like, struct arena *arena,
                                const char **ret_id, struct error *e)
{
    const char *id = env_id(env, arena);
    const char *app = like->mode == SINGLE_TENANT ? app_name(arena, like->customer_slug, id) : NULL;
    TRY(db_exec(tx, &deployment_insert,
                DB_ARGS(db_text(id), db_text(like->customer_id), db_text(mode_names[like->mode]),
                        db_text(plan_names[like->plan]), db_int(0),
                        db_text(db_texts_json(arena, like->regions)), db_text(app), db_null(),
                        db_int(env_now(env))),
                NULL, e));
    *ret_id = id;
    return OK;
}

enum err deployment_enqueue(struct db_tx *tx, const struct env *env, const struct deployment *d,
                            struct arena *arena, struct job *ret_job, struct error *e)
{
    bool multi = d->mode == MULTI_TENANT;
    struct job_spec spec = {
        .worker = multi ? HETZNER_WORKER : FLYIO_WORKER,
        .queue = "provisioning",
        .customer_id = d->customer_id,
        .max_attempts = JOB_CLOUD_ATTEMPTS,
        .args = arena_printf(arena, "{\"deployment_id\":\"%s\"}", d->id),
    };
    return job_enqueue(tx, env, &spec, arena, ret_job, NULL, e);
}

enum err deployment_find(struct db_tx *tx, const char *id, struct arena *arena,
                         struct deployment *ret, struct error *e)
{
    enum err err =
        db_get(tx, &deployment_by_id, DB_ARGS(db_text(id)), deployment_fields, arena, ret, e);
    return err == ERR_NOT_FOUND ? error_set(e, err, "there is no deployment %s", id) : err;
}

enum err deployment_current(struct db_tx *tx, const char *customer_id, struct arena *arena,
                            struct deployment *ret, struct error *e)
{
    enum err err = db_get(tx, &deployment_current_of, DB_ARGS(db_text(customer_id)),
                          deployment_fields, arena, ret, e);
    return err == ERR_NOT_FOUND
               ? error_set(e, err, "customer %s has no current deployment", customer_id)
               : err;
}

enum err deployment_list_instances(struct db_tx *tx, struct page page, struct arena *arena,
                                   struct records *ret, const char **ret_next, struct error *e)
{
    return page_list(tx, &deployment_page_instances, page, DB_NO_ARGS, deployment_fields,
                     sizeof(struct deployment), arena, ret, ret_next, e);
}

enum err deployment_try_again(struct db_tx *tx, const char *id, struct error *e)
{
    return db_exec(tx, &deployment_mark_provisioning, DB_ARGS(db_text(id)), NULL, e);
}

enum err deployment_try_all_again(struct db_tx *tx, const char *queue, struct error *e)
{
    return db_exec(tx, &deployment_mark_all_provisioning, DB_ARGS(db_text(queue)), NULL, e);
}

enum err deployment_activate(struct db_tx *tx, const struct env *env, const char *actor,
                             const struct deployment *d, const char *database_url,
                             struct arena *arena, struct error *e)
{
    int64_t changes;
    TRY(db_exec(tx, &deployment_mark_active,
                DB_ARGS(db_text(d->id), db_text(database_url), db_int(env_now(env))), &changes, e));
    if (changes == 0)
        return OK;     /* it was active already: this is a repeated run */
    if (d->is_current) /* a move's target is where the customer lives once it is switched to */
        TRY(facts_set_place(tx, d->customer_id, (enum mode)d->mode, env_now(env), false, e));
    TRY(route_refresh(tx, d->customer_id, e));
    return audit_write(tx, env, arena, actor, "deployment.activated", d->id, NULL, e);
}

enum err deployment_set_database(struct db_tx *tx, const char *id, const char *database_url,
                                 struct error *e)
{
    return db_exec(tx, &deployment_note_database, DB_ARGS(db_text(id), db_text(database_url)), NULL,
                   e);
}

enum err deployment_fail(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                         const char *why, struct arena *arena, struct error *e)
{
    int64_t changes;
    TRY(db_exec(tx, &deployment_mark_failed, DB_ARGS(db_text(id), db_text(why)), &changes, e));
    if (changes == 0)
        return OK;
    return audit_write(tx, env, arena, actor, "deployment.failed", id, NULL, e);
}

static enum err set_current(struct db_tx *tx, const char *id, bool current, struct error *e)
{
    int64_t changes;
    TRY(db_exec(tx, &deployment_set_current, DB_ARGS(db_text(id), db_int(current)), &changes, e));
    return changes ? OK : error_set(e, ERR_NOT_FOUND, "there is no deployment %s", id);
}

enum err deployment_switch(struct db_tx *tx, const char *from, const char *to, struct error *e)
{
    TRY(set_current(tx, from, false, e));
    TRY(set_current(tx, to, true, e));
    return route_refresh_for(tx, to, e);
}

enum err deployment_set_leaving(struct db_tx *tx, const struct env *env, const char *id,
                                enum deployment_status status, struct error *e)
{
    BUG_ON(status != DEPLOYMENT_RETIRING && status != DEPLOYMENT_RETIRED);
    int64_t retired_at = status == DEPLOYMENT_RETIRED ? env_now(env) : INT_ABSENT;
    TRY(db_exec(tx, &deployment_mark_leaving,
                DB_ARGS(db_text(id), db_text(deployment_status_names[status]), db_int(retired_at)),
                NULL, e));
    return route_refresh_for(tx, id, e);
}

enum err resource_list(struct db_tx *tx, const char *deployment_id, struct arena *arena,
                       struct records *ret, struct error *e)
{
    return db_list(tx, &resources_of, DB_ARGS(db_text(deployment_id), db_int(RESOURCES_MAX)),
                   resource_fields, sizeof(struct resource), RESOURCES_MAX, arena, ret, e);
}

enum err resource_intend(struct db_tx *tx, const struct env *env, const char *deployment_id,
                         enum resource_kind kind, const char *region, const char *name,
                         struct arena *arena, struct resource *ret, struct error *e)
{
    TRY(db_exec(tx, &resource_insert,
                DB_ARGS(db_text(env_id(env, arena)), db_text(deployment_id),
                        db_text(resource_kind_names[kind]), db_text(region), db_text(name),
                        db_int(env_now(env))),
                NULL, e));
    return db_get(tx, &resource_named,
                  DB_ARGS(db_text(deployment_id), db_text(resource_kind_names[kind]),
                          db_text(region), db_text(name)),
                  resource_fields, arena, ret, e);
}

enum err resource_created(struct db_tx *tx, const char *id, const char *provider_id,
                          struct error *e)
{
    return db_exec(tx, &resource_mark_created, DB_ARGS(db_text(id), db_text(provider_id)), NULL, e);
}

enum err resource_deleted(struct db_tx *tx, const char *id, struct error *e)
{
    return db_exec(tx, &resource_mark_deleted, DB_ARGS(db_text(id)), NULL, e);
}

/* What the API shows of a deployment's own row; where its database is stays inside. */
const char *const deployment_shown[] = {
    "id", "mode", "plan", "status", "regions", "app", "error", "created_at", "active_at", NULL,
};

enum err deployment_json(struct db_tx *tx, const struct deployment *d, struct arena *arena,
                         json_t **ret, struct error *e)
{
    struct host host;
    struct records resources;
    if (d->host_id)
        TRY(host_find(tx, d->host_id, arena, &host, e));
    TRY(resource_list(tx, d->id, arena, &resources, e));

    json_t *all = json_encode(deployment_fields, d, JSON_KEEP_ABSENT);
    json_t *out = json_object();
    for (size_t i = 0; deployment_shown[i]; i++)
        (void)json_object_set(out, deployment_shown[i], json_object_get(all, deployment_shown[i]));
    json_decref(all);
    (void)json_object_set_new(out, "infrastructure", json_string(infrastructure_names[d->mode]));
    (void)json_object_set_new(out, "host", d->host_id ? host_json(&host) : json_null());
    (void)json_object_set_new(
        out, "resources",
        json_encode_list(resource_fields, resources, sizeof(struct resource), JSON_KEEP_ABSENT));
    *ret = out;
    return OK;
}
