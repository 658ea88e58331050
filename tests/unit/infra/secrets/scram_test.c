/* The verifier against the example of RFC 7677. */
#include "infra/secrets/scram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_example_of_rfc_7677_gives_its_keys(void **state)
{
    (void)state;
    static const unsigned char salt[] = {0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e,
                                         0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81};
    char text[SCRAM_TEXT_MAX];
    struct secret *password = secret_new(STR("pencil"));
    struct str bytes = {(const char *)salt, sizeof(salt)};
    assert_string_equal(scram_verifier(password, bytes, text),
                        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=="
                        "$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
                        ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
    secret_free(password);
}

static void the_longest_salt_fits(void **state)
{
    (void)state;
    char salt[SCRAM_SALT_MAX], text[SCRAM_TEXT_MAX];
    memset(salt, 's', sizeof(salt));
    struct secret *password = secret_new(STR("x"));
    (void)scram_verifier(password, (struct str){salt, sizeof(salt)}, text);
    assert_true(strlen(text) < SCRAM_TEXT_MAX - 1);
    secret_free(password);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_rfc_7677_gives_its_keys),
        cmocka_unit_test(the_longest_salt_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
