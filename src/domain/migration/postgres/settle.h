/*
 * Putting a tenant right after a mover that died: the owner's fence is open and the other's closed,
 * clients go to the owner and do not wait, changes flow from the owner to the other side.
 *
 * One at a time does it: a cutover, a watchdog, a later run. They hold the advisory lock of
 * cutovers, at the source.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_SETTLE_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_SETTLE_H

#include "domain/migration/postgres/parts.h"

/*
 * First ends the sessions of this run that are not this one's: whatever they were about to do is
 * done or will never be. ERR_BUSY when somebody else holds the lock for ten seconds.
 */
enum err pg_settle_lock(const struct pg_move *m, struct error *e);
enum err pg_settle_unlock(const struct pg_move *m, struct error *e);

enum err pg_settle_owner(const struct pg_move *m, enum mover_side *ret, struct error *e);

/* Fences and clients, with the lock held. */
enum err pg_settle_clients(const struct pg_move *m, enum mover_side *ret_owner, struct error *e);

/* Streams, once clients are settled. */
enum err pg_settle_streams(const struct pg_move *m, enum mover_side owner, struct error *e);

#endif
