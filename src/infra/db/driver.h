/*
 * What an engine must do behind db.h; for the files of this folder only.
 *
 * A connection is what a transaction runs on, so each engine's connection starts with a `struct
 * db_tx`, and each engine's database starts with a `struct db`.
 *
 * One statement at a time runs on a connection: start(), next() until there are no more rows or the
 * reader has enough, finish(). The common part (rows.c) keeps that order and always calls finish()
 * after a start(), also after one that failed.
 */
#ifndef WEBHOST_INFRA_DB_DRIVER_H
#define WEBHOST_INFRA_DB_DRIVER_H

#include "infra/db/db.h"

struct db_tx {
    struct db *db;
    const struct db_query *running; /* between start() and finish() */
    /*
     * A failed statement ends a PostgreSQL transaction but not an SQLite one. To behave the same on
     * both, the first failure is kept: every later statement repeats it, and nothing is committed.
     */
    struct error failure; /* code OK: none */
};

/* A statement's parameters: plain, or (with `count`) rows of them behind the shared ones. */
struct db_params {
    struct db_args shared;
    const struct db_value *rows;
    size_t width, count;
};

/* Called for every row; sets `*stop` when it has enough. */
typedef enum err db_row_taker(struct db_tx *tx, void *context, bool *stop, struct error *e);

/* Where the answer to a posted statement goes. */
struct db_answer {
    db_row_taker *row; /* NULL: rows are dropped */
    void *context;
    int64_t *ret_changes; /* may be NULL */
};

struct db_driver {
    enum db_engine engine;

    /* `address` is the url, for SQLite without "sqlite:". The caller fills in the `struct db`. */
    enum err (*open)(const struct db_options *options, const char *address, struct db **ret_db,
                     struct error *e);

    /* Waits for running transactions and frees everything. */
    void (*close)(struct db *db);

    /* Transactions around db_run_work(). `e` is never NULL. */
    enum err (*write)(struct db *db, bool relaxed, db_work *work, void *arg, struct error *e);
    enum err (*read)(struct db *db, db_work *work, void *arg, struct error *e);

    /* The parameters are borrowed until finish(). */
    enum err (*start)(struct db_tx *tx, const struct db_query *query,
                      const struct db_params *params, struct error *e);
    enum err (*next)(struct db_tx *tx, bool *ret_row, struct error *e);
    enum err (*finish)(struct db_tx *tx, int64_t *ret_changes, struct error *e);

    /*
     * Sends a statement and does not wait: its answer is delivered by a later call, at the latest
     * by the commit. So is its failure. NULL for an engine that has nobody to wait for.
     */
    enum err (*post)(struct db_tx *tx, const struct db_query *query, const struct db_params *params,
                     struct db_answer answer, struct error *e);
    enum err (*settle)(struct db_tx *tx, struct error *e);

    /* The current row; valid between next() and the following next() or finish(). */
    size_t (*column_count)(const struct db_tx *tx);
    const char *(*column_name)(const struct db_tx *tx, size_t column);
    struct db_value (*column_value)(const struct db_tx *tx, size_t column);

    enum err (*prepare)(struct db_tx *tx, const struct db_query *query, struct error *e);

    /* Runs a schema file: several statements, no parameters. `name` is for the sentence. */
    enum err (*script)(struct db_tx *tx, const char *name, const char *text, struct error *e);
};

struct db {
    const struct db_driver *driver;
    char *url_redacted; /* freed by db_close() */
    int64_t busy_timeout_us;
};

/* What the listener connects to; NULL for an engine that cannot tell. */
const char *pg_url(const struct db *db);

extern const struct db_driver db_driver_sqlite;
extern const struct db_driver db_driver_postgres;

/*
 * Runs the work on a connection with an open transaction. Whatever it returns must be followed by
 * the engine: OK means commit, all else roll back. `e` is never NULL.
 */
enum err db_run_work(struct db_tx *tx, db_work *work, void *arg, struct error *e);

/* Brings the schema up to date (migrate.c). */
enum err db_migrate(struct db *db, const struct db_options *options, struct error *e);

/*
 * Connections shared by threads. Taking one waits up to the database's busy timeout, then ERR_BUSY.
 */
struct db_pool;
struct db_pool *db_pool_new(size_t size);
void db_pool_free(struct db_pool *pool);
enum err db_pool_take(struct db_pool *pool, int64_t timeout_us, struct db_tx **ret_tx,
                      struct error *e);
void db_pool_give(struct db_pool *pool, struct db_tx *tx);

/* Waits until nobody has a connection, and leaves none to take: for closing. */
void db_pool_take_all(struct db_pool *pool);

/*
 * Waiting for something that nobody signals (a lock of another process, a server that restarts):
 * `while (!try_it() && db_wait(&w))`. Pauses get longer, with jitter; false after the timeout.
 */
struct db_wait {
    int64_t deadline_us, pause_us, pause_max_us;
};

struct db_wait db_wait_start(int64_t timeout_us, int64_t pause_us, int64_t pause_max_us);
bool db_wait(struct db_wait *w);

#endif
