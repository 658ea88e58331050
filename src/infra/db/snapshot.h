/*
 * Snapshots: what a database held at one moment, read in as many calls as it takes.
 *
 * db_read() sees one moment too, but it ends with the call. A snapshot stays until it is closed, on
 * a connection of its own: making one ready takes a while, freezing it afterwards next to nothing,
 * so that the moment can be chosen well. While it is frozen the write-ahead log cannot start over;
 * whoever has one goes on reading and closes it.
 *
 * SQLite only. Snapshots of PostgreSQL that outlive a call come from infra/pg.
 *
 *     db_snapshot_open   db_snapshot_freeze   db_snapshot_read...   db_snapshot_close
 *
 * Used by one thread at a time. The database must outlive it.
 */
#ifndef WEBHOST_INFRA_DB_SNAPSHOT_H
#define WEBHOST_INFRA_DB_SNAPSHOT_H

#include "infra/db/db.h"

struct db_snapshot;

enum err db_snapshot_open(struct db *db, struct db_snapshot **ret, struct error *e);

/* Everything that was committed before the call is seen from now on, and nothing after it. */
enum err db_snapshot_freeze(struct db_snapshot *s, struct error *e);

/* As db_read(), on what was frozen. */
enum err db_snapshot_read(struct db_snapshot *s, db_work *work, void *arg, struct error *e);

void db_snapshot_close(struct db_snapshot *s); /* NULL is fine */

#endif
