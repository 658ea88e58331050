#include "base/arena.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void memory_is_zeroed_and_aligned_for_any_type(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    for (size_t size = 0; size < 200; size++) {
        char *p = arena_alloc(&a, size);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, size);
    }
}

static void blocks_do_not_overlap_even_when_larger_than_a_block_of_the_arena(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    enum { COUNT = 60 };
    unsigned char *blocks[COUNT];
    size_t sizes[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        sizes[i] = i % 7 == 6 ? 3u << 20 : i * 97;
        blocks[i] = arena_alloc(&a, sizes[i]);
        memset(blocks[i], (int)i, sizes[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < sizes[i]; k += 61)
            assert_int_equal(blocks[i][k], i);
    }
}

static void releasing_leaves_an_arena_that_can_be_used_again(void **state)
{
    (void)state;
    struct arena a = {0};
    arena_release(&a);
    (void)arena_alloc(&a, 10);
    assert_true(a.total >= 10);
    arena_release(&a);
    assert_int_equal(a.total, 0);
    assert_string_equal(arena_text(&a, "again"), "again");
    arena_release(&a);
}

static void texts_are_copies_that_end_with_nul(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    char text[] = "hello";
    const char *copy = arena_text(&a, text), *part = arena_text_n(&a, text, 4);
    text[0] = 'j';
    assert_string_equal(copy, "hello");
    assert_string_equal(part, "hell");
    assert_string_equal(arena_text_n(&a, NULL, 0), "");
    assert_null(arena_text(&a, NULL));
}

static void printf_makes_texts_of_any_length(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    assert_string_equal(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
    assert_int_equal(strlen(arena_printf(&a, "%09999d", 1)), 9999);
}

static void an_array_of_structs_is_zeroed(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct str *items = arena_new_array(&a, 100, struct str);
    for (int i = 0; i < 100; i++)
        assert_true(items[i].ptr == NULL && items[i].len == 0);
    assert_non_null(arena_new_array(&a, 0, struct str));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned_for_any_type),
        cmocka_unit_test(blocks_do_not_overlap_even_when_larger_than_a_block_of_the_arena),
        cmocka_unit_test(releasing_leaves_an_arena_that_can_be_used_again),
        cmocka_unit_test(texts_are_copies_that_end_with_nul),
        cmocka_unit_test(printf_makes_texts_of_any_length),
        cmocka_unit_test(an_array_of_structs_is_zeroed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
