/* Sessions with a real server, which locks, refuses, hangs and vanishes. By pgcluster.py. */
#include "check.h"
#include "infra/pg/session.h"
#include "testdb.h"

struct fixture {
    struct testdb t;
    struct arena arena;
    struct pg_session *s, *other;
    struct error e;
};

static struct pg_session *open_with(struct fixture *f, int64_t timeout_ms)
{
    struct pg_session *s = NULL;
    ASSERT_OK(f, pg_open(&(struct pg_options){.url = f->t.url, "pg_session_test", NULL, timeout_ms},
                         &s, &f->e));
    return s;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    testdb_create(&f->t);
    f->s = open_with(f, 60000);
    f->other = open_with(f, 60000);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pg_close(f->s);
    pg_close(f->other);
    testdb_remove(&f->t);
    arena_release(&f->arena);
    free(f);
    return 0;
}

static const char *get(struct fixture *f, struct pg_session *s, const char *sql)
{
    const char *text;
    ASSERT_OK(f, pg_get(s, sql, NULL, 0, &f->arena, &text, &f->e));
    return text;
}

/* -- statements ------------------------------------------------------------------------------- */

static void rows_are_texts_and_null_is_null(void **state)
{
    struct fixture *f = *state;
    struct pg_rows rows;
    const char *params[] = {"a", NULL};
    ASSERT_OK(f, pg_query(f->s, "SELECT x, $1 || x, $2::text FROM generate_series(1, 3) x", params,
                          2, 3, &f->arena, &rows, &f->e));
    assert_int_equal(rows.count, 3);
    assert_int_equal(rows.columns, 3);
    assert_string_equal(pg_cell(&rows, 2, 0), "3");
    assert_string_equal(pg_cell(&rows, 2, 1), "a3");
    assert_null(pg_cell(&rows, 2, 2));
}

static void more_rows_than_asked_for_are_refused_and_the_session_goes_on(void **state)
{
    struct fixture *f = *state;
    struct pg_rows rows;
    assert_int_equal(pg_query(f->s, "SELECT x FROM generate_series(1, 100000000) x", NULL, 0, 5,
                              &f->arena, &rows, &f->e),
                     ERR_TOO_LARGE);
    assert_string_equal(get(f, f->s, "SELECT 'still there'"), "still there");
}

static void several_statements_run_as_one_text_up_to_the_first_that_fails(void **state)
{
    struct fixture *f = *state;
    ASSERT_OK(
        f, pg_run(f->s, "CREATE TABLE public.t (a int); INSERT INTO public.t VALUES (1)", &f->e));
    assert_int_equal(pg_run(f->s,
                            "INSERT INTO public.t VALUES (2); SELECT 1/0;"
                            "INSERT INTO public.t VALUES (3)",
                            &f->e),
                     ERR_INVALID);
    assert_string_equal(pg_sqlstate(f->s), "22012");
    assert_string_equal(get(f, f->s, "SELECT string_agg(a::text, ',') FROM public.t"), "1");
    ASSERT_OK(f, pg_runf(f->s, &f->e, "INSERT INTO public.t VALUES (%d)", 4));
    assert_string_equal(pg_sqlstate(f->s), "");
}

static void names_and_literals_of_any_kind_are_quoted(void **state)
{
    struct fixture *f = *state;
    const char *name = "we\"ird Ta'ble\\";
    ASSERT_OK(f, pg_runf(f->s, &f->e,
                         "CREATE TABLE public.%s (a text); INSERT INTO public.%s"
                         " VALUES (%s)",
                         pg_name(&f->arena, name), pg_name(&f->arena, name),
                         pg_literal(&f->arena, name)));
    const char *sql = arena_printf(&f->arena, "SELECT a FROM public.%s", pg_name(&f->arena, name));
    assert_string_equal(get(f, f->s, sql), name);
}

static void nobodys_objects_come_before_the_servers(void **state)
{
    struct fixture *f = *state;
    ASSERT_OK(f, pg_run(f->s,
                        "CREATE FUNCTION public.now() RETURNS text LANGUAGE sql"
                        " AS $$ SELECT 'forged' $$; CREATE TABLE public.t (a int)",
                        &f->e));
    assert_int_equal(pg_run(f->s, "SELECT * FROM t", &f->e), ERR_NOT_FOUND);
    assert_null(strstr(get(f, f->s, "SELECT now()"), "forged"));
}

