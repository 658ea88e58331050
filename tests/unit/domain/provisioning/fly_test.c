/* An app of the customer's own, step by step, and everything that Fly may answer on the way. */
#include "clouds.h"
#include "product.sql.h"

static struct signed_up signup_dedicated(struct clouds *c, const char *slug, const char *plan)
{
    return product_signup(&c->p, slug, plan, "{\"compliance_requirements\":[\"soc2\"]}");
}

static enum job_result advance(struct clouds *c, const char *id)
{
    const char *url = NULL;
    return clouds_advance(c, id, &url);
}

static struct records resources(struct clouds *c, const char *id)
{
    struct records rows;
    product_begin(&c->p);
    ASSERT_OK(&c->p, resource_list(c->p.tx, id, &c->p.arena, &rows, &c->p.e));
    product_rollback(&c->p);
    return rows;
}

static void assert_all_in(struct clouds *c, const char *id, enum resource_status status)
{
    struct records rows = resources(c, id);
    const struct resource *items = rows.items;
    for (size_t i = 0; i < rows.count; i++) {
        assert_int_equal(items[i].status, status);
        assert_non_null(items[i].provider_id);
    }
}

/* -- the straight way ------------------------------------------------------------------------- */

static void a_professional_customer_gets_its_app_in_two_regions(void **state)
{
    struct clouds *c = *state;
    struct signed_up done = signup_dedicated(c, "acme", "professional");
    const char *id = done.deployment.id, *url = NULL;
    assert_int_equal(clouds_advance(c, id, &url), JOB_SNOOZE); /* made; they start */
    assert_int_equal(clouds_count(c, "apps"), 1);
    assert_int_equal(clouds_count(c, "machines"), 3); /* the database, and one in each region */
    assert_int_equal(clouds_count(c, "volumes"), 3);
    assert_int_equal(resources(c, id).count, 10); /* with two addresses and the secrets */
    assert_all_in(c, id, RESOURCE_CREATED);
    clouds_settle(c);
    assert_int_equal(clouds_advance(c, id, &url), JOB_DONE);
    assert_string_equal(url, c->fleet.url);
    ASSERT_OK(&c->p, tenant_fill_example(c->provisioning.stores, url, done.customer.id, 1,
                                         PRODUCT_START_US, &c->p.e)); /* the tenant is there */
    assert_int_equal(clouds_count(c, "machines"), 3);
}

static void a_business_customer_gets_two_machines_in_each_of_three_regions(void **state)
{
    struct clouds *c = *state;
    struct signed_up done = signup_dedicated(c, "acme", "business");
    clouds_provision(c, done.deployment.id);
    assert_int_equal(clouds_count(c, "machines"), 7);
    assert_int_equal(clouds_count(c, "volumes"), 7);
}

static void the_longest_slug_can_be_provisioned(void **state)
{
    struct clouds *c = *state;
    char slug[SLUG_MAX + 1] = {0};
    memset(slug, 'x', SLUG_MAX);
    slug[30] = '-';
    clouds_provision(c, signup_dedicated(c, slug, "starter").deployment.id);
}

static void a_step_repeated_after_the_end_makes_nothing_more(void **state)
{
    struct clouds *c = *state;
    const char *id = signup_dedicated(c, "acme", "starter").deployment.id;
    clouds_provision(c, id);
    assert_int_equal(advance(c, id), JOB_DONE);
    assert_int_equal(clouds_count(c, "machines"), clouds_count(c, "volumes"));
    assert_int_equal(clouds_count(c, "apps"), 1);
}

static void removing_leaves_nothing_in_the_cloud_and_the_records_say_so(void **state)
{
    struct clouds *c = *state;
    struct signed_up done = signup_dedicated(c, "acme", "professional");
    const char *id = done.deployment.id;
    clouds_provision(c, id);
    ASSERT_OK(&c->p, clouds_remove(c, id));
    ASSERT_OK(&c->p, clouds_remove(c, id)); /* again: all is gone */
    assert_int_equal(clouds_count(c, "apps"), 0);
    assert_int_equal(clouds_count(c, "machines"), 0);
    assert_int_equal(clouds_count(c, "volumes"), 0);
    assert_all_in(c, id, RESOURCE_DELETED);
    assert_int_equal(tenant_fill_example(c->provisioning.stores, c->fleet.url, done.customer.id, 1,
                                         PRODUCT_START_US, &c->p.e),
                     ERR_CONFLICT); /* its rows are gone */
}

/* -- lost replies ----------------------------------------------------------------------------- */

