/* Templates, the clouds' settings, and what a failed call means for its job. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/provisioning/cidr.h"
#include "domain/provisioning/fly/size.h"
#include "domain/provisioning/location.h"
#include "domain/provisioning/provider.h"
#include "domain/provisioning/template.h"
#include "infra/json/json.h"

static void fill(const char *template, const char *value, const char *expected)
{
    _cleanup_arena_ struct arena arena = {0};
    assert_string_equal(template_fill(&arena, template, "app", value), expected);
}

static void every_place_of_the_name_is_filled_and_others_stay(void **state)
{
    (void)state;
    fill("postgres://{app}.internal/{app}", "wh-1", "postgres://wh-1.internal/wh-1");
    fill("{host}/{app}", "x", "{host}/x");
    fill("{app}{app}", "", "");
    fill("nothing", "x", "nothing");
    fill("{ap}{appp}{", "x", "{ap}{appp}{");
    fill("", "x", "");
}

static void a_value_that_looks_like_a_place_is_not_filled_again(void **state)
{
    (void)state;
    fill("a{app}b", "{app}", "a{app}b");
    fill("{app}{app}", "{app}", "{app}{app}");
}

static void every_location_that_decisions_name_has_a_server_type(void **state)
{
    (void)state;
    struct provisioning_settings s = provisioning_settings_default();
    _cleanup_arena_ struct arena arena = {0};
    for (int g = 0; g < GEOGRAPHY_COUNT; g++)
        assert_true(location_types(&s.hetzner, region_name(HETZNER, g), NULL, &arena).count > 0);
    assert_int_equal(location_types(&s.hetzner, "moon", NULL, &arena).count, 0);
}

static void a_region_has_its_own_location_first_and_then_the_others(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct hetzner_server_type types[] = {
        {"nbg1", "a"}, {"fsn1", "b"}, {"ash", "c"}, {"fsn1", "d"}, {"moon", "e"}};
    struct hetzner_settings s = {.server_types = {types, ARRAY_LEN(types)}};
    assert_string_equal(location_choice(&s, "fsn1", 0, &arena), "fsn1");
    assert_string_equal(location_choice(&s, "fsn1", 1, &arena), "nbg1");
    assert_null(location_choice(&s, "fsn1", 2, &arena));
    assert_string_equal(location_choice(&s, "moon", 0, &arena), "moon");
    assert_null(location_choice(&s, "moon", 1, &arena));
    assert_null(location_choice(&s, "hel1", 0, &arena)); /* not configured */

    struct texts fsn = location_types(&s, "fsn1", "d", &arena);
    assert_int_equal(fsn.count, 2);
    assert_string_equal(fsn.items[0], "d");
    assert_string_equal(fsn.items[1], "b");
    assert_int_equal(location_list(&s, &arena).count, 4);
}

static void a_location_has_limits_of_its_own_where_they_are_set(void **state)
{
    (void)state;
    struct hetzner_location own[] = {{"ash", 7, INT_ABSENT}, {"hil", INT_ABSENT, 0}};
    struct hetzner_settings s = {
        .reserve_slots = 4, .hosts_max = 20, .locations = {own, ARRAY_LEN(own)}};
    struct location_limits ash = location_limits(&s, "ash"), hil = location_limits(&s, "hil");
    assert_int_equal(ash.reserve_slots, 7);
    assert_int_equal(ash.hosts_max, 20);
    assert_true(ash.reserve_always);
    assert_int_equal(hil.reserve_slots, 4);
    assert_int_equal(hil.hosts_max, 0);
    assert_false(hil.reserve_always);
}

static enum err settings_from(const char *json, struct arena *arena,
                              struct provisioning_settings *s, struct error *e)
{
    struct problems problems = {.arena = arena};
    *s = provisioning_settings_default();
    return json_decode_text(provisioning_fields, str_from(json), arena, s, &problems, e);
}

static void settings_that_are_given_replace_the_defaults_one_by_one(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct provisioning_settings s, defaults = provisioning_settings_default();
    struct error e;
    assert_int_equal(
        settings_from("{\"hetzner\":{\"slots_per_host\":7},\"wait_ms\":50}", &arena, &s, &e), OK);
    assert_int_equal(s.hetzner.slots_per_host, 7);
    assert_string_equal(s.hetzner.image, defaults.hetzner.image);
    assert_int_equal(s.wait_ms, 50);
    assert_int_equal(s.call_timeout_ms, defaults.call_timeout_ms);
}

