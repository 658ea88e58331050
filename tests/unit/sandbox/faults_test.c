#include "support.h"

static const char server[] = "{\"name\":\"db-1\",\"server_type\":\"cx23\",\"image\":\"debian-12\","
                             "\"location\":\"fsn1\",\"labels\":{\"webhost\":\"host-1\"}}";

static void inject(struct cloud *c, const char *faults)
{
    expect(c, 200, POST, "/sandbox/faults", faults);
}

/* A call whose reply is lost; says whether the request was sent. */
static enum err call_raw(struct cloud *c, enum http_method method, const char *path,
                         const char *body, int64_t timeout_us, bool *ret_sent)
{
    struct http_call call = {
        .method = method,
        .url = text(c, "http://127.0.0.1:%u%s", sandbox_port(c->sandbox), path),
        .bearer = c->token,
        .body = str_from(body),
        .timeout_us = timeout_us,
    };
    struct http_reply reply;
    return http_client_call(c->client, &call, &c->arena, &reply, ret_sent, NULL);
}

static void a_fault_answers_instead_of_the_cloud_as_often_as_it_says(void **state)
{
    struct cloud *c = *state;
    inject(c, "[{\"match\":{\"method\":\"POST\",\"path_prefix\":\"/v1/servers\"},\"count\":2,"
              "\"effect\":{\"status\":412,\"body\":{\"error\":{\"code\":\"resource_unavailable\","
              "\"message\":\"error during placement\",\"details\":null}}}}]");
    expect(c, 200, GET, "/v1/servers", NULL);
    struct seen seen = expect(c, 412, POST, "/v1/servers", server);
    assert_string_equal(text_at(&seen, "error.code"), "resource_unavailable");
    expect(c, 412, POST, "/v1/servers", server);
    expect(c, 201, POST, "/v1/servers", server);
}

static void a_lost_reply_leaves_its_effect_behind(void **state)
{
    struct cloud *c = *state;
    inject(c, "[{\"match\":{\"method\":\"POST\"},\"effect\":{\"drop_reply_after_effect\":true},"
              "\"count\":1}]");
    bool sent = false;
    assert_int_equal(call_raw(c, POST, "/v1/servers", server, CALL_US, &sent), ERR_UNAVAILABLE);
    assert_true(sent);
    struct seen found = expect(c, 200, GET, "/v1/servers?name=db-1", NULL);
    assert_int_equal(count_at(&found, "servers"), 1);
    expect(c, 409, POST, "/v1/servers", server);
}

static void a_late_reply_is_later_than_the_client_waits(void **state)
{
    struct cloud *c = *state;
    inject(c, "[{\"effect\":{\"latency_ms\":600000},\"count\":1}]");
    assert_int_equal(call_raw(c, GET, "/v1/servers", NULL, 50 * USEC_PER_MS, NULL), ERR_TIMEOUT);
    /* Stopping does not wait for the ten minutes either. */
}

static void a_fault_lets_the_first_requests_pass_when_told_to(void **state)
{
    struct cloud *c = *state;
    inject(c, "[{\"effect\":{\"status\":503},\"skip\":1,\"count\":1}]");
    expect(c, 200, GET, "/v1/locations", NULL);
    expect(c, 503, GET, "/v1/locations", NULL);
    expect(c, 200, GET, "/v1/locations", NULL);
}

static void faults_are_shown_counted_down_and_cleared(void **state)
{
    struct cloud *c = *state;
    inject(c, "[{\"effect\":{\"status\":500},\"count\":3},{\"effect\":{\"status\":502}}]");
    expect(c, 500, GET, "/v1/locations", NULL);
    struct seen list = expect(c, 200, GET, "/sandbox/faults", NULL);
    assert_int_equal(count_at(&list, "faults"), 2);
    assert_int_equal(int_at(&list, "faults.0.count"), 2);
    assert_null(at(list.body, "faults.1.count"));
    expect(c, 204, DELETE, "/sandbox/faults", NULL);
    expect(c, 200, GET, "/v1/locations", NULL);
}

