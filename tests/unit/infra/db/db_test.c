/* What db.h promises, on the engine that the environment chooses (testdb.h). */
#include "check.h"

#include "schema.h"
#include "testdb.h"
#include "things.sql.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

static const char *const colours[] = {"red", "green", NULL};

struct thing {
    const char *id, *slug, *owner_id;
    int64_t size, price;
    bool sold;
    int64_t made_at;
    int colour;
    struct texts tags;
    const char *extra;
    const char *not_a_column;
};

static const struct field thing_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct thing, id)},
    {"slug", FIELD_TEXT, offsetof(struct thing, slug)},
    {"owner_id", FIELD_TEXT, offsetof(struct thing, owner_id)},
    {"size", FIELD_INT, offsetof(struct thing, size)},
    {"price", FIELD_DECIMAL, offsetof(struct thing, price)},
    {"sold", FIELD_BOOL, offsetof(struct thing, sold)},
    {"made_at", FIELD_TIME, offsetof(struct thing, made_at)},
    {"colour", FIELD_ENUM, offsetof(struct thing, colour), .names = colours},
    {"tags", FIELD_TEXTS, offsetof(struct thing, tags)},
    {"extra", FIELD_JSON, offsetof(struct thing, extra)},
    {"not_a_column", FIELD_TEXT, offsetof(struct thing, not_a_column)},
    FIELD_END,
};

struct fixture {
    struct testdb t;
    struct arena arena;
    struct error e;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    testdb_create(&f->t);
    testdb_open(&f->t, things_schema, things_schema_count);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    testdb_remove(&f->t);
    arena_release(&f->arena);
    free(f);
    return 0;
}

/* -- one statement in one transaction -------------------------------------------------------- */

struct statement {
    const struct db_query *query;
    struct db_args args;
    int64_t changes;
};

static enum err exec_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct statement *s = arg;
    return db_exec(tx, s->query, s->args, &s->changes, e);
}

static enum err exec(struct fixture *f, const struct db_query *query, struct db_args args)
{
    struct statement s = {query, args, -1};
    return db_write(f->t.db, exec_work, &s, &f->e);
}

static enum err int_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct statement *s = arg;
    return db_get_int(tx, s->query, s->args, &s->changes, e);
}

static int64_t number(struct fixture *f, const struct db_query *query, struct db_args args)
{
    struct statement s = {query, args, -1};
    ASSERT_OK(f, db_read(f->t.db, int_work, &s, &f->e));
    return s.changes;
}

static int64_t count_things(struct fixture *f)
{
    return number(f, &things_count, DB_NO_ARGS);
}

struct lookup {
    const char *slug;
    struct arena *arena;
    struct thing thing;
};

static enum err lookup_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct lookup *l = arg;
    return db_get(tx, &thing_read, DB_ARGS(db_text(l->slug)), thing_fields, l->arena, &l->thing, e);
}

/* -- values and rows -------------------------------------------------------------------------- */

static void what_is_written_is_read_back_with_every_field_type(void **state)
{
    struct fixture *f = *state;
    const char *tags_given[] = {"a \"b\"", "\xc3\xa9,\n"};
    const char *tags = db_texts_json(&f->arena, (struct texts){tags_given, 2});
    ASSERT_OK(f, exec(f, &thing_insert,
                      DB_ARGS(db_text("t1"), db_text("one'; --"), db_null(), db_int(0),
                              db_int(-123456), db_int(1), db_int(INT64_MAX), db_text("green"),
                              db_text(tags), db_text("{\"x\": 1}"))));
    struct lookup l = {.slug = "one'; --", .arena = &f->arena};
    ASSERT_OK(f, db_read(f->t.db, lookup_work, &l, &f->e));
    assert_string_equal(l.thing.id, "t1");
    assert_string_equal(l.thing.slug, "one'; --");
    assert_null(l.thing.owner_id);
    assert_int_equal(l.thing.size, 0);
    assert_int_equal(l.thing.price, -123456);
    assert_true(l.thing.sold);
    assert_int_equal(l.thing.made_at, INT64_MAX);
    assert_int_equal(l.thing.colour, 1);
    assert_int_equal(l.thing.tags.count, 2);
    assert_string_equal(l.thing.tags.items[0], tags_given[0]);
    assert_string_equal(l.thing.tags.items[1], tags_given[1]);
    assert_string_equal(l.thing.extra, "{\"x\": 1}");
    assert_null(l.thing.not_a_column);
}

