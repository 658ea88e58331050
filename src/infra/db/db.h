/*
 * The database: SQLite inside by default, PostgreSQL for many nodes, one interface.
 *
 * Work happens in transactions. A caller hands a function to db_write() or db_read(); it runs with
 * an open transaction and everything it did is committed when it returns OK, undone otherwise.
 * db_write() returns OK only after the commit is on disk (SQLite: WAL, synchronous FULL).
 *
 * Writing work sees the database as if it ran alone: on SQLite it does, on PostgreSQL the
 * transaction is SERIALIZABLE and runs again when it lost against another. Reading work sees one
 * moment, from its first query on. A statement that failed fails its transaction, whatever the
 * work makes of the error; where a duplicate is expected, the SQL says ON CONFLICT DO NOTHING.
 *
 * The function must be safe to run again from the start: writes that several threads hand in at
 * once share one commit (each in its own savepoint), and a commit that fails for a passing reason
 * is tried again. It may run on another thread while its caller waits. It must not call out to a
 * network, and must not use another transaction.
 *
 * Errors of the engines: ERR_CONFLICT for a violated unique or foreign key and for a trigger that
 * refuses (RAISE(ABORT) on SQLite, SQLSTATE 23001 on PostgreSQL), ERR_INVALID for other
 * constraints, ERR_BUSY when locks or connections were not to be had within the busy timeout,
 * ERR_UNAVAILABLE without a server, ERR_TIMEOUT when the server vanished during the commit (nobody
 * knows whether it happened), ERR_IO for disks, ERR_CORRUPT for a database that is damaged or has
 * another schema.
 *
 * Queries are not built in C. Each domain folder has a NAME.sql of named queries, from which
 * tools/sqlgen.py makes NAME.sql.h with one `static const struct db_query` each; both engines'
 * texts are in it. Parameters are $1.., times are BIGINT microseconds, ids are TEXT, booleans are
 * BIGINT 0/1, lists and documents are JSON in TEXT. Text compares and sorts byte by byte.
 *
 * A second process may use the same SQLite file: the two take turns with writing. PostgreSQL needs
 * direct connections; a pooler in transaction mode has no prepared statements and session settings.
 *
 * Threads: a `struct db` is shared by all; a `struct db_tx` belongs to the call it was given to.
 */
#ifndef WEBHOST_INFRA_DB_DB_H
#define WEBHOST_INFRA_DB_DB_H

#include "base/clock.h"
#include "base/record.h"

enum db_engine { DB_SQLITE, DB_POSTGRES, DB_ENGINES };

struct db;
struct db_tx;

/* One named query, made by tools/sqlgen.py. Its address is its identity: caches go by it. */
struct db_query {
    const char *name;
    const char *text[DB_ENGINES];
    size_t params;
};

/* One numbered schema file, made by tools/sqlgen.py. Applied in order, once each, under a lock. */
struct db_migration {
    const char *name; /* "0001-accounts" */
    const char *text[DB_ENGINES];
};

struct db_options {
    const char *url; /* "sqlite:PATH" or "postgres://..." */
    const struct db_migration *migrations;
    size_t migration_count;
    size_t readers;          /* connections for db_read(), at least 1; PostgreSQL: twice, for all */
    int64_t busy_timeout_us; /* how long to wait for a lock or a connection */
    const struct clock *clock; /* what db_now() tells; NULL: the database's own. Must outlive it */
    bool leave_schema;         /* take the schema as it is, for those who only look */
};

/*
 * Opens and brings the schema up to date. A database with migrations that this program does not
 * know is refused (it was written by a newer version).
 */
enum err db_open(const struct db_options *options, struct db **ret_db, struct error *e);

/* Waits for running transactions. NULL is fine. */
void db_close(struct db *db);

enum db_engine db_engine_of(const struct db *db);

/* The url without a password, for logs and `webhost doctor`. Owned by `db`. */
const char *db_url_redacted(const struct db *db);

