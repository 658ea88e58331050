/*
 * Inside the runner: what its parts share. For the files of this folder only.
 *
 * A claimed batch of jobs stays in one piece of memory from the claim until the last of its tasks
 * is finished. A task belongs to exactly one list at a time: its queue's `waiting`, then `running`,
 * `ended`, and `completing` or `ending`. All lists are changed with `lock` held; the last two are
 * changed by the finisher alone, which may therefore read them without. No database work is done
 * with the lock held.
 */
#ifndef WEBHOST_DOMAIN_JOBS_RUNNER_PARTS_H
#define WEBHOST_DOMAIN_JOBS_RUNNER_PARTS_H

#include "domain/jobs/claim.h"
#include "domain/jobs/runner.h"

#include <pthread.h>

struct batch {
    struct arena arena; /* this struct, the jobs and the tasks too */
    size_t left;        /* tasks not finished; guarded by the lock */
};

struct task {
    struct task *next;
    struct batch *batch;
    const struct job *job;
    const struct job_worker *worker; /* NULL: this program does not know it */
    size_t queue;
    _Atomic bool cancelled;
    /* Set when it has run: */
    enum job_result result;
    int64_t snooze_us;
    char *why; /* NULL: nothing went wrong; freed with the task */
    int64_t took_us;
};

struct task_list {
    struct task *first, **end;
    size_t count;
};

struct queue_state {
    unsigned limit; /* as configured or as scaled */
    bool paused;
    struct task_list waiting;
    size_t running;
    struct runner_counts counts;
    /* The claimer's own: */
    struct job_cursor cursor;
    int64_t look_at_all_at; /* monotonic: when a claim may start at the very beginning again */
    bool looked_behind;     /* the last claim started at the cursor: there may be more before it */
};

struct runner {
    struct runner_options opt;

    pthread_mutex_t lock;
    pthread_cond_t claimer_wake, executor_wake, finisher_wake, keeper_wake;
    int64_t node; /* guarded; 0: not registered */
    struct queue_state *queues;
    struct task *running; /* all queues' */
    struct task_list ended;
    int64_t ended_since;                 /* monotonic: when the first of `ended` ended */
    struct task_list completing, ending; /* being written down */
    bool claimer_woken, keeper_woken;
    bool stopping;  /* claim and begin nothing more */
    bool finishing; /* nothing runs any more: the finisher ends when `ended` is empty */
    bool doubtful;  /* a claim failed in a way that may have happened all the same */
    size_t idle_executors;

    struct db_listener *listener;
    bool one_writer; /* the claimer finishes too, in one commit */
    pthread_t claimer, finisher, keeper;
    pthread_t *executors; /* grow with the limits; guarded */
    size_t executor_count, executors_ended;
    bool threaded; /* has executors, not runner_step(); guarded */
    bool started;
};

/* -- lists; with the lock held ------------------------------------------------------------- */

void task_list_init(struct task_list *list);
void task_list_append(struct task_list *list, struct task *task);
void task_list_append_all(struct task_list *list, struct task_list *from); /* empties `from` */
struct task *task_list_take(struct task_list *list);                       /* NULL when empty */

/* Frees the task, and its batch with the last one. */
void task_free(struct runner *r, struct task *task);

/* The ids of everything in hand that belongs to `node`, in the arena. */
const int64_t *ids_in_hand(const struct runner *r, int64_t node, struct arena *arena,
                           size_t *ret_count);

/* -- the parts; without the lock ------------------------------------------------------------ */

/*
 * Completes what ended and claims for every queue with places, in one commit; then records the
 * other ends. What could not be written down is tried by the next round. Rounds with the same part
 * must not overlap. `ret_claimed` (may be NULL) is how many jobs.
 */
enum { ROUND_FINISH = 1, ROUND_CLAIM = 2 };
enum err runner_round(struct runner *r, unsigned parts, size_t *ret_claimed, struct error *e);

/* Runs one task that was moved to `running`, and moves it to `ended`. */
void runner_execute(struct runner *r, struct task *task);

/* Takes the next task that may run and moves it to `running`; NULL when there is none. Locked. */
struct task *runner_next_task(struct runner *r);

/* Starts executors for what the limits allow now; never ends any. Locked. */
void runner_limits_changed(struct runner *r);

/* Registers the node, or renews its lease; expires others, rescues their jobs, runs the cron. */
enum err runner_keep_alive(struct runner *r, struct error *e);

/* Moves due jobs to available, hears of settings and cancelled jobs. */
enum err runner_look_around(struct runner *r, struct error *e);

const struct job_worker *runner_worker(const struct runner *r, const char *name);

/* -- the parts of a round -----------------------------------------------------------------------
 */

/* prepare, then work in the transaction (perhaps more than once), then done. */
struct completions;
struct completions *completions_prepare(struct runner *r, struct arena *arena);
bool completions_any(const struct completions *completions);
void completions_work(struct db_tx *tx, struct completions *completions);
void completions_done(struct runner *r, const struct completions *completions); /* committed */

struct claims;
struct claims *claims_prepare(struct runner *r, struct arena *arena);
bool claims_any(const struct claims *claims);
enum err claims_work(struct db_tx *tx, struct claims *claims, struct error *e);
size_t claims_done(struct runner *r, struct claims *claims, bool committed); /* how many jobs */
enum err claims_resolve_doubt(struct runner *r, struct error *e);

/* Records errors and snoozes, each in a transaction of its own. */
enum err ends_record(struct runner *r, struct error *e);

/* Whether it is the database's trouble, which the next job would have as well. */
bool err_is_for_all(enum err err);

#endif