static void null_columns_are_absent_fields(void **state)
{
    struct fixture *f = *state;
    ASSERT_OK(f, exec(f, &thing_insert,
                      DB_ARGS(db_text("t1"), db_text("one"), db_text(NULL), db_int(INT_ABSENT),
                              db_null(), db_null(), db_null(), db_null(), db_null(), db_null())));
    struct lookup l = {.slug = "one", .arena = &f->arena};
    l.thing.not_a_column = "left over";
    ASSERT_OK(f, db_read(f->t.db, lookup_work, &l, &f->e));
    assert_int_equal(l.thing.size, INT_ABSENT);
    assert_int_equal(l.thing.price, INT_ABSENT);
    assert_false(l.thing.sold);
    assert_int_equal(l.thing.made_at, INT_ABSENT);
    assert_int_equal(l.thing.colour, -1);
    assert_null(l.thing.tags.items);
    assert_null(l.thing.extra);
    assert_null(l.thing.not_a_column);
}

static void an_empty_list_is_not_an_absent_one(void **state)
{
    struct fixture *f = *state;
    const char *none[] = {NULL};
    assert_null(db_texts_json(&f->arena, (struct texts){0}));
    assert_string_equal(db_texts_json(&f->arena, (struct texts){none, 0}), "[]");
    ASSERT_OK(f, exec(f, &thing_add, DB_ARGS(db_text("t1"), db_text("one"))));
    ASSERT_OK(f, exec(f, &thing_set_tags, DB_ARGS(db_text("one"), db_text("[]"))));
    struct lookup l = {.slug = "one", .arena = &f->arena};
    ASSERT_OK(f, db_read(f->t.db, lookup_work, &l, &f->e));
    assert_non_null(l.thing.tags.items);
    assert_int_equal(l.thing.tags.count, 0);
}

static void no_row_is_not_found_and_leaves_the_record_alone(void **state)
{
    struct fixture *f = *state;
    struct lookup l = {.slug = "one", .arena = &f->arena, .thing.id = "before"};
    assert_int_equal(db_read(f->t.db, lookup_work, &l, &f->e), ERR_NOT_FOUND);
    assert_non_null(strstr(f->e.text, "thing_read"));
    assert_string_equal(l.thing.id, "before");
}

static void a_value_that_makes_no_sense_is_corrupt_and_leaves_the_record_alone(void **state)
{
    struct fixture *f = *state;
    ASSERT_OK(f, exec(f, &thing_add, DB_ARGS(db_text("t1"), db_text("one"))));
    ASSERT_OK(f, exec(f, &thing_set_colour, DB_ARGS(db_text("one"), db_text("mauve"))));
    struct lookup l = {.slug = "one", .arena = &f->arena, .thing.id = "before"};
    assert_int_equal(db_read(f->t.db, lookup_work, &l, &f->e), ERR_CORRUPT);
    assert_non_null(strstr(f->e.text, "mauve"));
    assert_string_equal(l.thing.id, "before");

    ASSERT_OK(f, exec(f, &thing_set_colour, DB_ARGS(db_text("one"), db_null())));
    ASSERT_OK(f, exec(f, &thing_set_tags, DB_ARGS(db_text("one"), db_text("[1]"))));
    assert_int_equal(db_read(f->t.db, lookup_work, &l, &f->e), ERR_CORRUPT);
    assert_non_null(strstr(f->e.text, "tags"));
}

static void exec_tells_how_many_rows_changed(void **state)
{
    struct fixture *f = *state;
    struct statement put = {&thing_put, DB_ARGS(db_text("one"), db_text("t1")), -1};
    ASSERT_OK(f, db_write(f->t.db, exec_work, &put, &f->e));
    assert_int_equal(put.changes, 1);
    ASSERT_OK(f, db_write(f->t.db, exec_work, &put, &f->e));
    assert_int_equal(put.changes, 0);
    ASSERT_OK(f, exec(f, &thing_add, DB_ARGS(db_text("t2"), db_text("two"))));
    struct statement none = {&things_count, DB_NO_ARGS, -1};
    ASSERT_OK(f, db_write(f->t.db, exec_work, &none, &f->e));
    assert_true(none.changes >= 0);
    struct statement all = {&things_delete, DB_NO_ARGS, -1};
    ASSERT_OK(f, db_write(f->t.db, exec_work, &all, &f->e));
    assert_int_equal(all.changes, 2);
}

