/* A slot on a shared server, step by step, and everything that Hetzner may answer on the way. */
#include "clouds.h"
#include "domain/provisioning/host.h"
#include "product.sql.h"

static const char shared[] = "{\"budget\":30,\"vehicle_count\":2}";

static struct host host_of(struct clouds *c, const char *deployment_id)
{
    struct deployment d = product_deployment(&c->p, deployment_id);
    struct host host;
    assert_non_null(d.host_id);
    product_begin(&c->p);
    ASSERT_OK(&c->p, host_find(c->p.tx, d.host_id, &c->p.arena, &host, &c->p.e));
    product_rollback(&c->p);
    return host;
}

static const char *signup_shared(struct clouds *c, const char *slug)
{
    return product_signup(&c->p, slug, "hobby", shared).deployment.id;
}

static enum job_result advance(struct clouds *c, const char *id)
{
    const char *url = NULL;
    return clouds_advance(c, id, &url);
}

/* -- the straight way ------------------------------------------------------------------------- */

static void a_first_customer_gets_a_server_and_a_place_in_its_database(void **state)
{
    struct clouds *c = *state;
    const char *id = signup_shared(c, "acme"), *url = NULL;
    assert_int_equal(clouds_advance(c, id, &url), JOB_SNOOZE); /* ordered; it takes its time */
    struct host host = host_of(c, id);
    assert_int_equal(host.status, HOST_CREATING);
    assert_int_not_equal(host.provider_id, INT_ABSENT);
    assert_int_equal(clouds_count(c, "servers"), 1);

    assert_int_equal(clouds_advance(c, id, &url), JOB_SNOOZE); /* still */
    assert_int_equal(clouds_count(c, "servers"), 1);
    clouds_settle(c);
    assert_int_equal(clouds_advance(c, id, &url), JOB_DONE);
    assert_string_equal(url, c->fleet.url);
    host = host_of(c, id);
    assert_int_equal(host.status, HOST_ACTIVE);
    assert_true(str_starts_with(str_from(host.address), STR("198.1")));

    struct deployment d = product_deployment(&c->p, id);
    ASSERT_OK(&c->p, tenant_fill_example(c->provisioning.stores, url, d.customer_id, 1,
                                         PRODUCT_START_US, &c->p.e)); /* the tenant is there */
}

static void a_second_customer_shares_the_server_without_a_call(void **state)
{
    struct clouds *c = *state;
    clouds_provision(c, signup_shared(c, "one"));
    clouds_fault(c, "[{\"match\":{},\"effect\":{\"status\":500}}]"); /* nobody is to be asked */
    const char *second = signup_shared(c, "two");
    assert_int_equal(advance(c, second), JOB_DONE);
    assert_int_equal(host_of(c, second).slots_used, 2);
    clouds_no_faults(c);
    assert_int_equal(clouds_count(c, "servers"), 1);
}

static void customers_who_wait_for_one_new_host_order_one_server(void **state)
{
    struct clouds *c = *state;
    const char *one = signup_shared(c, "one"), *two = signup_shared(c, "two");
    assert_int_equal(advance(c, one), JOB_SNOOZE);
    assert_int_equal(advance(c, two), JOB_SNOOZE);
    assert_int_equal(clouds_count(c, "servers"), 1);
    clouds_settle(c);
    assert_int_equal(advance(c, two), JOB_DONE);
    assert_int_equal(advance(c, one), JOB_DONE);
    assert_int_equal(product_number(&c->p, &count_hosts), 1);
}

static void a_step_repeated_after_the_end_changes_nothing(void **state)
{
    struct clouds *c = *state;
    const char *id = signup_shared(c, "acme");
    clouds_provision(c, id);
    assert_int_equal(advance(c, id), JOB_DONE);
    assert_int_equal(clouds_count(c, "servers"), 1);
    assert_int_equal(product_number(&c->p, &sum_slots_used), 1);
}

