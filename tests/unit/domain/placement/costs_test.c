#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/placement/costs.h"
#include "domain/placement/profile.h"

/* Round numbers, so that each part of a sum can be recognised. */
static const char *const table = "name: test\n"
                                 "eur_usd: 2\n"
                                 "storage_gb_base: 1\n"
                                 "storage_gb_per_vehicle: 0.5\n"
                                 "multi_tenant:\n"
                                 "  customers_per_host: 10\n"
                                 "  host_month_eur: {ash: 99, fsn1: 49, sin: 29}\n"
                                 "  ipv4_month_eur: 1\n"
                                 "  volume_gb_month_eur: 0.01\n"
                                 "single_tenant:\n"
                                 "  ipv4_month: 2\n"
                                 "  volume_gb_month: 0.1\n"
                                 "  starter:\n"
                                 "    machines_per_region: 1\n"
                                 "    machine_month: {iad: 10, fra: 11, sin: 12}\n"
                                 "    machine_volume_gb: 1\n"
                                 "    database_month: {iad: 20, fra: 22, sin: 24}\n"
                                 "  professional:\n"
                                 "    machines_per_region: 1\n"
                                 "    machine_month: {iad: 30, fra: 33, sin: 36}\n"
                                 "    machine_volume_gb: 2\n"
                                 "    database_month: {iad: 40, fra: 44, sin: 48}\n"
                                 "  business:\n"
                                 "    machines_per_region: 2\n"
                                 "    machine_month: {iad: 100, fra: 110, sin: 120}\n"
                                 "    machine_volume_gb: 5\n"
                                 "    database_month: {iad: 200, fra: 220, sin: 240}\n";

struct fixture {
    struct arena arena;
    struct problems problems;
    struct prices *prices;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->problems.arena = &f->arena;
    f->prices = prices_parse(str_from(table), &f->problems);
    *state = f;
    return f->prices ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    prices_free(f->prices);
    arena_release(&f->arena);
    free(f);
    return 0;
}

static void costs(void **state, struct placement at, int64_t vehicles, decimal expected)
{
    struct fixture *f = *state;
    assert_int_equal(cost_monthly(f->prices, &at, vehicles), expected);
}

static struct placement shared(enum geography g)
{
    return (struct placement){MULTI_TENANT, PLAN_HOBBY, 1, {(uint8_t)g}};
}

static void a_shared_customer_pays_its_share_of_a_host_and_its_storage(void **state)
{
    /* ((99 + 1) / 10 + (1 + 10 * 0.5) * 0.01) EUR at 2 USD */
    costs(state, shared(GEOGRAPHY_US), 10, 201200);
    costs(state, shared(GEOGRAPHY_EU), 10, 101200);
    costs(state, shared(GEOGRAPHY_APAC), 0, 60200);
}

static void an_absent_vehicle_count_is_none(void **state)
{
    costs(state, shared(GEOGRAPHY_US), INT_ABSENT, 200200);
}

static void a_dedicated_customer_pays_for_machines_database_address_and_storage(void **state)
{
    /* 2 + 20 + (1 + 4 * 0.5) * 0.1 + 10 + 1 * 0.1 */
    costs(state, (struct placement){SINGLE_TENANT, PLAN_STARTER, 1, {GEOGRAPHY_US}}, 4, 324000);
    costs(state, (struct placement){SINGLE_TENANT, PLAN_STARTER, 1, {GEOGRAPHY_EU}}, 4, 354000);
}

static void every_region_adds_its_machines_and_the_first_has_the_database(void **state)
{
    struct placement us_eu = {SINGLE_TENANT, PLAN_PROFESSIONAL, 2, {GEOGRAPHY_US, GEOGRAPHY_EU}};
    struct placement eu_us = {SINGLE_TENANT, PLAN_PROFESSIONAL, 2, {GEOGRAPHY_EU, GEOGRAPHY_US}};
    costs(state, us_eu, 0, 1055000); /* 2 + 40 + 0.1 + 30 + 33 + 2 * 0.2 */
    costs(state, eu_us, 0, 1095000);
    struct placement all = {SINGLE_TENANT, PLAN_BUSINESS, 3, {0, 1, 2}};
    costs(state, all, 0, 8651000); /* 2 + 200 + 0.1 + 2 * (330 + 3 * 0.5) */
}

static void the_sum_is_rounded_to_cents_once(void **state)
{
    struct fixture *f = *state;
    f->prices->multi_tenant.host_month_eur[GEOGRAPHY_US] = 990033; /* 99.0033 */
    struct placement at = shared(GEOGRAPHY_US);
    assert_int_equal(cost_monthly(f->prices, &at, 0), 200200); /* 20.0206(6) */
    f->prices->multi_tenant.host_month_eur[GEOGRAPHY_US] = 990250;
    assert_int_equal(cost_monthly(f->prices, &at, 0), 200300); /* 20.025 goes up */
}

