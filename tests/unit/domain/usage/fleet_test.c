/* The fleet day by day, and who stands out in it. */
#include "domain/usage/fleet.h"
#include "product.h"
#include "usage_test.sql.h"

static struct tracker_settings settings;
static struct tracker tracker;

static int setup(void **state)
{
    (void)product_setup(state);
    struct product *p = *state;
    settings = tracker_settings_default();
    tracker = (struct tracker){&p->env, p->policy, &p->price_book, &settings};
    return 0;
}

static const char *customer(struct product *p, const char *slug, const char *plan, int64_t vehicles,
                            int64_t mode)
{
    clock_virtual_advance(&p->clock, 1000);
    const char *id = product_signup(p, slug, plan, "{}").customer.id;
    product_begin(p);
    ASSERT_OK(p, db_exec(p->tx, &facts_become,
                         DB_ARGS(db_text(id), db_int(vehicles), db_int(mode),
                                 db_int(PRODUCT_START_US), db_null(), db_null()),
                         NULL, &p->e));
    product_commit(p);
    return id;
}

static void set_cpu(struct product *p, const char *id, decimal cpu)
{
    product_begin(p);
    ASSERT_OK(p, db_exec(p->tx, &facts_cpu, DB_ARGS(db_text(id), db_int(cpu)), NULL, &p->e));
    product_commit(p);
}

static struct records days(struct product *p, int64_t count)
{
    struct records list;
    product_begin(p);
    ASSERT_OK(p,
              fleet_days_list(p->tx, clock_now(&p->clock.clock), count, &p->arena, &list, &p->e));
    product_commit(p);
    return list;
}

static struct records tops(struct product *p)
{
    struct records list;
    product_begin(p);
    ASSERT_OK(p, fleet_tops_list(p->tx, &p->arena, &list, &p->e));
    product_commit(p);
    return list;
}

static void a_day_has_a_row_for_each_mode_and_keeps_its_newest_look(void **state)
{
    struct product *p = *state;
    customer(p, "small", "hobby", 2, MULTI_TENANT);
    customer(p, "large", "business", 150, SINGLE_TENANT);
    customer(p, "nowhere", "hobby", 2, INT_ABSENT);
    ASSERT_OK(p, fleet_look(&tracker, &p->e));
    customer(p, "another", "hobby", 3, MULTI_TENANT);
    ASSERT_OK(p, fleet_look(&tracker, &p->e));
    struct records list = days(p, 1);
    const struct fleet_day *d = list.items;
    assert_int_equal(list.count, MODE_COUNT);
    assert_int_equal(d[0].mode, MULTI_TENANT);
    assert_int_equal(d[0].customers, 2);
    assert_int_equal(d[0].revenue, 2 * 29 * DECIMAL_ONE);
    assert_int_equal(d[1].customers, 1);
    assert_int_equal(d[1].revenue, 599 * DECIMAL_ONE);
    assert_true(d[0].cost > 0 && d[1].cost > d[0].cost);

    clock_virtual_advance(&p->clock, USEC_PER_DAY);
    assert_int_equal(days(p, 1).count, 0); /* nobody has looked today */
    ASSERT_OK(p, fleet_look(&tracker, &p->e));
    list = days(p, 2);
    d = list.items;
    assert_int_equal(list.count, 2 * MODE_COUNT);
    assert_int_equal(d[0].day + 1, d[2].day);
}

static void who_stands_out_is_listed_by_weight_and_the_next_look_replaces_them(void **state)
{
    struct product *p = *state;
    const char *calm = customer(p, "calm", "hobby", 2, MULTI_TENANT);
    const char *noisy = customer(p, "noisy", "hobby", 2, MULTI_TENANT);
    const char *alone = customer(p, "alone", "business", 150, SINGLE_TENANT);
    const char *loser = customer(p, "loser", "hobby", 150, SINGLE_TENANT);
    set_cpu(p, calm, 100);
    set_cpu(p, noisy, 5000);
    set_cpu(p, alone, 9000);
    ASSERT_OK(p, fleet_look(&tracker, &p->e));
    struct records list = tops(p);
    const struct fleet_top *t = list.items;
    assert_int_equal(list.count, 2 + 4 + 1);
    assert_int_equal(t[0].kind, FLEET_TOP_BUSY); /* those on shared servers alone */
    assert_string_equal(t[0].customer_id, noisy);
    assert_string_equal(t[1].customer_id, calm);
    assert_int_equal(t[2].kind, FLEET_TOP_COSTLY);
    assert_true(t[2].cost >= t[3].cost && t[3].cost >= t[4].cost && t[4].cost >= t[5].cost);
    assert_int_equal(t[6].kind, FLEET_TOP_LOSS);
    assert_string_equal(t[6].customer_id, loser);
    assert_string_equal(t[6].slug, "loser");
    assert_int_equal(t[6].margin, t[6].price - t[6].cost);
    assert_true(t[6].margin < 0);

    set_cpu(p, calm, 8000);
    ASSERT_OK(p, fleet_look(&tracker, &p->e));
    list = tops(p);
    t = list.items;
    assert_int_equal(list.count, 7);
    assert_string_equal(t[0].customer_id, calm);
}

static void no_more_than_the_first_stand_out(void **state)
{
    struct product *p = *state;
    for (int i = 0; i < FLEET_TOP_COUNT + 3; i++) {
        const char *slug = arena_printf(&p->arena, "c-%02d", i);
        set_cpu(p, customer(p, slug, "hobby", 2, MULTI_TENANT), 10 * (i + 1));
    }
    ASSERT_OK(p, fleet_look(&tracker, &p->e));
    struct records list = tops(p);
    const struct fleet_top *t = list.items;
    assert_int_equal(list.count, 2 * FLEET_TOP_COUNT);
    for (int i = 0; i < FLEET_TOP_COUNT; i++)
        assert_int_equal(t[i].cpu, 10 * (FLEET_TOP_COUNT + 3 - i));
}

static void an_example_ends_yesterday_and_does_not_touch_what_is_recorded(void **state)
{
    struct product *p = *state;
    const int64_t customers[MODE_COUNT] = {40, 20};
    int64_t now = clock_now(&p->clock.clock), deleted;
    product_begin(p);
    ASSERT_OK(p, fleet_add_example(p->tx, now, customers, &p->e));
    product_commit(p);
    struct records list = days(p, FLEET_DAYS_MAX);
    const struct fleet_day *d = list.items;
    size_t count = list.count;
    assert_true(count > 2 * MODE_COUNT);
    assert_int_equal(d[count - 1].day, now / USEC_PER_DAY - 1);
    assert_true(d[0].customers < d[count - 2].customers && d[count - 2].customers <= 40);

    product_begin(p);
    const int64_t others[MODE_COUNT] = {1, 1};
    ASSERT_OK(p, fleet_add_example(p->tx, now, others, &p->e));
    ASSERT_OK(p, fleet_prune(p->tx, (d[0].day + 1) * USEC_PER_DAY, 100, &deleted, &p->e));
    product_commit(p);
    assert_int_equal(deleted, MODE_COUNT);
    assert_int_equal(days(p, FLEET_DAYS_MAX).count, count - MODE_COUNT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, product_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_day_has_a_row_for_each_mode_and_keeps_its_newest_look),
        TEST(who_stands_out_is_listed_by_weight_and_the_next_look_replaces_them),
        TEST(no_more_than_the_first_stand_out),
        TEST(an_example_ends_yesterday_and_does_not_touch_what_is_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
