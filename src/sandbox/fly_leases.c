/*
 * Leases: who holds one may change the machine, others get 409. The replies have a form of their
 * own: {"status": "success", "data": {...}} and {"status": "error", "message": ..., "code": ...}.
 */
#include "sandbox/fly.h"

#include "fly.sql.h"

#define NONCE_LEN     12
#define TTL_DEFAULT_S 3600
#define TTL_MAX_S     86400

bool fly_lease_is_held(const struct call *c, const struct machine_row *row)
{
    return row->lease_nonce && c->now_us < row->lease_expires_at;
}

static bool brings_nonce(const struct call *c, const struct machine_row *row)
{
    return text_eq(http_header(c->request, "fly-machine-lease-nonce"), row->lease_nonce);
}

/* A reply and not a refusal: the form is another one, and there is nothing to undo. */
static enum err answer_error(struct call *c, int status, const char *message)
{
    return call_answer(c, status,
                       json_packed("{s:s, s:s, s:s, s:s}", "status", "error", "message", message,
                                   "code", "invalid", "error", message));
}

static enum err answer_lease(struct call *c, int status, const struct machine_row *row)
{
    json_t *data = json_packed("{s:s, s:I, s:s, s:s, s:s}", "nonce", row->lease_nonce, "expires_at",
                               (json_int_t)(row->lease_expires_at / USEC_PER_SEC), "owner",
                               "sandbox@sandbox.invalid", "description",
                               row->lease_description ? row->lease_description : "", "version",
                               row->instance_id);
    return call_answer(c, status, json_packed("{s:s, s:o}", "status", "success", "data", data));
}

static enum err save(struct call *c, const struct machine_row *row, struct error *e)
{
    return db_exec(c->tx, &machine_set_lease,
                   DB_ARGS(db_text(row->id), db_text(row->lease_nonce),
                           db_int(row->lease_expires_at), db_text(row->lease_description)),
                   NULL, e);
}

struct lease_input {
    const char *description;
    int64_t ttl;
};

static const struct field lease_fields[] = {
    {"description", FIELD_TEXT, offsetof(struct lease_input, description)},
    {"ttl", FIELD_INT, offsetof(struct lease_input, ttl), .min = 1, .max = TTL_MAX_S},
    FIELD_END,
};

/* Acquires, or refreshes when the request brings the nonce. */
enum err fly_lease_acquire(struct call *c, struct error *e)
{
    struct machine_row row;
    TRY(fly_machine_of(c, &row, e));
    if (row.destroyed_at != INT_ABSENT)
        return call_refuse(c, 404, NULL, "machine not found: it has been destroyed");
    struct lease_input in = {.ttl = TTL_DEFAULT_S};
    const char *ttl = http_query(c->request, "ttl");
    if (ttl && (!str_to_i64(str_from(ttl), &in.ttl) || in.ttl < 1 || in.ttl > TTL_MAX_S))
        return call_refuse(c, 400, NULL, "invalid_argument: ttl must be 1 to %d seconds",
                           TTL_MAX_S);
    TRY(call_decode(c, lease_fields, &in));
    bool held = fly_lease_is_held(c, &row);
    if (held && !brings_nonce(c, &row))
        return answer_error(c, 409, "machine lease currently held by another");
    if (!held) {
        row.lease_nonce = call_random_hex(c, NONCE_LEN);
        row.lease_description = in.description;
    }
    row.lease_expires_at = c->now_us + in.ttl * USEC_PER_SEC;
    TRY(save(c, &row, e));
    return answer_lease(c, 201, &row);
}

enum err fly_lease_show(struct call *c, struct error *e)
{
    struct machine_row row;
    TRY(fly_machine_of(c, &row, e));
    if (!fly_lease_is_held(c, &row))
        return answer_error(c, 404, "lease not found");
    return answer_lease(c, 200, &row);
}

enum err fly_lease_release(struct call *c, struct error *e)
{
    struct machine_row row;
    TRY(fly_machine_of(c, &row, e));
    if (!fly_lease_is_held(c, &row))
        return answer_error(c, 404, "lease not found");
    if (!brings_nonce(c, &row))
        return answer_error(c, 409, "machine lease currently held by another");
    row.lease_nonce = row.lease_description = NULL;
    row.lease_expires_at = INT_ABSENT;
    TRY(save(c, &row, e));
    return call_answer(c, 200, json_packed("{s:s, s:{s:b}}", "status", "success", "data", "ok", 1));
}
