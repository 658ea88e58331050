/* PgBouncer's file: what a move pointed, what the routes say, and a writer that is killed. */
#include "domain/provisioning/alias_file.h"
#include "domain/provisioning/deployment.h"
#include "domain/provisioning/pgbouncer.h"
#include "product.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OLD "host='a' port='5432' dbname='fleet'"
#define NEW "host='b' port='5432' dbname='fleet'"
#define HEADING                                                                                    \
    "; WebHost writes this file, and writes over what others change in it.\n[databases]\n"
#define LINES 20000
#define KILLS 20

static struct arena arena;

static const char *pointed(const char *content, const char *alias, const char *target)
{
    struct buf out = BUF_INIT(1 << 20);
    bool changed;
    alias_file_point(content, alias, target, &out, &changed);
    const char *text = arena_text(&arena, buf_text(&out));
    assert_int_equal(changed, strcmp(text, content) != 0);
    buf_release(&out);
    return text;
}

/* The file made anew while the route of acme says `target`. */
static const char *rendered(const char *content, const char *target)
{
    struct buf out = BUF_INIT(1 << 20);
    struct alias_render r;
    alias_render_begin(&r, content, &out);
    alias_render_add(&r, "tenant_acme", target);
    alias_render_end(&r);
    const char *text = arena_text(&arena, buf_text(&out));
    buf_release(&out);
    return text;
}

static void a_line_that_was_pointed_stays_until_the_route_says_something_else(void **state)
{
    (void)state;
    const char *before = rendered("", OLD);
    assert_string_equal(before, HEADING "tenant_acme = " OLD "\n");
    const char *moved = pointed(before, "tenant_acme", NEW);
    assert_string_equal(moved, HEADING "tenant_acme = " NEW "\n;was " OLD "\n");
    assert_string_equal(rendered(moved, OLD), moved); /* the route is not committed yet */
    assert_string_equal(rendered(moved, NEW), HEADING "tenant_acme = " NEW "\n");
    assert_string_equal(rendered(moved, "host='c'"), HEADING "tenant_acme = host='c'\n");
}

static void pointing_back_is_right_before_and_after_the_route_follows(void **state)
{
    (void)state;
    const char *moved = pointed(rendered("", OLD), "tenant_acme", NEW);
    const char *back = pointed(moved, "tenant_acme", OLD);
    assert_string_equal(back, HEADING "tenant_acme = " OLD "\n;was " NEW "\n");
    assert_string_equal(rendered(back, NEW), back);
    assert_string_equal(rendered(back, OLD), HEADING "tenant_acme = " OLD "\n");
}

static void pointing_twice_changes_nothing_and_other_lines_stay(void **state)
{
    (void)state;
    const char *both = pointed(rendered("", OLD), "tenant_acme-2", NEW);
    const char *moved = pointed(both, "tenant_acme", NEW);
    assert_string_equal(pointed(moved, "tenant_acme", NEW), moved);
    assert_string_equal(alias_file_target(moved, "tenant_acme-2", &arena), NEW);
    assert_null(alias_file_target(moved, "tenant_acm", &arena));
}

static void what_has_no_route_is_gone(void **state)
{
    (void)state;
    const char *both = pointed(rendered("", OLD), "tenant_gone", NEW);
    assert_null(alias_file_target(rendered(both, OLD), "tenant_gone", &arena));
}

/* -- disk ------------------------------------------------------------------------------------- */

static char folder[] = "/tmp/webhost-alias-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"f", "f.new", "f.lock"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        (void)unlink(arena_printf(&arena, "%s/%s", folder, names[i]));
    int rc = rmdir(folder);
    arena_release(&arena);
    return rc;
}

static void fill(struct buf *out, char letter)
{
    for (int i = 0; i < LINES; i++)
        (void)buf_printf(out, "tenant_%d = host='%c' port='5432' dbname='fleet'\n", i, letter);
}

/* So that each killing meets the writer somewhere else. */
static void wait_for_replacements(const char *path, int count)
{
    struct stat st;
    ino_t last = 0;
    while (count >= 0) {
        assert_int_equal(stat(path, &st), 0);
        count -= st.st_ino != last;
        last = st.st_ino;
    }
}

