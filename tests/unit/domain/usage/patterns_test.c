/* Peaks, seasons and trends of made-up loads whose answers are known. */
#include "check.h"

#include "base/clock.h"
#include "domain/usage/patterns.h"

#include <math.h>

#define DAYS_MAX 70
#define TODAY    20000

struct loads {
    int64_t hours[DAYS_MAX * 24];
};

/* `base` in every hour, and `more` in the hours of a working day from 9 to 16 on. */
static struct patterns find(size_t days, int64_t base, int64_t more, int64_t weekend_percent)
{
    struct loads l;
    struct patterns p;
    for (size_t i = 0; i < days * 24; i++) {
        bool weekend = i / 24 % 7 >= 5, office = i % 24 >= 9 && i % 24 < 17;
        l.hours[i] = (base + (office ? more : 0)) * (weekend ? weekend_percent : 100) / 100;
    }
    patterns_find(l.hours, days, &p);
    return p;
}

static void a_peak_is_half_as_much_again_as_the_mean_hour(void **state)
{
    (void)state;
    /* 8 hours with 10 + m, mean 10 + m / 3: a peak when 10 + m >= 15 + m / 2, from m = 10 on. */
    struct patterns p = find(PEAK_DAYS, 10, 10, 100);
    assert_true(p.peaks_known);
    assert_int_equal(p.peak_count, 8);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(p.peak_hours[i], 9 + i);
    assert_int_equal(find(PEAK_DAYS, 10, 9, 100).peak_count, 0);
    assert_int_equal(find(PEAK_DAYS, 0, 0, 100).peak_count, 0);
    assert_false(find(PEAK_DAYS - 1, 10, 10, 100).peaks_known);
}

static void seasons_are_told_from_enough_days_on(void **state)
{
    (void)state;
    assert_int_equal(find(SEASON_DAYS - 1, 10, 50, 100).season, -1);
    struct patterns p = find(SEASON_DAYS, 10, 50, 100);
    assert_int_equal(p.season, SEASON_DAILY);
    assert_int_equal(p.daily, 10000);
    assert_int_equal(p.weekly, INT_ABSENT);
    assert_int_equal(find(SEASON_WEEKS * 7 - 1, 10, 50, 20).season, SEASON_DAILY);
    p = find((size_t)SEASON_WEEKS * 7, 10, 50, 20);
    assert_int_equal(p.season, SEASON_BOTH);
    assert_true(p.weekly > 9000);
    assert_int_equal(find((size_t)SEASON_WEEKS * 7, 10, 0, 20).season, SEASON_WEEKLY);
    assert_int_equal(find((size_t)SEASON_WEEKS * 7, 10, 0, 100).season, SEASON_NONE);
}

/* Numbers without a pattern (a step of SplitMix64). */
static int64_t noise(uint64_t i)
{
    uint64_t z = i * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (int64_t)((z ^ (z >> 31)) % 1000);
}

static void chance_is_no_season(void **state)
{
    (void)state;
    struct loads l;
    for (size_t days = SEASON_DAYS; days <= DAYS_MAX; days += 7) {
        struct patterns p;
        for (size_t i = 0; i < days * 24; i++)
            l.hours[i] = noise(i + days * 100000);
        patterns_find(l.hours, days, &p);
        assert_int_equal(p.season, SEASON_NONE);
    }
}

static void growth_is_no_week(void **state)
{
    (void)state;
    struct loads l;
    struct patterns p;
    for (size_t i = 0; i < (size_t)DAYS_MAX * 24; i++)
        l.hours[i] = 100 + 10 * (int64_t)(i / 24);
    patterns_find(l.hours, DAYS_MAX, &p);
    assert_int_equal(p.season, SEASON_NONE);
}

/* -- forecast ---------------------------------------------------------------------------------- */

/* `level` yesterday, `slope` a day, `off` above and below the line in turn. */
static struct forecast foretell(size_t count, double level, double slope, double off, decimal limit)
{
    int64_t days[DAYS_MAX];
    double values[DAYS_MAX];
    for (size_t i = 0; i < count; i++) {
        days[i] = TODAY - (int64_t)count + (int64_t)i;
        values[i] = level + slope * (double)(days[i] - TODAY + 1) + (i % 2 ? off : -off);
    }
    struct forecast f = {.resource = "cpu"};
    forecast_find(days, values, count, TODAY, limit, &f);
    return f;
}

