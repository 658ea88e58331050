/* The one way to the clouds: what is repeated, what is waited for, what is recorded. */
#include "clouds.h"
#include "domain/core/install.h"
#include "domain/provisioning/calls.h"
#include "domain/provisioning/cloud.h"
#include "domain/provisioning/fly/client.h"
#include "domain/provisioning/hetzner/client.h"
#include "domain/provisioning/traffic.h"
#include "domain/provisioning/workers.h"

static enum err ask(struct clouds *c, const struct cloud_dialect *dialect, enum http_method method,
                    const char *path)
{
    struct cloud cloud;
    json_t *body = method == HTTP_POST ? json_object() : NULL;
    c->p.e = (struct error){0};
    cloud_open(&cloud, &c->provisioning, dialect, "subject-1", NULL);
    enum err err = cloud_call(&cloud, method, path, body, &c->p.arena, NULL, &c->p.e);
    cloud_close(&cloud);
    return err;
}

/* All recorded calls, newest first. */
static struct records recorded(struct clouds *c)
{
    struct records all;
    const char *next;
    const struct calls_filter filter = {.subject = "subject-1", .since = INT_ABSENT};
    const struct page page = {.limit = PAGE_LIMIT_MAX};
    ASSERT_OK(&c->p, traffic_flush(c->provisioning.traffic, &c->p.e));
    product_begin(&c->p);
    ASSERT_OK(&c->p, calls_list(c->p.tx, &filter, page, &c->p.arena, &all, &next, &c->p.e));
    product_rollback(&c->p);
    return all;
}

static void answer(struct clouds *c, const char *effect, int count)
{
    clouds_fault(c, arena_printf(&c->p.arena, "[{\"match\":{},\"effect\":{%s},\"count\":%d}]",
                                 effect, count));
}

#define CODE(status, code)                                                                         \
    "\"status\":" #status ",\"body\":{\"error\":{\"code\":\"" code "\",\"message\":\"words\"}}"

/* -- repeating -------------------------------------------------------------------------------- */

