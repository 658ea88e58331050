/* What an operator sees first: counts and what wants a person; and how moves went. */
#include "domain/migration/overview.h"
#include "overview_test.sql.h"
#include "product.h"

static struct hetzner_settings hetzner(void)
{
    return provisioning_settings_default().hetzner;
}

static struct overview take(struct product *p)
{
    struct overview o;
    struct hetzner_settings s = hetzner();
    ASSERT_OK(p, overview_take(p->tx, &p->env, &s, &p->arena, &o, &p->e));
    return o;
}

struct ended {
    const char *state, *by, *error;
    int64_t stall_us, took_us, days_ago;
};

static void move(struct product *p, const char *customer_id, struct ended m)
{
    int64_t at = clock_now(&p->clock.clock) - m.days_ago * USEC_PER_DAY;
    ASSERT_OK(p, db_exec(p->tx, &move_ended,
                         DB_ARGS(db_text(env_id(&p->env, &p->arena)), db_text(customer_id),
                                 db_text(m.state), db_text(m.by), db_int(m.stall_us),
                                 db_text(m.error), db_int(at - m.took_us), db_int(at)),
                         NULL, &p->e));
}

static void a_quiet_fleet_is_counted_and_has_no_alerts(void **state)
{
    struct product *p = *state;
    (void)product_signup(p, "small", "hobby", "{\"vehicle_count\":1}");
    (void)product_signup(p, "other", "hobby", "{\"vehicle_count\":1}");
    (void)product_signup(p, "clinic", "starter", "{\"compliance_requirements\":[\"hipaa\"]}");
    product_begin(p);
    struct overview o = take(p);
    const struct overview_place *places = o.places.items;
    assert_int_equal(o.places.count, 2);
    assert_int_equal(places[0].mode, MULTI_TENANT);
    assert_int_equal(places[0].status, DEPLOYMENT_PROVISIONING);
    assert_int_equal(places[0].count, 2);
    assert_int_equal(places[1].mode, SINGLE_TENANT);
    assert_int_equal(places[1].count, 1);
    assert_int_equal(o.counts.jobs_discarded, 0);
    assert_int_equal(o.alerts.count, 0);
    product_rollback(p);
}

static void what_wants_a_person_is_said_in_a_sentence_the_critical_first(void **state)
{
    struct product *p = *state;
    const char *id = product_signup(p, "small", "hobby", "{}").customer.id;
    product_begin(p);
    ASSERT_OK(p, db_exec(p->tx, &pause_a_queue, DB_NO_ARGS, NULL, &p->e));
    ASSERT_OK(p, db_exec(p->tx, &job_given_up, DB_NO_ARGS, NULL, &p->e));
    ASSERT_OK(p, db_exec(p->tx, &job_given_up, DB_NO_ARGS, NULL, &p->e));
    move(p, id, (struct ended){"failed", "system", "no room", INT_ABSENT, 5, 6});
    move(p, id, (struct ended){"failed", "system", "no room", INT_ABSENT, 5, 8}); /* is old */
    struct overview o = take(p);
    const struct alert *a = o.alerts.items;
    assert_int_equal(o.alerts.count, 3);
    assert_string_equal(a[0].text, "1 move failed within the last seven days");
    assert_int_equal(a[0].severity, ALERT_CRITICAL);
    assert_string_equal(a[1].text, "2 jobs were given up after their last attempt");
    assert_string_equal(a[2].text, "1 queue is paused");
    assert_int_equal(a[2].severity, ALERT_WARNING);
    product_rollback(p);
}

static void what_may_be_many_is_counted_up_to_a_thousand(void **state)
{
    struct product *p = *state;
    product_begin(p);
    for (int i = 0; i < OVERVIEW_COUNT_MAX + 5; i++)
        ASSERT_OK(p, db_exec(p->tx, &job_given_up, DB_NO_ARGS, NULL, &p->e));
    struct overview o = take(p);
    const struct alert *a = o.alerts.items;
    assert_int_equal(o.counts.jobs_discarded, OVERVIEW_COUNT_MAX);
    assert_string_equal(a[0].text, "at least 1000 jobs were given up after their last attempt");
    product_rollback(p);
}

