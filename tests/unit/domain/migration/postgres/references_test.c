/* Foreign keys that do not hold: both sides are alike, and it is found all the same. */
#include "sides.h"

#include "domain/migration/postgres/watchdog.h"

struct world {
    struct sides sides;
    struct sides_move move;
};

/* The survey trusts a key with the tenant column that the server has validated. */
static const char schema[] =
    "CREATE TABLE public.vehicles (customer_id text, id int, PRIMARY KEY (customer_id, id));"
    "CREATE TABLE public.trips (customer_id text, id int, vehicle int, PRIMARY KEY (customer_id,"
    " id), CONSTRAINT of_vehicle FOREIGN KEY (customer_id, vehicle) REFERENCES public.vehicles);"
    "CREATE TABLE public.stops (customer_id text, id int, trip int, PRIMARY KEY (customer_id, id));"
    "INSERT INTO public.vehicles SELECT c, n FROM unnest(ARRAY['acme', 'other']) c,"
    " generate_series(1, 5) n;"
    "INSERT INTO public.trips SELECT c, n, CASE WHEN n > 5 THEN n % 5 + 1 END"
    " FROM unnest(ARRAY['acme', 'other']) c, generate_series(1, 100) n;";

static const char break_sql[] =
    "SET session_replication_role = replica;"
    "UPDATE public.trips SET vehicle = 77 WHERE customer_id = 'acme' AND id = 42;"
    "RESET session_replication_role";

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    sides_open(&w->sides);
    sides_run(&w->sides, SIDE_SOURCE, schema);
    sides_move_init(&w->move, &w->sides);
    w->move.settings.budget_ms = w->move.settings.lag_ms = 10000;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    sides_move_drop(&w->move, &w->sides);
    sides_move_release(&w->move);
    sides_close(&w->sides);
    free(w);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void assert_named(struct world *w, enum err err)
{
    assert_int_equal(err, ERR_CORRUPT);
    ASSERT_CONTAINS(w->sides.e.text, "foreign key of_vehicle of table trips does not hold at the "
                                     "target: the row with the key acme, 42 refers to a row of "
                                     "vehicles that is not there");
}

static void a_key_that_holds_is_no_matter(void **state)
{
    struct world *w = *state;
    (void)sides_move_load(&w->move, &w->sides);
    sides_move_catch_up(&w->move, &w->sides);
}

static void a_row_that_was_broken_before_the_move_is_named_before_the_cutover(void **state)
{
    struct world *w = *state;
    struct sides *s = &w->sides;
    sides_run(s, SIDE_SOURCE, break_sql);
    (void)sides_move_load(&w->move, s);
    ASSERT_OK(s, postgres_mover.catch_up(&w->move.run, &s->e));
    assert_named(w, postgres_mover.verify(&w->move.run, &s->e));
}

static void a_row_that_is_broken_right_before_the_cutover_is_named_by_the_proof(void **state)
{
    struct world *w = *state;
    struct sides *s = &w->sides;
    struct mover_cut *cut = NULL;
    int64_t stall_us;
    const char *proof;
    (void)sides_move_load(&w->move, s);
    sides_move_catch_up(&w->move, s);
    /* Written by somebody whom nothing checks, and sent as everything else. */
    sides_run(s, SIDE_SOURCE, break_sql);
    ASSERT_OK(s, postgres_mover.cut_over(&w->move.run, SIDE_TARGET, &cut, &stall_us, &s->e));
    ASSERT_OK(s, postgres_mover.settle(&w->move.run, &s->e));
    assert_named(w, postgres_mover.prove(&w->move.run, cut, &proof, &s->e));
}

/* The row is there, but it is another tenant's and does not come along. */
static void a_row_that_comes_to_refer_to_another_tenants_is_named(void **state)
{
    struct world *w = *state;
    struct sides *s = &w->sides;
    sides_run(
        s, SIDE_SOURCE,
        "ALTER TABLE public.vehicles ADD UNIQUE (id, customer_id), ADD serial int;"
        "UPDATE public.vehicles SET serial = id + CASE customer_id WHEN 'acme' THEN 0 ELSE 10"
        " END; ALTER TABLE public.vehicles ADD UNIQUE (serial);"
        "ALTER TABLE public.stops ADD vehicle int,"
        " ADD CONSTRAINT at_vehicle FOREIGN KEY (vehicle) REFERENCES public.vehicles (serial);"
        "INSERT INTO public.stops VALUES ('acme', 1, 1, 3)");
    (void)sides_move_load(&w->move, s);
    ASSERT_OK(s, postgres_mover.catch_up(&w->move.run, &s->e));
    ASSERT_OK(s, postgres_mover.verify(&w->move.run, &s->e));
    sides_run(s, SIDE_SOURCE, "UPDATE public.stops SET vehicle = 13");
    assert_int_equal(postgres_mover.verify(&w->move.run, &s->e), ERR_CORRUPT);
    ASSERT_CONTAINS(s->e.text, "foreign key at_vehicle of table stops does not hold");
}

int main(int argc, char **argv)
{
    pg_watchdog_hook(argc, argv, NULL);
    const struct CMUnitTest tests[] = {
        TEST(a_key_that_holds_is_no_matter),
        TEST(a_row_that_was_broken_before_the_move_is_named_before_the_cutover),
        TEST(a_row_that_is_broken_right_before_the_cutover_is_named_by_the_proof),
        TEST(a_row_that_comes_to_refer_to_another_tenants_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
