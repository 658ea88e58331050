/*
 * A small cloud on loopback: the Hetzner Cloud API and the Fly Machines API over HTTP, for
 * development, demonstrations and tests. The product speaks to it exactly as to the real ones; only
 * the base URLs differ.
 *
 * It is stateful. What a request created is committed to the emulator's own SQLite file before the
 * reply leaves, so the state survives a restart and a kill -9, as a cloud's would. Nothing runs in
 * the background: a server "becomes" running because its row says at what time it does, and every
 * reply is worked out from the rows and the clock.
 *
 * One listener serves both APIs, whose paths do not collide:
 *   Hetzner  http://ADDRESS:PORT/v1           /servers /actions /ssh_keys /server_types /pricing
 * ... Fly      http://ADDRESS:PORT              /v1/apps/... /v1/platform/regions /v1/postgres
 *                                             /api/v1/organizations/... (managed Postgres)
 *   tests    http://ADDRESS:PORT/sandbox      /faults /state; needs no token
 *
 * It is stricter than the originals where that finds mistakes: unknown body fields are refused, and
 * a Hetzner server refuses a second action (deletion too) with 423 while one is running. It bills
 * nobody and starts nothing: addresses lead nowhere (198.18.0.0/15, RFC 2544), and managed Postgres
 * clusters all answer with the one address given in the options.
 *
 * Lifecycle: sandbox_start() -> sandbox_stop(). Starting again with the same file continues. One
 * process at a time may use a file.
 */
#ifndef WEBHOST_SANDBOX_SANDBOX_H
#define WEBHOST_SANDBOX_SANDBOX_H

#include "base/clock.h"
#include "base/err.h"
#include "base/rng.h"
#include "sandbox/cluster.h"

struct sandbox;

struct sandbox_options {
    const char *db_url;  /* "sqlite:PATH" */
    const char *address; /* NULL: "127.0.0.1" */
    uint16_t port;       /* 0: any free one */
    unsigned threads;    /* 0: 16 */

    const struct clock *clock; /* NULL: clock_system */
    struct rng *rng;           /* NULL: rng_system */

    const char *hetzner_token; /* NULL: any bearer that is not empty */
    const char *fly_token;     /* NULL: likewise */

    /*
     * How long each asynchronous step takes by the clock: a Hetzner action, one transient state of
     * a Fly machine, a Postgres cluster's creation.
     */
    int64_t action_delay_us;

    /*
     * How long what was written may be missed: by Fly's lists and by its other reads without the
     * affinity cookie, and by Hetzner's lists by name or label. 0: never.
     */
    int64_t read_lag_us;

    /*
     * The longest real time that GET .../wait occupies a thread before it says 408, whatever was
     * asked for; 0: 5 seconds.
     */
    int64_t wait_max_us;

    int64_t rate_burst; /* Hetzner requests that a full bucket holds (refill 1/s); 0: 3600 */

    /*
     * Fly requests of one kind that may change one machine (or, when they name none, one app) at
     * once; refill 1/s, then 429. 0: no limit. The real one's is 3.
     */
    int64_t fly_rate_burst;

    const char *postgres_host; /* of every managed cluster; NULL: "127.0.0.1" */
    uint16_t postgres_port;    /* 0: 5432 */

    struct cluster *cluster; /* has a database for each server and app (cluster.h); NULL: none */
};

/* The texts in the options are copied; clock, rng and cluster must outlive the sandbox. */
enum err sandbox_start(const struct sandbox_options *options, struct sandbox **ret_sandbox,
                       struct error *e);

uint16_t sandbox_port(const struct sandbox *sandbox);

/* Ends waiting requests, lets running ones finish, closes the file. NULL is fine. */
void sandbox_stop(struct sandbox *sandbox);

#endif