static void a_trend_has_every_day_and_what_moves_came_to(void **state)
{
    struct product *p = *state;
    const char *id = product_signup(p, "small", "hobby", "{}").customer.id;
    product_begin(p);
    for (int64_t i = 1; i <= 20; i++)
        move(p, id, (struct ended){"completed", "job:W", NULL, i * 1000, i * USEC_PER_SEC, 1});
    move(p, id, (struct ended){"failed", "token:maria", "the disk is full", INT_ABSENT, 9, 0});
    move(p, id, (struct ended){"returned", "job:W", NULL, 5, 9, 0});
    move(p, id, (struct ended){"cancelled", "token:maria", NULL, INT_ABSENT, 9, 2});
    move(p, id, (struct ended){"completed", "job:W", NULL, 1, 1, 30}); /* before the 30 days */
    struct trend t;
    ASSERT_OK(p, trend_take(p->tx, clock_now(&p->clock.clock), 30, &p->arena, &t, &p->e));
    const struct trend_day *d = t.days.items;
    assert_int_equal(t.days.count, 30);
    assert_int_equal(d[29].day, clock_now(&p->clock.clock) / USEC_PER_DAY);
    assert_int_equal(d[28].completed, 20);
    assert_int_equal(d[29].failed, 1);
    assert_int_equal(d[29].returned, 1);
    assert_int_equal(d[27].cancelled, 1);
    assert_int_equal(t.ends[TREND_COMPLETED], 20);
    assert_int_equal(t.success, 20 * DECIMAL_ONE / 22);
    assert_int_equal(t.took_p50, 10 * USEC_PER_SEC);
    assert_int_equal(t.took_p95, 19 * USEC_PER_SEC);
    assert_int_equal(t.stall_p50, 10000);
    assert_int_equal(t.stall_max, 20000);
    assert_true(t.whole);
    const struct trend_cause *asked = t.asked.items, *failures = t.failures.items;
    assert_int_equal(t.asked.count, 2);
    assert_string_equal(asked[0].cause, "W");
    assert_int_equal(asked[0].count, 21);
    assert_string_equal(asked[1].cause, "a person, with token maria");
    assert_int_equal(t.failures.count, 1);
    assert_string_equal(failures[0].cause, "the disk is full");
    product_rollback(p);
}

static void without_moves_there_is_nothing_to_tell(void **state)
{
    struct product *p = *state;
    struct trend t;
    product_begin(p);
    ASSERT_OK(p, trend_take(p->tx, clock_now(&p->clock.clock), 1, &p->arena, &t, &p->e));
    assert_int_equal(t.days.count, 1);
    assert_int_equal(t.success, INT_ABSENT);
    assert_int_equal(t.took_p50, INT_ABSENT);
    assert_int_equal(t.stall_max, INT_ABSENT);
    assert_int_equal(t.asked.count + t.failures.count, 0);
    product_rollback(p);
}

static void many_causes_end_in_something_else(void **state)
{
    struct product *p = *state;
    const char *id = product_signup(p, "small", "hobby", "{}").customer.id;
    product_begin(p);
    for (int i = 0; i < TREND_CAUSES_MAX + 2; i++)
        move(p, id,
             (struct ended){"failed", "system", arena_printf(&p->arena, "error %d", i), INT_ABSENT,
                            9, 0});
    struct trend t;
    ASSERT_OK(p, trend_take(p->tx, clock_now(&p->clock.clock), 1, &p->arena, &t, &p->e));
    const struct trend_cause *c = t.failures.items;
    assert_int_equal(t.failures.count, TREND_CAUSES_MAX);
    assert_string_equal(c[0].cause, "something else");
    assert_int_equal(c[0].count, 3);
    product_rollback(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PRODUCT_TEST(a_quiet_fleet_is_counted_and_has_no_alerts),
        PRODUCT_TEST(what_wants_a_person_is_said_in_a_sentence_the_critical_first),
        PRODUCT_TEST(what_may_be_many_is_counted_up_to_a_thousand),
        PRODUCT_TEST(a_trend_has_every_day_and_what_moves_came_to),
        PRODUCT_TEST(without_moves_there_is_nothing_to_tell),
        PRODUCT_TEST(many_causes_end_in_something_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
