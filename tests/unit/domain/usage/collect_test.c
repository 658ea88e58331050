/* What the collector finds in the customers' databases, and what it makes of several looks. */
#include "clouds.h"

#include "domain/usage/collect.h"
#include "domain/usage/hours.h"
#include "usage_test.sql.h"

#define NOW_HOUR (PRODUCT_START_US / USEC_PER_HOUR)
#define SMALL    "{\"budget\":30,\"vehicle_count\":2}"
#define LARGE    "{\"compliance_requirements\":[\"soc2\"]}"

static const _Atomic bool never;

static struct signed_up arrive(struct clouds *c, const char *slug, const char *profile)
{
    struct signed_up done = product_signup(&c->p, slug, "hobby", profile);
    clouds_provision(c, done.deployment.id);
    return done;
}

static void fill(struct clouds *c, const char *id, int64_t vehicles, int64_t at)
{
    ASSERT_OK(&c->p,
              tenant_fill_example(c->provisioning.stores, c->fleet.url, id, vehicles, at, &c->p.e));
}

static struct collected collect_some(struct clouds *c, int64_t max)
{
    struct usage_settings settings = usage_settings_default();
    settings.collect_max = max;
    struct collector collector = {&c->provisioning, &settings};
    struct collected sum;
    ASSERT_OK(&c->p, collect_run(&collector, &c->p.env, &never, &sum, &c->p.e));
    return sum;
}

static struct collected collect(struct clouds *c)
{
    return collect_some(c, 1000);
}

static struct records hours_of(struct clouds *c, const char *id)
{
    struct product *p = &c->p;
    struct records found;
    product_begin(p);
    ASSERT_OK(
        p, usage_hours_list(p->tx, id, NOW_HOUR - 1000, NOW_HOUR + 1000, &p->arena, &found, &p->e));
    product_rollback(p);
    return found;
}

static void set_url(struct clouds *c, const char *deployment_id, const char *url)
{
    product_begin(&c->p);
    ASSERT_OK(&c->p, db_exec(c->p.tx, &set_database_url,
                             DB_ARGS(db_text(deployment_id), db_text(url)), NULL, &c->p.e));
    product_commit(&c->p);
}

static int64_t points_in(struct records hours)
{
    const struct usage_hour *h = hours.items;
    int64_t points = 0;
    for (size_t i = 0; i < hours.count; i++)
        points += h[i].gps_collected;
    return points;
}

static const struct usage_hour *newest(struct records hours)
{
    assert_true(hours.count > 0);
    return (const struct usage_hour *)hours.items + hours.count - 1;
}

static void each_customer_gets_its_vehicles_its_points_by_hour_and_its_storage(void **state)
{
    struct clouds *c = *state;
    struct signed_up a = arrive(c, "acme", SMALL), b = arrive(c, "bolt", SMALL);
    int64_t now = env_now(&c->p.env);
    fill(c, a.customer.id, 2, now);
    fill(c, b.customer.id, 5, now);
    struct collected sum = collect(c);
    assert_int_equal(sum.customers, 2);
    assert_int_equal(sum.failed, 0);

    struct records hours = hours_of(c, a.customer.id);
    const struct usage_hour *last = newest(hours);
    assert_int_equal(last->hour, now / USEC_PER_HOUR);
    assert_int_equal(last->vehicles, 2);
    assert_int_equal(last->collections, 1);
    assert_int_equal(points_in(hours), 2 * 60);
    /* A point a minute: those of this hour are the minutes since it began, and now. */
    assert_int_equal(last->gps_collected, 2 * (now % USEC_PER_HOUR / (60 * USEC_PER_SEC) + 1));
    int64_t bytes = last->storage_bytes;
    last = newest(hours_of(c, b.customer.id));
    assert_int_equal(last->vehicles, 5);
    assert_true(bytes > 0);
    /* 1 + 2 + 120 rows of one against 1 + 5 + 300 of the other, rounded down each. */
    int64_t all = bytes + last->storage_bytes;
    assert_true(llabs(bytes - all * 123 / 429) <= 2);
}

static void who_has_a_database_alone_has_all_of_it(void **state)
{
    struct clouds *c = *state;
    struct signed_up a = arrive(c, "acme", LARGE);
    fill(c, a.customer.id, 1, env_now(&c->p.env));
    assert_int_equal(collect(c).places, 1);
    assert_true(newest(hours_of(c, a.customer.id))->storage_bytes >= 8192);
}

