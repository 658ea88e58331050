/*
 * PgBouncer's admin console: looks like a database and speaks the simple protocol only, without
 * settings, transactions, parameters or cancelling. That is why it is not a session (session.h).
 *
 * Every call has a deadline (CLOCK_MONOTONIC, microseconds). A console whose call ended with
 * ERR_TIMEOUT or ERR_UNAVAILABLE is broken: nobody knows what its other side still does, and the
 * caller closes it. Closing undoes nothing: a PAUSE that did not return stays asked for.
 *
 * One command is under way at a time: pg_console_send(), then pg_console_take(); so commands can be
 * under way on several consoles at once. What PgBouncer refuses is ERR_CONFLICT with its words.
 */
#ifndef WEBHOST_INFRA_PG_CONSOLE_H
#define WEBHOST_INFRA_PG_CONSOLE_H

#include "base/arena.h"
#include "base/err.h"

struct pg_console;

/* `url` names the database "pgbouncer" and a user of its admin_users. */
enum err pg_console_open(const char *url, int64_t deadline_us, struct pg_console **ret,
                         struct error *e);
void pg_console_close(struct pg_console *c); /* NULL is fine */

/* False when it is broken or the other side has closed it: one that rested is asked first. */
bool pg_console_is_usable(struct pg_console *c);

/* "PgBouncer at 127.0.0.1:6432", for sentences; lives as long as the console. */
const char *pg_console_place(const struct pg_console *c);

/* Rows as text, each with all columns; NULL is NULL. */
struct pg_table {
    size_t count, columns;
    const char **names;
    const char **cells; /* row by row */
};

/* By the column's name, since columns move between versions; NULL when there is no such column. */
const char *pg_table_cell(const struct pg_table *table, size_t row, const char *column);

enum err pg_console_send(struct pg_console *c, const char *command, struct error *e);
/* `ret` may be NULL: rows are not wanted; then `arena` may be, too. */
enum err pg_console_take(struct pg_console *c, int64_t deadline_us, struct arena *arena,
                         struct pg_table *ret, struct error *e);

/* Both. */
enum err pg_console_run(struct pg_console *c, const char *command, int64_t deadline_us,
                        struct arena *arena, struct pg_table *ret, struct error *e);

#endif
