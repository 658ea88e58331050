/*
 * The way every request goes, without sockets: a request as the server hands it over, the response
 * as the server would send it.
 */
#include "app/api/api.h"
#include "app/api/attempts.h"
#include "app/api/idempotency.h"
#include "app/api/meters.h"
#include "app/api/problem.h"
#include "domain/audit/audit.h"
#include "domain/provisioning/traffic.h"
#include "idempotency.sql.h"
#include "product.h"
#include "product.sql.h"

#define RESPONSE_MAX (1u << 20)

struct fixture {
    struct product p; /* first: a test's state serves both */
    struct api api;
    struct provisioning_settings settings;
    struct price_book prices;
    struct provisioning provisioning; /* no clouds: nothing is asked of them */
    struct move_settings move_settings;
    struct notify_settings notify;
    struct move_context moves;
    struct event_hub *hub;
    struct session_settings sessions;
    struct runner *runner; /* not started: nothing runs the jobs */
    struct secret *key;
    struct tracker_settings tracker_settings;
    struct tracker tracker;
    char admin[TOKEN_TEXT_MAX], viewer[TOKEN_TEXT_MAX], ingest[TOKEN_TEXT_MAX];
};

static void create_token(struct fixture *f, enum token_role role, char *text)
{
    struct product *p = &f->p;
    struct token token;
    ASSERT_OK(p, token_create(p->tx, &p->env, "system", token_role_names[role], role, NULL,
                              &p->arena, &token, text, &p->e));
}

static int setup(void **state)
{
    static const struct job_queue queues[] = {{"provisioning", 1, 0}};
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    product_init(&f->p);
    struct runner_options options = {
        .env = &f->p.env,
        .queues = queues,
        .queue_count = ARRAY_LEN(queues),
        .lease_us = USEC_PER_SEC,
        .poll_us = USEC_PER_SEC,
    };
    f->runner = runner_new(&options);
    f->settings = provisioning_settings_default();
    f->sessions = session_settings_default();
    f->provisioning = (struct provisioning){
        .env = &f->p.env,
        .settings = &f->settings,
        .traffic = traffic_new(&f->p.env, 10),
    };
    price_book_open(&f->prices, &f->p.env, &f->settings, f->p.prices);
    f->provisioning.stores = tenant_stores_new(NULL);
    f->move_settings = move_settings_default();
    f->notify = notify_settings_default();
    f->moves = (struct move_context){
        .provisioning = &f->provisioning,
        .settings = &f->move_settings,
        .notify = &f->notify,
        .mover_for = mover_for,
    };
    f->hub = event_hub_new(&f->p.env, queues, ARRAY_LEN(queues));
    f->key = secret_new(STR("the key of a test"));
    f->tracker_settings = tracker_settings_default();
    f->tracker = (struct tracker){&f->p.env, f->p.policy, &f->prices, &f->tracker_settings};
    f->api = (struct api){
        .env = &f->p.env,
        .provisioning = &f->provisioning,
        .policy = f->p.policy,
        .prices = &f->prices,
        .runner = f->runner,
        .queues = queues,
        .queue_count = ARRAY_LEN(queues),
        .hub = f->hub,
        .moves = &f->moves,
        .tracker = &f->tracker,
        .key = f->key,
        .sessions = &f->sessions,
        .attempts = attempts_new(f->p.env.clock),
        .meters = api_meters_new(api_routes, api_route_count),
    };
    product_begin(&f->p);
    create_token(f, TOKEN_ADMIN, f->admin);
    create_token(f, TOKEN_VIEWER, f->viewer);
    create_token(f, TOKEN_INGEST, f->ingest);
    product_commit(&f->p);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    attempts_free(f->api.attempts);
    api_meters_free(f->api.meters);
    runner_free(f->runner);
    event_hub_free(f->hub);
    tenant_stores_free(f->provisioning.stores);
    price_book_close(&f->prices);
    traffic_free(f->provisioning.traffic);
    secret_free(f->key);
    product_release(&f->p);
    free(f);
    return 0;
}

