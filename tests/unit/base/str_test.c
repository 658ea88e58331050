#include "base/str.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void equality_looks_at_all_bytes(void **state)
{
    (void)state;
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_false(str_eq(STR("a"), STR("ab")));
    assert_true(str_eq((struct str){NULL, 0}, STR("")));
    assert_true(text_eq(NULL, NULL));
    assert_false(text_eq(NULL, ""));
    assert_true(text_eq("a", "a"));
}

static void prefixes_and_suffixes_may_be_empty_or_the_whole(void **state)
{
    (void)state;
    assert_true(str_starts_with(STR("abc"), STR("")));
    assert_true(str_starts_with(STR("abc"), STR("abc")));
    assert_false(str_starts_with(STR("abc"), STR("abcd")));
    assert_true(str_ends_with(STR("abc"), STR("bc")));
    assert_false(str_ends_with(STR("abc"), STR("ab")));
    assert_true(str_ends_with((struct str){NULL, 0}, STR("")));
}

static void trimming_takes_white_space_from_both_ends(void **state)
{
    (void)state;
    assert_true(str_eq(str_trim(STR(" \t\r\n a b \n")), STR("a b")));
    assert_int_equal(str_trim(STR(" \n\t ")).len, 0);
    assert_int_equal(str_trim((struct str){NULL, 0}).len, 0);
}

static void cutting_visits_every_piece_and_empty_ones_too(void **state)
{
    (void)state;
    static const char *const expected[] = {"a", "", "bc", ""};
    struct str rest = STR("a,,bc,");
    size_t n = 0;
    while (rest.ptr) {
        struct str piece = str_cut(&rest, ',');
        assert_true(n < ARRAY_LEN(expected));
        assert_true(str_eq(piece, str_from(expected[n++])));
    }
    assert_int_equal(n, ARRAY_LEN(expected));
    rest = STR("");
    assert_int_equal(str_cut(&rest, ',').len, 0);
    assert_null(rest.ptr);
}

static void integers_are_read_up_to_the_edges_of_their_range(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"007", 7},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        int64_t v = 42;
        assert_true(str_to_i64(str_from(good[i].text), &v));
        assert_int_equal(v, good[i].value);
    }
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "1e3",
                                      "0x1",
                                      "--1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999999"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int64_t v = 42;
        assert_false(str_to_i64(str_from(bad[i]), &v));
        assert_int_equal(v, 42);
    }
    int64_t v;
    assert_false(str_to_i64(STR("1\0"), &v));
    assert_false(str_to_i64((struct str){NULL, 0}, &v));
}

static void printable_is_utf8_without_control_characters(void **state)
{
    (void)state;
    const struct str good[] = {STR("a b"), STR("\xc3\xa9"), STR("\xe2\x82\xac"),
                               STR("\xf0\x9f\x9a\x9a"), STR("\xf4\x8f\xbf\xbf")};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(str_is_printable(good[i], 10));
    const struct str bad[] = {STR(""),
                              STR("a\0"),
                              STR("a\n"),
                              STR("\x7f"),
                              STR("\x80"),
                              STR("\xc3"),
                              STR("\xc0\x80"),
                              STR("\xe0\x80\x80"),
                              STR("\xed\xa0\x80"),
                              STR("\xf0\x80\x80\x80"),
                              STR("\xf4\x90\x80\x80"),
                              STR("\xf8\x88\x80\x80\x80"),
                              STR("\xff"),
                              STR("\xc3z"),
                              STR("12345678901")};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(str_is_printable(bad[i], 10));
}

static void messages_of_several_lines_become_one_that_fits(void **state)
{
    (void)state;
    char out[12];
    assert_string_equal(text_one_line(" a:\n\tb \n", out, sizeof(out)), "a:  b");
    assert_string_equal(text_one_line("0123456789abcdef", out, sizeof(out)), "0123456789a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equality_looks_at_all_bytes),
        cmocka_unit_test(prefixes_and_suffixes_may_be_empty_or_the_whole),
        cmocka_unit_test(trimming_takes_white_space_from_both_ends),
        cmocka_unit_test(cutting_visits_every_piece_and_empty_ones_too),
        cmocka_unit_test(integers_are_read_up_to_the_edges_of_their_range),
        cmocka_unit_test(printable_is_utf8_without_control_characters),
        cmocka_unit_test(messages_of_several_lines_become_one_that_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
