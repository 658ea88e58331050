/* Signing up: what is written, what is refused, and where the customer is put. */
#include "product.h"
#include "product.sql.h"

#include "domain/audit/audit.h"

#include <pthread.h>

static const char full_body[] =
    "{\"name\":\"Acme\",\"slug\":\"acme\",\"email\":\"ops@acme.example\","
    "\"company_name\":\"Acme Ltd\",\"billing_email\":\"bills@acme.example\","
    "\"plan_slug\":\"hobby\",\"profile_overrides\":{\"budget\":30,\"vehicle_count\":2}}";

/* -- what is written -------------------------------------------------------------------------- */

static void a_signup_writes_customer_subscription_decision_deployment_job_and_audit(void **state)
{
    struct product *p = *state;
    struct signed_up done;
    product_begin(p);
    ASSERT_OK(p, product_try_signup(p, full_body, &done));
    product_commit(p);

    struct customer c;
    struct deployment d;
    struct decision_record decision;
    struct job job;
    product_begin(p);
    ASSERT_OK(p, customer_find(p->tx, "acme", &p->arena, &c, &p->e));
    ASSERT_OK(p, deployment_current(p->tx, c.id, &p->arena, &d, &p->e));
    ASSERT_OK(p, decision_record_latest(p->tx, c.id, &p->arena, &decision, &p->e));
    ASSERT_OK(p, job_find(p->tx, done.job.id, &p->arena, &job, &p->e));
    assert_string_equal(c.id, done.customer.id);
    assert_string_equal(c.name, "Acme");
    assert_string_equal(c.email, "ops@acme.example");
    assert_string_equal(c.company_name, "Acme Ltd");
    assert_string_equal(c.billing_email, "bills@acme.example");
    assert_int_equal(c.status, CUSTOMER_ACTIVE);
    assert_int_equal(c.plan, PLAN_HOBBY);
    assert_int_equal(c.mode, MULTI_TENANT);
    assert_int_equal(c.created_at, PRODUCT_START_US);
    assert_string_equal(d.id, done.deployment.id);
    assert_int_equal(d.status, DEPLOYMENT_PROVISIONING);
    assert_string_equal(decision.id, done.decision.id);
    assert_string_equal(decision.trigger, "signup");
    assert_string_equal(job.customer_id, c.id);
    assert_int_equal(job.state, JOB_AVAILABLE);
    product_rollback(p);
}

static void what_was_not_given_is_absent_in_the_customer(void **state)
{
    struct product *p = *state;
    struct signed_up done = product_signup(p, "acme", "hobby", "{}");
    assert_null(done.customer.company_name);
    assert_null(done.customer.billing_email);
    assert_string_equal(done.customer.profile, "{}");
}

static struct audit_entry only_entry(struct product *p, const char *action)
{
    struct records entries;
    const char *next;
    struct audit_filter filter = {.action = action, .from = INT_ABSENT, .to = INT_ABSENT};
    ASSERT_OK(
        p, audit_list(p->tx, &filter, (struct page){10, NULL}, &p->arena, &entries, &next, &p->e));
    assert_int_equal(entries.count, 1);
    return *(const struct audit_entry *)entries.items;
}

static void a_signup_is_audited_with_its_decision_and_job(void **state)
{
    struct product *p = *state;
    struct signed_up done = product_signup(p, "acme", "hobby", "{}");
    product_begin(p);
    struct audit_entry entry = only_entry(p, "customer.signed_up");
    assert_string_equal(entry.actor, "token:test");
    assert_string_equal(entry.subject, done.customer.id);
    ASSERT_CONTAINS(entry.details, done.decision.id);
    ASSERT_CONTAINS(entry.details,
                    arena_printf(&p->arena, "\"job_id\":%lld}", (long long)done.job.id));
    entry = only_entry(p, "decision.made");
    char hash[HASH_TEXT_MAX];
    assert_string_equal(entry.subject, done.decision.id);
    ASSERT_CONTAINS(entry.details, sha256_hex(str_from(done.decision.document), hash));
    product_rollback(p);
}

/* -- all or nothing --------------------------------------------------------------------------- */

struct unaudited {
    struct product *p;
    const struct signup *request;
};

/* Without an actor the audit entry, which is written last, violates the schema. */
static enum err unaudited_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct unaudited *u = arg;
    struct product *p = u->p;
    struct signed_up done;
    return signup(tx, &p->env, p->policy, p->prices, NULL, u->request, &p->arena, &p->problems,
                  &done, e);
}