/* -- one request ------------------------------------------------------------------------------ */

struct ask {
    enum http_method method;
    const char *pattern; /* of the route */
    const char *param;   /* the value of its {name}, if it has one */
    const char *token;   /* NULL: none is sent */
    const char *key;     /* Idempotency-Key */
    const char *body;
    struct http_pair query;
};

struct seen {
    int status;
    const char *type, *text; /* type NULL: JSON */
    const char *replayed, *retry_after, *authenticate;
    json_t *body; /* owned by the caller; NULL for other types than JSON */
};

static const struct http_route *find_route(const struct ask *a)
{
    for (size_t i = 0; i < api_route_count; i++) {
        if (api_routes[i].method == a->method && text_eq(api_routes[i].pattern, a->pattern))
            return &api_routes[i];
    }
    fail_msg("there is no route %s", a->pattern);
    return NULL;
}

static const char *header_of(const struct http_response *r, const char *name)
{
    for (size_t i = 0; i < r->header_count; i++) {
        if (text_eq(r->headers[i].name, name))
            return r->headers[i].value;
    }
    return NULL;
}

static struct seen ask(struct fixture *f, struct ask a)
{
    struct product *p = &f->p;
    struct http_pair headers[2];
    size_t header_count = 0;
    if (a.token)
        headers[header_count++] =
            (struct http_pair){"Authorization", arena_printf(&p->arena, "Bearer %s", a.token)};
    if (a.key)
        headers[header_count++] = (struct http_pair){"Idempotency-Key", a.key};
    struct http_request request = {
        .method = a.method,
        .path = a.pattern,
        .route = find_route(&a),
        .query = &a.query,
        .query_count = a.query.name ? 1 : 0,
        .headers = headers,
        .header_count = header_count,
        .body = str_from(a.body),
        .peer = "127.0.0.1",
        .arena = &p->arena,
    };
    if (a.param) {
        const char *name = strchr(a.pattern, '{') + 1;
        request.params[0] =
            (struct http_pair){arena_text_n(&p->arena, name, strcspn(name, "}")), a.param};
        request.param_count = 1;
    }
    struct http_response response = {.status = 200, .body = BUF_INIT(RESPONSE_MAX)};
    api_handle(&f->api, &request, &response);
    struct seen seen = {
        .status = response.status,
        .type = response.content_type,
        .text = arena_text(&p->arena, buf_text(&response.body)),
        .replayed = header_of(&response, "Idempotency-Replayed"),
        .retry_after = header_of(&response, "Retry-After"),
        .authenticate = header_of(&response, "WWW-Authenticate"),
    };
    buf_release(&response.body);
    if (response.source) { /* as the server does when the client has gone */
        response.source->free(response.source);
        seen.type = "text/event-stream";
    }
    if (!seen.type || strstr(seen.type, "json"))
        ASSERT_OK(p, json_parse(str_from(seen.text), &seen.body, &p->e));
    return seen;
}

/* A reply whose body is not of interest. */
static int status_of(struct fixture *f, struct ask a)
{
    struct seen seen = ask(f, a);
    json_decref(seen.body);
    return seen.status;
}

static const char signup_body[] =
    "{\"name\":\"Acme\",\"slug\":\"acme\",\"email\":\"ops@acme.example\",\"plan_slug\":\"hobby\"}";

static struct ask signup_ask(const struct fixture *f)
{
    return (struct ask){HTTP_POST, "/api/signup", .token = f->admin, .body = signup_body};
}

/* -- problems --------------------------------------------------------------------------------- */

