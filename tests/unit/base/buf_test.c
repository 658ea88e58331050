#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void an_empty_buffer_is_an_empty_text(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf b = BUF_INIT(10);
    assert_string_equal(buf_text(&b), "");
    assert_int_equal(buf_str(&b).len, 0);
    assert_non_null(buf_str(&b).ptr);
}

static void appends_add_up_to_the_maximum_and_not_beyond(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf b = BUF_INIT(10);
    assert_true(buf_append_text(&b, "12345"));
    assert_true(buf_append_str(&b, STR("6789")));
    assert_true(buf_append_char(&b, '0'));
    assert_false(buf_is_full(&b));
    assert_false(buf_append_char(&b, 'x'));
    assert_true(buf_is_full(&b));
    assert_string_equal(buf_text(&b), "1234567890");
}

static void a_full_buffer_takes_nothing_more_until_reset(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf b = BUF_INIT(4);
    assert_false(buf_append_text(&b, "12345"));
    assert_false(buf_append_text(&b, ""));
    assert_false(buf_append_char(&b, 'x'));
    assert_string_equal(buf_text(&b), "");
    buf_reset(&b);
    assert_false(buf_is_full(&b));
    assert_true(buf_append_text(&b, "1234"));
}

static void printf_appends_all_or_nothing(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf b = BUF_INIT(8);
    assert_true(buf_printf(&b, "%d,", 42));
    assert_false(buf_printf(&b, "%s", "123456"));
    assert_string_equal(buf_text(&b), "42,");
}

static void a_buffer_holds_any_bytes_and_grows(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf b = BUF_INIT(100000);
    for (int i = 0; i < 100000; i++)
        assert_true(buf_append_char(&b, (char)i));
    for (int i = 0; i < 100000; i++)
        assert_int_equal(b.ptr[i], (char)i);
    assert_int_equal(b.ptr[100000], 0);
    assert_false(buf_append_char(&b, 'x'));
}

static void consuming_removes_the_start(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf b = BUF_INIT(100);
    buf_consume(&b, 0);
    (void)buf_append_text(&b, "one two");
    buf_consume(&b, 4);
    assert_string_equal(buf_text(&b), "two");
    buf_consume(&b, 3);
    assert_string_equal(buf_text(&b), "");
}

static void a_released_buffer_can_be_used_again(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(3);
    (void)buf_append_text(&b, "1234");
    buf_release(&b);
    assert_true(buf_append_text(&b, "123"));
    assert_false(buf_append_text(&b, "4"));
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_is_an_empty_text),
        cmocka_unit_test(appends_add_up_to_the_maximum_and_not_beyond),
        cmocka_unit_test(a_full_buffer_takes_nothing_more_until_reset),
        cmocka_unit_test(printf_appends_all_or_nothing),
        cmocka_unit_test(a_buffer_holds_any_bytes_and_grows),
        cmocka_unit_test(consuming_removes_the_start),
        cmocka_unit_test(a_released_buffer_can_be_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