static void removing_gives_the_slot_back_and_keeps_the_server(void **state)
{
    struct clouds *c = *state;
    const char *one = signup_shared(c, "one"), *two = signup_shared(c, "two");
    clouds_provision(c, one);
    clouds_provision(c, two);
    ASSERT_OK(&c->p, clouds_remove(c, one));
    ASSERT_OK(&c->p, clouds_remove(c, one)); /* again: nothing is left to do */
    assert_int_equal(product_number(&c->p, &sum_slots_used), 1);
    assert_int_equal(clouds_count(c, "servers"), 1);
    struct deployment d = product_deployment(&c->p, one);
    assert_null(d.host_id);
    assert_int_equal(tenant_fill_example(c->provisioning.stores, c->fleet.url, d.customer_id, 1,
                                         PRODUCT_START_US, &c->p.e),
                     ERR_CONFLICT); /* its rows are gone */
}

static enum err check_gone(struct clouds *c, const char *id)
{
    struct deployment d = product_deployment(&c->p, id);
    struct provision_run run = {&c->provisioning, &d, "job:test", &c->p.arena, false};
    return provider_of(MULTI_TENANT)->check_gone(&run, &c->p.e);
}

/* As a backup of the host's database would bring it back. */
static void restore_place(struct clouds *c, const char *id)
{
    struct deployment d = product_deployment(&c->p, id);
    struct tenant tenant = {d.customer_id, d.customer_slug, d.customer_name, d.id};
    ASSERT_OK(&c->p, tenant_create(c->provisioning.stores, d.database_url, &tenant,
                                   PRODUCT_START_US, &c->p.e));
}

static void a_tenant_is_gone_when_slot_and_rows_are(void **state)
{
    struct clouds *c = *state;
    const char *one = signup_shared(c, "one"), *two = signup_shared(c, "two");
    clouds_provision(c, one);
    clouds_provision(c, two);
    assert_int_equal(check_gone(c, one), ERR_BUSY);
    ASSERT_CONTAINS(c->p.e.text, "still has a slot");
    ASSERT_OK(&c->p, clouds_remove(c, one));
    ASSERT_OK(&c->p, check_gone(c, one));

    restore_place(c, one);
    assert_int_equal(check_gone(c, one), ERR_BUSY);
    ASSERT_CONTAINS(c->p.e.text, "still holds its rows");
    ASSERT_OK(&c->p, clouds_remove(c, one));
    ASSERT_OK(&c->p, check_gone(c, one));
    assert_int_equal(check_gone(c, two), ERR_BUSY); /* its neighbour's were left alone */
}

static void a_database_that_went_with_its_server_is_not_asked(void **state)
{
    struct clouds *c = *state;
    const char *id = signup_shared(c, "one");
    clouds_provision(c, id);
    struct host host = host_of(c, id);
    ASSERT_OK(&c->p, clouds_remove(c, id));
    restore_place(c, id);
    product_begin(&c->p);
    ASSERT_OK(&c->p, db_exec(c->p.tx, &host_force_status,
                             DB_ARGS(db_text(host.id), db_text("retired")), NULL, &c->p.e));
    product_commit(&c->p);
    ASSERT_OK(&c->p, check_gone(c, id));
}

/* -- what may go wrong ------------------------------------------------------------------------ */

static void a_server_whose_order_was_answered_by_nobody_is_adopted(void **state)
{
    struct clouds *c = *state;
    const char *id = signup_shared(c, "acme");
    clouds_fault(c, "[{\"match\":{\"method\":\"POST\",\"path_prefix\":\"/v1/servers\"},"
                    "\"effect\":{\"drop_reply_after_effect\":true},\"count\":1}]");
    assert_int_equal(advance(c, id), JOB_RETRY);
    ASSERT_CONTAINS(c->p.e.text, "Hetzner, POST /servers");
    assert_int_equal(host_of(c, id).provider_id, INT_ABSENT);
    assert_int_equal(clouds_count(c, "servers"), 1); /* it was made all the same */
    clouds_settle(c);
    assert_int_equal(advance(c, id), JOB_DONE);
    assert_int_equal(clouds_count(c, "servers"), 1);
    assert_int_not_equal(host_of(c, id).provider_id, INT_ABSENT);
}

/* Somebody orders a server under the name that our host got. */
static void order_foreign(struct clouds *c, const char *name, const char *labels)
{
    clouds_post(c, "/v1/servers",
                arena_printf(&c->p.arena,
                             "{\"name\":\"%s\",\"server_type\":\"cpx31\",\"image\":\"debian-12\","
                             "\"location\":\"ash\",\"labels\":%s}",
                             name, labels));
}

