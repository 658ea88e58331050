/* What is kept about customers: plans, customers, decisions, evaluations, the audit record. */
#include "product.h"

#include "domain/accounts/evaluation.h"
#include "domain/audit/audit.h"

static void tick(struct product *p)
{
    clock_virtual_advance(&p->clock, USEC_PER_SEC);
}

/* -- plans ------------------------------------------------------------------------------------ */

static void plans_are_listed_cheapest_first(void **state)
{
    struct product *p = *state;
    struct records rows;
    product_begin(p);
    ASSERT_OK(p, plan_list(p->tx, &p->arena, &rows, &p->e));
    assert_int_equal(rows.count, PLAN_COUNT);
    const struct plan_offer *plans = rows.items;
    for (int i = 0; i < PLAN_COUNT; i++) {
        assert_int_equal(plans[i].slug, i);
        assert_int_equal(plans[i].mode, i == PLAN_HOBBY ? MULTI_TENANT : SINGLE_TENANT);
        assert_true(i == 0 || plans[i].price > plans[i - 1].price);
    }
    product_rollback(p);
}

static void an_unknown_plan_is_answered_with_the_plans_there_are(void **state)
{
    struct product *p = *state;
    struct plan_offer plan;
    product_begin(p);
    assert_int_equal(plan_find(p->tx, "Gold", &p->arena, &plan, &p->e), ERR_NOT_FOUND);
    ASSERT_CONTAINS(p->e.text, "hobby, starter, professional");
    ASSERT_OK(p, plan_find(p->tx, "starter", &p->arena, &plan, &p->e));
    assert_int_equal(plan.price, 79 * DECIMAL_ONE);
    product_rollback(p);
}

/* -- customers -------------------------------------------------------------------------------- */

static void a_customer_is_found_by_id_and_by_slug(void **state)
{
    struct product *p = *state;
    struct signed_up done = product_signup(p, "acme", "hobby", "{}");
    struct customer c;
    product_begin(p);
    ASSERT_OK(p, customer_find(p->tx, done.customer.id, &p->arena, &c, &p->e));
    assert_string_equal(c.slug, "acme");
    ASSERT_OK(p, customer_find(p->tx, "acme", &p->arena, &c, &p->e));
    assert_string_equal(c.id, done.customer.id);
    assert_int_equal(customer_find(p->tx, "ACME", &p->arena, &c, &p->e), ERR_NOT_FOUND);
    assert_string_equal(p->e.text, "there is no customer ACME");
    product_rollback(p);
}

static void an_id_is_preferred_to_a_slug_that_looks_like_it(void **state)
{
    struct product *p = *state;
    struct signed_up first = product_signup(p, "acme", "hobby", "{}");
    product_signup(p, first.customer.id, "hobby", "{}"); /* a UUID is a valid slug */
    struct customer c;
    product_begin(p);
    ASSERT_OK(p, customer_find(p->tx, first.customer.id, &p->arena, &c, &p->e));
    assert_string_equal(c.slug, "acme");
    product_rollback(p);
}

static void customers_are_listed_newest_first_by_page_mode_and_status(void **state)
{
    struct product *p = *state;
    static const char *const slugs[] = {"a", "b", "c"};
    for (size_t i = 0; i < ARRAY_LEN(slugs); i++) {
        product_signup(p, slugs[i], "hobby",
                       i == 1 ? "{\"compliance_requirements\":[\"hipaa\"]}"
                              : "{\"vehicle_count\":1}");
        tick(p);
    }
    struct records rows;
    const char *next;
    struct customer_filter any = {0}, shared = {.mode = "multi_tenant"},
                           cancelled = {.status = "cancelled"};
    struct page page = {2, NULL};
    product_begin(p);
    ASSERT_OK(p, customer_list(p->tx, &any, page, &p->arena, &rows, &next, &p->e));
    const struct customer *c = rows.items;
    assert_int_equal(rows.count, 2);
    assert_string_equal(c[0].slug, "c");
    assert_string_equal(c[1].slug, "b");
    page.cursor = next;
    ASSERT_OK(p, customer_list(p->tx, &any, page, &p->arena, &rows, &next, &p->e));
    assert_int_equal(rows.count, 1);
    assert_null(next);

    page.cursor = NULL;
    ASSERT_OK(p, customer_list(p->tx, &shared, page, &p->arena, &rows, &next, &p->e));
    c = rows.items;
    assert_int_equal(rows.count, 2); /* exactly a page: there is no next one */
    assert_null(next);
    assert_string_equal(c[1].slug, "a");
    ASSERT_OK(p, customer_list(p->tx, &cancelled, page, &p->arena, &rows, &next, &p->e));
    assert_int_equal(rows.count, 0);
    product_rollback(p);
}

