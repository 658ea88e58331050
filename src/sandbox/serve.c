#include "sandbox/sandbox_int.h"

#include "base/log.h"

#include "hetzner.sql.h"

#define REQUEST_ID_LEN     26
#define MIN_PAUSE_US       (2 * USEC_PER_MS)
#define LATENCY_DEFAULT_MS 500

/* -- the call's services ---------------------------------------------------------------------- */

enum err call_answer(struct call *c, int status, json_t *body)
{
    c->reply.status = status;
    c->reply.body = body;
    return OK;
}

enum err call_refuse(struct call *c, int status, const char *code, const char *fmt, ...)
{
    BUG_ON(!fmt);
    va_list ap;
    va_start(ap, fmt);
    c->reply.message = arena_vprintf(c->arena, fmt, ap);
    va_end(ap);
    c->reply.status = status;
    c->reply.code = code;
    c->reply.refused = true;
    return ERR_INVALID;
}

static void reply_reset(struct call *c)
{
    json_decref(c->reply.body);
    json_decref(c->reply.details);
    c->reply = (struct reply){.status = 200};
}

json_t *json_packed(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    json_t *value = json_vpack_ex(NULL, 0, fmt, ap);
    va_end(ap);
    BUG_ON(!value);
    return value;
}

json_t *json_time(int64_t time_us)
{
    char text[TIME_TEXT_MAX];
    return time_us == INT_ABSENT ? json_null() : json_string(time_text(time_us, text));
}

void json_put(json_t *object, const char *key, json_t *value)
{
    BUG_ON(json_object_set_new(object, key, value) != 0);
}

void json_push(json_t *array, json_t *value)
{
    BUG_ON(json_array_append_new(array, value) != 0);
}

/* {"fields": [{"name": ..., "messages": [...]}]} as in Hetzner's documentation of its errors. */
static json_t *hetzner_field_details(const struct problems *problems)
{
    json_t *fields = json_array();
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *p = &problems->items[i];
        json_push(fields, json_packed("{s:o, s:[o]}", "name", json_from_text(p->path), "messages",
                                      json_from_text(p->text)));
    }
    return json_packed("{s:o}", "fields", fields);
}

static enum err refuse_problems(struct call *c, const struct problems *problems)
{
    struct error why;
    (void)problems_error(problems, &why);
    if (c->endpoint->api != API_HETZNER)
        return call_refuse(c, 400, NULL, "invalid_argument: %s", why.text);
    c->reply.details = hetzner_field_details(problems);
    const struct problem *first = &problems->items[0];
    if (problems->count == 1)
        return call_refuse(c, 422, "invalid_input", "invalid input in field '%s': %s", first->path,
                           first->text);
    return call_refuse(c, 422, "invalid_input", "invalid input: %s", why.text);
}

enum err call_decode(struct call *c, const struct field *fields, void *record)
{
    struct problems *problems = arena_new(c->arena, struct problems);
    problems->arena = c->arena;
    if (!json_decode(fields, c->body, "", NULL, c->arena, record, problems))
        return refuse_problems(c, problems);
    return OK;
}

int64_t call_id(const struct call *c, const char *name)
{
    int64_t id;
    const char *text = http_param(c->request, name);
    return str_to_i64(str_from(text), &id) && id > 0 ? id : -1;
}

bool call_flag(const struct call *c, const char *name)
{
    const char *text = http_query(c->request, name);
    return text_eq(text, "true") || text_eq(text, "1");
}

int64_t call_delay_us(const struct call *c)
{
    return c->sandbox->options.action_delay_us;
}

int64_t call_listed_at(const struct call *c)
{
    return c->now_us + c->sandbox->options.read_lag_us;
}

struct settings *call_settings(const struct call *c)
{
    return c->sandbox->settings;
}

const struct sandbox_options *call_options(const struct call *c)
{
    return &c->sandbox->options;
}

struct faults *call_faults(const struct call *c)
{
    return c->sandbox->faults;
}

static const char *random_of(struct call *c, size_t len, const char *letters, int64_t letter_count)
{
    struct sandbox *s = c->sandbox;
    char *text = arena_alloc(c->arena, len + 1);
    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < len; i++)
        text[i] = letters[rng_below(s->options.rng, letter_count)];
    (void)pthread_mutex_unlock(&s->lock);
    return text;
}

const char *call_random_hex(struct call *c, size_t len)
{
    return random_of(c, len, "0123456789abcdef", 16);
}

const char *call_random_text(struct call *c, size_t len)
{
    return random_of(c, len, "0123456789abcdefghijklmnopqrstuvwxyz", 36);
}

