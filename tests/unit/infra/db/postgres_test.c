/* What only a server can do to us: vanish, lock, refuse. Run by tests/support/pgcluster.py. */
#include "check.h"

#include "base/clock.h"
#include "schema.h"
#include "testdb.h"
#include "things.sql.h"

#include <libpq-fe.h>
#include <pthread.h>

struct fixture {
    struct testdb t;
    struct error e;
    PGconn *other; /* a connection of the test's own to the same database */
};

/* For what things.sql cannot say, because SQLite could not prepare it. */
#define POSTGRES_QUERY(variable, sql)                                                              \
    static const struct db_query variable = {#variable, {[DB_POSTGRES] = (sql)}, 0}
POSTGRES_QUERY(session_durability, "SELECT current_setting('synchronous_commit')");

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    testdb_create(&f->t);
    testdb_open(&f->t, things_schema, things_schema_count);
    f->other = PQconnectdb(f->t.url);
    assert_int_equal(PQstatus(f->other), CONNECTION_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    PQfinish(f->other);
    testdb_remove(&f->t);
    free(f);
    return 0;
}

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
    db_close(f->t.db);
    f->t.db = NULL;
    struct db_options options = testdb_options(&f->t, things_schema, things_schema_count);
    options.busy_timeout_us = busy_timeout_us;
    ASSERT_OK(f, db_open(&options, &f->t.db, &f->e));
}

static enum err add_work(struct db_tx *tx, void *arg, struct error *e)
{
    return db_exec(tx, &thing_add, DB_ARGS(db_text(arg), db_text(arg)), NULL, e);
}

static enum err count_work(struct db_tx *tx, void *arg, struct error *e)
{
    return db_get_int(tx, &things_count, DB_NO_ARGS, arg, e);
}

static int64_t count_things(struct fixture *f)
{
    int64_t count = -1;
    ASSERT_OK(f, db_read(f->t.db, count_work, &count, &f->e));
    return count;
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(connections_that_ended_while_idle_are_made_again),
        TEST(work_that_lost_its_connection_runs_again_from_the_start),
        TEST(work_that_loses_every_connection_gives_up),
        TEST(a_connection_lost_during_the_commit_is_not_tried_again),
        TEST(a_server_that_cannot_be_reached_is_named_without_the_password),
        TEST(the_url_for_logs_has_no_password),
        TEST(a_lock_that_another_program_keeps_makes_writers_busy),
        TEST(commits_wait_for_the_disk_also_where_the_server_would_not),
        TEST(a_notification_is_heard_after_its_commit_and_after_a_lost_connection),
        TEST(a_schema_that_changed_under_a_prepared_statement_is_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
