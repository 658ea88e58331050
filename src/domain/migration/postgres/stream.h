/*
 * Streams: a tenant's changes go from one side to the other by logical replication.
 *
 * The stream from a side is publications and a slot there, and a subscription on the other side. At
 * any time there is at most one subscription, so that nothing goes in circles: from the owner to
 * the other side. PostgreSQL 15 cannot leave out what came by another subscription, so a stream
 * that takes over begins at a position of its log, taken when everything from the other side had
 * been applied and nobody could write yet (struct cut in cutover.c); the subscription is told that
 * position before it is enabled for the first time.
 *
 * What is published. A row filter keeps other tenants' rows at home, but on updates and deletes it
 * may only look at columns of the replica identity; if it looks at others, the application's own
 * updates fail. Tables whose primary key has the tenant column, or whose replica identity is FULL,
 * are published whole with a filter. Of the others inserts are published with a filter and updates
 * and deletes without one: those of other tenants find no row on the other side and are skipped,
 * and should they find one, the check of fence.h decides. The alternative, a unique index with the
 * tenant column as replica identity, would be built on the shared tables while all tenants work on
 * them, and need a lock that stops them. TRUNCATE is never published.
 *
 * Markers prove that a stream is caught up: a number written at one side and read at the other,
 * never a timer.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_STREAM_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_STREAM_H

#include "domain/migration/postgres/parts.h"

/* No effect when it is published. Reference data goes along from the source only, and only when the
 * target is the tenant's alone. ERR_CONFLICT names a table that cannot be published. */
enum err pg_stream_publish(const struct pg_move *m, enum mover_side from,
                           const struct pg_catalog *catalog, bool with_reference, struct error *e);

/*
 * Makes the slot anew, without subscription. With `ret_snapshot` it exports a snapshot of exactly
 * what comes before the slot: it lives as long as `ret_holder`, the caller's to close, and that
 * session must not be used for anything else.
 *
 * Waits for every transaction of the whole server that is under way and has written: ERR_BUSY when
 * one is too long.
 */
enum err pg_stream_slot(const struct pg_move *m, enum mover_side from, struct arena *arena,
                        struct pg_session **ret_holder, const char **ret_snapshot, struct error *e);

/* The subscription, enabled; made when it is not there. `lsn` is where a stream that takes over
 * begins; NULL: at its slot. */
enum err pg_stream_start(const struct pg_move *m, enum mover_side from, const char *lsn,
                         struct error *e);

/* Removes subscription and slot, in this order; OK when there are none. */
enum err pg_stream_stop(const struct pg_move *m, enum mover_side from, struct error *e);

/* Removes the publications of a side. */
enum err pg_stream_unpublish(const struct pg_move *m, enum mover_side from, struct error *e);

struct pg_stream_state {
    bool slot, subscription, enabled;
    bool working;       /* somebody receives from the slot */
    bool lost;          /* the server removed what the slot needs */
    int64_t kept_bytes; /* that the slot keeps the server from removing */
    int64_t lag_bytes;  /* not confirmed yet by the other side */
    int64_t errors;     /* of applying, since the subscription was made */
};

enum err pg_stream_state(const struct pg_move *m, enum mover_side from, struct pg_stream_state *ret,
                         struct error *e);

/* ERR_CONFLICT with the reason when changes do not flow, or keep more than settings->kept_wal_mb.
 */
enum err pg_stream_check(const struct pg_move *m, enum mover_side from,
                         const struct pg_stream_state *state, struct error *e);

enum err pg_marker_send(const struct pg_move *m, enum mover_side from, int64_t *ret_n,
                        struct error *e);
/* Waits at the other side until the marker has arrived there, `ms` at most. */
enum err pg_marker_wait(const struct pg_move *m, enum mover_side from, int64_t n, int64_t ms,
                        bool *ret_arrived, struct error *e);

/* Returns when a marker that is written now has arrived; reports the lag. ERR_CONFLICT when it
 * never will. */
enum err pg_stream_catch_up(const struct pg_move *m, enum mover_side from, struct error *e);

/* "webhost_TAG_source": the slot and the subscription. */
const char *pg_stream_name(const struct pg_move *m, enum mover_side from, struct arena *arena);

#endif
