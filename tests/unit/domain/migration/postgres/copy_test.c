/* From prepare to index: what is at the target afterwards, and what becomes of a copy that died. */
#include "sides.h"

#include "domain/migration/postgres/catalog.h"

#include <signal.h>
#include <sys/wait.h>

struct world {
    struct sides sides;
    struct sides_move move;
};

/* Every kind of table; nothing of it is named as one would like. */
static const char schema[] =
    "CREATE SCHEMA \"Bill\"\"ing\";"
    "CREATE TYPE public.kind AS ENUM ('car', 'van');"
    "CREATE FUNCTION public.half(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 / 2';"
    "CREATE TABLE public.countries (code text PRIMARY KEY, name text);"
    "CREATE TABLE public.vehicles (customer_id text, id int, kind public.kind, country text"
    " REFERENCES public.countries, PRIMARY KEY (customer_id, id));"
    "CREATE TABLE public.\"gps points\" (customer_id text NOT NULL, id bigint GENERATED ALWAYS AS"
    " IDENTITY, \"at\" timestamptz, vehicle int, x int CHECK (x >= 0), halved int GENERATED ALWAYS"
    " AS (public.half(x)) STORED, note text, PRIMARY KEY (id),"
    " FOREIGN KEY (customer_id, vehicle) REFERENCES public.vehicles);"
    "CREATE INDEX \"by Time\" ON public.\"gps points\" (customer_id, \"at\" DESC)"
    " WHERE x > 10;"
    "CREATE TABLE \"Bill\"\"ing\".\"In voices\" (customer_id text, number int, next int,"
    " PRIMARY KEY (customer_id, number), UNIQUE (number, customer_id) DEFERRABLE,"
    " FOREIGN KEY (customer_id, next) REFERENCES \"Bill\"\"ing\".\"In voices\");"
    "CREATE TABLE public.days (customer_id text, day int, n int, PRIMARY KEY (customer_id, day))"
    " PARTITION BY RANGE (day);"
    "CREATE TABLE public.days_1 PARTITION OF public.days FOR VALUES FROM (0) TO (100);"
    "CREATE TABLE public.days_2 PARTITION OF public.days DEFAULT;"
    "CREATE INDEX days_n ON public.days (n);"
    "CREATE FUNCTION public.never() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE 'the trigger fired'; END $$;"
    "CREATE TRIGGER never BEFORE INSERT ON public.vehicles FOR EACH ROW WHEN (NEW.id < 0)"
    " EXECUTE FUNCTION public.never();"
    "CREATE VIEW public.per_vehicle AS SELECT v.*, count(p.id) FROM public.vehicles v"
    " LEFT JOIN public.\"gps points\" p ON p.vehicle = v.id GROUP BY v.customer_id, v.id;";

static const char rows_of_three[] =
    "INSERT INTO public.countries VALUES ('de', 'Germany'), ('fr', 'France');"
    "INSERT INTO public.vehicles SELECT c, v, 'van', 'de' FROM"
    " unnest(ARRAY['acme', 'other', 'third']) c, generate_series(1, 3) v;"
    "INSERT INTO public.\"gps points\" (customer_id, \"at\", vehicle, x, note)"
    " SELECT c, timestamptz '2026-01-01 00:00Z' + n * interval '1 minute', n % 3 + 1, n,"
    "  CASE WHEN n % 2 = 0 THEN repeat(E'\\\\\\n', n) END"
    " FROM unnest(ARRAY['acme', 'other', 'third']) c, generate_series(1, 500) n;"
    "INSERT INTO \"Bill\"\"ing\".\"In voices\" VALUES ('acme', 1, 2), ('acme', 2, 1),"
    " ('other', 1, NULL);"
    "INSERT INTO public.days SELECT c, d, d FROM unnest(ARRAY['acme', 'other']) c,"
    " generate_series(1, 200) d;";

