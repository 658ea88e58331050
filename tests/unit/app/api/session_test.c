/* Signing in, and requests by cookie: who may, from where, and how often somebody may try. */
#include "app/api/session.h"

#include "app/api/attempts.h"
#include "product.h"

#define RESPONSE_MAX (1u << 20)
#define HEADERS_MAX  8

struct fixture {
    struct product p; /* first: a test's state serves both */
    struct api api;
    struct session_settings settings;
    struct runner *runner; /* not started */
    char admin[TOKEN_TEXT_MAX], viewer[TOKEN_TEXT_MAX], ingest[TOKEN_TEXT_MAX];
    struct token admin_token;
};

static struct token create_token(struct fixture *f, enum token_role role, char *text)
{
    struct product *p = &f->p;
    struct token token;
    ASSERT_OK(p, token_create(p->tx, &p->env, "system", token_role_names[role], role, NULL,
                              &p->arena, &token, text, &p->e));
    return token;
}

static int setup(void **state)
{
    static const struct job_queue queues[] = {{"maintenance", 1, 0}};
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    product_init(&f->p);
    f->runner = runner_new(&(struct runner_options){.env = &f->p.env,
                                                    .queues = queues,
                                                    .queue_count = ARRAY_LEN(queues),
                                                    .lease_us = USEC_PER_SEC,
                                                    .poll_us = USEC_PER_SEC});
    f->settings = session_settings_default();
    f->api = (struct api){
        .env = &f->p.env,
        .policy = f->p.policy,
        .runner = f->runner,
        .sessions = &f->settings,
        .attempts = attempts_new(f->p.env.clock),
    };
    product_begin(&f->p);
    f->admin_token = create_token(f, TOKEN_ADMIN, f->admin);
    (void)create_token(f, TOKEN_VIEWER, f->viewer);
    (void)create_token(f, TOKEN_INGEST, f->ingest);
    product_commit(&f->p);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    attempts_free(f->api.attempts);
    runner_free(f->runner);
    product_release(&f->p);
    free(f);
    return 0;
}

/* -- one request ------------------------------------------------------------------------------ */

struct ask {
    enum http_method method;
    const char *path;
    const char *body;
    const char *peer; /* NULL: this machine */
    struct http_pair headers[HEADERS_MAX];
};

struct seen {
    int status;
    const char *cookie, *retry_after; /* Set-Cookie; NULL: none */
    json_t *body;                     /* owned by the caller */
};

static const struct http_route *find_route(const struct ask *a)
{
    for (size_t i = 0; i < api_route_count; i++) {
        if (api_routes[i].method == a->method && text_eq(api_routes[i].pattern, a->path))
            return &api_routes[i];
    }
    fail_msg("there is no route %s", a->path);
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
    struct http_request request = {
        .method = a.method,
        .path = a.path,
        .route = find_route(&a),
        .headers = a.headers,
        .body = str_from(a.body ? a.body : ""),
        .peer = a.peer ? a.peer : "127.0.0.1",
        .arena = &p->arena,
    };
    while (request.header_count < HEADERS_MAX && a.headers[request.header_count].name)
        request.header_count++;
    struct http_response response = {.status = 200, .body = BUF_INIT(RESPONSE_MAX)};
    api_handle(&f->api, &request, &response);
    struct seen seen = {
        .status = response.status,
        .cookie = header_of(&response, "Set-Cookie"),
        .retry_after = header_of(&response, "Retry-After"),
    };
    ASSERT_OK(p, json_parse(buf_str(&response.body), &seen.body, &p->e));
    buf_release(&response.body);
    return seen;
}

static int status_of(struct fixture *f, struct ask a)
{
    struct seen seen = ask(f, a);
    json_decref(seen.body);
    return seen.status;
}

static struct ask sign_in_ask(struct fixture *f, const char *token)
{
    return (struct ask){HTTP_POST, "/login",
                        .body = arena_printf(&f->p.arena, "{\"token\":\"%s\"}", token)};
}

/* What a browser keeps. */
struct browser {
    const char *cookie, *csrf;
};

static struct browser sign_in(struct fixture *f, const char *token)
{
    struct seen seen = ask(f, sign_in_ask(f, token));
    assert_int_equal(seen.status, 201);
    struct browser b = {
        .cookie = arena_text_n(&f->p.arena, seen.cookie, strcspn(seen.cookie, ";")),
        .csrf = arena_text(&f->p.arena, json_get_text(seen.body, "csrf_token")),
    };
    json_decref(seen.body);
    return b;
}

/* Creating a token: an admin's write. */
static struct ask write_ask(const struct browser *b)
{
    return (struct ask){HTTP_POST, "/api/tokens", .body = "{\"name\":\"new\",\"role\":\"viewer\"}",
                        .headers = {{"Cookie", b->cookie}, {"X-CSRF-Token", b->csrf}}};
}

