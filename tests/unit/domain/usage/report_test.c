/* Reports about one customer, and the plan's metrics. */
#include "product.h"

#include "domain/usage/example.h"
#include "domain/usage/measure.h"
#include "domain/usage/report.h"
#include "domain/usage/retention.h"

#define NOW_HOUR (PRODUCT_START_US / USEC_PER_HOUR)
#define TODAY    (PRODUCT_START_US / USEC_PER_DAY)

static const _Atomic bool never;

static const char *customer(struct product *p)
{
    return product_signup(p, "acme", "hobby", "{\"vehicle_count\":2}").customer.id;
}

static void add(struct product *p, const struct usage_hour *hours, size_t count)
{
    product_begin(p);
    ASSERT_OK(p, usage_hours_add(p->tx, env_now(&p->env), hours, count, &p->arena, &p->e));
    product_commit(p);
}

static enum err try_report(struct product *p, struct usage_span span, struct usage_report *ret)
{
    struct provisioning_settings settings = provisioning_settings_default();
    p->problems.count = 0;
    product_begin(p);
    enum err err = usage_report(p->tx, &p->env, &settings.hetzner, "acme", span, &p->arena,
                                &p->problems, ret, &p->e);
    product_rollback(p);
    return err;
}

static struct usage_report report(struct product *p, struct usage_span span)
{
    struct usage_report r;
    ASSERT_OK(p, try_report(p, span, &r));
    return r;
}

static const struct usage_span week = {INT_ABSENT, INT_ABSENT, -1};

static struct usage_span days_back(int64_t days, int step)
{
    return (struct usage_span){PRODUCT_START_US - days * USEC_PER_DAY, INT_ABSENT, step};
}

/* -- spans ------------------------------------------------------------------------------------- */

static void a_span_is_a_week_of_hours_unless_told(void **state)
{
    struct product *p = *state;
    (void)customer(p);
    struct usage_report r = report(p, week);
    assert_int_equal(r.step, USAGE_STEP_HOUR);
    assert_int_equal(r.step_count, 7 * 24 + 1); /* rounded outwards at both ends */
    assert_int_equal(r.steps[r.step_count - 1].hour, NOW_HOUR);
    assert_int_equal(r.from % USEC_PER_HOUR, 0);
    assert_int_equal(report(p, days_back(8, -1)).step, USAGE_STEP_DAY);
    assert_int_equal(report(p, days_back(8, -1)).step_count, 9);
}

static void a_span_has_bounds(void **state)
{
    struct product *p = *state;
    struct usage_report r;
    (void)customer(p);
    assert_int_equal(try_report(p, days_back(34, USAGE_STEP_HOUR), &r), OK);
    assert_int_equal(try_report(p, days_back(35, USAGE_STEP_HOUR), &r), ERR_INVALID);
    assert_string_equal(p->problems.items[0].path, "step");
    assert_int_equal(try_report(p, days_back(399, USAGE_STEP_DAY), &r), OK);
    assert_int_equal(try_report(p, days_back(400, USAGE_STEP_DAY), &r), ERR_INVALID);
    struct usage_span backwards = {PRODUCT_START_US - 1, PRODUCT_START_US - 2, -1};
    assert_int_equal(try_report(p, backwards, &r), ERR_INVALID);
    assert_string_equal(p->problems.items[0].path, "from");
    struct usage_span ahead = {PRODUCT_START_US + 1, PRODUCT_START_US + USEC_PER_DAY, -1};
    assert_int_equal(try_report(p, ahead, &r), ERR_INVALID);
}

/* -- numbers ----------------------------------------------------------------------------------- */

static void hours_and_days_have_the_same_totals_before_and_after_they_are_moved(void **state)
{
    struct product *p = *state;
    const char *id = customer(p);
    struct usage_hour hours[50 * 24];
    for (int64_t i = 0; i < (int64_t)ARRAY_LEN(hours); i++)
        hours[i] = (struct usage_hour){.customer_id = id,
                                       .hour = NOW_HOUR - i,
                                       .events = 1,
                                       .api_calls = i,
                                       .gps_points = 3,
                                       .gps_collected = i % 5};
    add(p, hours, ARRAY_LEN(hours));
    struct usage_report before = report(p, days_back(60, -1));
    int64_t moved;
    ASSERT_OK(p, usage_move_to_days(&p->env, &never, &moved, &p->e));
    assert_true(moved > 0);
    struct usage_report after = report(p, days_back(60, -1));
    assert_int_equal(before.total.api_calls,
                     (int64_t)ARRAY_LEN(hours) * (ARRAY_LEN(hours) - 1) / 2);
    assert_memory_equal(&before.total.events, &after.total.events,
                        sizeof(before.total) - offsetof(struct usage_hour, events));
    /* Of every five hours one has 4 in the database and the others 3 events. */
    assert_int_equal(before.total.gps_points, ARRAY_LEN(hours) / 5 * (3 * 4 + 4));
    assert_int_equal(before.step_count, after.step_count);
    for (size_t i = 0; i < before.step_count; i++)
        assert_int_equal(before.steps[i].api_calls, after.steps[i].api_calls);
}

