#include "support.h"

#include "app/cli/batch.h"
#include "infra/json/json.h"

/* The n-th line of the output as JSON; the caller releases it. */
static json_t *line_json(const char *text, size_t n)
{
    struct str rest = str_from(text), line = {0};
    for (size_t i = 0; i <= n; i++)
        line = str_cut(&rest, '\n');
    json_t *value = NULL;
    assert_int_equal(json_parse(line, &value, NULL), OK);
    return value;
}

static size_t line_count(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void decisions_come_in_the_order_of_the_profiles(void **state)
{
    (void)state;
    enum { LINES = 500 };
    _cleanup_buf_ struct buf in = BUF_INIT(1 << 20);
    for (int i = 0; i < LINES; i++)
        assert_true(buf_printf(&in, "{\"vehicle_count\": %d}\n", i));
    _cleanup_run_ struct run r = RUN_IN(buf_text(&in), "decide", "--batch");
    assert_int_equal(r.code, CLI_OK);
    assert_int_equal(line_count(r.out), LINES);
    struct str rest = str_from(r.out);
    for (int i = 0; i < LINES; i++) {
        json_t *d = NULL;
        assert_int_equal(json_parse(str_cut(&rest, '\n'), &d, NULL), OK);
        json_t *vehicles = json_array_get(json_object_get(d, "factors"), 1);
        assert_int_equal(json_get_int(vehicles, "value"), i);
        json_decref(d);
    }
}

static void a_bad_line_gets_an_error_with_its_number_and_the_rest_goes_on(void **state)
{
    (void)state;
    _cleanup_run_ struct run r =
        RUN_IN("{\"budget\": 30}\n{bad\n[]\n{\"budgett\": 1}\n{}\n", "decide", "--batch");
    assert_int_equal(r.code, CLI_OK);
    assert_int_equal(line_count(r.out), 5);
    for (size_t i = 1; i <= 3; i++) {
        _cleanup_json_ json_t *d = line_json(r.out, i);
        assert_non_null(json_get_text(d, "error"));
        assert_int_equal(json_get_int(d, "line"), i + 1);
    }
    _cleanup_json_ json_t *last = line_json(r.out, 4);
    assert_non_null(json_get_text(last, "mode"));
}

static void blank_lines_are_counted_but_not_answered(void **state)
{
    (void)state;
    _cleanup_run_ struct run r = RUN_IN("\n  \n\r\n{bad\n\n", "decide", "--batch");
    assert_int_equal(line_count(r.out), 1);
    _cleanup_json_ json_t *d = line_json(r.out, 0);
    assert_int_equal(json_get_int(d, "line"), 4);
}

static void a_last_line_without_its_end_counts_and_cr_lf_is_an_end(void **state)
{
    (void)state;
    _cleanup_run_ struct run r = RUN_IN("{\"budget\": 1}\r\n{\"budget\": 2}", "decide", "--batch");
    assert_int_equal(line_count(r.out), 2);
    assert_lacks(r.out, "\"error\"");
}

static void nothing_in_is_nothing_out(void **state)
{
    (void)state;
    _cleanup_run_ struct run r = RUN("decide", "--batch");
    assert_int_equal(r.code, CLI_OK);
    assert_string_equal(r.out, "");
}

/* A profile of exactly `len` bytes, padded with spaces that JSON does not mind. */
static void append_padded(struct buf *in, size_t len)
{
    static const char profile[] = "{\"budget\": 30}";
    assert_true(buf_append_text(in, profile));
    for (size_t i = strlen(profile); i < len; i++)
        assert_true(buf_append_char(in, ' '));
    assert_true(buf_append_char(in, '\n'));
}

static void a_line_over_the_bound_is_a_bad_line_and_the_rest_goes_on(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf in = BUF_INIT(8 << 20);
    append_padded(&in, BATCH_LINE_MAX);
    append_padded(&in, BATCH_LINE_MAX + 1);
    append_padded(&in, 3 * BATCH_LINE_MAX);
    append_padded(&in, 20);
    _cleanup_run_ struct run r = RUN_IN(buf_text(&in), "decide", "--batch");
    assert_int_equal(r.code, CLI_OK);
    assert_int_equal(line_count(r.out), 4);
    _cleanup_json_ json_t *fits = line_json(r.out, 0), *over = line_json(r.out, 1),
                          *far_over = line_json(r.out, 2), *next = line_json(r.out, 3);
    assert_non_null(json_get_text(fits, "mode"));
    assert_string_equal(json_get_text(over, "error"), "the line is longer than 1048576 bytes");
    assert_int_equal(json_get_int(over, "line"), 2);
    assert_int_equal(json_get_int(far_over, "line"), 3);
    assert_non_null(json_get_text(next, "mode"));
}

static void a_last_line_over_the_bound_without_its_end_is_answered_too(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf in = BUF_INIT(8 << 20);
    append_padded(&in, BATCH_LINE_MAX + 1);
    in.ptr[--in.len] = '\0';
    _cleanup_run_ struct run r = RUN_IN(buf_text(&in), "decide", "--batch");
    assert_int_equal(line_count(r.out), 1);
    assert_contains(r.out, "longer than");
}

static void a_nul_in_a_line_is_a_mistake_of_that_line_alone(void **state)
{
    (void)state;
    static const char in[] = "{\"budget\": 3\0}\n{\"budget\": 4}\n";
    _cleanup_run_ struct run r =
        run_words((const char *const[]){"decide", "--batch", NULL}, in, sizeof(in) - 1);
    assert_int_equal(line_count(r.out), 2);
    _cleanup_json_ json_t *bad = line_json(r.out, 0), *good = line_json(r.out, 1);
    assert_int_equal(json_get_int(bad, "line"), 1);
    assert_non_null(json_get_text(good, "mode"));
}

static void a_file_is_read_and_the_policy_is_the_one_named(void **state)
{
    (void)state;
    char *path = file_with("{\"compliance_requirements\": [\"hipaa\"], \"budget\": 20, "
                           "\"vehicle_count\": 2}\n");
    _cleanup_run_ struct run def = RUN("decide", "--batch", path);
    _cleanup_run_ struct run v1 = RUN("decide", "--batch", "--policy", "plan-v1", path);
    assert_contains(def.out, "\"name\":\"default\"");
    assert_contains(v1.out, "\"name\":\"plan-v1\"");
    file_remove(path);
    _cleanup_run_ struct run missing = RUN("decide", "--batch", "/nonexistent/profiles");
    assert_int_equal(missing.code, CLI_FAILED);
    assert_contains(missing.err, "/nonexistent/profiles");
}

static void batch_takes_no_options_that_describe_one_customer(void **state)
{
    (void)state;
    _cleanup_run_ struct run r = RUN("decide", "--batch", "--budget", "3");
    assert_int_equal(r.code, CLI_USAGE);
    assert_string_equal(r.out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions_come_in_the_order_of_the_profiles),
        cmocka_unit_test(a_bad_line_gets_an_error_with_its_number_and_the_rest_goes_on),
        cmocka_unit_test(blank_lines_are_counted_but_not_answered),
        cmocka_unit_test(a_last_line_without_its_end_counts_and_cr_lf_is_an_end),
        cmocka_unit_test(nothing_in_is_nothing_out),
        cmocka_unit_test(a_line_over_the_bound_is_a_bad_line_and_the_rest_goes_on),
        cmocka_unit_test(a_last_line_over_the_bound_without_its_end_is_answered_too),
        cmocka_unit_test(a_nul_in_a_line_is_a_mistake_of_that_line_alone),
        cmocka_unit_test(a_file_is_read_and_the_policy_is_the_one_named),
        cmocka_unit_test(batch_takes_no_options_that_describe_one_customer),
    };
    return cmocka_run_group_tests(tests, clean_environment, NULL);
}