static void looking_again_counts_nothing_twice(void **state)
{
    struct clouds *c = *state;
    struct signed_up a = arrive(c, "acme", SMALL);
    fill(c, a.customer.id, 2, env_now(&c->p.env));
    (void)collect(c);
    int64_t changed = product_number(&c->p, &newest_change);
    clock_virtual_advance(&c->p.clock, 60 * USEC_PER_SEC);
    (void)collect(c);
    struct records hours = hours_of(c, a.customer.id);
    assert_int_equal(points_in(hours), 120);
    assert_int_equal(newest(hours)->collections, 2);
    /* Nothing is new, so nobody is measured again. */
    assert_int_equal(product_number(&c->p, &newest_change), changed);
    fill(c, a.customer.id, 3, env_now(&c->p.env));
    (void)collect(c);
    assert_true(product_number(&c->p, &newest_change) > changed);
    assert_int_equal(newest(hours_of(c, a.customer.id))->vehicles, 3);
}

static void points_older_than_a_day_are_not_looked_for(void **state)
{
    struct clouds *c = *state;
    struct signed_up a = arrive(c, "acme", SMALL);
    int64_t now = env_now(&c->p.env), hour = now / USEC_PER_HOUR;
    /* A point a minute up to this moment: the last of them is the first that counts. */
    fill(c, a.customer.id, 1, (hour - COLLECT_HOURS) * USEC_PER_HOUR);
    (void)collect(c);
    assert_int_equal(points_in(hours_of(c, a.customer.id)), 1);
}

static void a_broken_place_keeps_nobody_else_from_being_looked_at(void **state)
{
    struct clouds *c = *state;
    struct signed_up broken = arrive(c, "broken", LARGE), fine = arrive(c, "fine", LARGE),
                     shared = arrive(c, "shared", SMALL);
    set_url(c, broken.deployment.id, "sqlite:/nonexistent/folder/a.db");
    struct collected sum = collect(c);
    assert_int_equal(sum.places, 3);
    assert_int_equal(sum.failed, 1);
    assert_int_equal(hours_of(c, broken.customer.id).count, 0);
    assert_int_equal(hours_of(c, fine.customer.id).count, 1);
    assert_int_equal(hours_of(c, shared.customer.id).count, 1);
}

static void a_run_that_had_enough_is_gone_on_with_by_the_next(void **state)
{
    struct clouds *c = *state;
    enum { PLACES = 3 };
    const char *ids[PLACES];
    for (size_t i = 0; i < PLACES; i++)
        ids[i] = arrive(c, arena_printf(&c->p.arena, "c%zu", i), LARGE).customer.id;
    for (size_t run = 0; run < PLACES; run++) {
        assert_int_equal(collect_some(c, 1).customers, 1);
        for (size_t i = 0; i < PLACES; i++)
            assert_int_equal(hours_of(c, ids[i]).count, i <= run);
    }
    assert_int_equal(collect_some(c, 1).customers, 1); /* from the first place again */
    assert_int_equal(newest(hours_of(c, ids[0]))->collections, 2);
}

static void only_the_place_where_a_customer_lives_counts(void **state)
{
    struct clouds *c = *state;
    struct signed_up a = arrive(c, "acme", SMALL), gone = arrive(c, "gone", SMALL);
    product_begin(&c->p);
    ASSERT_OK(&c->p, db_exec(c->p.tx, &set_not_current, DB_ARGS(db_text(gone.deployment.id)), NULL,
                             &c->p.e));
    product_commit(&c->p);
    assert_int_equal(collect(c).customers, 1);
    assert_int_equal(hours_of(c, a.customer.id).count, 1);
    assert_int_equal(hours_of(c, gone.customer.id).count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLOUDS_TEST(each_customer_gets_its_vehicles_its_points_by_hour_and_its_storage),
        CLOUDS_TEST(who_has_a_database_alone_has_all_of_it),
        CLOUDS_TEST(looking_again_counts_nothing_twice),
        CLOUDS_TEST(points_older_than_a_day_are_not_looked_for),
        CLOUDS_TEST(a_broken_place_keeps_nobody_else_from_being_looked_at),
        CLOUDS_TEST(a_run_that_had_enough_is_gone_on_with_by_the_next),
        CLOUDS_TEST(only_the_place_where_a_customer_lives_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