static void only_what_is_in_the_span_counts(void **state)
{
    struct product *p = *state;
    const char *id = customer(p);
    const struct usage_hour hours[] = {
        {.customer_id = id, .hour = NOW_HOUR - 3, .events = 1, .api_calls = 1000},
        {.customer_id = id, .hour = NOW_HOUR - 2, .events = 1, .api_calls = 20},
        {.customer_id = id, .hour = NOW_HOUR - 1, .events = 1, .api_calls = 3},
    };
    add(p, hours, 3);
    struct usage_span span = {(NOW_HOUR - 2) * USEC_PER_HOUR, (NOW_HOUR - 1) * USEC_PER_HOUR, -1};
    struct usage_report r = report(p, span);
    assert_int_equal(r.step_count, 1);
    assert_int_equal(r.total.api_calls, 20);
    span.to++;
    assert_int_equal(report(p, span).total.api_calls, 23);
}

static void the_json_tells_what_was_measured_and_null_for_the_rest(void **state)
{
    struct product *p = *state;
    const char *id = customer(p);
    struct usage_hour hours[] = {
        {.customer_id = id,
         .hour = NOW_HOUR - 1,
         .events = 1,
         .api_calls = 300,
         .api_errors = 3,
         .api_us = 300 * 12500,
         .calls_eu = 225,
         .calls_us = 75,
         .collections = 1,
         .vehicles = 9,
         .storage_bytes = 1500000},
        {.customer_id = id, .hour = NOW_HOUR, .collections = 1, .vehicles = 7},
    };
    hours[0].latency[latency_bucket(12500)] = 300;
    add(p, hours, 2);
    struct usage_report r = report(p, week);
    _cleanup_json_ json_t *json = usage_report_json(&r);
    const json_t *totals = json_object_get(json, "totals");
    assert_int_equal(json_get_int(totals, "api_calls"), 300);
    assert_int_equal(json_get_int(totals, "vehicle_count"), 7);
    assert_true(json_number_value(json_object_get(totals, "storage_used_mb")) == 1.5);
    assert_true(json_number_value(json_object_get(totals, "error_rate")) == 0.01);
    assert_true(json_number_value(json_object_get(totals, "average_response_time_ms")) == 12.5);
    assert_true(json_is_null(json_object_get(totals, "cpu_utilization")));
    const json_t *region = json_array_get(json_object_get(json, "regions"), 0);
    assert_string_equal(json_get_text(region, "region"), "EU");
    assert_true(json_number_value(json_object_get(region, "share")) == 0.75);
    assert_int_equal(json_array_size(json_object_get(json, "series")), r.step_count);
    assert_string_equal(json_get_text(json_object_get(json, "forecast"), "outcome"), "unknown");
}

/* -- forecast and patterns --------------------------------------------------------------------- */

static void a_slot_is_outgrown_when_the_line_reaches_its_share_of_the_host(void **state)
{
    struct product *p = *state;
    const char *id = customer(p);
    struct provisioning_settings settings = provisioning_settings_default();
    int64_t limit = settings.hetzner.load_max / settings.hetzner.slots_per_host;
    struct usage_hour hours[20];
    for (int64_t i = 0; i < 20; i++) {
        int64_t cpu = limit - 40 + i; /* 1/10000 more each day; 20 below the limit today */
        hours[i] = (struct usage_hour){.customer_id = id,
                                       .hour = (TODAY - 20 + i) * 24 + 12,
                                       .events = 1,
                                       .samples = 2,
                                       .cpu_sum = 2 * cpu};
    }
    add(p, hours, 20);
    struct usage_report r = report(p, week);
    const struct forecast *f = &r.forecasts[FORECAST_CPU];
    assert_int_equal(r.slots, settings.hetzner.slots_per_host);
    assert_int_equal(f->limit, limit);
    assert_int_equal(f->outcome, FORECAST_AT);
    assert_in_range(f->at, (TODAY + 20) * USEC_PER_DAY, (TODAY + 21) * USEC_PER_DAY);
    assert_int_equal(r.forecasts[FORECAST_DISK].outcome, FORECAST_STEADY);
}

