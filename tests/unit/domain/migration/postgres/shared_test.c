/* A customer comes from a database of its own into one that others share, and they go on. */
#include "sides.h"

#include "domain/migration/postgres/watchdog.h"

#include <poll.h>

struct world {
    struct sides sides;
    struct sides_move move;
    struct sides_client ours, others, more;
};

/* kinds is reference data that rows refer to, of types that hash by what one database knows; nobody
 * refers to settings. */
static const char schema[] =
    "CREATE TYPE public.sort AS ENUM ('car', 'van');"
    "CREATE TABLE public.tenants (customer_id text PRIMARY KEY);"
    "CREATE TABLE public.kinds (id int PRIMARY KEY, sort public.sort, more json);"
    "CREATE TABLE public.settings (name text PRIMARY KEY, value text);"
    "CREATE TABLE public.vehicles (customer_id text, id int, kind int REFERENCES public.kinds,"
    " PRIMARY KEY (customer_id, id));"
    "CREATE TABLE public.trips (id bigserial PRIMARY KEY, customer_id text NOT NULL, vehicle int,"
    " note text, code text UNIQUE,"
    " FOREIGN KEY (customer_id, vehicle) REFERENCES public.vehicles);"
    "CREATE INDEX trips_of ON public.trips (customer_id);"
    "INSERT INTO public.kinds VALUES (1, 'car', '{}'), (2, 'van', '{\"a\": 1}');";

#define ROWS_OF(names)                                                                             \
    "INSERT INTO public.tenants SELECT unnest(ARRAY[" names "]);"                                  \
    "INSERT INTO public.vehicles SELECT c, n, n % 2 + 1 FROM unnest(ARRAY[" names "]) c,"          \
    " generate_series(1, 10) n;"                                                                   \
    "INSERT INTO public.trips (customer_id, vehicle, note) SELECT c, n % 10 + 1, 'old' FROM"       \
    " unnest(ARRAY[" names "]) c, generate_series(1, 300) n;"

static const char ours_sql[] = "SELECT setval('public.trips_id_seq', 5000);" ROWS_OF(
    "'acme'") "INSERT INTO public.settings VALUES ('theme', 'acme''s')";

static const char others_sql[] =
    ROWS_OF("'nine', 'ten'") "INSERT INTO public.settings VALUES ('theme', 'everybody''s')";

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    sides_open(&w->sides);
    sides_run_both(&w->sides, schema);
    sides_run(&w->sides, SIDE_SOURCE, ours_sql);
    sides_move_init(&w->move, &w->sides);
    w->move.settings.budget_ms = w->move.settings.lag_ms = 10000;
    *state = w;
    return 0;
}

static int setup_with_others(void **state)
{
    (void)setup(state);
    struct world *w = *state;
    sides_run(&w->sides, SIDE_TARGET, others_sql);
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    sides_client_end(&w->ours);
    sides_client_end(&w->others);
    sides_client_end(&w->more);
    sides_move_drop(&w->move, &w->sides);
    sides_move_release(&w->move);
    sides_close(&w->sides);
    free(w);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_with_others, teardown)

/* -- a whole move ----------------------------------------------------------------------------- */

static void script(char *sql, size_t size, const char *tenant, int64_t n)
{
    (void)snprintf(sql, size,
                   "INSERT INTO public.trips (customer_id, vehicle, note, code) VALUES ('%s', 1,"
                   " 'new', '%s ' || gen_random_uuid());"
                   "UPDATE public.trips SET vehicle = %d WHERE id = (SELECT max(id) FROM"
                   " public.trips WHERE customer_id = '%s');"
                   "DELETE FROM public.trips WHERE id = (SELECT min(id) FROM public.trips WHERE"
                   " customer_id = '%s' AND note = 'old' AND %lld %% 8 = 0)",
                   tenant, tenant, (int)(n % 10 + 1), tenant, tenant, (long long)n);
}

static const char reference_sql[] =
    "SELECT md5(string_agg(t, ' ' ORDER BY t)) FROM (SELECT k::text FROM public.kinds k UNION ALL"
    " SELECT s::text FROM public.settings s) r (t)";