static void a_writer_that_is_killed_leaves_the_old_file_or_the_new_one(void **state)
{
    (void)state;
    struct error e;
    const char *path = arena_printf(&arena, "%s/f", folder), *content;
    struct buf a = BUF_INIT(1 << 22), b = BUF_INIT(1 << 22);
    fill(&a, 'a');
    fill(&b, 'b');
    assert_int_equal(alias_file_write(path, &a, &e), OK);
    for (int i = 0; i < KILLS; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            for (;;) {
                (void)alias_file_write(path, &b, NULL);
                (void)alias_file_write(path, &a, NULL);
            }
        }
        wait_for_replacements(path, i % 5 + 1);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(alias_file_read(path, &arena, &content, &e), OK);
        assert_true(text_eq(content, buf_text(&a)) || text_eq(content, buf_text(&b)));
    }
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    buf_release(&a);
    buf_release(&b);
}

static void who_finds_the_file_locked_waits_no_longer_than_the_deadline(void **state)
{
    (void)state;
    struct error e;
    int first, second;
    const char *path = arena_printf(&arena, "%s/f", folder);
    assert_int_equal(alias_file_lock(path, monotonic_us() + USEC_PER_SEC, &first, &e), OK);
    assert_int_equal(alias_file_lock(path, monotonic_us(), &second, &e), ERR_TIMEOUT);
    ASSERT_CONTAINS(e.text, path);
    alias_file_unlock(first);
    assert_int_equal(alias_file_lock(path, monotonic_us() + USEC_PER_SEC, &second, &e), OK);
    alias_file_unlock(second);
}

/* -- the routes ------------------------------------------------------------------------------- */

static void the_file_follows_the_routes_also_when_no_pgbouncer_answers(void **state)
{
    (void)state;
    struct product *p = calloc(1, sizeof(*p));
    const char *nobody[] = {"postgres://postgres@127.0.0.1:1/pgbouncer"}, *content;
    struct pgbouncer_settings settings = {
        .databases_file = arena_printf(&arena, "%s/f", folder),
        .admin_urls = {nobody, 1},
    };
    product_init(p);
    struct signed_up done = product_signup(p, "acme", "hobby", "{}");
    product_begin(p);
    ASSERT_OK(p, deployment_activate(p->tx, &p->env, "job:test", &done.deployment,
                                     "postgres://app:x@10.0.0.7:5433/fleet", &p->arena, &p->e));
    product_commit(p);
    struct pgbouncer *b = pgbouncer_new(&settings, NULL);
    bool changed = false;
    assert_int_equal(pgbouncer_sync(b, p->env.db, &changed, &p->e), ERR_UNAVAILABLE);
    assert_true(changed);
    ASSERT_OK(p, alias_file_read(settings.databases_file, &arena, &content, &p->e));
    assert_string_equal(content, HEADING "tenant_acme = host='10.0.0.7' port='5433' "
                                         "dbname='fleet' user='app'\n");
    /* not changed, and still to be told */
    assert_int_equal(pgbouncer_sync(b, p->env.db, &changed, &p->e), ERR_UNAVAILABLE);
    assert_false(changed);
    settings.passwords = true;
    (void)pgbouncer_sync(b, p->env.db, &changed, &p->e);
    ASSERT_OK(p, alias_file_read(settings.databases_file, &arena, &content, &p->e));
    ASSERT_CONTAINS(content, "user='app' password='x'");
    pgbouncer_free(b);
    product_release(p);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_that_was_pointed_stays_until_the_route_says_something_else),
        cmocka_unit_test(pointing_back_is_right_before_and_after_the_route_follows),
        cmocka_unit_test(pointing_twice_changes_nothing_and_other_lines_stay),
        cmocka_unit_test(what_has_no_route_is_gone),
        cmocka_unit_test(a_writer_that_is_killed_leaves_the_old_file_or_the_new_one),
        cmocka_unit_test(who_finds_the_file_locked_waits_no_longer_than_the_deadline),
        cmocka_unit_test(the_file_follows_the_routes_also_when_no_pgbouncer_answers),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