/* All of the customer's rows as one digest; the target's must be the same. */
static const char digest_sql[] =
    "SELECT md5(string_agg(t, ' ' ORDER BY t)) FROM ("
    " SELECT v::text FROM public.vehicles v WHERE customer_id = 'acme' UNION ALL"
    " SELECT p::text FROM public.\"gps points\" p WHERE customer_id = 'acme' UNION ALL"
    " SELECT i::text FROM \"Bill\"\"ing\".\"In voices\" i WHERE customer_id = 'acme' UNION ALL"
    " SELECT d::text FROM public.days d WHERE customer_id = 'acme') all_rows (t)";

static const char count_sql[] =
    "SELECT (SELECT count(*) FROM public.vehicles) + (SELECT count(*) FROM public.\"gps points\") +"
    " (SELECT count(*) FROM \"Bill\"\"ing\".\"In voices\") + (SELECT count(*) FROM public.days)";

#define ACME_ROWS 705 /* 3 vehicles, 500 points, 2 invoices, 200 days */

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    sides_open(&w->sides);
    sides_run(&w->sides, SIDE_SOURCE, schema);
    sides_run(&w->sides, SIDE_SOURCE, rows_of_three);
    sides_move_init(&w->move, &w->sides);
    *state = w;
    return 0;
}

