/*
 * Several threads at one list of tasks, each with a session to either side.
 *
 * A task begins when ready() says so and a worker is free, in the order of the list. The first
 * failure ends all: the others' sessions are told by their watch, within a second, and that failure
 * is returned. go_on and note of the run are called by one thread at a time.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_TEAM_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_TEAM_H

#include "domain/migration/postgres/parts.h"

#include <pthread.h>

#define TEAM_MAX 32 /* workers */

enum task_state { TASK_WAITING, TASK_RUNNING, TASK_DONE };

struct team;

struct team_work {
    size_t workers, tasks;
    bool source; /* a worker needs a session there too */
    /* Prepares a worker's new sessions; NULL: nothing to do. */
    enum err (*begin)(void *ctx, struct pg_session *const at[2], struct error *e);
    enum err (*run)(void *ctx, struct team *team, size_t task, struct pg_session *const at[2],
                    struct error *e);
    /* Called with the team's lock held; NULL: all are. One task at least must always be. */
    bool (*ready)(void *ctx, const enum task_state *states, size_t task);
    void *ctx;
};

enum err team_run(const struct pg_move *m, const struct team_work *work, struct error *e);

/* For what a task reports and asks meanwhile. */
void team_note(struct team *team, const struct mover_progress *progress);
enum err team_go_on(void *team, struct error *e);

#endif
