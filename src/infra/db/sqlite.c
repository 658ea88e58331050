/*
 * SQLite: one connection that writes, several that read, one commit for many writers.
 *
 * SQLite before 3.51.3 can lose committed pages when one connection resets the write-ahead log
 * while another checkpoints or writes. So one connection of this process does all the writing and
 * all the checkpoints, one after the other, and it does them under an advisory lock on the file
 * PATH-lock, so that two processes on one database take turns too. Readers never checkpoint, also
 * not when they are closed. (The sqlite3 shell does not know the lock: use it to read only.)
 *
 * Group commit: a thread that wants to write puts a request in the queue. Whoever finds nobody
 * leading becomes the leader: it runs all queued work in one transaction, each in a savepoint,
 * commits once, wakes the others, and hands the lead to the first of those who came meanwhile. The
 * disk is waited for once per group, and the group is as large as the disk is slow.
 */
#include "infra/db/snapshot.h"
#include "infra/db/sqlite_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/file.h>

enum {
    GROUP_MAX = 256,               /* requests in one commit: nobody waits for ever */
    CHECKPOINT_PAGES = 1000,       /* of WAL, then what readers allow is copied back */
    WAL_RESTART_PAGES = 16 * 1024, /* of WAL, then readers are waited for, so that it starts over */
    WAL_RESTART_WAIT_MS = 200,
};

struct request {
    db_work *work;
    void *arg;
    struct error error; /* code OK: committed */
    struct request *next;
    pthread_cond_t wake; /* signalled when `done` or `leads` was set */
    bool done, leads;
};

struct sqlite_db {
    struct db db; /* first: see driver.h */
    char *path, *lock_path;
    int lock_fd;
    int64_t busy_timeout_us;

    pthread_mutex_t lock; /* guards the five below, and `done` and `leads` of requests */
    pthread_cond_t quiet; /* nobody is in sqlite_write() */
    struct request *queue, **queue_end;
    size_t writers; /* threads in sqlite_write() */
    bool led;

    /* The leader's. */
    struct sqlite_conn writer;
    int wal_pages;      /* after the last commit */
    int wal_restart_at; /* pages */

    struct db_pool *pool;
    struct sqlite_conn *readers;
    size_t reader_count;
};

#define CONTROL(variable, sql) static const struct db_query variable = {sql, {[DB_SQLITE] = sql}, 0}
CONTROL(begin_write, "BEGIN IMMEDIATE");
CONTROL(begin_read, "BEGIN");
CONTROL(look, "SELECT count(*) FROM sqlite_schema");
CONTROL(commit, "COMMIT");
CONTROL(rollback, "ROLLBACK");
CONTROL(savepoint, "SAVEPOINT work");
CONTROL(savepoint_keep, "RELEASE work");
CONTROL(savepoint_undo, "ROLLBACK TO work");

static struct sqlite_db *sqlite_of(struct db *db)
{
    return (struct sqlite_db *)db;
}

/* -- the lock between processes ------------------------------------------------------------- */

static enum err lock_writing(struct sqlite_db *s, struct error *e)
{
    struct db_wait wait = db_wait_start(s->busy_timeout_us, 500, 20 * 1000);
    while (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return error_errno(e, "cannot lock %s", s->lock_path);
        if (!db_wait(&wait))
            return error_set(e, ERR_BUSY,
                             "another process kept writing to the database %s for %" PRId64
                             " ms; try again later",
                             s->path, s->busy_timeout_us / 1000);
    }
    return OK;
}

static void unlock_writing(struct sqlite_db *s)
{
    BUG_ON(flock(s->lock_fd, LOCK_UN) != 0);
}

/* -- checkpoints ---------------------------------------------------------------------------- */

static int note_wal_pages(void *arg, sqlite3 *handle, const char *schema, int pages)
{
    (void)handle;
    (void)schema;
    struct sqlite_db *s = arg;
    s->wal_pages = pages;
    return SQLITE_OK;
}

/*
 * A checkpoint that fails loses nothing: what is in the WAL stays there and the next one tries
 * again, so its errors are not anybody's. Where readers never leave a moment without a snapshot the
 * WAL would grow for ever: past a length, new ones are held up until it can start over.
 */
