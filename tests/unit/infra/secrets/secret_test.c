#include "infra/secrets/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>

struct dir {
    char path[64];
    char file[96];
};

static int dir_setup(void **state)
{
    static struct dir dir;
    (void)snprintf(dir.path, sizeof(dir.path), "/tmp/secret_test.XXXXXX");
    assert_non_null(mkdtemp(dir.path));
    (void)snprintf(dir.file, sizeof(dir.file), "%s/key", dir.path);
    *state = &dir;
    return 0;
}

static int dir_teardown(void **state)
{
    struct dir *dir = *state;
    (void)unlink(dir->file);
    return rmdir(dir->path);
}

static void write_file(const struct dir *dir, struct str content, mode_t mode)
{
    int fd = open(dir->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.ptr, content.len), (ssize_t)content.len);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static void a_secret_gives_back_its_text_only_when_exposed(void **state)
{
    (void)state;
    for (size_t len = 0; len < 40; len++) {
        char text[40];
        memset(text, 'x', sizeof(text));
        struct secret *s = secret_new((struct str){text, len});
        assert_int_equal(strlen(secret_expose(s)), len);
        assert_memory_equal(secret_expose(s), text, len);
        secret_free(s);
    }
}

static void a_derived_secret_follows_from_key_and_name_alone(void **state)
{
    (void)state;
    struct secret *key = secret_new(STR("key"));
    struct secret *other_key = secret_new(STR("other"));
    struct secret *a = secret_derive(key, "The quick brown fox jumps over the lazy dog");
    struct secret *again = secret_derive(key, "The quick brown fox jumps over the lazy dog");
    struct secret *b = secret_derive(key, "b");
    struct secret *c = secret_derive(other_key, "b");
    /* The published HMAC-SHA-256 of that sentence under "key", in base64url. */
    assert_string_equal(secret_expose(a), "97yD9DBThCSxMpjmqm-xQ-9NWaFJRhdZl0edvC0aPNg");
    assert_string_equal(secret_expose(a), secret_expose(again));
    assert_string_not_equal(secret_expose(a), secret_expose(b));
    assert_string_not_equal(secret_expose(b), secret_expose(c));
    struct secret *all[] = {key, other_key, a, again, b, c};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        secret_free(all[i]);
}

static void freeing_no_secret_is_fine(void **state)
{
    (void)state;
    secret_free(NULL);
}

static void the_first_line_of_a_private_file_is_the_secret(void **state)
{
    const struct dir *dir = *state;
    const struct str contents[] = {STR("k3y"), STR("k3y\n"), STR("k3y\r\nsecond line\n"),
                                   STR(" k3y \n")};
    for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
        struct secret *s = NULL;
        struct error e;
        write_file(dir, contents[i], 0600);
        assert_int_equal(secret_from_file(dir->file, &s, &e), OK);
        assert_string_equal(secret_expose(s), "k3y");
        secret_free(s);
    }
}

static void a_file_the_group_may_read_is_accepted(void **state)
{
    const struct dir *dir = *state;
    struct secret *s = NULL;
    write_file(dir, STR("k3y\n"), 0640);
    assert_int_equal(secret_from_file(dir->file, &s, NULL), OK);
    secret_free(s);
}

static void a_file_that_everyone_may_read_is_refused_with_the_remedy(void **state)
{
    const struct dir *dir = *state;
    struct secret *s = NULL;
    struct error e;
    write_file(dir, STR("k3y\n"), 0644);
    assert_int_equal(secret_from_file(dir->file, &s, &e), ERR_DENIED);
    assert_null(s);
    assert_non_null(strstr(e.text, dir->file));
    assert_non_null(strstr(e.text, "chmod 600"));
    assert_null(strstr(e.text, "k3y"));
}

static void a_missing_file_is_not_found(void **state)
{
    const struct dir *dir = *state;
    struct secret *s = NULL;
    struct error e;
    assert_int_equal(secret_from_file(dir->file, &s, &e), ERR_NOT_FOUND);
    assert_non_null(strstr(e.text, dir->file));
}

