/* The router in front of a real PgBouncer and a real PostgreSQL (tests/support/pooled.py). */
#include "check.h"
#include "domain/provisioning/alias_file.h"
#include "domain/provisioning/pgbouncer.h"
#include "infra/pg/console.h"
#include "infra/pg/session.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define CLIENTS   4
#define SOON_US   (10 * USEC_PER_SEC)
#define SHORT_US  (300 * USEC_PER_MS)
#define READS_MIN 20

struct rig {
    struct arena arena;
    struct pgbouncer_settings settings;
    struct pgbouncer *pgbouncer;
    const struct mover_router *router;
    const char *pooler, *one, *two;
    const char *admin[2];
    struct error e;
};

static int64_t soon(void)
{
    return monotonic_us() + SOON_US;
}

/* The server's url with another database. */
static const char *database(struct rig *r, const char *name)
{
    const char *url = getenv("WEBHOST_TEST_PG_URL");
    return arena_printf(&r->arena, "%.*s/%s", (int)(strrchr(url, '/') - url), url, name);
}

static int set_up(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    r->pooler = getenv("WEBHOST_TEST_POOLER");
    r->one = database(r, "one");
    r->two = database(r, "two");
    r->admin[0] = arena_printf(&r->arena, "postgres://postgres@%s/pgbouncer", r->pooler);
    r->settings = (struct pgbouncer_settings){
        .databases_file = getenv("WEBHOST_TEST_ALIASES"),
        .admin_urls = {r->admin, 1},
    };
    r->pgbouncer = pgbouncer_new(&r->settings, NULL);
    r->router = pgbouncer_router(r->pgbouncer);
    ASSERT_OK(r, r->router->point(r->router, "acme", r->one, soon(), &r->e));
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    pgbouncer_free(r->pgbouncer);
    arena_release(&r->arena);
    free(r);
    return 0;
}

static struct pg_session *client_of(struct rig *r, const char *slug)
{
    struct pg_session *s;
    struct pg_options options = {
        .url = arena_printf(&r->arena, "postgres://postgres@%s/tenant_%s", r->pooler, slug),
        .name = "test",
    };
    ASSERT_OK(r, pg_open(&options, &s, &r->e));
    pg_set_deadline(s, soon());
    return s;
}

static const char *where(struct rig *r, struct pg_session *s)
{
    const char *name;
    ASSERT_OK(r, pg_get(s, "SELECT current_database()", NULL, 0, &r->arena, &name, &r->e));
    return name;
}

/* -- clients ---------------------------------------------------------------------------------- */

struct client {
    struct pg_session *session;
    pthread_t thread;
    const atomic_bool *stop;
    atomic_int ones, twos, backs; /* `backs`: saw one after two */
    atomic_int failures;
};

/* Transactions of two statements, so that a switch in the middle of one would be seen. */
static void *use(void *arg)
{
    struct client *c = arg;
    while (!atomic_load(c->stop)) {
        struct arena arena = {0};
        struct error e;
        const char *first = "", *second = "";
        bool ok =
            pg_run(c->session, "BEGIN", &e) == OK &&
            pg_get(c->session, "SELECT current_database()", NULL, 0, &arena, &first, &e) == OK &&
            pg_get(c->session, "SELECT current_database()", NULL, 0, &arena, &second, &e) == OK &&
            pg_run(c->session, "COMMIT", &e) == OK;
        if (!ok || strcmp(first, second) != 0)
            atomic_fetch_add(&c->failures, 1);
        else if (strcmp(first, "one") == 0)
            atomic_fetch_add(atomic_load(&c->twos) ? &c->backs : &c->ones, 1);
        else
            atomic_fetch_add(&c->twos, 1);
        arena_release(&arena);
        if (!ok)
            break;
    }
    return NULL;
}

static void wait_for(const atomic_int *count, int least)
{
    int64_t until = soon();
    while (atomic_load(count) < least && monotonic_us() < until)
        (void)sched_yield();
    assert_true(atomic_load(count) >= least);
}

static void clients_wait_through_a_cutover_and_go_on_at_the_other_database_without_an_error(
    void **state)
{
    struct rig *r = *state;
    atomic_bool stop = false;
    struct client clients[CLIENTS] = {0};
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i].session = client_of(r, "acme");
        clients[i].stop = &stop;
        assert_int_equal(pthread_create(&clients[i].thread, NULL, use, &clients[i]), 0);
    }
    for (size_t i = 0; i < CLIENTS; i++)
        wait_for(&clients[i].ones, READS_MIN);
    ASSERT_OK(r, r->router->pause(r->router, "acme", soon(), &r->e));
    int before[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++)
        before[i] = atomic_load(&clients[i].ones);
    ASSERT_OK(r, r->router->point(r->router, "acme", r->two, soon(), &r->e));
    for (size_t i = 0; i < CLIENTS; i++) /* at most what was answered and not counted yet */
        assert_true(atomic_load(&clients[i].ones) <= before[i] + 1);
    ASSERT_OK(r, r->router->resume(r->router, "acme", soon(), &r->e));
    for (size_t i = 0; i < CLIENTS; i++)
        wait_for(&clients[i].twos, READS_MIN);
    atomic_store(&stop, true);
    for (size_t i = 0; i < CLIENTS; i++) {
        (void)pthread_join(clients[i].thread, NULL);
        assert_int_equal(atomic_load(&clients[i].failures), 0);
        assert_int_equal(atomic_load(&clients[i].backs), 0);
        pg_close(clients[i].session);
    }
}

