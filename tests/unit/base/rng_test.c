#include "base/rng.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_same_seed_repeats_the_same_bytes_and_another_does_not(void **state)
{
    (void)state;
    struct rng_seeded a, b, c;
    rng_seeded_init(&a, 1);
    rng_seeded_init(&b, 1);
    rng_seeded_init(&c, 2);
    char x[100], y[100], z[100];
    a.rng.fill(&a.rng, x, sizeof(x));
    b.rng.fill(&b.rng, y, sizeof(y));
    c.rng.fill(&c.rng, z, sizeof(z));
    assert_memory_equal(x, y, sizeof(x));
    assert_memory_not_equal(x, z, sizeof(x));
}

static void the_seeded_source_is_splitmix64(void **state)
{
    (void)state; /* first outputs for seed 1234567, from the reference implementation */
    struct rng_seeded r;
    rng_seeded_init(&r, 1234567);
    uint64_t words[3];
    r.rng.fill(&r.rng, words, sizeof(words));
    assert_true(words[0] == UINT64_C(6457827717110365317));
    assert_true(words[1] == UINT64_C(3203168211198807973));
    assert_true(words[2] == UINT64_C(9817491932198370423));
}

static void below_covers_the_whole_range_evenly_and_nothing_else(void **state)
{
    (void)state;
    struct rng_seeded r;
    rng_seeded_init(&r, 7);
    int seen[10] = {0};
    for (int i = 0; i < 10000; i++) {
        int64_t n = rng_below(&r.rng, 10);
        assert_in_range(n, 0, 9);
        seen[n]++;
    }
    for (size_t i = 0; i < ARRAY_LEN(seen); i++)
        assert_in_range(seen[i], 850, 1150);
    assert_int_equal(rng_below(&r.rng, 1), 0);
    for (int i = 0; i < 1000; i++)
        assert_true(rng_below(&r.rng, INT64_MAX) >= 0);
}

static void the_system_source_gives_new_bytes(void **state)
{
    (void)state;
    char a[32] = {0}, b[32] = {0};
    rng_system.fill(&rng_system, a, sizeof(a));
    rng_system.fill(&rng_system, b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
}

static void an_id_has_version_7_the_variant_and_the_time(void **state)
{
    (void)state;
    struct clock_virtual clock;
    clock_virtual_init(&clock, INT64_C(0x017f22e279b0) * USEC_PER_MS); /* RFC 9562, A.6 */
    struct rng_seeded rng;
    rng_seeded_init(&rng, 1);
    char id[UUID_TEXT_MAX];
    assert_ptr_equal(uuid7(&clock.clock, &rng.rng, id), id);
    assert_memory_equal(id, "017f22e2-79b0-7", 15);
    assert_non_null(strchr("89ab", id[19]));
    assert_true(uuid_is_valid(str_from(id)));
}

static void ids_sort_by_the_microsecond_they_were_made(void **state)
{
    (void)state;
    struct clock_virtual clock;
    clock_virtual_init(&clock, INT64_C(1700000000000000));
    struct rng_seeded rng;
    rng_seeded_init(&rng, 1);
    char before[UUID_TEXT_MAX] = "", id[UUID_TEXT_MAX];
    for (int i = 0; i < 5000; i++) {
        assert_true(strcmp(before, uuid7(&clock.clock, &rng.rng, id)) < 0);
        memcpy(before, id, sizeof(id));
        clock_virtual_advance(&clock, 1);
    }
}

static void ids_of_one_microsecond_differ(void **state)
{
    (void)state;
    struct clock_virtual clock;
    clock_virtual_init(&clock, 0);
    char a[UUID_TEXT_MAX], b[UUID_TEXT_MAX];
    assert_string_not_equal(uuid7(&clock.clock, &rng_system, a),
                            uuid7(&clock.clock, &rng_system, b));
}

static void what_is_no_uuid_is_refused(void **state)
{
    (void)state;
    assert_true(uuid_is_valid(STR("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")));
    static const char *const bad[] = {"",
                                      "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
                                      "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
                                      "017f22e2079b0-7cc3-98c4-dc0c0c07398f",
                                      "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
                                      "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
                                      "017f22e2-79b-07cc3-98c4-dc0c0c07398f"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(uuid_is_valid(str_from(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_repeats_the_same_bytes_and_another_does_not),
        cmocka_unit_test(the_seeded_source_is_splitmix64),
        cmocka_unit_test(below_covers_the_whole_range_evenly_and_nothing_else),
        cmocka_unit_test(the_system_source_gives_new_bytes),
        cmocka_unit_test(an_id_has_version_7_the_variant_and_the_time),
        cmocka_unit_test(ids_sort_by_the_microsecond_they_were_made),
        cmocka_unit_test(ids_of_one_microsecond_differ),
        cmocka_unit_test(what_is_no_uuid_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
