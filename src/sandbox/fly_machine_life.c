/*
 * What happens to a machine after it exists: start, stop, suspend, restart, destroy.
 */
#include "sandbox/fly.h"

#include "fly.sql.h"

enum err fly_machine_save_phases(struct call *c, const struct machine_row *row, struct error *e)
{
    return db_exec(c->tx, &machine_set_phases,
                   DB_ARGS(db_text(row->id), PHASE_ARGS(&row->phases), db_int(c->now_us),
                           db_int(row->destroyed_at)),
                   NULL, e);
}

/*
 * From which states a request leads by way of `via` to `to`. In state `to` it changes nothing and
 * succeeds; in any other it is refused.
 */
struct change {
    const char *verb, *via, *to;
    const char *from[5];
};

static bool is_one_of(const char *const *names, const char *name)
{
    for (; *names; names++) {
        if (text_eq(*names, name))
            return true;
    }
    return false;
}

static enum err apply(struct call *c, const struct change *change, const char **ret_before,
                      struct error *e)
{
    struct machine_row row;
    TRY(fly_machine_to_change(c, &row, e));
    const char *before = fly_machine_state(c, &row);
    bool leads = is_one_of(change->from, before);
    if (!leads && !text_eq(before, change->to))
        return call_refuse(c, 412, NULL,
                           "failed_precondition: unable to %s machine from current state: '%s'",
                           change->verb, before);
    if (leads) {
        row.phases = phases_via(change->via, c->must_fail ? "failed" : change->to, c->now_us,
                                call_delay_us(c));
        TRY(fly_machine_save_phases(c, &row, e));
    }
    *ret_before = before;
    return OK;
}

enum err fly_machine_start(struct call *c, struct error *e)
{
    static const struct change change = {
        "start", "starting", "started", {"created", "stopped", "suspended"}};
    const char *before;
    TRY(apply(c, &change, &before, e));
    return call_answer(c, 200, json_packed("{s:s}", "previous_state", before));
}

static enum err answer_ok(struct call *c)
{
    return call_answer(c, 200, json_packed("{s:b}", "ok", 1));
}

struct stop_input {
    const char *signal, *timeout;
};

static const struct field stop_fields[] = {
    {"signal", FIELD_TEXT, offsetof(struct stop_input, signal)},
    {"timeout", FIELD_JSON, offsetof(struct stop_input, timeout)},
    FIELD_END,
};

enum err fly_machine_stop(struct call *c, struct error *e)
{
    static const struct change change = {
        "stop", "stopping", "stopped", {"started", "starting", "suspended"}};
    struct stop_input in = {0};
    TRY(call_decode(c, stop_fields, &in));
    const char *before;
    TRY(apply(c, &change, &before, e));
    return answer_ok(c);
}

enum err fly_machine_suspend(struct call *c, struct error *e)
{
    static const struct change change = {"suspend", "suspending", "suspended", {"started"}};
    const char *before;
    TRY(apply(c, &change, &before, e));
    return answer_ok(c);
}

enum err fly_machine_restart(struct call *c, struct error *e)
{
    static const struct change change = {
        "restart", "restarting", "started", {"started", "stopped", "suspended"}};
    const char *before;
    TRY(apply(c, &change, &before, e));
    return answer_ok(c);
}

enum err fly_machine_delete(struct call *c, struct error *e)
{
    static const char *const at_rest[] = {"created", "stopped", "suspended", "failed", NULL};
    struct machine_row row;
    TRY(fly_machine_to_change(c, &row, e));
    const char *state = fly_machine_state(c, &row);
    bool forced = call_flag(c, "force") || call_flag(c, "kill");
    if (!forced && !is_one_of(at_rest, state))
        return call_refuse(
            c, 412, NULL,
            "failed_precondition: unable to destroy machine, not currently stopped (it "
            "is '%s'); use force=true",
            state);
    row.phases = phases_via("destroying", "destroyed", c->now_us, call_delay_us(c));
    row.destroyed_at = phases_settle_at(&row.phases);
    TRY(fly_machine_save_phases(c, &row, e));
    TRY(db_exec(c->tx, &volume_detach_all, DB_ARGS(db_text(row.id)), NULL, e));
    return answer_ok(c);
}
