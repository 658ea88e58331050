/*
 * Ids of the two sides never meet.
 *
 * After the cutover both sides hand out ids from sequences of the same name: the target to the
 * tenant, a shared source to all others. The tenant's rows flow back during the soak, and an id
 * that both have given away would stop the way back, or be overwritten. So before anything flows,
 * the side that others share sets a block of ids aside for the other one, by moving its own
 * sequence behind it: nobody there will ever get one of those, not even after the tenant has come
 * back, and the next move gets a block of its own.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_BLOCKS_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_BLOCKS_H

#include "domain/migration/postgres/parts.h"

/* Makes the blocks that are not there yet; `shared` is the side that sets them aside. ERR_CONFLICT
 * names a sequence that has no room. */
enum err pg_blocks_make(const struct pg_move *m, const struct pg_catalog *catalog,
                        enum mover_side shared, struct error *e);

/* ERR_CONFLICT when a side is not within its block any more. */
enum err pg_blocks_check(const struct pg_move *m, const struct pg_catalog *catalog,
                         struct error *e);

#endif