static void a_transaction_that_goes_on_ends_the_pause_in_time_and_nobody_waits_afterwards(
    void **state)
{
    struct rig *r = *state;
    struct pg_session *slow = client_of(r, "acme"), *other = client_of(r, "acme");
    ASSERT_OK(r, pg_run(slow, "BEGIN", &r->e));
    assert_string_equal(where(r, slow), "one");
    assert_int_equal(r->router->pause(r->router, "acme", monotonic_us() + SHORT_US, &r->e),
                     ERR_TIMEOUT);
    ASSERT_CONTAINS(r->e.text, "acme");
    assert_string_equal(where(r, other), "one");
    ASSERT_OK(r, pg_run(slow, "COMMIT", &r->e));
    ASSERT_OK(r, r->router->resume(r->router, "acme", soon(), &r->e));
    pg_close(slow);
    pg_close(other);
}

static void each_step_may_be_repeated(void **state)
{
    struct rig *r = *state;
    const struct mover_router *router = r->router;
    ASSERT_OK(r, router->resume(router, "acme", soon(), &r->e)); /* nobody waits */
    ASSERT_OK(r, router->resume(router, "nobody", soon(), &r->e));
    for (int i = 0; i < 2; i++)
        ASSERT_OK(r, router->pause(router, "acme", soon(), &r->e));
    for (int i = 0; i < 2; i++)
        ASSERT_OK(r, router->point(router, "acme", r->two, soon(), &r->e));
    for (int i = 0; i < 2; i++)
        ASSERT_OK(r, router->resume(router, "acme", soon(), &r->e));
    struct pg_session *s = client_of(r, "acme");
    assert_string_equal(where(r, s), "two");
    pg_close(s);
}

static void behind_its_deadline_nothing_is_paused_pointed_or_written(void **state)
{
    struct rig *r = *state;
    const struct mover_router *router = r->router;
    const char *before, *after;
    ASSERT_OK(r, alias_file_read(r->settings.databases_file, &r->arena, &before, &r->e));
    assert_int_equal(router->pause(router, "acme", monotonic_us(), &r->e), ERR_TIMEOUT);
    assert_int_equal(router->point(router, "acme", r->two, monotonic_us(), &r->e), ERR_TIMEOUT);
    ASSERT_OK(r, alias_file_read(r->settings.databases_file, &r->arena, &after, &r->e));
    assert_string_equal(after, before);
    struct pg_session *s = client_of(r, "acme");
    assert_string_equal(where(r, s), "one");
    ASSERT_OK(r, router->pause(router, "acme", soon(), &r->e));
    assert_int_equal(router->resume(router, "acme", monotonic_us(), &r->e), ERR_TIMEOUT);
    ASSERT_OK(r, router->resume(router, "acme", soon(), &r->e));
    pg_close(s);
}

static void where_clients_go_already_they_are_pointed_to_though_another_holds_the_file(void **state)
{
    struct rig *r = *state;
    const struct mover_router *router = r->router;
    int lock;
    ASSERT_OK(r, alias_file_lock(r->settings.databases_file, soon(), &lock, &r->e));
    ASSERT_OK(r, router->point(router, "acme", r->one, soon(), &r->e));
    assert_int_equal(router->point(router, "acme", r->two, soon(), &r->e), ERR_TIMEOUT);
    alias_file_unlock(lock);
    ASSERT_OK(r, router->point(router, "acme", r->two, soon(), &r->e));
}

static void a_slug_with_dashes_is_paused_and_pointed(void **state)
{
    struct rig *r = *state;
    const struct mover_router *router = r->router;
    ASSERT_OK(r, router->point(router, "corner-bakery-2", r->one, soon(), &r->e));
    ASSERT_OK(r, router->pause(router, "corner-bakery-2", soon(), &r->e));
    ASSERT_OK(r, router->resume(router, "corner-bakery-2", soon(), &r->e));
    struct pg_session *s = client_of(r, "corner-bakery-2");
    assert_string_equal(where(r, s), "one");
    pg_close(s);
}