static void when_the_last_step_fails_no_row_of_any_table_is_left(void **state)
{
    struct product *p = *state;
    struct signup request;
    record_clear(signup_fields, &request);
    ASSERT_OK(p, json_decode_text(signup_fields, str_from(full_body), &p->arena, &request,
                                  &p->problems, &p->e));
    struct unaudited u = {.p = p, .request = &request};
    assert_int_not_equal(db_write(p->t.db, unaudited_work, &u, &p->e), OK);
    ASSERT_CONTAINS(p->e.text, "audit_insert");
    assert_int_equal(product_number(p, &rows_of_customers), 0);

    struct signed_up done = product_signup(p, "acme", "hobby", "{}"); /* nothing is in its way */
    assert_string_equal(done.customer.slug, "acme");
}

static void a_refused_signup_changes_nothing(void **state)
{
    struct product *p = *state;
    product_signup(p, "acme", "hobby", "{}");
    int64_t before = product_number(p, &rows_of_customers);
    struct signed_up done;
    product_begin(p);
    assert_int_equal(product_try_signup(p, full_body, &done), ERR_CONFLICT);
    assert_string_equal(p->e.text, "the slug acme is taken; choose another");
    product_commit(p); /* even then */
    assert_int_equal(product_number(p, &rows_of_customers), before);
}

struct racer {
    struct product *p;
    struct env env;
    struct arena arena;
    struct signup request;
    struct signed_up done;
    enum err result;
    struct error e;
    pthread_t thread;
};

static enum err race_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct racer *r = arg;
    struct problems problems = {.arena = &r->arena};
    return signup(tx, &r->env, r->p->policy, r->p->prices, "token:test", &r->request, &r->arena,
                  &problems, &r->done, e);
}

static void *race(void *arg)
{
    struct racer *r = arg;
    r->result = db_write(r->p->t.db, race_work, r, &r->e);
    return NULL;
}

static void of_many_who_want_one_slug_at_once_one_gets_it(void **state)
{
    struct product *p = *state;
    enum { RACERS = 8 };
    static struct racer racers[RACERS];
    for (int i = 0; i < RACERS; i++) {
        struct racer *r = &racers[i];
        *r = (struct racer){.p = p, .env = {p->t.db, &p->clock.clock, &rng_system}};
        record_clear(signup_fields, &r->request);
        ASSERT_OK(p, json_decode_text(signup_fields, str_from(full_body), &r->arena, &r->request,
                                      &p->problems, &p->e));
    }
    for (int i = 0; i < RACERS; i++)
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    int won = 0;
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
        won += racers[i].result == OK;
        if (racers[i].result != OK)
            assert_int_equal(racers[i].result, ERR_CONFLICT);
        arena_release(&racers[i].arena);
    }
    assert_int_equal(won, 1);
    assert_int_equal(product_number(p, &count_jobs), 1);
}

/* -- what is refused -------------------------------------------------------------------------- */

static bool has_problem(const struct product *p, const char *path)
{
    for (size_t i = 0; i < p->problems.count; i++) {
        if (text_eq(p->problems.items[i].path, path))
            return true;
    }
    return false;
}

static void refused(struct product *p, const char *body, const char *const *paths)
{
    struct signed_up done;
    product_begin(p);
    assert_int_equal(product_try_signup(p, body, &done), ERR_INVALID);
    product_rollback(p);
    size_t count = 0;
    for (; paths[count]; count++) {
        if (!has_problem(p, paths[count]))
            fail_msg("%s is not named in: %s", paths[count], p->e.text);
        ASSERT_CONTAINS(p->e.text, paths[count]);
    }
    assert_int_equal(p->problems.count, count);
    assert_int_equal(product_number(p, &rows_of_customers), 0);
}

static void every_wrong_field_is_named_at_once(void **state)
{
    static const char *const paths[] = {
        "name",
        "slug",
        "email",
        "company_name",
        "billing_email",
        "profile_overrides.budget",
        "profile_overrides.compliance_requirements[0]",
        "plan",
        NULL,
    };
    struct product *p = *state;
    refused(p,
            "{\"name\":\" \",\"slug\":\"Acme!\",\"email\":\"nobody\",\"company_name\":\"a\\nb\","
            "\"billing_email\":\"a@b\",\"plan_slug\":\"hobby\",\"plan\":\"hobby\","
            "\"profile_overrides\":{\"budget\":-1,\"compliance_requirements\":[\"hippa\"]}}",
            paths);
    ASSERT_CONTAINS(p->e.text, "plan: is unknown; did you mean plan_slug?");
}