static void a_problem_has_type_title_status_detail_and_every_field(void **state)
{
    struct fixture *f = *state;
    struct ask a = signup_ask(f);
    a.body = "{\"slug\":\"Acme!\",\"name\":\"Acme\",\"plan_slug\":\"hobby\"}";
    struct seen seen = ask(f, a);
    assert_int_equal(seen.status, 422);
    assert_string_equal(seen.type, "application/problem+json");
    assert_string_equal(json_get_text(seen.body, "type"), "about:blank");
    assert_string_equal(json_get_text(seen.body, "title"), http_status_text(422));
    assert_int_equal(json_get_int(seen.body, "status"), 422);
    assert_string_equal(json_get_text(seen.body, "detail"), "2 fields are wrong");
    json_t *errors = json_object_get(seen.body, "errors");
    assert_int_equal(json_array_size(errors), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_non_null(json_get_text(json_array_get(errors, i), "field"));
        assert_non_null(json_get_text(json_array_get(errors, i), "detail"));
    }
    json_decref(seen.body);
}

static json_t *written(int status, const char *detail, const struct problems *problems,
                       struct http_response *response)
{
    *response = (struct http_response){.status = 200, .body = BUF_INIT(RESPONSE_MAX)};
    problem_write(response, status, detail, problems);
    json_t *body = NULL;
    assert_int_equal(json_parse(buf_str(&response->body), &body, NULL), OK);
    buf_release(&response->body);
    return body;
}

static void a_problem_replaces_what_was_written_before_and_tells_when_to_come_back(void **state)
{
    (void)state;
    struct http_response response;
    json_decref(written(503, "the database is away", NULL, &response));
    assert_int_equal(response.status, 503);
    assert_string_equal(header_of(&response, "Retry-After"), "5");
    assert_null(header_of(&response, "WWW-Authenticate"));
    json_decref(written(401, "send a token", NULL, &response));
    assert_string_equal(header_of(&response, "WWW-Authenticate"), "Bearer");
    assert_null(header_of(&response, "Retry-After"));
}

static void text_that_is_not_utf8_does_not_make_a_problem_disappear(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct problems problems = {.arena = &arena};
    problem_add(&problems, "a\xff", 0, "must not be \xc3");
    struct http_response response;
    json_t *body = written(422, "a cut \xe2\x80", &problems, &response);
    assert_string_equal(json_get_text(body, "detail"), "a cut ??");
    const json_t *error = json_array_get(json_object_get(body, "errors"), 0);
    assert_string_equal(json_get_text(error, "field"), "a?");
    assert_string_equal(json_get_text(error, "detail"), "must not be ?");
    json_decref(body);
}

static void every_class_of_error_has_a_status(void **state)
{
    (void)state;
    for (int err = ERR_INVALID; err <= ERR_IO; err++) {
        int status = problem_status((enum err)err);
        assert_true(status >= 400 && status <= 599);
    }
    assert_int_equal(problem_status(ERR_NOT_FOUND), 404);
    assert_int_equal(problem_status(ERR_CONFLICT), 409);
    assert_int_equal(problem_status(ERR_UNAVAILABLE), 503);
    assert_int_equal(problem_status(ERR_CORRUPT), 500);
}

/* -- who may ---------------------------------------------------------------------------------- */

static void without_a_valid_token_it_is_401_and_nothing_is_done(void **state)
{
    struct fixture *f = *state;
    struct ask a = signup_ask(f);
    static const char *const tokens[] = {NULL, "", "wh_unknown"};
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        a.token = tokens[i];
        struct seen seen = ask(f, a);
        assert_int_equal(seen.status, 401);
        assert_string_equal(seen.authenticate, "Bearer");
        json_decref(seen.body);
    }
    assert_int_equal(product_number(&f->p, &count_jobs), 0);
}

static void a_viewer_may_read_and_is_refused_what_is_for_admins(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < api_route_count; i++) {
        const struct api_route *route = api_routes[i].data;
        struct ask a = {api_routes[i].method, api_routes[i].pattern, .token = f->viewer,
                        .param = strchr(api_routes[i].pattern, '{') ? "x" : NULL};
        if (route->handler == api_sign_in) /* goes by the token in its body */
            continue;
        int status = status_of(f, a);
        if (route->access == API_ADMIN || route->access == API_INGEST)
            assert_int_equal(status, 403);
        else
            assert_true(status == 200 || status == 404);
    }
}

