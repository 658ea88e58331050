#include "domain/provisioning/slot.h"

#include "domain/provisioning/capacity.h"
#include "domain/provisioning/host_jobs.h"
#include "domain/provisioning/host_order.h"
#include "domain/provisioning/location.h"
#include "slot.sql.h"

/* No host has room: orders one, unless that is not allowed now. */
static enum err order(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                      const char *actor, const char *location, struct arena *arena,
                      struct host *ret_host, struct error *e)
{
    struct capacity capacity;
    TRY(capacity_of(tx, env, s, location, arena, &capacity, e));
    const char *why_not = capacity_forbids_order(&capacity, env_now(env), arena);
    if (why_not)
        return error_set(e, ERR_BUSY, "no host near %s has a free slot, and %s", location, why_not);
    struct host_wish wish = {.location = location};
    return host_order(tx, env, s, actor, &wish, arena, ret_host, e);
}

enum err slot_reserve(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                      const char *actor, const char *deployment_id, const char *location,
                      struct arena *arena, struct host *ret_host, struct error *e)
{
    const char *id;
    struct host host;
    TRY(db_get_text(tx, &slot_host, DB_ARGS(db_text(deployment_id)), arena, &id, e));
    if (id)
        return host_find(tx, id, arena, ret_host, e);

    TRY(db_get_text(tx, &slot_best_fit,
                    DB_ARGS(db_text(location_region(location)), db_text(location),
                            db_int(s->load_max), db_int(env_now(env) - LOAD_FRESH_US)),
                    arena, &id, e));
    TRY(id ? host_find(tx, id, arena, &host, e)
           : order(tx, env, s, actor, location, arena, &host, e));

    int64_t changes;
    TRY(db_exec(tx, &slot_take, DB_ARGS(db_text(host.id)), &changes, e));
    if (changes == 0)
        return error_set(e, ERR_BUSY, "host %s filled up meanwhile", host.name);
    TRY(db_exec(tx, &slot_give_deployment, DB_ARGS(db_text(deployment_id), db_text(host.id)),
                &changes, e));
    BUG_ON(changes != 1);
    /* Others may have more room, but without this the location cannot be short: no need to ask. */
    if (host.capacity - host.slots_used - 1 < location_limits(s, host.serves).reserve_slots)
        TRY(host_enqueue_reserve(tx, env, arena, e));
    return host_find(tx, host.id, arena, ret_host, e);
}

enum err slot_release(struct db_tx *tx, const struct env *env, const char *deployment_id,
                      const char *host_id, struct error *e)
{
    int64_t changes;
    TRY(db_exec(tx, &slot_leave_deployment, DB_ARGS(db_text(deployment_id), db_text(host_id)),
                &changes, e));
    if (changes == 0)
        return OK; /* given back before */
    return db_exec(tx, &slot_give, DB_ARGS(db_text(host_id), db_int(env_now(env))), NULL, e);
}