static void a_search_finds_what_a_slug_or_a_name_begins_with_whatever_the_case(void **state)
{
    struct product *p = *state;
    static const char *const slugs[] = {"acme", "acorn-taxis", "zebra"};
    for (size_t i = 0; i < ARRAY_LEN(slugs); i++) {
        product_signup(p, slugs[i], "hobby", "{}");
        tick(p);
    }
    static const struct {
        const char *search;
        size_t found;
    } cases[] = {{"ac", 2},    {"ACME", 1}, {"the AC", 2}, {"corn", 0},
                 {"acmee", 0}, {"", 3},     {"%", 0}};
    struct records rows;
    const char *next;
    product_begin(p);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct customer_filter filter = {.search = cases[i].search};
        ASSERT_OK(p, customer_list(p->tx, &filter, (struct page){10, NULL}, &p->arena, &rows, &next,
                                   &p->e));
        assert_int_equal(rows.count, cases[i].found);
        assert_null(next);
    }
    product_rollback(p);
}

static void a_recorded_profile_is_completed_by_the_plans_price_100_ms_and_the_us(void **state)
{
    struct product *p = *state;
    struct signed_up done = product_signup(p, "acme", "starter", "{\"vehicle_count\":7}");
    struct profile profile;
    product_begin(p);
    ASSERT_OK(p, customer_profile(p->tx, &done.customer, &p->arena, &profile, &p->e));
    assert_int_equal(profile.budget, 79 * DECIMAL_ONE);
    assert_int_equal(profile.latency, 100 * DECIMAL_ONE);
    assert_int_equal(profile.vehicle_count, 7);
    assert_int_equal(profile.region_count, 1);
    assert_int_equal(profile.regions[0], GEOGRAPHY_US);
    assert_int_equal(profile.peak_users, INT_ABSENT);
    assert_false(profile.compliance_given);
    product_rollback(p);
}

