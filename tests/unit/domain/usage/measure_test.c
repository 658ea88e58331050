/* What stands in the hours becomes the measured facts, and old hours become days. */
#include "product.h"

#include "domain/usage/measure.h"
#include "usage_test.sql.h"

#define NOW_HOUR (PRODUCT_START_US / USEC_PER_HOUR)
#define TODAY    (PRODUCT_START_US / USEC_PER_DAY)

static const _Atomic bool never;

static void add(struct product *p, const struct usage_hour *hours, size_t count)
{
    product_begin(p);
    ASSERT_OK(p, usage_hours_add(p->tx, env_now(&p->env), hours, count, &p->arena, &p->e));
    product_commit(p);
}

static int64_t measure(struct product *p)
{
    int64_t count;
    ASSERT_OK(p, measure_all(&p->env, &never, &count, &p->e));
    return count;
}

static struct facts facts_now(struct product *p, const char *id)
{
    struct facts f;
    product_begin(p);
    ASSERT_OK(p, facts_find(p->tx, id, &p->arena, &f, &p->e));
    product_rollback(p);
    return f;
}

static void user(struct product *p, const char *id, int64_t hour, int64_t hash, int64_t windows)
{
    product_begin(p);
    ASSERT_OK(p, db_exec(p->tx, &put_usage_user,
                         DB_ARGS(db_text(id), db_int(hour), db_int(hash), db_int(windows)), NULL,
                         &p->e));
    product_commit(p);
}

static const char *customer(struct product *p, const char *slug)
{
    return product_signup(p, slug, "hobby", "{\"vehicle_count\":2}").customer.id;
}

/* -- one customer's day ------------------------------------------------------------------------ */

static void what_nobody_measured_is_absent(void **state)
{
    (void)state;
    struct facts f = {0};
    const struct usage_hour nothing = {.hour = 1}, looked = {.hour = 2, .collections = 1};
    measure_facts(&nothing, 1, &f);
    assert_int_equal(f.vehicles, INT_ABSENT);
    assert_int_equal(f.gps_points, INT_ABSENT);
    assert_int_equal(f.api_calls, INT_ABSENT);
    assert_int_equal(f.storage_bytes, INT_ABSENT);
    assert_int_equal(f.users, INT_ABSENT);
    assert_int_equal(f.peak_users, INT_ABSENT);
    assert_int_equal(f.response_us, INT_ABSENT);
    assert_int_equal(f.p95_us, INT_ABSENT);
    assert_int_equal(f.error_rate, INT_ABSENT);
    assert_int_equal(f.cpu, INT_ABSENT);
    assert_int_equal(f.regions_used, INT_ABSENT);
    measure_facts(&looked, 1, &f);
    assert_int_equal(f.vehicles, 0); /* counted: there are none */
    assert_int_equal(f.gps_points, 0);
    assert_int_equal(f.api_calls, INT_ABSENT);
}

static void a_day_of_hours_comes_to_what_a_hand_would_reckon(void **state)
{
    (void)state;
    struct facts f = {0};
    struct usage_hour hours[] = {
        {.hour = 1,
         .events = 3,
         .api_calls = 300,
         .api_errors = 20,
         .api_us = 300 * 40000,
         .calls_us = 100,
         .calls_eu = 200,
         .gps_points = 50,
         .batch_ops = 1,
         .collections = 4,
         .vehicles = 9,
         .storage_bytes = 900,
         .peak_users = 3,
         .samples = 2,
         .cpu_sum = 5000},
        {.hour = 2,
         .events = 3,
         .api_calls = 100,
         .api_errors = 0,
         .api_us = 100 * 80000,
         .calls_us = 95,
         .calls_apac = 5,
         .gps_points = 70,
         .collections = 1,
         .vehicles = 7,
         .storage_bytes = 800,
         .peak_users = 2,
         .samples = 1,
         .cpu_sum = 4000},
    };
    hours[0].latency[latency_bucket(40000)] = 300;
    hours[1].latency[latency_bucket(80000)] = 100;
    measure_facts(hours, 2, &f);
    assert_int_equal(f.vehicles, 7); /* the newest */
    assert_int_equal(f.storage_bytes, 800);
    assert_int_equal(f.gps_points, 120);
    assert_int_equal(f.api_calls, 400);
    assert_int_equal(f.response_us, 50000);
    assert_int_equal(f.error_rate, 500); /* 20 of 400 */
    assert_int_equal(f.cpu, 3000);
    assert_int_equal(f.peak_users, 3);
    assert_true(f.p95_us > 64000 && f.p95_us <= 96000);
    /* 200 EU, 195 US; 5 of 400 are under 5 %. */
    const uint8_t regions[] = {GEOGRAPHY_EU, GEOGRAPHY_US};
    assert_int_equal(f.regions_used, regions_pack(regions, 2));
}