static void an_ingest_token_may_send_usage_and_do_nothing_else(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < api_route_count; i++) {
        const struct api_route *route = api_routes[i].data;
        struct ask a = {api_routes[i].method, api_routes[i].pattern, .token = f->ingest,
                        .param = strchr(api_routes[i].pattern, '{') ? "x" : NULL};
        if (route->handler == api_sign_in) /* goes by the token in its body */
            continue;
        int expected = route->access == API_INGEST ? 415 : route->access == API_OPEN ? 200 : 403;
        assert_int_equal(status_of(f, a), expected);
    }
}

static void a_body_is_not_looked_at_before_the_token(void **state)
{
    struct fixture *f = *state;
    struct ask a = signup_ask(f);
    a.token = f->viewer;
    a.body = "{";
    assert_int_equal(status_of(f, a), 403);
    a.token = f->admin;
    assert_int_equal(status_of(f, a), 400);
    a.body = "";
    assert_int_equal(status_of(f, a), 400);
}

/* -- pages and queries ------------------------------------------------------------------------ */

static int status_of_query(struct fixture *f, const char *name, const char *value)
{
    return status_of(
        f, (struct ask){HTTP_GET, "/api/customers", .token = f->viewer, .query = {name, value}});
}

static void a_limit_is_a_whole_number_from_1_to_200(void **state)
{
    struct fixture *f = *state;
    static const char *const good[] = {"1", "200", "50"};
    static const char *const bad[] = {
        "0", "201", "-1", "1.5", "+1", " 1", "", "ten", "9223372036854775808"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_int_equal(status_of_query(f, "limit", good[i]), 200);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(status_of_query(f, "limit", bad[i]), 422);
}

static void a_cursor_is_an_id(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(status_of_query(f, "cursor", "01a0c450-6c00-7000-94e3-4a0effe11c58"), 200);
    assert_int_equal(status_of_query(f, "cursor", ""), 422);
    assert_int_equal(status_of_query(f, "cursor", "~"), 422);
}

static void a_parameter_that_the_route_does_not_know_is_named(void **state)
{
    struct fixture *f = *state;
    struct seen seen =
        ask(f, (struct ask){HTTP_GET, "/api/plans", .token = f->viewer, .query = {"limit", "1"}});
    assert_int_equal(seen.status, 422);
    ASSERT_CONTAINS(seen.text, "\"limit\"");
    json_decref(seen.body);
}

static void a_filter_outside_its_words_is_answered_with_them(void **state)
{
    struct fixture *f = *state;
    struct seen seen = ask(
        f, (struct ask){HTTP_GET, "/api/customers", .token = f->viewer, .query = {"mode", "both"}});
    assert_int_equal(seen.status, 422);
    ASSERT_CONTAINS(seen.text, "multi_tenant, single_tenant");
    json_decref(seen.body);
    seen =
        ask(f, (struct ask){HTTP_GET, "/api/jobs", .token = f->viewer, .query = {"state", "done"}});
    assert_int_equal(seen.status, 422);
    ASSERT_CONTAINS(seen.text, "available, scheduled, executing, retryable, completed, cancelled, "
                               "discarded");
    json_decref(seen.body);
}

static void pages_follow_one_another_by_their_cursors(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        product_signup(&f->p, arena_printf(&f->p.arena, "c%d", i), "hobby", "{}");
        clock_virtual_advance(&f->p.clock, USEC_PER_SEC);
    }
    struct ask a = {HTTP_GET, "/api/customers", .token = f->viewer, .query = {"limit", "3"}};
    struct seen seen = ask(f, a);
    assert_int_equal(json_array_size(json_object_get(seen.body, "customers")), 3);
    assert_true(json_is_null(json_object_get(seen.body, "next_cursor")));
    json_decref(seen.body);
    a.query.value = "2";
    seen = ask(f, a);
    assert_int_equal(json_array_size(json_object_get(seen.body, "customers")), 2);
    a.query = (struct http_pair){"cursor", json_get_text(seen.body, "next_cursor")};
    struct seen rest = ask(f, a);
    const json_t *last = json_object_get(rest.body, "customers");
    assert_int_equal(json_array_size(last), 1);
    assert_string_equal(json_get_text(json_array_get(last, 0), "slug"), "c0");
    json_decref(seen.body);
    json_decref(rest.body);
}