static void a_line_reaches_the_limit_on_its_day(void **state)
{
    (void)state;
    /* 0.3 yesterday and 0.005 a day: today 0.305, at 0.4 in 19 days. */
    struct forecast f = foretell(14, 0.3, 0.005, 0, 4000);
    assert_int_equal(f.outcome, FORECAST_AT);
    assert_int_equal(f.level, 3050);
    assert_int_equal(f.growth_a_month, 1500);
    assert_in_range(f.at, (TODAY + 19) * USEC_PER_DAY, (TODAY + 20) * USEC_PER_DAY);
    assert_int_equal(f.confidence, CONFIDENCE_MEDIUM);
    assert_int_equal(f.days, 14);
    assert_string_equal(f.resource, "cpu");
}

static void the_limit_is_now_within_a_year_or_not(void **state)
{
    (void)state;
    assert_int_equal(foretell(14, 0.395, 0.005, 0, 4000).outcome, FORECAST_NOW);
    assert_int_equal(foretell(14, 0.5, -0.001, 0, 4000).outcome, FORECAST_NOW);
    /* From 0.1 today: at 0.4 in 364 and in 366 days. */
    double year = 0.3 / 364.5, later = 0.3 / 365.5;
    assert_int_equal(foretell(14, 0.1 - year, year, 0, 4000).outcome, FORECAST_AT);
    assert_int_equal(foretell(14, 0.1 - later, later, 0, 4000).outcome, FORECAST_LATER);
    assert_int_equal(foretell(14, 0.1, 0, 0, 4000).outcome, FORECAST_STEADY);
    assert_int_equal(foretell(14, 0.1, -0.001, 0, 4000).outcome, FORECAST_STEADY);
}

static void what_may_be_chance_does_not_grow(void **state)
{
    (void)state;
    assert_int_equal(foretell(14, 0.1, 0.0001, 0.05, 4000).outcome, FORECAST_STEADY);
    struct forecast f = foretell(14, 0.2, 0.01, 0.01, 4000);
    assert_int_equal(f.outcome, FORECAST_AT);
    assert_true(f.earliest <= f.at && f.at <= f.latest && f.earliest < f.latest);
}

static void a_week_of_days_is_wanted_and_confidence_grows_with_them(void **state)
{
    (void)state;
    assert_int_equal(foretell(FORECAST_DAYS_MIN - 1, 0.3, 0.005, 0, 4000).outcome,
                     FORECAST_UNKNOWN);
    assert_int_equal(foretell(FORECAST_DAYS_MIN, 0.3, 0.005, 0, 4000).outcome, FORECAST_AT);
    assert_int_equal(foretell(13, 0.3, 0.005, 0, 4000).confidence, CONFIDENCE_LOW);
    assert_int_equal(foretell(27, 0.3, 0.005, 0, 4000).confidence, CONFIDENCE_MEDIUM);
    assert_int_equal(foretell(28, 0.3, 0.005, 0, 4000).confidence, CONFIDENCE_HIGH);
}

static void weekends_do_not_drown_a_trend(void **state)
{
    (void)state;
    enum { DAYS = 56 };
    int64_t days[DAYS];
    double values[DAYS];
    for (int i = 0; i < DAYS; i++) {
        days[i] = TODAY - DAYS + i;
        values[i] = (0.1 + 0.001 * i) * (i % 7 >= 5 ? 0.4 : 1);
    }
    struct forecast f = {.resource = "cpu"};
    forecast_find(days, values, DAYS, TODAY, 4000, &f);
    assert_int_equal(f.outcome, FORECAST_AT);
    assert_int_equal(f.confidence, CONFIDENCE_HIGH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peak_is_half_as_much_again_as_the_mean_hour),
        cmocka_unit_test(seasons_are_told_from_enough_days_on),
        cmocka_unit_test(chance_is_no_season),
        cmocka_unit_test(growth_is_no_week),
        cmocka_unit_test(a_line_reaches_the_limit_on_its_day),
        cmocka_unit_test(the_limit_is_now_within_a_year_or_not),
        cmocka_unit_test(what_may_be_chance_does_not_grow),
        cmocka_unit_test(a_week_of_days_is_wanted_and_confidence_grows_with_them),
        cmocka_unit_test(weekends_do_not_drown_a_trend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