static void the_largest_fleet_does_not_overflow(void **state)
{
    struct fixture *f = *state;
    f->prices->eur_usd = f->prices->storage_gb_per_vehicle =
        f->prices->multi_tenant.volume_gb_month_eur = 10 * DECIMAL_ONE; /* the table's bounds */
    struct placement at = shared(GEOGRAPHY_US);
    assert_true(cost_monthly(f->prices, &at, PROFILE_VALUE_MAX) > 0);
    assert_int_equal(cost_monthly(f->prices, &at, INT64_MAX),
                     cost_monthly(f->prices, &at, PROFILE_VALUE_MAX));
}

static void the_table_in_the_binary_orders_plans_by_what_they_offer(void **state)
{
    (void)state;
    struct prices *p = prices_builtin();
    const struct placement steps[] = {
        {MULTI_TENANT, PLAN_HOBBY, 1, {0}},
        {SINGLE_TENANT, PLAN_STARTER, 1, {0}},
        {SINGLE_TENANT, PLAN_PROFESSIONAL, 2, {0, 1}},
        {SINGLE_TENANT, PLAN_BUSINESS, 3, {0, 1, 2}},
    };
    for (size_t i = 1; i < ARRAY_LEN(steps); i++)
        assert_true(cost_monthly(p, &steps[i - 1], 5) < cost_monthly(p, &steps[i], 5));
    prices_free(p);
}

static void what_is_laid_over_the_table_counts_for_shared_servers_alone(void **state)
{
    struct fixture *f = *state;
    struct shared_price over[GEOGRAPHY_COUNT];
    for (int g = 0; g < GEOGRAPHY_COUNT; g++)
        over[g] = prices_shared(f->prices, (enum geography)g);
    over[GEOGRAPHY_EU].host_month_eur = 78 * DECIMAL_ONE;
    over[GEOGRAPHY_EU].ipv4_month_eur = 2 * DECIMAL_ONE;
    over[GEOGRAPHY_EU].volume_gb_month_eur = DECIMAL_ONE;
    over[GEOGRAPHY_EU].slots = 40;
    const struct prices *p = prices_over(f->prices, over, &f->arena);
    struct placement dedicated = {SINGLE_TENANT, PLAN_STARTER, 1, {GEOGRAPHY_EU}};
    struct placement eu = shared(GEOGRAPHY_EU), us = shared(GEOGRAPHY_US);
    assert_int_equal(cost_monthly(p, &eu, 0), 60000); /* ((78 + 2) / 40 + 1 * 1) EUR at 2 USD */
    assert_int_equal(cost_monthly(p, &us, 10), 201200);
    assert_int_equal(cost_monthly(p, &dedicated, 4), 354000);
    assert_int_equal(price_slot_month(p, &over[GEOGRAPHY_EU]), 40000);
    assert_string_equal(p->sha256, f->prices->sha256);
    costs(state, eu, 10, 101200); /* the table itself is as it was */
}

static void a_table_is_known_by_the_hash_of_its_text(void **state)
{
    struct fixture *f = *state;
    char hash[HASH_TEXT_MAX];
    assert_string_equal(f->prices->sha256, sha256_hex(str_from(table), hash));
}

static void mistakes_in_a_table_have_their_lines(void **state)
{
    struct fixture *f = *state;
    struct error e;
    const char *text = arena_printf(&f->arena, "eur_usd: 0\nname: x\nname: y\n%s",
                                    strstr(table, "storage_gb_base"));
    char *price = strstr(text, "fra: 33");
    memcpy(price, "frb: 33", 7);
    assert_null(prices_parse(str_from(text), &f->problems));
    (void)problems_error(&f->problems, &e);
    assert_string_equal(
        e.text,
        "line 3: name: this key stands here twice; line 1: eur_usd: must be between 0.0001 and "
        "10.0; line 21: single_tenant.professional.machine_month.frb: is unknown; did you "
        "mean fra?; line 21: single_tenant.professional.machine_month.fra: is required");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_shared_customer_pays_its_share_of_a_host_and_its_storage),
        TEST(an_absent_vehicle_count_is_none),
        TEST(a_dedicated_customer_pays_for_machines_database_address_and_storage),
        TEST(every_region_adds_its_machines_and_the_first_has_the_database),
        TEST(the_sum_is_rounded_to_cents_once),
        TEST(the_largest_fleet_does_not_overflow),
        TEST(the_table_in_the_binary_orders_plans_by_what_they_offer),
        TEST(what_is_laid_over_the_table_counts_for_shared_servers_alone),
        TEST(a_table_is_known_by_the_hash_of_its_text),
        TEST(mistakes_in_a_table_have_their_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
