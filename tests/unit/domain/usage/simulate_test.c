/* Another policy over recorded facts: who would move, what it costs, page by page. */
#include "domain/usage/simulate.h"
#include "product.h"
#include "usage_test.sql.h"

static struct tracker_settings settings;
static struct tracker tracker;

static int setup(void **state)
{
    (void)product_setup(state);
    struct product *p = *state;
    settings = tracker_settings_default();
    tracker = (struct tracker){&p->env, p->policy, p->prices, &settings};
    return 0;
}

static const char *customer(struct product *p, const char *slug, int64_t vehicles, int64_t mode,
                            int64_t compliance)
{
    clock_virtual_advance(&p->clock, 1000); /* ids are in the order of time */
    const char *profile = vehicles > 10 ? "{\"budget\":200}" : "{\"budget\":30}";
    const char *id = product_signup(p, slug, "hobby", profile).customer.id;
    product_begin(p);
    ASSERT_OK(p, db_exec(p->tx, &facts_become,
                         DB_ARGS(db_text(id), db_int(vehicles), db_int(mode),
                                 db_int(PRODUCT_START_US), db_null(), db_int(compliance)),
                         NULL, &p->e));
    product_commit(p);
    return id;
}

static struct simulation simulate(struct product *p, const struct policy *policy, int64_t limit,
                                  const char *cursor)
{
    struct simulation s;
    ASSERT_OK(
        p, simulate_policy(&tracker, policy, (struct page){limit, cursor}, &p->arena, &s, &p->e));
    return s;
}

static void totals_are_of_everybody_and_the_list_is_who_would_move(void **state)
{
    struct product *p = *state;
    customer(p, "right", 2, MULTI_TENANT, INT_ABSENT);
    customer(p, "unplaced", 2, INT_ABSENT, INT_ABSENT);
    const char *small = customer(p, "small", 2, SINGLE_TENANT, INT_ABSENT);
    const char *clinic = customer(p, "clinic", 2, MULTI_TENANT, 1 << COMPLIANCE_SOC2);
    struct simulation s = simulate(p, p->policy, 10, NULL);
    assert_true(s.whole);
    assert_int_equal(s.customers, 3);
    assert_int_equal(s.moves[MULTI_TENANT], 1);
    assert_int_equal(s.moves[SINGLE_TENANT], 1);
    assert_int_equal(s.required, 1);
    assert_int_equal(s.now[MULTI_TENANT], 2);
    assert_int_equal(s.then[MULTI_TENANT], 2);
    assert_int_equal(s.list.count, 2);
    assert_null(s.next);
    const struct simulated_move *m = s.list.items;
    assert_string_equal(m[0].customer_id, small);
    assert_string_equal(m[0].slug, "small");
    assert_int_equal(m[0].to_mode, MULTI_TENANT);
    assert_true(m[0].cost_then < m[0].cost_now);
    assert_true(m[0].recommended); /* it is the active policy */
    assert_string_equal(m[1].customer_id, clinic);
    assert_true(m[1].required);
    ASSERT_CONTAINS(m[1].reason, "soc2-dedicated");
    assert_int_equal(s.cost_then - s.cost_now,
                     m[0].cost_then - m[0].cost_now + m[1].cost_then - m[1].cost_now);
}

static void another_policy_moves_others(void **state)
{
    struct product *p = *state;
    customer(p, "clinic", 2, SINGLE_TENANT, 1 << COMPLIANCE_SOC2);
    struct policy *careless = policy_parse(STR("name: careless\n"
                                               "extends: plan-v1\n"
                                               "summary: Everybody shares\n"
                                               "constraints:\n"
                                               "  - name: share\n"
                                               "    when: {budget: any}\n"
                                               "    mode: multi_tenant\n"
                                               "    because: It is cheap\n"),
                                           &p->problems);
    assert_non_null(careless);
    assert_int_equal(simulate(p, p->policy, 10, NULL).list.count, 0);
    struct simulation s = simulate(p, careless, 10, NULL);
    assert_int_equal(s.moves[MULTI_TENANT], 1);
    assert_false(((struct simulated_move *)s.list.items)[0].recommended);
    _cleanup_json_ json_t *shown = simulation_json(&s, careless);
    assert_non_null(shown);
    assert_string_equal(json_get_text(json_object_get(shown, "policy"), "name"), "careless");
    policy_free(careless);
}

static void pages_follow_each_other_and_only_the_first_has_totals(void **state)
{
    struct product *p = *state;
    const char *ids[5];
    for (int i = 0; i < 5; i++)
        ids[i] = customer(p, arena_printf(&p->arena, "c%d", i), 50, MULTI_TENANT, INT_ABSENT);
    struct simulation s = simulate(p, p->policy, 2, NULL);
    assert_int_equal(s.list.count, 2);
    assert_int_equal(s.moves[SINGLE_TENANT], 5);
    assert_string_equal(s.next, ids[1]);
    s = simulate(p, p->policy, 2, s.next);
    assert_false(s.whole);
    assert_int_equal(s.list.count, 2);
    assert_string_equal(((struct simulated_move *)s.list.items)[0].customer_id, ids[2]);
    _cleanup_json_ json_t *shown = simulation_json(&s, p->policy);
    assert_true(json_is_null(json_object_get(shown, "totals")));
    s = simulate(p, p->policy, 2, s.next);
    assert_int_equal(s.list.count, 1);
    assert_null(s.next);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, product_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(totals_are_of_everybody_and_the_list_is_who_would_move),
        TEST(another_policy_moves_others),
        TEST(pages_follow_each_other_and_only_the_first_has_totals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
