/*
 * The emulator's own state in memory; everything else is in the database. Known to sandbox.c,
 * serve.c and databases.c only.
 */
#ifndef WEBHOST_SANDBOX_SANDBOX_INT_H
#define WEBHOST_SANDBOX_SANDBOX_INT_H

#include "sandbox/call.h"
#include "sandbox/faults.h"
#include "sandbox/limiter.h"
#include "sandbox/settings.h"

#include <pthread.h>

struct sandbox {
    struct arena arena; /* of the options' texts */
    struct sandbox_options options;
    struct db *db;
    struct http_server *server;
    struct limiter *hetzner_limiter;
    struct limiter *fly_limiter; /* NULL: no limit */
    struct faults *faults;
    struct settings *settings;

    pthread_mutex_t lock;   /* guards what follows, and the rng */
    pthread_cond_t changed; /* broadcast after every write and when stopping; CLOCK_MONOTONIC */
    uint64_t writes;
    unsigned waiters; /* requests in GET .../wait; bounded so that others find a thread */
    bool stopping;

    pthread_mutex_t following; /* one sandbox_follow_machines() at a time: names, then databases */
};

/* Each server and app has its database in the cluster, and nobody else; no effect without one. */
enum err sandbox_follow_machines(struct sandbox *s, struct error *e);

#endif