static void every_missing_field_is_named_at_once(void **state)
{
    static const char *const paths[] = {"name", "slug", "email", "plan_slug", NULL};
    refused(*state, "{}", paths);
}

static void an_unknown_plan_is_told_which_plans_there_are(void **state)
{
    struct product *p = *state;
    static const char *const paths[] = {"email", "plan_slug", NULL};
    refused(p,
            "{\"name\":\"Acme\",\"slug\":\"acme\",\"email\":\"nobody\","
            "\"plan_slug\":\"gold\"}",
            paths);
    for (int plan = PLAN_HOBBY; plan < PLAN_COUNT; plan++)
        ASSERT_CONTAINS(p->e.text, plan_names[plan]);
}

static void a_profile_that_contradicts_itself_is_refused(void **state)
{
    static const char *const paths[] = {"profile_overrides.latency_requirement", NULL};
    refused(*state,
            "{\"name\":\"Acme\",\"slug\":\"acme\",\"email\":\"ops@acme.example\","
            "\"plan_slug\":\"hobby\",\"profile_overrides\":{\"latency_requirement\":10,"
            "\"performance_needs\":{\"latency_requirement\":20}}}",
            paths);
}

/* -- where the customer is put ---------------------------------------------------------------- */

static void a_hobby_profile_is_queued_for_the_hetzner_worker(void **state)
{
    struct signed_up done =
        product_signup(*state, "acme", "hobby", "{\"budget\":30,\"vehicle_count\":2}");
    assert_int_equal(done.deployment.mode, MULTI_TENANT);
    assert_string_equal(done.job.worker, "HetznerProvisioningWorker");
    assert_string_equal(done.job.queue, "provisioning");
    assert_null(done.deployment.app);
    assert_int_equal(done.deployment.regions.count, 1);
    assert_string_equal(done.deployment.regions.items[0], "ash");
}

static void a_professional_profile_is_queued_for_the_flyio_worker(void **state)
{
    struct signed_up done = product_signup(
        *state, "acme", "hobby",
        "{\"budget\":200,\"vehicle_count\":50,\"compliance_requirements\":[\"soc2\"]}");
    assert_int_equal(done.deployment.mode, SINGLE_TENANT);
    assert_int_equal(done.deployment.plan, PLAN_PROFESSIONAL);
    assert_string_equal(done.job.worker, "FlyioProvisioningWorker");
    assert_string_equal(done.job.queue, "provisioning");
    assert_true(str_starts_with(str_from(done.deployment.app), STR("wh-acme-")));
}

static const json_t *factor_value(const json_t *document, const char *name)
{
    size_t i;
    json_t *factor;
    json_array_foreach (json_object_get(document, "factors"), i, factor) {
        if (text_eq(json_get_text(factor, "name"), name))
            return json_object_get(factor, "value");
    }
    return NULL;
}

static bool is_number(const json_t *value, double expected)
{
    decimal a, b;
    return decimal_from_double(json_number_value(value), &a) == DECIMAL_OK &&
           decimal_from_double(expected, &b) == DECIMAL_OK && a == b;
}

static void what_is_not_told_takes_the_plans_price_100_ms_and_the_us(void **state)
{
    struct product *p = *state;
    struct signed_up done = product_signup(p, "acme", "professional", "{}");
    _cleanup_json_ json_t *document = NULL;
    ASSERT_OK(p, json_parse(str_from(done.decision.document), &document, &p->e));
    assert_true(is_number(factor_value(document, "budget"), 199));
    assert_true(is_number(factor_value(document, "latency_requirement"), 100));
    assert_true(json_is_null(factor_value(document, "vehicle_count")));
    assert_true(json_is_null(factor_value(document, "peak_concurrent_users")));
    assert_string_equal(done.customer.profile, "{}"); /* a default is not something it told us */
}

static void an_empty_region_list_is_no_mistake(void **state)
{
    struct signed_up done =
        product_signup(*state, "acme", "hobby", "{\"geographic_distribution\":[]}");
    assert_int_equal(done.deployment.regions.count, 1);
}

static void the_subscribed_plan_is_a_floor_under_what_the_profile_needs(void **state)
{
    struct product *p = *state;
    static const char demanding[] =
        "{\"vehicle_count\":15,\"budget\":150,\"compliance_requirements\":[\"soc2\"]}";
    struct signed_up low = product_signup(p, "low", "starter", demanding);
    assert_int_equal(low.deployment.plan, PLAN_PROFESSIONAL); /* compliance asks for it */
    assert_int_equal(low.customer.plan, PLAN_STARTER);        /* what it pays for is its own */
    struct signed_up high = product_signup(p, "high", "business", demanding);
    assert_int_equal(high.deployment.plan, PLAN_BUSINESS);
}