/* What a move leaves keeps a database from being dropped. */
static int teardown(void **state)
{
    struct world *w = *state;
    if (w->move.run.stores)
        (void)postgres_mover.undo(&w->move.run, &w->sides.e);
    sides_move_release(&w->move);
    sides_close(&w->sides);
    free(w);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void assert_equal_sides(struct world *w)
{
    struct sides *s = &w->sides;
    assert_string_equal(sides_get(s, SIDE_TARGET, digest_sql),
                        sides_get(s, SIDE_SOURCE, digest_sql));
}

static void assert_equal_schemas(struct world *w)
{
    struct pg_catalog here;
    struct sides *s = &w->sides;
    ASSERT_OK(s, pg_catalog_read(s->at[SIDE_SOURCE], "customer_id", &s->arena, &here, &s->e));
    ASSERT_OK(s, pg_catalog_check(s->at[SIDE_TARGET], "customer_id", here.sha256, &here, &s->e));
}

/* -- exclusive targets ------------------------------------------------------------------------ */

static void an_empty_database_gets_the_schema_and_the_customers_rows(void **state)
{
    struct world *w = *state;
    assert_int_equal(sides_move_load(&w->move, &w->sides), ACME_ROWS + 2); /* and the countries */
    assert_equal_sides(w);
    assert_equal_schemas(w);
    ASSERT_GET(&w->sides, SIDE_TARGET, count_sql, "705");
    ASSERT_GET(&w->sides, SIDE_TARGET, "SELECT count(*) FROM public.countries", "2");
    ASSERT_GET(&w->sides, SIDE_TARGET, "SELECT count(*) FROM public.per_vehicle", "3");
    ASSERT_GET(&w->sides, SIDE_TARGET, "SELECT count(*) FROM pg_constraint WHERE NOT convalidated",
               "0");
}

static void a_database_with_the_schema_gets_its_own_indexes_back(void **state)
{
    struct world *w = *state;
    sides_run(&w->sides, SIDE_TARGET, schema);
    assert_int_equal(sides_move_load(&w->move, &w->sides), ACME_ROWS + 2);
    assert_equal_sides(w);
    assert_equal_schemas(w);
}

static void what_a_view_depends_on_is_not_taken_away(void **state)
{
    struct world *w = *state;
    sides_run(&w->sides, SIDE_TARGET, schema);
    ASSERT_OK(&w->sides, postgres_mover.prepare(&w->move.run, &w->sides.e));
    ASSERT_GET(&w->sides, SIDE_TARGET,
               "SELECT string_agg(indexrelid::regclass::text, ' ' ORDER BY 1) FROM pg_index"
               " WHERE indrelid IN ('public.vehicles'::regclass,"
               " 'public.\"gps points\"'::regclass)",
               "public.vehicles_pkey");
}

static void copied_rows_are_frozen_and_planned_for(void **state)
{
    struct world *w = *state;
    (void)sides_move_load(&w->move, &w->sides);
    ASSERT_GET(&w->sides, SIDE_TARGET,
               "SELECT count(*) FROM pg_class WHERE oid = 'public.\"gps points\"'::regclass"
               " AND reltuples = 500 AND relallvisible > 0",
               "1");
    ASSERT_GET(&w->sides, SIDE_TARGET,
               "SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'vehicles'", "t");
}

static void nobody_else_gets_a_place_until_the_indexes_are_there(void **state)
{
    struct world *w = *state;
    struct sides *s = &w->sides;
    static const char other[] = "INSERT INTO public.tenants VALUES ('other')";
    int64_t rows, bytes;
    sides_run_both(s, "CREATE TABLE public.tenants (customer_id text PRIMARY KEY);"
                      "INSERT INTO public.tenants VALUES ('acme')");
    ASSERT_OK(s, postgres_mover.prepare(&w->move.run, &s->e));
    assert_int_equal(pg_run(s->at[SIDE_TARGET], other, &s->e), ERR_BUSY);
    ASSERT_OK(s, postgres_mover.copy(&w->move.run, &rows, &bytes, &s->e));
    assert_int_equal(pg_run(s->at[SIDE_TARGET], other, &s->e), ERR_BUSY);
    ASSERT_OK(s, postgres_mover.index(&w->move.run, &s->e));
    ASSERT_OK(s, pg_run(s->at[SIDE_TARGET], other, &s->e));
}

static void progress_names_tables_and_what_is_built(void **state)
{
    struct world *w = *state;
    (void)sides_move_load(&w->move, &w->sides);
    ASSERT_CONTAINS(w->move.said, "gps points 500 of 500 -\n");
    ASSERT_CONTAINS(w->move.said, "vehicles 3 of 3 -\n"); /* whatever was estimated */
    ASSERT_CONTAINS(w->move.said, " building by Time\n");
    ASSERT_CONTAINS(w->move.said, " building In voices_pkey\n");
}

/* -- shared targets --------------------------------------------------------------------------- */

/* The target has two other customers, and its indexes stay. */
static void share(struct world *w)
{
    struct sides *s = &w->sides;
    sides_run(s, SIDE_TARGET, schema);
    sides_run(s, SIDE_TARGET,
              "INSERT INTO public.countries VALUES ('de', 'Germany'), ('fr', 'France');"
              "INSERT INTO public.vehicles SELECT c, v, 'car', 'fr' FROM"
              " unnest(ARRAY['nine', 'ten']) c, generate_series(1, 3) v;"
              "INSERT INTO public.\"gps points\" (customer_id, vehicle, x) OVERRIDING USER VALUE"
              " SELECT c, 1, n FROM unnest(ARRAY['nine', 'ten']) c, generate_series(1, 50) n;"
              "UPDATE public.\"gps points\" SET x = x + 1;"
              "ALTER TABLE public.\"gps points\" ALTER id RESTART 100000");
    /* The ids of the two sides are of different blocks. */
    sides_run(s, SIDE_SOURCE, "ALTER TABLE public.\"gps points\" DISABLE TRIGGER USER");
    sides_run(s, SIDE_SOURCE,
              "DELETE FROM public.\"gps points\"; ALTER TABLE public.\"gps points\""
              " ENABLE TRIGGER USER; ALTER TABLE public.\"gps points\" ALTER id RESTART 5000;"
              "INSERT INTO public.\"gps points\" (customer_id, vehicle, x)"
              " SELECT c, n % 3 + 1, n FROM unnest(ARRAY['acme', 'other']) c,"
              " generate_series(1, 500) n");
}

static const char others_sql[] =
    "SELECT md5(string_agg(t, ' ' ORDER BY t)) FROM ("
    " SELECT v::text FROM public.vehicles v WHERE customer_id <> 'acme' UNION ALL"
    " SELECT p::text FROM public.\"gps points\" p WHERE customer_id <> 'acme') r (t)";

static void other_customers_of_a_shared_target_are_not_touched(void **state)
{
    struct world *w = *state;
    struct sides *s = &w->sides;
    share(w);
    const char *before = sides_get(s, SIDE_TARGET, others_sql);
    ASSERT_OK(s, postgres_mover.prepare(&w->move.run, &s->e));
    assert_equal_schemas(w); /* no index is gone */
    int64_t rows, bytes;
    ASSERT_OK(s, postgres_mover.copy(&w->move.run, &rows, &bytes, &s->e));
    ASSERT_OK(s, postgres_mover.index(&w->move.run, &s->e));
    assert_int_equal(rows, ACME_ROWS);
    assert_equal_sides(w);
    assert_string_equal(sides_get(s, SIDE_TARGET, others_sql), before);
    ASSERT_GET(s, SIDE_TARGET, "SELECT count(*) FROM public.countries", "2");
}

static void a_copy_to_a_shared_target_can_be_repeated(void **state)
{
    struct world *w = *state;
    struct sides *s = &w->sides;
    share(w);
    const char *before = sides_get(s, SIDE_TARGET, others_sql);
    (void)sides_move_load(&w->move, s);
    int64_t rows, bytes;
    sides_run(s, SIDE_SOURCE, "DELETE FROM public.\"gps points\" WHERE x = 7");
    ASSERT_OK(s, postgres_mover.copy(&w->move.run, &rows, &bytes, &s->e));
    assert_int_equal(rows, ACME_ROWS - 1);
    assert_equal_sides(w);
    assert_string_equal(sides_get(s, SIDE_TARGET, others_sql), before);
}

/* -- what died -------------------------------------------------------------------------------- */

static void a_copy_that_was_stopped_is_begun_anew(void **state)
{
    struct world *w = *state;
    struct sides *s = &w->sides;
    int64_t rows, bytes;
    ASSERT_OK(s, postgres_mover.prepare(&w->move.run, &s->e));
    w->move.asked = 0;
    w->move.stop_at = 1;
    /* A table that is locked keeps the copy waiting until it is asked. */
    sides_run(s, SIDE_SOURCE, "BEGIN; LOCK TABLE public.days");
    enum err err = postgres_mover.copy(&w->move.run, &rows, &bytes, &s->e);
    sides_run(s, SIDE_SOURCE, "ROLLBACK");
    assert_int_equal(err, ERR_CONFLICT);
    w->move.stop_at = 0;
    ASSERT_OK(s, postgres_mover.copy(&w->move.run, &rows, &bytes, &s->e));
    ASSERT_OK(s, postgres_mover.index(&w->move.run, &s->e));
    assert_int_equal(rows, ACME_ROWS + 2);
    assert_equal_sides(w);
    assert_equal_schemas(w);
}

/* The mover in a process of its own, which is killed when `go` says so. */
static pid_t copy_in_child(struct world *w)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    int64_t rows, bytes;
    struct error e;
    if (postgres_mover.copy(&w->move.run, &rows, &bytes, &e) == OK &&
        postgres_mover.index(&w->move.run, &e) == OK)
        _exit(0);
    (void)fprintf(stderr, "child: %s\n", e.text);
    _exit(1);
}