static void values_are_written_in_one_way_whatever_a_database_has_set(void **state)
{
    struct fixture *f = *state;
    ASSERT_OK(f, pg_runf(f->s, &f->e,
                         "ALTER DATABASE %s SET TimeZone = 'Asia/Tokyo';"
                         "ALTER DATABASE %s SET DateStyle = 'German'",
                         f->t.name, f->t.name));
    struct pg_session *s = open_with(f, 60000);
    assert_string_equal(get(f, s, "SELECT timestamptz '2026-01-02 03:04Z'::text"),
                        "2026-01-02 03:04:00+00");
    pg_close(s);
}

static void answers_of_several_sessions_are_taken_after_all_was_sent(void **state)
{
    struct fixture *f = *state;
    struct pg_rows rows;
    /* Each waits for the other: one after the other they would never end. */
    ASSERT_OK(f, pg_run(f->s, "SELECT pg_advisory_lock(1)", &f->e));
    ASSERT_OK(f, pg_send(f->other, "SELECT pg_advisory_lock(1); SELECT 'got', 'it'", &f->e));
    ASSERT_OK(f, pg_send(f->s, "SELECT pg_advisory_unlock(1)", &f->e));
    ASSERT_OK(f, pg_take_rows(f->other, 1, &f->arena, &rows, &f->e));
    ASSERT_OK(f, pg_take(f->s, &f->e));
    assert_int_equal(rows.columns, 2);
    assert_string_equal(pg_cell(&rows, 0, 1), "it");
}

static void programs_get_the_password_by_their_environment(void **state)
{
    struct fixture *f = *state;
    const char *const *environment;
    ASSERT_OK(f, pg_environment("postgres://me:hunter%202@h:77/d?sslmode=disable", &f->arena,
                                &environment, &f->e));
    static const char *const wanted[] = {"PGUSER=me", "PGPASSWORD=hunter 2", "PGHOST=h",
                                         "PGPORT=77", "PGDATABASE=d",        "PGSSLMODE=disable"};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        const char *const *at = environment;
        while (*at && !text_eq(*at, wanted[i]))
            at++;
        if (!*at)
            fail_msg("no %s", wanted[i]);
    }
}

/* -- ends ------------------------------------------------------------------------------------- */

static void a_statement_that_takes_too_long_is_cancelled_and_the_session_goes_on(void **state)
{
    struct fixture *f = *state;
    pg_set_deadline(f->s, monotonic_us() + 50 * USEC_PER_MS);
    assert_int_equal(pg_run(f->s, "SELECT pg_sleep(1000)", &f->e), ERR_TIMEOUT);
    assert_int_equal(pg_run(f->s, "SELECT 1", &f->e), ERR_TIMEOUT);
    pg_set_deadline(f->s, 0);
    assert_string_equal(get(f, f->s, "SELECT 'still there'"), "still there");
    assert_string_equal(get(f, f->s,
                            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND"
                            " query LIKE '%sleep(1000)' AND pid <> pg_backend_pid()"),
                        "0");
}

static void a_sessions_timeout_is_of_each_statement(void **state)
{
    struct fixture *f = *state;
    struct pg_session *s = open_with(f, 50);
    assert_int_equal(pg_run(s, "SELECT pg_sleep(1000)", &f->e), ERR_TIMEOUT);
    assert_string_equal(get(f, s, "SELECT 'still there'"), "still there");
    pg_close(s);
}

static enum err say_no(void *ctx, struct error *e)
{
    ++*(int *)ctx;
    return error_set(e, ERR_CONFLICT, "somebody else has taken over");
}

static void who_watches_ends_a_statement(void **state)
{
    struct fixture *f = *state;
    int asked = 0;
    pg_set_watch(f->s, say_no, &asked);
    assert_int_equal(pg_run(f->s, "SELECT pg_sleep(1000)", &f->e), ERR_CONFLICT);
    assert_string_equal(f->e.text, "somebody else has taken over");
    assert_int_equal(asked, 1);
    assert_string_equal(get(f, f->s, "SELECT 'still there'"), "still there");
}

static void a_session_whose_server_vanished_is_of_no_use_any_more(void **state)
{
    struct fixture *f = *state;
    ASSERT_OK(f, pg_runf(f->other, &f->e, "SELECT pg_terminate_backend(%d, 60000)",
                         pg_backend_pid(f->s)));
    assert_int_equal(pg_run(f->s, "SELECT 1", &f->e), ERR_UNAVAILABLE);
    assert_int_equal(pg_run(f->s, "SELECT 1", &f->e), ERR_UNAVAILABLE);
    ASSERT_CONTAINS(f->e.text, f->t.name);
}

