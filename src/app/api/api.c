#include "app/api/api.h"

#include "app/api/idempotency.h"
#include "app/api/problem.h"
#include "app/api/session.h"
#include "base/log.h"

#include <inttypes.h>

/* -- replies ---------------------------------------------------------------------------------- */

void api_reply(struct api_call *call, json_t *reply)
{
    json_decref(call->reply);
    call->reply = reply;
}

void api_reply_list(struct api_call *call, const char *name, json_t *items, const char *next)
{
    json_t *reply = json_object();
    (void)json_object_set_new(reply, name, items);
    (void)json_object_set_new(reply, "next_cursor", next ? json_string(next) : json_null());
    api_reply(call, reply);
}

void api_refuse(void *ctx, const struct http_request *request, int status, const char *detail,
                struct http_response *response)
{
    (void)ctx;
    (void)request;
    problem_write(response, status, detail, NULL);
}

/* -- what a request asks ---------------------------------------------------------------------- */

static enum err read_body(const struct api_route *route, struct api_call *call, struct error *e,
                          int *ret_status)
{
    if (!route->body)
        return OK;
    if (call->request->body.len == 0) {
        *ret_status = 400;
        return error_set(e, ERR_INVALID, "the body is empty; it must be a JSON object");
    }
    _cleanup_json_ json_t *object = NULL;
    if (json_parse(call->request->body, &object, e) != OK) {
        *ret_status = 400;
        return e->code;
    }
    call->body = arena_alloc(call->arena, route->body->size);
    record_clear(route->body->fields, call->body);
    if (json_decode(route->body->fields, object, "", NULL, call->arena, call->body,
                    &call->problems))
        return OK;
    return problems_error(&call->problems, e);
}

/* -- who asks --------------------------------------------------------------------------------- */

struct authentication {
    struct api_call *call;
    struct str bearer; /* without one the call's session counts */
};

static enum err authenticate_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct authentication *a = arg;
    struct api_call *call = a->call;
    if (a->bearer.ptr)
        return token_authenticate(tx, a->bearer, call->arena, &call->token, e);
    return session_authenticate(tx, call->api->env, str_from(call->session), call->arena,
                                &call->token, e);
}

/* A bearer token goes before a cookie. */
static enum err find_authentication(struct api_call *call, struct authentication *ret,
                                    struct error *e)
{
    const char *header = http_header(call->request, "Authorization");
    struct str text = str_from(header);
    *ret = (struct authentication){.call = call};
    if (!header)
        call->session = session_of_request(call);
    else if (str_starts_with(text, STR("Bearer ")))
        ret->bearer = (struct str){text.ptr + 7, text.len - 7};
    if (!ret->bearer.ptr && !call->session)
        return error_set(e, ERR_DENIED, "send a token: Authorization: Bearer wh_...");
    return OK;
}

static bool may_call(enum api_access access, int role)
{
    if (role == TOKEN_ADMIN)
        return true;
    return role == TOKEN_INGEST ? access == API_INGEST : access == API_VIEWER;
}

static enum err authenticate(const struct api_route *route, struct api_call *call, struct error *e,
                             int *ret_status)
{
    if (route->access == API_OPEN)
        return OK;
    struct authentication a;
    enum err err = find_authentication(call, &a, e);
    if (err == OK)
        err = db_read(call->api->env->db, authenticate_work, &a, e);
    if (err == ERR_DENIED)
        *ret_status = 401;
    TRY(err);
    if (call->session && call->request->method != HTTP_GET)
        TRY(session_check_write(call, call->session, e));
    call->actor = arena_printf(call->arena, "token:%s", call->token.name);
    call->authorised = may_call(route->access, call->token.role);
    if (call->authorised)
        return OK;
    *ret_status = 403;
    return error_set(e, ERR_DENIED, "the role of token %s is %s, which may not do this",
                     call->token.name, token_role_names[call->token.role]);
}

/* -- the way through -------------------------------------------------------------------------- */

struct run {
    const struct api_route *route;
    struct api_call *call;
    struct idempotency idempotency;
};

static enum err run_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct run *run = arg;
    struct api_call *call = run->call;
    call->status = 200; /* a work may run twice: start from the beginning */
    call->problems.count = 0;
    bool replayed = false;
    TRY(idempotency_begin(tx, &run->idempotency, call, &replayed, e));
    if (replayed)
        return OK;
    TRY(run->route->handler(tx, call, e));
    if (api_call_is_recorded(run->route, call))
        TRY(api_record_call(tx, call, call->status, e));
    return idempotency_end(tx, &run->idempotency, call, e);
}

