#include "check.h"

#include "base/err.h"
#include "infra/metrics/histogram.h"

#define MS 1000

static void an_empty_histogram_has_no_quantile(void **state)
{
    (void)state;
    struct histogram h = {0};
    assert_true(histogram_quantile(&h, 500) == INT64_MIN);
}

static void a_duration_on_a_bound_belongs_below_it(void **state)
{
    (void)state;
    struct histogram h = {0};
    for (size_t i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
        histogram_add(&h, histogram_bounds_us[i]);
        assert_int_equal(h.counts[i], 1);
        histogram_add(&h, histogram_bounds_us[i] + 1);
        assert_int_equal(h.counts[i + 1], 1);
        h.counts[i + 1] = 0;
    }
    assert_int_equal(h.total, 2 * (HISTOGRAM_BUCKETS - 1));
}

static void quantiles_lie_in_the_bucket_of_what_was_measured(void **state)
{
    (void)state;
    struct histogram h = {0};
    for (int i = 0; i < 90; i++)
        histogram_add(&h, 3 * MS); /* 2.5 to 5 ms */
    for (int i = 0; i < 9; i++)
        histogram_add(&h, 70 * MS); /* 50 to 100 ms */
    histogram_add(&h, 400 * MS);    /* 250 to 500 ms */
    static const struct {
        unsigned per_mille;
        int64_t low, high;
    } cases[] = {{0, 2500, 5000},           {500, 2500, 5000},        {900, 2500, 5000},
                 {901, 50 * MS, 100 * MS},  {990, 50 * MS, 100 * MS}, {991, 250 * MS, 500 * MS},
                 {1000, 250 * MS, 500 * MS}};
    int64_t before = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t us = histogram_quantile(&h, cases[i].per_mille);
        assert_in_range(us, cases[i].low, cases[i].high);
        assert_true(us >= before);
        before = us;
    }
    assert_int_equal(h.sum_us, (90 * 3 + 9 * 70 + 400) * MS);
}

static void what_took_longer_than_the_last_bound_shows_as_the_last_bound(void **state)
{
    (void)state;
    struct histogram h = {0};
    histogram_add(&h, INT64_C(1000000) * 3600);
    assert_int_equal(histogram_quantile(&h, 500), histogram_bounds_us[HISTOGRAM_BUCKETS - 2]);
}

static void the_text_counts_upwards_and_ends_with_all(void **state)
{
    (void)state;
    struct histogram h = {0};
    histogram_add(&h, 400);
    histogram_add(&h, 3 * MS);
    histogram_add(&h, INT64_C(1000000) * 3600);
    struct buf out = BUF_INIT(10000);
    histogram_write(&h, "webhost_job_run_seconds", "queue=\"fast\"", &out);
    static const char *const lines[] = {
        "webhost_job_run_seconds_bucket{queue=\"fast\",le=\"0.0005\"} 1\n",
        "webhost_job_run_seconds_bucket{queue=\"fast\",le=\"0.0025\"} 1\n",
        "webhost_job_run_seconds_bucket{queue=\"fast\",le=\"0.005\"} 2\n",
        "webhost_job_run_seconds_bucket{queue=\"fast\",le=\"300\"} 2\n",
        "webhost_job_run_seconds_bucket{queue=\"fast\",le=\"+Inf\"} 3\n",
        "webhost_job_run_seconds_sum{queue=\"fast\"} 3600.003400\n",
        "webhost_job_run_seconds_count{queue=\"fast\"} 3\n",
    };
    const char *text = buf_text(&out);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        ASSERT_CONTAINS(text, lines[i]);
    buf_release(&out);

    out = BUF_INIT(10000);
    histogram_write(&h, "x", "", &out);
    text = buf_text(&out);
    ASSERT_CONTAINS(text, "x_bucket{le=\"+Inf\"} 3\n");
    ASSERT_CONTAINS(text, "x_count{} 3\n");
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_histogram_has_no_quantile),
        cmocka_unit_test(a_duration_on_a_bound_belongs_below_it),
        cmocka_unit_test(quantiles_lie_in_the_bucket_of_what_was_measured),
        cmocka_unit_test(what_took_longer_than_the_last_bound_shows_as_the_last_bound),
        cmocka_unit_test(the_text_counts_upwards_and_ends_with_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
