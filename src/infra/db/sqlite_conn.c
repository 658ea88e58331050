#include "infra/db/sqlite_conn.h"

#include <inttypes.h>
#include <pthread.h>
#include <uthash.h>

struct sqlite_statement {
    const struct db_query *query;
    sqlite3_stmt *prepared;
    UT_hash_handle hh;
};

static struct sqlite_conn *conn_of(struct db_tx *tx)
{
    return (struct sqlite_conn *)tx;
}

static const struct sqlite_conn *const_conn_of(const struct db_tx *tx)
{
    return (const struct sqlite_conn *)tx;
}

/* -- errors --------------------------------------------------------------------------------- */

static enum err class_of_constraint(int extended)
{
    switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
    case SQLITE_CONSTRAINT_FOREIGNKEY:
    case SQLITE_CONSTRAINT_TRIGGER: /* a trigger of ours refuses: RAISE(ABORT, ...) */
        return ERR_CONFLICT;
    default:
        return ERR_INVALID; /* CHECK, NOT NULL, a type */
    }
}

static enum err class_of(int extended)
{
    switch (extended & 0xff) {
    case SQLITE_CONSTRAINT:
        return class_of_constraint(extended);
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
        return ERR_INVALID;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL: /* gave up on the locks of the WAL index */
        return ERR_BUSY;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return ERR_DENIED;
    case SQLITE_ERROR: /* our SQL is prepared by a test: the schema is not the one we know */
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
        return ERR_CORRUPT;
    default:
        return ERR_IO;
    }
}

static const char *advice_for(int extended)
{
    switch (extended & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return "; another process is using it, try again";
    case SQLITE_FULL:
        return "; free some disk space";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "; restore it from a backup";
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return "; check that this user may write to the file and its directory";
    default:
        return "";
    }
}

enum err sqlite_conn_error(const struct sqlite_conn *conn, const char *what, struct error *e)
{
    int extended = sqlite3_extended_errcode(conn->handle);
    BUG_ON((extended & 0xff) == SQLITE_MISUSE || (extended & 0xff) == SQLITE_RANGE);
    BUG_ON((extended & 0xff) == SQLITE_NOMEM);
    return error_set(e, class_of(extended), "%s on the database %s: %s%s", what, conn->path,
                     sqlite3_errmsg(conn->handle), advice_for(extended));
}

/* -- opening -------------------------------------------------------------------------------- */

/*
 * synchronous FULL makes a commit wait for the disk. journal_size_limit cuts the WAL after a burst
 * made it long. trusted_schema off and defensive on: a damaged or hostile file must not run
 * functions or be written to around SQL.
 */
static const char writer_setup[] = "PRAGMA synchronous = FULL;"
                                   "PRAGMA foreign_keys = ON;"
                                   "PRAGMA journal_size_limit = 67108864;"
                                   "PRAGMA cache_size = -65536;"
                                   "PRAGMA temp_store = MEMORY;"
                                   "PRAGMA trusted_schema = OFF";

static const char reader_setup[] = "PRAGMA query_only = ON;"
                                   "PRAGMA cache_size = -4096;"
                                   "PRAGMA temp_store = MEMORY;"
                                   "PRAGMA trusted_schema = OFF";

static int keep_mode(void *mode, int columns, char **values, char **names)
{
    (void)columns;
    (void)names;
    (void)snprintf(mode, 16, "%s", values[0]);
    return 0;
}

/* SQLite answers with the mode it is in, and that it could not change it is no error to it. */
static enum err use_wal(struct sqlite_conn *conn, struct error *e)
{
    char mode[16] = "";
    if (sqlite3_exec(conn->handle, "PRAGMA journal_mode = WAL", keep_mode, mode, NULL) != SQLITE_OK)
        return sqlite_conn_error(conn, "write-ahead log", e);
    if (!text_eq(mode, "wal"))
        return error_set(
            e, ERR_IO,
            "the database %s cannot have a write-ahead log where it is (its mode stays "
            "'%s'); put it on a local file system",
            conn->path, mode);
    return OK;
}

