/* Another plan: the subscription, and the instance that has to follow it. */
#include "clouds.h"
#include "domain/accounts/offboarding.h"
#include "domain/accounts/subscription.h"
#include "domain/audit/audit.h"
#include "domain/facts/facts.h"
#include "domain/migration/move.h"
#include "product.sql.h"

static const char some[] = "{\"budget\":300,\"vehicle_count\":20}"; /* needs a starter */
static const char many[] = "{\"budget\":300,\"vehicle_count\":60}"; /* needs a professional */
static const char shared[] = "{\"budget\":30,\"vehicle_count\":2}"; /* needs no instance */

/* A customer whose place is active; returns the deployment's id. */
static const char *settled(struct clouds *c, const char *plan, const char *profile)
{
    struct signed_up done = product_signup(&c->p, "acme", plan, profile);
    clouds_provision(c, done.deployment.id);
    product_begin(&c->p); /* what its job would do has been done */
    ASSERT_OK(&c->p,
              job_cancel(c->p.tx, &c->p.env, "token:test", done.job.id, &c->p.arena, &c->p.e));
    product_commit(&c->p);
    return done.deployment.id;
}

static enum err try_change(struct clouds *c, enum plan plan, struct resubscribed *ret)
{
    product_begin(&c->p);
    enum err err = subscription_change(c->p.tx, &c->p.env, c->p.policy, "token:test", "acme", plan,
                                       &c->p.arena, ret, &c->p.e);
    if (err == OK)
        product_commit(&c->p);
    else
        product_rollback(&c->p);
    return err;
}

static struct resubscribed change(struct clouds *c, enum plan plan)
{
    struct resubscribed done;
    ASSERT_OK(&c->p, try_change(c, plan, &done));
    return done;
}

static struct customer customer_now(struct clouds *c)
{
    struct customer customer;
    product_begin(&c->p);
    ASSERT_OK(&c->p, customer_find(c->p.tx, "acme", &c->p.arena, &customer, &c->p.e));
    product_rollback(&c->p);
    return customer;
}

static struct facts facts_now(struct clouds *c)
{
    struct facts facts;
    const char *id = customer_now(c).id;
    product_begin(&c->p);
    ASSERT_OK(&c->p, facts_find(c->p.tx, id, &c->p.arena, &facts, &c->p.e));
    product_rollback(&c->p);
    return facts;
}

/* The details of the newest entry of this action, or NULL. */
static const char *audited(struct clouds *c, const char *action)
{
    struct records rows;
    const char *next;
    product_begin(&c->p);
    ASSERT_OK(&c->p, audit_list(c->p.tx, NULL, (struct page){50, NULL}, &c->p.arena, &rows, &next,
                                &c->p.e));
    product_rollback(&c->p);
    const struct audit_entry *entries = rows.items;
    for (size_t i = 0; i < rows.count; i++) {
        if (text_eq(entries[i].action, action))
            return entries[i].details;
    }
    return NULL;
}

static void assert_subscriptions(struct clouds *c, int64_t all)
{
    assert_int_equal(product_number(&c->p, &count_subscriptions), all);
    assert_int_equal(product_number(&c->p, &count_open_subscriptions), 1);
}

/* -- with an instance ------------------------------------------------------------------------- */

static void a_larger_plan_is_the_next_subscription_and_scales_the_instance(void **state)
{
    struct clouds *c = *state;
    const char *id = settled(c, "starter", some), *url = NULL;
    struct resubscribed done = change(c, PLAN_PROFESSIONAL);
    assert_true(done.scales);
    assert_string_equal(done.job.worker, "FlyioScaleWorker");
    assert_int_equal(done.customer.plan, PLAN_PROFESSIONAL);
    assert_int_equal(customer_now(c).plan, PLAN_PROFESSIONAL);
    assert_int_equal(facts_now(c).plan, PLAN_PROFESSIONAL);
    assert_int_equal(facts_now(c).price, 199 * DECIMAL_ONE);
    assert_int_equal(facts_now(c).budget, 300 * DECIMAL_ONE);
    assert_int_equal(product_deployment(&c->p, id).plan, PLAN_PROFESSIONAL);
    assert_int_equal(product_deployment(&c->p, id).regions.count, 2);
    assert_subscriptions(c, 2);
    assert_string_equal(audited(c, "subscription.changed"),
                        "{\"from\":\"starter\",\"to\":\"professional\"}");
    assert_non_null(audited(c, "instance.scale_requested"));
    enum job_result result = JOB_SNOOZE;
    for (int i = 0; i < 40 && result == JOB_SNOOZE; i++) {
        result = clouds_advance(c, id, &url);
        clouds_settle(c);
    }
    assert_int_equal(result, JOB_DONE);
    assert_int_equal(clouds_count(c, "machines"), 3);
}

