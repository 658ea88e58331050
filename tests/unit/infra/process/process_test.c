#include "check.h"
#include "infra/process/process.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#define OUT_MAX ((size_t)1 << 20)

static int64_t in_us(int64_t us)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000 + us;
}

static enum err run(const char *script, const char *in, struct buf *out,
                    const struct process_watch *watch, struct error *e)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    const char *const environment[] = {"PGPASSWORD=a secret", NULL};
    return process_run(&(struct process_options){argv, environment}, str_from(in), out, watch, e);
}

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    struct error e;
    _cleanup_buf_ struct buf in = BUF_INIT(OUT_MAX), out = BUF_INIT(OUT_MAX);
    for (int i = 0; i < 50000; i++)
        assert_true(buf_append_text(&in, "0123456789abcde\n"));
    assert_int_equal(run("cat", buf_text(&in), &out, NULL, &e), OK);
    assert_true(str_eq(buf_str(&in), buf_str(&out)));
}

static void a_program_that_does_not_read_is_no_signal(void **state)
{
    (void)state;
    struct error e;
    _cleanup_buf_ struct buf in = BUF_INIT(OUT_MAX), out = BUF_INIT(OUT_MAX);
    for (int i = 0; i < 50000; i++)
        assert_true(buf_append_text(&in, "0123456789abcde\n"));
    assert_int_equal(run("echo done", buf_text(&in), &out, NULL, &e), OK);
    assert_string_equal(buf_text(&out), "done\n");
}

static void a_failure_says_what_the_program_complained_of(void **state)
{
    (void)state;
    struct error e;
    _cleanup_buf_ struct buf out = BUF_INIT(OUT_MAX);
    assert_int_equal(run("echo no such table >&2; exit 3", "", &out, NULL, &e), ERR_UNAVAILABLE);
    assert_string_equal(e.text, "sh ended with status 3: no such table");
}

static void a_program_that_is_not_there_is_not_found(void **state)
{
    (void)state;
    struct error e;
    struct process p;
    const char *const argv[] = {"webhost-no-such-program", NULL};
    assert_int_equal(process_start(&(struct process_options){argv, NULL}, &p, &e), ERR_NOT_FOUND);
    ASSERT_CONTAINS(e.text, "webhost-no-such-program");
}

static void it_gets_the_environment_and_no_descriptor_of_ours(void **state)
{
    (void)state;
    struct error e;
    _cleanup_buf_ struct buf out = BUF_INIT(OUT_MAX);
    int leak = open("/dev/null", O_RDONLY); /* not closed by exec on purpose */
    assert_true(leak > 2);
    assert_int_equal(
        run("printf '%s ' \"$PGPASSWORD\"; ls /proc/$$/fd | tr '\\n' ' '", "", &out, NULL, &e), OK);
    (void)close(leak);
    assert_string_equal(buf_text(&out), "a secret 0 1 2 ");
}

static void more_than_the_buffer_takes_is_refused(void **state)
{
    (void)state;
    struct error e;
    _cleanup_buf_ struct buf out = BUF_INIT(1000);
    assert_int_equal(run("yes", "", &out, NULL, &e), ERR_TOO_LARGE);
}

static void a_deadline_ends_it(void **state)
{
    (void)state;
    struct error e;
    _cleanup_buf_ struct buf out = BUF_INIT(OUT_MAX);
    struct process_watch watch = {.deadline_us = in_us(50 * USEC_PER_MS)};
    assert_int_equal(run("exec tail -f /dev/null", "", &out, &watch, &e), ERR_TIMEOUT);
    ASSERT_CONTAINS(e.text, "sh: ");
}

static enum err lose_the_lease(void *ctx, struct error *e)
{
    ++*(int *)ctx;
    return error_set(e, ERR_CONFLICT, "the lease was lost");
}

static void who_is_asked_can_end_it(void **state)
{
    (void)state;
    struct error e;
    int asked = 0;
    _cleanup_buf_ struct buf out = BUF_INIT(OUT_MAX);
    struct process_watch watch = {.go_on = lose_the_lease, .ctx = &asked};
    assert_int_equal(run("exec tail -f /dev/null", "", &out, &watch, &e), ERR_CONFLICT);
    assert_int_equal(asked, 1);
}

static void one_that_lives_beside_us_is_talked_to_and_ended(void **state)
{
    (void)state;
    struct error e;
    struct process p;
    _cleanup_buf_ struct buf line = BUF_INIT(100);
    const char *const argv[] = {"sh", "-c", "read a; echo got $a; exec tail -f /dev/null", NULL};
    assert_int_equal(process_start(&(struct process_options){argv, NULL}, &p, &e), OK);
    assert_int_equal(process_write(&p, "it\n", 3, &e), OK);
    assert_int_equal(process_read_line(&p, in_us(60 * USEC_PER_SEC), &line, &e), OK);
    assert_string_equal(buf_text(&line), "got it");
    assert_int_equal(process_read_line(&p, in_us(1), &line, &e), ERR_TIMEOUT);
    assert_int_equal(process_end(&p, in_us(0)), 128 + SIGKILL);
    assert_int_equal(process_end(&p, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(a_program_that_does_not_read_is_no_signal),
        cmocka_unit_test(a_failure_says_what_the_program_complained_of),
        cmocka_unit_test(a_program_that_is_not_there_is_not_found),
        cmocka_unit_test(it_gets_the_environment_and_no_descriptor_of_ours),
        cmocka_unit_test(more_than_the_buffer_takes_is_refused),
        cmocka_unit_test(a_deadline_ends_it),
        cmocka_unit_test(who_is_asked_can_end_it),
        cmocka_unit_test(one_that_lives_beside_us_is_talked_to_and_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