static void an_alias_that_pgbouncer_does_not_know_is_not_paused_and_the_sentence_says_what_to_do(
    void **state)
{
    struct rig *r = *state;
    assert_int_equal(r->router->pause(r->router, "stranger", soon(), &r->e), ERR_NOT_FOUND);
    ASSERT_CONTAINS(r->e.text, "tenant_stranger");
    ASSERT_CONTAINS(r->e.text, r->settings.databases_file);
}

static void of_two_pgbouncers_one_that_is_down_keeps_the_cutover_from_starting(void **state)
{
    struct rig *r = *state;
    r->admin[1] = "postgres://postgres@127.0.0.1:1/pgbouncer";
    r->settings.admin_urls.count = 2;
    struct pgbouncer *both = pgbouncer_new(&r->settings, NULL);
    const struct mover_router *router = pgbouncer_router(both);
    assert_int_equal(router->pause(router, "acme", soon(), &r->e), ERR_UNAVAILABLE);
    ASSERT_CONTAINS(r->e.text, "127.0.0.1:1");
    struct pg_session *s = client_of(r, "acme");
    assert_string_equal(where(r, s), "one");
    /* The one that answers is resumed, whatever the other says. */
    ASSERT_OK(r, r->router->pause(r->router, "acme", soon(), &r->e));
    assert_int_equal(router->resume(router, "acme", soon(), &r->e), ERR_UNAVAILABLE);
    assert_string_equal(where(r, s), "one");
    pg_close(s);
    pgbouncer_free(both);
}

static void another_process_makes_the_same_router_from_its_text(void **state)
{
    struct rig *r = *state;
    const struct mover_router *made;
    ASSERT_OK(r, r->router->pause(r->router, "acme", soon(), &r->e));
    ASSERT_OK(r, pgbouncer_router_make(r->router->spec, &r->arena, &made, &r->e));
    ASSERT_OK(r, made->point(made, "acme", r->two, soon(), &r->e));
    ASSERT_OK(r, made->resume(made, "acme", soon(), &r->e));
    struct pg_session *s = client_of(r, "acme");
    assert_string_equal(where(r, s), "two");
    pg_close(s);
    pgbouncer_free((struct pgbouncer *)(uintptr_t)made);
}

/* -- the file --------------------------------------------------------------------------------- */

static void odd_values_reach_pgbouncer_as_they_are(void **state)
{
    struct rig *r = *state;
    struct alias_target odd = {.host = "127.0.0.1",
                               .port = 5432,
                               .dbname = "o'brien; # \\ \"x\" %",
                               .user = "a b",
                               .password = "it''s = '; [x]"};
    _cleanup_buf_ struct buf out = BUF_INIT(1 << 20);
    struct pg_console *console;
    struct pg_table table;
    const char *text, *old, *seen = NULL;
    bool changed;
    ASSERT_OK(r, alias_target_text(&odd, &r->arena, &text, &r->e));
    ASSERT_OK(r, alias_file_read(r->settings.databases_file, &r->arena, &old, &r->e));
    alias_file_point(old, "tenant_odd", text, &out, &changed);
    ASSERT_OK(r, alias_file_write(r->settings.databases_file, &out, &r->e));
    ASSERT_OK(r, pg_console_open(r->admin[0], soon(), &console, &r->e));
    ASSERT_OK(r, pg_console_run(console, "RELOAD", soon(), NULL, NULL, &r->e));
    ASSERT_OK(r, pg_console_run(console, "SHOW DATABASES", soon(), &r->arena, &table, &r->e));
    for (size_t i = 0; i < table.count; i++) {
        if (text_eq(pg_table_cell(&table, i, "name"), "tenant_odd"))
            seen = pg_table_cell(&table, i, "database");
    }
    pg_console_close(console);
    assert_non_null(seen);
    assert_string_equal(seen, odd.dbname);
    odd.password = "two\nlines";
    assert_int_equal(alias_target_text(&odd, &r->arena, &text, &r->e), ERR_INVALID);
    assert_null(strstr(r->e.text, "lines"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(clients_wait_through_a_cutover_and_go_on_at_the_other_database_without_an_error),
        T(a_transaction_that_goes_on_ends_the_pause_in_time_and_nobody_waits_afterwards),
        T(each_step_may_be_repeated),
        T(behind_its_deadline_nothing_is_paused_pointed_or_written),
        T(where_clients_go_already_they_are_pointed_to_though_another_holds_the_file),
        T(a_slug_with_dashes_is_paused_and_pointed),
        T(an_alias_that_pgbouncer_does_not_know_is_not_paused_and_the_sentence_says_what_to_do),
        T(of_two_pgbouncers_one_that_is_down_keeps_the_cutover_from_starting),
        T(another_process_makes_the_same_router_from_its_text),
        T(odd_values_reach_pgbouncer_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
