/* Notices to people: a job for each target, what arrives there, and what its errors keep back. */
#include "domain/notify/deliver.h"
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

/* The target's, of so many, with its url. */
static struct notify_target targets[3];

static struct notify_target *send_to(size_t number, const char *name, const char *url)
{
    targets[number] =
        (struct notify_target){.name = name, .kind = TARGET_WEBHOOK, .url = url, .severity = -1};
    settings.targets = (struct records){targets, number + 1};
    return &targets[number];
}

struct job_row {
    const char *args;
    int64_t max_attempts, scheduled_at;
};

static const struct field row_fields[] = {
    {"args", FIELD_TEXT, offsetof(struct job_row, args), .max_len = 4096},
    {"max_attempts", FIELD_INT, offsetof(struct job_row, max_attempts)},
    {"scheduled_at", FIELD_INT, offsetof(struct job_row, scheduled_at)},
    FIELD_END,
};

static struct notice a_notice(void)
{
    return (struct notice){.kind = "proposal.created", .customer_id = "c1", .text = "Say \"yes\""};
}

/* Tells of it; all jobs that there are then. */
static struct records tell(struct product *p, struct notice notice)
{
    struct records rows;
    clock_virtual_advance(&p->clock, USEC_PER_MS); /* ids sort by time */
    product_begin(p);
    ASSERT_OK(p, notify(p->tx, &p->env, &settings, &notice, &p->arena, &p->e));
    ASSERT_OK(p, db_list(p->tx, &notices_of, DB_NO_ARGS, row_fields, sizeof(struct job_row), 10,
                         &p->arena, &rows, &p->e));
    product_commit(p);
    return rows;
}

static const char *args_of(struct records rows, size_t i)
{
    assert_true(i < rows.count);
    return ((const struct job_row *)rows.items)[i].args;
}

static struct job_run run_of(struct product *p, struct job *job, struct job_worker worker)
{
    static const _Atomic bool cancelled = false;
    return (struct job_run){
        .env = &p->env, .job = job, .arena = &p->arena, .ctx = worker.ctx, .cancelled = &cancelled};
}

static enum job_result perform(struct product *p, const char *args)
{
    struct job job = {.args = args};
    struct job_worker worker = notification_worker(&settings);
    struct job_run run = run_of(p, &job, worker);
    return worker.perform(&run, &p->e);
}

static struct notice_record newest(struct product *p)
{
    struct records rows;
    const char *next;
    struct notice_filter all = {0};
    product_begin(p);
    ASSERT_OK(p,
              notice_list(p->tx, &all, (struct page){.limit = 1}, &p->arena, &rows, &next, &p->e));
    product_commit(p);
    assert_int_equal(rows.count, 1);
    return *(struct notice_record *)rows.items;
}

static struct delivery delivery_of(struct product *p, size_t i)
{
    struct records rows;
    const char *id = newest(p).id;
    product_begin(p);
    ASSERT_OK(p, delivery_list(p->tx, id, &p->arena, &rows, &p->e));
    product_commit(p);
    assert_true(i < rows.count);
    return ((struct delivery *)rows.items)[i];
}

static json_t *body_sent(struct product *p)
{
    json_t *body = NULL;
    ASSERT_OK(p, json_parse(str_from(hook.body), &body, &p->e));
    return body;
}

static void each_target_gets_a_job_that_does_not_hold_its_url(void **state)
{
    struct product *p = *state;
    (void)send_to(0, "one", hook.url);
    (void)send_to(1, "two", "http://127.0.0.1:1/other-secret");
    struct records rows = tell(p, a_notice());
    const struct job_row *jobs = rows.items;
    assert_int_equal(rows.count, 2);
    for (size_t i = 0; i < rows.count; i++) {
        assert_null(strstr(jobs[i].args, "secret"));
        assert_null(strstr(jobs[i].args, "sesame"));
        assert_int_equal(jobs[i].max_attempts, 10);
    }
}

static void the_target_gets_the_notice_as_json(void **state)
{
    struct product *p = *state;
    _cleanup_json_ json_t *details = json_pack("{s:s}", "id", "p1");
    struct notice notice = a_notice();
    notice.details = details;
    (void)send_to(0, "one", hook.url);
    assert_int_equal(perform(p, args_of(tell(p, notice), 0)), JOB_DONE);
    assert_int_equal(atomic_load(&hook.calls), 1);
    _cleanup_json_ json_t *body = body_sent(p);
    const json_t *data = json_object_get(body, "data");
    assert_string_equal(json_get_text(body, "type"), "proposal.created");
    assert_string_equal(json_get_text(body, "timestamp"), "2026-09-21T14:13:20.001000Z");
    assert_string_equal(json_get_text(data, "customer_id"), "c1");
    assert_string_equal(json_get_text(data, "text"), "Say \"yes\"");
    assert_string_equal(json_get_text(json_object_get(data, "details"), "id"), "p1");
    assert_int_equal(delivery_of(p, 0).state, DELIVERY_SENT);
}

