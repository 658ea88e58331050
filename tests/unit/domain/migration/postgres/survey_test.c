/* What cannot be moved is refused by its name, with what to do about it. */
#include "sides.h"

struct world {
    struct sides sides;
    struct sides_move move;
};

static const char schema[] =
    "CREATE TABLE public.kinds (id int PRIMARY KEY, name text);"
    "CREATE TABLE public.vehicles (customer_id text, id int, kind int REFERENCES public.kinds,"
    " PRIMARY KEY (id));"
    "CREATE TABLE public.trips (customer_id text, id int, vehicle int REFERENCES public.vehicles,"
    " PRIMARY KEY (customer_id, id));"
    "INSERT INTO public.kinds VALUES (1, 'car');"
    "INSERT INTO public.vehicles VALUES ('acme', 1, 1), ('other', 2, 1);"
    "INSERT INTO public.trips VALUES ('acme', 1, 1), ('acme', 2, 1), ('other', 1, 2);"
    "ANALYZE";

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    sides_open(&w->sides);
    sides_run(&w->sides, SIDE_SOURCE, schema);
    sides_move_init(&w->move, &w->sides);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    sides_move_release(&w->move);
    sides_close(&w->sides);
    free(w);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static struct mover_survey survey(struct world *w)
{
    return sides_move_survey(&w->move, &w->sides);
}

static void assert_clear(struct world *w)
{
    sides_move_assert_clear(&w->move, &w->sides);
}

static void assert_refused(struct world *w, const char *thing, const char *why, const char *fix)
{
    sides_move_assert_refused(&w->move, &w->sides, thing, why, fix);
}

static void refused(struct world *w, const char *sql, const char *thing, const char *why,
                    const char *fix)
{
    assert_clear(w);
    sides_run(&w->sides, SIDE_SOURCE, sql);
    assert_refused(w, thing, why, fix);
}

/* Others have rows there. */
static void share_target(struct world *w)
{
    sides_run(&w->sides, SIDE_TARGET, schema);
}

/* -- what is found ---------------------------------------------------------------------------- */

static void tables_are_listed_with_what_is_the_customers(void **state)
{
    struct world *w = *state;
    struct mover_survey found = survey(w);
    const struct mover_table *t = found.tables.items;
    assert_int_equal(found.tables.count, 3);
    assert_int_equal(strlen(found.schema_sha256), 64);
    for (size_t i = 0; i < found.tables.count; i++) {
        if (text_eq(t[i].name, "kinds"))
            assert_true(t[i].reference && t[i].rows == 1);
        if (text_eq(t[i].name, "trips"))
            assert_true(!t[i].reference && t[i].rows == 2 && t[i].bytes > 0);
    }
}

static void a_target_that_was_not_made_yet_is_no_obstacle(void **state)
{
    struct world *w = *state;
    w->move.run.target_url = NULL;
    assert_clear(w);
    w->move.run.target_url =
        arena_printf(&w->sides.arena, "%s_not_made", w->sides.db[SIDE_TARGET].url);
    assert_clear(w);
}

static void a_survey_changes_nothing(void **state)
{
    struct world *w = *state;
    static const char things[] =
        "SELECT (SELECT count(*) FROM pg_class) + (SELECT count(*) FROM pg_trigger) +"
        " (SELECT count(*) FROM pg_publication) + (SELECT count(*) FROM pg_namespace)";
    const char *before = sides_get(&w->sides, SIDE_SOURCE, things);
    const char *there = sides_get(&w->sides, SIDE_TARGET, things);
    assert_clear(w);
    ASSERT_GET(&w->sides, SIDE_SOURCE, things, before);
    ASSERT_GET(&w->sides, SIDE_TARGET, things, there);
}

/* -- tables ----------------------------------------------------------------------------------- */

static void a_table_without_primary_key(void **state)
{
    refused(*state, "CREATE TABLE public.notes (customer_id text)", "table notes",
            "has no primary key", "ALTER TABLE \"public\".\"notes\" ADD PRIMARY KEY");
}