enum err call_next_number(struct call *c, const char *counter, int64_t first, int64_t *ret_number,
                          struct error *e)
{
    return db_get_int(c->tx, &counter_next, DB_ARGS(db_text(counter), db_int(first)), ret_number,
                      e);
}

/* -- waiting ---------------------------------------------------------------------------------- */

static void note_write(struct sandbox *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->writes++;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
}

bool call_pause(struct call *c, int64_t up_to_us)
{
    struct sandbox *s = c->sandbox;
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (up_to_us > MIN_PAUSE_US ? up_to_us : MIN_PAUSE_US) * 1000;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;

    (void)pthread_mutex_lock(&s->lock);
    uint64_t seen = s->writes;
    int timed_out = 0;
    while (!s->stopping && s->writes == seen && !timed_out)
        timed_out = pthread_cond_timedwait(&s->changed, &s->lock, &until);
    bool go_on = !s->stopping;
    (void)pthread_mutex_unlock(&s->lock);
    c->now_us = clock_now(s->options.clock);
    return go_on;
}

/* A fault's latency: real time, because that is what a client's timeout measures. */
static void hold_back(struct call *c, int64_t latency_ms)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t end_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000 + latency_ms;
    for (;;) {
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t left_ms = end_ms - (now.tv_sec * 1000 + now.tv_nsec / 1000000);
        if (left_ms <= 0 || !call_pause(c, left_ms * USEC_PER_MS))
            return;
    }
}

bool call_wait_begin(struct call *c)
{
    struct sandbox *s = c->sandbox;
    (void)pthread_mutex_lock(&s->lock);
    bool has_room = s->waiters < (s->options.threads + 1) / 2;
    s->waiters += has_room;
    (void)pthread_mutex_unlock(&s->lock);
    return has_room;
}

void call_wait_end(struct call *c)
{
    struct sandbox *s = c->sandbox;
    (void)pthread_mutex_lock(&s->lock);
    BUG_ON(s->waiters == 0);
    s->waiters--;
    (void)pthread_mutex_unlock(&s->lock);
}

/* -- before the operation --------------------------------------------------------------------- */

/* What stands after "Bearer " (Fly also takes "FlyV1 "); empty when there is none. */
static struct str bearer(const struct http_request *request, enum api api)
{
    struct str value = str_trim(str_from(http_header(request, "Authorization")));
    struct str scheme = str_cut(&value, ' ');
    bool known = str_eq(scheme, STR("Bearer")) || (api == API_FLY && str_eq(scheme, STR("FlyV1")));
    return known && value.ptr ? str_trim(value) : (struct str){0};
}

static enum err check_token(struct call *c, struct str token)
{
    enum api api = c->endpoint->api;
    if (api == API_ADMIN)
        return OK;
    const struct sandbox_options *o = call_options(c);
    const char *wanted = api == API_HETZNER ? o->hetzner_token : o->fly_token;
    if (wanted ? str_eq(token, str_from(wanted)) : token.len > 0)
        return OK;
    if (api == API_HETZNER)
        return call_refuse(c, 401, "unauthorized", "unable to authenticate");
    return call_refuse(c, 401, NULL, "unauthorized: the token is missing or not valid");
}

static void show_limit(struct call *c, const struct limit_state *state,
                       struct http_response *response)
{
    http_set_header(response, "RateLimit-Limit",
                    arena_printf(c->arena, "%lld", (long long)state->limit));
    http_set_header(response, "RateLimit-Remaining",
                    arena_printf(c->arena, "%lld", (long long)state->remaining));
    http_set_header(response, "RateLimit-Reset",
                    arena_printf(c->arena, "%lld", (long long)(state->full_at_us / USEC_PER_SEC)));
}

static enum err check_hetzner_rate(struct call *c, struct str token, struct http_response *response)
{
    struct limit_state state;
    bool allowed = limiter_take(c->sandbox->hetzner_limiter, token, c->now_us, &state);
    show_limit(c, &state, response);
    return allowed ? OK : call_refuse(c, 429, "rate_limit_exceeded", "limit of requests exceeded");
}

/* The route says what kind of request it is. */
static enum err check_fly_rate(struct call *c)
{
    struct limiter *limiter = c->sandbox->fly_limiter;
    const struct http_request *r = c->request;
    if (!limiter || r->method == HTTP_GET)
        return OK;
    const char *app = http_param(r, "app"), *machine = http_param(r, "machine");
    const char *key = arena_printf(c->arena, "%s %s/%s/%s", http_method_names[r->method],
                                   r->route->pattern, app ? app : "", machine ? machine : "");
    struct limit_state state;
    if (!limiter_take(limiter, str_from(key), c->now_us, &state))
        return call_refuse(c, 429, NULL, "rate limit exceeded");
    return OK;
}