typedef enum err db_work(struct db_tx *tx, void *arg, struct error *e);

enum err db_write(struct db *db, db_work *work, void *arg, struct error *e);
enum err db_read(struct db *db, db_work *work, void *arg, struct error *e);

/*
 * db_write() for work whose every statement is right on its own: conditional updates, fences, SKIP
 * LOCKED. PostgreSQL runs it under READ COMMITTED, so it never has to be run again because somebody
 * else was faster. SQLite, where writers are alone, makes no difference.
 */
enum err db_write_relaxed(struct db *db, db_work *work, void *arg, struct error *e);

/* -- inside a transaction ------------------------------------------------------------------- */

enum db_type { DB_NULL, DB_INT, DB_TEXT };

struct db_value {
    enum db_type type;
    int64_t number;
    const char *text; /* borrowed until the call returns */
};

/* NULL text is SQL NULL, INT_ABSENT is SQL NULL. */
static inline struct db_value db_text(const char *text)
{
    return (struct db_value){text ? DB_TEXT : DB_NULL, 0, text};
}

static inline struct db_value db_int(int64_t number)
{
    return (struct db_value){number == INT_ABSENT ? DB_NULL : DB_INT, number, NULL};
}

static inline struct db_value db_null(void)
{
    return (struct db_value){DB_NULL, 0, NULL};
}

struct db_args {
    const struct db_value *values;
    size_t count;
};

/* DB_ARGS(db_text(id), db_int(now)); the count must equal the query's number of parameters. */
#define DB_ARGS(...)                                                                               \
    ((struct db_args){(const struct db_value[]){__VA_ARGS__},                                      \
                      sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value)})
#define DB_NO_ARGS ((struct db_args){NULL, 0})

/*
 * One query at a time: none of these may be called while db_each() calls its function.
 *
 * Runs a statement whose rows, if any, are not wanted. `ret_changes` (may be NULL) gets the number
 * of rows inserted, updated or deleted. A violated unique or foreign key is ERR_CONFLICT.
 */
enum err db_exec(struct db_tx *tx, const struct db_query *query, struct db_args args,
                 int64_t *ret_changes, struct error *e);

/*
 * A list of numbers as one parameter: `= ANY($1::bigint[])` for PostgreSQL, `IN (SELECT value FROM
 * json_each($1))` for SQLite. The text lives in the arena.
 */
struct db_value db_int_list(const struct db_tx *tx, struct arena *arena, const int64_t *numbers,
                            size_t count);

/*
 * Runs a statement that takes `count` rows of `width` values at once. The query's first parameters
 * are `shared`, the others stand for a row's values. PostgreSQL gets each of those as an array
 * (`unnest($2::bigint[], $3::text[])`, `= ANY($2::bigint[])`); SQLite reads them from a table with
 * the columns c0, c1, ... (`SELECT c0, c1 FROM rows($2, $3)`). No rows are nothing to do.
 */
enum err db_exec_rows(struct db_tx *tx, const struct db_query *query, struct db_args shared,
                      const struct db_value *rows, size_t width, size_t count, int64_t *ret_changes,
                      struct error *e);

/*
 * Statements that the work does not wait for. On PostgreSQL they go to the server with the next
 * statement that is waited for, or together with the COMMIT: work that posts all it has to say is
 * one round trip. What goes wrong is the transaction's failure, with the statement's own sentence;
 * a later call returns it, or db_write() does. Results are there when db_write() has returned OK
 * and no earlier, so their places (and the arena) must last until then; parameters need not. Rows
 * that make no sense are found when their change may be kept already: ERR_CORRUPT says it then.
 */
void db_post(struct db_tx *tx, const struct db_query *query, struct db_args args,
             int64_t *ret_changes);
void db_post_rows(struct db_tx *tx, const struct db_query *query, struct db_args shared,
                  const struct db_value *rows, size_t width, size_t count, int64_t *ret_changes);
