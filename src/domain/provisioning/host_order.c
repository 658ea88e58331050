#include "domain/provisioning/host_order.h"

#include "domain/audit/audit.h"
#include "domain/jobs/job.h"
#include "domain/provisioning/capacity.h"
#include "domain/provisioning/host_workers.h"
#include "domain/provisioning/location.h"
#include "domain/provisioning/template.h"
#include "host_order.sql.h"

static const char *host_name(struct arena *arena, const char *location, const char *id)
{
    return arena_printf(arena, "wh-%s-%s", location, id + strlen(id) - 8);
}

static enum err find_choice(const struct hetzner_settings *s, const struct host_wish *wish,
                            int64_t *ret_choice, const struct hetzner_server_type **ret_type,
                            struct error *e)
{
    const struct hetzner_server_type *type = location_choice(s, wish->location, 0);
    int64_t choice = 0;
    if (!type || !text_eq(type->location, wish->location))
        return error_set(e, ERR_INVALID,
                         "no server type is set for Hetzner location %.100s: add it to "
                         "provisioning.hetzner.server_types",
                         wish->location);
    while (wish->server_type && type && !text_eq(type->type, wish->server_type))
        type = location_choice(s, wish->location, ++choice);
    if (!type || !text_eq(type->location, wish->location))
        return error_set(e, ERR_INVALID,
                         "server type %.100s is not set for Hetzner location %.100s: add it to "
                         "provisioning.hetzner.server_types",
                         wish->server_type, wish->location);
    *ret_choice = choice;
    *ret_type = type;
    return OK;
}

enum err host_order(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                    const char *actor, const struct host_wish *wish, struct arena *arena,
                    struct host *ret_host, struct error *e)
{
    const struct hetzner_server_type *type;
    int64_t choice;
    TRY(find_choice(s, wish, &choice, &type, e));
    const char *id = env_id(env, arena), *name = host_name(arena, type->location, id);
    const char *url = template_fill(arena, s->database_url, "host", name);
    TRY(db_exec(tx, &order_insert,
                DB_ARGS(db_text(id), db_text(name), db_text(type->location),
                        db_text(location_region(type->location)), db_text(wish->location),
                        db_text(type->type), db_int(choice), db_int(s->slots_per_host),
                        db_text(url), db_int(env_now(env))),
                NULL, e));
    TRY(host_enqueue(tx, env, HOST_WORKER, id, arena, e));
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
                         const char *why, struct arena *arena, bool *ret_exhausted,
                         struct error *e)
{
    int64_t choice = host->choice + 1;
    const struct hetzner_server_type *type = location_choice(s, host->serves, choice);
    bool exhausted = !type;
    if (exhausted) {
        choice = 0;
        type = location_choice(s, host->serves, choice);
    }
    if (!type)
        return error_set(e, ERR_INVALID, "no server type is set for Hetzner location %s any more",
                         host->serves);
    const char *name = host_name(arena, type->location, host->id);
    int64_t changes;
    TRY(db_exec(tx, &order_change,
                DB_ARGS(db_text(host->id), db_text(name), db_text(type->location),
                        db_text(type->type),
                        db_text(template_fill(arena, s->database_url, "host", name)),
                        db_int(choice), db_int(host->rounds + exhausted), db_text(why)),
                &changes, e));
    if (changes == 0)
        return error_set(e, ERR_CONFLICT, "host %s is not being ordered any more", host->name);
    *ret_exhausted = exhausted;
    return host_find(tx, host->id, arena, host, e);
}
