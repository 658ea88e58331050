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
    assert_int_equal(resources(c, id).count, 7);
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
    assert_int_equal(lost, 8); /* an app, three volumes, three machines; then nothing to make */
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
    const char *volumes = arena_printf(&c->p.arena, "/v1/apps/%s/volumes", done.deployment.app);
    static const struct {
        const char *answer;
        enum job_result result;
        enum err err;
    } answers[] = {
        {"\"status\":412,\"body\":{\"error\":\"words\",\"status\":\"insufficient_capacity\"}",
         JOB_SNOOZE, ERR_BUSY},
        {"\"status\":422,\"body\":{\"error\":\"words\",\"status\":\"insufficient_capacity\"}",
         JOB_RETRY, ERR_CAPACITY},
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

static void an_app_name_that_a_stranger_took_is_told(void **state)
{
    struct clouds *c = *state;
    struct signed_up done = signup_dedicated(c, "acme", "starter");
    refused_with(c, done.deployment.id, "/v1/apps",
                 "\"status\":422,\"body\":{\"error\":\"taken\",\"status\":\"name_taken\"}",
                 JOB_RETRY, ERR_CONFLICT);
    ASSERT_CONTAINS(c->p.e.text, "name_taken");
}

static void a_machine_that_failed_to_start_is_named(void **state)
{
    struct clouds *c = *state;
    struct signed_up done = signup_dedicated(c, "acme", "starter");
    assert_int_equal(advance(c, done.deployment.id), JOB_SNOOZE);
    clouds_fault(c, "[{\"match\":{\"method\":\"GET\"},\"count\":1,\"effect\":{\"status\":200,"
                    "\"body\":{\"id\":\"m1\",\"region\":\"iad\",\"state\":\"failed\"}}}]");
    assert_int_equal(advance(c, done.deployment.id), JOB_RETRY);
    assert_string_equal(c->p.e.text, "Fly could not start machine m1 in iad (state failed)");
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
        CLOUDS_TEST(an_app_name_that_a_stranger_took_is_told),
        CLOUDS_TEST(a_machine_that_failed_to_start_is_named),
        CLOUDS_TEST(a_cloud_that_cannot_be_reached_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
