/* Partitioned tables through whole moves, in both directions, and what of them is refused. */
#include "sides.h"

#include "domain/migration/postgres/watchdog.h"

struct world {
    struct sides sides;
    struct sides_move move;
    struct sides_client ours, others;
};

/*
 * points by time, with a default, and the tenant column in its key; events by the hash of an id
 * that is all its key; readings in two levels, which refer to events; logs, whose table says
 * REPLICA IDENTITY FULL while its partitions do not. One partition has its columns in another
 * order.
 */
static const char schema[] =
    "CREATE TABLE public.kinds (id int PRIMARY KEY, name text);"
    "CREATE TABLE public.points (customer_id text, id text, at timestamptz, x int,"
    " kind int REFERENCES public.kinds, PRIMARY KEY (customer_id, id, at))"
    " PARTITION BY RANGE (at);"
    "CREATE INDEX points_by_x ON public.points (customer_id, x);"
    "CREATE TABLE public.points_1 PARTITION OF public.points"
    " FOR VALUES FROM ('2026-01-01 00:00Z') TO ('2026-02-01 00:00Z');"
    "CREATE TABLE public.points_2 (gone int, kind int, x int, at timestamptz NOT NULL,"
    " id text NOT NULL, customer_id text NOT NULL);"
    "ALTER TABLE public.points_2 DROP gone;"
    "ALTER TABLE public.points ATTACH PARTITION public.points_2"
    " FOR VALUES FROM ('2026-02-01 00:00Z') TO ('2026-03-01 00:00Z');"
    "CREATE TABLE public.points_more PARTITION OF public.points DEFAULT;"
    "CREATE TABLE public.events (id bigserial PRIMARY KEY, customer_id text NOT NULL, note text)"
    " PARTITION BY HASH (id);"
    "CREATE TABLE public.events_0 PARTITION OF public.events FOR VALUES WITH (MODULUS 3,"
    " REMAINDER 0);"
    "CREATE TABLE public.events_1 PARTITION OF public.events FOR VALUES WITH (MODULUS 3,"
    " REMAINDER 1);"
    "CREATE TABLE public.events_2 PARTITION OF public.events FOR VALUES WITH (MODULUS 3,"
    " REMAINDER 2);"
    "CREATE TABLE public.readings (customer_id text, region text, day int,"
    " event bigint REFERENCES public.events, n int, PRIMARY KEY (region, day, event))"
    " PARTITION BY LIST (region);"
    "CREATE TABLE public.readings_eu PARTITION OF public.readings FOR VALUES IN ('eu')"
    " PARTITION BY RANGE (day);"
    "CREATE TABLE public.readings_eu_1 PARTITION OF public.readings_eu FOR VALUES FROM (0) TO (50);"
    "CREATE TABLE public.readings_eu_2 PARTITION OF public.readings_eu DEFAULT;"
    "CREATE TABLE public.readings_us PARTITION OF public.readings FOR VALUES IN ('us');"
    "CREATE INDEX readings_by_day ON public.readings (day);"
    "CREATE TABLE public.logs (id int, day int, customer_id text, n int, PRIMARY KEY (id, day))"
    " PARTITION BY RANGE (day);"
    "CREATE TABLE public.logs_1 PARTITION OF public.logs DEFAULT;"
    "ALTER TABLE public.logs REPLICA IDENTITY FULL;";

static const char rows_of_two[] =
    "INSERT INTO public.kinds VALUES (1, 'car'), (2, 'van');"
    "INSERT INTO public.points SELECT c, 'p' || n, timestamptz '2026-01-01 00:00Z'"
    " + n * interval '3 hours', n, n % 2 + 1 FROM unnest(ARRAY['acme', 'other']) c,"
    " generate_series(1, 600) n;"
    "INSERT INTO public.events (customer_id, note) SELECT c, 'old' FROM"
    " unnest(ARRAY['acme', 'other']) c, generate_series(1, 300);"
    "INSERT INTO public.readings SELECT customer_id, CASE WHEN id % 3 = 0 THEN 'us' ELSE 'eu' END,"
    " id % 100, id, 0 FROM public.events;"
    "INSERT INTO public.logs VALUES (1, 1, 'acme', 0), (2, 1, 'other', 0);";

/* New rows everywhere, rows that change their partition on both levels, rows that go. */
static void script(char *sql, size_t size, const char *tenant, int64_t n)
{
    (void)snprintf(
        sql, size,
        "INSERT INTO public.points SELECT t, 'w%2$lld', timestamptz '2026-01-20 00:00Z', 0, 1"
        " FROM (VALUES ('%1$s')) v (t);"
        "UPDATE public.points SET at = at + interval '30 days' WHERE customer_id = '%1$s'"
        " AND id = 'w%3$lld';"
        "DELETE FROM public.points WHERE customer_id = '%1$s' AND id = 'p%2$lld';"
        "WITH e AS (INSERT INTO public.events (customer_id, note) VALUES ('%1$s', 'new')"
        " RETURNING id) INSERT INTO public.readings SELECT '%1$s', 'eu', %4$lld, id, %2$lld FROM e;"
        "UPDATE public.events SET note = note || '+' WHERE id = (SELECT min(id) FROM public.events"
        " WHERE customer_id = '%1$s' AND note = 'old');"
        "UPDATE public.readings SET region = 'us' WHERE customer_id = '%1$s' AND n = %3$lld;"
        "UPDATE public.readings SET day = day + 60 WHERE customer_id = '%1$s' AND n = %2$lld;"
        "UPDATE public.logs SET n = n + 1 WHERE customer_id = '%1$s'",
        tenant, (long long)n, (long long)(n - 1), (long long)(n % 50));
}

