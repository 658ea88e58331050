#include "app/api/idempotency.h"

#include "idempotency.sql.h"

#define KEPT_FOR_US (7 * USEC_PER_DAY)

struct stored {
    const char *request_sha256;
    int64_t status;
    const char *body;
};

static const struct field stored_fields[] = {
    {"request_sha256", FIELD_TEXT, offsetof(struct stored, request_sha256)},
    {"status", FIELD_INT, offsetof(struct stored, status)},
    {"body", FIELD_TEXT, offsetof(struct stored, body)},
    FIELD_END,
};

enum err api_idempotency_key(struct api_call *call, const char **ret_key, struct error *e)
{
    const char *key = http_header(call->request, "Idempotency-Key");
    if (key && !str_is_printable(str_from(key), IDEMPOTENCY_KEY_MAX)) {
        problem_add(&call->problems, "Idempotency-Key", 0, "must be 1 to %d printable characters",
                    IDEMPOTENCY_KEY_MAX);
        return problems_error(&call->problems, e);
    }
    *ret_key = key;
    return OK;
}

enum err idempotency_read_key(struct idempotency *i, struct api_call *call, struct error *e)
{
    const char *key;
    TRY(api_idempotency_key(call, &key, e));
    if (!key)
        return OK;
    const struct http_request *r = call->request;
    const char *request = arena_printf(call->arena, "%s %s\n%.*s", http_method_names[r->method],
                                       r->path, STR_ARG(r->body));
    (void)sha256_hex(str_from(request), i->fingerprint);
    i->key = key;
    return OK;
}

enum err idempotency_begin(struct db_tx *tx, struct idempotency *i, struct api_call *call,
                           bool *ret_replayed, struct error *e)
{
    i->replayed = false;
    if (!i->key)
        return OK;
    struct stored stored;
    enum err err = db_get(tx, &idempotency_find, DB_ARGS(db_text(call->token.id), db_text(i->key)),
                          stored_fields, call->arena, &stored, e);
    if (err == ERR_NOT_FOUND)
        return OK;
    TRY(err);
    if (!text_eq(stored.request_sha256, i->fingerprint))
        return error_set(e, ERR_INVALID,
                         "this Idempotency-Key was used for another request; use a new one");
    json_t *body;
    TRY(json_parse(str_from(stored.body), &body, e));
    api_reply(call, body);
    call->status = (int)stored.status;
    *ret_replayed = i->replayed = true;
    return OK;
}

/* The reply as it may be kept. */
static const char *reply_to_keep(const struct api_call *call)
{
    _cleanup_json_ json_t *kept = json_copy(call->reply);
    if (call->secret_member)
        (void)json_object_set_new(kept, call->secret_member, json_null());
    return json_text(kept, call->arena);
}

enum err idempotency_end(struct db_tx *tx, struct idempotency *i, struct api_call *call,
                         struct error *e)
{
    if (!i->key)
        return OK;
    int64_t now = env_now(call->api->env);
    TRY(db_exec(tx, &idempotency_prune, DB_ARGS(db_int(now - KEPT_FOR_US)), NULL, e));
    return db_exec(tx, &idempotency_insert,
                   DB_ARGS(db_text(call->token.id), db_text(i->key), db_text(i->fingerprint),
                           db_int(call->status), db_text(reply_to_keep(call)), db_int(now)),
                   NULL, e);
}