static void an_unlogged_table(void **state)
{
    refused(*state, "CREATE UNLOGGED TABLE public.notes (customer_id text PRIMARY KEY)",
            "table notes", "is unlogged", "SET LOGGED");
}

static void an_unlogged_partition(void **state)
{
    refused(*state,
            "CREATE TABLE public.days (customer_id text, day int, PRIMARY KEY (customer_id, day))"
            " PARTITION BY LIST (day);"
            "CREATE UNLOGGED TABLE public.day_1 PARTITION OF public.days FOR VALUES IN (1)",
            "partition public.day_1 of table days", "is unlogged", "SET LOGGED");
}

static void a_table_without_replica_identity(void **state)
{
    refused(*state, "ALTER TABLE public.trips REPLICA IDENTITY NOTHING", "table trips",
            "has REPLICA IDENTITY NOTHING", "REPLICA IDENTITY DEFAULT");
}

static void a_column_that_refers_to_large_objects_and_not_one_that_does_not(void **state)
{
    struct world *w = *state;
    sides_run(&w->sides, SIDE_SOURCE,
              "CREATE TABLE public.photos (customer_id text PRIMARY KEY, data oid);"
              "SELECT lo_create(4711); INSERT INTO public.photos VALUES ('acme', 99)");
    refused(w, "UPDATE public.photos SET data = 4711", "column data of table photos",
            "refers to large objects", "bytea");
}

static void a_database_without_the_tenant_column(void **state)
{
    struct world *w = *state;
    w->move.settings.tenant_column = "tenant";
    assert_refused(w, arena_printf(&w->sides.arena, "database %s", w->sides.db[SIDE_SOURCE].name),
                   "has no table with a column \"tenant\"", "moves.tenant_column");
}

/* -- rows ------------------------------------------------------------------------------------- */

static void a_row_that_refers_to_another_customers(void **state)
{
    refused(*state, "UPDATE public.trips SET vehicle = 2 WHERE customer_id = 'acme' AND id = 2",
            "foreign key trips_vehicle_fkey of table trips",
            "leads from rows of this customer to another's in vehicles, first that with the key "
            "acme, 2",
            "the customer's own");
}

static void a_row_that_refers_to_nothing(void **state)
{
    refused(*state,
            "SET session_replication_role = replica;"
            "DELETE FROM public.vehicles WHERE customer_id = 'acme'",
            "foreign key trips_vehicle_fkey of table trips",
            "leads from rows of this customer to nothing in vehicles, first that with the key acme",
            "correct or delete those rows");
}

static void a_foreign_key_that_is_not_valid(void **state)
{
    struct world *w = *state;
    sides_run(&w->sides, SIDE_SOURCE,
              "ALTER TABLE public.trips ADD of int; ALTER TABLE public.trips ADD CONSTRAINT of_trip"
              " FOREIGN KEY (customer_id, of) REFERENCES public.trips NOT VALID");
    refused(w,
            "SET session_replication_role = replica;"
            "UPDATE public.trips SET of = 99 WHERE customer_id = 'acme'",
            "foreign key of_trip of table trips", "to nothing in trips",
            "VALIDATE CONSTRAINT \"of_trip\"");
}

static void reference_data_that_refers_to_a_customers_rows(void **state)
{
    refused(*state,
            "CREATE TABLE public.best (id int PRIMARY KEY, vehicle int REFERENCES public.vehicles)",
            "reference table best", "refers to vehicles", "customer_id");
}

static void reference_data_that_differs_at_a_shared_target(void **state)
{
    struct world *w = *state;
    share_target(w);
    refused(w, "INSERT INTO public.kinds VALUES (2, 'van')", "reference table kinds",
            "has other rows at the target", "both sides");
}

/* -- targets ---------------------------------------------------------------------------------- */

static void a_table_that_is_missing_at_a_shared_target(void **state)
{
    struct world *w = *state;
    share_target(w);
    refused(w, "CREATE TABLE public.notes (customer_id text PRIMARY KEY)", "table notes",
            "is missing at the target", "one version");
}

