#include "domain/jobs/prune.h"

#define PRUNE_WORKER "PruneWorker"
#define PRUNE_QUEUE  "maintenance"
#define PRUNE_BATCH  1000

struct prune_work {
    int64_t before, deleted;
};

static enum err prune_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct prune_work *w = arg;
    return job_prune(tx, w->before, PRUNE_BATCH, &w->deleted, e);
}

static enum job_result perform(struct job_run *run, struct error *e)
{
    const struct prune *prune = run->ctx;
    struct prune_work w = {.before = env_now(run->env) - prune->keep_us};
    do {
        if (db_write_relaxed(run->env->db, prune_work, &w, e) != OK)
            return JOB_RETRY;
    } while (w.deleted == PRUNE_BATCH);
    return JOB_DONE;
}

struct job_worker prune_worker(struct prune *prune)
{
    return (struct job_worker){PRUNE_WORKER, PRUNE_QUEUE, perform, NULL, prune};
}

struct cron prune_cron(void)
{
    return (struct cron){
        .name = "prune",
        .when = "17 * * * *",
        .spec = {.worker = PRUNE_WORKER, .queue = PRUNE_QUEUE, .args = "{}", .unique_key = "prune"},
    };
}