/* -- the idempotency key ---------------------------------------------------------------------- */

static void a_key_used_again_gets_the_same_reply_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct ask a = signup_ask(f);
    a.key = "k1";
    struct seen first = ask(f, a), again = ask(f, a);
    assert_int_equal(first.status, 201);
    assert_null(first.replayed);
    assert_int_equal(again.status, 201);
    assert_string_equal(again.replayed, "true");
    assert_string_equal(again.text, first.text);
    assert_int_equal(product_number(&f->p, &count_jobs), 1);
    json_decref(first.body);
    json_decref(again.body);
}

static void a_key_with_another_body_or_path_is_422(void **state)
{
    struct fixture *f = *state;
    struct ask a = signup_ask(f);
    a.key = "k1";
    assert_int_equal(status_of(f, a), 201);
    a.body = "{\"name\":\"Acme\",\"slug\":\"other\",\"email\":\"a@b.example\","
             "\"plan_slug\":\"hobby\"}";
    struct seen seen = ask(f, a);
    assert_int_equal(seen.status, 422);
    ASSERT_CONTAINS(seen.text, "Idempotency-Key");
    json_decref(seen.body);
    assert_int_equal(status_of(f, (struct ask){HTTP_POST, "/api/jobs/{id}/retry", .param = "x",
                                               .token = f->admin, .key = "k1"}),
                     422);
}

static void a_failed_request_does_not_use_its_key_up(void **state)
{
    struct fixture *f = *state;
    struct ask a = signup_ask(f);
    a.key = "k1";
    a.body = "{}";
    assert_int_equal(status_of(f, a), 422);
    a.body = signup_body;
    assert_int_equal(status_of(f, a), 201);
}

static void a_key_belongs_to_the_token_that_used_it(void **state)
{
    struct fixture *f = *state;
    struct ask a = signup_ask(f);
    a.key = "k1";
    assert_int_equal(status_of(f, a), 201);
    char other[TOKEN_TEXT_MAX];
    product_begin(&f->p);
    create_token(f, TOKEN_ADMIN, other);
    product_commit(&f->p);
    a.token = other;
    assert_int_equal(status_of(f, a), 409); /* it runs, and the slug is taken */
}

static void a_key_is_forgotten_after_a_week(void **state)
{
    struct fixture *f = *state;
    struct ask a = signup_ask(f);
    a.key = "k1";
    assert_int_equal(status_of(f, a), 201);
    clock_virtual_advance(&f->p.clock, 7 * USEC_PER_DAY + USEC_PER_SEC);
    struct ask other = a; /* using any key sweeps out the old ones */
    other.key = "k2";
    other.body =
        "{\"name\":\"B\",\"slug\":\"b\",\"email\":\"a@b.example\",\"plan_slug\":\"hobby\"}";
    assert_int_equal(status_of(f, other), 201);
    assert_int_equal(status_of(f, a), 409);
}