static void a_read_is_repeated_after_what_the_official_clients_repeat(void **state)
{
    struct clouds *c = *state;
    static const struct {
        const struct cloud_dialect *dialect;
        const char *effect;
        bool repeated;
    } cases[] = {
        {&hcloud_dialect, CODE(409, "conflict"), true},
        {&hcloud_dialect, CODE(502, "bad_gateway"), true},
        {&hcloud_dialect, CODE(504, "timeout"), true},
        {&hcloud_dialect, "\"status\":502", true},
        {&hcloud_dialect, "\"status\":504", true},
        {&hcloud_dialect, CODE(502, "other"), false},
        {&hcloud_dialect, "\"status\":503", false},
        {&hcloud_dialect, CODE(423, "locked"), false},
        {&hcloud_dialect, CODE(412, "resource_unavailable"), false},
        {&hcloud_dialect, CODE(412, "placement_error"), false},
        {&hcloud_dialect, CODE(500, "server_error"), false},
        {&fly_dialect, "\"status\":502", true},
        {&fly_dialect, "\"status\":503", true},
        {&fly_dialect, "\"status\":408", true},
        {&fly_dialect, "\"status\":500", false},
        {&fly_dialect, "\"status\":409", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *path =
            cases[i].dialect == &fly_dialect ? "/apps?org_slug=personal" : "/servers";
        answer(c, cases[i].effect, 1);
        enum err err = ask(c, cases[i].dialect, HTTP_GET, path);
        if ((err == OK) != cases[i].repeated)
            fail_msg("case %zu: %s", i, c->p.e.text);
        clouds_no_faults(c);
        clouds_settle(c);
    }
}

static void a_create_that_a_gateway_gave_up_on_is_not_repeated(void **state)
{
    struct clouds *c = *state;
    static const char *const effects[] = {"\"status\":502", "\"status\":504",
                                          "\"drop_reply_after_effect\":true"};
    for (size_t i = 0; i < ARRAY_LEN(effects); i++) {
        answer(c, effects[i], 1);
        assert_int_equal(ask(c, &hcloud_dialect, HTTP_POST, "/servers"), ERR_TIMEOUT);
        assert_int_equal(c->p.e.code, ERR_TIMEOUT);
        clouds_no_faults(c);
    }
    assert_int_equal(recorded(c).count, ARRAY_LEN(effects));
}

static void a_create_that_was_refused_before_it_began_is_repeated(void **state)
{
    struct clouds *c = *state;
    answer(c, CODE(409, "conflict"), 1);
    assert_int_equal(ask(c, &hcloud_dialect, HTTP_POST, "/servers"), ERR_INVALID); /* {} is wrong */
    struct records all = recorded(c);
    const struct provider_call *calls = all.items;
    assert_int_equal(all.count, 2);
    assert_int_equal(calls[0].attempt, 2);
    assert_string_equal(calls[1].error_code, "conflict");
}

static void waiting_ends_with_the_budget_and_the_rest_is_the_jobs(void **state)
{
    struct clouds *c = *state;
    answer(c, CODE(409, "conflict"), 100);
    int64_t began = env_now(&c->p.env);
    assert_int_equal(ask(c, &hcloud_dialect, HTTP_GET, "/servers"), ERR_BUSY);
    int64_t now = env_now(&c->p.env);
    assert_true(now - began <= c->settings.call_wait_ms * USEC_PER_MS);
    assert_true(c->p.e.retry_at > now);

    const struct job job = {.id = 1};
    struct job_run run = {.env = &c->p.env, .job = &job, .arena = &c->p.arena};
    assert_int_equal(provisioning_snooze(&run, &c->settings, &c->p.e), JOB_SNOOZE);
    assert_int_equal(run.snooze_us, c->p.e.retry_at - now);
}

static void a_node_that_stops_waits_no_longer(void **state)
{
    struct clouds *c = *state;
    traffic_interrupt(c->provisioning.traffic);
    answer(c, CODE(409, "conflict"), 100);
    assert_int_equal(ask(c, &hcloud_dialect, HTTP_GET, "/servers"), ERR_BUSY);
    assert_int_equal(recorded(c).count, 1);
}

/* -- rates ------------------------------------------------------------------------------------ */

static void an_account_without_requests_left_is_not_asked(void **state)
{
    struct clouds *c = *state;
    c->options.rate_burst = 2;
    clouds_restart(c);
    c->settings.call_wait_ms = 0;
    assert_int_equal(ask(c, &hcloud_dialect, HTTP_GET, "/servers"), OK);
    assert_int_equal(ask(c, &hcloud_dialect, HTTP_GET, "/servers"), OK);
    assert_int_equal(ask(c, &hcloud_dialect, HTTP_GET, "/servers"), ERR_BUSY);
    assert_true(c->p.e.retry_at > env_now(&c->p.env));
    assert_int_equal(recorded(c).count, 2); /* the third was never sent */
    clock_virtual_advance(&c->p.clock, c->p.e.retry_at - env_now(&c->p.env));
    assert_int_equal(ask(c, &hcloud_dialect, HTTP_GET, "/servers"), OK);
}

static void flys_rate_is_kept_for_each_app_by_itself(void **state)
{
    struct clouds *c = *state;
    c->settings.call_wait_ms = 0;
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask(c, &fly_dialect, HTTP_GET, "/apps/wh-one/volumes"), ERR_NOT_FOUND);
    assert_int_equal(ask(c, &fly_dialect, HTTP_GET, "/apps/wh-one/volumes"), ERR_BUSY);
    assert_int_equal(ask(c, &fly_dialect, HTTP_GET, "/apps/wh-two/volumes"), ERR_NOT_FOUND);
    clock_virtual_advance(&c->p.clock, USEC_PER_SEC);
    assert_int_equal(ask(c, &fly_dialect, HTTP_GET, "/apps/wh-one/volumes"), ERR_NOT_FOUND);
}

static void a_share_is_left_to_those_who_wait(void **state)
{
    (void)state;
    struct limiter *l = calloc(1, sizeof(*l));
    assert_non_null(l);
    struct budget *b = limiter_budget(l, 7, 0);
    assert_int_equal(budget_when(b, 10, 0), 0); /* nothing is known */
    budget_learn(b, 100, 11, 89 * USEC_PER_SEC, 0);
    assert_int_equal(budget_when(b, 10, 0), 0);
    b->flying = 1; /* another took the last one */
    assert_true(budget_when(b, 10, 0) > 0);
    assert_int_equal(budget_when(b, 0, 0), 0);
    b->flying = 11;
    assert_true(budget_when(b, 0, 0) > 0);
    assert_int_equal(budget_when(b, 0, 200 * USEC_PER_SEC), 200 * USEC_PER_SEC); /* full again */
    free(l);
}

/* -- records ---------------------------------------------------------------------------------- */