static enum err run_handler(const struct api_route *route, struct api_call *call, struct error *e)
{
    struct db *db = call->api->env->db;
    struct run run = {route, call, {0}};
    switch (route->transaction) {
    case API_PLAIN:
        TRY(route->handler(NULL, call, e));
        if (api_call_is_recorded(route, call))
            api_record_call_alone(call, call->status);
        return OK;
    case API_READ:
        return db_read(db, run_work, &run, e);
    case API_WRITE:
        TRY(idempotency_read_key(&run.idempotency, call, e));
        if (route->before)
            TRY(route->before(NULL, call, e));
        TRY(db_write(db, run_work, &run, e));
        call->replayed = run.idempotency.replayed;
        runner_wake(call->api->runner);
        return OK;
    }
    BUG_ON(true);
}

static enum err go_through(const struct api_route *route, struct api_call *call, struct error *e,
                           int *ret_status)
{
    TRY(authenticate(route, call, e, ret_status));
    TRY(api_check_query(call, route->query, e));
    TRY(read_body(route, call, e, ret_status));
    return run_handler(route, call, e);
}

static const char *problem_detail(const struct api_call *call, const struct error *e)
{
    size_t n = call->problems.count + call->problems.dropped;
    if (n == 0)
        return e->text;
    return n == 1 ? "1 field is wrong" : arena_printf(call->arena, "%zu fields are wrong", n);
}

static void send_file(struct api_call *call, struct http_response *response)
{
    response->is_file = true;
    response->file_fd = call->file.fd;
    response->file_size = call->file.size;
    response->content_type = call->file.type;
    http_set_header(response, "Content-Disposition",
                    arena_printf(call->arena, "attachment; filename=\"%s\"", call->file.name));
}

/* Weak names are compared too: what they name is equal for whoever asks (RFC 9110, 13.1.2). */
static bool has_already(const struct http_request *request, const char *etag)
{
    const char *header = http_header(request, "If-None-Match");
    struct str rest = str_from(header ? header : "");
    while (rest.ptr && rest.len > 0) {
        struct str name = str_trim(str_cut(&rest, ','));
        if (str_starts_with(name, STR("W/")))
            name = (struct str){name.ptr + 2, name.len - 2};
        if (str_eq(name, STR("*")) || str_eq(name, str_from(etag)))
            return true;
    }
    return false;
}

void api_handle(void *ctx, const struct http_request *request, struct http_response *response)
{
    const struct api_route *route = request->route->data;
    struct api_call call = {
        .api = ctx,
        .request = request,
        .arena = request->arena,
        .problems = {.arena = request->arena},
        .status = 200,
    };
    struct error e = {0};
    int status = 0; /* where the class alone does not tell */
    enum err err = go_through(route, &call, &e, &status);
    if (err != OK) {
        status = status ? status : call.error_status ? call.error_status : problem_status(err);
        if (status == 500)
            log_error("request failed", LOG_TEXT("path", request->path), LOG_TEXT("error", e.text));
        /* What was undone took its entry with it; a database that is away takes none. */
        if (status < 500 && api_call_is_recorded(route, &call))
            api_record_call_alone(&call, status);
        problem_write(response, status, problem_detail(&call, &e), &call.problems);
        if (call.retry_after_s)
            http_set_header(response, "Retry-After",
                            arena_printf(call.arena, "%" PRId64, call.retry_after_s));
    } else if (call.source) {
        response->source = call.source;
        buf_release(&response->body);
        response->body = call.events;
    } else if (call.file.given) {
        send_file(&call, response);
    } else if (call.etag && has_already(request, call.etag)) {
        response->status = 304;
    } else if (call.text.len > 0) {
        response->content_type = call.text_type ? call.text_type : "text/plain; version=0.0.4";
        (void)buf_append_str(&response->body, buf_str(&call.text));
    } else if (call.json) {
        (void)buf_append_text(&response->body, call.json);
        (void)buf_append_char(&response->body, '\n');
    } else {
        response->status = call.status;
        if (call.reply && (!json_write(call.reply, 2, &response->body) ||
                           !buf_append_char(&response->body, '\n')))
            problem_write(response, 500, "the reply is too large; ask for a smaller page", NULL);
    }
    if (err == OK && call.etag) {
        http_set_header(response, "ETag", call.etag);
        http_set_header(response, "Cache-Control", "no-cache"); /* kept, and asked about */
    }
    if (err == OK && call.cookie)
        http_set_header(response, "Set-Cookie", call.cookie);
    if (err == OK && call.replayed)
        http_set_header(response, "Idempotency-Replayed", "true");
    buf_release(&call.text);
    json_decref(call.reply);
}
