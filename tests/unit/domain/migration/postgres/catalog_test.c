#include "sides.h"

#include "domain/migration/postgres/catalog.h"

static const char schema[] =
    "CREATE SCHEMA \"Bill\"\"ing\";"
    "CREATE TYPE public.kind AS ENUM ('a', 'b');"
    "CREATE TABLE public.tenants (customer_id text PRIMARY KEY);"
    "CREATE TABLE public.kinds (id int PRIMARY KEY, kind public.kind NOT NULL);"
    "CREATE TABLE public.a_trips (customer_id text NOT NULL REFERENCES public.tenants,"
    " id bigint GENERATED ALWAYS AS IDENTITY, kind int REFERENCES public.kinds, \"from\" text,"
    " length int CHECK (length > 0), twice int GENERATED ALWAYS AS (length * 2) STORED,"
    " PRIMARY KEY (customer_id, id), UNIQUE (id));"
    "CREATE INDEX trips_from ON public.a_trips (\"from\" DESC) WHERE length > 5;"
    "CREATE TABLE \"Bill\"\"ing\".\"In voices\" (id int PRIMARY KEY, \"customer_id\" varchar(40),"
    " trip bigint REFERENCES public.a_trips (id));"
    "CREATE TABLE public.points (customer_id text, at int, x int, PRIMARY KEY (customer_id, at))"
    " PARTITION BY RANGE (at);"
    "CREATE TABLE public.points_1 PARTITION OF public.points FOR VALUES FROM (0) TO (100);"
    "CREATE TABLE public.points_2 PARTITION OF public.points FOR VALUES FROM (100) TO (200);"
    "CREATE TABLE public.old_trips () INHERITS (public.a_trips);"
    "CREATE UNLOGGED TABLE public.nokey (customer_id text);"
    "CREATE SEQUENCE public.numbers AS int INCREMENT 5 MAXVALUE 1000;"
    "CREATE VIEW public.v AS SELECT * FROM public.nokey;"
    "CREATE SCHEMA webhost_move_1; CREATE TABLE webhost_move_1.state (customer_id text);";

static struct pg_catalog read_catalog(struct sides *s)
{
    struct pg_catalog c = {0};
    ASSERT_OK(s, pg_catalog_read(s->at[SIDE_SOURCE], "customer_id", &s->arena, &c, &s->e));
    return c;
}

static struct pg_catalog make_and_read(struct sides *s)
{
    sides_run(s, SIDE_SOURCE, schema);
    return read_catalog(s);
}

static const struct pg_table *table(const struct pg_catalog *c, const char *label)
{
    const struct pg_table *t = pg_catalog_table(c, label);
    if (!t)
        fail_msg("no table %s", label);
    return t;
}

static void tables_of_all_schemas_are_listed_and_webhosts_own_are_not(void **state)
{
    struct sides *s = *state;
    struct pg_catalog c = make_and_read(s);
    assert_int_equal(c.tables.count, 6);
    assert_string_equal(table(&c, "Bill\"ing.In voices")->sql, "\"Bill\"\"ing\".\"In voices\"");
    assert_string_equal(table(&c, "Bill\"ing.In voices")->tenant_type, "character varying(40)");
    assert_null(table(&c, "kinds")->tenant_type);
    assert_int_equal(table(&c, "nokey")->persistence, 'u');
    assert_int_equal(table(&c, "nokey")->key.count, 0);
    assert_null(pg_catalog_table(&c, "tenants"));
    assert_null(pg_catalog_table(&c, "points_1"));
}

static size_t place_of(const struct pg_catalog *c, const char *label)
{
    return (size_t)(table(c, label) - (const struct pg_table *)c->tables.items);
}

static void tables_come_after_those_that_they_refer_to(void **state)
{
    struct sides *s = *state;
    struct pg_catalog c = make_and_read(s);
    assert_true(place_of(&c, "kinds") < place_of(&c, "a_trips"));
    assert_true(place_of(&c, "a_trips") < place_of(&c, "Bill\"ing.In voices"));
}

static void tables_that_refer_to_each_other_are_listed_once(void **state)
{
    struct sides *s = *state;
    sides_run(s, SIDE_SOURCE,
              "CREATE TABLE public.a (id int PRIMARY KEY, b int, self int REFERENCES public.a);"
              "CREATE TABLE public.b (id int PRIMARY KEY, a int REFERENCES public.a);"
              "ALTER TABLE public.a ADD FOREIGN KEY (b) REFERENCES public.b");
    assert_int_equal(read_catalog(s).tables.count, 2);
}

