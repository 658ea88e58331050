/*
 * A tenant on the move: a shared database with three tenants, an empty one with the same schema,
 * clients that write all the time, and a router between them that lives in this process.
 *
 * trips has a primary key without the tenant column and a sequence, points one with it; countries
 * is reference data.
 */
#ifndef WEBHOST_TESTS_PG_WORLD_H
#define WEBHOST_TESTS_PG_WORLD_H

#include "check.h"
#include "domain/migration/postgres/parts.h"
#include "testdb.h"

#include <pthread.h>

struct pg_world;

struct pg_writer {
    struct pg_world *world;
    const char *tenant;
    bool routed; /* goes where the router says; otherwise always to the source */
    pthread_t thread;
    int64_t written, errors;
    char error[ERROR_TEXT_MAX]; /* the first */
};

/* Clients wait while it is paused; a transaction that is under way is waited for. */
struct pg_world_router {
    struct mover_router router; /* first */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool paused;
    int busy;
    enum mover_side side;
    int pauses, points, resumes;
    bool pause_fails, resume_fails;
};

/*
 * In the watchdog, which is another process and cannot reach the one above: writes what it is asked
 * for into the file that is its spec, "point URL" and "resume".
 */
mover_router_make pg_world_make_router;

struct pg_world {
    char router_file[64];
    struct testdb db[2];
    struct pg_session *at[2]; /* the test's own */
    struct mover_settings settings;
    struct pg_world_router router;
    struct mover_run run;
    struct pg_writer writers[4];
    size_t writer_count;
    volatile bool stop;
    struct arena arena;
    struct error e;
};

int pg_world_setup(void **state);
int pg_world_teardown(void **state);

/* prepare .. index of the mover, by hand: what a tenant has at the source is at the target. */
void pg_world_copy(struct pg_world *w);
/* The same, and up to where it can be cut over. */
void pg_world_catch_up(struct pg_world *w);

void pg_world_write(struct pg_world *w, const char *tenant, bool routed);
/* Ends the writers; returns what they wrote. Fails the test when one of them got an error. */
int64_t pg_world_stop(struct pg_world *w);
/* Returns when that many more have been written. */
void pg_world_wait_written(struct pg_world *w, int64_t more);

int64_t pg_world_count(struct pg_world *w, enum mover_side side, const char *sql);
void pg_world_run(struct pg_world *w, enum mover_side side, const char *sql);

/* What the watchdog asked of its router. */
const char *pg_world_watchdog_said(struct pg_world *w);

/* All that a move can leave, one a line; "" when there is nothing. */
const char *pg_world_traces(struct pg_world *w);

#endif
