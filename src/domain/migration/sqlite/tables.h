/*
 * The tables that a move between SQLite files carries, and rows on their way.
 *
 * The list is static, and in the order in which tables can be filled: a table stands behind those
 * that its foreign keys name. A test compares it with the schema, and survey() with the database at
 * hand, so that none is forgotten.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_SQLITE_TABLES_H
#define WEBHOST_DOMAIN_MIGRATION_SQLITE_TABLES_H

#include "infra/db/db.h"

struct moved_table {
    const char *name;
    size_t key; /* the column that is the id, of those that `page` reads */
    /* Columns that belong to the place and stay behind. */
    size_t own_columns;
    /* Customer, id, limit: the tenant's rows behind that id, in order of id. */
    const struct db_query *page;
    /* The same arguments: the rows of the table before that those rows need. NULL: none. */
    const struct db_query *needed;
    /* Customer, two numbers of the list: rows with entries behind the first and up to the second,
     * as they are now, and what those of later tables need of this one. */
    const struct db_query *changed;
    /* The same arguments: the ids with entries whose rows are no more. NULL: none ever go. */
    const struct db_query *gone;
    const struct db_query *put;    /* rows: inserts, or makes equal what is there */
    const struct db_query *remove; /* customer, then ids as rows */
    /* The same arguments: deletes what still refers to those rows. NULL: nothing can. */
    const struct db_query *release;
    const struct db_query *clear; /* customer, limit: deletes some */
    const struct db_query *count; /* customer */
};

enum { MOVED_TABLES = 3 };

extern const struct moved_table moved_tables[MOVED_TABLES];

/* Rows in memory: values row after row, in the arena. Zeroed with an arena: none. */
struct row_set {
    struct arena *arena;
    struct db_value *values;
    size_t width, count, capacity; /* the last two in rows */
    int64_t bytes;                 /* of their values: texts, and 8 for each number */
};

/* For db_each(); `arg` is the row_set, which copies the row. */
enum err row_set_add(const struct db_value *columns, size_t count, void *arg, struct error *e);

/* What a row's id is. */
const char *row_set_key(const struct row_set *rows, size_t row, size_t key);

#endif
