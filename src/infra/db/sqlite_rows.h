/*
 * rows($1, $2, ...): a table of the values that db_exec_rows() was given, with columns c0, c1, ...
 *
 * SQLite has no arrays. A statement that takes many rows at once reads them from this table-valued
 * function (https://sqlite.org/vtab.html#tabfunc2), so that it is run once and opens each index
 * once instead of once for every row. The rows come through a pointer bound to the function's first
 * argument (https://sqlite.org/bindptr.html), which SQL text cannot forge; the other arguments, at
 * most 15, stand for the row's further parameters and are not looked at. Where there are more, one
 * argument stands for all of them: rows($1, coalesce($2, $3, ...)).
 */
#ifndef WEBHOST_INFRA_DB_SQLITE_ROWS_H
#define WEBHOST_INFRA_DB_SQLITE_ROWS_H

#include "infra/db/db.h"

#include <sqlite3.h>

#define SQLITE_ROWS_WIDTH_MAX 64

struct sqlite_rows {
    const struct db_value *values; /* row after row; must outlive the statement's run */
    size_t width, count;
};

/* Makes the function known to a connection. An SQLite error code. */
int sqlite_rows_register(sqlite3 *handle);

/* Binds the rows to the parameter that is the function's first argument. An SQLite error code. */
int sqlite_rows_bind(sqlite3_stmt *statement, int index, struct sqlite_rows *rows);

#endif
