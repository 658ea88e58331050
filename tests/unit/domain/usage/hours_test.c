/* Hours of usage: buckets, quantiles, and adding to what is stored. */
#include "product.h"

#include "domain/usage/hours.h"

static void durations_fall_into_the_bucket_whose_bound_they_do_not_exceed(void **state)
{
    (void)state;
    assert_int_equal(latency_bounds_us[0], 1000);
    assert_int_equal(latency_bounds_us[1], 1500);
    assert_int_equal(latency_bounds_us[2], 2000);
    assert_int_equal(latency_bounds_us[LATENCY_BUCKETS - 2], 32768 * 1000);
    assert_int_equal(latency_bucket(0), 0);
    for (unsigned i = 0; i < LATENCY_BUCKETS - 1; i++) {
        assert_int_equal(latency_bucket(latency_bounds_us[i]), i);
        assert_int_equal(latency_bucket(latency_bounds_us[i] + 1), i + 1);
    }
    assert_int_equal(latency_bucket(INT64_MAX), LATENCY_BUCKETS - 1);
}

static void quantiles_are_near_those_of_the_durations(void **state)
{
    (void)state;
    int64_t latency[LATENCY_BUCKETS] = {0};
    assert_int_equal(latency_quantile(latency, 500), INT_ABSENT);
    for (int64_t ms = 1; ms <= 1000; ms++)
        latency[latency_bucket(ms * USEC_PER_MS)]++;
    static const unsigned shares[] = {1, 100, 500, 950, 990, 999, 1000};
    for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
        int64_t exact = shares[i] * USEC_PER_MS;
        int64_t found = latency_quantile(latency, shares[i]);
        assert_true(found > exact - exact / 10 && found <= exact + exact / 10);
    }
    memset(latency, 0, sizeof(latency));
    latency[LATENCY_BUCKETS - 1] = 1;
    assert_int_equal(latency_quantile(latency, 500), latency_bounds_us[LATENCY_BUCKETS - 2]);
}

/* Every number is different, so that no two columns can be mistaken for each other. */
static struct usage_hour numbered(const char *customer, int64_t hour, int64_t first)
{
    struct usage_hour h = {.customer_id = customer, .hour = hour};
    for (const struct field *f = usage_hour_fields + 2; f->name; f++)
        *(int64_t *)record_at(&h, f) = first++;
    return h;
}

static bool is_maximum(const char *name)
{
    static const char *const maxima[] = {
        "vehicles",        "storage_bytes", "cpu_max",    "memory_max",    "disk_max",
        "connections_max", "users",         "peak_users", "gps_collected", NULL};
    return enum_from_text(maxima, str_from(name)) >= 0;
}

static void assert_is_sum(const struct usage_hour *sum, const struct usage_hour *a,
                          const struct usage_hour *b)
{
    size_t columns = 0;
    for (const struct field *f = usage_hour_fields + 2; f->name; f++, columns++) {
        int64_t x = *(int64_t *)record_at(a, f), y = *(int64_t *)record_at(b, f);
        assert_int_equal(*(int64_t *)record_at(sum, f), !is_maximum(f->name) ? x + y
                                                        : x > y              ? x
                                                                             : y);
    }
    assert_int_equal(columns, 62);
}

static void adding_sums_counts_and_keeps_the_larger_of_maxima(void **state)
{
    (void)state;
    struct usage_hour a = numbered("c", 1, 1000), b = numbered("c", 1, 7), sum = a;
    usage_hour_add(&sum, &b);
    assert_is_sum(&sum, &a, &b);
    sum = b;
    usage_hour_add(&sum, &a);
    assert_is_sum(&sum, &a, &b);
}

static struct records list(struct product *p, const char *customer, int64_t first, int64_t end)
{
    struct records hours;
    ASSERT_OK(p, usage_hours_list(p->tx, customer, first, end, &p->arena, &hours, &p->e));
    return hours;
}

static void what_is_stored_is_added_to_in_every_column(void **state)
{
    struct product *p = *state;
    const struct usage_hour first[] = {numbered("b", 5, 100), numbered("a", 7, 2000),
                                       numbered("a", 5, 300)};
    const struct usage_hour second[] = {numbered("a", 7, 500), numbered("c", 5, 900)};
    product_begin(p);
    ASSERT_OK(p, usage_hours_add(p->tx, 1, first, 3, &p->arena, &p->e));
    ASSERT_OK(p, usage_hours_add(p->tx, 1, second, 2, &p->arena, &p->e));
    ASSERT_OK(p, usage_hours_add(p->tx, 1, NULL, 0, &p->arena, &p->e));

    struct records a = list(p, "a", 0, 100);
    const struct usage_hour *hours = a.items;
    assert_int_equal(a.count, 2);
    assert_string_equal(hours[0].customer_id, "a");
    assert_int_equal(hours[0].hour, 5);
    assert_int_equal(hours[1].hour, 7);
    struct usage_hour none = {0};
    assert_is_sum(&hours[0], &first[2], &none);
    assert_is_sum(&hours[1], &first[1], &second[0]);
    product_rollback(p);
}

static void a_list_holds_its_customers_hours_from_first_to_before_end(void **state)
{
    struct product *p = *state;
    const struct usage_hour stored[] = {numbered("a", 4, 1), numbered("a", 5, 1),
                                        numbered("a", 6, 1), numbered("b", 5, 1)};
    product_begin(p);
    ASSERT_OK(p, usage_hours_add(p->tx, 1, stored, ARRAY_LEN(stored), &p->arena, &p->e));
    struct records hours = list(p, "a", 5, 6);
    assert_int_equal(hours.count, 1);
    assert_int_equal(((const struct usage_hour *)hours.items)->hour, 5);
    assert_int_equal(list(p, "a", 6, 6).count, 0);
    assert_int_equal(list(p, "nobody", 0, 100).count, 0);
    product_rollback(p);
}

static void sums_that_need_more_than_63_bits_stay_at_what_fits(void **state)
{
    struct product *p = *state;
    struct usage_hour huge = {.customer_id = "a", .hour = 1, .bytes = INT64_MAX - 5};
    product_begin(p);
    for (int i = 0; i < 3; i++)
        ASSERT_OK(p, usage_hours_add(p->tx, 1, &huge, 1, &p->arena, &p->e));
    struct records hours = list(p, "a", 1, 2);
    assert_true(((const struct usage_hour *)hours.items)->bytes >= INT64_MAX / 2);
    product_rollback(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_fall_into_the_bucket_whose_bound_they_do_not_exceed),
        cmocka_unit_test(quantiles_are_near_those_of_the_durations),
        cmocka_unit_test(adding_sums_counts_and_keeps_the_larger_of_maxima),
        PRODUCT_TEST(what_is_stored_is_added_to_in_every_column),
        PRODUCT_TEST(a_list_holds_its_customers_hours_from_first_to_before_end),
        PRODUCT_TEST(sums_that_need_more_than_63_bits_stay_at_what_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
