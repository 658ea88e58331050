#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/nearest.h"

static struct str nearest_of(const char *word, const char *const *candidates)
{
    struct nearest n = NEAREST_INIT(str_from(word));
    for (; *candidates; candidates++)
        nearest_offer(&n, str_from(*candidates));
    return n.best;
}

static const char *const names[] = {"budget", "vehicles", "compliance", "customers", NULL};

static void each_single_edit_counts_one(void **state)
{
    (void)state;
    assert_int_equal(edit_distance(STR("budget"), STR("budget")), 0);
    assert_int_equal(edit_distance(STR("budget"), STR("budgt")), 1);
    assert_int_equal(edit_distance(STR("budget"), STR("buddget")), 1);
    assert_int_equal(edit_distance(STR("budget"), STR("bugget")), 1);
    assert_int_equal(edit_distance(STR("budget"), STR("bugdet")), 1);
    assert_int_equal(edit_distance(STR(""), STR("abc")), 3);
    assert_int_equal(edit_distance(STR("abc"), STR("")), 3);
}

static void words_over_the_bound_are_not_compared(void **state)
{
    (void)state;
    char longest[65];
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(edit_distance((struct str){longest, 64}, (struct str){longest, 64}), 0);
    assert_int_equal(edit_distance((struct str){longest, 65}, STR("a")), SIZE_MAX);
}

static void a_mistyped_word_finds_the_one_that_was_meant(void **state)
{
    (void)state;
    assert_true(str_eq(nearest_of("bugdet", names), STR("budget")));
    assert_true(str_eq(nearest_of("customer", names), STR("customers")));
    assert_true(str_eq(nearest_of("comp", names), STR("compliance")));
}

static void a_word_like_none_finds_nothing(void **state)
{
    (void)state;
    assert_int_equal(nearest_of("zebra", names).len, 0);
    assert_int_equal(nearest_of("", names).len, 0);
    assert_int_equal(nearest_of("c", names).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_single_edit_counts_one),
        cmocka_unit_test(words_over_the_bound_are_not_compared),
        cmocka_unit_test(a_mistyped_word_finds_the_one_that_was_meant),
        cmocka_unit_test(a_word_like_none_finds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
