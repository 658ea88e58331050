/*
 * The fence: on which side the tenant can be written.
 *
 * Each side's schema of the move has a sequence, because a sequence is the one thing in PostgreSQL
 * that everyone sees at once, also from inside an old snapshot:
 *
 *     open     the tenant is written here
 *     leaving  closed by a cutover that is under way: still the owner until the other side opens
 *     closed   it is not written here
 *
 * Triggers on the tenant's tables, which fire for its rows only, take the tenant's advisory lock
 * shared and then look: unless the fence is open, the change is refused with SQLSTATE 25006. Who
 * closes the fence sets it first, then takes the lock exclusively: that waits for every transaction
 * that saw it open, and who comes later sees it closed.
 *
 * For the length of the move the triggers also refuse what cannot be sent to the other side: a
 * TRUNCATE of a tenant's table, and an update of the tenant column from or to the tenant. What
 * arrives from the other side is not subject to the fence (the worker that applies it is a replica)
 * but to a check of its own: another tenant's change is skipped, and one that would touch another
 * tenant's row is refused and stops the stream.
 *
 * The schema also remembers the highest run that worked here; a smaller one is refused everywhere.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_FENCE_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_FENCE_H

#include "domain/migration/postgres/parts.h"

enum pg_fence { PG_FENCE_NONE, PG_FENCE_OPEN, PG_FENCE_LEAVING, PG_FENCE_CLOSED };

/* Advisory locks of a move: writers and the fence; the one cutover at a time. */
int64_t pg_fence_lock(const struct pg_move *m);
int64_t pg_fence_cut_lock(const struct pg_move *m);

/* Makes the schema with its fence, open at the source and closed at the target, when it is not
 * there; then the triggers on the tenant's tables. */
enum err pg_fence_create(const struct pg_move *m, enum mover_side side,
                         const struct pg_catalog *catalog, struct error *e);
/* Removes both, wherever a trigger of the move is. OK when there is nothing. */
enum err pg_fence_drop(const struct pg_move *m, enum mover_side side, struct error *e);

/* Ends the sessions of earlier runs there, which could be in the middle of something: a server goes
 * on with a statement whose client was killed. What they were about to do is done or never will be.
 */
enum err pg_fence_end_older(const struct pg_move *m, enum mover_side side, struct error *e);

/* Takes the run (parts.h), and ends the sessions of earlier ones. */
enum err pg_fence_claim(const struct pg_move *m, enum mover_side side, struct error *e);

/* PG_FENCE_NONE: the schema is not there. */
enum err pg_fence_read(const struct pg_move *m, enum mover_side side, enum pg_fence *ret,
                       struct error *e);

/* Who owns the tenant by both fences. */
enum mover_side pg_fence_owner(enum pg_fence source, enum pg_fence target);

/* As SQL, for those who send several statements at once. ERR_CONFLICT from the server when a later
 * run has worked there. */
const char *pg_fence_set_sql(const struct pg_move *m, enum pg_fence fence, struct arena *arena);

/* Sets it, and returns when nobody who saw it open is under way, or ERR_BUSY after `drain_ms`. */
enum err pg_fence_set(const struct pg_move *m, enum mover_side side, enum pg_fence fence,
                      struct error *e);

#endif
