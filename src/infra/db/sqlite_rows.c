#include "infra/db/sqlite_rows.h"

#include "base/buf.h"
#include "base/err.h"

#define POINTER_TYPE "webhost rows"

enum {
    ARGUMENTS = 16, /* SQLite compares what stands behind the 16th itself, and finds it different */
    DECLARATION_MAX = 4096,
};

struct rows_cursor {
    sqlite3_vtab_cursor base; /* first: SQLite's part */
    const struct sqlite_rows *rows;
    size_t at;
};

static struct rows_cursor *cursor_of(sqlite3_vtab_cursor *base)
{
    return (struct rows_cursor *)base;
}

/* Columns c0.. are the values, a0.. the hidden ones that hold the arguments. */
static int declare(sqlite3 *handle)
{
    _cleanup_buf_ struct buf sql = BUF_INIT(DECLARATION_MAX);
    (void)buf_append_text(&sql, "CREATE TABLE rows (");
    for (int i = 0; i < SQLITE_ROWS_WIDTH_MAX; i++)
        (void)buf_printf(&sql, "c%d, ", i);
    for (int i = 0; i < ARGUMENTS; i++)
        (void)buf_printf(&sql, "%sa%d HIDDEN", i > 0 ? ", " : "", i);
    (void)buf_append_char(&sql, ')');
    BUG_ON(buf_is_full(&sql));
    return sqlite3_declare_vtab(handle, buf_text(&sql));
}

static int rows_connect(sqlite3 *handle, void *aux, int argc, const char *const *argv,
                        sqlite3_vtab **ret_table, char **ret_error)
{
    (void)aux;
    (void)argc;
    (void)argv;
    (void)ret_error;
    int rc = declare(handle);
    if (rc != SQLITE_OK)
        return rc;
    *ret_table = sqlite3_malloc(sizeof(**ret_table));
    if (!*ret_table)
        return SQLITE_NOMEM;
    memset(*ret_table, 0, sizeof(**ret_table));
    return sqlite3_vtab_config(handle, SQLITE_VTAB_INNOCUOUS);
}

static int rows_disconnect(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

/* All arguments go to rows_filter() in order; without the first there is nothing to read. */
static int rows_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    bool first = false;
    for (int i = 0; i < info->nConstraint; i++) {
        int argument = info->aConstraint[i].iColumn - SQLITE_ROWS_WIDTH_MAX;
        if (argument < 0 || argument >= ARGUMENTS ||
            info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ)
            continue;
        if (!info->aConstraint[i].usable)
            return SQLITE_CONSTRAINT;
        info->aConstraintUsage[i].argvIndex = argument + 1;
        info->aConstraintUsage[i].omit = 1;
        first = first || argument == 0;
    }
    info->estimatedCost = 1.0;
    info->estimatedRows = 1000;
    return first ? SQLITE_OK : SQLITE_CONSTRAINT;
}

static int rows_open(sqlite3_vtab *table, sqlite3_vtab_cursor **ret_cursor)
{
    (void)table;
    struct rows_cursor *cursor = sqlite3_malloc(sizeof(*cursor));
    if (!cursor)
        return SQLITE_NOMEM;
    memset(cursor, 0, sizeof(*cursor));
    *ret_cursor = &cursor->base;
    return SQLITE_OK;
}

static int rows_close(sqlite3_vtab_cursor *base)
{
    sqlite3_free(cursor_of(base));
    return SQLITE_OK;
}

static int rows_filter(sqlite3_vtab_cursor *base, int index, const char *index_text, int argc,
                       sqlite3_value **argv)
{
    (void)index;
    (void)index_text;
    struct rows_cursor *cursor = cursor_of(base);
    cursor->rows = argc > 0 ? sqlite3_value_pointer(argv[0], POINTER_TYPE) : NULL;
    cursor->at = 0;
    return SQLITE_OK;
}

static int rows_next(sqlite3_vtab_cursor *base)
{
    cursor_of(base)->at++;
    return SQLITE_OK;
}

static int rows_eof(sqlite3_vtab_cursor *base)
{
    const struct rows_cursor *cursor = cursor_of(base);
    return !cursor->rows || cursor->at >= cursor->rows->count;
}

static int rows_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    const struct rows_cursor *cursor = cursor_of(base);
    const struct sqlite_rows *rows = cursor->rows;
    if ((size_t)column >= rows->width)
        return SQLITE_OK; /* NULL */
    const struct db_value *value = &rows->values[cursor->at * rows->width + (size_t)column];
    if (value->type == DB_INT)
        sqlite3_result_int64(context, value->number);
    else if (value->type == DB_TEXT)
        sqlite3_result_text(context, value->text, -1, SQLITE_STATIC);
    return SQLITE_OK;
}

static int rows_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *ret_rowid)
{
    *ret_rowid = (sqlite3_int64)cursor_of(base)->at;
    return SQLITE_OK;
}

/* Without xCreate: the table is there in every database and nobody can make another. */
static const sqlite3_module rows_module = {
    .xConnect = rows_connect,
    .xBestIndex = rows_best_index,
    .xDisconnect = rows_disconnect,
    .xOpen = rows_open,
    .xClose = rows_close,
    .xFilter = rows_filter,
    .xNext = rows_next,
    .xEof = rows_eof,
    .xColumn = rows_column,
    .xRowid = rows_rowid,
};

int sqlite_rows_register(sqlite3 *handle)
{
    return sqlite3_create_module(handle, "rows", &rows_module, NULL);
}

int sqlite_rows_bind(sqlite3_stmt *statement, int index, struct sqlite_rows *rows)
{
    BUG_ON(rows->width > SQLITE_ROWS_WIDTH_MAX);
    return sqlite3_bind_pointer(statement, index, rows, POINTER_TYPE, NULL);
}