static void a_directory_is_refused(void **state)
{
    const struct dir *dir = *state;
    struct secret *s = NULL;
    assert_int_equal(secret_from_file(dir->path, &s, NULL), ERR_INVALID);
}

static void an_empty_first_line_is_refused(void **state)
{
    const struct dir *dir = *state;
    const struct str contents[] = {STR(""), STR("\n"), STR(" \t\nk3y\n")};
    for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
        struct secret *s = NULL;
        write_file(dir, contents[i], 0600);
        assert_int_equal(secret_from_file(dir->file, &s, NULL), ERR_INVALID);
        assert_null(s);
    }
}

static void bytes_that_cannot_stand_in_a_header_are_refused(void **state)
{
    const struct dir *dir = *state;
    const struct str contents[] = {STR("a\0b\n"), STR("a\rb\n"), STR("a\x1b\n"), STR("a\xff\n")};
    for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
        struct secret *s = NULL;
        write_file(dir, contents[i], 0600);
        assert_int_equal(secret_from_file(dir->file, &s, NULL), ERR_INVALID);
        assert_null(s);
    }
}

static void a_line_over_the_bound_is_refused_and_one_at_the_bound_is_read(void **state)
{
    const struct dir *dir = *state;
    static char text[4096];
    memset(text, 'x', sizeof(text));
    struct secret *s = NULL;
    write_file(dir, (struct str){text, 4096}, 0600);
    assert_int_equal(secret_from_file(dir->file, &s, NULL), ERR_TOO_LARGE);
    assert_null(s);
    write_file(dir, (struct str){text, 4095}, 0600);
    assert_int_equal(secret_from_file(dir->file, &s, NULL), OK);
    assert_int_equal(strlen(secret_expose(s)), 4095);
    secret_free(s);
}

static void a_token_is_wh_and_256_bits_in_base64url(void **state)
{
    (void)state;
    struct rng_seeded rng;
    rng_seeded_init(&rng, 1);
    char token[TOKEN_TEXT_MAX];
    token_generate(&rng.rng, token);
    assert_int_equal(strlen(token), 3 + 43);
    assert_memory_equal(token, "wh_", 3);
    for (const char *p = token + 3; *p; p++)
        assert_non_null(
            strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", *p));
}

static void tokens_differ(void **state)
{
    (void)state;
    char a[TOKEN_TEXT_MAX], b[TOKEN_TEXT_MAX];
    token_generate(&rng_system, a);
    token_generate(&rng_system, b);
    assert_string_not_equal(a, b);
}

static void sha256_matches_the_published_vectors(void **state)
{
    (void)state; /* FIPS 180-4 examples */
    char hash[HASH_TEXT_MAX];
    assert_string_equal(sha256_hex(STR("abc"), hash),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(sha256_hex((struct str){NULL, 0}, hash),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_gives_back_its_text_only_when_exposed),
        cmocka_unit_test(a_derived_secret_follows_from_key_and_name_alone),
        cmocka_unit_test(freeing_no_secret_is_fine),
        cmocka_unit_test_setup_teardown(the_first_line_of_a_private_file_is_the_secret, dir_setup,
                                        dir_teardown),
        cmocka_unit_test_setup_teardown(a_file_the_group_may_read_is_accepted, dir_setup,
                                        dir_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_everyone_may_read_is_refused_with_the_remedy,
                                        dir_setup, dir_teardown),
        cmocka_unit_test_setup_teardown(a_missing_file_is_not_found, dir_setup, dir_teardown),
        cmocka_unit_test_setup_teardown(a_directory_is_refused, dir_setup, dir_teardown),
        cmocka_unit_test_setup_teardown(an_empty_first_line_is_refused, dir_setup, dir_teardown),
        cmocka_unit_test_setup_teardown(bytes_that_cannot_stand_in_a_header_are_refused, dir_setup,
                                        dir_teardown),
        cmocka_unit_test_setup_teardown(
            a_line_over_the_bound_is_refused_and_one_at_the_bound_is_read, dir_setup, dir_teardown),
        cmocka_unit_test(a_token_is_wh_and_256_bits_in_base64url),
        cmocka_unit_test(tokens_differ),
        cmocka_unit_test(sha256_matches_the_published_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
