#include "domain/provisioning/fly/workers.h"

#include "base/log.h"
#include "domain/provisioning/fly/health.h"
#include "domain/provisioning/fly/instance.h"
#include "domain/provisioning/workers.h"

struct scale_args {
    const char *deployment_id;
};

static const struct field args_fields[] = {
    {"deployment_id", FIELD_TEXT, offsetof(struct scale_args, deployment_id), .required = true},
    FIELD_END,
};

static enum err read_args(struct job_run *run, struct scale_args *ret, struct error *e)
{
    struct problems problems = {.arena = run->arena};
    record_clear(args_fields, ret);
    return json_decode_text(args_fields, str_from(run->job->args), run->arena, ret, &problems, e);
}

/* -- scaling ---------------------------------------------------------------------------------- */

struct scale_work {
    struct job_run *run;
    struct scale_args args;
    struct deployment deployment;
    bool done;
};

static enum err load_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct scale_work *w = arg;
    return deployment_find(tx, w->args.deployment_id, w->run->arena, &w->deployment, e);
}

static enum err done_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct scale_work *w = arg;
    return instance_scaled(tx, w->run->env, "job:" SCALE_WORKER, &w->deployment, w->run->arena,
                           &w->done, e);
}

static enum job_result scale(struct job_run *run, struct error *e)
{
    struct provisioning *with = run->ctx;
    struct scale_work w = {.run = run};
    const char *url;
    enum err err = read_args(run, &w.args, e);
    if (err == OK)
        err = db_read(run->env->db, load_work, &w, e);
    if (err != OK)
        return err == ERR_NOT_FOUND ? JOB_FAIL : provider_result(err);
    if (w.deployment.status != DEPLOYMENT_ACTIVE)
        return JOB_DONE; /* the customer has moved out: it is removed as it is */
    enum job_result result =
        provisioning_advance(run, with, &w.deployment, "job:" SCALE_WORKER, &url, e);
    if (result != JOB_DONE)
        return result;
    err = db_write(run->env->db, done_work, &w, e);
    if (err != OK || w.done)
        return provider_result(err);
    run->snooze_us = 0; /* another shape was asked for meanwhile */
    return JOB_SNOOZE;
}

static enum err scale_discarded(struct db_tx *tx, struct job_run *run, const char *why,
                                struct error *e)
{
    struct scale_args args;
    TRY(read_args(run, &args, e));
    return instance_scale_failed(tx, run->env, "job:" SCALE_WORKER, args.deployment_id, why,
                                 run->arena, e);
}

/* -- health ----------------------------------------------------------------------------------- */

struct page_work {
    struct arena *arena;
    struct page page;
    struct records rows;
    const char *next;
};

static enum err page_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct page_work *w = arg;
    return deployment_list_instances(tx, w->page, w->arena, &w->rows, &w->next, e);
}

struct health_run {
    int64_t looked, failed;
};

/* One whose cloud does not answer must not keep the others from being looked at. */
static void check_page(struct job_run *run, const struct records *rows, struct health_run *h,
                       struct error *e)
{
    const struct deployment *items = rows->items;
    for (size_t i = 0; i < rows->count && !*run->cancelled; i++) {
        _cleanup_arena_ struct arena arena = {0};
        struct provision_run step = {run->ctx, &items[i], "job:" HEALTH_WORKER, &arena};
        if (items[i].status != DEPLOYMENT_ACTIVE)
            continue;
        h->looked++;
        if (fly_check_health(&step, e) == OK)
            continue;
        h->failed++;
        log_warn("an instance could not be looked at", LOG_TEXT("app", items[i].app),
                 LOG_TEXT("error", e->text));
    }
}

static enum job_result check_all(struct job_run *run, struct error *e)
{
    struct health_run h = {0};
    const char *cursor = NULL;
    do {
        _cleanup_arena_ struct arena arena = {0};
        struct page_work w = {.arena = &arena, .page = {PAGE_LIMIT_MAX, cursor}};
        if (db_read(run->env->db, page_work, &w, e) != OK)
            return JOB_RETRY;
        check_page(run, &w.rows, &h, e);
        cursor = arena_text(run->arena, w.next);
    } while (cursor && !*run->cancelled);
    return h.failed > 0 && h.failed == h.looked ? JOB_RETRY : JOB_DONE;
}

/* -- both ------------------------------------------------------------------------------------- */

void instance_workers(struct provisioning *with, struct job_worker out[INSTANCE_WORKERS])
{
    out[0] = (struct job_worker){SCALE_WORKER, "provisioning", scale, scale_discarded, with};
    out[1] = (struct job_worker){HEALTH_WORKER, "maintenance", check_all, NULL, with};
}

struct cron instance_cron(void)
{
    return (struct cron){
        .name = "instance-health",
        .when = "* * * * *",
        .spec = {.worker = HEALTH_WORKER,
                 .queue = "maintenance",
                 .args = "{}",
                 .max_attempts = 1,
                 .unique_key = "instance-health"},
    };
}