static void a_lock_that_is_kept_makes_busy(void **state)
{
    struct fixture *f = *state;
    struct pg_session *s = NULL;
    struct pg_options options = {f->t.url, "pg_session_test", "SET work_mem = '77MB'", 0, 20};
    ASSERT_OK(f, pg_open(&options, &s, &f->e));
    assert_string_equal(get(f, s, "SHOW work_mem"), "77MB");
    ASSERT_OK(f, pg_run(f->other, "CREATE TABLE public.t ()", &f->e));
    ASSERT_OK(f, pg_run(f->other, "BEGIN; LOCK TABLE public.t", &f->e));
    assert_int_equal(pg_run(s, "ALTER TABLE public.t ADD a int", &f->e), ERR_BUSY);
    assert_string_equal(pg_sqlstate(s), "55P03");
    pg_close(s);
}

static void errors_do_not_tell_the_password(void **state)
{
    struct fixture *f = *state;
    struct pg_session *s = NULL;
    struct pg_options options = {.url = "postgres://someone:hunter2@127.0.0.1:1/nothing"};
    assert_int_equal(pg_open(&options, &s, &f->e), ERR_UNAVAILABLE);
    ASSERT_CONTAINS(f->e.text, "nothing at 127.0.0.1:1");
    assert_null(strstr(f->e.text, "hunter2"));
    options.url = "postgres://someone:hunter2%zz@127.0.0.1:1/nothing";
    assert_int_equal(pg_open(&options, &s, &f->e), ERR_INVALID);
    assert_null(strstr(f->e.text, "hunter2"));
    assert_null(s);
}

/* -- COPY ------------------------------------------------------------------------------------- */

static const char copy_out[] = "COPY (SELECT * FROM public.a) TO STDOUT (FORMAT binary)";
static const char copy_in[] = "COPY public.b FROM STDIN (FORMAT binary)";

static void make_tables(struct fixture *f, int rows)
{
    ASSERT_OK(f, pg_runf(f->s, &f->e,
                         "CREATE TABLE public.a (id int, t text);"
                         "CREATE TABLE public.b (id int PRIMARY KEY, t text);"
                         "INSERT INTO public.a SELECT x, repeat(x::text, 20)"
                         " FROM generate_series(1, %d) x",
                         rows));
}

static void what_is_copied_is_what_was_there(void **state)
{
    struct fixture *f = *state;
    int64_t rows = 0, bytes = 0;
    make_tables(f, 100000);
    /* A row that is larger than what is put together, between small ones. */
    ASSERT_OK(f, pg_run(f->s, "INSERT INTO public.a VALUES (0, repeat('x', 5000000))", &f->e));
    ASSERT_OK(f, pg_copy(f->s, copy_out, f->other, copy_in, NULL, NULL, &rows, &bytes, &f->e));
    assert_int_equal(rows, 100001);
    assert_true(bytes > 100000LL * 100);
    assert_string_equal(get(f, f->s, "SELECT count(*) FROM public.a JOIN public.b USING (id, t)"),
                        "100001");
}

static void an_empty_copy_is_one_too(void **state)
{
    struct fixture *f = *state;
    int64_t rows = -1, bytes = -1;
    make_tables(f, 0);
    ASSERT_OK(f, pg_copy(f->s, copy_out, f->other, copy_in, NULL, NULL, &rows, &bytes, &f->e));
    assert_int_equal(rows, 0);
}

static void assert_both_go_on(struct fixture *f)
{
    assert_string_equal(get(f, f->s, "SELECT 'source'"), "source");
    assert_string_equal(get(f, f->other, "SELECT count(*) FROM public.b"), "0");
}

static void a_target_that_refuses_ends_the_copy_early(void **state)
{
    struct fixture *f = *state;
    int64_t rows = -1, bytes = -1;
    make_tables(f, 60000);
    ASSERT_OK(f, pg_run(f->s, "UPDATE public.a SET id = 2 WHERE id = 1", &f->e));
    assert_int_equal(pg_copy(f->s, copy_out, f->other, copy_in, NULL, NULL, &rows, &bytes, &f->e),
                     ERR_CONFLICT);
    assert_string_equal(pg_sqlstate(f->other), "23505");
    assert_int_equal(rows, -1);
    assert_both_go_on(f);
}

