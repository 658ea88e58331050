#include "support.h"

#include "app/cli/table.h"

#include <locale.h>

static const struct column columns[] = {
    {"slug", "CUSTOMER", COLUMN_TEXT},  {"note", "NOTE", COLUMN_LONG},
    {"price", "PRICE", COLUMN_MONEY},   {"at", "WHEN", COLUMN_AGO},
    {"status", "STATUS", COLUMN_STATE}, {"regions", "REGIONS", COLUMN_LIST},
    {"host.name", "HOST", COLUMN_TEXT}, COLUMN_END,
};

#define LONG_NOTE                                                                                  \
    "a note that is much longer than what a terminal of eighty columns can show in one line"

static const char rows_text[] =
    "[{\"slug\":\"acme\",\"note\":\"" LONG_NOTE "\",\"price\":12.5,"
    "\"at\":\"2026-11-23T11:58:00Z\",\"status\":\"failed\",\"regions\":[\"iad\",\"fra\"],"
    "\"host\":{\"name\":\"h1\"}},"
    "{\"slug\":\"b\",\"note\":null,\"price\":null,\"at\":null,\"status\":\"active\","
    "\"regions\":[],\"host\":null}]";

static char *print(struct terminal terminal, const char *text, bool card)
{
    struct arena arena = {0};
    char *bytes = NULL;
    size_t len;
    json_t *rows = NULL;
    assert_int_equal(json_parse(str_from(text), &rows, NULL), OK);
    FILE *out = open_memstream(&bytes, &len);
    const struct table t = {.out = out, .terminal = terminal, .now_us = TEST_NOW, .arena = &arena};
    if (card)
        card_print(&t, columns, json_array_get(rows, 0));
    else
        table_print(&t, columns, rows);
    (void)fclose(out);
    json_decref(rows);
    arena_release(&arena);
    return bytes;
}

static void every_kind_is_shown_the_way_people_write_it(void **state)
{
    (void)state;
    char *text = print((struct terminal){.width = 80}, rows_text, false);
    assert_contains(text, "CUSTOMER  NOTE");
    assert_contains(text, " 12.50");
    assert_contains(text, "2m ago");
    assert_contains(text, "iad, fra");
    assert_contains(text, "h1");
    free(text);
}

static void a_pipe_gets_whole_values_and_no_colours(void **state)
{
    (void)state;
    char *text = print((struct terminal){.width = 80}, rows_text, false);
    assert_contains(text, LONG_NOTE);
    assert_lacks(text, "\033");
    free(text);
}

static void a_terminal_gets_lines_that_fit(void **state)
{
    (void)state;
    char *text = print((struct terminal){.is_tty = true, .width = 80}, rows_text, false);
    assert_lacks(text, LONG_NOTE);
    struct str rest = str_from(text);
    while (rest.ptr)
        assert_in_range(str_cut(&rest, '\n').len, 0, 80);
    free(text);
}

static void states_have_colours_only_where_they_are_wanted(void **state)
{
    (void)state;
    char *with =
        print((struct terminal){.is_tty = true, .colors = true, .width = 200}, rows_text, false);
    char *without = print((struct terminal){.is_tty = true, .width = 200}, rows_text, false);
    assert_contains(with, "\033[31mfailed");
    assert_contains(with, "\033[32mactive");
    assert_lacks(without, "\033");
    free(with);
    free(without);
}

static void control_characters_in_cells_are_made_visible(void **state)
{
    (void)state;
    char *text =
        print((struct terminal){.width = 80}, "[{\"slug\":\"a\\u001b]0;x\\u0007b\"}]", false);
    assert_contains(text, "a\\x1b]0;x\\x07b");
    assert_lacks(text, "\033");
    free(text);
}

static void a_card_leaves_absent_values_out(void **state)
{
    (void)state;
    char *whole = print((struct terminal){.width = 80}, rows_text, true);
    char *part = print((struct terminal){.width = 80}, "[{\"slug\":\"acme\",\"note\":null}]", true);
    assert_contains(whole, "STATUS");
    assert_contains(part, "CUSTOMER");
    assert_lacks(part, "NOTE");
    assert_lacks(part, "STATUS");
    free(whole);
    free(part);
}

static void an_empty_list_prints_nothing(void **state)
{
    (void)state;
    char *text = print((struct terminal){.width = 80}, "[]", false);
    assert_string_equal(text, "");
    free(text);
}

static void times_are_rounded_down_to_their_largest_unit(void **state)
{
    (void)state;
    static const struct {
        int64_t before_us;
        const char *text;
    } cases[] = {
        {0, "now"},
        {999 * USEC_PER_MS, "now"},
        {59 * USEC_PER_SEC, "59s ago"},
        {60 * USEC_PER_SEC, "1m ago"},
        {3600 * USEC_PER_SEC, "1h ago"},
        {USEC_PER_DAY - USEC_PER_SEC, "23h ago"},
        {400 * USEC_PER_DAY, "400d ago"},
        {-90 * USEC_PER_SEC, "in 1m"},
    };
    _cleanup_arena_ struct arena arena = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(time_ago(TEST_NOW - cases[i].before_us, TEST_NOW, &arena),
                            cases[i].text);
}

static void a_file_is_not_a_terminal(void **state)
{
    (void)state;
    FILE *f = tmpfile();
    assert_false(terminal_of(f, COLOR_AUTO).is_tty);
    assert_false(terminal_of(f, COLOR_AUTO).colors);
    assert_true(terminal_of(f, COLOR_ALWAYS).colors);
    (void)fclose(f);
}

int main(void)
{
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_shown_the_way_people_write_it),
        cmocka_unit_test(a_pipe_gets_whole_values_and_no_colours),
        cmocka_unit_test(a_terminal_gets_lines_that_fit),
        cmocka_unit_test(states_have_colours_only_where_they_are_wanted),
        cmocka_unit_test(control_characters_in_cells_are_made_visible),
        cmocka_unit_test(a_card_leaves_absent_values_out),
        cmocka_unit_test(an_empty_list_prints_nothing),
        cmocka_unit_test(times_are_rounded_down_to_their_largest_unit),
        cmocka_unit_test(a_file_is_not_a_terminal),
    };
    return cmocka_run_group_tests(tests, clean_environment, NULL);
}
