/*
 * `webhost serve --demo --postgres`: the demonstration's customers write, so that a move can be
 * seen not to disturb them.
 *
 * Each of them that has a database is one client of its alias at PgBouncer, with one connection
 * that stays while the customer moves: twenty writes a second, a GPS point for one of its vehicles
 * and now and then a vehicle's new name. What a client loses it does not write again; it connects
 * anew, less and less often while there is nobody. Of the points that it made the newest 20,000 are
 * kept.
 *
 * The log tells every 30 seconds and at the end what they have written, how much of it failed and
 * what took longest, and at once, at most once a second, when a write fails or takes 250 ms.
 *
 * One thread for all of them, which waits for no single one: while a customer's write stands in a
 * cutover the others write on.
 *
 * Lifecycle: demo_load_start() -> demo_load_stop(), before what it was started with ends.
 */
#ifndef WEBHOST_APP_DAEMON_LOAD_H
#define WEBHOST_APP_DAEMON_LOAD_H

#include "domain/core/env.h"
#include "sandbox/cluster.h"

struct demo_load;

struct demo_load *demo_load_start(const struct env *env, const struct cluster *cluster);

/* False when the thread does not end within two seconds: nothing that it uses may be freed then. */
bool demo_load_stop(struct demo_load *l); /* NULL is fine */

#endif
