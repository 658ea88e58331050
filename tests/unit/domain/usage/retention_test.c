/* Old hours become days, and nothing that is counted is lost on the way. */
#include "product.h"

#include "domain/usage/measure.h"
#include "domain/usage/retention.h"
#include "usage_test.sql.h"

#define NOW_HOUR (PRODUCT_START_US / USEC_PER_HOUR)
#define TODAY    (PRODUCT_START_US / USEC_PER_DAY)
#define OLD_DAY  (TODAY - 40)

static const _Atomic bool never;

static void add(struct product *p, const struct usage_hour *hours, size_t count)
{
    product_begin(p);
    ASSERT_OK(p, usage_hours_add(p->tx, env_now(&p->env), hours, count, &p->arena, &p->e));
    product_commit(p);
}

static int64_t move(struct product *p)
{
    int64_t moved;
    ASSERT_OK(p, usage_move_to_days(&p->env, &never, &moved, &p->e));
    return moved;
}

static struct records hours_of(struct product *p, const char *id)
{
    struct records found;
    product_begin(p);
    ASSERT_OK(p, usage_hours_list(p->tx, id, 0, NOW_HOUR + 1, &p->arena, &found, &p->e));
    product_rollback(p);
    return found;
}

static struct records days_of(struct product *p, const char *id)
{
    struct records found;
    product_begin(p);
    ASSERT_OK(p, usage_days_list(p->tx, id, 0, TODAY + 1, &p->arena, &found, &p->e));
    product_rollback(p);
    return found;
}

/* Every number is another one. */
static struct usage_hour numbered(const char *id, int64_t hour, int64_t first)
{
    struct usage_hour h = {.customer_id = id, .hour = hour};
    for (const struct field *f = usage_hour_fields + 2; f->name; f++)
        *(int64_t *)record_at(&h, f) = first++;
    return h;
}

static void assert_equal(const struct usage_hour *a, const struct usage_hour *b)
{
    for (const struct field *f = usage_hour_fields + 2; f->name; f++) {
        if (*(int64_t *)record_at(a, f) != *(int64_t *)record_at(b, f))
            fail_msg("%s: %lld and %lld", f->name, (long long)*(int64_t *)record_at(a, f),
                     (long long)*(int64_t *)record_at(b, f));
    }
}

static void every_total_is_the_same_before_and_after(void **state)
{
    struct product *p = *state;
    const struct usage_hour hours[] = {
        numbered("a", OLD_DAY * 24, 100),
        numbered("a", OLD_DAY * 24 + 23, 5000),
        numbered("a", OLD_DAY * 24 + 24, 7),
        numbered("b", OLD_DAY * 24 + 5, 900),
    };
    struct usage_hour first = hours[0], second = hours[1], third = hours[2], other = hours[3];
    usage_hour_settle(&first);
    usage_hour_settle(&second);
    usage_hour_settle(&third);
    usage_hour_settle(&other);
    usage_hour_add(&first, &second);
    add(p, hours, ARRAY_LEN(hours));
    assert_int_equal(move(p), 4);
    assert_int_equal(hours_of(p, "a").count, 0);
    struct records days = days_of(p, "a");
    const struct usage_hour *day = days.items;
    assert_int_equal(days.count, 2);
    assert_int_equal(day[0].hour, OLD_DAY * 24);
    assert_equal(&day[0], &first);
    assert_equal(&day[1], &third);
    days = days_of(p, "b");
    assert_equal(days.items, &other);
}

static void points_of_a_day_are_the_larger_count_of_each_hour(void **state)
{
    struct product *p = *state;
    const struct usage_hour hours[] = {
        {.customer_id = "a", .hour = OLD_DAY * 24, .gps_points = 10, .gps_collected = 4},
        {.customer_id = "a", .hour = OLD_DAY * 24 + 1, .gps_points = 3, .gps_collected = 20},
    };
    add(p, hours, 2);
    (void)move(p);
    struct records days = days_of(p, "a");
    assert_int_equal(((const struct usage_hour *)days.items)[0].gps_points, 30);
}

static void an_hour_that_comes_late_is_added_to_its_day(void **state)
{
    struct product *p = *state;
    struct usage_hour hour = numbered("a", OLD_DAY * 24 + 3, 10), sum = hour;
    add(p, &hour, 1);
    assert_int_equal(move(p), 1);
    add(p, &hour, 1);
    assert_int_equal(move(p), 1);
    assert_int_equal(move(p), 0);
    usage_hour_settle(&sum);
    usage_hour_settle(&hour);
    usage_hour_add(&sum, &hour);
    struct records days = days_of(p, "a");
    assert_int_equal(days.count, 1);
    assert_equal(days.items, &sum);
}

