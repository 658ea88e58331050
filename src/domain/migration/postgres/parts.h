/*
 * The PostgreSQL mover's insides: what its parts share, and the names of what they make.
 *
 * All that a move makes carries its tag, which is the move's id without dashes:
 *
 *     webhost_move_TAG               a schema on both sides: the fence, markers, cuts, id blocks
 *     zz_webhost_TAG_*               triggers on the tenant's tables
 *     webhost_TAG, webhost_TAG_add,  publications on both sides
 *         webhost_TAG_change
 *     webhost_TAG_source, _target    the stream from that side: its slot there, its subscription on
 *                                    the other side
 *
 * so that it can be found again without notes, and removed. Names need no quoting.
 *
 * catalog.h reads schemas, fence.h says who owns the tenant, stream.h sends changes from one side
 * to the other, digest.h compares, cutover.h changes the owner, watchdog.h is there when the mover
 * is not.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_PARTS_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_PARTS_H

#include "domain/migration/mover.h"
#include "domain/migration/postgres/catalog.h"

#define PG_SCHEMA_PREFIX "webhost_move_"

/* One call of a mover's member. Between pg_move_open() and pg_move_close(), one thread. */
struct pg_move {
    const struct mover_run *run;
    struct arena arena;
    const char *tag;
    const char *schema;       /* "webhost_move_TAG" */
    const char *name;         /* application_name of its sessions: "webhost move TAG RUN" */
    const char *tenant;       /* the customer's id as a quoted literal */
    const char *column;       /* the tenant column, quoted */
    const char *url[2];       /* by side, with passwords: for sessions only */
    struct pg_session *at[2]; /* by side; the target's is NULL while its database is missing */
};

/*
 * Connects to both sides and takes the run: later, an older one is refused and its sessions are
 * ended. ERR_CONFLICT when a later run has worked there. A source that cannot be reached is an
 * error, and so is a target but one that was not made yet.
 */
enum err pg_move_open(struct pg_move *m, const struct mover_run *run, struct error *e);
/* The same for a watchdog: its sessions have another name, and are not ended with the mover's. */
enum err pg_move_open_as(struct pg_move *m, const struct mover_run *run, const char *role,
                         struct error *e);
void pg_move_close(struct pg_move *m); /* also one that could not be opened, or is zeroed */

/* The sessions alone; what they were about to do is not waited for. */
void pg_move_close_sessions(struct pg_move *m);

/* One more session of the move, the caller's to close; go_on of the run is asked while it waits.
 * `role` NULL: as the others, to be ended with them. */
enum err pg_move_session(const struct pg_move *m, enum mover_side side, const char *role,
                         struct pg_session **ret, struct error *e);

/* The url with one more parameter, "replication=database"; NULL: as it is. */
const char *pg_url_with(const char *url, const char *parameter, struct arena *arena);

/* Whether others have rows in the tenant's tables there. */
enum err pg_move_is_shared(const struct pg_move *m, enum mover_side side,
                           const struct pg_catalog *catalog, bool *ret, struct error *e);

/* The catalog of a side, in the move's arena. */
enum err pg_move_catalog(struct pg_move *m, enum mover_side side, struct pg_catalog *ret,
                         struct error *e);

void pg_move_note(const struct pg_move *m, const struct mover_progress *progress);
void pg_move_note_what(const struct pg_move *m, const char *what);

/* "source", "target": in names, and for people. */
const char *pg_side_name(enum mover_side side);

/* Whether the schema of the move is at that side. */
enum err pg_move_is_made(const struct pg_move *m, enum mover_side side, bool *ret, struct error *e);

/*
 * Runs DDL, in one transaction, that takes locks on tables which are in use: waits for a lock only
 * for a moment, because everybody else waits behind it, and tries again. `what` is for sentences:
 * "a trigger on trips". ERR_BUSY when there was never a moment for it.
 */
enum err pg_move_ddl(const struct pg_move *m, struct pg_session *s, const char *what,
                     const char *sql, struct error *e);

static inline bool pg_is_tenants(const struct pg_table *t)
{
    return t->tenant_type != NULL;
}

#endif
