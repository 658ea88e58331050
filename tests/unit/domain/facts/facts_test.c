/* What is known of each customer in numbers, and that it is kept true by those who change it. */
#include "domain/accounts/offboarding.h"
#include "domain/facts/facts.h"
#include "facts_test.sql.h"
#include "product.h"

#include <stdlib.h>

static const char full[] =
    "{\"budget\":12.3456,\"vehicle_count\":7,\"latency_requirement\":49.5,"
    "\"peak_concurrent_users\":21,\"compliance_requirements\":[\"hipaa\",\"csa_star\"],"
    "\"geographic_distribution\":[\"APAC\",\"US\",\"EU\"]}";

static struct facts find(struct product *p, const char *id)
{
    struct facts facts;
    ASSERT_OK(p, facts_find(p->tx, id, &p->arena, &facts, &p->e));
    return facts;
}

static struct facts look(struct product *p, const char *id)
{
    product_begin(p);
    struct facts facts = find(p, id);
    product_rollback(p);
    return facts;
}

static void regions_are_packed_in_their_order(void **state)
{
    (void)state;
    static const uint8_t regions[] = {GEOGRAPHY_APAC, GEOGRAPHY_US, GEOGRAPHY_EU};
    uint8_t back[GEOGRAPHY_COUNT];
    for (size_t count = 0; count <= ARRAY_LEN(regions); count++) {
        assert_int_equal(regions_unpack(regions_pack(regions, count), back), count);
        assert_memory_equal(back, regions, count);
    }
    assert_int_equal(regions_pack(regions, 0), 0);
    assert_int_equal(regions_pack(regions, 2), 0x13);
}

static void a_signup_records_what_was_told(void **state)
{
    struct product *p = *state;
    struct facts f = look(p, product_signup(p, "acme", "starter", full).customer.id);
    assert_int_equal(f.active, 1);
    assert_int_equal(f.plan, PLAN_STARTER);
    assert_int_equal(f.price, 79 * DECIMAL_ONE);
    assert_int_equal(f.budget, 123456);
    assert_int_equal(f.latency, 495000);
    assert_int_equal(f.vehicles_told, 7);
    assert_int_equal(f.users_told, 21);
    assert_int_equal(f.compliance, 1 << COMPLIANCE_HIPAA | 1 << COMPLIANCE_CSA_STAR);
    assert_int_equal(f.regions, 0x213);
    assert_int_equal(f.mode, INT_ABSENT);
    assert_int_equal(f.measured_at, INT_ABSENT);
}

static void what_was_not_told_is_absent_and_an_empty_list_is_not(void **state)
{
    struct product *p = *state;
    struct facts f = look(p, product_signup(p, "acme", "hobby", "{}").customer.id);
    assert_int_equal(f.budget, INT_ABSENT);
    assert_int_equal(f.compliance, INT_ABSENT);
    assert_int_equal(f.regions, INT_ABSENT);
    f = look(p, product_signup(p, "none", "hobby",
                               "{\"compliance_requirements\":[],\"geographic_distribution\":[]}")
                    .customer.id);
    assert_int_equal(f.compliance, 0);
    assert_int_equal(f.regions, 0);
}

static void assert_same_profile(const struct profile *a, const struct profile *b)
{
    assert_int_equal(a->budget, b->budget);
    assert_int_equal(a->vehicle_count, b->vehicle_count);
    assert_int_equal(a->latency, b->latency);
    assert_int_equal(a->peak_users, b->peak_users);
    assert_int_equal(a->compliance, b->compliance);
    assert_int_equal(a->compliance_given, b->compliance_given);
    assert_int_equal(a->region_count, b->region_count);
    assert_memory_equal(a->regions, b->regions, sizeof(a->regions));
}

/* The profile that the text means when nothing was measured. */
static struct profile told(struct product *p, const char *text, decimal price)
{
    struct profile given, defaults = profile_defaults(price);
    ASSERT_OK(p, profile_parse(str_from(text), &given, &p->e));
    return profile_merge(&defaults, &given);
}

static void the_profile_is_what_was_told_with_the_defaults(void **state)
{
    struct product *p = *state;
    static const char *const profiles[] = {full, "{}", "{\"compliance_requirements\":[]}",
                                           "{\"geographic_distribution\":[]}",
                                           "{\"geographic_distribution\":[\"EU\"]}"};
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        const char *slug = arena_printf(&p->arena, "c%zu", i);
        struct facts f = look(p, product_signup(p, slug, "starter", profiles[i]).customer.id);
        struct profile profile, expected = told(p, profiles[i], 79 * DECIMAL_ONE);
        struct decide_context context;
        facts_profile(&f, &profile, &context);
        assert_same_profile(&profile, &expected);
        assert_int_equal(context.subscribed, PLAN_STARTER);
    }
}

