/*
 * Reads that lag behind writes (sandbox_options.read_lag_us). The first write to a machine keeps
 * what it looked like before; for the length of the lag, lists, the organisation's list and readers
 * without the affinity cookie see that. Writers and those who bring the cookie see the truth.
 */
#include "sandbox/fly.h"

#include "fly.sql.h"

static bool lags(const struct call *c, int64_t changed_at)
{
    return c->now_us < changed_at + call_options(c)->read_lag_us;
}

bool fly_is_sticky(const struct call *c)
{
    const char *cookies = http_header(c->request, "Cookie");
    return cookies && strstr(cookies, "fly_flaps_affinity=");
}

bool fly_is_unseen(const struct call *c, int64_t created_at)
{
    return !fly_is_sticky(c) && lags(c, created_at);
}

enum err fly_machine_keep_before(struct call *c, const struct machine_row *row, struct error *e)
{
    if (call_options(c)->read_lag_us == 0 || lags(c, row->changed_at))
        return OK;
    _cleanup_json_ json_t *before = fly_machine_json(c, row);
    return db_exec(
        c->tx, &machine_set_before,
        DB_ARGS(db_text(row->id), db_text(json_text(before, c->arena)), db_int(c->now_us)), NULL,
        e);
}

bool fly_machine_seen(const struct call *c, const struct machine_row *row, bool is_sticky,
                      struct machine_row *ret_seen)
{
    *ret_seen = *row;
    if (is_sticky || !lags(c, row->changed_at))
        return true;
    if (!row->before)
        return false;
    json_t *before = NULL;
    BUG_ON(json_parse(str_from(row->before), &before, NULL) != OK);
    const char *state = arena_text(c->arena, json_get_text(before, "state"));
    ret_seen->instance_id = arena_text(c->arena, json_get_text(before, "instance_id"));
    ret_seen->config = json_text(json_object_get(before, "config"), c->arena);
    ret_seen->phases = phases_settled(state);
    ret_seen->destroyed_at = INT_ABSENT;
    json_decref(before);
    return true;
}