static void a_record_says_what_was_asked_and_what_came(void **state)
{
    struct clouds *c = *state;
    assert_int_equal(ask(c, &hcloud_dialect, HTTP_GET, "/servers/42?x=secret"), ERR_NOT_FOUND);
    struct records all = recorded(c);
    const struct provider_call *call = all.items;
    assert_int_equal(all.count, 1);
    assert_string_equal(call->provider, "hetzner");
    assert_string_equal(call->method, "GET");
    assert_string_equal(call->route, "/servers/{id}");
    assert_int_equal(call->status, 404);
    assert_string_equal(call->outcome, "not_found");
    assert_string_equal(call->error_code, "not_found");
    assert_int_equal(call->attempt, 1);

    c->settings.hetzner.endpoint = "http://127.0.0.1:1/v1";
    assert_int_equal(ask(c, &hcloud_dialect, HTTP_GET, "/servers"), ERR_UNAVAILABLE);
    all = recorded(c);
    call = all.items;
    assert_int_equal(all.count, 2);
    assert_int_equal(call->status, INT_ABSENT);
    assert_string_equal(call->error_code, "no_connection");
}

static int64_t prune_all(struct clouds *c, int64_t before)
{
    int64_t deleted = 0;
    product_begin(&c->p);
    ASSERT_OK(&c->p, calls_prune(c->p.tx, before, 1000, &deleted, &c->p.e));
    product_commit(&c->p);
    return deleted;
}

static void old_records_are_pruned(void **state)
{
    struct clouds *c = *state;
    (void)ask(c, &hcloud_dialect, HTTP_GET, "/servers");
    assert_int_equal(recorded(c).count, 1);
    assert_int_equal(prune_all(c, env_now(&c->p.env)), 0);
    assert_int_equal(prune_all(c, env_now(&c->p.env) + 1), 1);
}

static void a_full_queue_drops_and_counts(void **state)
{
    struct clouds *c = *state;
    struct recorder *r = recorder_new(&c->p.env);
    const struct provider_call call = {.provider = "flyio",
                                       .method = "GET",
                                       .route = "/apps",
                                       .outcome = "ok",
                                       .status = 200,
                                       .subject = "many",
                                       .attempt = 1};
    for (int i = 0; i < RECORDER_QUEUE_MAX + 5; i++)
        recorder_add(r, &call);
    assert_int_equal(recorder_counts(r).dropped, 5);
    ASSERT_OK(&c->p, recorder_flush(r, &c->p.e));
    assert_int_equal(recorder_counts(r).written, RECORDER_QUEUE_MAX);
    recorder_free(r);
}

static void a_paths_names_are_left_out_of_its_route(void **state)
{
    struct clouds *c = *state;
    static const struct {
        const char *path, *route;
    } cases[] = {
        {"/apps?org_slug=x", "/apps"},
        {"/apps/wh-acme-1/machines/e82/wait?state=started", "/apps/{app}/machines/{machine}/wait"},
        {"/apps/a/certificates/acme", "/apps/{app}/certificates/acme"},
        {"/apps/a/certificates/www.example.com", "/apps/{app}/certificates/{hostname}"},
        {"/servers/12/actions/poweroff", "/servers/{id}/actions/poweroff"},
        {"/things/Some-Name", "/things/{name}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(route_template(cases[i].path, fly_dialect.names, &c->p.arena),
                            cases[i].route);
}

static void an_installation_keeps_its_id(void **state)
{
    struct clouds *c = *state;
    const char *again;
    ASSERT_OK(&c->p, install_id(&c->p.env, &c->p.arena, &again, &c->p.e));
    assert_string_equal(again, c->provisioning.install_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLOUDS_TEST(a_read_is_repeated_after_what_the_official_clients_repeat),
        CLOUDS_TEST(a_create_that_a_gateway_gave_up_on_is_not_repeated),
        CLOUDS_TEST(a_create_that_was_refused_before_it_began_is_repeated),
        CLOUDS_TEST(waiting_ends_with_the_budget_and_the_rest_is_the_jobs),
        CLOUDS_TEST(a_node_that_stops_waits_no_longer),
        CLOUDS_TEST(an_account_without_requests_left_is_not_asked),
        CLOUDS_TEST(flys_rate_is_kept_for_each_app_by_itself),
        cmocka_unit_test(a_share_is_left_to_those_who_wait),
        CLOUDS_TEST(a_record_says_what_was_asked_and_what_came),
        CLOUDS_TEST(old_records_are_pruned),
        CLOUDS_TEST(a_full_queue_drops_and_counts),
        CLOUDS_TEST(a_paths_names_are_left_out_of_its_route),
        CLOUDS_TEST(an_installation_keeps_its_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