static void checkpoint(struct sqlite_db *s)
{
    sqlite3 *handle = s->writer.handle;
    if (s->wal_pages < CHECKPOINT_PAGES)
        return;
    int pages = s->wal_pages;
    if (pages < s->wal_restart_at) {
        (void)sqlite3_wal_checkpoint_v2(handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        return;
    }
    (void)sqlite3_busy_timeout(handle, WAL_RESTART_WAIT_MS);
    int rc = sqlite3_wal_checkpoint_v2(handle, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    (void)sqlite3_busy_timeout(handle, (int)(s->busy_timeout_us / 1000));
    s->wal_restart_at = rc == SQLITE_OK ? WAL_RESTART_PAGES : pages + WAL_RESTART_PAGES;
}

/* -- group commit --------------------------------------------------------------------------- */

/*
 * A deferred foreign key would fail the COMMIT, that is everybody in the group, so it is looked for
 * while it can still be undone alone.
 */
static enum err check_foreign_keys(struct sqlite_db *s, struct error *e)
{
    int open_violations = 0, unused;
    (void)sqlite3_db_status(s->writer.handle, SQLITE_DBSTATUS_DEFERRED_FKS, &open_violations,
                            &unused, 0);
    if (open_violations == 0)
        return OK;
    return error_set(e, ERR_CONFLICT, "FOREIGN KEY constraint failed on the database %s", s->path);
}

/* False when the transaction is gone, and with it what the requests before this one did. */
static bool run_request(struct sqlite_db *s, struct request *r)
{
    struct sqlite_conn *writer = &s->writer;
    if (sqlite_conn_run(writer, &savepoint, &r->error) != OK)
        return false;
    enum err rc = db_run_work(&writer->tx, r->work, r->arg, &r->error);
    if (rc == OK)
        rc = check_foreign_keys(s, &r->error);
    r->error.code = rc;
    /* A full disk and the like make SQLite roll back everything. */
    if (sqlite3_get_autocommit(writer->handle))
        return false;
    struct error undo_error;
    if (rc != OK && sqlite_conn_run(writer, &savepoint_undo, &undo_error) != OK) {
        r->error = undo_error;
        return false;
    }
    return sqlite_conn_run(writer, &savepoint_keep, rc == OK ? &r->error : &undo_error) == OK;
}

/* Everybody who has no error of their own gets this one. */
static void fail_group(struct request *group, const struct error *error)
{
    for (struct request *r = group; r; r = r->next) {
        if (r->error.code == OK)
            r->error = *error;
    }
}

/* Each request has its result afterwards. */
static void commit_group(struct sqlite_db *s, struct request *group)
{
    struct sqlite_conn *writer = &s->writer;
    struct error error;
    if (sqlite_conn_run(writer, &begin_write, &error) != OK) {
        fail_group(group, &error);
        return;
    }
    for (struct request *r = group; r; r = r->next) {
        if (!run_request(s, r)) {
            BUG_ON(r->error.code == OK);
            error = r->error;
            goto undo;
        }
    }
    if (sqlite_conn_run(writer, &commit, &error) == OK)
        return;
undo:
    if (!sqlite3_get_autocommit(writer->handle)) {
        struct error ignored; /* the first error says why */
        (void)sqlite_conn_run(writer, &rollback, &ignored);
        BUG_ON(!sqlite3_get_autocommit(writer->handle));
    }
    fail_group(group, &error);
}

/* Called and returns with the lock held. */
static struct request *take_group(struct sqlite_db *s)
{
    struct request *group = s->queue, *last = group;
    for (size_t n = 1; n < GROUP_MAX && last->next; n++)
        last = last->next;
    s->queue = last->next;
    last->next = NULL;
    if (!s->queue)
        s->queue_end = &s->queue;
    return group;
}

/* Called and returns with the lock held. */
static void wake_group(struct request *group, const struct request *self)
{
    while (group) {
        /* Once `done` is seen its owner returns, and the request is gone. */
        struct request *next = group->next;
        group->done = true;
        if (group != self)
            pthread_cond_signal(&group->wake);
        group = next;
    }
}

/* Called and returns with the lock held; `self` is the first in the queue. */
static void lead(struct sqlite_db *s, const struct request *self)
{
    struct request *group = take_group(s);
    BUG_ON(group != self);
    pthread_mutex_unlock(&s->lock);

    struct error error;
    bool locked = lock_writing(s, &error) == OK;
    if (locked)
        commit_group(s, group);
    else
        fail_group(group, &error);

    pthread_mutex_lock(&s->lock);
    wake_group(group, self);
    pthread_mutex_unlock(&s->lock);

    if (locked) {
        checkpoint(s);
        unlock_writing(s);
    }

    pthread_mutex_lock(&s->lock);
    if (s->queue) {
        s->queue->leads = true;
        pthread_cond_signal(&s->queue->wake);
    } else {
        s->led = false;
    }
}

static enum err sqlite_write(struct db *db, bool relaxed, db_work *work, void *arg, struct error *e)
{
    (void)relaxed; /* writers are alone here */
    struct sqlite_db *s = sqlite_of(db);
    struct request r = {.work = work, .arg = arg};
    BUG_ON(pthread_cond_init(&r.wake, NULL) != 0);

    pthread_mutex_lock(&s->lock);
    s->writers++;
    *s->queue_end = &r;
    s->queue_end = &r.next;
    if (!s->led) {
        s->led = true;
        r.leads = true;
    }
    while (!r.done && !r.leads)
        pthread_cond_wait(&r.wake, &s->lock);
    if (!r.done)
        lead(s, &r);
    if (--s->writers == 0)
        pthread_cond_signal(&s->quiet);
    pthread_mutex_unlock(&s->lock);

    BUG_ON(pthread_cond_destroy(&r.wake) != 0);
    if (r.error.code != OK)
        *e = r.error;
    return r.error.code;
}

/* -- reading -------------------------------------------------------------------------------- */

static enum err read_on(struct sqlite_conn *conn, db_work *work, void *arg, struct error *e)
{
    TRY(sqlite_conn_run(conn, &begin_read, e));
    enum err rc = db_run_work(&conn->tx, work, arg, e);
    struct error ignored; /* ends a snapshot; nothing was written that could be lost */
    if (!sqlite3_get_autocommit(conn->handle))
        (void)sqlite_conn_run(conn, &rollback, &ignored);
    BUG_ON(!sqlite3_get_autocommit(conn->handle));
    return rc;
}

static enum err sqlite_read(struct db *db, db_work *work, void *arg, struct error *e)
{
    struct sqlite_db *s = sqlite_of(db);
    struct db_tx *tx;
    TRY(db_pool_take(s->pool, s->busy_timeout_us, &tx, e));
    enum err rc = read_on((struct sqlite_conn *)tx, work, arg, e);
    db_pool_give(s->pool, tx);
    return rc;
}

/* -- snapshots ------------------------------------------------------------------------------ */

struct db_snapshot {
    struct sqlite_conn conn;
};

enum err db_snapshot_open(struct db *db, struct db_snapshot **ret, struct error *e)
{
    BUG_ON(db->driver != &db_driver_sqlite);
    struct sqlite_db *s = sqlite_of(db);
    struct db_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    BUG_ON(!snapshot);
    struct error local;
    enum err rc = sqlite_conn_open(&snapshot->conn, db, s->path, SQLITE_READER, s->busy_timeout_us,
                                   e ? e : &local);
    if (rc != OK) {
        db_snapshot_close(snapshot);
        return rc;
    }
    *ret = snapshot;
    return OK;
}

/* BEGIN alone sees nothing yet: the moment is that of the first query. */
enum err db_snapshot_freeze(struct db_snapshot *s, struct error *e)
{
    struct error local;
    BUG_ON(!sqlite3_get_autocommit(s->conn.handle));
    TRY(sqlite_conn_run(&s->conn, &begin_read, e ? e : &local));
    return sqlite_conn_run(&s->conn, &look, e ? e : &local);
}

enum err db_snapshot_read(struct db_snapshot *s, db_work *work, void *arg, struct error *e)
{
    struct error local;
    BUG_ON(sqlite3_get_autocommit(s->conn.handle));
    return db_run_work(&s->conn.tx, work, arg, e ? e : &local);
}

void db_snapshot_close(struct db_snapshot *s)
{
    if (!s)
        return;
    sqlite_conn_close(&s->conn);
    free(s);
}

/* -- opening and closing -------------------------------------------------------------------- */

static void sqlite_free(struct sqlite_db *s)
{
    for (size_t i = 0; i < s->reader_count; i++)
        sqlite_conn_close(&s->readers[i]);
    /* Last, because the last connection checkpoints as it closes. */
    struct error ignored;
    bool locked = s->writer.handle && lock_writing(s, &ignored) == OK;
    if (s->writer.handle && !locked)
        (void)sqlite3_db_config(s->writer.handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite_conn_close(&s->writer);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd); /* unlocks */
    BUG_ON(pthread_mutex_destroy(&s->lock) != 0);
    BUG_ON(pthread_cond_destroy(&s->quiet) != 0);
    db_pool_free(s->pool);
    free(s->readers);
    free(s->lock_path);
    free(s->path);
    free(s);
}

static void sqlite_close(struct db *db)
{
    struct sqlite_db *s = sqlite_of(db);
    pthread_mutex_lock(&s->lock);
    while (s->writers > 0)
        pthread_cond_wait(&s->quiet, &s->lock);
    pthread_mutex_unlock(&s->lock);

    db_pool_take_all(s->pool);
    sqlite_free(s);
}

/*
 * A new database is its owner's only, and SQLite gives its other files the same rights. Only a new
 * one is opened here: closing any descriptor of a file drops all POSIX locks that this process
 * holds on it, SQLite's included.
 */
static enum err create_files(struct sqlite_db *s, struct error *e)
{
    int fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST)
        return error_errno(e, "cannot create the database %s", s->path);
    if (fd >= 0)
        (void)close(fd);
    s->lock_fd = open(s->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return error_errno(e, "cannot open %s", s->lock_path);
    return OK;
}

static enum err open_connections(struct sqlite_db *s, size_t readers, struct error *e)
{
    TRY(create_files(s, e));
    /* Switching to a WAL and recovering one are writes. */
    TRY(lock_writing(s, e));
    enum err rc =
        sqlite_conn_open(&s->writer, &s->db, s->path, SQLITE_WRITER, s->busy_timeout_us, e);
    unlock_writing(s);
    TRY(rc);
    (void)sqlite3_wal_hook(s->writer.handle, note_wal_pages, s);
    for (; s->reader_count < readers; s->reader_count++) {
        struct sqlite_conn *reader = &s->readers[s->reader_count];
        rc = sqlite_conn_open(reader, &s->db, s->path, SQLITE_READER, s->busy_timeout_us, e);
        if (rc != OK) {
            sqlite_conn_close(reader);
            return rc;
        }
        db_pool_give(s->pool, &reader->tx);
    }
    return OK;
}

static enum err sqlite_open(const struct db_options *options, const char *address,
                            struct db **ret_db, struct error *e)
{
    if (!address[0])
        return error_set(e, ERR_INVALID, "the database url sqlite:PATH has no path");
    struct sqlite_db *s = calloc(1, sizeof(*s));
    BUG_ON(!s);
    /* "./" keeps names with a meaning of their own (":memory:", "file:...") plain files. */
    const char *prefix = address[0] == '/' ? "" : "./";
    BUG_ON(asprintf(&s->path, "%s%s", prefix, address) < 0);
    BUG_ON(asprintf(&s->lock_path, "%s-lock", s->path) < 0);
    s->lock_fd = -1;
    s->busy_timeout_us = options->busy_timeout_us;
    s->wal_restart_at = WAL_RESTART_PAGES;
    BUG_ON(pthread_mutex_init(&s->lock, NULL) != 0);
    BUG_ON(pthread_cond_init(&s->quiet, NULL) != 0);
    s->queue_end = &s->queue;
    s->pool = db_pool_new(options->readers);
    s->readers = calloc(options->readers, sizeof(*s->readers));
    BUG_ON(!s->readers);
    enum err rc = open_connections(s, options->readers, e);
    if (rc != OK) {
        sqlite_free(s);
        return rc;
    }
    *ret_db = &s->db;
    return OK;
}

const struct db_driver db_driver_sqlite = {
    .engine = DB_SQLITE,
    .open = sqlite_open,
    .close = sqlite_close,
    .write = sqlite_write,
    .read = sqlite_read,
    .start = sqlite_start,
    .next = sqlite_next,
    .finish = sqlite_finish,
    .column_count = sqlite_column_total,
    .column_name = sqlite_column_title,
    .column_value = sqlite_column,
    .prepare = sqlite_prepare,
    .script = sqlite_script,
};