/* Adds a header behind the two of write_ask(). */
static int status_with(struct fixture *f, const struct browser *b, const char *name,
                       const char *value)
{
    struct ask a = write_ask(b);
    a.headers[2] = (struct http_pair){name, value};
    a.headers[3] = (struct http_pair){"Host", "hosting.example:8443"};
    return status_of(f, a);
}

/* -- signing in -------------------------------------------------------------------------------- */

static void a_token_gets_a_cookie_that_reads_and_writes_as_the_token_may(void **state)
{
    struct fixture *f = *state;
    struct browser admin = sign_in(f, f->admin), viewer = sign_in(f, f->viewer);
    struct ask look = {HTTP_GET, "/api/session", .headers = {{"Cookie", admin.cookie}}};
    struct seen seen = ask(f, look);
    assert_int_equal(seen.status, 200);
    assert_string_equal(json_get_text(seen.body, "role"), "admin");
    assert_string_equal(json_get_text(seen.body, "csrf_token"), admin.csrf);
    json_decref(seen.body);
    assert_int_equal(status_of(f, write_ask(&admin)), 201);
    assert_int_equal(status_of(f, write_ask(&viewer)), 403);
    look.headers[0].value = viewer.cookie;
    assert_int_equal(status_of(f, look), 200);
}

static void the_cookie_is_out_of_reach_of_scripts_and_other_sites(void **state)
{
    struct fixture *f = *state;
    struct seen seen = ask(f, sign_in_ask(f, f->admin));
    ASSERT_CONTAINS(seen.cookie, "webhost_session=wh_");
    ASSERT_CONTAINS(seen.cookie, "; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict");
    assert_null(strstr(seen.cookie, "Secure"));
    json_decref(seen.body);
}

static void behind_tls_the_cookie_is_secure_and_its_name_says_so(void **state)
{
    struct fixture *f = *state;
    struct ask a = sign_in_ask(f, f->admin);
    a.headers[0] = (struct http_pair){"X-Forwarded-Proto", "https"};
    struct seen seen = ask(f, a);
    assert_true(str_starts_with(str_from(seen.cookie), STR("__Host-webhost_session=")));
    assert_true(str_ends_with(str_from(seen.cookie), STR("; Secure")));
    json_decref(seen.body);

    a.peer = "192.0.2.7"; /* no proxy of ours: anybody may say that */
    seen = ask(f, a);
    assert_null(strstr(seen.cookie, "Secure"));
    json_decref(seen.body);

    f->settings.behind_tls = true;
    a.headers[0] = (struct http_pair){0};
    seen = ask(f, a);
    assert_non_null(strstr(seen.cookie, "; Secure"));
    json_decref(seen.body);
    /* A cookie of the plain name could come from somebody beside us on the domain. */
    struct browser b = {.cookie = "webhost_session=wh_x"};
    assert_int_equal(
        status_of(f, (struct ask){HTTP_GET, "/api/session", .headers = {{"Cookie", b.cookie}}}),
        401);
}

static void what_is_no_viewers_or_admins_token_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(status_of(f, sign_in_ask(f, "wh_nothing")), 401);
    assert_int_equal(status_of(f, sign_in_ask(f, f->ingest)), 401);
    struct ask from_elsewhere = sign_in_ask(f, f->admin);
    from_elsewhere.headers[0] = (struct http_pair){"Sec-Fetch-Site", "cross-site"};
    assert_int_equal(status_of(f, from_elsewhere), 403);
}

static void after_ten_refusals_an_address_waits_for_the_minute_to_end_and_others_do_not(
    void **state)
{
    struct fixture *f = *state;
    struct ask wrong = sign_in_ask(f, "wh_nothing"), right = sign_in_ask(f, f->admin);
    wrong.headers[0] = right.headers[0] = (struct http_pair){"X-Forwarded-For", "8.8.8.8, 1.2.3.4"};
    for (size_t i = 0; i < ATTEMPTS_MAX; i++)
        assert_int_equal(status_of(f, wrong), 401);
    struct seen seen = ask(f, right);
    assert_int_equal(seen.status, 429);
    assert_string_equal(seen.retry_after, "60");
    json_decref(seen.body);
    struct ask other = right;
    other.headers[0].value = "1.2.3.4, 8.8.8.8"; /* only the last is the proxy's word */
    assert_int_equal(status_of(f, other), 201);
    clock_virtual_advance(&f->p.clock, 60 * USEC_PER_SEC);
    assert_int_equal(status_of(f, right), 201);
}

