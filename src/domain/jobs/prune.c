#include "domain/jobs/prune.h"

#define PRUNE_WORKER "PruneWorker"
#define PRUNE_QUEUE  "maintenance"
#define PRUNE_BATCH  1000

struct prune_work {
    prune_fn *prune;
    int64_t before, deleted;
};

static enum err prune_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct prune_work *w = arg;
    return w->prune(tx, w->before, PRUNE_BATCH, &w->deleted, e);
}

static enum err apply(const struct env *env, const struct prune_rule *rule, struct error *e)
{
    struct prune_work w = {.prune = rule->prune, .before = env_now(env) - rule->keep_us};
    do
        TRY(db_write_relaxed(env->db, prune_work, &w, e));
    while (w.deleted == PRUNE_BATCH);
    return OK;
}

static enum job_result perform(struct job_run *run, struct error *e)
{
    const struct prune *prune = run->ctx;
    for (const struct prune_rule *rule = prune->rules; rule->prune; rule++) {
        if (apply(run->env, rule, e) != OK)
            return JOB_RETRY;
    }
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
