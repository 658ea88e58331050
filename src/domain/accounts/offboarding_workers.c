#include "domain/accounts/offboarding_workers.h"

#include "domain/provisioning/workers.h"

#define SWEEP_WORKER "OffboardingSweepWorker"
#define AGAIN_US     (60 * USEC_PER_SEC)

struct offboarding_args {
    const char *offboarding_id;
};

static const struct field args_fields[] = {
    {"offboarding_id", FIELD_TEXT, offsetof(struct offboarding_args, offboarding_id),
     .required = true},
    FIELD_END,
};

static const char actor[] = "job:" OFFBOARDING_WORKER;

/* One run of the worker. */
struct step {
    struct job_run *run;
    const struct exports *with;
    const char *id;
    struct offboarding offboarding;

    /* `next` is where a transaction leaves it, kept once it is committed. */
    struct offboarding next;
    enum offboarding_event event;
    struct deployment current;
    struct records deployments; /* not retired yet */
    const char *deployment_id;  /* the one that is being removed */
    struct deployment deployment;
};

static enum err read_args(struct job_run *run, const char **ret_id, struct error *e)
{
    struct offboarding_args args;
    struct problems problems = {.arena = run->arena};
    record_clear(args_fields, &args);
    TRY(json_decode_text(args_fields, str_from(run->job->args), run->arena, &args, &problems, e));
    *ret_id = args.offboarding_id;
    return OK;
}

/* -- recording --------------------------------------------------------------------------------- */

/* A transaction that changes s->next; it may run twice, so each time it starts from what was. */
static enum err record(struct step *s, db_work *work, struct error *e)
{
    TRY(db_write(s->run->env->db, work, s, e));
    s->offboarding = s->next;
    return OK;
}

static enum err begin_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    return offboarding_begin_run(tx, s->id, s->run->arena, &s->next, e);
}

static enum err event_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    s->next = s->offboarding;
    return offboarding_set_state(tx, s->run->env, actor, &s->next, s->event, s->run->arena, e);
}

static enum err record_event(struct step *s, enum offboarding_event event, struct error *e)
{
    s->event = event;
    return record(s, event_work, e);
}

static enum err retired_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct step *s = arg;
    return deployment_set_leaving(tx, s->run->env, s->deployment_id, DEPLOYMENT_RETIRED, e);
}

/* The last look: whatever a late run recorded since must be gone too. */
static enum err done_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    int64_t left;
    TRY(offboarding_left(tx, s->offboarding.customer_id, &left, e));
    if (left > 0)
        return error_set(e, ERR_BUSY, "%lld slots or resources of customer %s are not gone yet",
                         (long long)left, s->offboarding.slug);
    return event_work(tx, s, e);
}

/* -- looking ----------------------------------------------------------------------------------- */

static enum err current_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    return deployment_current(tx, s->offboarding.customer_id, s->run->arena, &s->current, e);
}

static enum err deployments_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    return offboarding_deployments(tx, s->offboarding.customer_id, s->run->arena, &s->deployments,
                                   e);
}

static enum err deployment_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    return deployment_find(tx, s->deployment_id, s->run->arena, &s->deployment, e);
}

static enum err look_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    return offboarding_find(tx, s->id, s->run->arena, &s->next, e);
}

/* -- what each state asks for ------------------------------------------------------------------ */

typedef enum err state_fn(struct step *s, struct error *e);

static enum err start(struct step *s, struct error *e)
{
    return record_event(s, OFFBOARDING_START, e);
}

static enum err shut_and_export(struct step *s, struct error *e)
{
    const struct offboarding *o = &s->offboarding;
    TRY(db_read(s->run->env->db, current_work, s, e));
    if (s->current.status == DEPLOYMENT_ACTIVE) {
        TRY(tenant_fence(s->with->provisioning->stores, s->current.database_url, o->customer_id,
                         o->run, e));
        if (o->wants_export)
            TRY(export_make(s->with, actor, o->customer_id, s->run->arena, e));
    }
    return record_event(s, OFFBOARDING_EXPORT, e);
}

static enum err close_access(struct step *s, struct error *e)
{
    return record_event(s, OFFBOARDING_CLOSE, e);
}

static enum err expire(struct step *s, struct error *e)
{
    return record_event(s, OFFBOARDING_EXPIRE, e);
}

/* Removes one deployment from its cloud and hears from the cloud that it is gone. */
static enum err remove_one(struct step *s, const char *id, struct error *e)
{
    struct db *db = s->run->env->db;
    struct provision_run run = {s->with->provisioning, &s->deployment, actor, s->run->arena};
    s->deployment_id = id;
    TRY(db_read(db, deployment_work, s, e));
    const struct provider *provider = provider_of((enum mode)s->deployment.mode);
    TRY(provider->remove(&run, e));
    TRY(db_read(db, deployment_work, s, e));
    TRY(provider->check_gone(&run, e));
    return db_write(db, retired_work, s, e);
}