static void users_of_a_day_stay_when_its_hours_join_them(void **state)
{
    struct product *p = *state;
    const struct usage_hour hour = {
        .customer_id = "a", .hour = OLD_DAY * 24, .events = 1, .users = 3, .peak_users = 2};
    add(p, &hour, 1);
    product_begin(p);
    ASSERT_OK(p, db_exec(p->tx, &put_day_users, DB_ARGS(db_text("a"), db_int(OLD_DAY), db_int(11)),
                         NULL, &p->e));
    product_commit(p);
    (void)move(p);
    struct records days = days_of(p, "a");
    const struct usage_hour *day = days.items;
    assert_int_equal(days.count, 1);
    assert_int_equal(day->users, 11);
    assert_int_equal(day->peak_users, 2);
    assert_int_equal(day->events, 1);
}

static void whole_days_go_and_only_when_all_of_their_hours_are_old(void **state)
{
    struct product *p = *state;
    int64_t first = usage_first_hour(PRODUCT_START_US);
    assert_int_equal(first % 24, 0);
    assert_true(first <= NOW_HOUR - HOURS_KEPT && first > NOW_HOUR - HOURS_KEPT - 24);
    const struct usage_hour hours[] = {
        {.customer_id = "a", .hour = first - 1, .events = 1},
        {.customer_id = "a", .hour = first, .events = 1},
    };
    add(p, hours, 2);
    assert_int_equal(move(p), 1);
    struct records left = hours_of(p, "a");
    assert_int_equal(left.count, 1);
    assert_int_equal(((const struct usage_hour *)left.items)->hour, first);
}

static void more_than_a_batch_is_moved_to_the_end(void **state)
{
    struct product *p = *state;
    enum { DAYS = 60 };
    struct usage_hour *hours = arena_new_array(&p->arena, DAYS * 24, struct usage_hour);
    for (int64_t i = 0; i < DAYS * 24; i++)
        hours[i] =
            (struct usage_hour){.customer_id = "a", .hour = (OLD_DAY - DAYS) * 24 + i, .events = i};
    add(p, hours, (size_t)DAYS * 24);
    assert_int_equal(move(p), DAYS * 24);
    struct records days = days_of(p, "a");
    const struct usage_hour *day = days.items;
    int64_t events = 0;
    assert_int_equal(days.count, DAYS);
    for (size_t i = 0; i < days.count; i++)
        events += day[i].events;
    assert_int_equal(events, (int64_t)DAYS * 24 * (DAYS * 24 - 1) / 2);
}

/* -- what is deleted --------------------------------------------------------------------------- */

static void prune(struct product *p)
{
    struct prune_rule rules[USAGE_PRUNE_RULES];
    usage_prune_rules(rules);
    product_begin(p);
    for (size_t i = 0; i < USAGE_PRUNE_RULES; i++) {
        int64_t deleted;
        ASSERT_OK(
            p, rules[i].prune(p->tx, PRODUCT_START_US - rules[i].keep_us, 1000, &deleted, &p->e));
    }
    product_commit(p);
}

static void what_is_past_its_time_is_deleted_and_nothing_younger(void **state)
{
    struct product *p = *state;
    product_begin(p);
    for (int64_t age = 0; age < 2; age++) {
        struct db_value id = db_text("a");
        ASSERT_OK(p, db_exec(p->tx, &put_day_users,
                             DB_ARGS(id, db_int(TODAY - DAYS_KEPT - age), db_int(1)), NULL, &p->e));
        ASSERT_OK(p, db_exec(p->tx, &put_usage_user,
                             DB_ARGS(id, db_int(NOW_HOUR - USERS_KEPT - age), db_int(1), db_int(1)),
                             NULL, &p->e));
        ASSERT_OK(p, db_exec(p->tx, &put_event_id,
                             DB_ARGS(id, db_int(age),
                                     db_int(PRODUCT_START_US - HOURS_KEPT * USEC_PER_HOUR -
                                            USEC_PER_DAY - age)),
                             NULL, &p->e));
    }
    product_commit(p);
    prune(p);
    assert_int_equal(product_number(p, &count_days), 1);
    assert_int_equal(product_number(p, &count_users), 1);
    assert_int_equal(product_number(p, &count_event_ids), 1);
    struct records days = days_of(p, "a");
    assert_int_equal(((const struct usage_hour *)days.items)->hour, (TODAY - DAYS_KEPT) * 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PRODUCT_TEST(every_total_is_the_same_before_and_after),
        PRODUCT_TEST(points_of_a_day_are_the_larger_count_of_each_hour),
        PRODUCT_TEST(an_hour_that_comes_late_is_added_to_its_day),
        PRODUCT_TEST(users_of_a_day_stay_when_its_hours_join_them),
        PRODUCT_TEST(whole_days_go_and_only_when_all_of_their_hours_are_old),
        PRODUCT_TEST(more_than_a_batch_is_moved_to_the_end),
        PRODUCT_TEST(what_is_past_its_time_is_deleted_and_nothing_younger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