static void a_source_that_fails_half_way_leaves_nothing_at_the_target(void **state)
{
    struct fixture *f = *state;
    int64_t rows = -1, bytes = -1;
    make_tables(f, 60000);
    static const char fails[] = "COPY (SELECT id, (100 / (id - 50000))::text FROM public.a)"
                                " TO STDOUT (FORMAT binary)";
    assert_int_equal(pg_copy(f->s, fails, f->other, copy_in, NULL, NULL, &rows, &bytes, &f->e),
                     ERR_INVALID);
    assert_string_equal(pg_sqlstate(f->s), "22012");
    assert_both_go_on(f);
}

static void a_copy_that_cannot_start_leaves_both_sessions_usable(void **state)
{
    struct fixture *f = *state;
    int64_t rows = -1, bytes = -1;
    make_tables(f, 60000);
    assert_int_equal(pg_copy(f->s, copy_out, f->other, "COPY public.missing FROM STDIN", NULL, NULL,
                             &rows, &bytes, &f->e),
                     ERR_NOT_FOUND);
    assert_both_go_on(f);
    assert_int_equal(pg_copy(f->s, "COPY public.missing TO STDOUT", f->other, copy_in, NULL, NULL,
                             &rows, &bytes, &f->e),
                     ERR_NOT_FOUND);
    assert_both_go_on(f);
}

static enum err stop_after_3_mb(void *ctx, int64_t rows, int64_t bytes, struct error *e)
{
    assert_true(rows > 0 && rows < bytes);
    *(int64_t *)ctx = bytes;
    return bytes > (3 << 20) ? error_set(e, ERR_BUSY, "enough") : OK;
}

static void who_is_asked_about_every_megabyte_ends_the_copy(void **state)
{
    struct fixture *f = *state;
    int64_t rows = -1, bytes = -1, seen = 0;
    make_tables(f, 60000);
    assert_int_equal(
        pg_copy(f->s, copy_out, f->other, copy_in, stop_after_3_mb, &seen, &rows, &bytes, &f->e),
        ERR_BUSY);
    assert_string_equal(f->e.text, "enough");
    assert_true(seen > (3 << 20) && seen < (5 << 20));
    assert_both_go_on(f);
}

static void a_copy_that_stands_still_ends_at_the_deadline(void **state)
{
    struct fixture *f = *state;
    int64_t rows = -1, bytes = -1;
    make_tables(f, 10);
    pg_set_deadline(f->other, monotonic_us() + 50 * USEC_PER_MS);
    assert_int_equal(pg_copy(f->s, "COPY (SELECT id, pg_sleep(1000)::text FROM public.a) TO STDOUT",
                             f->other, "COPY public.b FROM STDIN", NULL, NULL, &rows, &bytes,
                             &f->e),
                     ERR_TIMEOUT);
    pg_set_deadline(f->other, 0);
    assert_both_go_on(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_are_texts_and_null_is_null),
        TEST(more_rows_than_asked_for_are_refused_and_the_session_goes_on),
        TEST(several_statements_run_as_one_text_up_to_the_first_that_fails),
        TEST(names_and_literals_of_any_kind_are_quoted),
        TEST(nobodys_objects_come_before_the_servers),
        TEST(values_are_written_in_one_way_whatever_a_database_has_set),
        TEST(answers_of_several_sessions_are_taken_after_all_was_sent),
        TEST(programs_get_the_password_by_their_environment),
        TEST(a_statement_that_takes_too_long_is_cancelled_and_the_session_goes_on),
        TEST(a_sessions_timeout_is_of_each_statement),
        TEST(who_watches_ends_a_statement),
        TEST(a_session_whose_server_vanished_is_of_no_use_any_more),
        TEST(a_lock_that_is_kept_makes_busy),
        TEST(errors_do_not_tell_the_password),
        TEST(what_is_copied_is_what_was_there),
        TEST(an_empty_copy_is_one_too),
        TEST(a_target_that_refuses_ends_the_copy_early),
        TEST(a_source_that_fails_half_way_leaves_nothing_at_the_target),
        TEST(a_copy_that_cannot_start_leaves_both_sessions_usable),
        TEST(who_is_asked_about_every_megabyte_ends_the_copy),
        TEST(a_copy_that_stands_still_ends_at_the_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