static void parameters_go_by_their_number_not_by_their_place(void **state)
{
    struct fixture *f = *state;
    ASSERT_OK(f, exec(f, &thing_put, DB_ARGS(db_text("one"), db_text("t1"))));
    struct lookup l = {.slug = "one", .arena = &f->arena};
    ASSERT_OK(f, db_read(f->t.db, lookup_work, &l, &f->e));
    assert_string_equal(l.thing.id, "t1");
}

static void a_sum_is_a_number_and_of_nothing_absent(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(number(f, &things_size_sum, DB_NO_ARGS), INT_ABSENT);
    const int64_t large = INT64_C(4000000000000000000);
    ASSERT_OK(f, exec(f, &thing_add_sized, DB_ARGS(db_text("a"), db_text("a"), db_int(large))));
    ASSERT_OK(f, exec(f, &thing_add_sized, DB_ARGS(db_text("b"), db_text("b"), db_int(large))));
    assert_int_equal(number(f, &things_size_sum, DB_NO_ARGS), 2 * large);
}

static enum err texts_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct fixture *f = arg;
    const char *text = "untouched";
    TRY(db_get_text(tx, &thing_slug, DB_ARGS(db_text("t1")), &f->arena, &text, e));
    assert_string_equal(text, "one");
    TRY(db_get_text(tx, &thing_owner, DB_ARGS(db_text("t1")), &f->arena, &text, e));
    assert_null(text);
    text = "untouched";
    TRY(db_get_text(tx, &thing_slug, DB_ARGS(db_text("t2")), &f->arena, &text, e));
    assert_null(text);
    return OK;
}

static void a_single_text_is_null_when_there_is_none(void **state)
{
    struct fixture *f = *state;
    ASSERT_OK(f, exec(f, &thing_add, DB_ARGS(db_text("t1"), db_text("one"))));
    ASSERT_OK(f, db_read(f->t.db, texts_work, f, &f->e));
}

static enum err returning_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct lookup *l = arg;
    return db_get(tx, &thing_add_returning, DB_ARGS(db_text("t1"), db_text(l->slug)), thing_fields,
                  l->arena, &l->thing, e);
}

static void an_insert_can_return_its_row(void **state)
{
    struct fixture *f = *state;
    struct lookup l = {.slug = "one", .arena = &f->arena};
    ASSERT_OK(f, db_write(f->t.db, returning_work, &l, &f->e));
    assert_string_equal(l.thing.slug, "one");
    assert_int_equal(count_things(f), 1);
}

enum { MANY = 100 };

static enum err add_many(struct db_tx *tx, void *arg, struct error *e)
{
    (void)arg;
    for (int i = 0; i < MANY; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "%03d", i);
        TRY(db_exec(tx, &thing_add, DB_ARGS(db_text(id), db_text(id)), NULL, e));
    }
    return OK;
}

struct listing {
    size_t max;
    struct arena *arena;
    struct records rows;
};

static enum err list_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct listing *l = arg;
    return db_list(tx, &things_all, DB_NO_ARGS, thing_fields, sizeof(struct thing), l->max,
                   l->arena, &l->rows, e);
}

static void a_list_has_all_rows_in_order(void **state)
{
    struct fixture *f = *state;
    struct listing l = {MANY, &f->arena, {0}};
    ASSERT_OK(f, db_read(f->t.db, list_work, &l, &f->e));
    assert_non_null(l.rows.items);
    assert_int_equal(l.rows.count, 0);

    ASSERT_OK(f, db_write(f->t.db, add_many, NULL, &f->e));
    ASSERT_OK(f, db_read(f->t.db, list_work, &l, &f->e));
    assert_int_equal(l.rows.count, MANY);
    const struct thing *things = l.rows.items;
    assert_string_equal(things[0].slug, "000");
    assert_string_equal(things[MANY - 1].slug, "099");
}