static void slugs_are_lower_case_letters_digits_and_hyphens(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "acme-2", "-", "0"};
    static const char *const bad[] = {"", "Acme", "a b", "a_b", "a.b", "\xc3\xa9", "a\n"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_null(slug_check(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_non_null(slug_check(bad[i]));
}

static void an_address_has_one_at_and_a_dotted_name_behind_it(void **state)
{
    (void)state;
    static const char *const good[] = {"a@b.c", "ops+x@acme.example", "\xc3\xa9@b.example"};
    static const char *const bad[] = {
        "",       "a",     "@b.c",   "a@",      "a@b",     "a@.c",        "a@b.",
        "a@b..c", "a@b@c", "a @b.c", "a@b.c\n", "<a@b.c>", "a@b.c,d@e.f", "a\x7f@b.c",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_null(email_check(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (!email_check(bad[i]))
            fail_msg("\"%s\" was taken for an address", bad[i]);
    }
}

static void names_are_not_blank_and_have_no_control_characters(void **state)
{
    (void)state;
    assert_null(name_check("Acme \xe2\x80\x94 Z\xc3\xbcrich"));
    assert_non_null(name_check(""));
    assert_non_null(name_check(" \t"));
    assert_non_null(name_check("a\x1b[31m"));
    assert_non_null(name_check("\xff"));
}

/* -- decisions -------------------------------------------------------------------------------- */

static void a_decision_is_kept_whole_with_the_policys_fingerprint(void **state)
{
    struct product *p = *state;
    struct signed_up done = product_signup(p, "acme", "hobby", "{\"vehicle_count\":2}");
    struct decision_record found;
    product_begin(p);
    ASSERT_OK(p, decision_record_find(p->tx, done.decision.id, &p->arena, &found, &p->e));
    product_rollback(p);
    assert_string_equal(found.policy, "default");
    assert_string_equal(found.policy_sha256, p->policy->sha256);
    assert_string_equal(found.document, done.decision.document);
    assert_int_equal(found.confidence, done.decision.confidence);
    assert_int_equal(found.made_at, PRODUCT_START_US);

    _cleanup_json_ json_t *shown = decision_record_json(&found);
    assert_string_equal(json_get_text(shown, "id"), found.id);
    assert_string_equal(json_get_text(shown, "customer_id"), done.customer.id);
    assert_string_equal(json_get_text(shown, "mode"), "multi_tenant");
    assert_true(json_is_array(json_object_get(shown, "factors")));
}

static void an_unknown_decision_is_named(void **state)
{
    struct product *p = *state;
    struct decision_record found;
    product_begin(p);
    assert_int_equal(decision_record_find(p->tx, "x", &p->arena, &found, &p->e), ERR_NOT_FOUND);
    assert_string_equal(p->e.text, "there is no decision x");
    assert_int_equal(decision_record_latest(p->tx, "x", &p->arena, &found, &p->e), ERR_NOT_FOUND);
    product_rollback(p);
}

static void decisions_are_listed_by_customer_newest_first_without_documents(void **state)
{
    struct product *p = *state;
    struct signed_up acme = product_signup(p, "acme", "hobby", "{}");
    product_signup(p, "other", "hobby", "{}");
    tick(p);
    struct decision decision;
    struct profile profile = profile_defaults(29 * DECIMAL_ONE);
    struct decide_context context = {0};
    decide(p->policy, &profile, &context, &decision);
    struct decided decided = {p->policy, p->prices, &profile, &context, &decision};
    struct decision_record second, latest;
    struct records rows;
    const char *next;
    product_begin(p);
    ASSERT_OK(p, decision_record_create(p->tx, &p->env, acme.customer.id, "migration", &decided,
                                        &p->arena, &second, &p->e));
    ASSERT_OK(p, decision_record_latest(p->tx, acme.customer.id, &p->arena, &latest, &p->e));
    assert_string_equal(latest.id, second.id);
    ASSERT_OK(p, decision_record_list(p->tx, acme.customer.id, (struct page){10, NULL}, &p->arena,
                                      &rows, &next, &p->e));
    const struct decision_record *list = rows.items;
    assert_int_equal(rows.count, 2);
    assert_string_equal(list[0].trigger, "migration");
    assert_string_equal(list[1].trigger, "signup");
    assert_null(list[0].document);
    assert_null(next);
    product_rollback(p);
}

/* -- evaluation ------------------------------------------------------------------------------- */

static struct evaluation evaluate(struct product *p, const struct profile_form *overrides)
{
    struct evaluation v;
    product_begin(p);
    ASSERT_OK(p, evaluate_customer(p->tx, p->policy, "acme", overrides, &p->arena, &p->problems, &v,
                                   &p->e));
    product_rollback(p);
    return v;
}

static struct profile_form empty_form(void)
{
    struct profile_form form;
    record_clear(profile_fields, &form);
    return form;
}

static void an_evaluation_without_values_uses_the_recorded_ones(void **state)
{
    struct product *p = *state;
    product_signup(p, "acme", "hobby", "{\"budget\":30,\"vehicle_count\":2}");
    struct evaluation v = evaluate(p, NULL);
    assert_int_equal(v.profile.vehicle_count, 2);
    assert_int_equal(v.profile.budget, 30 * DECIMAL_ONE);
    assert_int_equal(v.current.mode, MULTI_TENANT);
    assert_int_equal(v.decision.placement.mode, MULTI_TENANT);
    assert_false(v.migration_due);
    struct profile_form form = empty_form(); /* what a body without values decodes to */
    struct evaluation same = evaluate(p, &form);
    assert_memory_equal(&same.decision, &v.decision, sizeof(v.decision));
}

static void given_values_replace_recorded_ones_one_by_one(void **state)
{
    struct product *p = *state;
    product_signup(p, "acme", "hobby", "{\"budget\":30,\"vehicle_count\":2}");
    struct profile_form form = empty_form();
    form.vehicle_count = 60;
    struct evaluation v = evaluate(p, &form);
    assert_int_equal(v.profile.vehicle_count, 60);
    assert_int_equal(v.profile.budget, 30 * DECIMAL_ONE);
}

static void a_customer_who_needs_the_other_mode_is_due_for_migration(void **state)
{
    struct product *p = *state;
    product_signup(p, "acme", "hobby", "{\"budget\":30,\"vehicle_count\":2}");
    struct profile_form form = empty_form();
    const char *words[] = {"hipaa"};
    form.compliance = (struct texts){words, 1};
    struct evaluation v = evaluate(p, &form);
    assert_int_equal(v.decision.placement.mode, SINGLE_TENANT);
    assert_int_not_equal(v.decision.constraint, CONSTRAINT_NONE);
    assert_true(v.migration_due);
}

static void the_subscribed_plan_is_a_floor_in_an_evaluation_too(void **state)
{
    struct product *p = *state;
    product_signup(p, "acme", "business", "{\"compliance_requirements\":[\"soc2\"]}");
    assert_int_equal(evaluate(p, NULL).decision.placement.plan, PLAN_BUSINESS);
}

static void an_evaluation_refuses_contradicting_values_and_unknown_customers(void **state)
{
    struct product *p = *state;
    struct evaluation v;
    struct profile_form form = empty_form();
    product_begin(p);
    assert_int_equal(
        evaluate_customer(p->tx, p->policy, "nobody", &form, &p->arena, &p->problems, &v, &p->e),
        ERR_NOT_FOUND);
    assert_string_equal(p->e.text, "there is no customer nobody");
    form.latency = 10 * DECIMAL_ONE;
    form.performance.latency = 20 * DECIMAL_ONE;
    assert_int_equal(
        evaluate_customer(p->tx, p->policy, "nobody", &form, &p->arena, &p->problems, &v, &p->e),
        ERR_INVALID);
    assert_int_equal(p->problems.count, 1);
    product_rollback(p);
}

/* -- audit ------------------------------------------------------------------------------------ */

static void audit_entries_are_listed_newest_first_in_pages(void **state)
{
    struct product *p = *state;
    struct records rows;
    const char *next;
    product_begin(p);
    for (int i = 0; i < 5; i++) {
        const char *subject = arena_printf(&p->arena, "s%d", i);
        ASSERT_OK(p, audit_write(p->tx, &p->env, &p->arena, "system", "test.done", subject,
                                 i == 0 ? NULL : "{\"n\":1}", &p->e));
        tick(p);
    }
    ASSERT_OK(p, audit_list(p->tx, NULL, (struct page){4, NULL}, &p->arena, &rows, &next, &p->e));
    const struct audit_entry *entries = rows.items;
    assert_int_equal(rows.count, 4);
    assert_string_equal(entries[0].subject, "s4");
    assert_string_equal(entries[0].details, "{\"n\":1}");
    assert_int_equal(entries[0].at, PRODUCT_START_US + 4 * USEC_PER_SEC);
    ASSERT_OK(p, audit_list(p->tx, NULL, (struct page){4, next}, &p->arena, &rows, &next, &p->e));
    entries = rows.items;
    assert_int_equal(rows.count, 1);
    assert_string_equal(entries[0].subject, "s0");
    assert_null(entries[0].details);
    assert_null(next);
    product_rollback(p);
}

/* -- pages ------------------------------------------------------------------------------------ */

static void a_cursor_that_is_left_out_stands_above_every_id(void **state)
{
    struct product *p = *state;
    const char *id = env_id(&p->env, &p->arena);
    struct db_value start = page_cursor((struct page){1, NULL});
    assert_true(uuid_is_valid(str_from(id)));
    assert_true(strcmp(start.text, id) > 0);
    assert_true(strcmp(start.text, "ffffffff-ffff-7fff-bfff-ffffffffffff") > 0);
    assert_string_equal(page_cursor((struct page){1, id}).text, id);
    assert_int_equal(page_rows((struct page){PAGE_LIMIT_MAX, NULL}).number, PAGE_LIMIT_MAX + 1);
}

static void the_row_beyond_the_page_is_dropped_and_makes_the_cursor(void **state)
{
    (void)state;
    struct row {
        int64_t other;
        const char *id;
    } items[] = {{1, "c"}, {2, "b"}, {3, "a"}};
    struct records rows = {items, 3};
    struct page page = {2, NULL};
    assert_string_equal(page_next(page, &rows, sizeof(items[0]), offsetof(struct row, id)), "b");
    assert_int_equal(rows.count, 2);
    assert_null(page_next(page, &rows, sizeof(items[0]), offsetof(struct row, id)));
    rows.count = 0;
    assert_null(page_next(page, &rows, sizeof(items[0]), offsetof(struct row, id)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PRODUCT_TEST(plans_are_listed_cheapest_first),
        PRODUCT_TEST(an_unknown_plan_is_answered_with_the_plans_there_are),
        PRODUCT_TEST(a_customer_is_found_by_id_and_by_slug),
        PRODUCT_TEST(an_id_is_preferred_to_a_slug_that_looks_like_it),
        PRODUCT_TEST(customers_are_listed_newest_first_by_page_mode_and_status),
        PRODUCT_TEST(a_search_finds_what_a_slug_or_a_name_begins_with_whatever_the_case),
        PRODUCT_TEST(a_recorded_profile_is_completed_by_the_plans_price_100_ms_and_the_us),
        cmocka_unit_test(slugs_are_lower_case_letters_digits_and_hyphens),
        cmocka_unit_test(an_address_has_one_at_and_a_dotted_name_behind_it),
        cmocka_unit_test(names_are_not_blank_and_have_no_control_characters),
        PRODUCT_TEST(a_decision_is_kept_whole_with_the_policys_fingerprint),
        PRODUCT_TEST(an_unknown_decision_is_named),
        PRODUCT_TEST(decisions_are_listed_by_customer_newest_first_without_documents),
        PRODUCT_TEST(an_evaluation_without_values_uses_the_recorded_ones),
        PRODUCT_TEST(given_values_replace_recorded_ones_one_by_one),
        PRODUCT_TEST(a_customer_who_needs_the_other_mode_is_due_for_migration),
        PRODUCT_TEST(the_subscribed_plan_is_a_floor_in_an_evaluation_too),
        PRODUCT_TEST(an_evaluation_refuses_contradicting_values_and_unknown_customers),
        PRODUCT_TEST(audit_entries_are_listed_newest_first_in_pages),
        PRODUCT_TEST(a_cursor_that_is_left_out_stands_above_every_id),
        cmocka_unit_test(the_row_beyond_the_page_is_dropped_and_makes_the_cursor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
