/*
 * The watchdog of a cutover: a process of its own that is there when the mover is not.
 *
 *     start       it connects to both sides and to the router, and says that it is ready
 *     guard       unless it is dismissed within that time, or when the mover's end of the pipe
 *                 closes, it ends the mover's sessions, reads the fences, opens the owner's,
 *                 points clients there and lets them on (settle.h)
 *     dismiss     all is well
 *
 * A mover that was late may only have hung. It cannot commit any more, since its sessions are gone,
 * and routers do nothing behind its deadline; the watchdog stays until it says so or is gone.
 *
 * It is this same program, started again: main() calls pg_watchdog_hook() first, which does not
 * return in the watchdog. A program that did not call it makes no cutovers. Passwords go through
 * the pipe.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_WATCHDOG_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_WATCHDOG_H

#include "domain/migration/mover.h"
#include "domain/migration/postgres/parts.h"

/* `make` makes the router of its `spec`; NULL: this program has none. */
void pg_watchdog_hook(int argc, char **argv, mover_router_make *make);

struct pg_watchdog;

enum err pg_watchdog_start(const struct pg_move *m, struct pg_watchdog **ret, struct error *e);
/* Returns when it is on guard. ERR_UNAVAILABLE or ERR_TIMEOUT: then there must be no cutover. */
enum err pg_watchdog_guard(struct pg_watchdog *w, int64_t for_ms, struct error *e);
/* It goes without doing anything. */
void pg_watchdog_dismiss(struct pg_watchdog *w);
/* It does what it is there for, now; returns when it has. NULL is fine. */
void pg_watchdog_release(struct pg_watchdog *w);

#endif
