#include "domain/provisioning/host_order.h"

#include "domain/audit/audit.h"
#include "domain/provisioning/capacity.h"
#include "domain/provisioning/host_jobs.h"
#include "domain/provisioning/location.h"
#include "domain/provisioning/template.h"
#include "host_order.sql.h"

static const char *host_name(struct arena *arena, const char *location, const char *id)
{
    return arena_printf(arena, "wh-%s-%s", location, id + strlen(id) - 8);
}

/* Both must be configured; a type nobody named is the location's first. */
static enum err check_wish(const struct hetzner_settings *s, const struct host_wish *wish,
                           struct arena *arena, const char **ret_type, struct error *e)
{
    struct texts types = location_types(s, wish->location, NULL, arena);
    if (types.count == 0)
        return error_set(e, ERR_INVALID,
                         "no server type is set for Hetzner location %.100s: add it to "
                         "provisioning.hetzner.server_types",
                         wish->location);
    size_t i = 0;
    while (wish->server_type && i < types.count && !text_eq(types.items[i], wish->server_type))
        i++;
    if (i == types.count)
        return error_set(e, ERR_INVALID,
                         "server type %.100s is not set for Hetzner location %.100s: add it to "
                         "provisioning.hetzner.server_types",
                         wish->server_type, wish->location);
    *ret_type = types.items[i];
    return OK;
}

enum err host_order(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                    const char *actor, const struct host_wish *wish, struct arena *arena,
                    struct host *ret_host, struct error *e)
{
    const char *type = NULL, *id = env_id(env, arena);
    const char *name = host_name(arena, wish->location, id);
    TRY(check_wish(s, wish, arena, &type, e));
    TRY(db_exec(
        tx, &order_insert,
        DB_ARGS(db_text(id), db_text(name), db_text(wish->location),
                db_text(location_region(wish->location)), db_text(type), db_int(s->slots_per_host),
                db_text(template_fill(arena, s->database_url, "host", name)), db_int(env_now(env))),
        NULL, e));
    TRY(host_enqueue(tx, env, HOST_ORDER_WORKER, id, arena, e));
    TRY(audit_write(tx, env, arena, actor, "host.ordered", id, NULL, e));
    return host_find(tx, id, arena, ret_host, e);
}

enum err host_add(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                  const char *actor, const struct host_wish *wish, struct arena *arena,
                  struct host *ret_host, struct error *e)
{
    struct capacity capacity;
    TRY(capacity_of(tx, env, s, wish->location, arena, &capacity, e));
    const char *why_not = capacity_forbids_order(&capacity, env_now(env), arena);
    if (why_not)
        return error_set(e, ERR_CONFLICT, "no host is ordered: %s", why_not);
    return host_order(tx, env, s, actor, wish, arena, ret_host, e);
}

enum err host_order_next(struct db_tx *tx, const struct hetzner_settings *s, struct host *host,
                         const char *why, struct arena *arena, bool *ret_exhausted, struct error *e)
{
    int64_t choice = host->choice + 1;
    const char *location = location_choice(s, host->serves, choice, arena);
    bool exhausted = !location;
    if (exhausted) {
        choice = 0;
        location = host->serves;
    }
    struct texts types = location_types(s, location, NULL, arena);
    if (types.count == 0)
        return error_set(e, ERR_INVALID, "no server type is set for Hetzner location %s any more",
                         location);
    const char *name = host_name(arena, location, host->id);
    int64_t changes;
    TRY(db_exec(tx, &order_change,
                DB_ARGS(db_text(host->id), db_text(name), db_text(location),
                        db_text(types.items[0]),
                        db_text(template_fill(arena, s->database_url, "host", name)),
                        db_int(choice), db_int(host->rounds + exhausted), db_text(why)),
                &changes, e));
    if (changes == 0)
        return error_set(e, ERR_CONFLICT, "host %s is not being ordered any more", host->name);
    *ret_exhausted = exhausted;
    return host_find(tx, host->id, arena, host, e);
}
