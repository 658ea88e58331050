#include "base/err.h"

#include <errno.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void an_error_holds_its_class_and_sentence(void **state)
{
    (void)state;
    struct error e;
    assert_int_equal(error_set(&e, ERR_CONFLICT, "slot %d is taken", 7), ERR_CONFLICT);
    assert_int_equal(e.code, ERR_CONFLICT);
    assert_string_equal(e.text, "slot 7 is taken");
    assert_int_equal(error_set(NULL, ERR_BUSY, "nobody reads this"), ERR_BUSY);
}

static void an_operating_system_error_says_why(void **state)
{
    (void)state;
    struct error e;
    errno = ENOENT;
    assert_int_equal(error_errno(&e, "file %s", "a"), ERR_IO);
    assert_string_equal(e.text, "file a: No such file or directory");
}

static void a_prefix_goes_before_the_sentence_and_keeps_the_class(void **state)
{
    (void)state;
    struct error e;
    (void)error_set(&e, ERR_TIMEOUT, "no answer");
    assert_int_equal(error_prefix(&e, "host %s", "h1"), ERR_TIMEOUT);
    assert_string_equal(e.text, "host h1: no answer");
}

static void a_sentence_too_long_is_cut_and_still_ends(void **state)
{
    (void)state;
    struct error e;
    (void)error_set(&e, ERR_IO, "%04000d", 1);
    assert_int_equal(strlen(e.text), ERROR_TEXT_MAX - 1);
    (void)error_prefix(&e, "%04000d", 2);
    assert_int_equal(strlen(e.text), ERROR_TEXT_MAX - 1);
    errno = EIO;
    (void)error_errno(&e, "%04000d", 3);
    assert_int_equal(strlen(e.text), ERROR_TEXT_MAX - 1);
}

static enum err pass_on(enum err code, int *after)
{
    TRY(code);
    (*after)++;
    return OK;
}

static void try_returns_on_failure_only(void **state)
{
    (void)state;
    int after = 0;
    assert_int_equal(pass_on(ERR_DENIED, &after), ERR_DENIED);
    assert_int_equal(after, 0);
    assert_int_equal(pass_on(OK, &after), OK);
    assert_int_equal(after, 1);
}

static void every_class_has_a_word(void **state)
{
    (void)state;
    for (int code = OK; code <= ERR_IO; code++)
        assert_true(strlen(err_name((enum err)code)) >= 2);
    assert_string_equal(err_name(ERR_NOT_FOUND), "not_found");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_holds_its_class_and_sentence),
        cmocka_unit_test(an_operating_system_error_says_why),
        cmocka_unit_test(a_prefix_goes_before_the_sentence_and_keeps_the_class),
        cmocka_unit_test(a_sentence_too_long_is_cut_and_still_ends),
        cmocka_unit_test(try_returns_on_failure_only),
        cmocka_unit_test(every_class_has_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
