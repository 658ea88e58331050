#include "domain/provisioning/workers.h"

#include "domain/provisioning/host_workers.h"

struct provision_args {
    const char *deployment_id;
};

static const struct field args_fields[] = {
    {"deployment_id", FIELD_TEXT, offsetof(struct provision_args, deployment_id), .required = true},
    FIELD_END,
};

struct provision_work {
    struct job_run *run;
    const char *deployment_id, *actor, *database_url;
    struct deployment deployment;
};

#define PROVISIONING_QUEUE "provisioning"
#define WAIT_FOR_JOB       10 /* times as long as for a cloud: being woken is the rule */

static enum err read_args(const struct job *job, struct arena *arena,
                          const char **ret_deployment_id, struct error *e)
{
    struct provision_args args;
    struct problems problems = {.arena = arena};
    record_clear(args_fields, &args);
    TRY(json_decode_text(args_fields, str_from(job->args), arena, &args, &problems, e));
    *ret_deployment_id = args.deployment_id;
    return OK;
}

static enum err load_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct provision_work *w = arg;
    return deployment_find(tx, w->deployment_id, w->run->arena, &w->deployment, e);
}

static enum err try_again_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct provision_work *w = arg;
    return deployment_try_again(tx, w->deployment_id, e);
}

static enum err activate_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct provision_work *w = arg;
    return deployment_activate(tx, w->run->env, w->actor, &w->deployment, w->database_url,
                               w->run->arena, e);
}

static enum err load(struct provision_work *w, struct error *e)
{
    TRY(read_args(w->run->job, w->run->arena, &w->deployment_id, e));
    struct db *db = w->run->env->db;
    TRY(db_read(db, load_work, w, e));
    /* By hand, after it was given up. Who asks for its status must not read of the old failure. */
    if (w->deployment.status != DEPLOYMENT_FAILED)
        return OK;
    TRY(db_write(db, try_again_work, w, e));
    return db_read(db, load_work, w, e);
}

enum job_result provisioning_snooze(struct job_run *run,
                                    const struct provisioning_settings *settings, struct error *e)
{
    if (run->job->snoozes * settings->wait_ms >= settings->ready_ms) {
        const char *why = arena_text(run->arena, e->text);
        (void)error_set(e, ERR_TIMEOUT, "the cloud did not get ready within %lld s%s%s",
                        (long long)settings->ready_ms / 1000, why[0] ? ": " : "", why);
        return JOB_RETRY;
    }
    run->snooze_us = settings->wait_ms * USEC_PER_MS;
    int64_t asked_us = e->code == ERR_BUSY ? e->retry_at - env_now(run->env) : 0;
    if (run->snooze_us < asked_us)
        run->snooze_us = asked_us;
    return JOB_SNOOZE;
}

enum job_result provisioning_advance(struct job_run *run, const struct provisioning *with,
                                     const struct deployment *d, const char *actor,
                                     const char **ret_database_url, struct error *e)
{
    struct provision_run step = {with, d, actor, run->arena, false};
    *e = (struct error){0};
    enum job_result result = provider_of((enum mode)d->mode)->advance(&step, ret_database_url, e);
    if (result != JOB_SNOOZE)
        return result;
    if (!step.waits_for_job)
        return provisioning_snooze(run, with->settings, e);
    run->snooze_us = WAIT_FOR_JOB * with->settings->wait_ms * USEC_PER_MS;
    return JOB_SNOOZE;
}

static enum job_result perform(struct job_run *run, struct error *e)
{
    const struct provisioning *with = run->ctx;
    struct provision_work w = {.run = run};
    w.actor = arena_printf(run->arena, "job:%s", run->job->worker);
    enum err err = load(&w, e);
    if (err != OK)
        return err == ERR_NOT_FOUND ? JOB_FAIL : provider_result(err);
    if (w.deployment.status == DEPLOYMENT_ACTIVE)
        return JOB_DONE; /* done by the run before, which died before it could say so */
    if (w.deployment.status >= DEPLOYMENT_RETIRING) {
        (void)error_set(e, ERR_CONFLICT, "deployment %s is %s: it is not set up any more",
                        w.deployment_id, deployment_status_names[w.deployment.status]);
        return JOB_FAIL;
    }

    enum job_result result =
        provisioning_advance(run, with, &w.deployment, w.actor, &w.database_url, e);
    if (result != JOB_DONE)
        return result;
    return provider_result(db_write(run->env->db, activate_work, &w, e));
}

static enum err discarded(struct db_tx *tx, struct job_run *run, const char *why, struct error *e)
{
    const char *deployment_id;
    const char *actor = arena_printf(run->arena, "job:%s", run->job->worker);
    TRY(read_args(run->job, run->arena, &deployment_id, e));
    return deployment_fail(tx, run->env, actor, deployment_id, why, run->arena, e);
}

static bool is_provisioning(const struct job *job)
{
    return text_eq(job->worker, HETZNER_WORKER) || text_eq(job->worker, FLYIO_WORKER);
}

enum err provisioning_cancelled(struct db_tx *tx, const struct env *env, const char *actor,
                                const struct job *job, struct arena *arena, struct error *e)
{
    const char *deployment_id, *host_id;
    if (text_eq(job->worker, HOST_ORDER_WORKER)) {
        TRY(host_job_id(job, arena, &host_id, e));
        return host_fail(tx, env, actor, host_id, "its job was cancelled", arena, e);
    }
    if (!is_provisioning(job))
        return OK;
    TRY(read_args(job, arena, &deployment_id, e));
    const char *why = arena_printf(arena, "its job %lld was cancelled; retry the job to go on",
                                   (long long)job->id);
    return deployment_fail(tx, env, actor, deployment_id, why, arena, e);
}

enum err provisioning_retried(struct db_tx *tx, const struct job *job, struct arena *arena,
                              struct error *e)
{
    const char *deployment_id;
    if (!is_provisioning(job))
        return OK;
    TRY(read_args(job, arena, &deployment_id, e));
    return deployment_try_again(tx, deployment_id, e);
}

enum err provisioning_retried_many(struct db_tx *tx, struct error *e)
{
    return deployment_try_all_again(tx, PROVISIONING_QUEUE, e);
}

void provisioning_workers(struct provisioning *with, struct job_worker out[PROVISIONING_WORKERS])
{
    out[0] = (struct job_worker){HETZNER_WORKER, PROVISIONING_QUEUE, perform, discarded, with};
    out[1] = (struct job_worker){FLYIO_WORKER, PROVISIONING_QUEUE, perform, discarded, with};
    host_workers(with, out + 2);
}