void db_post_list(struct db_tx *tx, const struct db_query *query, struct db_args args,
                  const struct field *fields, size_t row_size, size_t max, struct arena *arena,
                  struct records *ret_rows);

/* Waits for what was posted: for work to which it matters whose statement failed. */
enum err db_settle(struct db_tx *tx, struct error *e);

/*
 * Wakes those who listen on the channel once this transaction commits. For SQLite it does nothing:
 * its one process tells itself.
 */
void db_notify(struct db_tx *tx, const char *channel);

/*
 * Reads the first row into `ret_row` through `fields`: each result column goes to the field of the
 * same name, and a column without a field is BUG_ON. Fields without a column are set absent. Texts
 * are copied to `arena`. No row is ERR_NOT_FOUND with `e` saying so by the query's name; callers
 * that can name the thing better set their own sentence.
 */
enum err db_get(struct db_tx *tx, const struct db_query *query, struct db_args args,
                const struct field *fields, struct arena *arena, void *ret_row, struct error *e);

/*
 * Reads up to `max` rows (a bound, not a page: more is ERR_TOO_LARGE) as db_get() does, into an
 * array of `row_size` elements in the arena. No rows is OK with count 0.
 */
enum err db_list(struct db_tx *tx, const struct db_query *query, struct db_args args,
                 const struct field *fields, size_t row_size, size_t max, struct arena *arena,
                 struct records *ret_rows, struct error *e);

/* db_exec_rows() of a statement with RETURNING: at most one row for each that it is given. */
enum err db_list_rows(struct db_tx *tx, const struct db_query *query, struct db_args shared,
                      const struct db_value *values, size_t width, size_t count,
                      const struct field *fields, size_t row_size, struct arena *arena,
                      struct records *ret_rows, struct error *e);

/* The first column of the first row as a number; INT_ABSENT when NULL or no row. */
enum err db_get_int(struct db_tx *tx, const struct db_query *query, struct db_args args,
                    int64_t *ret_value, struct error *e);

/* The first column of the first row as text in the arena; NULL when NULL or no row. */
enum err db_get_text(struct db_tx *tx, const struct db_query *query, struct db_args args,
                     struct arena *arena, const char **ret_value, struct error *e);

/*
 * The time that all who share the database agree on: its server's, whatever the clocks of the
 * machines that ask. On SQLite, whose users share a machine, that machine's.
 */
enum err db_now(struct db_tx *tx, int64_t *ret_now, struct error *e);

/*
 * Calls `fn` for every row without keeping any (for large results). Values are borrowed and valid
 * during the call; an error from `fn` stops the reading and is returned.
 */
typedef enum err db_row_fn(const struct db_value *columns, size_t count, void *arg,
                           struct error *e);
enum err db_each(struct db_tx *tx, const struct db_query *query, struct db_args args, db_row_fn *fn,
                 void *arg, struct error *e);

/* Prepares without running; a test calls it for every query on both engines. */
enum err db_prepare_check(struct db_tx *tx, const struct db_query *query, struct error *e);

/* -- being told ------------------------------------------------------------------------------- */

/*
 * Calls `heard` on a thread of its own when another process (or this one) notifies the channel, and
 * whenever something may have been missed: after connecting and after every lost connection. The
 * connection is direct and of its own, outside the pool, because a pooler would cut it. NULL for
 * SQLite, which needs none; the caller polls behind it anyway.
 */
struct db_listener;
struct db_listener *db_listen(struct db *db, const char *channel, void (*heard)(void *arg),
                              void *arg);
void db_listener_stop(struct db_listener *listener); /* NULL is fine */

/* -- lists stored as JSON text -------------------------------------------------------------- */

/* ["a","b"] in the arena; NULL for an absent list. The reader is the FIELD_TEXTS column type. */
const char *db_texts_json(struct arena *arena, struct texts list);

#endif
