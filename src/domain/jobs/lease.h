/*
 * Leases: for what only one may do at a time, whatever the number of nodes.
 *
 * Whoever holds a lease renews it before it runs out. Once it has run out another may take it, so
 * the holder renews it in each transaction that it writes in: a false answer there says that what
 * it does is no longer its own to do.
 */
#ifndef WEBHOST_DOMAIN_JOBS_LEASE_H
#define WEBHOST_DOMAIN_JOBS_LEASE_H

#include "domain/core/env.h"

/* Takes or renews it until `lease_us` from `now`, which is db_now(). */
enum err lease_take(struct db_tx *tx, const char *name, int64_t holder, int64_t now,
                    int64_t lease_us, bool *ret_held, struct error *e);

/* Gives it back, if it is still the holder's. */
enum err lease_release(struct db_tx *tx, const char *name, int64_t holder, struct error *e);

#endif