/* Returns when the child waits for a lock at the target. Looks from the source, since a transaction
 * sees the sessions as they were at its first look. */
static void wait_until_blocked(struct sides *s, pid_t child)
{
    const char *sql = arena_printf(&s->arena,
                                   "SELECT count(*) FROM pg_stat_activity WHERE datname = '%s'"
                                   " AND application_name LIKE 'webhost move%%'"
                                   " AND wait_event_type = 'Lock'",
                                   s->db[SIDE_TARGET].name);
    while (text_eq(sides_get(s, SIDE_SOURCE, sql), "0"))
        assert_int_equal(waitpid(child, NULL, WNOHANG), 0); /* it lives */
}

/* Some tables are filled, and one is waiting to be. */
static void kill_while_it_copies(struct world *w)
{
    struct sides *s = &w->sides;
    int status;
    ASSERT_OK(s, postgres_mover.prepare(&w->move.run, &s->e));
    sides_run(s, SIDE_TARGET, "BEGIN");
    sides_run(s, SIDE_TARGET, "LOCK TABLE public.days IN SHARE MODE");
    pid_t pid = copy_in_child(w);
    wait_until_blocked(s, pid);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    sides_run(s, SIDE_TARGET, "ROLLBACK");
}

static void killed_while_it_copies_it_is_done_again_by_the_next_run(void **state)
{
    struct world *w = *state;
    kill_while_it_copies(w);
    w->move.run.run = 2;
    assert_int_equal(sides_move_load(&w->move, &w->sides), ACME_ROWS + 2);
    assert_equal_sides(w);
    assert_equal_schemas(w);
}

