#include "base/clock.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int64_t parsed(const char *text)
{
    int64_t t = INT64_MIN;
    if (!time_parse(str_from(text), &t))
        fail_msg("'%s' was refused", text);
    return t;
}

static void times_are_read_with_any_offset_and_written_in_utc(void **state)
{
    (void)state;
    static const struct {
        const char *text, *utc;
    } cases[] = {
        {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"},
        {"2026-11-23T17:20:00.123456Z", "2026-11-23T17:20:00.123456Z"},
        {"2026-11-23t17:20:00z", "2026-11-23T17:20:00.000000Z"},
        {"2026-11-23 17:20:00.5+02:00", "2026-11-23T15:20:00.500000Z"},
        {"2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00.000000Z"},
        {"2026-11-23T17:20:00.1234569Z", "2026-11-23T17:20:00.123456Z"},
        {"2026-11-23T17:20:00.000000001Z", "2026-11-23T17:20:00.000000Z"},
        {"2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000000Z"},
        {"2000-02-29T12:00:00Z", "2000-02-29T12:00:00.000000Z"},
        {"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"},
        {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"},
        {"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[TIME_TEXT_MAX];
        assert_string_equal(time_text(parsed(cases[i].text), out), cases[i].utc);
    }
}

static void known_times_have_known_numbers(void **state)
{
    (void)state;
    assert_int_equal(parsed("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(parsed("1970-01-02T00:00:00.000001Z"), USEC_PER_DAY + 1);
    assert_int_equal(parsed("2038-01-19T03:14:08Z"), INT64_C(2147483648) * USEC_PER_SEC);
    assert_int_equal(parsed("1969-12-31T23:59:59.999999Z"), -1);
    assert_int_equal(parsed("2016-12-31T23:59:60Z"), parsed("2017-01-01T00:00:00Z"));
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026",
        "2026-11-23",
        "2026-11-23T17:20:00",
        "2026-11-23T17:20Z",
        "2026-11-23T17:20:00.Z",
        "2026-11-23T17:20:00.1234567891Z",
        "2026-11-23T17:20:00+2:00",
        "2026-11-23T17:20:00+0200",
        "2026-11-23T17:20:00+24:00",
        "2026-11-23T17:20:00+02:60",
        "2026-11-23T24:00:00Z",
        "2026-11-23T17:60:00Z",
        "2026-11-23T17:20:61Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "0000-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2026-11-23T17:20:00Zx",
        " 2026-11-23T17:20:00Z",
        "2026-11-23T17:20:00Z ",
        "26-11-23T17:20:00Z",
        "-026-11-23T17:20:00Z",
        "2026-11-23T17:20:00,5Z",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int64_t t = 42;
        if (time_parse(str_from(bad[i]), &t))
            fail_msg("'%s' was read", bad[i]);
        assert_int_equal(t, 42);
    }
    int64_t t;
    assert_false(time_parse(STR("2026-11-23T17:20:00\0Z"), &t));
    assert_false(time_parse(STR("2026-11-23\0"
                                "17:20:00Z"),
                            &t));
}

static void durations_are_a_whole_number_and_one_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } good[] = {
        {"500ms", 500000},          {"30s", 30 * USEC_PER_SEC},
        {"5m", 300 * USEC_PER_SEC}, {"6h", 21600 * USEC_PER_SEC},
        {"7d", 7 * USEC_PER_DAY},   {"0s", 0},
        {"007s", 7000000},
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        int64_t us = -1;
        assert_true(duration_parse(str_from(good[i].text), &us));
        assert_int_equal(us, good[i].us);
    }
    static const char *const bad[] = {"",    "5",    "s",          "-5s",
                                      "+5s", "5 s",  "5sec",       "1.5h",
                                      "5S",  "5m5s", "106751992d", "99999999999999999999s",
                                      "1us"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int64_t us = 42;
        if (duration_parse(str_from(bad[i]), &us))
            fail_msg("'%s' was read", bad[i]);
        assert_int_equal(us, 42);
    }
}

static void a_virtual_clock_moves_only_when_told(void **state)
{
    (void)state;
    struct clock_virtual c;
    clock_virtual_init(&c, 1000);
    assert_int_equal(clock_now(&c.clock), 1000);
    assert_int_equal(clock_now(&c.clock), 1000);
    clock_virtual_advance(&c, USEC_PER_SEC);
    assert_int_equal(clock_now(&c.clock), 1000 + USEC_PER_SEC);
}

static void the_system_clock_is_past_the_day_this_was_written(void **state)
{
    (void)state;
    assert_true(clock_now(&clock_system) > parsed("2020-01-01T00:00:00Z"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_with_any_offset_and_written_in_utc),
        cmocka_unit_test(known_times_have_known_numbers),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(durations_are_a_whole_number_and_one_unit),
        cmocka_unit_test(a_virtual_clock_moves_only_when_told),
        cmocka_unit_test(the_system_clock_is_past_the_day_this_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