static void a_region_counts_from_five_percent_of_the_calls(void **state)
{
    (void)state;
    struct facts f = {0};
    struct usage_hour h = {.calls_us = 95, .calls_apac = 5};
    const uint8_t both[] = {GEOGRAPHY_US, GEOGRAPHY_APAC};
    measure_facts(&h, 1, &f);
    assert_int_equal(f.regions_used, regions_pack(both, 2));
    h.calls_us = 96;
    measure_facts(&h, 1, &f);
    assert_int_equal(f.regions_used, regions_pack(both, 1));
}

static void growth_is_the_change_by_what_was_before(void **state)
{
    (void)state;
    assert_int_equal(measure_growth(150, 100), 5000);
    assert_int_equal(measure_growth(50, 100), -5000);
    assert_int_equal(measure_growth(0, 100), -10000);
    assert_int_equal(measure_growth(100, 0), INT_ABSENT);
}

static void points_that_came_both_ways_count_once(void **state)
{
    (void)state;
    struct usage_hour h = {.gps_points = 50, .gps_collected = 60};
    usage_hour_settle(&h);
    assert_int_equal(h.gps_points, 60);
    assert_int_equal(h.gps_collected, 0);
    usage_hour_settle(&h);
    assert_int_equal(h.gps_points, 60);
    h = (struct usage_hour){.gps_points = 60, .gps_collected = 50};
    usage_hour_settle(&h);
    assert_int_equal(h.gps_points, 60);
}

/* -- all customers ----------------------------------------------------------------------------- */

static void the_day_is_the_current_hour_and_the_23_before(void **state)
{
    struct product *p = *state;
    const char *id = customer(p, "acme");
    const struct usage_hour hours[] = {
        {.customer_id = id, .hour = NOW_HOUR - 24, .events = 1, .api_calls = 1000},
        {.customer_id = id, .hour = NOW_HOUR - 23, .events = 1, .api_calls = 100},
        {.customer_id = id, .hour = NOW_HOUR, .events = 1, .api_calls = 10},
    };
    add(p, hours, 3);
    assert_int_equal(measure(p), 1);
    struct facts f = facts_now(p, id);
    assert_int_equal(f.api_calls, 110);
    assert_int_equal(f.measured_at, PRODUCT_START_US);
}

static void only_those_of_whom_there_is_news_are_measured(void **state)
{
    struct product *p = *state;
    const char *a = customer(p, "acme");
    (void)customer(p, "silent");
    const struct usage_hour hour = {
        .customer_id = a, .hour = NOW_HOUR, .events = 1, .api_calls = 7};
    add(p, &hour, 1);
    assert_int_equal(measure(p), 1);
    clock_virtual_advance(&p->clock, MEASURE_SLACK_US); /* looked at twice */
    assert_int_equal(measure(p), 1);
    clock_virtual_advance(&p->clock, MEASURE_SLACK_US + 1);
    assert_int_equal(measure(p), 1);
    clock_virtual_advance(&p->clock, MEASURE_SLACK_US + 1);
    assert_int_equal(measure(p), 0);
    assert_int_equal(facts_now(p, a).api_calls, 7);

    clock_virtual_advance(&p->clock, 23 * USEC_PER_HOUR - PRODUCT_START_US % USEC_PER_HOUR);
    (void)measure(p);
    clock_virtual_advance(&p->clock, USEC_PER_HOUR); /* the hour has left the day */
    assert_int_equal(measure(p), 1);
    assert_int_equal(facts_now(p, a).api_calls, INT_ABSENT);
    assert_int_equal(measure(p), 0);
}

static void users_are_counted_once_and_at_their_peak(void **state)
{
    struct product *p = *state;
    const char *id = customer(p, "acme");
    const struct usage_hour hours[] = {
        {.customer_id = id, .hour = NOW_HOUR - 1, .events = 1},
        {.customer_id = id, .hour = NOW_HOUR, .events = 1},
    };
    add(p, hours, 2);
    user(p, id, NOW_HOUR - 1, 1, 1);           /* one in the first window */
    user(p, id, NOW_HOUR - 1, 2, 1 | 1 << 11); /* one in the first and the last */
    user(p, id, NOW_HOUR - 1, 3, 1 << 11);
    user(p, id, NOW_HOUR - 1, 4, 1 << 11);
    user(p, id, NOW_HOUR, 4, 1);
    user(p, id, NOW_HOUR, -5, 2);
    assert_int_equal(measure(p), 1);
    struct facts f = facts_now(p, id);
    assert_int_equal(f.users, 5);
    assert_int_equal(f.peak_users, 3);
    struct records stored;
    product_begin(p);
    ASSERT_OK(p,
              usage_hours_list(p->tx, id, NOW_HOUR - 1, NOW_HOUR + 1, &p->arena, &stored, &p->e));
    product_rollback(p);
    const struct usage_hour *h = stored.items;
    assert_int_equal(h[0].users, 4);
    assert_int_equal(h[0].peak_users, 3);
    assert_int_equal(h[1].users, 2);
    assert_int_equal(h[1].peak_users, 1);
}