static void what_is_not_accepted_is_tried_again_and_the_error_keeps_the_secret(void **state)
{
    struct product *p = *state;
    (void)send_to(0, "one", hook.url);
    (void)send_to(1, "two", "http://127.0.0.1:1/other-secret");
    struct records rows = tell(p, a_notice());
    atomic_store(&hook.status, 500);
    assert_int_equal(perform(p, args_of(rows, 0)), JOB_RETRY);
    assert_string_equal(p->e.text, "target one answered 500");
    assert_int_equal(perform(p, args_of(rows, 1)), JOB_RETRY);
    assert_string_equal(p->e.text, "target two could not be reached");
    assert_int_equal(delivery_of(p, 0).state, DELIVERY_WAITING);
    assert_string_equal(delivery_of(p, 0).error, "target one answered 500");
    atomic_store(&hook.status, 204);
    assert_int_equal(perform(p, args_of(rows, 0)), JOB_DONE);
    assert_int_equal(delivery_of(p, 0).attempts, 2);
    assert_null(delivery_of(p, 0).error);
}

static void what_was_sent_is_not_sent_again_by_a_run_that_is_repeated(void **state)
{
    struct product *p = *state;
    (void)send_to(0, "one", hook.url);
    struct records rows = tell(p, a_notice());
    assert_int_equal(perform(p, args_of(rows, 0)), JOB_DONE);
    assert_int_equal(perform(p, args_of(rows, 0)), JOB_DONE);
    assert_int_equal(atomic_load(&hook.calls), 1);
}

static void a_job_that_is_given_up_leaves_its_delivery_failed(void **state)
{
    struct product *p = *state;
    (void)send_to(0, "one", hook.url);
    struct job job = {.args = args_of(tell(p, a_notice()), 0)};
    struct job_worker worker = notification_worker(&settings);
    struct job_run run = run_of(p, &job, worker);
    product_begin(p);
    ASSERT_OK(p, worker.discarded(p->tx, &run, "target one answered 500", &p->e));
    product_commit(p);
    assert_int_equal(delivery_of(p, 0).state, DELIVERY_FAILED);
    assert_string_equal(delivery_of(p, 0).error, "target one answered 500");
}

static void what_comes_again_under_its_key_is_counted_and_told_once(void **state)
{
    struct product *p = *state;
    struct notice notice = a_notice();
    notice.key = "deployment.failed:d1";
    (void)send_to(0, "one", hook.url);
    assert_int_equal(tell(p, notice).count, 1);
    assert_int_equal(tell(p, notice).count, 1);
    assert_int_equal(newest(p).count, 2);
    notice.key = "deployment.failed:d2";
    assert_int_equal(tell(p, notice).count, 2);
    clock_virtual_advance(&p->clock, 61 * 60 * USEC_PER_SEC);
    assert_int_equal(tell(p, notice).count, 3);
}

static void an_end_is_told_once_and_only_of_what_was_told(void **state)
{
    struct product *p = *state;
    struct notice notice = a_notice();
    notice.key = "host.failed:h1";
    notice.resolved = true;
    (void)send_to(0, "one", hook.url);
    assert_int_equal(tell(p, notice).count, 0);
    notice.resolved = false;
    assert_int_equal(tell(p, notice).count, 1);
    notice.resolved = true;
    assert_int_equal(tell(p, notice).count, 2);
    assert_int_equal(tell(p, notice).count, 2);
    assert_true(newest(p).resolved);
}

/* The clock of the tests stands at 14:13:20. */
static void what_waits_is_sent_in_one_message_when_it_is_due(void **state)
{
    struct product *p = *state;
    struct notice notice = a_notice();
    send_to(0, "one", hook.url)->digest_at = "18:00";
    assert_int_equal(tell(p, notice).count, 1);
    struct records rows = tell(p, notice);
    assert_int_equal(rows.count, 1); /* one job for both */
    const struct job_row *job = rows.items;
    int64_t due;
    assert_true(time_parse(STR("2026-09-21T18:00:00Z"), &due));
    assert_int_equal(job->scheduled_at, due);
    notice.severity = SEVERITY_CRITICAL;
    rows = tell(p, notice);
    assert_int_equal(rows.count, 2); /* this one cannot wait */
    assert_int_equal(perform(p, args_of(rows, 0)), JOB_DONE);
    _cleanup_json_ json_t *body = body_sent(p);
    assert_string_equal(json_get_text(body, "type"), "notice.digest");
    assert_int_equal(json_array_size(json_object_get(json_object_get(body, "data"), "notices")), 2);
    assert_int_equal(perform(p, args_of(rows, 0)), JOB_DONE);
    assert_int_equal(atomic_load(&hook.calls), 1);
}