#define DIGEST(whose)                                                                              \
    "SELECT md5(string_agg(t, ' ' ORDER BY t)) FROM ("                                             \
    " SELECT p::text FROM public.points p WHERE customer_id " whose " UNION ALL"                   \
    " SELECT e::text FROM public.events e WHERE customer_id " whose " UNION ALL"                   \
    " SELECT r::text FROM public.readings r WHERE customer_id " whose " UNION ALL"                 \
    " SELECT l::text FROM public.logs l WHERE customer_id " whose ") all_rows (t)"

/* What the clients of a tenant have written, wherever it is: one of each a transaction. */
#define WRITTEN(tenant)                                                                            \
    "SELECT format('%s %s %s %s', (SELECT count(*) FROM public.points WHERE customer_id = "        \
    "'" tenant                                                                                     \
    "' AND id LIKE 'w%'), (SELECT count(*) FROM public.events WHERE customer_id = '" tenant        \
    "' AND note = 'new'), (SELECT count(*) FROM public.readings WHERE customer_id = '" tenant      \
    "' AND n > 0), (SELECT n FROM public.logs WHERE customer_id = '" tenant "'))"

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    sides_open(&w->sides);
    sides_run(&w->sides, SIDE_SOURCE, schema);
    sides_run(&w->sides, SIDE_SOURCE, rows_of_two);
    sides_move_init(&w->move, &w->sides);
    w->move.settings.budget_ms = w->move.settings.lag_ms = 10000;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    sides_client_end(&w->ours);
    sides_client_end(&w->others);
    sides_move_drop(&w->move, &w->sides);
    sides_move_release(&w->move);
    sides_close(&w->sides);
    free(w);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* -- whole moves ------------------------------------------------------------------------------ */

static void start_clients(struct world *w, enum mover_side shared)
{
    w->ours = (struct sides_client){&w->sides, "acme", SIDE_SOURCE, true, script};
    w->others = (struct sides_client){&w->sides, "other", shared, false, script};
    sides_client_start(&w->ours);
    sides_client_start(&w->others);
}

static void assert_written(struct world *w, enum mover_side side, const char *sql, int64_t n)
{
    const long long count = (long long)n;
    ASSERT_GET(&w->sides, side, sql,
               arena_printf(&w->sides.arena, "%lld %lld %lld %lld", count, count, count, count));
}

/* From prepare to the end, while both customers write. */
static void move(struct world *w, enum mover_side shared)
{
    struct sides *s = &w->sides;
    start_clients(w, shared);
    sides_client_wait(&w->ours, 5);
    (void)sides_move_load(&w->move, s);
    sides_move_catch_up(&w->move, s);
    sides_client_wait(&w->ours, 5);
    sides_move_cut(&w->move, s, SIDE_TARGET);
    sides_client_wait(&w->ours, 5);
    sides_move_cut(&w->move, s, SIDE_SOURCE);
    sides_client_wait(&w->ours, 5);
    sides_move_cut(&w->move, s, SIDE_TARGET);
    sides_client_wait(&w->ours, 5);
    int64_t ours = sides_client_stop(&w->ours), others = sides_client_stop(&w->others);
    ASSERT_OK(s, postgres_mover.finish(&w->move.run, &s->e));
    assert_written(w, SIDE_TARGET, WRITTEN("acme"), ours);
    assert_written(w, shared, WRITTEN("other"), others);
    assert_string_equal(sides_traces(s), "");
}

static const char forget_sql[] =
    "DELETE FROM public.points WHERE id LIKE 'w%';"
    "DELETE FROM public.readings WHERE n > 0; DELETE FROM public.events WHERE note = 'new';"
    "UPDATE public.logs SET n = 0";

static void partitioned_tables_move_to_an_own_database_and_back_to_a_shared_one(void **state)
{
    struct world *w = *state;
    struct sides *s = &w->sides;
    move(w, SIDE_SOURCE);
    ASSERT_GET(s, SIDE_TARGET, "SELECT count(*) FROM public.events WHERE customer_id <> 'acme'",
               "0");
    ASSERT_GET(s, SIDE_TARGET,
               "SELECT string_agg(i.relname, ' ' ORDER BY i.relname) FROM pg_class i"
               " WHERE relkind = 'I' AND NOT relispartition"
               " AND i.relnamespace = 'public'::regnamespace",
               "events_pkey logs_pkey points_by_x points_pkey readings_by_day readings_pkey");
    sides_run_both(s, forget_sql);
    const char *others = sides_get(s, SIDE_SOURCE, DIGEST("= 'other'"));
    const char *ours = sides_get(s, SIDE_TARGET, DIGEST("= 'acme'"));
    sides_turn(&w->move, s);
    ASSERT_GET(s, SIDE_TARGET, DIGEST("= 'other'"), others);
    ASSERT_GET(s, SIDE_SOURCE, DIGEST("= 'acme'"), ours);
    move(w, SIDE_TARGET);
}

