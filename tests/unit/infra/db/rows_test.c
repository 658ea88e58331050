/* Many rows or numbers in one statement, relaxed work, posted statements: on either engine. */
#include "fixture.h"

#include "schema.h"
#include "things.sql.h"

struct thing {
    const char *id, *extra, *colour;
    int64_t size;
};

static const struct field thing_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct thing, id)},
    {"size", FIELD_INT, offsetof(struct thing, size)},
    {"extra", FIELD_TEXT, offsetof(struct thing, extra)},
    {"colour", FIELD_TEXT, offsetof(struct thing, colour)},
    FIELD_END,
};

struct lookup {
    const char *slug;
    struct arena *arena;
    struct thing thing;
};

static enum err lookup_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct lookup *l = arg;
    return db_get(tx, &thing_values, DB_ARGS(db_text(l->slug)), thing_fields, l->arena, &l->thing,
                  e);
}

/* -- many rows in one statement --------------------------------------------------------------- */

struct many {
    struct db_args shared;
    const struct db_value *rows;
    size_t count;
    int64_t changes;
};

enum { MANY_WIDTH = 4 };

static enum err many_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct many *m = arg;
    return db_exec_rows(tx, &things_add_many, m->shared, m->rows, MANY_WIDTH, m->count, &m->changes,
                        e);
}

static void rows_arrive_with_their_types_nulls_and_any_text(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {
        "plain", "",      " ",     "a,b",   "{}",   "{\"x\"}", "\"",
        "\\",    "\\\"",  "it's",  "NULL",  "null", "\n\t",    "\xc3\xa9\xf0\x9f\x9a\x80",
        "$1",    "');--", "\\x00", "{1,2}",
    };
    struct db_value rows[ARRAY_LEN(texts) * MANY_WIDTH];
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct db_value *row = &rows[i * MANY_WIDTH];
        row[0] = db_text(arena_printf(&f->arena, "t%02zu", i));
        row[1] = db_text(texts[i]);
        row[2] = i == 3 ? db_null() : db_int(i == 4 ? INT64_MAX : (int64_t)i);
        row[3] = i == 5 ? db_null() : db_text(texts[i]);
    }
    struct many m = {DB_ARGS(db_text("green")), rows, ARRAY_LEN(texts), -1};
    ASSERT_OK(f, db_write(f->t.db, many_work, &m, &f->e));
    assert_int_equal(m.changes, ARRAY_LEN(texts));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct lookup l = {.slug = texts[i], .arena = &f->arena};
        ASSERT_OK(f, db_read(f->t.db, lookup_work, &l, &f->e));
        assert_string_equal(l.thing.id, rows[i * MANY_WIDTH].text);
        assert_true(l.thing.size == (i == 3 ? INT_ABSENT : i == 4 ? INT64_MAX : (int64_t)i));
        assert_true(i == 5 ? !l.thing.extra : strcmp(l.thing.extra, texts[i]) == 0);
        assert_string_equal(l.thing.colour, "green");
    }
}

static void no_rows_are_nothing_to_do_and_ten_thousand_are_one_statement(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 10000 };
    struct many m = {DB_ARGS(db_null()), NULL, 0, -1};
    ASSERT_OK(f, db_write(f->t.db, many_work, &m, &f->e));
    assert_int_equal(m.changes, 0);
    struct db_value *rows = arena_new_array(&f->arena, (size_t)COUNT * MANY_WIDTH, struct db_value);
    for (size_t i = 0; i < COUNT; i++) {
        struct db_value *row = &rows[i * MANY_WIDTH];
        row[0] = row[1] = row[3] = db_text(arena_printf(&f->arena, "thing-%zu", i));
        row[2] = db_int((int64_t)i);
    }
    m = (struct many){DB_ARGS(db_null()), rows, COUNT, -1};
    ASSERT_OK(f, db_write(f->t.db, many_work, &m, &f->e));
    assert_int_equal(m.changes, COUNT);
    assert_int_equal(count_things(f), COUNT);
    assert_int_equal(number(f, &things_size_sum, DB_NO_ARGS), (int64_t)COUNT * (COUNT - 1) / 2);
    assert_int_equal(db_write(f->t.db, many_work, &m, &f->e), ERR_CONFLICT); /* all or none */
    assert_int_equal(count_things(f), COUNT);
}

struct sizes {
    const int64_t *numbers;
    size_t count;
    int64_t found;
};

static enum err sizes_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct sizes *s = arg;
    _cleanup_arena_ struct arena arena = {0};
    return db_get_int(tx, &things_of_sizes, DB_ARGS(db_int_list(tx, &arena, s->numbers, s->count)),
                      &s->found, e);
}

