#include "domain/migration/postgres/team.h"

struct team {
    const struct pg_move *m;
    const struct team_work *work;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    enum task_state *states;
    size_t left; /* not begun yet */
    bool failed;
    struct error failure;
    pthread_mutex_t talk; /* go_on and note of the run */
};

void team_note(struct team *team, const struct mover_progress *progress)
{
    pthread_mutex_lock(&team->talk);
    pg_move_note(team->m, progress);
    pthread_mutex_unlock(&team->talk);
}

enum err team_go_on(void *arg, struct error *e)
{
    struct team *team = arg;
    pthread_mutex_lock(&team->lock);
    bool failed = team->failed;
    pthread_mutex_unlock(&team->lock);
    if (failed)
        return error_set(e, ERR_CONFLICT, "another part of the work has failed");
    pthread_mutex_lock(&team->talk);
    enum err err = team->m->run->go_on(team->m->run->ctx, e);
    pthread_mutex_unlock(&team->talk);
    return err;
}

static void fail(struct team *team, const struct error *failure)
{
    pthread_mutex_lock(&team->lock);
    if (!team->failed)
        team->failure = *failure;
    team->failed = true;
    pthread_cond_broadcast(&team->changed);
    pthread_mutex_unlock(&team->lock);
}

/* With the lock held: the first that may begin; `tasks` when none may now. */
static size_t next_ready(const struct team *team)
{
    const struct team_work *w = team->work;
    size_t i = 0;
    while (i < w->tasks &&
           (team->states[i] != TASK_WAITING || (w->ready && !w->ready(w->ctx, team->states, i))))
        i++;
    return i;
}

/* False when there is nothing left to begin. */
static bool take(struct team *team, size_t *ret)
{
    pthread_mutex_lock(&team->lock);
    size_t task = next_ready(team);
    while (!team->failed && team->left > 0 && task == team->work->tasks) {
        pthread_cond_wait(&team->changed, &team->lock);
        task = next_ready(team);
    }
    bool taken = !team->failed && team->left > 0;
    if (taken) {
        team->states[task] = TASK_RUNNING;
        team->left--;
        *ret = task;
    }
    pthread_mutex_unlock(&team->lock);
    return taken;
}

static void done(struct team *team, size_t task)
{
    pthread_mutex_lock(&team->lock);
    team->states[task] = TASK_DONE;
    pthread_cond_broadcast(&team->changed);
    pthread_mutex_unlock(&team->lock);
}

static enum err open_sessions(struct team *team, struct pg_session *at[2], struct error *e)
{
    enum mover_side first = team->work->source ? SIDE_SOURCE : SIDE_TARGET;
    for (enum mover_side side = first; side <= SIDE_TARGET; side++) {
        TRY(pg_move_session(team->m, side, NULL, &at[side], e));
        pg_set_watch(at[side], team_go_on, team);
    }
    return team->work->begin ? team->work->begin(team->work->ctx, at, e) : OK;
}

static void *worker_main(void *arg)
{
    struct team *team = arg;
    struct pg_session *at[2] = {NULL, NULL};
    struct error e;
    size_t task;
    enum err err = open_sessions(team, at, &e);
    while (err == OK && take(team, &task)) {
        err = team->work->run(team->work->ctx, team, task, at, &e);
        if (err == OK)
            done(team, task);
    }
    if (err != OK)
        fail(team, &e);
    pg_close(at[SIDE_SOURCE]);
    pg_close(at[SIDE_TARGET]);
    return NULL;
}

static void run_workers(struct team *team)
{
    pthread_t threads[TEAM_MAX];
    size_t count = team->work->workers, started = 0;
    count = count > TEAM_MAX ? TEAM_MAX : count;
    count = count > team->work->tasks ? team->work->tasks : count;
    while (started + 1 < count && pthread_create(&threads[started], NULL, worker_main, team) == 0)
        started++;
    (void)worker_main(team); /* the last, or all that there are threads for */
    for (size_t i = 0; i < started; i++)
        BUG_ON(pthread_join(threads[i], NULL) != 0);
}

enum err team_run(const struct pg_move *m, const struct team_work *work, struct error *e)
{
    struct team team = {.m = m, .work = work, .left = work->tasks};
    if (work->tasks == 0)
        return OK;
    team.states = calloc(work->tasks, sizeof(*team.states));
    BUG_ON(!team.states);
    BUG_ON(pthread_mutex_init(&team.lock, NULL) != 0);
    BUG_ON(pthread_mutex_init(&team.talk, NULL) != 0);
    BUG_ON(pthread_cond_init(&team.changed, NULL) != 0);
    run_workers(&team);
    (void)pthread_cond_destroy(&team.changed);
    (void)pthread_mutex_destroy(&team.talk);
    (void)pthread_mutex_destroy(&team.lock);
    free(team.states);
    if (team.failed && e)
        *e = team.failure;
    return team.failed ? team.failure.code : OK;
}