static int64_t new_of(struct world *w, const char *tenant)
{
    const char *sql = arena_printf(
        &w->sides.arena,
        "SELECT count(*) FROM public.trips WHERE customer_id = '%s' AND note = 'new'", tenant);
    int64_t count = -1;
    assert_true(str_to_i64(str_from(sides_get(&w->sides, SIDE_TARGET, sql)), &count));
    return count;
}

static void start_clients(struct world *w)
{
    w->ours = (struct sides_client){&w->sides, "acme", SIDE_SOURCE, true, script};
    w->others = (struct sides_client){&w->sides, "nine", SIDE_TARGET, false, script};
    w->more = (struct sides_client){&w->sides, "ten", SIDE_TARGET, false, script};
    sides_client_start(&w->ours);
    sides_client_start(&w->others);
    sides_client_start(&w->more);
}

/*
 * Somebody who reads all the time holds every table: until the cutover is over nothing may need one
 * for itself alone.
 */
static void others_write_and_read_on_while_a_customer_comes(void **state)
{
    struct world *w = *state;
    struct sides *s = &w->sides;
    const char *reference = sides_get(s, SIDE_TARGET, reference_sql);
    start_clients(w);
    sides_run(s, SIDE_TARGET,
              "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM public.trips,"
              " public.vehicles, public.kinds, public.settings, public.tenants");
    (void)sides_move_load(&w->move, s);
    sides_move_catch_up(&w->move, s);
    sides_run(s, SIDE_SOURCE, "UPDATE public.settings SET value = 'changed'");
    sides_move_cut(&w->move, s, SIDE_TARGET);
    sides_run(s, SIDE_TARGET, "COMMIT");
    sides_client_wait(&w->ours, 20);
    sides_client_wait(&w->others, 20);
    int64_t ours = sides_client_stop(&w->ours), nine = sides_client_stop(&w->others);
    int64_t ten = sides_client_stop(&w->more);
    ASSERT_OK(s, postgres_mover.finish(&w->move.run, &s->e));
    assert_int_equal(new_of(w, "acme"), ours);
    assert_int_equal(new_of(w, "nine"), nine);
    assert_int_equal(new_of(w, "ten"), ten);
    ASSERT_GET(s, SIDE_TARGET, reference_sql, reference);
    assert_string_equal(sides_traces(s), "");
}

/* -- locks ------------------------------------------------------------------------------------ */

struct preparing {
    struct world *w;
    pthread_t thread;
    bool over; /* atomic */
    enum err err;
    struct error e;
};

static void *prepare_main(void *arg)
{
    struct preparing *p = arg;
    p->err = postgres_mover.prepare(&p->w->move.run, &p->e);
    __atomic_store_n(&p->over, true, __ATOMIC_SEQ_CST);
    return NULL;
}

static void wait_until_blocked(struct preparing *p)
{
    struct world *w = p->w;
    const char *sql = arena_printf(&w->sides.arena,
                                   "SELECT count(*) FROM pg_stat_activity WHERE datname = '%s'"
                                   " AND application_name LIKE 'webhost move%%'"
                                   " AND wait_event_type = 'Lock'",
                                   w->sides.db[SIDE_TARGET].name);
    while (text_eq(sides_get(&w->sides, SIDE_SOURCE, sql), "0") &&
           !__atomic_load_n(&p->over, __ATOMIC_SEQ_CST))
        (void)poll(NULL, 0, 1);
}

/* The move gives up its place in the queue; who stands behind it would give up after the client's
 * lock_timeout. */
static void a_lock_that_is_waited_for_keeps_nobody_from_the_table(void **state)
{
    struct world *w = *state;
    struct sides *s = &w->sides;
    struct preparing p = {.w = w};
    sides_run(s, SIDE_TARGET,
              "BEGIN; UPDATE public.trips SET note = 'x' WHERE customer_id = 'ten'");
    assert_int_equal(pthread_create(&p.thread, NULL, prepare_main, &p), 0);
    wait_until_blocked(&p);
    w->others = (struct sides_client){&w->sides, "nine", SIDE_TARGET, false, script};
    sides_client_start(&w->others);
    while (__atomic_load_n(&w->others.written, __ATOMIC_SEQ_CST) < 10 &&
           !__atomic_load_n(&w->others.stop, __ATOMIC_SEQ_CST))
        (void)poll(NULL, 0, 1);
    bool waited = !__atomic_load_n(&p.over, __ATOMIC_SEQ_CST);
    sides_run(s, SIDE_TARGET, "COMMIT");
    assert_int_equal(pthread_join(p.thread, NULL), 0);
    if (p.err != OK)
        fail_msg("%s", p.e.text);
    assert_true(waited);
    (void)sides_client_stop(&w->others);
}