static void a_list_of_numbers_is_one_parameter(void **state)
{
    struct fixture *f = *state;
    static const int64_t numbers[] = {5, INT64_MAX, -7, INT64_MIN + 1, 5};
    ASSERT_OK(f, exec(f, &thing_add_sized, DB_ARGS(db_text("a"), db_text("a"), db_int(5))));
    ASSERT_OK(f, exec(f, &thing_add_sized, DB_ARGS(db_text("b"), db_text("b"), db_int(INT64_MAX))));
    ASSERT_OK(f, exec(f, &thing_add_sized, DB_ARGS(db_text("c"), db_text("c"), db_int(6))));
    for (size_t count = 0; count <= ARRAY_LEN(numbers); count++) {
        struct sizes s = {numbers, count, -1};
        ASSERT_OK(f, db_read(f->t.db, sizes_work, &s, &f->e));
        assert_int_equal(s.found, count > 2 ? 2 : count);
    }
}

static void an_argument_that_no_statement_bound_has_no_rows(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(number(f, &rows_forged, DB_ARGS(db_text("140737488355328"))), 0);
    assert_int_equal(number(f, &rows_forged, DB_ARGS(db_null())), 0);
}

/* -- work whose statements are right on their own --------------------------------------------- */

static enum err relaxed_work(struct db_tx *tx, void *arg, struct error *e)
{
    bool *fails = arg;
    TRY(db_exec(tx, &thing_add, DB_ARGS(db_text("r"), db_text("r")), NULL, e));
    return *fails ? error_set(e, ERR_DENIED, "no") : OK;
}

static void relaxed_work_is_one_transaction_too(void **state)
{
    struct fixture *f = *state;
    bool fails = true;
    assert_int_equal(db_write_relaxed(f->t.db, relaxed_work, &fails, &f->e), ERR_DENIED);
    assert_int_equal(count_things(f), 0);
    fails = false;
    ASSERT_OK(f, db_write_relaxed(f->t.db, relaxed_work, &fails, &f->e));
    assert_int_equal(count_things(f), 1);
    assert_int_equal(db_write_relaxed(f->t.db, relaxed_work, &fails, &f->e), ERR_CONFLICT);
}

/* -- what is posted --------------------------------------------------------------------------- */

struct named {
    const char *id, *slug;
};

static const struct field named_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct named, id)},
    {"slug", FIELD_TEXT, offsetof(struct named, slug)},
    FIELD_END,
};

struct posted {
    struct arena *arena;
    int64_t changes;
    struct records rows;
};

static enum err post_work(struct db_tx *tx, void *arg, struct error *e)
{
    (void)e;
    struct posted *p = arg;
    char id[] = "t1"; /* parameters are not needed any more */
    db_post(tx, &thing_add, DB_ARGS(db_text(id), db_text(id)), &p->changes);
    memset(id, '?', sizeof(id) - 1);
    db_post_list(tx, &things_all, DB_NO_ARGS, named_fields, sizeof(struct named), 10, p->arena,
                 &p->rows);
    return OK;
}

static void what_is_posted_is_done_and_answered_when_the_write_returns(void **state)
{
    struct fixture *f = *state;
    struct posted p = {.arena = &f->arena};
    ASSERT_OK(f, db_write(f->t.db, post_work, &p, &f->e));
    assert_int_equal(p.changes, 1);
    assert_int_equal(p.rows.count, 1);
    assert_string_equal(((const struct named *)p.rows.items)[0].slug, "t1");
    assert_int_equal(db_write(f->t.db, post_work, &p, &f->e), ERR_CONFLICT);
    assert_non_null(strstr(f->e.text, "thing_add"));
    assert_int_equal(number(f, &things_count, DB_NO_ARGS), 1);
}

static enum err post_many(struct db_tx *tx, void *arg, struct error *e)
{
    (void)e;
    for (int64_t i = 0; i < 1000; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "%04d", (int)i);
        db_post(tx, &thing_add, DB_ARGS(db_text(id), db_text(id)), &((int64_t *)arg)[i]);
    }
    return OK;
}

static void any_number_of_statements_can_be_posted(void **state)
{
    struct fixture *f = *state;
    int64_t changes[1000] = {0}, sum = 0;
    ASSERT_OK(f, db_write(f->t.db, post_many, changes, &f->e));
    for (size_t i = 0; i < ARRAY_LEN(changes); i++)
        sum += changes[i];
    assert_int_equal(sum, 1000);
    assert_int_equal(number(f, &things_count, DB_NO_ARGS), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_arrive_with_their_types_nulls_and_any_text),
        TEST(no_rows_are_nothing_to_do_and_ten_thousand_are_one_statement),
        TEST(a_list_of_numbers_is_one_parameter),
        TEST(an_argument_that_no_statement_bound_has_no_rows),
        TEST(relaxed_work_is_one_transaction_too),
        TEST(what_is_posted_is_done_and_answered_when_the_write_returns),
        TEST(any_number_of_statements_can_be_posted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