static enum err check_rate(struct call *c, struct str token, struct http_response *response)
{
    switch (c->endpoint->api) {
    case API_HETZNER:
        return check_hetzner_rate(c, token, response);
    case API_FLY:
        return check_fly_rate(c);
    case API_ADMIN:
        return OK;
    }
    BUG_ON(true);
}

static enum err read_body(struct call *c)
{
    enum api api = c->endpoint->api;
    const char *code = api == API_HETZNER ? "json_error" : NULL;
    if (c->request->body.len == 0) {
        c->body = json_object();
        return OK;
    }
    struct error why;
    if (json_parse(c->request->body, &c->body, &why) != OK)
        return call_refuse(c, 400, code, "invalid JSON in the body: %s", why.text);
    if (!json_is_object(c->body) && (api != API_ADMIN || !json_is_array(c->body)))
        return call_refuse(c, 400, code, "the body must be a JSON object");
    return OK;
}

/* -- the operation ---------------------------------------------------------------------------- */

struct transaction {
    struct call *call;
    operation *run;
};

static enum err in_transaction(struct db_tx *tx, void *arg, struct error *e)
{
    struct transaction *t = arg;
    reply_reset(t->call);
    t->call->tx = tx;
    enum err err = t->run(t->call, e);
    t->call->tx = NULL;
    return err;
}

enum err call_read(struct call *c, operation *run, struct error *e)
{
    struct transaction t = {c, run};
    return db_read(c->sandbox->db, in_transaction, &t, e);
}

/* What the request did is done: the databases follow at the latest with the next change. */
static void follow(struct sandbox *s)
{
    struct error e;
    if (sandbox_follow_machines(s, &e) != OK)
        log_warn("the sandbox's databases are not those of its servers and apps yet",
                 LOG_TEXT("error", e.text));
}

static enum err operate(struct call *c, struct error *e)
{
    struct transaction t = {c, c->endpoint->run};
    enum err err;
    switch (c->endpoint->access) {
    case ACCESS_READ:
        return db_read(c->sandbox->db, in_transaction, &t, e);
    case ACCESS_WRITE:
        err = db_write(c->sandbox->db, in_transaction, &t, e);
        if (err != OK)
            return err;
        note_write(c->sandbox);
        if (c->reply.machines_changed)
            follow(c->sandbox);
        return OK;
    case ACCESS_OWN:
        return c->endpoint->run(c, e);
    }
    BUG_ON(true);
}

/* -- after the operation ---------------------------------------------------------------------- */

static json_t *refusal_body(enum api api, const struct reply *r)
{
    json_t *message = json_from_text(r->message);
    if (api == API_HETZNER)
        return json_packed("{s:{s:s, s:o, s:O?}}", "error", "code", r->code, "message", message,
                           "details", r->details);
    json_t *body = json_packed("{s:o}", "error", message);
    if (r->code)
        json_put(body, "status", json_string(r->code));
    return body;
}

static void set_identity(struct call *c, struct http_response *response)
{
    if (c->endpoint->api == API_HETZNER)
        http_set_header(response, "X-Correlation-Id", call_random_hex(c, 32));
    if (c->endpoint->api != API_FLY)
        return;
    http_set_header(response, "fly-request-id",
                    arena_printf(c->arena, "%s-local", call_random_text(c, REQUEST_ID_LEN)));
    const char *app = http_param(c->request, "app");
    if (app)
        http_set_header(
            response, "Set-Cookie",
            arena_printf(c->arena, "fly_flaps_affinity=sandbox; Path=/v1/apps/%s; HttpOnly", app));
}

static void write_reply(struct call *c, struct http_response *response)
{
    struct reply *r = &c->reply;
    if (r->refused) {
        json_decref(r->body);
        r->body = refusal_body(c->endpoint->api, r);
    }
    response->status = r->status;
    if (r->link)
        http_set_header(response, "Link", r->link);
    if (r->body) {
        response->content_type = "application/json";
        (void)json_write(r->body, 0, &response->body);
    }
}

/* A failure of the emulator itself; the client sees what a cloud shows of its own failures. */
static void refuse_failure(struct call *c, const struct error *e)
{
    bool is_hetzner = c->endpoint->api == API_HETZNER;
    (void)call_refuse(c, e->code == ERR_BUSY ? 503 : 500, is_hetzner ? "server_error" : NULL,
                      "the sandbox failed: %s", e->text);
}