static void more_rows_than_the_bound_is_too_large(void **state)
{
    struct fixture *f = *state;
    ASSERT_OK(f, db_write(f->t.db, add_many, NULL, &f->e));
    struct listing l = {MANY - 1, &f->arena, {0}};
    assert_int_equal(db_read(f->t.db, list_work, &l, &f->e), ERR_TOO_LARGE);
    assert_null(l.rows.items);
    assert_int_equal(count_things(f), MANY); /* the connection is fit for use */
}

struct visit {
    int64_t seen, stop_after;
};

static enum err visit_row(const struct db_value *columns, size_t count, void *arg, struct error *e)
{
    struct visit *v = arg;
    assert_int_equal(count, 2);
    assert_int_equal(columns[0].type, DB_TEXT);
    char expected[16];
    (void)snprintf(expected, sizeof(expected), "%03d", (int)v->seen);
    assert_string_equal(columns[1].text, expected);
    if (++v->seen == v->stop_after)
        return error_set(e, ERR_DENIED, "enough");
    return OK;
}

static enum err each_work(struct db_tx *tx, void *arg, struct error *e)
{
    return db_each(tx, &things_all, DB_NO_ARGS, visit_row, arg, e);
}

static void each_visits_every_row_until_it_is_told_to_stop(void **state)
{
    struct fixture *f = *state;
    ASSERT_OK(f, db_write(f->t.db, add_many, NULL, &f->e));
    struct visit all = {0, -1};
    ASSERT_OK(f, db_read(f->t.db, each_work, &all, &f->e));
    assert_int_equal(all.seen, MANY);
    struct visit some = {0, 3};
    assert_int_equal(db_read(f->t.db, each_work, &some, &f->e), ERR_DENIED);
    assert_string_equal(f->e.text, "enough");
    assert_int_equal(some.seen, 3);
}

/* -- transactions ----------------------------------------------------------------------------- */

static enum err add_and_fail(struct db_tx *tx, void *arg, struct error *e)
{
    (void)arg;
    TRY(db_exec(tx, &thing_add, DB_ARGS(db_text("t1"), db_text("one")), NULL, e));
    return error_set(e, ERR_DENIED, "changed my mind");
}

static void work_that_fails_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(db_write(f->t.db, add_and_fail, NULL, &f->e), ERR_DENIED);
    assert_string_equal(f->e.text, "changed my mind");
    assert_int_equal(count_things(f), 0);
    assert_int_equal(db_write(f->t.db, add_and_fail, NULL, NULL), ERR_DENIED);
}

static void a_violated_unique_key_is_a_conflict_that_names_the_query(void **state)
{
    struct fixture *f = *state;
    ASSERT_OK(f, exec(f, &thing_add, DB_ARGS(db_text("t1"), db_text("one"))));
    assert_int_equal(exec(f, &thing_add, DB_ARGS(db_text("t2"), db_text("one"))), ERR_CONFLICT);
    assert_non_null(strstr(f->e.text, "thing_add"));
    assert_non_null(strstr(f->e.text, "slug"));
    assert_int_equal(exec(f, &thing_add, DB_ARGS(db_text("t1"), db_text("two"))), ERR_CONFLICT);
    assert_int_equal(count_things(f), 1);
}

static void a_violated_foreign_key_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    enum err rc =
        exec(f, &thing_add_owned, DB_ARGS(db_text("t1"), db_text("one"), db_text("nobody")));
    assert_int_equal(rc, ERR_CONFLICT);
    assert_int_equal(count_things(f), 0);
}

static void a_violated_check_is_invalid(void **state)
{
    struct fixture *f = *state;
    enum err rc = exec(f, &thing_add_sized, DB_ARGS(db_text("t1"), db_text("one"), db_int(-1)));
    assert_int_equal(rc, ERR_INVALID);
}

static enum err ignore_a_failure(struct db_tx *tx, void *arg, struct error *e)
{
    (void)arg;
    (void)e;
    (void)db_exec(tx, &thing_add, DB_ARGS(db_text("t1"), db_text("one")), NULL, NULL);
    (void)db_exec(tx, &thing_add, DB_ARGS(db_text("t1"), db_text("one")), NULL, NULL);
    struct error later = {0};
    assert_int_equal(db_exec(tx, &thing_add, DB_ARGS(db_text("t2"), db_text("two")), NULL, &later),
                     ERR_CONFLICT);
    return OK;
}