static void settings_out_of_bounds_are_refused_by_name(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct provisioning_settings s;
    struct error e;
    assert_int_equal(
        settings_from("{\"hetzner\":{\"slots_per_host\":0},\"wait_ms\":1}", &arena, &s, &e),
        ERR_INVALID);
    assert_non_null(strstr(e.text, "hetzner.slots_per_host"));
    assert_non_null(strstr(e.text, "wait_ms"));
}

static void networks_are_networks_and_no_addresses_or_halves(void **state)
{
    (void)state;
    static const char *const right[] = {"203.0.113.7/32", "10.0.0.0/8", "0.0.0.0/0",
                                        "2001:db8::/48",  "::1/128",    "::/0"};
    static const char *const wrong[] = {
        "",   "203.0.113.7",    "203.0.113.7/", "10.0.0.1/8",  "10.0.0.0/33",  "10.0.0/24",
        "/8", "2001:db8::1/48", "::/129",       "10.0.0.0/-1", "10.0.0.0/8/8", "example.com/8"};
    for (size_t i = 0; i < ARRAY_LEN(right); i++)
        assert_null(cidr_check(right[i]));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_non_null(cidr_check(wrong[i]));
    assert_true(cidr_same("2001:DB8:0::/48", "2001:db8::/48"));
    assert_false(cidr_same("2001:db8::/48", "2001:db8::/47"));
    assert_false(cidr_same("0.0.0.0/0", "::/0"));
    assert_false(cidr_same(NULL, "::/0"));

    _cleanup_arena_ struct arena arena = {0};
    struct provisioning_settings s;
    struct error e;
    assert_int_equal(
        settings_from("{\"hetzner\":{\"allow_from\":[\"::/0\",\"10.0.0.1/8\"]}}", &arena, &s, &e),
        ERR_INVALID);
    assert_non_null(strstr(e.text, "hetzner.allow_from[1]"));
}

static void every_single_tenant_plan_has_a_size_that_grows(void **state)
{
    (void)state;
    for (int plan = PLAN_STARTER + 1; plan < PLAN_COUNT; plan++) {
        const struct fly_size *size = fly_size_of((enum plan)plan);
        const struct fly_size *smaller = fly_size_of((enum plan)(plan - 1));
        assert_true(size->app.memory_mb > smaller->app.memory_mb);
        assert_true(size->database.memory_mb > smaller->database.memory_mb);
        assert_true(size->database.volume_gb > smaller->database.volume_gb);
        assert_true(size->apps_per_region >= smaller->apps_per_region);
    }
}

static void a_busy_provider_costs_no_attempt_and_wrong_input_no_more_of_them(void **state)
{
    (void)state;
    assert_int_equal(provider_result(OK), JOB_DONE);
    assert_int_equal(provider_result(ERR_BUSY), JOB_SNOOZE);
    assert_int_equal(provider_result(ERR_INVALID), JOB_FAIL);
    static const enum err worth_another[] = {ERR_TIMEOUT,   ERR_UNAVAILABLE, ERR_CAPACITY,
                                             ERR_DENIED,    ERR_CONFLICT,    ERR_NOT_FOUND,
                                             ERR_TOO_LARGE, ERR_CORRUPT,     ERR_IO};
    for (size_t i = 0; i < ARRAY_LEN(worth_another); i++)
        assert_int_equal(provider_result(worth_another[i]), JOB_RETRY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_place_of_the_name_is_filled_and_others_stay),
        cmocka_unit_test(a_value_that_looks_like_a_place_is_not_filled_again),
        cmocka_unit_test(every_location_that_decisions_name_has_a_server_type),
        cmocka_unit_test(a_region_has_its_own_location_first_and_then_the_others),
        cmocka_unit_test(a_location_has_limits_of_its_own_where_they_are_set),
        cmocka_unit_test(settings_that_are_given_replace_the_defaults_one_by_one),
        cmocka_unit_test(settings_out_of_bounds_are_refused_by_name),
        cmocka_unit_test(networks_are_networks_and_no_addresses_or_halves),
        cmocka_unit_test(every_single_tenant_plan_has_a_size_that_grows),
        cmocka_unit_test(a_busy_provider_costs_no_attempt_and_wrong_input_no_more_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