static void a_fault_that_makes_no_sense_is_refused_and_none_of_the_list_is_taken(void **state)
{
    struct cloud *c = *state;
    static const char *const lists[] = {
        "{}",
        "[{\"match\":{}}]",
        "[{\"effect\":{}}]",
        "[{\"effect\":{\"status\":500},\"count\":1},{\"effect\":{\"status\":999}}]",
        "[{\"effect\":{\"status\":500,\"latency_ms\":5}}]",
        "[{\"effect\":{\"status\":500},\"match\":{\"method\":\"BREW\"}}]",
    };
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        expect(c, 400, POST, "/sandbox/faults", lists[i]);
    expect(c, 200, GET, "/v1/locations", NULL);
}

static void a_kind_of_fault_answers_as_the_api_in_question_would(void **state)
{
    struct cloud *c = *state;
    static const struct {
        const char *kind;
        int hetzner, fly;
    } cases[] = {
        {"rate_limited", 429, 429}, {"server_error", 500, 500}, {"unavailable", 503, 503},
        {"capacity", 412, 422},     {"conflict", 409, 409},     {"timeout", 504, 408},
    };
    expect(c, 201, POST, "/v1/apps", "{\"name\":\"a\",\"org_slug\":\"personal\"}");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        inject(c, text(c, "[{\"effect\":{\"kind\":\"%s\"},\"count\":2}]", cases[i].kind));
        struct seen seen = expect(c, cases[i].hetzner, POST, "/v1/servers", server);
        assert_non_null(text_at(&seen, "error.code"));
        seen =
            expect(c, cases[i].fly, POST, "/v1/apps/a/machines", "{\"config\":{\"image\":\"x\"}}");
        assert_non_null(text_at(&seen, "error"));
    }
    /* Only the time-out came after the effect. */
    struct seen seen = expect(c, 200, GET, "/sandbox/state", NULL);
    assert_int_equal(int_at(&seen, "counts.servers"), 1);
    assert_int_equal(int_at(&seen, "counts.machines"), 1);
    seen = expect(c, 200, GET, "/sandbox/faults", NULL);
    assert_int_equal(int_at(&seen, "given.capacity"), 2);
}

static void a_kind_passes_by_what_it_cannot_happen_to(void **state)
{
    struct cloud *c = *state;
    inject(c, "[{\"effect\":{\"kind\":\"capacity\"},\"count\":1}]");
    expect(c, 200, GET, "/v1/servers", NULL);
    struct seen seen = expect(c, 412, POST, "/v1/servers", server);
    assert_string_equal(text_at(&seen, "error.code"), "resource_unavailable");
}

static void a_reset_connection_leaves_nothing_behind(void **state)
{
    struct cloud *c = *state;
    inject(c, "[{\"effect\":{\"kind\":\"connection_reset\"},\"count\":1}]");
    assert_int_equal(call_raw(c, POST, "/v1/servers", server, CALL_US, NULL), ERR_UNAVAILABLE);
    expect(c, 201, POST, "/v1/servers", server);
}

static void an_action_and_a_machine_end_in_an_error_when_they_are_told_to(void **state)
{
    struct cloud *c = *state;
    inject(c, "[{\"effect\":{\"kind\":\"action_error\"},\"count\":1},"
              "{\"effect\":{\"kind\":\"machine_failed\"},\"count\":1}]");
    struct seen made = expect(c, 201, POST, "/v1/servers", server);
    expect(c, 201, POST, "/v1/apps", "{\"name\":\"a\",\"org_slug\":\"personal\"}");
    struct seen machine =
        expect(c, 200, POST, "/v1/apps/a/machines", "{\"config\":{\"image\":\"x\"}}");
    cloud_settle(c);
    struct seen action = expect(
        c, 200, GET, text(c, "/v1/actions/%lld", (long long)int_at(&made, "action.id")), NULL);
    assert_string_equal(text_at(&action, "action.status"), "error");
    assert_string_equal(text_at(&action, "action.error.code"), "action_failed");
    struct seen seen =
        expect(c, 200, GET, text(c, "/v1/apps/a/machines/%s", text_at(&machine, "id")), NULL);
    assert_string_equal(text_at(&seen, "state"), "failed");
}