static enum err delete_all(struct step *s, struct error *e)
{
    TRY(db_read(s->run->env->db, deployments_work, s, e));
    const struct deployment *all = s->deployments.items;
    for (size_t i = 0; i < s->deployments.count; i++)
        TRY(remove_one(s, all[i].id, e));
    s->event = OFFBOARDING_GONE;
    return record(s, done_work, e);
}

static enum err reopen(struct step *s, struct error *e)
{
    const struct offboarding *o = &s->offboarding;
    TRY(db_read(s->run->env->db, current_work, s, e));
    if (s->current.status == DEPLOYMENT_ACTIVE)
        TRY(tenant_unfence(s->with->provisioning->stores, s->current.database_url, o->customer_id,
                           o->run, e));
    return record_event(s, OFFBOARDING_REOPEN, e);
}

static state_fn *const state_fns[OFFBOARDING_STATES] = {
    [OFFBOARDING_REQUESTED] = start,       [OFFBOARDING_EXPORTING] = shut_and_export,
    [OFFBOARDING_EXPORTED] = close_access, [OFFBOARDING_RETAINING] = expire,
    [OFFBOARDING_DELETING] = delete_all,   [OFFBOARDING_CANCELLING] = reopen,
};

/* -- the course -------------------------------------------------------------------------------- */

/* Nothing to do now: over, or kept until its time has come; then the sweep enqueues a job. */
static bool rests(const struct step *s)
{
    const struct offboarding *o = &s->offboarding;
    return offboarding_is_over((enum offboarding_state)o->state) ||
           (o->state == OFFBOARDING_RETAINING && env_now(s->run->env) < o->retain_until);
}

static enum job_result weigh(struct step *s, enum err err, struct error *e)
{
    enum job_result result = provider_result(err);
    return result == JOB_SNOOZE ? provisioning_snooze(s->run, s->with->provisioning->settings, e)
                                : result;
}

/* After an error: whether somebody cancelled it, or another run has it, which makes it none. */
static bool was_overtaken(struct step *s, bool *ret_ours)
{
    struct error ignored;
    if (db_read(s->run->env->db, look_work, s, &ignored) != OK)
        return false;
    *ret_ours = s->next.run == s->offboarding.run;
    bool overtaken = !*ret_ours || s->next.state != s->offboarding.state;
    if (overtaken)
        s->offboarding = s->next;
    return overtaken;
}

static enum job_result go_through(struct step *s, struct error *e)
{
    while (!rests(s)) {
        bool ours = true;
        enum err err = state_fns[s->offboarding.state](s, e);
        if (err != OK && !was_overtaken(s, &ours))
            return weigh(s, err, e);
        if (!ours)
            return JOB_DONE;
    }
    return JOB_DONE;
}

static enum job_result perform(struct job_run *run, struct error *e)
{
    struct step s = {.run = run, .with = run->ctx};
    enum err err = read_args(run, &s.id, e);
    if (err == OK)
        err = record(&s, begin_work, e);
    if (err == ERR_NOT_FOUND)
        return JOB_FAIL;
    return err == OK ? go_through(&s, e) : weigh(&s, err, e);
}

/* In the transaction that gives the job up: what stands in the way is told, and tried again. */
static enum err discarded(struct db_tx *tx, struct job_run *run, const char *why, struct error *e)
{
    const char *id;
    struct offboarding o;
    TRY(read_args(run, &id, e));
    enum err err = offboarding_find(tx, id, run->arena, &o, e);
    if (err != OK || offboarding_is_over((enum offboarding_state)o.state))
        return err == ERR_NOT_FOUND ? OK : err;
    TRY(offboarding_note_error(tx, id, why, e));
    return offboarding_enqueue(tx, run->env, &o, AGAIN_US, run->arena, e);
}

/* -- the sweep --------------------------------------------------------------------------------- */

static enum err sweep_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct job_run *run = arg;
    return offboarding_enqueue_due(tx, run->env, run->arena, e);
}

static enum job_result sweep(struct job_run *run, struct error *e)
{
    enum err err = db_write(run->env->db, sweep_work, run, e);
    if (err == OK)
        err = exports_prune(run->ctx, e);
    return err == OK ? JOB_DONE : JOB_RETRY;
}

void offboarding_workers(struct exports *with, struct job_worker out[OFFBOARDING_WORKERS])
{
    out[0] = (struct job_worker){OFFBOARDING_WORKER, OFFBOARDING_QUEUE, perform, discarded, with};
    out[1] = (struct job_worker){SWEEP_WORKER, OFFBOARDING_QUEUE, sweep, NULL, with};
    out[2] = export_worker(with);
}

struct cron offboarding_cron(void)
{
    return (struct cron){
        .name = "offboarding",
        .when = "*/5 * * * *",
        .spec = {.worker = SWEEP_WORKER,
                 .queue = OFFBOARDING_QUEUE,
                 .args = "{}",
                 .unique_key = "offboarding-sweep"},
    };
}