/* -- what is refused -------------------------------------------------------------------------- */

static void refused(struct world *w, enum mover_side side, const char *sql, const char *thing,
                    const char *why, const char *fix)
{
    sides_move_assert_clear(&w->move, &w->sides);
    sides_run(&w->sides, side, sql);
    sides_move_assert_refused(&w->move, &w->sides, thing, why, fix);
}

static void a_partition_without_replica_identity(void **state)
{
    refused(*state, SIDE_SOURCE, "ALTER TABLE public.points_1 REPLICA IDENTITY NOTHING",
            "partition public.points_1 of table points", "has REPLICA IDENTITY NOTHING",
            "ALTER TABLE public.points_1 REPLICA IDENTITY DEFAULT");
}

static void what_is_one_partitions_alone_when_its_table_is_made_at_the_target(void **state)
{
    struct world *w = *state;
    refused(w, SIDE_SOURCE, "CREATE INDEX mine ON public.points_1 (x)",
            "partition public.points_1 of table points", "has the index mine",
            "make the table at the target");
    sides_run(&w->sides, SIDE_SOURCE, "DROP INDEX public.mine");
    refused(w, SIDE_SOURCE,
            "ALTER TABLE public.points_1 ADD CONSTRAINT mine FOREIGN KEY (x) REFERENCES"
            " public.kinds NOT VALID",
            "partition public.points_1 of table points", "has the foreign key mine",
            "give it to the table");
    sides_run(&w->sides, SIDE_SOURCE, "CREATE INDEX mine ON public.points_1 (x)");
    sides_run(&w->sides, SIDE_TARGET, schema);
    sides_move_assert_clear(&w->move, &w->sides);
}

/* The statement that it is refused with mends it. */
static void a_partition_that_is_missing_at_the_target(void **state)
{
    struct world *w = *state;
    sides_run(&w->sides, SIDE_TARGET, schema);
    refused(w, SIDE_TARGET, "DROP TABLE public.readings_us",
            "partition public.readings_us of table readings", "has no counterpart at the target",
            "CREATE TABLE public.readings_us PARTITION OF public.readings FOR VALUES IN ('us')");
    sides_run(&w->sides, SIDE_TARGET,
              "CREATE TABLE public.readings_us PARTITION OF public.readings FOR VALUES IN ('us')");
    refused(w, SIDE_TARGET, "DROP TABLE public.readings_eu",
            "partition public.readings_eu of table readings", "has no counterpart at the target",
            "CREATE TABLE public.readings_eu PARTITION OF public.readings FOR VALUES IN ('eu')"
            " PARTITION BY RANGE (day)");
}

static void partitions_that_a_default_stands_in_for_are_not_missed(void **state)
{
    struct world *w = *state;
    sides_run(&w->sides, SIDE_TARGET, schema);
    sides_run(&w->sides, SIDE_TARGET,
              "DROP TABLE public.points_1; DROP TABLE public.readings_eu_1");
    sides_move_assert_clear(&w->move, &w->sides);
    (void)sides_move_load(&w->move, &w->sides);
    sides_move_catch_up(&w->move, &w->sides);
}

static void a_row_without_a_partition_at_the_other_side_ends_the_move_and_is_undone(void **state)
{
    static const char new_sql[] =
        "CREATE TABLE public.readings_as PARTITION OF public.readings FOR VALUES IN ('as');";
    struct world *w = *state;
    struct sides *s = &w->sides;
    (void)sides_move_load(&w->move, s);
    sides_move_catch_up(&w->move, s);
    sides_run(s, SIDE_SOURCE, new_sql);
    ASSERT_OK(s, postgres_mover.catch_up(&w->move.run, &s->e));
    sides_run(s, SIDE_SOURCE,
              "UPDATE public.readings SET region = 'as' WHERE event = (SELECT min(event) FROM"
              " public.readings WHERE customer_id = 'acme')");
    assert_int_equal(postgres_mover.catch_up(&w->move.run, &s->e), ERR_CONFLICT);
    ASSERT_CONTAINS(s->e.text, "changes cannot be applied at the target");
    ASSERT_OK(s, postgres_mover.undo(&w->move.run, &s->e));
    assert_string_equal(sides_traces(s), "");
}

int main(int argc, char **argv)
{
    pg_watchdog_hook(argc, argv, NULL);
    const struct CMUnitTest tests[] = {
        TEST(partitioned_tables_move_to_an_own_database_and_back_to_a_shared_one),
        TEST(a_partition_without_replica_identity),
        TEST(what_is_one_partitions_alone_when_its_table_is_made_at_the_target),
        TEST(a_partition_that_is_missing_at_the_target),
        TEST(partitions_that_a_default_stands_in_for_are_not_missed),
        TEST(a_row_without_a_partition_at_the_other_side_ends_the_move_and_is_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