static void a_key_that_cannot_be_printed_or_is_too_long_is_refused(void **state)
{
    struct fixture *f = *state;
    struct ask a = signup_ask(f);
    char long_key[IDEMPOTENCY_KEY_MAX + 2] = {0};
    memset(long_key, 'k', IDEMPOTENCY_KEY_MAX + 1);
    const char *const bad[] = {"", "\xff", long_key};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        a.key = bad[i];
        assert_int_equal(status_of(f, a), 422);
    }
    long_key[IDEMPOTENCY_KEY_MAX] = '\0';
    assert_int_equal(status_of(f, a), 201);
}

static void a_new_tokens_text_is_never_stored_for_a_repetition(void **state)
{
    struct fixture *f = *state;
    struct ask a = {HTTP_POST, "/api/tokens", .token = f->admin, .key = "k1",
                    .body = "{\"name\":\"ci\",\"role\":\"viewer\"}"};
    struct seen seen = ask(f, a);
    assert_int_equal(seen.status, 201);
    assert_non_null(json_get_text(seen.body, "token"));
    json_decref(seen.body);
    seen = ask(f, a);
    assert_int_equal(seen.status, 201);
    assert_true(json_is_null(json_object_get(seen.body, "token")));
    json_decref(seen.body);
}

/* -- the audit record ------------------------------------------------------------------------- */

/* Entries of calls, newest first; the caller owns them. */
static json_t *recorded_calls(struct fixture *f, const char *action)
{
    struct seen seen = ask(
        f, (struct ask){HTTP_GET, "/api/audit", .token = f->viewer, .query = {"action", action}});
    json_t *list = json_incref(json_object_get(seen.body, "audit"));
    json_decref(seen.body);
    return list;
}

static size_t count_calls(struct fixture *f, const char *action)
{
    json_t *list = recorded_calls(f, action);
    size_t count = json_array_size(list);
    json_decref(list);
    return count;
}

static void an_admins_call_is_recorded_with_the_hash_of_its_body_and_not_the_body(void **state)
{
    struct fixture *f = *state;
    struct ask a = signup_ask(f);
    char hash[HASH_TEXT_MAX];
    a.key = "k1";
    assert_int_equal(status_of(f, a), 201);
    json_t *list = recorded_calls(f, "api.called");
    assert_int_equal(json_array_size(list), 1);
    const json_t *entry = json_array_get(list, 0), *details = json_object_get(entry, "details");
    assert_string_equal(json_get_text(entry, "actor"), "token:admin");
    assert_string_equal(json_get_text(entry, "subject"), "/api/signup");
    assert_string_equal(json_get_text(details, "method"), "POST");
    assert_string_equal(json_get_text(details, "route"), "/api/signup");
    assert_int_equal(json_get_int(details, "status"), 201);
    assert_string_equal(json_get_text(details, "idempotency_key"), "k1");
    assert_string_equal(json_get_text(details, "body_sha256"),
                        sha256_hex(str_from(signup_body), hash));
    json_decref(list);
    assert_int_equal(status_of(f, a), 201); /* a repetition does nothing, and is not recorded */
    assert_int_equal(count_calls(f, "api.called"), 1);
}

static void a_call_that_is_refused_is_recorded_though_its_deed_was_undone(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(status_of(f, signup_ask(f)), 201);
    assert_int_equal(status_of(f, signup_ask(f)), 409);
    struct ask bad = signup_ask(f);
    bad.body = "{}";
    assert_int_equal(status_of(f, bad), 422);
    json_t *list = recorded_calls(f, "api.refused");
    assert_int_equal(json_array_size(list), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *details = json_object_get(json_array_get(list, i), "details");
        int64_t status = json_get_int(details, "status");
        assert_true(status == 409 || status == 422);
    }
    json_decref(list);
}

static void what_changes_nothing_and_who_may_not_leave_no_entry(void **state)
{
    struct fixture *f = *state;
    product_signup(&f->p, "acme", "hobby", "{}");
    assert_int_equal(
        status_of(f, (struct ask){HTTP_POST, "/api/policies/simulate", .token = f->admin,
                                  .body = "{\"policy\":\"plan-v1\"}"}),
        200);
    struct ask a = signup_ask(f);
    a.token = f->viewer;
    assert_int_equal(status_of(f, a), 403);
    assert_int_equal(count_calls(f, "api.called"), 0);
    assert_int_equal(count_calls(f, "api.refused"), 0);
}