static void a_target_hears_only_of_what_it_wants(void **state)
{
    struct product *p = *state;
    const char *kinds[] = {"migration.", "notify.test"};
    struct notice notice = a_notice();
    struct notify_target *target = send_to(0, "one", hook.url);
    target->kinds = (struct texts){kinds, 2};
    assert_int_equal(tell(p, notice).count, 0);
    notice.kind = "migration.failed";
    assert_int_equal(tell(p, notice).count, 1);
    target->severity = SEVERITY_WARNING;
    assert_int_equal(tell(p, notice).count, 1);
    notice.severity = SEVERITY_WARNING;
    assert_int_equal(tell(p, notice).count, 2);
}

static void a_notice_is_sent_again_by_hand_under_the_same_id(void **state)
{
    struct product *p = *state;
    (void)send_to(0, "one", hook.url);
    assert_int_equal(perform(p, args_of(tell(p, a_notice()), 0)), JOB_DONE);
    const char *id = newest(p).id;
    product_begin(p);
    assert_int_equal(
        notice_replay(p->tx, &p->env, &settings, "token:a", id, "two", &p->arena, &p->e),
        ERR_NOT_FOUND);
    product_commit(p);
    product_begin(p);
    ASSERT_OK(p, notice_replay(p->tx, &p->env, &settings, "token:a", id, NULL, &p->arena, &p->e));
    product_commit(p);
    assert_int_equal(delivery_of(p, 0).state, DELIVERY_WAITING);
    char *args = arena_printf(&p->arena, "{\"target\":\"one\",\"notice_id\":\"%s\"}", id);
    assert_int_equal(perform(p, args), JOB_DONE);
    assert_int_equal(atomic_load(&hook.calls), 2);
    _cleanup_json_ json_t *body = body_sent(p);
    assert_string_equal(json_get_text(json_object_get(body, "data"), "id"), id);
}

static void without_a_target_the_notice_is_logged(void **state)
{
    struct product *p = *state;
    struct records rows = tell(p, a_notice());
    assert_int_equal(rows.count, 1);
    assert_int_equal(perform(p, args_of(rows, 0)), JOB_DONE);
    assert_int_equal(atomic_load(&hook.calls), 0);
}

static void a_target_that_is_not_configured_any_more_is_not_waited_for(void **state)
{
    struct product *p = *state;
    (void)send_to(0, "one", hook.url);
    struct records rows = tell(p, a_notice());
    settings.targets = (struct records){0};
    assert_int_equal(perform(p, args_of(rows, 0)), JOB_DONE);
    assert_int_equal(atomic_load(&hook.calls), 0);
    assert_int_equal(delivery_of(p, 0).state, DELIVERY_FAILED);
}

static void arguments_that_are_none_are_given_up(void **state)
{
    struct product *p = *state;
    assert_int_equal(perform(p, "{}"), JOB_FAIL);
    assert_int_equal(perform(p, "{\"target\":\"one\"}"), JOB_FAIL);
    assert_int_equal(perform(p, "{\"notice_id\":\"n1\"}"), JOB_FAIL);
}

static void old_notices_are_deleted_with_their_deliveries(void **state)
{
    struct product *p = *state;
    int64_t deleted;
    (void)send_to(0, "one", hook.url);
    (void)tell(p, a_notice());
    product_begin(p);
    ASSERT_OK(p, notice_prune(p->tx, env_now(&p->env), 10, &deleted, &p->e));
    assert_int_equal(deleted, 0);
    ASSERT_OK(p, notice_prune(p->tx, env_now(&p->env) + 1, 10, &deleted, &p->e));
    assert_int_equal(deleted, 1);
    product_commit(p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_target_gets_a_job_that_does_not_hold_its_url),
        TEST(the_target_gets_the_notice_as_json),
        TEST(what_is_not_accepted_is_tried_again_and_the_error_keeps_the_secret),
        TEST(what_was_sent_is_not_sent_again_by_a_run_that_is_repeated),
        TEST(a_job_that_is_given_up_leaves_its_delivery_failed),
        TEST(what_comes_again_under_its_key_is_counted_and_told_once),
        TEST(an_end_is_told_once_and_only_of_what_was_told),
        TEST(what_waits_is_sent_in_one_message_when_it_is_due),
        TEST(a_target_hears_only_of_what_it_wants),
        TEST(a_notice_is_sent_again_by_hand_under_the_same_id),
        TEST(without_a_target_the_notice_is_logged),
        TEST(a_target_that_is_not_configured_any_more_is_not_waited_for),
        TEST(arguments_that_are_none_are_given_up),
        TEST(old_notices_are_deleted_with_their_deliveries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
