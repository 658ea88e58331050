#include "base/decimal.h"

#include "base/err.h"

#include <math.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void texts_are_read_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        decimal value;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"30", 300000},
        {"49.99", 499900},
        {"-0.25", -2500},
        {"1.5e2", 1500000},
        {"0.0001", 1},
        {"1e-4", 1},
        {"1E+3", 10000000},
        {"0.1", 1000},
        {"0.30000", 3000},
        {"12300e-6", 123},
        {"0e30", 0},
        {"0.000000", 0},
        {"007", 70000},
        {"900000000000000", DECIMAL_MAX},
        {"-900000000000000", -DECIMAL_MAX},
        {"9e14", DECIMAL_MAX},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        decimal d = 42;
        if (decimal_parse(str_from(cases[i].text), &d) != DECIMAL_OK)
            fail_msg("'%s' was refused", cases[i].text);
        assert_int_equal(d, cases[i].value);
    }
}

static void assert_refused(const char *text, enum decimal_error expected)
{
    decimal d = 42;
    enum decimal_error got = decimal_parse(str_from(text), &d);
    if (got != expected)
        fail_msg("'%s': got %d, expected %d", text, (int)got, (int)expected);
    assert_int_equal(d, 42);
}

static void what_is_no_number_is_a_syntax_error(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    "-",     "+1",  ".5",    "1.",    "1.e2", "1e",
                                      "1e+", "1e1.5", "1,5", " 1",    "1 ",    "0x10", "nan",
                                      "inf", "--1",   "1-",  "1e--2", "1e+-2", "1e-",  "1.5.2"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_refused(bad[i], DECIMAL_SYNTAX);
}

static void what_is_too_large_is_out_of_range(void **state)
{
    (void)state;
    static const char *const bad[] = {"900000000000000.0001",
                                      "-900000000000001",
                                      "1e15",
                                      "1e30",
                                      "1e31",
                                      "1e400",
                                      "1e99999999999999999999",
                                      "123456789012345678901234567890",
                                      "99999999999999999999999999999999999999999999"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_refused(bad[i], DECIMAL_RANGE);
}

static void more_than_four_places_are_refused_not_rounded(void **state)
{
    (void)state;
    static const char *const bad[] = {"0.00001",
                                      "1.23456",
                                      "1e-5",
                                      "12345e-5",
                                      "0.30000000000000004",
                                      "0.12345678901234567890123456789012345678901234567890",
                                      "1e-31",
                                      "1e-400"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_refused(bad[i], DECIMAL_PLACES);
}

static void a_double_is_read_when_it_prints_to_four_places(void **state)
{
    (void)state;
    static const struct {
        double d;
        decimal value;
    } cases[] = {
        {0.0, 0},
        {-0.0, 0},
        {49.99, 499900},
        {0.1, 1000},
        {0.3, 3000},
        {-1234.5678, -12345678},
        {1e14, INT64_C(1000000000000000000)},
        {0.0001, 1},
        {12345678.9012, INT64_C(123456789012)},
        {99999999999.9999, INT64_C(999999999999999)},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        decimal d = 42;
        if (decimal_from_double(cases[i].d, &d) != DECIMAL_OK)
            fail_msg("%.17g was refused", cases[i].d);
        assert_int_equal(d, cases[i].value);
    }
}

static void a_double_that_only_looks_like_a_decimal_is_refused(void **state)
{
    (void)state;
    decimal d = 42;
    assert_int_equal(decimal_from_double(0.1 + 0.2, &d), DECIMAL_PLACES);
    assert_int_equal(decimal_from_double(1.0 / 3, &d), DECIMAL_PLACES);
    assert_int_equal(decimal_from_double(0.00005, &d), DECIMAL_PLACES);
    assert_int_equal(decimal_from_double(nextafter(49.99, 50), &d), DECIMAL_PLACES);
    assert_int_equal(decimal_from_double(5e-324, &d), DECIMAL_PLACES);
    assert_int_equal(d, 42);
}

static void a_double_out_of_range_is_refused(void **state)
{
    (void)state;
    decimal d = 42;
    assert_int_equal(decimal_from_double(1e15, &d), DECIMAL_RANGE);
    assert_int_equal(decimal_from_double(-1e300, &d), DECIMAL_RANGE);
    assert_int_equal(decimal_from_double(INFINITY, &d), DECIMAL_RANGE);
    assert_int_equal(decimal_from_double(NAN, &d), DECIMAL_RANGE);
    assert_int_equal(d, 42);
}

static void every_cent_survives_the_way_through_a_double(void **state)
{
    (void)state;
    for (decimal cents = -200000; cents <= 200000; cents++) {
        decimal d;
        assert_int_equal(decimal_from_double((double)cents / 100, &d), DECIMAL_OK);
        assert_int_equal(d, cents * 100);
    }
}

static void texts_are_short_and_have_a_decimal_place(void **state)
{
    (void)state;
    static const struct {
        decimal value;
        const char *text;
    } cases[] = {
        {0, "0.0"},
        {10000, "1.0"},
        {9000, "0.9"},
        {123456, "12.3456"},
        {1, "0.0001"},
        {-1, "-0.0001"},
        {-25000, "-2.5"},
        {DECIMAL_MAX, "900000000000000.0"},
        {-DECIMAL_MAX, "-900000000000000.0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[DECIMAL_TEXT_MAX];
        decimal back;
        assert_string_equal(decimal_text(cases[i].value, out), cases[i].text);
        assert_int_equal(decimal_parse(str_from(out), &back), DECIMAL_OK);
        assert_int_equal(back, cases[i].value);
    }
}

static void products_and_quotients_round_half_away_from_zero(void **state)
{
    (void)state;
    assert_int_equal(decimal_mul(15000, 15000), 22500);
    assert_int_equal(decimal_mul(1, 5000), 1); /* 0.00005 */
    assert_int_equal(decimal_mul(-1, 5000), -1);
    assert_int_equal(decimal_mul(1, 4999), 0);
    assert_int_equal(decimal_div(10000, 30000), 3333);
    assert_int_equal(decimal_div(20000, 30000), 6667);
    assert_int_equal(decimal_div(-20000, 30000), -6667);
    assert_int_equal(decimal_div(1, 20000), 1);
    assert_int_equal(decimal_mul(DECIMAL_MAX, DECIMAL_ONE), DECIMAL_MAX);
}

static void cents_round_half_away_from_zero(void **state)
{
    (void)state;
    assert_int_equal(decimal_round_cents(123456), 123500);
    assert_int_equal(decimal_round_cents(123450), 123500);
    assert_int_equal(decimal_round_cents(123449), 123400);
    assert_int_equal(decimal_round_cents(-123450), -123500);
    assert_int_equal(decimal_round_cents(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_read_exactly),
        cmocka_unit_test(what_is_no_number_is_a_syntax_error),
        cmocka_unit_test(what_is_too_large_is_out_of_range),
        cmocka_unit_test(more_than_four_places_are_refused_not_rounded),
        cmocka_unit_test(a_double_is_read_when_it_prints_to_four_places),
        cmocka_unit_test(a_double_that_only_looks_like_a_decimal_is_refused),
        cmocka_unit_test(a_double_out_of_range_is_refused),
        cmocka_unit_test(every_cent_survives_the_way_through_a_double),
        cmocka_unit_test(texts_are_short_and_have_a_decimal_place),
        cmocka_unit_test(products_and_quotients_round_half_away_from_zero),
        cmocka_unit_test(cents_round_half_away_from_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
