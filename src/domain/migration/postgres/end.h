/* How a move ends: what it made is removed, and the tenant's rows from where it no longer is. */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_END_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_END_H

#include "domain/migration/postgres/parts.h"

/* Deletes the tenant's rows in batches, those that refer to others first. No stream may be going
 * out from there: it would delete them at the other side. */
enum err pg_end_delete_rows(const struct pg_move *m, enum mover_side side,
                            const struct pg_catalog *catalog, struct error *e);

/* Both streams and their publications; then what follows cannot reach the other side. */
enum err pg_end_streams(const struct pg_move *m, struct error *e);

/* Contracts in mover.h. */
enum err pg_end_finish(const struct mover_run *run, struct error *e);
enum err pg_end_undo(const struct mover_run *run, struct error *e);

#endif