static void what_was_measured_goes_before_what_was_told(void **state)
{
    struct product *p = *state;
    const char *id = product_signup(p, "acme", "hobby", full).customer.id;
    product_begin(p);
    ASSERT_OK(p, db_exec(p->tx, &facts_measure, DB_ARGS(db_text(id)), NULL, &p->e));
    struct facts f = find(p, id);
    product_rollback(p);
    struct profile profile;
    struct decide_context context;
    facts_profile(&f, &profile, &context);
    assert_int_equal(profile.vehicle_count, 40);
    assert_int_equal(profile.peak_users, 150);
    assert_int_equal(profile.region_count, 2); /* 0x32 */
    assert_int_equal(profile.regions[0], GEOGRAPHY_EU);
    assert_int_equal(profile.regions[1], GEOGRAPHY_APAC);
    assert_int_equal(profile.budget, 123456); /* cannot be measured */
}

static void the_place_is_known_once_the_deployment_is_active(void **state)
{
    struct product *p = *state;
    struct signed_up done = product_signup(p, "acme", "hobby", "{}");
    clock_virtual_advance(&p->clock, 5 * USEC_PER_SEC);
    product_begin(p);
    ASSERT_OK(p, deployment_activate(p->tx, &p->env, "job:test", &done.deployment, "sqlite:x",
                                     &p->arena, &p->e));
    struct facts f = find(p, done.customer.id);
    product_rollback(p);
    assert_int_equal(f.mode, MULTI_TENANT);
    assert_int_equal(f.mode_since, PRODUCT_START_US + 5 * USEC_PER_SEC);
    assert_int_equal(f.moved_at, INT_ABSENT);
}

static void the_last_move_is_remembered(void **state)
{
    struct product *p = *state;
    const char *id = product_signup(p, "acme", "hobby", "{}").customer.id;
    product_begin(p);
    ASSERT_OK(p, facts_set_place(p->tx, id, SINGLE_TENANT, 10, true, &p->e));
    assert_int_equal(find(p, id).moved_at, 10);
    ASSERT_OK(p, facts_set_place(p->tx, id, SINGLE_TENANT, 20, false, &p->e));
    struct facts f = find(p, id);
    assert_int_equal(f.mode, SINGLE_TENANT);
    assert_int_equal(f.mode_since, 20);
    assert_int_equal(f.moved_at, 10);
    product_rollback(p);
}

static void whoever_leaves_is_not_active_until_it_stays(void **state)
{
    struct product *p = *state;
    struct signed_up done = product_signup(p, "acme", "hobby", "{}");
    struct offboarding_settings settings = offboarding_settings_default();
    struct offboarding_wish wish;
    struct offboarding o;
    record_clear(offboarding_wish_fields, &wish);
    product_begin(p);
    ASSERT_OK(p, job_cancel(p->tx, &p->env, "test", done.job.id, &p->arena, &p->e));
    ASSERT_OK(p, offboarding_request(p->tx, &p->env, &settings, "test", "acme", &wish, &p->arena,
                                     &p->problems, &o, &p->e));
    assert_int_equal(find(p, done.customer.id).active, 0);
    ASSERT_OK(p, offboarding_cancel(p->tx, &p->env, "test", "acme", &p->arena, &o, &p->e));
    ASSERT_OK(
        p, offboarding_set_state(p->tx, &p->env, "test", &o, OFFBOARDING_REOPEN, &p->arena, &p->e));
    assert_int_equal(find(p, done.customer.id).active, 1);
    product_rollback(p);
}

static void facts_about_nobody_are_not_found(void **state)
{
    struct product *p = *state;
    struct facts f;
    product_begin(p);
    assert_int_equal(facts_find(p->tx, "nobody", &p->arena, &f, &p->e), ERR_NOT_FOUND);
    ASSERT_CONTAINS(p->e.text, "there are no facts about customer nobody");
    assert_int_equal(facts_set_active(p->tx, "nobody", true, &p->e), ERR_NOT_FOUND);
    assert_int_equal(facts_set_place(p->tx, "nobody", MULTI_TENANT, 1, false, &p->e),
                     ERR_NOT_FOUND);
    product_rollback(p);
}

/* -- those who were customers before ------------------------------------------------------------
 */

