/*
 * Routers: what stands between clients and databases, so that clients wait for a cutover instead of
 * being refused. A mover (migration/mover.h) is given one; PgBouncer is one (pgbouncer.h).
 *
 * All three are safe to repeat. Members return when it is in effect. Deadlines are of
 * CLOCK_MONOTONIC, in microseconds; behind its deadline a member begins nothing any more, so that a
 * caller who hung does not work against who took over.
 *
 *     pause -> point -> resume       resume also after a pause or a point that failed
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_ROUTER_H
#define WEBHOST_DOMAIN_PROVISIONING_ROUTER_H

#include "base/arena.h"
#include "base/err.h"

struct mover_router {
    /*
     * New transactions of the tenant wait; returns when none is under way. ERR_TIMEOUT after
     * `deadline_us`, ERR_UNAVAILABLE when a part of the way cannot be asked, ERR_NOT_FOUND when it
     * does not know the tenant: the caller resumes, and may try again later.
     */
    enum err (*pause)(const struct mover_router *self, const char *slug, int64_t deadline_us,
                      struct error *e);
    /* The tenant's clients go to the database at `url` from their next transaction on. */
    enum err (*point)(const struct mover_router *self, const char *slug, const char *url,
                      int64_t deadline_us, struct error *e);
    enum err (*resume)(const struct mover_router *self, const char *slug, int64_t deadline_us,
                       struct error *e);
    /*
     * What another process makes the same router of, as text: a cutover's watchdog is one, which
     * lets clients on when the mover was killed. May hold secrets; goes through a pipe, never into
     * arguments. NULL: there is none.
     */
    const char *spec;
};

/*
 * The inverse of `spec`; the router lives in the arena. A program's main() hands it to the mover's
 * watchdog.
 */
typedef enum err mover_router_make(const char *spec, struct arena *arena,
                                   const struct mover_router **ret, struct error *e);

#endif