/* `calls` in the noon of each of the 60 days up to yesterday, the older half by hand. */
static void add_months(struct product *p, const char *id, int64_t days, int64_t now, int64_t before)
{
    struct usage_hour *hours = arena_new_array(&p->arena, (size_t)days, struct usage_hour);
    for (int64_t i = 0; i < days; i++)
        hours[i] = (struct usage_hour){.customer_id = id,
                                       .hour = (TODAY - 1 - i) * 24 + 12,
                                       .events = 1,
                                       .api_calls = i < GROWTH_DAYS ? now : before};
    add(p, hours, (size_t)days);
}

static void growth_wants_sixty_days_and_leaves_today_out(void **state)
{
    struct product *p = *state;
    const char *old = customer(p, "old"), *young = customer(p, "young");
    add_months(p, old, 60, 30, 20);
    add_months(p, young, 59, 30, 20);
    const struct usage_hour today = {
        .customer_id = old, .hour = NOW_HOUR, .events = 1, .api_calls = 1000000};
    add(p, &today, 1);
    assert_int_equal(measure(p), 2);
    assert_int_equal(facts_now(p, old).growth, 5000);
    assert_int_equal(facts_now(p, young).growth, INT_ABSENT);
}

static void a_growth_is_measured_again_every_day_until_there_is_none(void **state)
{
    struct product *p = *state;
    const char *id = customer(p, "old");
    add_months(p, id, 60, 30, 30);
    (void)measure(p);
    assert_int_equal(facts_now(p, id).growth, 0);
    clock_virtual_advance(&p->clock, 15 * USEC_PER_DAY); /* silent since */
    assert_int_equal(measure(p), 1);
    assert_int_equal(facts_now(p, id).growth, -5000);
    clock_virtual_advance(&p->clock, 45 * USEC_PER_DAY);
    assert_int_equal(measure(p), 1);
    assert_int_equal(facts_now(p, id).growth, INT_ABSENT);
    clock_virtual_advance(&p->clock, USEC_PER_DAY);
    assert_int_equal(measure(p), 0);
}

static void many_customers_are_measured_page_by_page(void **state)
{
    struct product *p = *state;
    enum { MANY = 450 };
    struct usage_hour hours[MANY] = {0};
    product_begin(p);
    for (size_t i = 0; i < MANY; i++) {
        hours[i].customer_id = arena_printf(&p->arena, "c%04zu", i);
        hours[i].hour = NOW_HOUR - (int64_t)(i % 20);
        hours[i].events = 1;
        hours[i].api_calls = (int64_t)i;
        struct profile profile;
        profile_clear(&profile);
        ASSERT_OK(p,
                  facts_set_told(p->tx, hours[i].customer_id, PLAN_HOBBY, 290000, &profile, &p->e));
    }
    ASSERT_OK(p, usage_hours_add(p->tx, env_now(&p->env), hours, MANY, &p->arena, &p->e));
    product_commit(p);
    assert_int_equal(measure(p), MANY);
    for (size_t i = 0; i < MANY; i += 37)
        assert_int_equal(facts_now(p, hours[i].customer_id).api_calls, i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_measured_is_absent),
        cmocka_unit_test(a_day_of_hours_comes_to_what_a_hand_would_reckon),
        cmocka_unit_test(a_region_counts_from_five_percent_of_the_calls),
        cmocka_unit_test(growth_is_the_change_by_what_was_before),
        cmocka_unit_test(points_that_came_both_ways_count_once),
        PRODUCT_TEST(the_day_is_the_current_hour_and_the_23_before),
        PRODUCT_TEST(only_those_of_whom_there_is_news_are_measured),
        PRODUCT_TEST(users_are_counted_once_and_at_their_peak),
        PRODUCT_TEST(growth_wants_sixty_days_and_leaves_today_out),
        PRODUCT_TEST(a_growth_is_measured_again_every_day_until_there_is_none),
        PRODUCT_TEST(many_customers_are_measured_page_by_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