static const char *const old_profiles[] = {
    "{}",
    "{\"budget\":12.3456,\"vehicle_count\":1000000000,"
    "\"performance_needs\":{\"latency_requirement\":0.1},"
    "\"usage_patterns\":{\"peak_concurrent_users\":3}}",
    "{\"budget\":999999999.9999,\"compliance_requirements\":[],\"geographic_distribution\":[]}",
    "{\"compliance_requirements\":[\"soc2\",\"tisax\",\"csa_star\"],"
    "\"geographic_distribution\":[\"EU\",\"US\"]}",
    "{\"compliance_requirements\":[\"hipaa\",\"gdpr\",\"pci\",\"iso27001\",\"fedramp\",\"hitrust\","
    "\"ccpa\",\"glba\",\"sox\",\"ferpa\",\"cjis\",\"itar\",\"cmmc\"],"
    "\"geographic_distribution\":[\"APAC\",\"EU\",\"US\"]}",
};

static enum err fill_old_work(struct db_tx *tx, void *arg, struct error *e)
{
    (void)arg;
    for (size_t i = 0; i < ARRAY_LEN(old_profiles); i++) {
        char id[8];
        (void)snprintf(id, sizeof(id), "old%zu", i);
        TRY(db_exec(
            tx, &old_customer_add,
            DB_ARGS(db_text(id), db_text(i == 0 ? "leaving" : "active"), db_text(old_profiles[i])),
            NULL, e));
        TRY(db_exec(tx, &old_subscription_add,
                    DB_ARGS(db_text(id), db_text("business"), db_int(i == 0 ? 9 : INT_ABSENT)),
                    NULL, e));
    }
    TRY(db_exec(tx, &old_deployment_add,
                DB_ARGS(db_text("old1"), db_text("single_tenant"), db_int(77)), NULL, e));
    TRY(db_exec(tx, &old_deployment_add,
                DB_ARGS(db_text("old2"), db_text("multi_tenant"), db_null()), NULL, e));
    TRY(db_exec(
        tx, &old_migration_add,
        DB_ARGS(db_text("old1"), db_text("multi_tenant"), db_text("single_tenant"), db_int(78)),
        NULL, e));
    return OK;
}

/* The schema as it was before facts. */
static size_t migrations_before_facts(void)
{
    size_t n = 0;
    while (n < core_migration_count && strcmp(core_migrations[n].name, "0010-usage") != 0)
        n++;
    return n;
}

static void who_was_a_customer_before_facts_gets_them_from_its_profile(void **state)
{
    struct product *p = *state;
    struct testdb old;
    testdb_create(&old);
    testdb_open(&old, core_migrations, migrations_before_facts());
    ASSERT_OK(p, db_write(old.db, fill_old_work, NULL, &p->e));
    db_close(old.db);
    testdb_open(&old, core_migrations, core_migration_count);

    p->tx = testtx_begin(&p->session, old.db);
    for (size_t i = 0; i < ARRAY_LEN(old_profiles); i++) {
        struct facts f = find(p, arena_printf(&p->arena, "old%zu", i));
        struct profile profile, expected = told(p, old_profiles[i], 599 * DECIMAL_ONE);
        struct decide_context context;
        facts_profile(&f, &profile, &context);
        assert_same_profile(&profile, &expected);
        assert_int_equal(context.subscribed, PLAN_BUSINESS);
        assert_int_equal(f.active, i != 0);
        assert_int_equal(f.mode, i == 1 ? SINGLE_TENANT : INT_ABSENT);
        assert_int_equal(f.mode_since, i == 1 ? 77 : INT_ABSENT);
        assert_int_equal(f.moved_at, i == 1 ? 78 : INT_ABSENT);
    }
    testtx_rollback(&p->session);
    testdb_remove(&old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_are_packed_in_their_order),
        PRODUCT_TEST(a_signup_records_what_was_told),
        PRODUCT_TEST(what_was_not_told_is_absent_and_an_empty_list_is_not),
        PRODUCT_TEST(the_profile_is_what_was_told_with_the_defaults),
        PRODUCT_TEST(what_was_measured_goes_before_what_was_told),
        PRODUCT_TEST(the_place_is_known_once_the_deployment_is_active),
        PRODUCT_TEST(the_last_move_is_remembered),
        PRODUCT_TEST(whoever_leaves_is_not_active_until_it_stays),
        PRODUCT_TEST(facts_about_nobody_are_not_found),
        PRODUCT_TEST(who_was_a_customer_before_facts_gets_them_from_its_profile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