static void columns_tell_what_is_copied(void **state)
{
    struct sides *s = *state;
    struct pg_catalog c = make_and_read(s);
    const struct pg_table *t = table(&c, "a_trips");
    const struct pg_column *columns = t->columns.items;
    assert_string_equal(t->column_list, "\"customer_id\", \"id\", \"kind\", \"from\", \"length\"");
    assert_int_equal(t->columns.count, 6);
    assert_true(columns[1].identity && columns[5].generated && columns[1].not_null);
    assert_string_equal(columns[5].expression, "(length * 2)");
    assert_int_equal(t->key.count, 2);
    assert_string_equal(t->key.items[1], "id");
    const struct pg_column *kinds = table(&c, "kinds")->columns.items;
    assert_string_equal(kinds[1].type, "public.kind");
}

static void indexes_and_keys_are_told_by_their_definitions(void **state)
{
    struct sides *s = *state;
    struct pg_catalog c = make_and_read(s);
    const struct pg_table *t = table(&c, "a_trips");
    const struct pg_index *indexes = t->indexes.items;
    const struct pg_foreign_key *keys = t->foreign_keys.items;
    assert_int_equal(t->indexes.count, 3);
    assert_true(indexes[0].primary);
    assert_string_equal(indexes[0].constraint, "PRIMARY KEY (customer_id, id)");
    assert_string_equal(indexes[1].constraint, "UNIQUE (id)");
    assert_string_equal(indexes[2].definition, "CREATE INDEX trips_from ON public.a_trips USING"
                                               " btree (\"from\" DESC) WHERE (length > 5)");
    assert_null(indexes[2].constraint);
    assert_int_equal(t->foreign_keys.count, 2);
    assert_string_equal(keys[1].name, "a_trips_kind_fkey");
    assert_string_equal(keys[1].definition, "FOREIGN KEY (kind) REFERENCES public.kinds(id)");
    assert_string_equal(keys[1].refers_to, "kinds");
    assert_int_equal(t->rules.count, 1);
}

static void a_partitioned_table_stands_for_its_partitions(void **state)
{
    struct sides *s = *state;
    (void)make_and_read(s);
    sides_run(s, SIDE_SOURCE,
              "INSERT INTO public.points SELECT 'c', x, x FROM"
              " generate_series(1, 199) x; ANALYZE public.points");
    struct pg_catalog c = read_catalog(s);
    const struct pg_table *t = table(&c, "points");
    assert_true(t->partitioned);
    assert_string_equal(t->from, "\"public\".\"points\"");
    assert_int_equal(t->rows, 199);
    assert_true(t->bytes >= 2LL * 8192);
}

static void a_table_that_inherits_is_one_of_its_own(void **state)
{
    struct sides *s = *state;
    struct pg_catalog c = make_and_read(s);
    assert_string_equal(table(&c, "a_trips")->from, "ONLY \"public\".\"a_trips\"");
    assert_string_equal(table(&c, "old_trips")->from, "ONLY \"public\".\"old_trips\"");
}

static void sequences_name_their_owner_and_bounds(void **state)
{
    struct sides *s = *state;
    struct pg_catalog c = make_and_read(s);
    const struct pg_sequence *q = c.sequences.items;
    assert_int_equal(c.sequences.count, 2);
    assert_string_equal(q[0].label, "a_trips_id_seq");
    assert_string_equal(q[0].owner_table, "\"public\".\"a_trips\"");
    assert_string_equal(q[0].type, "bigint");
    assert_null(q[1].owner_table);
    assert_string_equal(q[1].sql, "\"public\".\"numbers\"");
    assert_int_equal(q[1].increment, 5);
    assert_int_equal(q[1].max, 1000);
}

static void what_an_extension_made_is_left_out(void **state)
{
    struct sides *s = *state;
    if (pg_run(s->at[SIDE_SOURCE], "CREATE EXTENSION seg WITH SCHEMA public", &s->e) != OK)
        skip();
    sides_run(s, SIDE_SOURCE,
              "CREATE TABLE public.t (id int PRIMARY KEY);"
              "ALTER EXTENSION seg ADD TABLE public.t");
    assert_int_equal(read_catalog(s).tables.count, 0);
}

