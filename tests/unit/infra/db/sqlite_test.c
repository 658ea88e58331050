/* What only SQLite can show: shared commits, several processes on one file, crashes. */
#include "fixture.h"

#include "base/clock.h"
#include "infra/db/snapshot.h"
#include "schema.h"
#include "things.sql.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static enum err increment(struct db_tx *tx, void *arg, struct error *e)
{
    int64_t value;
    TRY(db_get_int(tx, &counter_read, DB_ARGS(db_text(arg)), &value, e));
    return db_exec(tx, &counter_write, DB_ARGS(db_text(arg), db_int(value + 1)), NULL, e);
}

static enum err count_work(struct db_tx *tx, void *arg, struct error *e)
{
    return db_get_int(tx, &things_count, DB_NO_ARGS, arg, e);
}

static enum err value_work(struct db_tx *tx, void *arg, struct error *e)
{
    return db_get_int(tx, &counter_read, DB_ARGS(db_text("a")), arg, e);
}

/* -- shared commits --------------------------------------------------------------------------- */

enum { THREADS = 8, ROUNDS_MAX = 2000 };

struct member {
    struct db *db;
    pthread_barrier_t *start;
    db_work *failing; /* what the work ends with; NULL: nothing, it succeeds */
    char id[16];
    bool shared; /* another thread ran the work */
    pthread_t owner;
    enum err rc;
};

static enum err member_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct member *m = arg;
    m->shared = !pthread_equal(pthread_self(), m->owner);
    TRY(add_work(tx, m->id, e));
    return m->failing ? m->failing(tx, m->id, e) : OK;
}

static void *member_thread(void *arg)
{
    struct member *m = arg;
    m->owner = pthread_self();
    (void)pthread_barrier_wait(m->start);
    m->rc = db_write(m->db, member_work, m, NULL);
    return NULL;
}

/* True when a work that fails shared a commit with one that does not. */
static bool write_together(struct fixture *f, int round, db_work *failing, enum err expected)
{
    struct member members[THREADS];
    pthread_t threads[THREADS];
    pthread_barrier_t start;
    assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++) {
        members[i] = (struct member){
            .db = f->t.db,
            .start = &start,
            .failing = i % 2 == 1 ? failing : NULL,
        };
        (void)snprintf(members[i].id, sizeof(members[i].id), "%d-%d", round, i);
        assert_int_equal(pthread_create(&threads[i], NULL, member_thread, &members[i]), 0);
    }
    bool failed_shared = false, kept_shared = false;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(members[i].rc, members[i].failing ? expected : OK);
        failed_shared |= members[i].failing && members[i].shared;
        kept_shared |= !members[i].failing && members[i].shared;
    }
    assert_int_equal(pthread_barrier_destroy(&start), 0);
    return failed_shared && kept_shared;
}

/* Which threads share a commit is up to the scheduler, so there are rounds until some did. */
static void check_undone_alone(struct fixture *f, db_work *failing, enum err expected)
{
    int rounds = 0;
    bool shared = false;
    while (!shared && rounds < ROUNDS_MAX)
        shared = write_together(f, rounds++, failing, expected);
    assert_true(shared);
    assert_int_equal(count_things(f), rounds * THREADS / 2);
}

static enum err refuse(struct db_tx *tx, void *arg, struct error *e)
{
    (void)tx;
    (void)arg;
    return error_set(e, ERR_DENIED, "as it should");
}

static void failed_work_in_a_shared_commit_undoes_only_itself(void **state)
{
    check_undone_alone(*state, refuse, ERR_DENIED);
}

static const char deferred_schema[] =
    "CREATE TABLE parents (id TEXT PRIMARY KEY);"
    "CREATE TABLE children (id TEXT PRIMARY KEY,"
    " parent_id TEXT REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)";

static const struct db_query child_add = {
    "child_add",
    {[DB_SQLITE] = "INSERT INTO children VALUES (?1, 'nobody')"},
    1,
};

static enum err add_orphan(struct db_tx *tx, void *arg, struct error *e)
{
    return db_exec(tx, &child_add, DB_ARGS(db_text(arg)), NULL, e);
}