static void a_statement_that_failed_fails_its_transaction_even_when_ignored(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(db_write(f->t.db, ignore_a_failure, NULL, &f->e), ERR_CONFLICT);
    assert_int_equal(count_things(f), 0);
}

static void a_read_cannot_write(void **state)
{
    struct fixture *f = *state;
    struct statement s = {&things_delete, DB_NO_ARGS, 0};
    assert_int_not_equal(db_read(f->t.db, exec_work, &s, &f->e), OK);
    assert_int_equal(count_things(f), 0);
}

struct snapshot {
    struct fixture *f;
    pthread_t writer;
    int64_t before, after;
};

static void *add_one(void *arg)
{
    struct fixture *f = arg;
    struct statement s = {&thing_add, DB_ARGS(db_text("t1"), db_text("one")), 0};
    return db_write(f->t.db, exec_work, &s, NULL) == OK ? NULL : f;
}

static enum err snapshot_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct snapshot *s = arg;
    void *failed;
    TRY(db_get_int(tx, &things_count, DB_NO_ARGS, &s->before, e));
    assert_int_equal(pthread_create(&s->writer, NULL, add_one, s->f), 0);
    assert_int_equal(pthread_join(s->writer, &failed), 0);
    assert_null(failed);
    return db_get_int(tx, &things_count, DB_NO_ARGS, &s->after, e);
}

static void a_read_sees_one_moment_while_others_write(void **state)
{
    struct fixture *f = *state;
    struct snapshot s = {.f = f};
    ASSERT_OK(f, db_read(f->t.db, snapshot_work, &s, &f->e));
    assert_int_equal(s.before, 0);
    assert_int_equal(s.after, 0);
    assert_int_equal(count_things(f), 1);
}

enum { THREADS = 8, ROUNDS = 25 };

struct worker {
    struct fixture *f;
    int id, round;
    enum err rc;
    struct error e;
};

static enum err increment(struct db_tx *tx, void *arg, struct error *e)
{
    struct worker *w = arg;
    char id[32];
    (void)snprintf(id, sizeof(id), "%d-%d", w->id, w->round);
    TRY(db_exec(tx, &thing_add, DB_ARGS(db_text(id), db_text(id)), NULL, e));
    int64_t value;
    TRY(db_get_int(tx, &counter_read, DB_ARGS(db_text("a")), &value, e));
    TRY(db_exec(tx, &counter_write, DB_ARGS(db_text("a"), db_int(value + 1)), NULL, e));
    return w->round % 5 == 4 ? error_set(e, ERR_DENIED, "every fifth fails") : OK;
}

static void *increment_often(void *arg)
{
    struct worker *w = arg;
    for (w->round = 0; w->round < ROUNDS && w->rc == OK; w->round++) {
        enum err rc = db_write(w->f->t.db, increment, w, &w->e);
        if (rc != (w->round % 5 == 4 ? ERR_DENIED : OK))
            w->rc = rc ? rc : ERR_INVALID;
    }
    return NULL;
}

static void writers_at_once_lose_nothing_and_failed_ones_undo_only_themselves(void **state)
{
    struct fixture *f = *state;
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.f = f, .id = i};
        assert_int_equal(pthread_create(&threads[i], NULL, increment_often, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        if (workers[i].rc != OK)
            fail_msg("thread %d: %s", i, workers[i].e.text);
    }
    const int64_t kept = THREADS * ROUNDS * 4 / 5;
    assert_int_equal(number(f, &counter_read, DB_ARGS(db_text("a"))), kept);
    assert_int_equal(count_things(f), kept);
}

/* -- our own mistakes stop the process --------------------------------------------------------- */

static enum err read_inside(struct db_tx *tx, void *arg, struct error *e)
{
    (void)tx;
    struct fixture *f = arg;
    struct statement s = {&things_count, DB_NO_ARGS, -1};
    return db_read(f->t.db, int_work, &s, e);
}

static enum err query_inside_each(const struct db_value *columns, size_t count, void *arg,
                                  struct error *e)
{
    (void)columns;
    (void)count;
    int64_t value;
    return db_get_int(arg, &things_count, DB_NO_ARGS, &value, e);
}

