/* What a new server is told to do at its first start. */
#include "domain/provisioning/hetzner/cloud_init.h"
#include "infra/config/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
    struct arena arena;
    struct secret *key;
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.key = secret_new(STR("key of the test"))};
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    secret_free(f->key);
    arena_release(&f->arena);
    return 0;
}

static void it_is_cloud_config_that_fits_and_has_no_place_left_open(void **state)
{
    struct fixture *f = *state;
    const char *text = cloud_init_fill(f->key, "wh-fsn1-12345678", &f->arena);
    struct problems problems = {.arena = &f->arena};
    assert_true(str_starts_with(str_from(text), STR("#cloud-config\n")));
    assert_true(strlen(text) <= USER_DATA_MAX);
    assert_null(strchr(text, '{'));
    struct yaml_doc *doc = yaml_parse(str_from(text), &problems);
    assert_non_null(doc);
    assert_int_equal(problems.count, 0);
    assert_true(json_array_size(json_object_get(yaml_root(doc), "packages")) >= 3);
    yaml_doc_free(doc);
}

static void it_has_the_verifier_and_neither_password_nor_key(void **state)
{
    struct fixture *f = *state;
    struct secret *password = secret_derive(f->key, "host");
    const char *text = cloud_init_fill(f->key, "host", &f->arena);
    assert_non_null(strstr(text, "PASSWORD 'SCRAM-SHA-256$4096:"));
    assert_null(strstr(text, secret_expose(password)));
    assert_null(strstr(text, secret_expose(f->key)));
    secret_free(password);
}

static void each_host_has_its_own_and_the_same_each_time(void **state)
{
    struct fixture *f = *state;
    const char *one = cloud_init_fill(f->key, "one", &f->arena);
    assert_string_equal(cloud_init_fill(f->key, "one", &f->arena), one);
    assert_string_not_equal(cloud_init_fill(f->key, "two", &f->arena), one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_cloud_config_that_fits_and_has_no_place_left_open),
        cmocka_unit_test(it_has_the_verifier_and_neither_password_nor_key),
        cmocka_unit_test(each_host_has_its_own_and_the_same_each_time),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
