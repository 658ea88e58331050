/*
 * The copy: every row of one snapshot into the target, in parallel.
 *
 * Each table is a task, and a large one several (ranges of pages), unless its target is exclusive:
 * then one transaction empties and fills it, so that its rows are frozen and seen by everyone from
 * the start, and nobody can write it meanwhile. A foreign key that was taken away comes back while
 * its table is still empty, once the table that it refers to has its rows and its key, and nobody
 * checks the rows that follow, just as in PostgreSQL's own replication: references.h looks at all
 * of them before the cutover.
 *
 * Repeating it empties the target of the tenant's rows first, whatever an earlier run left.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_ROWS_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_ROWS_H

#include "domain/migration/postgres/parts.h"

/* `snapshot` is one of the source's, exported by a session that outlives this. */
enum err pg_rows_copy(const struct pg_move *m, const struct pg_catalog *source,
                      const char *snapshot, int64_t *ret_rows, int64_t *ret_bytes, struct error *e);

/* The planner's guess at how many rows of the table are the tenant's; all of reference data. */
enum err pg_estimate_rows(const struct pg_move *m, enum mover_side side, const struct pg_table *t,
                          int64_t *ret, struct error *e);

/* All that was committed at the target so far is on its disk when this returns. */
enum err pg_make_durable(const struct pg_move *m, struct error *e);

#endif
