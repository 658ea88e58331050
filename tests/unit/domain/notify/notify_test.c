/* Notices to people: a job for each place, what arrives there, and what its errors keep back. */
#include "domain/notify/notify.h"
#include "infra/http/server.h"
#include "notify_test.sql.h"
#include "product.h"

#include <stdatomic.h>

struct hook {
    struct http_server *server;
    atomic_int status, calls;
    char body[4096]; /* of the last call; read once that call was answered */
    const char *url;
};

static struct hook hook;
static struct notify_settings settings;

static void answer(void *ctx, const struct http_request *request, struct http_response *response)
{
    (void)ctx;
    size_t len = request->body.len < sizeof(hook.body) ? request->body.len : sizeof(hook.body) - 1;
    memcpy(hook.body, request->body.ptr, len);
    hook.body[len] = '\0';
    response->status = atomic_load(&hook.status);
    atomic_fetch_add(&hook.calls, 1);
}

static const struct http_route routes[] = {
    {.method = HTTP_POST, .pattern = "/hooks/{secret}", .handler = answer}};

static int setup(void **state)
{
    (void)product_setup(state);
    struct product *p = *state;
    hook = (struct hook){.status = 200};
    struct http_server_options options = {
        .address = "127.0.0.1",
        .threads = 1,
        .connections_max = 10,
        .idle_timeout_s = 10,
        .body_max = 65536,
        .response_max = 65536,
        .routes = routes,
        .route_count = ARRAY_LEN(routes),
    };
    ASSERT_OK(p, http_server_start(&options, &hook.server, &p->e));
    hook.url = arena_printf(&p->arena, "http://127.0.0.1:%u/hooks/sesame",
                            (unsigned)http_server_port(hook.server));
    settings = notify_settings_default();
    return 0;
}

static int teardown(void **state)
{
    http_server_stop(hook.server);
    return product_teardown(state);
}

static void send_to(const char **urls, size_t count)
{
    settings.webhook_urls = (struct texts){urls, count};
}

struct notice_row {
    const char *args;
    int64_t max_attempts;
};

static const struct field row_fields[] = {
    {"args", FIELD_TEXT, offsetof(struct notice_row, args), .max_len = 4096},
    {"max_attempts", FIELD_INT, offsetof(struct notice_row, max_attempts)},
    FIELD_END,
};

/* Tells of something; the jobs that came of it. */
static struct records tell(struct product *p)
{
    struct records rows;
    _cleanup_json_ json_t *details = json_pack("{s:s}", "id", "p1");
    struct notice notice = {"proposal.created", "c1", "Say \"yes\"", details};
    product_begin(p);
    ASSERT_OK(p, notify(p->tx, &p->env, &settings, &notice, &p->arena, &p->e));
    ASSERT_OK(p, db_list(p->tx, &notices_of, DB_NO_ARGS, row_fields, sizeof(struct notice_row), 10,
                         &p->arena, &rows, &p->e));
    product_commit(p);
    return rows;
}

static enum job_result perform(struct product *p, const char *args)
{
    struct job job = {.args = args};
    const _Atomic bool cancelled = false;
    struct job_worker worker = notification_worker(&settings);
    struct job_run run = {.env = &p->env,
                          .job = &job,
                          .arena = &p->arena,
                          .ctx = worker.ctx,
                          .cancelled = &cancelled};
    return worker.perform(&run, &p->e);
}

static void each_place_gets_a_job_that_does_not_hold_its_url(void **state)
{
    struct product *p = *state;
    const char *urls[] = {hook.url, "http://127.0.0.1:1/other-secret"};
    send_to(urls, 2);
    struct records rows = tell(p);
    const struct notice_row *jobs = rows.items;
    assert_int_equal(rows.count, 2);
    for (size_t i = 0; i < rows.count; i++) {
        assert_null(strstr(jobs[i].args, "secret"));
        assert_null(strstr(jobs[i].args, "sesame"));
        assert_int_equal(jobs[i].max_attempts, 10);
    }
}

static void the_place_gets_the_notice_as_json(void **state)
{
    struct product *p = *state;
    const char *urls[] = {hook.url};
    send_to(urls, 1);
    struct records rows = tell(p);
    assert_int_equal(perform(p, ((struct notice_row *)rows.items)[0].args), JOB_DONE);
    assert_int_equal(atomic_load(&hook.calls), 1);
    _cleanup_json_ json_t *body = NULL;
    ASSERT_OK(p, json_parse(str_from(hook.body), &body, &p->e));
    assert_string_equal(json_get_text(body, "kind"), "proposal.created");
    assert_string_equal(json_get_text(body, "customer_id"), "c1");
    assert_string_equal(json_get_text(body, "text"), "Say \"yes\"");
    assert_string_equal(json_get_text(body, "at"), "2026-09-21T14:13:20.000000Z");
    assert_string_equal(json_get_text(json_object_get(body, "details"), "id"), "p1");
}

static void what_is_not_accepted_is_tried_again_and_the_error_keeps_the_secret(void **state)
{
    struct product *p = *state;
    const char *urls[] = {hook.url, "http://127.0.0.1:1/other-secret"};
    send_to(urls, 2);
    struct records rows = tell(p);
    const struct notice_row *jobs = rows.items;
    atomic_store(&hook.status, 500);
    assert_int_equal(perform(p, jobs[0].args), JOB_RETRY);
    assert_string_equal(p->e.text, "webhook 1 answered 500");
    assert_int_equal(perform(p, jobs[1].args), JOB_RETRY);
    assert_string_equal(p->e.text, "webhook 2 could not be reached");
    atomic_store(&hook.status, 204);
    assert_int_equal(perform(p, jobs[0].args), JOB_DONE);
}

static void without_a_place_the_notice_is_logged(void **state)
{
    struct product *p = *state;
    struct records rows = tell(p);
    assert_int_equal(rows.count, 1);
    assert_int_equal(perform(p, ((struct notice_row *)rows.items)[0].args), JOB_DONE);
    assert_int_equal(atomic_load(&hook.calls), 0);
}

static void a_place_that_is_not_configured_any_more_is_not_waited_for(void **state)
{
    struct product *p = *state;
    const char *urls[] = {hook.url};
    send_to(urls, 1);
    struct records rows = tell(p);
    settings.webhook_urls = (struct texts){0};
    assert_int_equal(perform(p, ((struct notice_row *)rows.items)[0].args), JOB_DONE);
    assert_int_equal(atomic_load(&hook.calls), 0);
}

static void arguments_that_are_none_are_given_up(void **state)
{
    struct product *p = *state;
    assert_int_equal(perform(p, "{}"), JOB_FAIL);
    assert_int_equal(perform(p, "{\"webhook\":0}"), JOB_FAIL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_place_gets_a_job_that_does_not_hold_its_url),
        TEST(the_place_gets_the_notice_as_json),
        TEST(what_is_not_accepted_is_tried_again_and_the_error_keeps_the_secret),
        TEST(without_a_place_the_notice_is_logged),
        TEST(a_place_that_is_not_configured_any_more_is_not_waited_for),
        TEST(arguments_that_are_none_are_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
