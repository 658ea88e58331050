/*
 * A small installation for tests of moves: the product's database, the sandbox cloud, and two
 * databases for tenants, one behind every shared host and one behind every dedicated app. All on
 * the engine that testdb.h chose. Anything that goes wrong stops the test program.
 */
#ifndef WEBHOST_TESTS_MIGRATION_WORLD_H
#define WEBHOST_TESTS_MIGRATION_WORLD_H

#include "testdb.h"

#include "domain/jobs/runner.h"
#include "domain/migration/move.h"
#include "domain/migration/workers.h"
#include "domain/provisioning/workers.h"
#include "sandbox/sandbox.h"

#define WORLD_WORKERS (PROVISIONING_WORKERS + MOVE_WORKERS)

struct world {
    struct testdb core, shared, dedicated;
    char folder[64], sandbox_url[128];
    struct sandbox *sandbox;
    struct clock_virtual clock;
    struct rng_seeded rng;
    struct env env;
    struct policy *policy;
    struct prices *prices;
    struct secret *token;
    struct provisioning_settings settings;
    struct provisioning provisioning;
    struct move_settings move_settings; /* no soak */
    struct notify_settings notify;
    struct move_context moves;
    struct job_worker workers[WORLD_WORKERS];
    struct job_queue queues[3];
    struct runner *runner;
    struct arena arena;
};

void world_create(struct world *w);
void world_remove(struct world *w);

/* The half that a second process makes for itself over the first one's databases and sandbox. */
void world_join(struct world *w, unsigned sandbox_port);
void world_leave(struct world *w);

/* Signs a customer up on "hobby", provisions it and gives it rows. `extra` is added to the body. */
const char *world_customer(struct world *w, const char *slug, const char *profile);

/* Runs jobs and lets time pass until none is left, for `rounds` at most. */
void world_run(struct world *w, unsigned rounds);

enum err world_request(struct world *w, const char *customer, const char *mode, struct move *ret,
                       struct error *e);
enum err world_cancel(struct world *w, const char *id, struct error *e);
struct move world_move(struct world *w, const char *id);
struct deployment world_deployment(struct world *w, const char *id);
struct deployment world_current(struct world *w, const char *customer_id);

/* Lets time pass, then runs what is due then. */
void world_pass(struct world *w, int64_t by_us);

/* A query that gives one number, on our database or a tenant's. */
int64_t world_count(struct world *w, const struct db_query *query, const char *arg);
int64_t world_tenant_count(struct world *w, const char *url, const struct db_query *query,
                           const char *arg);

/* Tries to add a vehicle where the customer lives now. */
enum err world_write(struct world *w, const char *url, const char *customer_id, const char *id,
                     struct error *e);

/* Everything the tenant has at `url`, as one fingerprint in the arena. */
const char *world_fingerprint(struct world *w, const char *url, const char *customer_id);

#endif