/* -- DDL during a move ------------------------------------------------------------------------ */

static void every_kind_of_ddl_is_noticed_and_the_table_named(void **state)
{
    struct sides *s = *state;
    static const struct {
        const char *sql, *named;
    } changes[] = {
        {"ALTER TABLE public.kinds ADD more int", "table kinds was altered"},
        {"ALTER TABLE public.kinds RENAME more TO less", "table kinds was altered"},
        {"ALTER TABLE public.kinds ALTER less SET DEFAULT 7", "table kinds was altered"},
        {"ALTER TABLE public.kinds ALTER less TYPE bigint", "table kinds was altered"},
        {"ALTER TABLE public.kinds DROP less", "table kinds was altered"},
        {"ALTER TABLE public.kinds ADD CHECK (id > 0)", "table kinds was altered"},
        {"CREATE INDEX ON public.a_trips (length)", "table a_trips was altered"},
        {"CREATE INDEX ON public.points (x)", "table points was altered"},
        {"ALTER TABLE public.points REPLICA IDENTITY FULL", "table points was altered"},
        {"ALTER TABLE public.nokey SET LOGGED", "table nokey was altered"},
        {"DROP TABLE public.old_trips", "table old_trips is gone or renamed"},
        {"CREATE TABLE public.new (id int)", "table new is new"},
        {"ALTER SEQUENCE public.numbers INCREMENT 7", "its sequences"},
    };
    struct pg_catalog before = make_and_read(s);
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        sides_run(s, SIDE_SOURCE, changes[i].sql);
        if (pg_catalog_check(s->at[SIDE_SOURCE], "customer_id", before.sha256, &before, &s->e) !=
            ERR_CONFLICT)
            fail_msg("%s was not noticed", changes[i].sql);
        ASSERT_CONTAINS(s->e.text, changes[i].named);
        before = read_catalog(s);
    }
}

static void rows_and_what_the_move_itself_makes_are_no_ddl(void **state)
{
    struct sides *s = *state;
    struct pg_catalog before = make_and_read(s);
    sides_run(s, SIDE_SOURCE,
              "INSERT INTO public.kinds VALUES (1, 'a'); ANALYZE public.kinds;"
              "SELECT nextval('public.numbers');"
              "CREATE TABLE webhost_move_1.more (id int);"
              "CREATE FUNCTION webhost_move_1.f() RETURNS trigger LANGUAGE plpgsql AS"
              " $$ BEGIN RETURN NEW; END $$;"
              "CREATE TRIGGER zz_webhost_1_fence BEFORE INSERT ON public.kinds FOR EACH ROW"
              " EXECUTE FUNCTION webhost_move_1.f()");
    ASSERT_OK(s, pg_catalog_check(s->at[SIDE_SOURCE], "customer_id", before.sha256, NULL, &s->e));
}

static void the_same_schema_has_the_same_hash_in_another_database(void **state)
{
    struct sides *s = *state;
    sides_run(s, SIDE_TARGET, "CREATE TABLE public.first (); DROP TABLE public.first");
    sides_run(s, SIDE_TARGET, schema);
    struct pg_catalog here = make_and_read(s), there = {0};
    ASSERT_OK(s, pg_catalog_read(s->at[SIDE_TARGET], "customer_id", &s->arena, &there, &s->e));
    assert_string_equal(here.sha256, there.sha256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIDES_TEST(tables_of_all_schemas_are_listed_and_webhosts_own_are_not),
        SIDES_TEST(tables_come_after_those_that_they_refer_to),
        SIDES_TEST(tables_that_refer_to_each_other_are_listed_once),
        SIDES_TEST(columns_tell_what_is_copied),
        SIDES_TEST(indexes_and_keys_are_told_by_their_definitions),
        SIDES_TEST(a_partitioned_table_stands_for_its_partitions),
        SIDES_TEST(a_table_that_inherits_is_one_of_its_own),
        SIDES_TEST(sequences_name_their_owner_and_bounds),
        SIDES_TEST(what_an_extension_made_is_left_out),
        SIDES_TEST(every_kind_of_ddl_is_noticed_and_the_table_named),
        SIDES_TEST(rows_and_what_the_move_itself_makes_are_no_ddl),
        SIDES_TEST(the_same_schema_has_the_same_hash_in_another_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