static enum err each_with_query(struct db_tx *tx, void *arg, struct error *e)
{
    TRY(add_many(tx, arg, e));
    return db_each(tx, &things_all, DB_NO_ARGS, query_inside_each, tx, e);
}

static enum err too_few_arguments(struct db_tx *tx, void *arg, struct error *e)
{
    (void)arg;
    return db_exec(tx, &thing_add, DB_ARGS(db_text("t1")), NULL, e);
}

static enum err column_without_field(struct db_tx *tx, void *arg, struct error *e)
{
    struct fixture *f = arg;
    static const struct field only_id[] = {{"id", FIELD_TEXT, 0}, FIELD_END};
    const char *id;
    TRY(add_many(tx, arg, e));
    return db_get(tx, &things_all, DB_NO_ARGS, only_id, &f->arena, &id, e);
}

/* In a process of its own; says nothing, so that the abort's message is not taken for a failure. */
static void assert_stops(struct fixture *f, db_work *work)
{
    db_close(f->t.db);
    f->t.db = NULL;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(STDERR_FILENO);
        (void)signal(SIGABRT, SIG_DFL); /* cmocka's would go on with the next test */
        testdb_open(&f->t, things_schema, things_schema_count);
        (void)db_write(f->t.db, work, f, NULL);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    testdb_open(&f->t, things_schema, things_schema_count);
    assert_int_equal(count_things(f), 0);
}

static void a_transaction_inside_a_transaction_stops_the_process(void **state)
{
    assert_stops(*state, read_inside);
}

static void a_query_while_rows_are_visited_stops_the_process(void **state)
{
    assert_stops(*state, each_with_query);
}

static void too_few_arguments_stop_the_process(void **state)
{
    assert_stops(*state, too_few_arguments);
}

static void a_column_without_a_field_stops_the_process(void **state)
{
    assert_stops(*state, column_without_field);
}

/* -- the schema ------------------------------------------------------------------------------- */

static enum err prepare_all(struct db_tx *tx, void *arg, struct error *e)
{
    for (const struct db_query *const *query = arg; *query; query++) {
        if (*query != &broken_query)
            TRY(db_prepare_check(tx, *query, e));
    }
    return OK;
}

static void every_query_prepares(void **state)
{
    struct fixture *f = *state;
    ASSERT_OK(f, db_write(f->t.db, prepare_all, (void *)(uintptr_t)things_queries, &f->e));
}

static enum err prepare_broken(struct db_tx *tx, void *arg, struct error *e)
{
    (void)arg;
    return db_prepare_check(tx, &broken_query, e);
}

static void a_query_that_does_not_fit_the_schema_is_named(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(db_write(f->t.db, prepare_broken, NULL, &f->e), ERR_CORRUPT);
    assert_non_null(strstr(f->e.text, "broken_query"));
    assert_int_equal(count_things(f), 0); /* other transactions go on */
}

static void reopen(struct fixture *f, size_t migrations)
{
    db_close(f->t.db);
    f->t.db = NULL;
    testdb_open(&f->t, things_schema, migrations);
}

static void each_schema_file_is_applied_once(void **state)
{
    struct fixture *f = *state;
    ASSERT_OK(f, exec(f, &counter_write, DB_ARGS(db_text("a"), db_int(7))));
    reopen(f, things_schema_count);
    assert_int_equal(number(f, &counters_sum, DB_NO_ARGS), 7);
}

static enum err note_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct fixture *f = arg;
    const char *note = NULL;
    TRY(db_get_text(tx, &counter_note, DB_ARGS(db_text("a")), &f->arena, &note, e));
    assert_string_equal(note, ";--");
    return OK;
}

static void a_schema_file_arrives_whole(void **state)
{
    struct fixture *f = *state;
    ASSERT_OK(f, db_read(f->t.db, note_work, f, &f->e));
}

static void a_database_of_a_newer_version_is_refused(void **state)
{
    struct fixture *f = *state;
    db_close(f->t.db);
    f->t.db = NULL;
    struct db_options options = testdb_options(&f->t, things_schema, 1);
    struct db *db = NULL;
    assert_int_equal(db_open(&options, &db, &f->e), ERR_CONFLICT);
    assert_null(db);
    assert_non_null(strstr(f->e.text, "0002-counters"));
    testdb_open(&f->t, things_schema, things_schema_count);
}