static void many_addresses_together_are_slowed_down_too(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < ATTEMPTS_MAX_ALL; i++) {
        assert_int_equal(attempts_wait_s(f->api.attempts, "192.0.2.1"), 0);
        attempts_failed(f->api.attempts, arena_printf(&f->p.arena, "2001:db8::%zx", i));
    }
    assert_int_equal(attempts_wait_s(f->api.attempts, "192.0.2.1"), 60);
}

/* -- requests by cookie ------------------------------------------------------------------------ */

static void a_write_by_cookie_needs_the_sessions_own_text(void **state)
{
    struct fixture *f = *state;
    struct browser admin = sign_in(f, f->admin), other = sign_in(f, f->viewer);
    struct browser none = {admin.cookie, NULL}, wrong = {admin.cookie, other.csrf};
    struct ask without = write_ask(&none);
    without.headers[1] = (struct http_pair){0};
    assert_int_equal(status_of(f, without), 403);
    assert_int_equal(status_of(f, write_ask(&wrong)), 403);
    assert_int_equal(status_of(f, write_ask(&admin)), 201);
}

static void a_write_by_cookie_has_to_come_from_a_page_of_the_same_origin(void **state)
{
    struct fixture *f = *state;
    struct browser admin = sign_in(f, f->admin);
    assert_int_equal(status_with(f, &admin, "Sec-Fetch-Site", "cross-site"), 403);
    assert_int_equal(status_with(f, &admin, "Sec-Fetch-Site", "same-site"), 403);
    assert_int_equal(status_with(f, &admin, "Sec-Fetch-Site", "none"), 403);
    assert_int_equal(status_with(f, &admin, "Origin", "https://evil.example"), 403);
    assert_int_equal(status_with(f, &admin, "Origin", "null"), 403);
    assert_int_equal(status_with(f, &admin, "Origin", "https://hosting.example:8443"), 201);
    assert_int_equal(status_with(f, &admin, "Sec-Fetch-Site", "same-origin"), 201);
}

static void a_bearer_token_goes_before_the_cookie_and_needs_nothing_beside_it(void **state)
{
    struct fixture *f = *state;
    struct browser admin = sign_in(f, f->admin);
    struct ask a = write_ask(&admin);
    a.headers[1] =
        (struct http_pair){"Authorization", arena_printf(&f->p.arena, "Bearer %s", f->viewer)};
    assert_int_equal(status_of(f, a), 403);
    a.headers[1].value = arena_printf(&f->p.arena, "Bearer %s", f->admin);
    assert_int_equal(status_of(f, a), 201);
    a.headers[1].value = "Basic x";
    assert_int_equal(status_of(f, a), 401);
}

static void signing_out_ends_the_session_and_takes_the_cookie_back(void **state)
{
    struct fixture *f = *state;
    struct browser viewer = sign_in(f, f->viewer);
    struct ask leave = write_ask(&viewer);
    leave.path = "/logout";
    leave.body = NULL;
    struct seen seen = ask(f, leave);
    assert_int_equal(seen.status, 200);
    ASSERT_CONTAINS(seen.cookie, "webhost_session=; Path=/; Max-Age=0");
    json_decref(seen.body);
    struct ask look = {HTTP_GET, "/api/session", .headers = {{"Cookie", viewer.cookie}}};
    assert_int_equal(status_of(f, look), 401);
}

static void a_revoked_token_ends_its_sessions(void **state)
{
    struct fixture *f = *state;
    struct product *p = &f->p;
    struct browser admin = sign_in(f, f->admin);
    struct ask look = {HTTP_GET, "/api/session", .headers = {{"Cookie", admin.cookie}}};
    assert_int_equal(status_of(f, look), 200);
    product_begin(p);
    ASSERT_OK(p, token_revoke(p->tx, &p->env, "system", f->admin_token.id, &p->arena, &p->e));
    product_commit(p);
    assert_int_equal(status_of(f, look), 401);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_gets_a_cookie_that_reads_and_writes_as_the_token_may),
        TEST(the_cookie_is_out_of_reach_of_scripts_and_other_sites),
        TEST(behind_tls_the_cookie_is_secure_and_its_name_says_so),
        TEST(what_is_no_viewers_or_admins_token_is_refused),
        TEST(after_ten_refusals_an_address_waits_for_the_minute_to_end_and_others_do_not),
        TEST(many_addresses_together_are_slowed_down_too),
        TEST(a_write_by_cookie_needs_the_sessions_own_text),
        TEST(a_write_by_cookie_has_to_come_from_a_page_of_the_same_origin),
        TEST(a_bearer_token_goes_before_the_cookie_and_needs_nothing_beside_it),
        TEST(signing_out_ends_the_session_and_takes_the_cookie_back),
        TEST(a_revoked_token_ends_its_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