static void a_smaller_plan_goes_no_lower_than_what_the_customer_needs(void **state)
{
    struct clouds *c = *state;
    const char *id = settled(c, "business", many);
    assert_int_equal(product_deployment(&c->p, id).plan, PLAN_BUSINESS);
    assert_true(change(c, PLAN_STARTER).scales);
    assert_int_equal(customer_now(c).plan, PLAN_STARTER);
    assert_int_equal(product_deployment(&c->p, id).plan, PLAN_PROFESSIONAL);
    assert_false(change(c, PLAN_PROFESSIONAL).scales); /* it is there already */
    assert_subscriptions(c, 3);
}

static void with_a_plan_for_shared_places_the_instance_keeps_what_is_needed(void **state)
{
    struct clouds *c = *state;
    const char *id = settled(c, "business", some);
    assert_true(change(c, PLAN_HOBBY).scales);
    struct deployment d = product_deployment(&c->p, id);
    assert_int_equal(d.mode, SINGLE_TENANT);
    assert_int_equal(d.plan, PLAN_STARTER);
    assert_int_equal(d.status, DEPLOYMENT_ACTIVE);
}

static void the_plan_that_the_customer_has_changes_nothing(void **state)
{
    struct clouds *c = *state;
    (void)settled(c, "starter", some);
    assert_false(change(c, PLAN_STARTER).scales);
    assert_subscriptions(c, 1);
    assert_null(audited(c, "subscription.changed"));
}

/* -- without ---------------------------------------------------------------------------------- */

static void a_shared_customer_stays_where_it_is(void **state)
{
    struct clouds *c = *state;
    const char *id = settled(c, "hobby", shared);
    int64_t jobs = product_number(&c->p, &count_jobs);
    assert_false(change(c, PLAN_PROFESSIONAL).scales);
    assert_int_equal(customer_now(c).plan, PLAN_PROFESSIONAL);
    assert_int_equal(customer_now(c).mode, MULTI_TENANT);
    assert_int_equal(product_deployment(&c->p, id).plan, PLAN_HOBBY);
    assert_int_equal(product_number(&c->p, &count_jobs), jobs);
    assert_subscriptions(c, 2);
}

/* -- refused ---------------------------------------------------------------------------------- */

static void assert_refused(struct clouds *c, enum plan plan, const char *why)
{
    struct resubscribed done;
    int64_t before = product_number(&c->p, &rows_of_customers);
    assert_int_equal(try_change(c, plan, &done), ERR_CONFLICT);
    ASSERT_CONTAINS(c->p.e.text, why);
    assert_int_equal(product_number(&c->p, &rows_of_customers), before);
}

static void an_instance_that_is_not_active_yet_is_waited_for(void **state)
{
    struct clouds *c = *state;
    (void)product_signup(&c->p, "acme", "starter", some);
    assert_refused(c, PLAN_BUSINESS, "is provisioning: change the plan when it is active");
}

static void a_customer_who_leaves_keeps_its_plan(void **state)
{
    struct clouds *c = *state;
    (void)settled(c, "starter", some);
    struct offboarding left;
    struct offboarding_wish wish;
    static const struct offboarding_settings settings = {.retention_days = 30};
    record_clear(offboarding_wish_fields, &wish);
    product_begin(&c->p);
    ASSERT_OK(&c->p, offboarding_request(c->p.tx, &c->p.env, &settings, "token:test", "acme", &wish,
                                         &c->p.arena, &c->p.problems, &left, &c->p.e));
    product_commit(&c->p);
    assert_refused(c, PLAN_BUSINESS, "is leaving and keeps its plan");
}

static void a_customer_who_is_moved_is_waited_for(void **state)
{
    struct clouds *c = *state;
    (void)settled(c, "starter", some);
    struct move move;
    const struct move_wish wish = {.customer = "acme", .target_mode = "multi_tenant"};
    product_begin(&c->p);
    ASSERT_OK(&c->p, move_request(c->p.tx, &c->p.env, c->p.policy, c->p.prices, "token:test", &wish,
                                  &c->p.arena, &c->p.problems, &move, &c->p.e));
    product_commit(&c->p);
    assert_refused(c, PLAN_BUSINESS, "is being moved");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLOUDS_TEST(a_larger_plan_is_the_next_subscription_and_scales_the_instance),
        CLOUDS_TEST(a_smaller_plan_goes_no_lower_than_what_the_customer_needs),
        CLOUDS_TEST(with_a_plan_for_shared_places_the_instance_keeps_what_is_needed),
        CLOUDS_TEST(the_plan_that_the_customer_has_changes_nothing),
        CLOUDS_TEST(a_shared_customer_stays_where_it_is),
        CLOUDS_TEST(an_instance_that_is_not_active_yet_is_waited_for),
        CLOUDS_TEST(a_customer_who_leaves_keeps_its_plan),
        CLOUDS_TEST(a_customer_who_is_moved_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