static void a_foreign_server_with_our_name_is_refused_and_named(void **state)
{
    struct clouds *c = *state;
    const char *id = signup_shared(c, "acme");
    clouds_fault(c, "[{\"match\":{},\"effect\":{\"status\":503},\"count\":1}]");
    assert_int_equal(advance(c, id), JOB_RETRY); /* the host has its name now */
    struct host host = host_of(c, id);
    order_foreign(c, host.name, "{}");
    clouds_settle(c);
    assert_int_equal(advance(c, id), JOB_RETRY);
    assert_int_equal(c->p.e.code, ERR_CONFLICT);
    ASSERT_CONTAINS(c->p.e.text, host.name);
    ASSERT_CONTAINS(c->p.e.text, "not ours");
    assert_int_equal(host_of(c, id).provider_id, INT_ABSENT);
}

static void a_rate_limit_is_waited_for_and_costs_no_attempt(void **state)
{
    struct clouds *c = *state;
    c->options.rate_burst = 1;
    clouds_restart(c);
    const char *id = signup_shared(c, "acme");
    assert_int_equal(advance(c, id),
                     JOB_SNOOZE); /* find took the only request, create is refused */
    ASSERT_CONTAINS(c->p.e.text, "no request left");
    assert_true(c->p.e.retry_at > env_now(&c->p.env));
    assert_int_equal(clouds_count(c, "servers"), 0);
    clouds_settle(c); /* the budget refills by the clock */
    c->options.rate_burst = 0;
    clouds_restart(c);
    clouds_provision(c, id);
}

static void refused_with(struct clouds *c, const char *id, const char *status_and_body,
                         enum job_result result, enum err err)
{
    c->settings.call_wait_ms = 0; /* nothing is repeated within a call */
    clouds_settle(c);
    clouds_fault(c,
                 arena_printf(&c->p.arena,
                              "[{\"match\":{\"path_prefix\":\"/v1/servers\",\"method\":\"POST\"},"
                              "\"effect\":{%s},\"count\":1}]",
                              status_and_body));
    assert_int_equal(advance(c, id), result);
    assert_int_equal(c->p.e.code, err);
    clouds_no_faults(c);
}

#define SAYS(code) "\"body\":{\"error\":{\"code\":\"" code "\",\"message\":\"the words of it\"}}"