/*
 * Loses the reply to every creating call once, one in each attempt, until the provider gets
 * through: whatever was made under an intention is adopted and nothing is made twice.
 */
static void whatever_reply_is_lost_nothing_is_made_twice(void **state)
{
    struct clouds *c = *state;
    const char *id = signup_dedicated(c, "acme", "professional").deployment.id;
    c->provisioning.key = NULL; /* secrets are set, not made */
    enum job_result result = JOB_RETRY;
    int lost = 0;
    for (; result == JOB_RETRY && lost < 20; lost++) {
        clouds_no_faults(c);
        clouds_fault(c, "[{\"match\":{\"method\":\"POST\",\"path_prefix\":\"/v1/apps\"},"
                        "\"effect\":{\"drop_reply_after_effect\":true},\"count\":1}]");
        result = advance(c, id);
        if (result == JOB_RETRY)
            ASSERT_CONTAINS(c->p.e.text, "Fly, POST /apps");
    }
    clouds_no_faults(c);
    assert_int_equal(lost, 10); /* an app, two addresses, three volumes and machines; then none */
    clouds_provision(c, id);
    assert_int_equal(clouds_count(c, "apps"), 1);
    assert_int_equal(clouds_count(c, "machines"), 3);
    assert_int_equal(clouds_count(c, "volumes"), 3);
    assert_all_in(c, id, RESOURCE_CREATED);
}

static void an_intention_is_recorded_before_the_call(void **state)
{
    struct clouds *c = *state;
    const char *id = signup_dedicated(c, "acme", "starter").deployment.id;
    clouds_fault(c, "[{\"match\":{},\"effect\":{\"status\":503}}]");
    assert_int_equal(advance(c, id), JOB_RETRY);
    struct records rows = resources(c, id);
    const struct resource *app = rows.items;
    assert_int_equal(rows.count, 1);
    assert_int_equal(app->kind, RESOURCE_APP);
    assert_int_equal(app->status, RESOURCE_INTENDED);
    clouds_no_faults(c);
    clouds_provision(c, id);
}

/* -- what may go wrong ------------------------------------------------------------------------ */

static void refused_with(struct clouds *c, const char *id, const char *path, const char *effect,
                         enum job_result result, enum err err)
{
    c->settings.call_wait_ms = 0; /* nothing is repeated within a call */
    clouds_settle(c);             /* and what was spent of its rate is back */
    clouds_fault(c, arena_printf(&c->p.arena,
                                 "[{\"match\":{\"path_prefix\":\"%s\",\"method\":\"POST\"},"
                                 "\"effect\":{%s},\"count\":1}]",
                                 path, effect));
    assert_int_equal(advance(c, id), result);
    assert_int_equal(c->p.e.code, err);
    clouds_no_faults(c);
}