static void refuse_for_fault(struct call *c, enum fault_kind kind)
{
    struct fault_reply reply = fault_kind_reply(kind, c->endpoint->api);
    (void)call_refuse(c, reply.status, reply.code, "%s", reply.message);
}

/* True when it is the whole answer. */
static bool apply_kind(struct call *c, enum fault_kind kind, struct http_response *response)
{
    switch (kind) {
    case FAULT_LATENCY:
    case FAULT_LOST_REPLY:
    case FAULT_TIMEOUT:
        return false; /* before or after the request does its work */
    case FAULT_ACTION_ERROR:
    case FAULT_MACHINE_FAILED:
        c->must_fail = true;
        return false;
    case FAULT_CONNECTION_RESET:
        response->abort = true;
        return true;
    case FAULT_BAD_GATEWAY:
        response->status = 502;
        response->content_type = "text/html";
        (void)buf_append_text(&response->body, "<html><h1>502 Bad Gateway</h1></html>\n");
        return true;
    case FAULT_RATE_LIMITED:
        if (c->endpoint->api == API_HETZNER)
            show_limit(
                c, &(struct limit_state){call_options(c)->rate_burst, 0, c->now_us + USEC_PER_SEC},
                response);
        break;
    default:
        break;
    }
    refuse_for_fault(c, kind);
    write_reply(c, response);
    return true;
}

static bool apply_fault(struct call *c, const struct fault_effect *fault,
                        struct http_response *response)
{
    if (fault->latency_ms != INT_ABSENT)
        hold_back(c, fault->latency_ms);
    else if (fault->kind == FAULT_LATENCY)
        hold_back(c, LATENCY_DEFAULT_MS);
    if (fault->kind >= 0)
        return apply_kind(c, (enum fault_kind)fault->kind, response);
    if (fault->status == INT_ABSENT)
        return false;
    response->status = (int)fault->status;
    if (fault->body) {
        response->content_type = "application/json";
        (void)buf_append_text(&response->body, fault->body);
    }
    return true;
}

void sandbox_serve(void *ctx, const struct http_request *request, struct http_response *response)
{
    struct sandbox *s = ctx;
    struct call c = {
        .sandbox = s,
        .request = request,
        .endpoint = request->route->data,
        .arena = request->arena,
        .now_us = clock_now(s->options.clock),
        .reply = {.status = 200},
    };
    set_identity(&c, response);
    struct fault_effect fault = FAULT_NONE;
    if (c.endpoint->api != API_ADMIN)
        fault = faults_take(s->faults, c.endpoint->api, request);
    if (apply_fault(&c, &fault, response)) {
        reply_reset(&c);
        return;
    }

    json_t *settings = settings_now(s->settings);
    c.settings = settings;
    struct error e = {0};
    struct str token = bearer(request, c.endpoint->api);
    enum err err = check_rate(&c, token, response);
    if (err == OK)
        err = check_token(&c, token);
    if (err == OK)
        err = read_body(&c);
    if (err == OK)
        err = operate(&c, &e);
    if (err != OK && !c.reply.refused)
        refuse_failure(&c, &e);
    if (fault.kind == FAULT_TIMEOUT)
        refuse_for_fault(&c, FAULT_TIMEOUT);
    write_reply(&c, response);
    response->abort = fault.drop_reply || fault.kind == FAULT_LOST_REPLY;
    reply_reset(&c);
    json_decref(c.body);
    json_decref(settings);
}

static bool is_fly_path(const char *path)
{
    static const char *const prefixes[] = {"/v1/apps", "/v1/platform", "/v1/postgres", "/v1/orgs",
                                           "/api/v1"};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        if (str_starts_with(str_from(path), str_from(prefixes[i])))
            return true;
    }
    return false;
}

void sandbox_refuse(void *ctx, const struct http_request *request, int status, const char *detail,
                    struct http_response *response)
{
    (void)ctx;
    enum api api = is_fly_path(request->path) ? API_FLY : API_HETZNER;
    const char *code = NULL;
    if (api == API_HETZNER)
        code = status == 404 ? "not_found" : status == 405 ? "method_not_allowed" : "invalid_input";
    struct reply r = {.code = code, .message = detail};
    _cleanup_json_ json_t *body = refusal_body(api, &r);
    response->content_type = "application/json";
    (void)json_write(body, 0, &response->body);
}