static void killed_while_it_builds_the_rest_is_built_by_the_next_run(void **state)
{
    struct world *w = *state;
    struct sides *s = &w->sides;
    int64_t rows, bytes;
    ASSERT_OK(s, postgres_mover.prepare(&w->move.run, &s->e));
    ASSERT_OK(s, postgres_mover.copy(&w->move.run, &rows, &bytes, &s->e));
    /* The first of the builds was made and died before it was a key. */
    sides_run(s, SIDE_TARGET,
              "CREATE UNIQUE INDEX \"gps points_pkey\" ON public.\"gps points\""
              " USING btree (id)");
    w->move.run.run = 2;
    ASSERT_OK(s, postgres_mover.index(&w->move.run, &s->e));
    assert_equal_schemas(w);
    ASSERT_OK(s, postgres_mover.index(&w->move.run, &s->e));
    ASSERT_OK(s, postgres_mover.copy(&w->move.run, &rows, &bytes, &s->e));
    ASSERT_OK(s, postgres_mover.index(&w->move.run, &s->e));
    assert_equal_sides(w);
    assert_equal_schemas(w);
}

static void rows_written_while_it_copies_are_not_in_it(void **state)
{
    struct world *w = *state;
    struct sides *s = &w->sides;
    int64_t rows, bytes;
    ASSERT_OK(s, postgres_mover.prepare(&w->move.run, &s->e));
    ASSERT_OK(s, postgres_mover.copy(&w->move.run, &rows, &bytes, &s->e));
    sides_run(s, SIDE_SOURCE, "INSERT INTO public.days VALUES ('acme', 1000, 1)");
    ASSERT_GET(s, SIDE_TARGET, "SELECT count(*) FROM public.days", "200");
    ASSERT_GET(s, SIDE_SOURCE,
               "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()",
               "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_database_gets_the_schema_and_the_customers_rows),
        TEST(a_database_with_the_schema_gets_its_own_indexes_back),
        TEST(what_a_view_depends_on_is_not_taken_away),
        TEST(copied_rows_are_frozen_and_planned_for),
        TEST(nobody_else_gets_a_place_until_the_indexes_are_there),
        TEST(progress_names_tables_and_what_is_built),
        TEST(other_customers_of_a_shared_target_are_not_touched),
        TEST(a_copy_to_a_shared_target_can_be_repeated),
        TEST(a_copy_that_was_stopped_is_begun_anew),
        TEST(killed_while_it_copies_it_is_done_again_by_the_next_run),
        TEST(killed_while_it_builds_the_rest_is_built_by_the_next_run),
        TEST(rows_written_while_it_copies_are_not_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