static void each_answer_is_told_in_flys_words_and_classed(void **state)
{
    struct clouds *c = *state;
    struct signed_up done = signup_dedicated(c, "acme", "starter");
    c->settings.fly.settle_ms = 0; /* whoever asked in vain asks again */
    const char *volumes = arena_printf(&c->p.arena, "/v1/apps/%s/volumes", done.deployment.app);
    static const struct {
        const char *answer;
        enum job_result result;
        enum err err;
    } answers[] = {
        {"\"status\":401,\"body\":{\"error\":\"words\"}", JOB_RETRY, ERR_DENIED},
        {"\"status\":403,\"body\":{\"error\":\"words\"}", JOB_RETRY, ERR_DENIED},
        {"\"status\":408,\"body\":{\"error\":\"words\"}", JOB_RETRY, ERR_TIMEOUT},
        {"\"status\":409,\"body\":{\"error\":\"words\"}", JOB_SNOOZE, ERR_BUSY},
        {"\"status\":429,\"body\":{\"error\":\"words\"}", JOB_SNOOZE, ERR_BUSY},
        {"\"status\":500,\"body\":{\"message\":\"words\"}", JOB_RETRY, ERR_UNAVAILABLE},
        {"\"status\":504,\"body\":{\"error\":\"words\"}", JOB_RETRY, ERR_TIMEOUT},
        {"\"status\":400,\"body\":{\"error\":\"words\"}", JOB_FAIL, ERR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        refused_with(c, done.deployment.id, volumes, answers[i].answer, answers[i].result,
                     answers[i].err);
        ASSERT_CONTAINS(c->p.e.text, "Fly answered ");
        ASSERT_CONTAINS(c->p.e.text, volumes + strlen("/v1"));
        ASSERT_CONTAINS(c->p.e.text, "words");
    }
    assert_int_equal(clouds_count(c, "volumes"), 0);
    clouds_provision(c, done.deployment.id);
}

/* The reply to looking at one path, `count` times. */
static void fault_get(struct clouds *c, const char *path, int count, const char *effect)
{
    clouds_fault(c, arena_printf(&c->p.arena,
                                 "[{\"match\":{\"method\":\"GET\",\"path_prefix\":\"%s\"},"
                                 "\"count\":%d,\"effect\":{%s}}]",
                                 path, count, effect));
}

static void an_app_name_that_a_stranger_took_is_left_to_him(void **state)
{
    struct clouds *c = *state;
    struct signed_up done = signup_dedicated(c, "acme", "starter");
    const char *name = done.deployment.app;
    fault_get(c, arena_printf(&c->p.arena, "/v1/apps/%s", name), 1,
              "\"status\":403,\"body\":{\"error\":\"not yours\"}");
    clouds_provision(c, done.deployment.id);
    struct deployment d = product_deployment(&c->p, done.deployment.id);
    assert_string_equal(d.app, arena_printf(&c->p.arena, "%s-2", name));
    assert_int_equal(clouds_count(c, "apps"), 1);
    struct records rows = resources(c, d.id);
    const struct resource *items = rows.items;
    for (size_t i = 0; i < rows.count; i++) {
        if (items[i].kind != RESOURCE_APP || items[i].status != RESOURCE_DELETED)
            continue;
        assert_string_equal(items[i].name, name);
        ASSERT_CONTAINS(items[i].error, "not yours");
        return;
    }
    fail_msg("nothing is recorded of the name %s", name);
}

static void an_app_of_our_organisation_that_nothing_here_made_is_not_taken(void **state)
{
    struct clouds *c = *state;
    struct signed_up done = signup_dedicated(c, "acme", "starter");
    clouds_post(c, "/v1/apps",
                arena_printf(&c->p.arena, "{\"name\":\"%s\",\"org_slug\":\"personal\"}",
                             done.deployment.app));
    clouds_provision(c, done.deployment.id);
    assert_int_equal(clouds_count(c, "apps"), 2);
    ASSERT_OK(&c->p, clouds_remove(c, done.deployment.id));
    assert_int_equal(clouds_count(c, "apps"), 1); /* the other one's */
}

static void names_that_are_all_taken_are_told(void **state)
{
    struct clouds *c = *state;
    struct signed_up done = signup_dedicated(c, "acme", "starter");
    fault_get(c, "/v1/apps/", 100, "\"status\":403,\"body\":{\"error\":\"not yours\"}");
    assert_int_equal(advance(c, done.deployment.id), JOB_RETRY);
    assert_int_equal(c->p.e.code, ERR_CONFLICT);
    ASSERT_CONTAINS(c->p.e.text, "provisioning.fly.org (personal)");
}

static int64_t count_status(struct clouds *c, const char *id, enum resource_status status)
{
    struct records rows = resources(c, id);
    const struct resource *items = rows.items;
    int64_t count = 0;
    for (size_t i = 0; i < rows.count; i++)
        count += items[i].status == (int)status;
    return count;
}

static void a_machine_that_failed_to_start_is_made_again_with_its_volume(void **state)
{
    struct clouds *c = *state;
    struct signed_up done = signup_dedicated(c, "acme", "starter");
    const char *failed = "\"status\":200,\"body\":{\"id\":\"m1\",\"region\":\"iad\","
                         "\"state\":\"failed\"}";
    const char *machines = arena_printf(&c->p.arena, "/v1/apps/%s/machines/", done.deployment.app);
    assert_int_equal(advance(c, done.deployment.id), JOB_SNOOZE);
    fault_get(c, machines, 1, failed);
    assert_int_equal(advance(c, done.deployment.id), JOB_SNOOZE);
    assert_int_equal(count_status(c, done.deployment.id, RESOURCE_DELETED), 2);
    clouds_provision(c, done.deployment.id);
    assert_int_equal(clouds_count(c, "machines"), 3);
    assert_int_equal(clouds_count(c, "volumes"), 3);
}

static void a_machine_that_fails_again_and_again_is_told(void **state)
{
    struct clouds *c = *state;
    struct signed_up done = signup_dedicated(c, "acme", "starter");
    fault_get(c, arena_printf(&c->p.arena, "/v1/apps/%s/machines/", done.deployment.app), 100,
              "\"status\":200,\"body\":{\"id\":\"m1\",\"region\":\"iad\","
              "\"state\":\"launch_failed\"}");
    assert_int_equal(advance(c, done.deployment.id), JOB_RETRY);
    ASSERT_CONTAINS(c->p.e.text, "no place for database in iad after 3 tries: Fly could not start");
    clouds_no_faults(c);
    clouds_provision(c, done.deployment.id);
    assert_int_equal(clouds_count(c, "machines"), 3);
}

static void where_there_is_no_room_another_place_is_tried(void **state)
{
    struct clouds *c = *state;
    struct signed_up done = signup_dedicated(c, "acme", "starter");
    clouds_fault(c, arena_printf(&c->p.arena,
                                 "[{\"match\":{\"method\":\"POST\",\"path_prefix\":"
                                 "\"/v1/apps/%s/machines\"},\"count\":2,\"effect\":{\"status\":412,"
                                 "\"body\":{\"error\":\"no room\","
                                 "\"status\":\"insufficient_capacity\"}}}]",
                                 done.deployment.app));
    assert_int_equal(advance(c, done.deployment.id), JOB_SNOOZE);
    assert_int_equal(count_status(c, done.deployment.id, RESOURCE_DELETED), 4);
    clouds_provision(c, done.deployment.id);
    assert_int_equal(clouds_count(c, "machines"), 3);
    assert_int_equal(clouds_count(c, "volumes"), 3);
}

static void what_may_exist_unlisted_is_not_made_again_before_its_time(void **state)
{
    struct clouds *c = *state;
    struct signed_up done = signup_dedicated(c, "acme", "starter");
    const char *machines = arena_printf(&c->p.arena, "/v1/apps/%s/machines", done.deployment.app);
    clouds_fault(c, arena_printf(&c->p.arena,
                                 "[{\"match\":{\"method\":\"POST\",\"path_prefix\":\"%s\"},"
                                 "\"effect\":{\"drop_reply_after_effect\":true},\"count\":1},"
                                 "{\"match\":{\"method\":\"GET\",\"path_prefix\":\"%s\"},"
                                 "\"skip\":1,\"effect\":{\"status\":200,\"body\":[]},\"count\":1}]",
                                 machines, machines));
    assert_int_equal(advance(c, done.deployment.id), JOB_RETRY);  /* the reply is lost */
    assert_int_equal(advance(c, done.deployment.id), JOB_SNOOZE); /* the list does not have it */
    ASSERT_CONTAINS(c->p.e.text, "is not listed yet");
    assert_int_equal(clouds_count(c, "machines"), 1);
    clouds_provision(c, done.deployment.id);
    assert_int_equal(clouds_count(c, "machines"), 3);
}

static void a_cloud_that_cannot_be_reached_is_named(void **state)
{
    struct clouds *c = *state;
    struct signed_up done = signup_dedicated(c, "acme", "starter");
    c->settings.fly.endpoint = "http://127.0.0.1:1/v1";
    assert_int_equal(advance(c, done.deployment.id), JOB_RETRY);
    assert_int_equal(c->p.e.code, ERR_UNAVAILABLE);
    ASSERT_CONTAINS(c->p.e.text, "Fly, GET /apps/");
    assert_int_equal(product_number(&c->p, &count_resources), 1); /* the intended app */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLOUDS_TEST(a_professional_customer_gets_its_app_in_two_regions),
        CLOUDS_TEST(a_business_customer_gets_two_machines_in_each_of_three_regions),
        CLOUDS_TEST(the_longest_slug_can_be_provisioned),
        CLOUDS_TEST(a_step_repeated_after_the_end_makes_nothing_more),
        CLOUDS_TEST(removing_leaves_nothing_in_the_cloud_and_the_records_say_so),
        CLOUDS_TEST(whatever_reply_is_lost_nothing_is_made_twice),
        CLOUDS_TEST(an_intention_is_recorded_before_the_call),
        CLOUDS_TEST(each_answer_is_told_in_flys_words_and_classed),
        CLOUDS_TEST(an_app_name_that_a_stranger_took_is_left_to_him),
        CLOUDS_TEST(an_app_of_our_organisation_that_nothing_here_made_is_not_taken),
        CLOUDS_TEST(names_that_are_all_taken_are_told),
        CLOUDS_TEST(a_machine_that_failed_to_start_is_made_again_with_its_volume),
        CLOUDS_TEST(a_machine_that_fails_again_and_again_is_told),
        CLOUDS_TEST(where_there_is_no_room_another_place_is_tried),
        CLOUDS_TEST(what_may_exist_unlisted_is_not_made_again_before_its_time),
        CLOUDS_TEST(a_cloud_that_cannot_be_reached_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
