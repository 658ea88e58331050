/*
 * What must not happen during a move, watched: that the schema changes, that the stream stops or
 * keeps too much of a server's log.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_WATCH_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_WATCH_H

#include "domain/migration/postgres/parts.h"

/* What the catalogs of both sides say now is what they are to say until the move is over. No effect
 * when that was recorded before. ERR_CONFLICT when they differ from each other. */
enum err pg_watch_begin(struct pg_move *m, struct pg_catalog *ret_source, struct error *e);

/* ERR_CONFLICT when a schema changed since; `ret` is the source's catalog. */
enum err pg_watch_schema(struct pg_move *m, struct pg_catalog *ret, struct error *e);

/* Contract in mover.h. */
enum err pg_watch(const struct mover_run *run, int64_t *ret_lag_bytes, struct error *e);

#endif