static void a_table_with_other_columns_at_the_target(void **state)
{
    struct world *w = *state;
    share_target(w);
    refused(w, "ALTER TABLE public.trips ADD length int", "table trips",
            "has other columns at the target", "one version");
}

static void a_table_with_other_checks_at_the_target(void **state)
{
    struct world *w = *state;
    share_target(w);
    refused(w, "ALTER TABLE public.trips ADD CHECK (id > 0)", "table trips",
            "has other keys, indexes, checks or triggers", "one version");
}

static void a_target_that_is_the_source(void **state)
{
    struct world *w = *state;
    w->move.run.target_url = w->move.run.source_url;
    assert_refused(w, arena_printf(&w->sides.arena, "database %s", w->sides.db[SIDE_SOURCE].name),
                   "is both the source and the target", "a database of its own");
}

/* -- servers ---------------------------------------------------------------------------------- */

static void a_prepared_transaction(void **state)
{
    struct world *w = *state;
    if (text_eq(sides_get(&w->sides, SIDE_SOURCE, "SHOW max_prepared_transactions"), "0"))
        skip();
    assert_clear(w);
    sides_run(&w->sides, SIDE_SOURCE, "BEGIN; INSERT INTO public.kinds VALUES (9, 'x')");
    sides_run(&w->sides, SIDE_SOURCE, "PREPARE TRANSACTION 'left over'");
    assert_refused(w, "prepared transaction left over", "no slot can be made", "ROLLBACK PREPARED");
    sides_run(&w->sides, SIDE_SOURCE, "ROLLBACK PREPARED 'left over'");
}

static void a_server_without_a_free_slot(void **state)
{
    struct world *w = *state;
    assert_clear(w);
    sides_run(&w->sides, SIDE_SOURCE,
              "SELECT pg_create_physical_replication_slot('used_' || n)"
              " FROM generate_series(1, current_setting('max_replication_slots')::int) n");
    assert_refused(w, "the source's server", "has no free replication slot",
                   "max_replication_slots");
    sides_run(&w->sides, SIDE_SOURCE,
              "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots");
}

static void a_role_that_is_no_superuser(void **state)
{
    struct world *w = *state;
    assert_clear(w);
    sides_run(&w->sides, SIDE_SOURCE, "CREATE ROLE plain LOGIN; GRANT pg_read_all_data TO plain");
    const char *at = strstr(w->move.run.source_url, "postgres@");
    assert_non_null(at);
    w->move.run.source_url =
        arena_printf(&w->sides.arena, "postgres://plain@%s", at + strlen("postgres@"));
    struct mover_survey found = survey(w);
    const struct mover_obstacle *o = found.obstacles.items;
    assert_int_equal(found.obstacles.count, 1);
    assert_string_equal(o->thing, "role plain at the source's server");
    assert_string_equal(o->fix, "ALTER ROLE \"plain\" SUPERUSER");
    sides_run(&w->sides, SIDE_SOURCE, "DROP ROLE plain");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tables_are_listed_with_what_is_the_customers),
        TEST(a_target_that_was_not_made_yet_is_no_obstacle),
        TEST(a_survey_changes_nothing),
        TEST(a_table_without_primary_key),
        TEST(an_unlogged_table),
        TEST(an_unlogged_partition),
        TEST(a_table_without_replica_identity),
        TEST(a_column_that_refers_to_large_objects_and_not_one_that_does_not),
        TEST(a_database_without_the_tenant_column),
        TEST(a_row_that_refers_to_another_customers),
        TEST(a_row_that_refers_to_nothing),
        TEST(a_foreign_key_that_is_not_valid),
        TEST(reference_data_that_refers_to_a_customers_rows),
        TEST(reference_data_that_differs_at_a_shared_target),
        TEST(a_table_that_is_missing_at_a_shared_target),
        TEST(a_table_with_other_columns_at_the_target),
        TEST(a_table_with_other_checks_at_the_target),
        TEST(a_target_that_is_the_source),
        TEST(a_prepared_transaction),
        TEST(a_server_without_a_free_slot),
        TEST(a_role_that_is_no_superuser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
