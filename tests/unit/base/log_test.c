#include "base/log.h"

#include "base/err.h"

#include <fcntl.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char captured[70000];

/* Runs `write_lines` with standard error going to a pipe-sized temporary file. */
static const char *capture(void (*write_lines)(void))
{
    char path[] = "/tmp/log_test.XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(unlink(path), 0);
    int saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
    write_lines();
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(close(saved), 0);
    ssize_t n = pread(file, captured, sizeof(captured) - 1, 0);
    assert_true(n >= 0);
    captured[n] = '\0';
    assert_int_equal(close(file), 0);
    return captured;
}

/* What follows the time, which is 27 characters and a space. */
static const char *after_time(const char *line)
{
    assert_true(strlen(line) > 28);
    assert_int_equal(line[26], 'Z');
    return line + 28;
}

static void write_awkward(void)
{
    log_info("job finished", LOG_TEXT("job", "j-1"), LOG_INT("attempt", -2),
             LOG_TEXT("note", "two words"), LOG_TEXT("empty", NULL), LOG_TEXT("eq", "a=b"),
             LOG_TEXT("evil", "x\n2026 error fake \"\\\r\t\x1b\x7f"));
}

static void values_are_quoted_so_that_a_line_stays_one_line(void **state)
{
    (void)state;
    log_configure(LOG_INFO, LOG_FORMAT_TEXT);
    assert_string_equal(after_time(capture(write_awkward)),
                        "info  job finished job=j-1 attempt=-2 note=\"two words\" empty=\"\" "
                        "eq=\"a=b\" evil=\"x\\u000a2026 error fake "
                        "\\\"\\\\\\u000d\\u0009\\u001b\\u007f\"\n");
}

static void json_lines_are_one_object_each(void **state)
{
    (void)state;
    log_configure(LOG_INFO, LOG_FORMAT_JSON);
    const char *line = capture(write_awkward);
    assert_memory_equal(line, "{\"time\":\"", 9);
    assert_string_equal(strchr(line, ','),
                        ",\"level\":\"info\",\"event\":\"job finished\",\"job\":\"j-1\","
                        "\"attempt\":-2,\"note\":\"two words\",\"empty\":\"\",\"eq\":\"a=b\","
                        "\"evil\":\"x\\u000a2026 error fake "
                        "\\\"\\\\\\u000d\\u0009\\u001b\\u007f\"}\n");
}

static void write_each_level(void)
{
    log_debug("d");
    log_info("i");
    log_warn("w");
    log_error("e");
}

static void levels_below_the_least_are_left_out(void **state)
{
    (void)state;
    log_configure(LOG_WARN, LOG_FORMAT_TEXT);
    const char *lines = capture(write_each_level);
    assert_null(strstr(lines, "debug"));
    assert_null(strstr(lines, "info"));
    assert_non_null(strstr(lines, " warn  w\n"));
    assert_non_null(strstr(lines, " error e\n"));
    log_configure(LOG_DEBUG, LOG_FORMAT_TEXT);
    assert_non_null(strstr(capture(write_each_level), " debug d\n"));
}

static void write_too_long(void)
{
    static char text[20000];
    memset(text, 'x', sizeof(text) - 1);
    log_error("long", LOG_TEXT("text", text));
}

static void a_line_too_long_says_so_instead_of_being_cut(void **state)
{
    (void)state;
    log_configure(LOG_INFO, LOG_FORMAT_TEXT);
    const char *line = capture(write_too_long);
    assert_true(strlen(line) < 200);
    assert_non_null(strstr(line, "log line too long"));
    assert_int_equal(line[strlen(line) - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_quoted_so_that_a_line_stays_one_line),
        cmocka_unit_test(json_lines_are_one_object_each),
        cmocka_unit_test(levels_below_the_least_are_left_out),
        cmocka_unit_test(a_line_too_long_says_so_instead_of_being_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