static void a_schema_file_that_fails_leaves_nothing_of_itself(void **state)
{
    struct fixture *f = *state;
    db_close(f->t.db);
    f->t.db = NULL;
    static const char half[] = "CREATE TABLE half (x TEXT); CREATE TABLE counters (x TEXT);";
    static const char whole[] = "CREATE TABLE half (x TEXT);";
    struct db_migration migrations[] = {
        things_schema[0],
        things_schema[1],
        {"0003-half", {[DB_SQLITE] = half, [DB_POSTGRES] = half}},
    };
    struct db_options options = testdb_options(&f->t, migrations, ARRAY_LEN(migrations));
    struct db *db = NULL;
    assert_int_not_equal(db_open(&options, &db, &f->e), OK);
    assert_non_null(strstr(f->e.text, "0003-half"));

    migrations[2].text[DB_SQLITE] = migrations[2].text[DB_POSTGRES] = whole;
    testdb_open(&f->t, migrations, ARRAY_LEN(migrations));
}

static void *open_and_close(void *arg)
{
    const struct fixture *f = arg;
    struct db_options options = testdb_options(&f->t, things_schema, things_schema_count);
    struct error e;
    struct db *db = NULL;
    if (db_open(&options, &db, &e) != OK) {
        (void)fprintf(stderr, "%s\n", e.text);
        return arg;
    }
    db_close(db);
    return NULL;
}

static void many_that_open_a_new_database_at_once_apply_its_schema_once(void **state)
{
    struct fixture *f = *state;
    testdb_remove(&f->t);
    testdb_create(&f->t);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, f), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    testdb_open(&f->t, things_schema, things_schema_count);
}

static void an_unknown_kind_of_url_is_refused(void **state)
{
    struct fixture *f = *state;
    struct db_options options = testdb_options(&f->t, NULL, 0);
    options.url = "mysql://localhost/x";
    struct db *db = NULL;
    assert_int_equal(db_open(&options, &db, &f->e), ERR_INVALID);
    assert_non_null(strstr(f->e.text, "sqlite:PATH"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read_back_with_every_field_type),
        TEST(null_columns_are_absent_fields),
        TEST(an_empty_list_is_not_an_absent_one),
        TEST(no_row_is_not_found_and_leaves_the_record_alone),
        TEST(a_value_that_makes_no_sense_is_corrupt_and_leaves_the_record_alone),
        TEST(exec_tells_how_many_rows_changed),
        TEST(parameters_go_by_their_number_not_by_their_place),
        TEST(a_sum_is_a_number_and_of_nothing_absent),
        TEST(a_single_text_is_null_when_there_is_none),
        TEST(an_insert_can_return_its_row),
        TEST(a_list_has_all_rows_in_order),
        TEST(more_rows_than_the_bound_is_too_large),
        TEST(each_visits_every_row_until_it_is_told_to_stop),
        TEST(work_that_fails_leaves_nothing),
        TEST(a_violated_unique_key_is_a_conflict_that_names_the_query),
        TEST(a_violated_foreign_key_is_a_conflict),
        TEST(a_violated_check_is_invalid),
        TEST(a_statement_that_failed_fails_its_transaction_even_when_ignored),
        TEST(a_read_cannot_write),
        TEST(a_read_sees_one_moment_while_others_write),
        TEST(writers_at_once_lose_nothing_and_failed_ones_undo_only_themselves),
        TEST(a_transaction_inside_a_transaction_stops_the_process),
        TEST(a_query_while_rows_are_visited_stops_the_process),
        TEST(too_few_arguments_stop_the_process),
        TEST(a_column_without_a_field_stops_the_process),
        TEST(every_query_prepares),
        TEST(a_query_that_does_not_fit_the_schema_is_named),
        TEST(each_schema_file_is_applied_once),
        TEST(a_schema_file_arrives_whole),
        TEST(a_database_of_a_newer_version_is_refused),
        TEST(a_schema_file_that_fails_leaves_nothing_of_itself),
        TEST(many_that_open_a_new_database_at_once_apply_its_schema_once),
        TEST(an_unknown_kind_of_url_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
