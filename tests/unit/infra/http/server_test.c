#include "support.h"

static void a_get_is_answered(void **state)
{
    struct http_reply reply = fixture_call(*state, HTTP_GET, "/items/7", STR(""));
    assert_int_equal(reply.status, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_get_is_answered, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