/* -- ids and values that others have ---------------------------------------------------------- */

static void refused(struct world *w, const char *sql, const char *thing, const char *why,
                    const char *fix)
{
    sides_move_assert_clear(&w->move, &w->sides);
    sides_run(&w->sides, SIDE_SOURCE, sql);
    sides_move_assert_refused(&w->move, &w->sides, thing, why, fix);
}

static void a_row_whose_id_another_customer_has_at_the_target(void **state)
{
    struct world *w = *state;
    /* Among the others' ids, but none of theirs. */
    sides_run(&w->sides, SIDE_TARGET, "DELETE FROM public.trips WHERE id = 40");
    sides_run(&w->sides, SIDE_SOURCE,
              "INSERT INTO public.trips (id, customer_id, note) VALUES (40, 'acme', 'x')");
    refused(w, "INSERT INTO public.trips (id, customer_id, note) VALUES (41, 'acme', 'x')",
            "table trips",
            "has rows of this customer whose id another customer's row has at the target"
            " (trips_pkey), first 41",
            "other values");
}

static void a_row_whose_unique_value_another_customer_has_at_the_target(void **state)
{
    struct world *w = *state;
    sides_run(&w->sides, SIDE_TARGET, "UPDATE public.trips SET code = 'red' WHERE id = 1");
    refused(w, "UPDATE public.trips SET code = 'red' WHERE id = 5001", "table trips",
            "whose code another customer's row has at the target (trips_code_key), first red",
            "other values");
}

/* The others' sequence comes to where the customer's ids are. */
static void others_are_never_given_an_id_of_a_row_that_is_copied(void **state)
{
    struct world *w = *state;
    struct sides *s = &w->sides;
    sides_run(s, SIDE_TARGET, "SELECT setval('public.trips_id_seq', 4999)");
    (void)sides_move_load(&w->move, s);
    sides_run(s, SIDE_TARGET,
              "INSERT INTO public.trips (customer_id, note) SELECT 'ten', 'x' FROM"
              " generate_series(1, 400)");
    sides_move_catch_up(&w->move, s);
}

/* -- reference data --------------------------------------------------------------------------- */

static void a_database_where_others_have_places_and_no_rows_yet_keeps_its_reference_data(
    void **state)
{
    struct world *w = *state;
    struct sides *s = &w->sides;
    sides_run(s, SIDE_TARGET,
              "INSERT INTO public.tenants VALUES ('nine');"
              "INSERT INTO public.settings VALUES ('theme', 'everybody''s')");
    const char *reference = sides_get(s, SIDE_TARGET, reference_sql);
    (void)sides_move_load(&w->move, s);
    sides_move_catch_up(&w->move, s);
    ASSERT_GET(s, SIDE_TARGET, reference_sql, reference);
}

static void reference_data_that_differs_in_an_enum_or_a_json(void **state)
{
    struct world *w = *state;
    refused(w, "UPDATE public.kinds SET sort = 'van' WHERE id = 1", "reference table kinds",
            "has other rows at the target", "bring its rows into line");
    sides_run(&w->sides, SIDE_SOURCE, "UPDATE public.kinds SET sort = 'car' WHERE id = 1");
    refused(w, "UPDATE public.kinds SET more = '{\"b\": 1}' WHERE id = 1", "reference table kinds",
            "has other rows at the target", "bring its rows into line");
}

int main(int argc, char **argv)
{
    pg_watchdog_hook(argc, argv, NULL);
    const struct CMUnitTest tests[] = {
        TEST(others_write_and_read_on_while_a_customer_comes),
        TEST(a_lock_that_is_waited_for_keeps_nobody_from_the_table),
        TEST(a_row_whose_id_another_customer_has_at_the_target),
        TEST(a_row_whose_unique_value_another_customer_has_at_the_target),
        TEST(others_are_never_given_an_id_of_a_row_that_is_copied),
        cmocka_unit_test_setup_teardown(
            a_database_where_others_have_places_and_no_rows_yet_keeps_its_reference_data, setup,
            teardown),
        TEST(reference_data_that_differs_in_an_enum_or_a_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
