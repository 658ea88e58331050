/* The installation's key: made once, the same on every node. */
#include "domain/core/key.h"
#include "product.h"

#include <sys/stat.h>

struct files {
    char folder[64];
    char one[96], two[96];
};

static struct files files_make(void)
{
    struct files f = {.folder = "/tmp/webhost-key-XXXXXX"};
    assert_non_null(mkdtemp(f.folder));
    (void)snprintf(f.one, sizeof(f.one), "%s/one.key", f.folder);
    (void)snprintf(f.two, sizeof(f.two), "%s/two.key", f.folder);
    return f;
}

static void files_remove(const struct files *f)
{
    (void)unlink(f->one);
    (void)unlink(f->two);
    assert_int_equal(rmdir(f->folder), 0); /* nothing else was left */
}

static void the_first_start_makes_a_private_file_and_later_ones_read_it(void **state)
{
    struct product *p = *state;
    struct files f = files_make();
    struct secret *made, *read;
    struct stat st;
    ASSERT_OK(p, key_open(&p->env, f.one, &made, &p->e));
    assert_int_equal(stat(f.one, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(strlen(secret_expose(made)), 43); /* 256 bits */
    ASSERT_OK(p, key_open(&p->env, f.one, &read, &p->e));
    assert_string_equal(secret_expose(made), secret_expose(read));
    secret_free(made);
    secret_free(read);
    files_remove(&f);
}

static void a_node_without_the_key_is_told_what_to_copy_and_makes_none(void **state)
{
    struct product *p = *state;
    struct files f = files_make();
    struct secret *key;
    ASSERT_OK(p, key_open(&p->env, f.one, &key, &p->e));
    secret_free(key);
    assert_int_equal(key_open(&p->env, f.two, &key, &p->e), ERR_CONFLICT);
    ASSERT_CONTAINS(p->e.text, f.two);
    ASSERT_CONTAINS(p->e.text, "copy the key file of a node that works");
    assert_int_not_equal(access(f.two, F_OK), 0);
    files_remove(&f);
}

static void a_node_with_another_key_is_refused(void **state)
{
    struct product *p = *state;
    struct files f = files_make();
    struct secret *key;
    ASSERT_OK(p, key_open(&p->env, f.one, &key, &p->e));
    secret_free(key);
    ASSERT_OK(p, secret_make_file(f.two, &rng_system, &key, &p->e));
    secret_free(key);
    assert_int_equal(key_open(&p->env, f.two, &key, &p->e), ERR_CONFLICT);
    ASSERT_CONTAINS(p->e.text, "is not this installation's");
    files_remove(&f);
}

static void a_key_file_that_others_may_read_is_refused(void **state)
{
    struct product *p = *state;
    struct files f = files_make();
    struct secret *key;
    ASSERT_OK(p, key_open(&p->env, f.one, &key, &p->e));
    secret_free(key);
    assert_int_equal(chmod(f.one, 0604), 0);
    assert_int_equal(key_open(&p->env, f.one, &key, &p->e), ERR_DENIED);
    files_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PRODUCT_TEST(the_first_start_makes_a_private_file_and_later_ones_read_it),
        PRODUCT_TEST(a_node_without_the_key_is_told_what_to_copy_and_makes_none),
        PRODUCT_TEST(a_node_with_another_key_is_refused),
        PRODUCT_TEST(a_key_file_that_others_may_read_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