static void patterns_leave_out_today_and_the_time_before_the_first_hour(void **state)
{
    struct product *p = *state;
    const char *id = customer(p);
    struct usage_hour hours[4 * 24];
    for (int64_t i = 0; i < 4 * 24; i++)
        hours[i] = (struct usage_hour){.customer_id = id,
                                       .hour = (TODAY - 4) * 24 + 5 + i,
                                       .events = 1,
                                       .api_calls = i % 24 == 4 ? 100 : 1};
    add(p, hours, 4 * 24);
    struct usage_report r = report(p, week);
    assert_int_equal(r.patterns.days, 3); /* of the first day there are 19 hours */
    assert_int_equal(r.patterns.peak_count, 1);
    assert_int_equal(r.patterns.peak_hours[0], 9);
    assert_int_equal(r.patterns.season, -1);
}

/* -- the plan's metrics ------------------------------------------------------------------------ */

static json_t *metrics(struct product *p, const char *id, bool *ret_counted)
{
    json_t *out;
    product_begin(p);
    ASSERT_OK(p, usage_metrics(p->tx, &p->env, id, &p->arena, &out, ret_counted, &p->e));
    product_rollback(p);
    return out;
}

static void every_metric_of_the_plan_is_null_before_anything_is_recorded(void **state)
{
    struct product *p = *state;
    bool counted;
    static const char *const keys[] = {
        "vehicle_count",        "gps_points_today",        "api_calls_today",
        "storage_used_mb",      "peak_concurrent_users",   "average_response_time_ms",
        "error_rate",           "geographic_distribution", "growth_rate",
        "resource_utilization",
    };
    _cleanup_json_ json_t *m = metrics(p, customer(p), &counted);
    assert_false(counted);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        assert_true(json_is_null(json_object_get(m, keys[i])));
    const json_t *patterns = json_object_get(m, "patterns");
    assert_true(json_is_null(json_object_get(patterns, "peak_hours")));
    assert_true(json_is_null(json_object_get(patterns, "batch_operations")));
}

static void the_metrics_are_those_of_the_last_day_and_the_patterns_of_weeks(void **state)
{
    struct product *p = *state;
    bool counted;
    const char *id = customer(p);
    const struct usage_example example = {.customer_id = id,
                                          .seed = 1,
                                          .vehicles = 10,
                                          .users = 20,
                                          .cpu = 300,
                                          .region = GEOGRAPHY_EU,
                                          .response_us = 50000};
    product_begin(p);
    ASSERT_OK(p, usage_add_example(p->tx, PRODUCT_START_US, &example, &p->arena, &p->e));
    ASSERT_OK(p, usage_add_example(p->tx, PRODUCT_START_US, &example, &p->arena, &p->e));
    product_commit(p);
    int64_t count;
    ASSERT_OK(p, measure_all(&p->env, &never, &count, &p->e));
    assert_int_equal(count, 1);
    _cleanup_json_ json_t *m = metrics(p, id, &counted);
    struct usage_report day = report(
        p, (struct usage_span){(NOW_HOUR - 23) * USEC_PER_HOUR, INT_ABSENT, USAGE_STEP_HOUR});
    assert_true(counted);
    assert_int_equal(json_get_int(m, "vehicle_count"), 10);
    assert_int_equal(json_get_int(m, "api_calls_today"), day.total.api_calls);
    assert_int_equal(json_get_int(m, "gps_points_today"), day.total.gps_points);
    assert_int_equal(json_get_int(m, "peak_concurrent_users"), day.total.peak_users);
    assert_true(json_number_value(json_object_get(m, "growth_rate")) > 0.1);
    const json_t *resources = json_object_get(m, "resource_utilization");
    assert_true(json_number_value(json_object_get(resources, "cpu_utilization")) > 0);
    const json_t *patterns = json_object_get(m, "patterns");
    assert_string_equal(json_get_text(patterns, "seasonal_patterns"), "daily_and_weekly");
    assert_true(json_array_size(json_object_get(patterns, "peak_hours")) > 0);
    assert_int_equal(json_get_int(patterns, "batch_operations"), day.total.batch_ops);
    assert_int_equal(json_get_int(patterns, "real_time_operations"), day.total.realtime_ops);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PRODUCT_TEST(a_span_is_a_week_of_hours_unless_told),
        PRODUCT_TEST(a_span_has_bounds),
        PRODUCT_TEST(hours_and_days_have_the_same_totals_before_and_after_they_are_moved),
        PRODUCT_TEST(only_what_is_in_the_span_counts),
        PRODUCT_TEST(the_json_tells_what_was_measured_and_null_for_the_rest),
        PRODUCT_TEST(a_slot_is_outgrown_when_the_line_reaches_its_share_of_the_host),
        PRODUCT_TEST(patterns_leave_out_today_and_the_time_before_the_first_hour),
        PRODUCT_TEST(every_metric_of_the_plan_is_null_before_anything_is_recorded),
        PRODUCT_TEST(the_metrics_are_those_of_the_last_day_and_the_patterns_of_weeks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
