/* The audit record: looked at, verified, exported; and what the API itself writes into it. */
#include "app/api/api.h"
#include "base/log.h"
#include "domain/audit/verify.h"

/* -- looking ---------------------------------------------------------------------------------- */

enum err api_audit(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct http_request *r = call->request;
    struct audit_filter filter = {
        .actor = http_query(r, "actor"),
        .action = http_query(r, "action"),
        .subject = http_query(r, "subject"),
        .from = api_query_since(call, "from"),
        .to = api_query_since(call, "to"),
    };
    struct records entries;
    const char *next;
    TRY(audit_list(tx, &filter, api_page(call), call->arena, &entries, &next, e));
    api_reply_list(call, "audit",
                   json_encode_list(audit_fields, entries, sizeof(struct audit_entry), 0), next);
    return OK;
}

/* -- verifying -------------------------------------------------------------------------------- */

const char *api_link_check(const char *text)
{
    struct audit_link link;
    return audit_link_parse(text, &link) ? NULL : "must be a number and a hash, SEQ:HASH";
}

static struct audit_link query_link(const struct api_call *call, const char *name)
{
    struct audit_link link = {.seq = INT_ABSENT};
    const char *text = http_query(call->request, name);
    BUG_ON(text && !audit_link_parse(text, &link));
    return link;
}

struct verify_work {
    struct api_call *call;
    struct audit_request request;
    struct audit_report report;
};

static enum err verify_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct verify_work *w = arg;
    return audit_verify(tx, w->call->api->key, &w->request, w->call->arena, &w->report, e);
}

/* What was done a moment ago is sealed first, so that the answer covers it. */
enum err api_audit_verify(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    const struct api *api = call->api;
    struct verify_work *w = arena_new(call->arena, struct verify_work);
    w->call = call;
    w->request = (struct audit_request){
        .after = query_link(call, "after"),
        .expect = query_link(call, "expect"),
        .max = api_query_int(call, "max", AUDIT_STRETCH_DEFAULT),
    };
    TRY(audit_seal(api->env, api->key, NULL, e));
    TRY(db_read(api->env->db, verify_work, w, e));
    api_reply(call, audit_report_json(&w->report));
    return OK;
}

/* -- exporting -------------------------------------------------------------------------------- */

struct export_work {
    struct api_call *call;
    int64_t from, to, after, through, max;
    json_t *entries;
};

static enum err export_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct export_work *w = arg;
    const struct api *api = w->call->api;
    int64_t after, through;
    TRY(audit_range(tx, api->key, w->from, w->to, &after, &through, e));
    if (w->after == INT_ABSENT)
        w->after = after;
    w->through = through;
    return audit_export(tx, api->key, w->after, w->through, w->max, w->call->arena, &w->entries, e);
}

enum err api_audit_export(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    const struct api *api = call->api;
    struct export_work w = {
        .call = call,
        .from = api_query_since(call, "from"),
        .to = api_query_since(call, "to"),
        .after = api_query_int(call, "after", INT_ABSENT),
        .max = api_query_int(call, "max", AUDIT_EXPORT_MAX),
    };
    TRY(audit_seal(api->env, api->key, NULL, e));
    TRY(db_read(api->env->db, export_work, &w, e));
    size_t count = json_array_size(w.entries);
    int64_t last = count ? json_get_int(json_array_get(w.entries, count - 1), "seq") : w.through;
    api_reply(call, json_pack("{s:o, s:o}", "entries", w.entries, "next_after",
                              last < w.through ? json_integer(last) : json_null()));
    return OK;
}

/* -- calls of admins -------------------------------------------------------------------------- */

bool api_call_is_recorded(const struct api_route *route, const struct api_call *call)
{
    return route->access == API_ADMIN && call->request->method != HTTP_GET && !route->reads &&
           call->authorised;
}

/* The body may hold what nobody else should read: only its hash is kept. */
static const char *call_details(const struct api_call *call, int status)
{
    const struct http_request *r = call->request;
    const char *key = http_header(r, "Idempotency-Key"), *id = http_header(r, "X-Request-Id");
    char hash[HASH_TEXT_MAX];
    _cleanup_json_ json_t *out =
        json_pack("{s:s, s:s, s:i}", "method", http_method_names[r->method], "route",
                  r->route->pattern, "status", status);
    if (r->body.len > 0)
        (void)json_object_set_new(out, "body_sha256", json_string(sha256_hex(r->body, hash)));
    if (key && str_is_printable(str_from(key), API_HEADER_KEPT_MAX))
        (void)json_object_set_new(out, "idempotency_key", json_string(key));
    if (id && str_is_printable(str_from(id), API_HEADER_KEPT_MAX))
        (void)json_object_set_new(out, "request_id", json_string(id));
    return json_text(out, call->arena);
}

enum err api_record_call(struct db_tx *tx, struct api_call *call, int status, struct error *e)
{
    return audit_write(tx, call->api->env, call->arena, call->actor,
                       status < 400 ? "api.called" : "api.refused", call->request->path,
                       call_details(call, status), e);
}

struct record_work {
    struct api_call *call;
    int status;
};

static enum err record_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct record_work *w = arg;
    return api_record_call(tx, w->call, w->status, e);
}

void api_record_call_alone(struct api_call *call, int status)
{
    struct record_work w = {call, status};
    struct error e = {0};
    if (db_write_relaxed(call->api->env->db, record_work, &w, &e) != OK)
        log_error("a call is not in the audit record", LOG_TEXT("actor", call->actor),
                  LOG_TEXT("path", call->request->path), LOG_INT("status", status),
                  LOG_TEXT("error", e.text));
}
