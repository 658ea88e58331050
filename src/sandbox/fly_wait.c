/*
 * GET .../wait: holds the request until the machine is in a state, or says 408.
 *
 * "Settled" means nothing is under way. "stopped" needs the instance, because a machine that is
 * replaced stops on the way.
 */
#include "sandbox/fly.h"

#define TIMEOUT_MAX_S    60
#define LOOK_AGAIN_US    (20 * USEC_PER_MS)
#define TOO_MANY_WAITING 429

struct wish {
    const char *state, *instance_id;
    int64_t timeout_us;
};

static enum err read_wish(struct call *c, struct wish *ret_wish)
{
    static const char *const states[] = {"started", "stopped", "suspended", "destroyed",
                                         "failed",  "settled", NULL};
    const struct http_request *r = c->request;
    const char *state = http_query(r, "state"), *timeout = http_query(r, "timeout");
    const char *instance = http_query(r, "instance_id");
    struct wish wish = {
        .state = state ? state : "started",
        .instance_id = instance ? instance : http_query(r, "version"),
    };
    int64_t seconds = TIMEOUT_MAX_S;
    if (timeout &&
        (!str_to_i64(str_from(timeout), &seconds) || seconds < 1 || seconds > TIMEOUT_MAX_S))
        return call_refuse(c, 400, NULL, "invalid_argument: timeout must be 1 to %d seconds",
                           TIMEOUT_MAX_S);
    if (enum_from_text(states, str_from(wish.state)) < 0)
        return call_refuse(c, 400, NULL, "invalid_argument: state %s cannot be waited for",
                           wish.state);
    if (text_eq(wish.state, "stopped") && !wish.instance_id)
        return call_refuse(c, 400, NULL,
                           "invalid_argument: instance_id is required to wait for state 'stopped'");
    wish.timeout_us = seconds * USEC_PER_SEC;
    *ret_wish = wish;
    return OK;
}

static bool is_fulfilled(const struct call *c, const struct wish *wish,
                         const struct machine_row *row)
{
    if (wish->instance_id && !text_eq(wish->instance_id, row->instance_id))
        return false;
    if (text_eq(wish->state, "settled"))
        return c->now_us >= phases_settle_at(&row->phases);
    return text_eq(wish->state, fly_machine_state(c, row));
}

/* Looks once; no body in the reply: not yet. */
static enum err look(struct call *c, struct error *e)
{
    struct wish wish;
    TRY(read_wish(c, &wish));
    struct machine_row row;
    TRY(fly_machine_of(c, &row, e));
    if (!is_fulfilled(c, &wish, &row))
        return OK;
    return call_answer(c, 200,
                       json_packed("{s:b, s:s, s:s, s:s}", "ok", 1, "state",
                                   fly_machine_state(c, &row), "version", row.instance_id,
                                   "event_id", row.instance_id));
}

enum err fly_machine_wait(struct call *c, struct error *e)
{
    struct wish wish;
    TRY(read_wish(c, &wish));
    if (!call_wait_begin(c))
        return call_refuse(c, TOO_MANY_WAITING, NULL, "too many requests are waiting already");
    /* The timeout is by the sandbox's clock; a thread is never held longer than the bound in real
     * time, even when that clock stands still. */
    int64_t deadline = c->now_us + wish.timeout_us;
    int64_t most_us = call_options(c)->wait_max_us;
    int64_t real_deadline =
        monotonic_us() + (most_us < wish.timeout_us ? most_us : wish.timeout_us);
    enum err err;
    do {
        err = call_read(c, look, e);
    } while (err == OK && !c->reply.body && c->now_us < deadline &&
             monotonic_us() < real_deadline && call_pause(c, LOOK_AGAIN_US));
    call_wait_end(c);
    TRY(err);
    if (!c->reply.body)
        return call_refuse(c, 408, NULL, "deadline_exceeded: the machine is not %s yet",
                           wish.state);
    return OK;
}