static void each_answer_is_told_in_hetzners_words_and_classed(void **state)
{
    struct clouds *c = *state;
    const char *id = signup_shared(c, "acme");
    static const struct {
        const char *answer;
        enum job_result result;
        enum err err;
    } answers[] = {
        {"\"status\":403," SAYS("forbidden"), JOB_RETRY, ERR_DENIED},
        {"\"status\":401," SAYS("unauthorized"), JOB_RETRY, ERR_DENIED},
        {"\"status\":423," SAYS("locked"), JOB_SNOOZE, ERR_BUSY},
        {"\"status\":409," SAYS("conflict"), JOB_SNOOZE, ERR_BUSY},
        {"\"status\":429," SAYS("rate_limit_exceeded"), JOB_SNOOZE, ERR_BUSY},
        {"\"status\":503," SAYS("maintenance"), JOB_RETRY, ERR_UNAVAILABLE},
        {"\"status\":500," SAYS("server_error"), JOB_RETRY, ERR_UNAVAILABLE},
        {"\"status\":504," SAYS("timeout"), JOB_RETRY, ERR_TIMEOUT},
        {"\"status\":422," SAYS("invalid_input"), JOB_FAIL, ERR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        refused_with(c, id, answers[i].answer, answers[i].result, answers[i].err);
        ASSERT_CONTAINS(c->p.e.text, "Hetzner answered ");
        ASSERT_CONTAINS(c->p.e.text, "POST /servers");
        ASSERT_CONTAINS(c->p.e.text, "the words of it");
    }
    assert_int_equal(clouds_count(c, "servers"), 0);
    assert_int_equal(product_number(&c->p, &sum_slots_used), 1); /* the same slot all the time */
    clouds_provision(c, id);                                     /* and in the end it works */
}

static void an_answer_that_makes_no_sense_is_worth_another_attempt(void **state)
{
    struct clouds *c = *state;
    const char *id = signup_shared(c, "acme");
    refused_with(c, id, "\"status\":201,\"body\":{\"server\":{\"id\":\"x\"}}", JOB_RETRY,
                 ERR_CORRUPT);
    refused_with(c, id, "\"status\":201,\"body\":[]", JOB_RETRY, ERR_CORRUPT);
    refused_with(c, id, "\"status\":418", JOB_FAIL, ERR_INVALID);
    clouds_provision(c, id);
}

static void an_action_that_failed_is_told_in_hetzners_words(void **state)
{
    struct clouds *c = *state;
    const char *id = signup_shared(c, "acme");
    assert_int_equal(advance(c, id), JOB_SNOOZE);
    const char *ids = host_of(c, id).actions, *list = "";
    for (struct str rest = str_from(ids); rest.ptr;) {
        struct str one = str_cut(&rest, ',');
        list = arena_printf(&c->p.arena,
                            "%s%s{\"id\":%.*s,\"status\":\"error\",\"command\":\"create_server\","
                            "\"error\":{\"code\":\"x\",\"message\":\"disk on fire\"}}",
                            list, list[0] ? "," : "", (int)one.len, one.ptr);
    }
    clouds_fault(
        c, arena_printf(&c->p.arena,
                        "[{\"match\":{\"method\":\"GET\",\"path_prefix\":\"/v1/actions\"},"
                        "\"count\":1,\"effect\":{\"status\":200,\"body\":{\"actions\":[%s]}}}]",
                        list));
    clouds_settle(c);
    enum job_result result = advance(c, id);
    ASSERT_CONTAINS(c->p.e.text, result == JOB_RETRY ? "disk on fire" : "deleting");
    clouds_settle(c);
    if (host_of(c, id).provider_id != INT_ABSENT)
        assert_int_equal(advance(c, id), JOB_RETRY); /* finds that it is gone, and forgets it */
    assert_int_equal(clouds_count(c, "servers"), 0);
    clouds_provision(c, id); /* with another server under the same name */
    assert_int_equal(clouds_count(c, "servers"), 1);
}

static void a_location_without_a_server_type_is_named(void **state)
{
    struct clouds *c = *state;
    struct hetzner_server_type only[] = {{"hel1", "cpx32"}};
    c->settings.hetzner.server_types = (struct records){only, 1};
    const char *id = signup_shared(c, "acme");
    assert_int_equal(advance(c, id), JOB_FAIL);
    ASSERT_CONTAINS(c->p.e.text, "location ash");
    ASSERT_CONTAINS(c->p.e.text, "provisioning.hetzner.server_types");
    assert_int_equal(product_number(&c->p, &count_hosts), 0);
}

static void a_cloud_that_cannot_be_reached_is_named(void **state)
{
    struct clouds *c = *state;
    const char *id = signup_shared(c, "acme");
    c->settings.hetzner.endpoint = "http://127.0.0.1:1/v1";
    assert_int_equal(advance(c, id), JOB_RETRY);
    assert_int_equal(c->p.e.code, ERR_UNAVAILABLE);
    ASSERT_CONTAINS(c->p.e.text, "Hetzner, GET /servers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLOUDS_TEST(a_first_customer_gets_a_server_and_a_place_in_its_database),
        CLOUDS_TEST(a_second_customer_shares_the_server_without_a_call),
        CLOUDS_TEST(customers_who_wait_for_one_new_host_order_one_server),
        CLOUDS_TEST(a_step_repeated_after_the_end_changes_nothing),
        CLOUDS_TEST(removing_gives_the_slot_back_and_keeps_the_server),
        CLOUDS_TEST(a_tenant_is_gone_when_slot_and_rows_are),
        CLOUDS_TEST(a_database_that_went_with_its_server_is_not_asked),
        CLOUDS_TEST(a_server_whose_order_was_answered_by_nobody_is_adopted),
        CLOUDS_TEST(a_foreign_server_with_our_name_is_refused_and_named),
        CLOUDS_TEST(a_rate_limit_is_waited_for_and_costs_no_attempt),
        CLOUDS_TEST(each_answer_is_told_in_hetzners_words_and_classed),
        CLOUDS_TEST(an_answer_that_makes_no_sense_is_worth_another_attempt),
        CLOUDS_TEST(an_action_that_failed_is_told_in_hetzners_words),
        CLOUDS_TEST(a_location_without_a_server_type_is_named),
        CLOUDS_TEST(a_cloud_that_cannot_be_reached_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