static void a_deferred_foreign_key_fails_its_own_work_not_the_shared_commit(void **state)
{
    struct fixture *f = *state;
    close_db(f);
    const struct db_migration migrations[] = {
        things_schema[0],
        things_schema[1],
        {"0003-deferred", {[DB_SQLITE] = deferred_schema}},
    };
    testdb_open(&f->t, migrations, ARRAY_LEN(migrations));
    check_undone_alone(f, add_orphan, ERR_CONFLICT);
}

/* -- crashes ---------------------------------------------------------------------------------- */

/* Writes rows for ever and says of each when it is committed. */
static _Noreturn void write_until_killed(struct fixture *f, int report)
{
    testdb_open(&f->t, things_schema, things_schema_count);
    for (int i = 0;; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "%d", i);
        if (db_write(f->t.db, add_work, id, NULL) != OK || write(report, "x", 1) != 1)
            _exit(1);
    }
}

static void what_was_committed_survives_the_death_of_its_process(void **state)
{
    struct fixture *f = *state;
    close_db(f);
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(fds[0]);
        write_until_killed(f, fds[1]);
    }
    (void)close(fds[1]);

    enum { BEFORE_THE_KILL = 200 };
    int64_t reported = 0;
    char buf[64];
    ssize_t n;
    while ((n = read(fds[0], buf, sizeof(buf))) > 0) {
        bool enough = reported >= BEFORE_THE_KILL;
        reported += n;
        if (!enough && reported >= BEFORE_THE_KILL)
            assert_int_equal(kill(child, SIGKILL), 0);
    }
    (void)close(fds[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

    testdb_open(&f->t, things_schema, things_schema_count);
    int64_t found = count_things(f);
    assert_true(found == reported || found == reported + 1); /* committed, not reported yet */
    ASSERT_OK(f, db_write(f->t.db, add_work, (void *)(uintptr_t) "after", &f->e));
}

/* -- several processes ------------------------------------------------------------------------ */

enum { PROCESSES = 3, INCREMENTS = 100 };

static void increment_often(struct fixture *f)
{
    testdb_open(&f->t, things_schema, things_schema_count);
    for (int i = 0; i < INCREMENTS; i++) {
        if (db_write(f->t.db, increment, (void *)(uintptr_t) "a", &f->e) != OK) {
            (void)fprintf(stderr, "%s\n", f->e.text);
            _exit(1);
        }
    }
    close_db(f);
}

static void several_processes_write_and_lose_nothing(void **state)
{
    struct fixture *f = *state;
    close_db(f);
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            increment_often(f);
            _exit(0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    testdb_open(&f->t, things_schema, things_schema_count);
    int64_t value;
    ASSERT_OK(f, db_read(f->t.db, value_work, &value, &f->e));
    assert_int_equal(value, PROCESSES * INCREMENTS);
}

/* Opens again with so short a patience that a test need not wait. */
static void open_impatiently(struct fixture *f)
{
    close_db(f);
    struct db_options options = testdb_options(&f->t, things_schema, things_schema_count);
    options.busy_timeout_us = 10 * USEC_PER_MS;
    ASSERT_OK(f, db_open(&options, &f->t.db, &f->e));
}

static void a_process_that_keeps_writing_makes_others_busy(void **state)
{
    struct fixture *f = *state;
    open_impatiently(f);
    char lock_path[300];
    (void)snprintf(lock_path, sizeof(lock_path), "%s-lock", f->t.path);
    int fd = open(lock_path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    char id[] = "t1";
    assert_int_equal(db_write(f->t.db, add_work, id, &f->e), ERR_BUSY);
    assert_non_null(strstr(f->e.text, f->t.path));
    assert_int_equal(count_things(f), 0); /* readers do not care */
    (void)close(fd);
    ASSERT_OK(f, db_write(f->t.db, add_work, id, &f->e));
}

static void another_program_that_holds_the_database_makes_writers_busy(void **state)
{
    struct fixture *f = *state;
    open_impatiently(f);
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(f->t.path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    char id[] = "t1";
    assert_int_equal(db_write(f->t.db, add_work, id, &f->e), ERR_BUSY);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    ASSERT_OK(f, db_write(f->t.db, add_work, id, &f->e));
}

struct all_busy {
    struct fixture *f;
    pthread_barrier_t taken;
    enum err rc;
};

static enum err hold_reader(struct db_tx *tx, void *arg, struct error *e)
{
    (void)tx;
    (void)e;
    struct all_busy *all = arg;
    (void)pthread_barrier_wait(&all->taken); /* all readers are taken */
    (void)pthread_barrier_wait(&all->taken); /* the test is done */
    return OK;
}

static void *hold_reader_thread(void *arg)
{
    struct all_busy *all = arg;
    return db_read(all->f->t.db, hold_reader, all, NULL) == OK ? NULL : arg;
}

static void when_all_readers_are_taken_the_next_is_busy(void **state)
{
    struct fixture *f = *state;
    open_impatiently(f);
    enum { READERS = 4 }; /* testdb_options() */
    struct all_busy all = {.f = f};
    assert_int_equal(pthread_barrier_init(&all.taken, NULL, READERS + 1), 0);
    pthread_t threads[READERS];
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hold_reader_thread, &all), 0);
    (void)pthread_barrier_wait(&all.taken);
    int64_t count;
    assert_int_equal(db_read(f->t.db, count_work, &count, &f->e), ERR_BUSY);
    (void)pthread_barrier_wait(&all.taken);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(pthread_barrier_destroy(&all.taken), 0);
    assert_int_equal(count_things(f), 0);
}

/* -- files ------------------------------------------------------------------------------------ */

static void a_new_database_is_for_its_owner_only(void **state)
{
    struct fixture *f = *state;
    char id[] = "t1";
    ASSERT_OK(f, db_write(f->t.db, add_work, id, &f->e));
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char path[300];
        struct stat st;
        (void)snprintf(path, sizeof(path), "%s%s", f->t.path, suffixes[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void a_file_that_is_no_database_is_corrupt(void **state)
{
    struct fixture *f = *state;
    close_db(f);
    int fd = open(f->t.path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(write(fd, "not a database\n", 15), 15);
    (void)close(fd);
    struct db_options options = testdb_options(&f->t, things_schema, things_schema_count);
    struct db *db = NULL;
    assert_int_equal(db_open(&options, &db, &f->e), ERR_CORRUPT);
    assert_non_null(strstr(f->e.text, f->t.path));
    assert_null(db);
}

static void a_database_in_a_missing_directory_is_an_io_error(void **state)
{
    struct fixture *f = *state;
    struct db_options options = testdb_options(&f->t, things_schema, things_schema_count);
    options.url = "sqlite:/nonexistent/dir/x.db";
    struct db *db = NULL;
    assert_int_equal(db_open(&options, &db, &f->e), ERR_IO);
    assert_non_null(strstr(f->e.text, "/nonexistent/dir/x.db"));
    options.url = "sqlite:";
    assert_int_equal(db_open(&options, &db, &f->e), ERR_INVALID);
}

static off_t wal_size(struct fixture *f)
{
    char path[300];
    struct stat st;
    (void)snprintf(path, sizeof(path), "%s-wal", f->t.path);
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

enum { LARGE = 100 * 1024 };

static enum err set_large_tags(struct db_tx *tx, void *arg, struct error *e)
{
    return db_exec(tx, &thing_set_tags, DB_ARGS(db_text("t1"), db_text(arg)), NULL, e);
}

static void the_write_ahead_log_starts_over_instead_of_growing(void **state)
{
    struct fixture *f = *state;
    char id[] = "t1";
    ASSERT_OK(f, db_write(f->t.db, add_work, id, &f->e));
    char *large = malloc(LARGE + 1);
    assert_non_null(large);
    large[LARGE] = '\0';
    enum { WRITES = 300 };
    for (int i = 0; i < WRITES; i++) {
        /* SQLite does not write pages that stay the same. */
        memset(large, 'a' + i % 26, LARGE);
        ASSERT_OK(f, db_write(f->t.db, set_large_tags, large, &f->e));
    }
    free(large);
    assert_true(wal_size(f) < (off_t)WRITES * LARGE / 4);
}

/* In a process of its own, whose files may not grow. */
static void fill_the_disk(struct fixture *f, size_t size)
{
    testdb_open(&f->t, things_schema, things_schema_count);
    char id[] = "t1", later[] = "t2";
    assert_int_equal(db_write(f->t.db, add_work, id, &f->e), OK);
    char *large = malloc(size + 1);
    assert_non_null(large);
    memset(large, 'x', size);
    large[size] = '\0';
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {.rlim_cur = 20 * LARGE, .rlim_max = RLIM_INFINITY};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(db_write(f->t.db, set_large_tags, large, &f->e), ERR_IO);
    free(large);
    assert_int_equal(db_write(f->t.db, add_work, later, &f->e), OK);
    assert_int_equal(count_things(f), 2);
    close_db(f);
}

static void check_full_disk(struct fixture *f, size_t size)
{
    close_db(f);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        fill_the_disk(f, size);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    testdb_open(&f->t, things_schema, things_schema_count);
    assert_int_equal(count_things(f), 2);
}

static void a_disk_that_is_full_at_the_commit_fails_the_work_and_the_next_goes_on(void **state)
{
    check_full_disk(*state, 50 * LARGE);
}

/* More than the page cache holds is written out before the commit. */
static void a_disk_that_is_full_before_the_commit_fails_the_work_and_the_next_goes_on(void **state)
{
    check_full_disk(*state, 250 * LARGE);
}

/* -- snapshots -------------------------------------------------------------------------------- */

static void a_snapshot_sees_its_moment_in_every_call_and_nothing_later(void **state)
{
    struct fixture *f = *state;
    struct db_snapshot *snapshot;
    int64_t seen;
    assert_int_equal(db_snapshot_open(f->t.db, &snapshot, &f->e), OK);
    assert_int_equal(db_write(f->t.db, add_work, (void *)"before", &f->e), OK);
    assert_int_equal(db_snapshot_freeze(snapshot, &f->e), OK);
    for (int i = 0; i < 3; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "after-%d", i);
        assert_int_equal(db_write(f->t.db, add_work, id, &f->e), OK);
        assert_int_equal(db_snapshot_read(snapshot, count_work, &seen, &f->e), OK);
        assert_int_equal(seen, 1);
        assert_int_equal(count_things(f), i + 2);
    }
    db_snapshot_close(snapshot);
    db_snapshot_close(NULL);
}

static void a_snapshot_outlives_work_that_failed_in_it(void **state)
{
    struct fixture *f = *state;
    struct db_snapshot *snapshot;
    int64_t seen;
    assert_int_equal(db_snapshot_open(f->t.db, &snapshot, &f->e), OK);
    assert_int_equal(db_snapshot_freeze(snapshot, &f->e), OK);
    assert_int_equal(db_write(f->t.db, add_work, (void *)"after", &f->e), OK);
    assert_int_not_equal(db_snapshot_read(snapshot, add_work, (void *)"by-a-reader", &f->e), OK);
    assert_int_equal(db_snapshot_read(snapshot, count_work, &seen, &f->e), OK);
    assert_int_equal(seen, 0);
    db_snapshot_close(snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(failed_work_in_a_shared_commit_undoes_only_itself),
        TEST(a_deferred_foreign_key_fails_its_own_work_not_the_shared_commit),
        TEST(what_was_committed_survives_the_death_of_its_process),
        TEST(several_processes_write_and_lose_nothing),
        TEST(a_process_that_keeps_writing_makes_others_busy),
        TEST(another_program_that_holds_the_database_makes_writers_busy),
        TEST(when_all_readers_are_taken_the_next_is_busy),
        TEST(a_new_database_is_for_its_owner_only),
        TEST(a_file_that_is_no_database_is_corrupt),
        TEST(a_database_in_a_missing_directory_is_an_io_error),
        TEST(the_write_ahead_log_starts_over_instead_of_growing),
        TEST(a_disk_that_is_full_at_the_commit_fails_the_work_and_the_next_goes_on),
        TEST(a_disk_that_is_full_before_the_commit_fails_the_work_and_the_next_goes_on),
        TEST(a_snapshot_sees_its_moment_in_every_call_and_nothing_later),
        TEST(a_snapshot_outlives_work_that_failed_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