static void fifteen_vehicles_soc2_and_two_regions_are_at_least_professional(void **state)
{
    struct signed_up done = product_signup(
        *state, "acme", "starter",
        "{\"budget\":150,\"vehicle_count\":15,\"compliance_requirements\":[\"soc2\"],"
        "\"geographic_distribution\":[\"US\",\"EU\"]}");
    assert_int_equal(done.deployment.mode, SINGLE_TENANT);
    assert_int_equal(done.deployment.plan, PLAN_PROFESSIONAL);
}

static void assert_regions(struct product *p, const char *slug, const char *plan,
                           const char *geography, const char *expected)
{
    const char *profile = arena_printf(&p->arena,
                                       "{\"compliance_requirements\":[\"soc2\"],"
                                       "\"geographic_distribution\":[%s]}",
                                       geography);
    struct signed_up done = product_signup(p, slug, plan, profile);
    assert_string_equal(db_texts_json(&p->arena, done.deployment.regions), expected);
}

static void the_plan_says_how_many_regions_and_the_customer_which_come_first(void **state)
{
    struct product *p = *state;
    assert_regions(p, "us2", "professional", "\"US\"", "[\"iad\",\"fra\"]");
    assert_regions(p, "us3", "business", "\"US\"", "[\"iad\",\"fra\",\"sin\"]");
    assert_regions(p, "eu2", "professional", "\"EU\"", "[\"fra\",\"iad\"]");
    assert_regions(p, "ap2", "professional", "\"APAC\",\"EU\"", "[\"sin\",\"fra\"]");
}

static void hipaa_is_never_put_on_a_shared_host_and_the_reason_says_why(void **state)
{
    struct signed_up done = product_signup(*state, "clinic", "hobby",
                                           "{\"budget\":30,\"vehicle_count\":2,"
                                           "\"compliance_requirements\":[\"hipaa\"]}");
    assert_int_equal(done.deployment.mode, SINGLE_TENANT);
    ASSERT_CONTAINS(done.decision.reason, "hipaa-dedicated");
}

static void two_deployments_of_one_slug_have_different_apps(void **state)
{
    struct product *p = *state;
    static const char soc2[] = "{\"compliance_requirements\":[\"soc2\"]}";
    struct signed_up done = product_signup(p, "acme", "starter", soc2);
    struct placement placement = {SINGLE_TENANT, PLAN_STARTER, 1, {GEOGRAPHY_US}};
    const char *id;
    product_begin(p);
    ASSERT_OK(p, deployment_create(p->tx, &p->env, done.customer.id, "acme", &placement,
                                   done.decision.id, false, &p->arena, &id, &p->e));
    product_commit(p);
    assert_string_not_equal(product_deployment(p, id).app, done.deployment.app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PRODUCT_TEST(a_signup_writes_customer_subscription_decision_deployment_job_and_audit),
        PRODUCT_TEST(what_was_not_given_is_absent_in_the_customer),
        PRODUCT_TEST(a_signup_is_audited_with_its_decision_and_job),
        PRODUCT_TEST(when_the_last_step_fails_no_row_of_any_table_is_left),
        PRODUCT_TEST(a_refused_signup_changes_nothing),
        PRODUCT_TEST(of_many_who_want_one_slug_at_once_one_gets_it),
        PRODUCT_TEST(every_wrong_field_is_named_at_once),
        PRODUCT_TEST(every_missing_field_is_named_at_once),
        PRODUCT_TEST(an_unknown_plan_is_told_which_plans_there_are),
        PRODUCT_TEST(a_profile_that_contradicts_itself_is_refused),
        PRODUCT_TEST(a_hobby_profile_is_queued_for_the_hetzner_worker),
        PRODUCT_TEST(a_professional_profile_is_queued_for_the_flyio_worker),
        PRODUCT_TEST(what_is_not_told_takes_the_plans_price_100_ms_and_the_us),
        PRODUCT_TEST(an_empty_region_list_is_no_mistake),
        PRODUCT_TEST(the_subscribed_plan_is_a_floor_under_what_the_profile_needs),
        PRODUCT_TEST(fifteen_vehicles_soc2_and_two_regions_are_at_least_professional),
        PRODUCT_TEST(the_plan_says_how_many_regions_and_the_customer_which_come_first),
        PRODUCT_TEST(hipaa_is_never_put_on_a_shared_host_and_the_reason_says_why),
        PRODUCT_TEST(two_deployments_of_one_slug_have_different_apps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