static void random_faults_come_at_their_rate_and_the_same_for_the_same_seed(void **state)
{
    struct cloud *c = *state;
    static const char mode[] =
        "{\"rate\":0.2,\"seed\":7,\"kinds\":[\"server_error\",\"capacity\"]}";
    char fates[2][200];
    for (int round = 0; round < 2; round++) {
        inject(c, mode);
        for (size_t i = 0; i < sizeof(fates[0]); i++)
            fates[round][i] = ask(c, GET, "/v1/locations", NULL).status == 200 ? '.' : 'x';
    }
    assert_memory_equal(fates[0], fates[1], sizeof(fates[0]));
    struct seen seen = expect(c, 200, GET, "/sandbox/faults", NULL);
    assert_int_equal(int_at(&seen, "given.capacity"), 0);
    int64_t given = int_at(&seen, "given.server_error");
    assert_in_range(given, 50, 110); /* of 400 */
    expect(c, 204, DELETE, "/sandbox/faults", NULL);
    seen = expect(c, 200, GET, "/sandbox/faults", NULL);
    assert_true(json_is_null(at(seen.body, "random")));
}

static void the_state_counts_what_exists_and_not_what_is_being_deleted(void **state)
{
    struct cloud *c = *state;
    struct seen made = expect(c, 201, POST, "/v1/servers", server);
    expect(c, 201, POST, "/v1/apps", "{\"name\":\"a\",\"org_slug\":\"personal\"}");
    for (int i = 0; i < 2; i++)
        expect(c, 200, POST, "/v1/apps/a/machines",
               "{\"config\":{\"image\":\"x\",\"metadata\":{\"customer\":\"7\"}}}");
    expect(c, 200, POST, "/v1/apps/a/volumes",
           "{\"name\":\"data\",\"region\":\"fra\","
           "\"size_gb\":1}");
    struct seen seen = expect(c, 200, GET, "/sandbox/state", NULL);
    assert_int_equal(int_at(&seen, "counts.servers"), 1);
    assert_int_equal(int_at(&seen, "counts.machines"), 2);
    assert_int_equal(int_at(&seen, "counts.volumes"), 1);
    assert_int_equal(json_integer_value(json_object_get(at(seen.body, "labels"), "customer=7")), 2);
    assert_string_equal(text_at(&seen, "servers.0.labels.webhost"), "host-1");
    cloud_settle(c);
    expect(c, 200, DELETE, text(c, "/v1/servers/%lld", (long long)int_at(&made, "server.id")),
           NULL);
    expect(c, 202, DELETE, "/v1/apps/a?force=true", NULL);
    seen = expect(c, 200, GET, "/sandbox/state", NULL);
    assert_int_equal(int_at(&seen, "counts.servers"), 0);
    assert_int_equal(int_at(&seen, "counts.apps"), 0);
    assert_int_equal(int_at(&seen, "counts.machines"), 0);
}

static void unknown_paths_and_methods_are_refused_in_the_form_of_their_api(void **state)
{
    struct cloud *c = *state;
    struct seen seen = expect(c, 404, GET, "/v1/bananas", NULL);
    assert_string_equal(text_at(&seen, "error.code"), "not_found");
    seen = expect(c, 405, DELETE, "/v1/servers", NULL);
    assert_string_equal(text_at(&seen, "error.code"), "method_not_allowed");
    seen = expect(c, 404, GET, "/v1/apps/a/bananas", NULL);
    assert_non_null(text_at(&seen, "error"));
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, cloud_setup, cloud_teardown)
    const struct CMUnitTest tests[] = {
        T(a_fault_answers_instead_of_the_cloud_as_often_as_it_says),
        T(a_lost_reply_leaves_its_effect_behind),
        T(a_late_reply_is_later_than_the_client_waits),
        T(a_fault_lets_the_first_requests_pass_when_told_to),
        T(faults_are_shown_counted_down_and_cleared),
        T(a_fault_that_makes_no_sense_is_refused_and_none_of_the_list_is_taken),
        T(a_kind_of_fault_answers_as_the_api_in_question_would),
        T(a_kind_passes_by_what_it_cannot_happen_to),
        T(a_reset_connection_leaves_nothing_behind),
        T(an_action_and_a_machine_end_in_an_error_when_they_are_told_to),
        T(random_faults_come_at_their_rate_and_the_same_for_the_same_seed),
        T(the_state_counts_what_exists_and_not_what_is_being_deleted),
        T(unknown_paths_and_methods_are_refused_in_the_form_of_their_api),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
