/* What only a server can do to us: vanish, lock, refuse. Run by tests/support/pgcluster.py. */
#include "fixture.h"

#include "base/clock.h"
#include "schema.h"
#include "things.sql.h"

#include <libpq-fe.h>
#include <pthread.h>

/* For what things.sql cannot say, because SQLite could not prepare it. */
#define POSTGRES_QUERY(variable, sql)                                                              \
    static const struct db_query variable = {#variable, {[DB_POSTGRES] = (sql)}, 0}
POSTGRES_QUERY(session_durability, "SELECT current_setting('synchronous_commit')");

static int setup_both(void **state)
{
    (void)setup(state);
    struct fixture *f = *state;
    f->other = PQconnectdb(f->t.url);
    assert_int_equal(PQstatus(f->other), CONNECTION_OK);
    return 0;
}

static int teardown_both(void **state)
{
    struct fixture *f = *state;
    PQfinish(f->other);
    return teardown(state);
}

#define BOTH_TEST(name) cmocka_unit_test_setup_teardown(name, setup_both, teardown_both)

static void on_other(struct fixture *f, const char *sql)
{
    PGresult *result = PQexec(f->other, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    assert_true(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK);
}

/* Returns when they are gone. */
static void end_our_connections(struct fixture *f)
{
    on_other(f, "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
                " WHERE application_name = 'webhost' AND datname = current_database()");
}

static void reopen(struct fixture *f, int64_t busy_timeout_us)
{
    close_db(f);
    struct db_options options = testdb_options(&f->t, things_schema, things_schema_count);
    options.busy_timeout_us = busy_timeout_us;
    ASSERT_OK(f, db_open(&options, &f->t.db, &f->e));
}

/* -- lost connections ------------------------------------------------------------------------- */

static void connections_that_ended_while_idle_are_made_again(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(count_things(f), 0);
    end_our_connections(f);
    char id[] = "t1";
    ASSERT_OK(f, db_write(f->t.db, add_work, id, &f->e));
    end_our_connections(f);
    assert_int_equal(count_things(f), 1);
}

struct interrupted {
    struct fixture *f;
    int runs, interruptions;
};

static enum err interrupted_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct interrupted *i = arg;
    char id[16];
    (void)snprintf(id, sizeof(id), "%d", i->runs);
    TRY(add_work(tx, id, e));
    if (i->runs++ < i->interruptions)
        end_our_connections(i->f);
    return add_work(tx, (void *)(uintptr_t) "last", e);
}

static void work_that_lost_its_connection_runs_again_from_the_start(void **state)
{
    struct fixture *f = *state;
    struct interrupted i = {f, 0, 1};
    ASSERT_OK(f, db_write(f->t.db, interrupted_work, &i, &f->e));
    assert_int_equal(i.runs, 2);
    assert_int_equal(count_things(f), 2);
}

static void work_that_loses_every_connection_gives_up(void **state)
{
    struct fixture *f = *state;
    struct interrupted i = {f, 0, 1000};
    assert_int_equal(db_write(f->t.db, interrupted_work, &i, &f->e), ERR_UNAVAILABLE);
    assert_true(i.runs > 1 && i.runs < 10);
    assert_int_equal(count_things(f), 0);
}

/* A row that ends its own connection as it is committed. */
static const char ends_at_commit[] =
    "CREATE FUNCTION end_it() RETURNS trigger LANGUAGE plpgsql AS $$"
    " BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;"
    "CREATE CONSTRAINT TRIGGER end_it AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION end_it()";

static void a_connection_lost_during_the_commit_is_not_tried_again(void **state)
{
    struct fixture *f = *state;
    on_other(f, ends_at_commit);
    struct interrupted i = {f, 0, 0};
    assert_int_equal(db_write(f->t.db, interrupted_work, &i, &f->e), ERR_TIMEOUT);
    assert_non_null(strstr(f->e.text, "not known"));
    assert_int_equal(i.runs, 1);
    assert_int_equal(count_things(f), 0);
}

static void a_server_that_cannot_be_reached_is_named_without_the_password(void **state)
{
    struct fixture *f = *state;
    struct db_options options = testdb_options(&f->t, things_schema, things_schema_count);
    options.url = "postgres://someone:hunter2@127.0.0.1:1/nothing";
    struct db *db = NULL;
    assert_int_equal(db_open(&options, &db, &f->e), ERR_UNAVAILABLE);
    assert_null(db);
    assert_non_null(strstr(f->e.text, "postgres://someone@127.0.0.1:1/nothing"));
    assert_null(strstr(f->e.text, "hunter2"));
}

static void the_url_for_logs_has_no_password(void **state)
{
    struct fixture *f = *state;
    char url[600];
    /* The cluster trusts everybody, so any password will do. */
    const char *rest = strstr(f->t.url, "@");
    assert_non_null(rest);
    (void)snprintf(url, sizeof(url),
                   "postgres://postgres:hunter2%s?password=hunter3&sslmode=disable", rest);
    struct db_options options = testdb_options(&f->t, things_schema, things_schema_count);
    options.url = url;
    struct db *db = NULL;
    ASSERT_OK(f, db_open(&options, &db, &f->e));
    assert_null(strstr(db_url_redacted(db), "hunter"));
    assert_non_null(strstr(db_url_redacted(db), rest));
    assert_non_null(strstr(db_url_redacted(db), "sslmode=disable"));
    db_close(db);
}

/* -- waiting ---------------------------------------------------------------------------------- */

static void a_lock_that_another_program_keeps_makes_writers_busy(void **state)
{
    struct fixture *f = *state;
    reopen(f, 20 * USEC_PER_MS);
    on_other(f, "BEGIN; LOCK TABLE things IN ACCESS EXCLUSIVE MODE");
    char id[] = "t1";
    assert_int_equal(db_write(f->t.db, add_work, id, &f->e), ERR_BUSY);
    assert_non_null(strstr(f->e.text, "thing_add"));
    on_other(f, "COMMIT");
    ASSERT_OK(f, db_write(f->t.db, add_work, id, &f->e));
}

/* -- durability ------------------------------------------------------------------------------- */

static enum err durability_work(struct db_tx *tx, void *arg, struct error *e)
{
    const char *setting = NULL;
    TRY(db_get_text(tx, &session_durability, DB_NO_ARGS, arg, &setting, e));
    assert_string_equal(setting, "on");
    return OK;
}

static void commits_wait_for_the_disk_also_where_the_server_would_not(void **state)
{
    struct fixture *f = *state;
    char sql[200];
    (void)snprintf(sql, sizeof(sql), "ALTER DATABASE %s SET synchronous_commit = off", f->t.name);
    on_other(f, sql);
    reopen(f, USEC_PER_SEC);
    _cleanup_arena_ struct arena arena = {0};
    ASSERT_OK(f, db_write(f->t.db, durability_work, &arena, &f->e));
}

/* -- what others do to our statements ---------------------------------------------------------- */

static enum err read_all_columns(struct db_tx *tx, void *arg, struct error *e)
{
    (void)arg;
    return db_exec(tx, &thing_read, DB_ARGS(db_text("t1")), NULL, e);
}

static void a_schema_that_changed_under_a_prepared_statement_is_no_error(void **state)
{
    struct fixture *f = *state;
    ASSERT_OK(f, db_write(f->t.db, read_all_columns, NULL, &f->e));
    on_other(f, "ALTER TABLE things ADD COLUMN later BIGINT");
    ASSERT_OK(f, db_write(f->t.db, read_all_columns, NULL, &f->e));
}

/* -- the pipeline ----------------------------------------------------------------------------- */

#define POSTGRES_QUERY_1(variable, sql)                                                            \
    static const struct db_query variable = {#variable, {[DB_POSTGRES] = (sql)}, 1}
POSTGRES_QUERY_1(echo, "SELECT CAST($1 AS TEXT)");
POSTGRES_QUERY_1(echo_twice, "SELECT CAST($1 AS TEXT) || CAST($1 AS TEXT)");
POSTGRES_QUERY_1(never_reached, "SELECT upper(CAST($1 AS TEXT))");

static void post_add(struct db_tx *tx, const char *id)
{
    db_post(tx, &thing_add, DB_ARGS(db_text(id), db_text(id)), NULL);
}

static enum err post_a_duplicate(struct db_tx *tx, void *arg, struct error *e)
{
    const enum err *result = arg;
    post_add(tx, "t1");
    post_add(tx, "t1");
    db_post(tx, &never_reached, DB_ARGS(db_text("x")), NULL);
    return *result == OK ? OK : error_set(e, *result, "the work's own");
}

static void a_posted_statement_that_fails_is_the_one_named(void **state)
{
    struct fixture *f = *state;
    enum err results[] = {OK, ERR_DENIED}; /* it came before what the work says */
    for (size_t i = 0; i < ARRAY_LEN(results); i++) {
        assert_int_equal(db_write(f->t.db, post_a_duplicate, &results[i], &f->e), ERR_CONFLICT);
        assert_non_null(strstr(f->e.text, "thing_add"));
    }
    assert_int_equal(count_things(f), 0);
}

static enum err run_never_reached(struct db_tx *tx, void *arg, struct error *e)
{
    const char *text;
    TRY(db_get_text(tx, &never_reached, DB_ARGS(db_text("x")), arg, &text, e));
    assert_string_equal(text, "X");
    return OK;
}

static void a_statement_whose_preparation_was_skipped_is_prepared_again(void **state)
{
    struct fixture *f = *state;
    enum err result = OK;
    reopen(f, USEC_PER_SEC);
    assert_int_equal(db_write(f->t.db, post_a_duplicate, &result, &f->e), ERR_CONFLICT);
    _cleanup_arena_ struct arena arena = {0};
    ASSERT_OK(f, db_write(f->t.db, run_never_reached, &arena, &f->e));
}

static enum err wait_behind_a_duplicate(struct db_tx *tx, void *arg, struct error *e)
{
    post_add(tx, "t1");
    post_add(tx, "t1");
    struct error why;
    assert_int_equal(db_get_int(tx, &things_count, DB_NO_ARGS, arg, &why), ERR_CONFLICT);
    assert_non_null(strstr(why.text, "thing_add"));
    assert_int_equal(db_settle(tx, e), ERR_CONFLICT);
    return OK; /* to no avail */
}

static void a_statement_behind_one_that_failed_repeats_its_error(void **state)
{
    struct fixture *f = *state;
    int64_t count = 4711;
    assert_int_equal(db_write(f->t.db, wait_behind_a_duplicate, &count, &f->e), ERR_CONFLICT);
    assert_int_equal(count, 4711);
    assert_int_equal(count_things(f), 0);
}

enum { LARGE = 4 << 20, LARGE_COUNT = 6 };

static enum err large_work(struct db_tx *tx, void *arg, struct error *e)
{
    char *large = malloc(LARGE + 1);
    assert_non_null(large);
    memset(large, 'x', LARGE);
    large[LARGE] = '\0';
    for (int i = 0; i < LARGE_COUNT; i++)
        db_post(tx, &echo, DB_ARGS(db_text(large)), NULL);
    const char *text = NULL;
    enum err rc = db_get_text(tx, &echo_twice, DB_ARGS(db_text(large)), arg, &text, e);
    free(large);
    assert_true(rc != OK || strlen(text) == 2 * (size_t)LARGE);
    return rc;
}

static void large_statements_with_large_answers_do_not_block_each_other(void **state)
{
    struct fixture *f = *state;
    _cleanup_arena_ struct arena arena = {0};
    ASSERT_OK(f, db_write(f->t.db, large_work, &arena, &f->e));
}

struct loser {
    struct fixture *f;
    int runs;
    int64_t changes;
};

/* What it read is changed by another before it writes: SERIALIZABLE must not let that pass. */
static enum err lose_once(struct db_tx *tx, void *arg, struct error *e)
{
    struct loser *l = arg;
    int64_t value;
    TRY(db_get_int(tx, &counter_read, DB_ARGS(db_text("a")), &value, e));
    if (l->runs++ == 0)
        on_other(l->f, "UPDATE counters SET value = value + 10 WHERE name = 'a'");
    db_post(tx, &counter_write, DB_ARGS(db_text("a"), db_int(value + 1)), &l->changes);
    return OK;
}

static void work_whose_posted_statement_lost_against_another_runs_again(void **state)
{
    struct fixture *f = *state;
    struct loser l = {f, 0, -1};
    ASSERT_OK(f, db_write(f->t.db, lose_once, &l, &f->e));
    assert_int_equal(l.runs, 2);
    assert_int_equal(l.changes, 1);
    on_other(f, "DO $$ BEGIN IF (SELECT value FROM counters WHERE name = 'a') <> 11 THEN"
                " RAISE 'lost'; END IF; END $$");
}

static enum err lose_in_the_middle(struct db_tx *tx, void *arg, struct error *e)
{
    struct interrupted *i = arg;
    post_add(tx, "t1");
    TRY(db_settle(tx, e));
    post_add(tx, "t2");
    if (i->runs++ < i->interruptions)
        end_our_connections(i->f);
    post_add(tx, "t3");
    return OK;
}

static void a_connection_lost_before_the_commit_is_sent_leaves_no_doubt(void **state)
{
    struct fixture *f = *state;
    struct interrupted i = {f, 0, 1};
    ASSERT_OK(f, db_write(f->t.db, lose_in_the_middle, &i, &f->e));
    assert_int_equal(i.runs, 2);
    assert_int_equal(count_things(f), 3);
}

/* -- being told ------------------------------------------------------------------------------- */

struct ear {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int heard;
};

static void heard(void *arg)
{
    struct ear *ear = arg;
    pthread_mutex_lock(&ear->lock);
    ear->heard++;
    pthread_cond_broadcast(&ear->changed);
    pthread_mutex_unlock(&ear->lock);
}

/* Waits until it has heard so often; tells how often it has. */
static int wait_heard(struct ear *ear, int times)
{
    pthread_mutex_lock(&ear->lock);
    while (ear->heard < times)
        pthread_cond_wait(&ear->changed, &ear->lock);
    int now = ear->heard;
    pthread_mutex_unlock(&ear->lock);
    return now;
}

static enum err notify_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct ear *ear = arg;
    db_notify(tx, "test \"channel\"");
    pthread_mutex_lock(&ear->lock);
    bool early = ear->heard > 1;
    pthread_mutex_unlock(&ear->lock);
    return early ? error_set(e, ERR_CONFLICT, "heard before the commit") : OK;
}

static enum err notify_and_fail(struct db_tx *tx, void *arg, struct error *e)
{
    TRY(notify_work(tx, arg, e));
    return error_set(e, ERR_DENIED, "undone");
}

static void a_notification_is_heard_after_its_commit_and_after_a_lost_connection(void **state)
{
    struct fixture *f = *state;
    struct ear ear = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct db_listener *listener = db_listen(f->t.db, "test \"channel\"", heard, &ear);
    assert_non_null(listener);
    assert_int_equal(wait_heard(&ear, 1), 1); /* it listens */
    assert_int_equal(db_write(f->t.db, notify_and_fail, &ear, &f->e), ERR_DENIED);
    ASSERT_OK(f, db_write(f->t.db, notify_work, &ear, &f->e));
    assert_int_equal(wait_heard(&ear, 2), 2); /* the one that was undone is not heard */
    int before = wait_heard(&ear, 2);
    on_other(f, "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()");
    before = wait_heard(&ear, before + 1); /* something may have been missed */
    on_other(f, "NOTIFY \"test \"\"channel\"\"\"");
    (void)wait_heard(&ear, before + 1);
    db_listener_stop(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_TEST(connections_that_ended_while_idle_are_made_again),
        BOTH_TEST(work_that_lost_its_connection_runs_again_from_the_start),
        BOTH_TEST(work_that_loses_every_connection_gives_up),
        BOTH_TEST(a_connection_lost_during_the_commit_is_not_tried_again),
        BOTH_TEST(a_server_that_cannot_be_reached_is_named_without_the_password),
        BOTH_TEST(the_url_for_logs_has_no_password),
        BOTH_TEST(a_lock_that_another_program_keeps_makes_writers_busy),
        BOTH_TEST(commits_wait_for_the_disk_also_where_the_server_would_not),
        BOTH_TEST(a_notification_is_heard_after_its_commit_and_after_a_lost_connection),
        BOTH_TEST(a_schema_that_changed_under_a_prepared_statement_is_no_error),
        BOTH_TEST(a_posted_statement_that_fails_is_the_one_named),
        BOTH_TEST(a_statement_whose_preparation_was_skipped_is_prepared_again),
        BOTH_TEST(a_statement_behind_one_that_failed_repeats_its_error),
        BOTH_TEST(large_statements_with_large_answers_do_not_block_each_other),
        BOTH_TEST(work_whose_posted_statement_lost_against_another_runs_again),
        BOTH_TEST(a_connection_lost_before_the_commit_is_sent_leaves_no_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