static void the_record_is_verified_and_exported_over_the_api(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(status_of(f, signup_ask(f)), 201);
    struct ask a = {HTTP_GET, "/api/audit/verify", .token = f->viewer};
    struct seen seen = ask(f, a);
    assert_int_equal(seen.status, 200);
    assert_true(json_get_bool(seen.body, "ok"));
    const json_t *head = json_object_get(seen.body, "head");
    int64_t entries = json_get_int(head, "seq");
    assert_int_equal(json_get_int(seen.body, "checked"), entries);
    const char *noted =
        arena_printf(&f->p.arena, "%lld:%s", (long long)entries, json_get_text(head, "hash"));
    json_decref(seen.body);
    a.query = (struct http_pair){"expect", noted};
    assert_int_equal(status_of(f, a), 200);
    a.query.value = "5";
    assert_int_equal(status_of(f, a), 422);
    seen = ask(
        f, (struct ask){HTTP_GET, "/api/audit/export", .token = f->viewer, .query = {"max", "2"}});
    const json_t *list = json_object_get(seen.body, "entries");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_get_text(json_array_get(list, 1), "previous"),
                        json_get_text(json_array_get(list, 0), "hash"));
    assert_int_equal(json_get_int(seen.body, "next_after"), 2);
    json_decref(seen.body);
}

static enum err prepare_work(struct db_tx *tx, void *arg, struct error *e)
{
    (void)arg;
    for (const struct db_query *const *query = idempotency_queries; *query; query++)
        TRY(db_prepare_check(tx, *query, e));
    return OK;
}

static void every_query_of_the_api_fits_the_schema(void **state)
{
    struct fixture *f = *state;
    ASSERT_OK(&f->p, db_write(f->p.t.db, prepare_work, NULL, &f->p.e));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_problem_has_type_title_status_detail_and_every_field),
        cmocka_unit_test(a_problem_replaces_what_was_written_before_and_tells_when_to_come_back),
        cmocka_unit_test(text_that_is_not_utf8_does_not_make_a_problem_disappear),
        cmocka_unit_test(every_class_of_error_has_a_status),
        TEST(without_a_valid_token_it_is_401_and_nothing_is_done),
        TEST(a_viewer_may_read_and_is_refused_what_is_for_admins),
        TEST(an_ingest_token_may_send_usage_and_do_nothing_else),
        TEST(a_body_is_not_looked_at_before_the_token),
        TEST(a_limit_is_a_whole_number_from_1_to_200),
        TEST(a_cursor_is_an_id),
        TEST(a_parameter_that_the_route_does_not_know_is_named),
        TEST(a_filter_outside_its_words_is_answered_with_them),
        TEST(pages_follow_one_another_by_their_cursors),
        TEST(a_key_used_again_gets_the_same_reply_and_changes_nothing),
        TEST(a_key_with_another_body_or_path_is_422),
        TEST(a_failed_request_does_not_use_its_key_up),
        TEST(a_key_belongs_to_the_token_that_used_it),
        TEST(a_key_is_forgotten_after_a_week),
        TEST(a_key_that_cannot_be_printed_or_is_too_long_is_refused),
        TEST(a_new_tokens_text_is_never_stored_for_a_repetition),
        TEST(an_admins_call_is_recorded_with_the_hash_of_its_body_and_not_the_body),
        TEST(a_call_that_is_refused_is_recorded_though_its_deed_was_undone),
        TEST(what_changes_nothing_and_who_may_not_leave_no_entry),
        TEST(the_record_is_verified_and_exported_over_the_api),
        TEST(every_query_of_the_api_fits_the_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