/* Counting every allocation under a global lock is of no use to us. */
static void configure_library(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

enum err sqlite_conn_open(struct sqlite_conn *conn, struct db *db, const char *path,
                          enum sqlite_role role, int64_t busy_timeout_us, struct error *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, configure_library);
    *conn = (struct sqlite_conn){.tx = {.db = db}, .path = path};
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(path, &conn->handle, flags, NULL);
    BUG_ON(!conn->handle);
    if (rc != SQLITE_OK)
        return sqlite_conn_error(conn, "open", e);

    if (sqlite_rows_register(conn->handle) != SQLITE_OK)
        return sqlite_conn_error(conn, "set up", e);
    /* Checkpoints are started in sqlite.c and nowhere else; the reason is there. */
    (void)sqlite3_wal_autocheckpoint(conn->handle, 0);
    (void)sqlite3_busy_timeout(conn->handle, (int)(busy_timeout_us / 1000));
    (void)sqlite3_db_config(conn->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(conn->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, role == SQLITE_READER,
                            NULL);
    if (role == SQLITE_WRITER)
        TRY(use_wal(conn, e));
    const char *setup = role == SQLITE_WRITER ? writer_setup : reader_setup;
    if (sqlite3_exec(conn->handle, setup, NULL, NULL, NULL) != SQLITE_OK)
        return sqlite_conn_error(conn, "set up", e);
    return OK;
}

void sqlite_conn_close(struct sqlite_conn *conn)
{
    struct sqlite_statement *entry, *next;
    HASH_ITER (hh, conn->statements, entry, next) {
        HASH_DEL(conn->statements, entry);
        (void)sqlite3_finalize(entry->prepared);
        free(entry);
    }
    BUG_ON(sqlite3_close(conn->handle) != SQLITE_OK);
    conn->handle = NULL;
}

/* -- statements ----------------------------------------------------------------------------- */

static enum err prepared_for(struct sqlite_conn *conn, const struct db_query *query,
                             sqlite3_stmt **ret_prepared, struct error *e)
{
    struct sqlite_statement *entry = NULL;
    HASH_FIND_PTR(conn->statements, &query, entry);
    if (!entry) {
        sqlite3_stmt *prepared = NULL;
        if (sqlite3_prepare_v3(conn->handle, query->text[DB_SQLITE], -1, SQLITE_PREPARE_PERSISTENT,
                               &prepared, NULL) != SQLITE_OK)
            return sqlite_conn_error(conn, query->name, e);
        BUG_ON((size_t)sqlite3_bind_parameter_count(prepared) != query->params);
        entry = calloc(1, sizeof(*entry));
        BUG_ON(!entry);
        *entry = (struct sqlite_statement){.query = query, .prepared = prepared};
        HASH_ADD_PTR(conn->statements, query, entry);
    }
    *ret_prepared = entry->prepared;
    return OK;
}

static int bind(sqlite3_stmt *prepared, int index, struct db_value value)
{
    switch (value.type) {
    case DB_NULL:
        return sqlite3_bind_null(prepared, index);
    case DB_INT:
        return sqlite3_bind_int64(prepared, index, value.number);
    case DB_TEXT:
        return sqlite3_bind_text(prepared, index, value.text, -1, SQLITE_STATIC);
    }
    BUG_ON(true);
}

enum err sqlite_start(struct db_tx *tx, const struct db_query *query,
                      const struct db_params *params, struct error *e)
{
    struct sqlite_conn *conn = conn_of(tx);
    TRY(prepared_for(conn, query, &conn->cursor, e));
    struct db_args shared = params->shared;
    for (size_t i = 0; i < shared.count; i++) {
        if (bind(conn->cursor, (int)i + 1, shared.values[i]) != SQLITE_OK)
            return sqlite_conn_error(conn, query->name, e);
    }
    if (params->count == 0)
        return OK;
    conn->rows = (struct sqlite_rows){params->rows, params->width, params->count};
    if (sqlite_rows_bind(conn->cursor, (int)shared.count + 1, &conn->rows) != SQLITE_OK)
        return sqlite_conn_error(conn, query->name, e);
    return OK;
}

enum err sqlite_next(struct db_tx *tx, bool *ret_row, struct error *e)
{
    struct sqlite_conn *conn = conn_of(tx);
    int rc = sqlite3_step(conn->cursor);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sqlite_conn_error(conn, tx->running->name, e);
    *ret_row = rc == SQLITE_ROW;
    return OK;
}

enum err sqlite_finish(struct db_tx *tx, int64_t *ret_changes, struct error *e)
{
    (void)e; /* sqlite3_reset() repeats the error of sqlite3_step(), which was reported */
    struct sqlite_conn *conn = conn_of(tx);
    *ret_changes = 0;
    if (!conn->cursor)
        return OK;
    if (!sqlite3_stmt_readonly(conn->cursor))
        *ret_changes = sqlite3_changes64(conn->handle);
    (void)sqlite3_reset(conn->cursor);
    (void)sqlite3_clear_bindings(conn->cursor);
    conn->cursor = NULL;
    return OK;
}

size_t sqlite_column_total(const struct db_tx *tx)
{
    return (size_t)sqlite3_column_count(const_conn_of(tx)->cursor);
}

const char *sqlite_column_title(const struct db_tx *tx, size_t column)
{
    return sqlite3_column_name(const_conn_of(tx)->cursor, (int)column);
}

struct db_value sqlite_column(const struct db_tx *tx, size_t column)
{
    sqlite3_stmt *cursor = const_conn_of(tx)->cursor;
    int index = (int)column;
    switch (sqlite3_column_type(cursor, index)) {
    case SQLITE_NULL:
        return db_null();
    case SQLITE_INTEGER:
        return (struct db_value){DB_INT, sqlite3_column_int64(cursor, index), NULL};
    default:
        return (struct db_value){DB_TEXT, 0, (const char *)sqlite3_column_text(cursor, index)};
    }
}

enum err sqlite_prepare(struct db_tx *tx, const struct db_query *query, struct error *e)
{
    sqlite3_stmt *prepared;
    return prepared_for(conn_of(tx), query, &prepared, e);
}

enum err sqlite_script(struct db_tx *tx, const char *name, const char *text, struct error *e)
{
    struct sqlite_conn *conn = conn_of(tx);
    if (sqlite3_exec(conn->handle, text, NULL, NULL, NULL) != SQLITE_OK)
        return sqlite_conn_error(conn, name, e);
    return OK;
}

enum err sqlite_conn_run(struct sqlite_conn *conn, const struct db_query *query, struct error *e)
{
    bool row;
    int64_t changes;
    conn->tx.running = query;
    const struct db_params none = {.shared = DB_NO_ARGS};
    enum err rc = sqlite_start(&conn->tx, query, &none, e);
    if (rc == OK)
        rc = sqlite_next(&conn->tx, &row, e);
    (void)sqlite_finish(&conn->tx, &changes, e);
    conn->tx.running = NULL;
    return rc;
}
