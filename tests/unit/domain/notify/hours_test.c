#include "check.h"

#include "base/clock.h"
#include "domain/notify/hours.h"

static int64_t at(const char *text)
{
    int64_t us;
    assert_true(time_parse(str_from(text), &us));
    return us;
}

static void a_time_of_day_is_two_numbers(void **state)
{
    (void)state;
    assert_int_equal(time_of_day("00:00"), 0);
    assert_int_equal(time_of_day("07:30"), 450);
    assert_int_equal(time_of_day("23:59"), 1439);
    static const char *const wrong[] = {"", "7:30", "24:00", "07:60", "07-30", "07:3x", "07:300"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(time_of_day(wrong[i]), -1);
}

struct due_case {
    struct notify_target target;
    enum severity severity;
    const char *now, *due;
};

static void what_is_not_critical_waits_for_the_end_of_quiet_hours_and_for_digests(void **state)
{
    (void)state;
    const struct notify_target night = {.quiet_from = "22:00", .quiet_until = "07:00"};
    const struct notify_target noon = {.quiet_from = "12:00", .quiet_until = "13:00"};
    const struct notify_target daily = {.digest_at = "08:00"};
    const struct notify_target both = {
        .quiet_from = "22:00", .quiet_until = "07:00", .digest_at = "06:00"};
    const struct due_case cases[] = {
        {{0}, SEVERITY_INFO, "2026-01-01T23:00:30Z", "2026-01-01T23:00:30Z"},
        {night, SEVERITY_INFO, "2026-01-01T21:59:59Z", "2026-01-01T21:59:59Z"},
        {night, SEVERITY_INFO, "2026-01-01T22:00:00Z", "2026-01-02T07:00:00Z"},
        {night, SEVERITY_WARNING, "2026-01-02T06:59:59Z", "2026-01-02T07:00:00Z"},
        {night, SEVERITY_INFO, "2026-01-02T07:00:00Z", "2026-01-02T07:00:00Z"},
        {night, SEVERITY_CRITICAL, "2026-01-02T03:00:00Z", "2026-01-02T03:00:00Z"},
        {noon, SEVERITY_INFO, "2026-01-01T12:30:00Z", "2026-01-01T13:00:00Z"},
        {noon, SEVERITY_INFO, "2026-01-01T13:00:00Z", "2026-01-01T13:00:00Z"},
        {daily, SEVERITY_INFO, "2026-01-01T07:00:00Z", "2026-01-01T08:00:00Z"},
        {daily, SEVERITY_INFO, "2026-01-01T08:01:00Z", "2026-01-02T08:00:00Z"},
        {daily, SEVERITY_CRITICAL, "2026-01-01T08:01:00Z", "2026-01-01T08:01:00Z"},
        {both, SEVERITY_INFO, "2026-01-01T15:00:00Z", "2026-01-02T07:00:00Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(notify_due(&cases[i].target, cases[i].severity, at(cases[i].now)),
                         at(cases[i].due));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_of_day_is_two_numbers),
        cmocka_unit_test(what_is_not_critical_waits_for_the_end_of_quiet_hours_and_for_digests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
