#include "domain/provisioning/host.h"

#include "domain/audit/audit.h"
#include "domain/provisioning/template.h"
#include "host.sql.h"

const char *const host_status_names[] = {"creating", "active", "failed", NULL};

const struct field host_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct host, id)},
    {"name", FIELD_TEXT, offsetof(struct host, name)},
    {"location", FIELD_TEXT, offsetof(struct host, location)},
    {"server_type", FIELD_TEXT, offsetof(struct host, server_type)},
    {"status", FIELD_ENUM, offsetof(struct host, status), .names = host_status_names},
    {"capacity", FIELD_INT, offsetof(struct host, capacity)},
    {"slots_used", FIELD_INT, offsetof(struct host, slots_used)},
    {"provider_id", FIELD_INT, offsetof(struct host, provider_id)},
    {"address", FIELD_TEXT, offsetof(struct host, address)},
    {"database_url", FIELD_TEXT, offsetof(struct host, database_url)},
    {"error", FIELD_TEXT, offsetof(struct host, error)},
    {"created_at", FIELD_TIME, offsetof(struct host, created_at)},
    {"active_at", FIELD_TIME, offsetof(struct host, active_at)},
    FIELD_END,
};

enum err host_find(struct db_tx *tx, const char *id, struct arena *arena, struct host *ret,
                   struct error *e)
{
    enum err err = db_get(tx, &host_by_id, DB_ARGS(db_text(id)), host_fields, arena, ret, e);
    return err == ERR_NOT_FOUND ? error_set(e, err, "there is no host %s", id) : err;
}

enum err host_list(struct db_tx *tx, struct page page, struct arena *arena, struct records *ret,
                   const char **ret_next, struct error *e)
{
    return page_list(tx, &host_page, page, DB_NO_ARGS, host_fields, sizeof(struct host), arena, ret,
                     ret_next, e);
}

static enum err host_create(struct db_tx *tx, const struct env *env, const struct host_order *order,
                            struct arena *arena, struct host *ret_host, struct error *e)
{
    const char *id = env_id(env, arena);
    const char *name = arena_printf(arena, "wh-%s-%s", order->location, id + strlen(id) - 8);
    const char *url = template_fill(arena, order->database_url, "host", name);
    TRY(db_exec(tx, &host_insert,
                DB_ARGS(db_text(id), db_text(name), db_text(order->location),
                        db_text(order->server_type), db_int(order->capacity), db_text(url),
                        db_int(env_now(env))),
                NULL, e));
    return host_find(tx, id, arena, ret_host, e);
}

enum err host_reserve_slot(struct db_tx *tx, const struct env *env, const char *deployment_id,
                           const struct host_order *order, struct arena *arena,
                           struct host *ret_host, struct error *e)
{
    const char *held;
    TRY(db_get_text(tx, &deployment_host, DB_ARGS(db_text(deployment_id)), arena, &held, e));
    if (held)
        return host_find(tx, held, arena, ret_host, e);

    struct host host;
    enum err err =
        db_get(tx, &host_best_fit, DB_ARGS(db_text(order->location)), host_fields, arena, &host, e);
    if (err == ERR_NOT_FOUND)
        err = host_create(tx, env, order, arena, &host, e);
    TRY(err);

    int64_t changes;
    TRY(db_exec(tx, &host_take_slot, DB_ARGS(db_text(host.id)), &changes, e));
    if (changes == 0)
        return error_set(e, ERR_BUSY, "host %s filled up meanwhile", host.name);
    TRY(db_exec(tx, &deployment_take_host, DB_ARGS(db_text(deployment_id), db_text(host.id)),
                &changes, e));
    BUG_ON(changes != 1);
    host.slots_used++;
    *ret_host = host;
    return OK;
}

enum err host_release_slot(struct db_tx *tx, const char *deployment_id, const char *host_id,
                           struct error *e)
{
    int64_t changes;
    TRY(db_exec(tx, &deployment_leave_host, DB_ARGS(db_text(deployment_id), db_text(host_id)),
                &changes, e));
    if (changes == 0)
        return OK; /* given back before */
    return db_exec(tx, &host_give_slot, DB_ARGS(db_text(host_id)), NULL, e);
}

enum err host_ordered(struct db_tx *tx, const char *id, int64_t provider_id, struct error *e)
{
    return db_exec(tx, &host_set_provider_id, DB_ARGS(db_text(id), db_int(provider_id)), NULL, e);
}

enum err host_activate(struct db_tx *tx, const struct env *env, const char *actor,
                       const struct host *host, const char *address, struct arena *arena,
                       struct error *e)
{
    const char *url = template_fill(arena, host->database_url, "address", address);
    int64_t changes;
    TRY(db_exec(tx, &host_mark_active,
                DB_ARGS(db_text(host->id), db_text(address), db_text(url), db_int(env_now(env))),
                &changes, e));
    if (changes == 0)
        return OK; /* another deployment's job was first */
    return audit_write(tx, env, arena, actor, "host.activated", host->id, NULL, e);
}

json_t *host_json(const struct host *host)
{
    json_t *out = json_encode(host_fields, host, JSON_KEEP_ABSENT);
    (void)json_object_del(out, "database_url"); /* where databases are stays inside */
    return out;
}
