#include "domain/migration/workers.h"

#include "domain/facts/facts.h"
#include "domain/migration/drain.h"
#include "domain/migration/move.h"
#include "domain/provisioning/workers.h"

#define CLEANUP_AGAIN_US (60 * USEC_PER_SEC)

struct move_args {
    const char *migration_id;
};

static const struct field args_fields[] = {
    {"migration_id", FIELD_TEXT, offsetof(struct move_args, migration_id), .required = true},
    FIELD_END,
};

/* One run of a worker. */
struct step {
    struct job_run *run;
    const struct move_context *with;
    const char *actor, *migration_id;
    struct move move;
    struct deployment source, target;

    /* For what is recorded; `next` is where a transaction leaves the move, kept once committed. */
    struct move next;
    const char *database_url, *proof;
    int64_t rows;
    bool copied; /* by this run, behind its own fence */
    enum move_event event;
};

static enum err read_args(struct job_run *run, const char **ret_id, struct error *e)
{
    struct move_args args;
    struct problems problems = {.arena = run->arena};
    record_clear(args_fields, &args);
    TRY(json_decode_text(args_fields, str_from(run->job->args), run->arena, &args, &problems, e));
    *ret_id = args.migration_id;
    return OK;
}

static const char *actor_of(const struct job_run *run)
{
    return arena_printf(run->arena, "job:%s", run->job->worker);
}

/* -- recording --------------------------------------------------------------------------------- */

/* A transaction that changes s->next; it may run twice, so each time it starts from s->move. */
static enum err record(struct step *s, db_work *work, struct error *e)
{
    TRY(db_write(s->run->env->db, work, s, e));
    s->move = s->next;
    return OK;
}

static enum err set_state(struct db_tx *tx, struct step *s, enum move_event event, struct error *e)
{
    return move_set_state(tx, s->run->env, s->actor, &s->next, event, NULL, s->run->arena, e);
}

static enum err event_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    s->next = s->move;
    return set_state(tx, s, s->event, e);
}

static enum err record_event(struct step *s, enum move_event event, struct error *e)
{
    s->event = event;
    return record(s, event_work, e);
}

static enum err find_deployments(struct db_tx *tx, struct step *s, struct error *e)
{
    TRY(deployment_find(tx, s->next.source_id, s->run->arena, &s->source, e));
    return deployment_find(tx, s->next.target_id, s->run->arena, &s->target, e);
}

static enum err look_at_all_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    s->next = s->move;
    return find_deployments(tx, s, e);
}

static enum err begin_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    TRY(move_begin_run(tx, s->migration_id, s->run->arena, &s->next, e));
    return find_deployments(tx, s, e);
}

static enum err prepared_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    s->next = s->move;
    TRY(deployment_set_database(tx, s->target.id, s->database_url, e));
    return set_state(tx, s, MOVE_PREPARED, e);
}

static enum err fencing_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    s->next = s->move;
    return move_set_fenced(tx, &s->next, env_now(s->run->env), e);
}

static enum err unfenced_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    s->next = s->move;
    return move_set_fenced(tx, &s->next, 0, e);
}

/* A move within a mode leaves the facts as they are. */
static enum err note_place(struct db_tx *tx, const struct step *s, struct error *e)
{
    const struct move *move = &s->move;
    if (move->from_mode == move->to_mode)
        return OK;
    return facts_set_place(tx, move->customer_id, (enum mode)move->to_mode, env_now(s->run->env),
                           true, e);
}

/* The commit point. */
static enum err switch_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    const struct env *env = s->run->env;
    s->next = s->move;
    BUG_ON(s->move.fenced_at == INT_ABSENT);
    int64_t stall_us = env_now(env) - s->move.fenced_at;
    TRY(set_state(tx, s, MOVE_SWITCH, e));
    TRY(deployment_activate(tx, env, s->actor, &s->target, s->target.database_url, s->run->arena,
                            e));
    TRY(deployment_switch(tx, s->source.id, s->target.id, e));
    TRY(note_place(tx, s, e));
    TRY(deployment_set_leaving(tx, env, s->source.id, DEPLOYMENT_RETIRING, e));
    TRY(move_set_result(tx, &s->next, s->rows, stall_us, s->proof, e));
    return move_set_fenced(tx, &s->next, 0, e); /* what is fenced is no longer the tenant's place */
}

static enum err cleaned_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    s->next = s->move;
    TRY(deployment_set_leaving(tx, s->run->env, s->source.id, DEPLOYMENT_RETIRED, e));
    return set_state(tx, s, MOVE_CLEANED, e);
}

static enum err undone_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    s->next = s->move;
    TRY(deployment_set_leaving(tx, s->run->env, s->target.id, DEPLOYMENT_RETIRED, e));
    return set_state(tx, s, MOVE_UNDONE, e);
}

/* -- the mover --------------------------------------------------------------------------------- */

static enum err look_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    return move_find(tx, s->migration_id, s->run->arena, &s->next, e);
}

/* Between batches: somebody may have cancelled the move, or have taken it over. */
static enum err still_wanted(void *ctx, struct error *e)
{
    struct step *s = ctx;
    TRY(db_read(s->run->env->db, look_work, s, e));
    if (s->next.run == s->move.run && s->next.state == s->move.state)
        return OK;
    return error_set(e, ERR_CONFLICT, "migration %s is %s now", s->migration_id,
                     move_state_names[s->next.state]);
}

static struct fenced_run mover_run_of(struct step *s)
{
    return (struct fenced_run){
        .stores = s->with->provisioning->stores,
        .customer_id = s->move.customer_id,
        .source_url = s->source.database_url,
        .target_url = s->target.database_url,
        .target_id = s->target.id,
        .run = s->move.run,
        .arena = s->run->arena,
        .go_on = still_wanted,
        .ctx = s,
    };
}

static enum err open_fence(struct step *s, struct error *e)
{
    if (s->move.fenced_at == INT_ABSENT)
        return OK;
    struct fenced_run run = mover_run_of(s);
    TRY(s->with->mover->unfence(&run, e));
    return record(s, unfenced_work, e);
}

/* -- what each state asks for ------------------------------------------------------------------ */

/* `result` is for JOB_SNOOZE alone; an error is weighed by the caller. */
typedef enum err state_fn(struct step *s, enum job_result *result, struct error *e);

static enum err start(struct step *s, enum job_result *result, struct error *e)
{
    (void)result;
    return record_event(s, MOVE_START, e);
}

static enum err prepare(struct step *s, enum job_result *result, struct error *e)
{
    const char *url = NULL;
    *result = provisioning_advance(s->run, s->with->provisioning, &s->target, s->actor, &url, e);
    if (*result == JOB_SNOOZE)
        return OK;
    if (*result != JOB_DONE) {
        BUG_ON(e->code == OK);
        return e->code;
    }
    s->database_url = url;
    TRY(record(s, prepared_work, e));
    s->target.database_url = url;
    return OK;
}

static enum err copy_rows(struct step *s, enum job_result *result, struct error *e)
{
    (void)result;
    struct fenced_run run = mover_run_of(s);
    TRY(record(s, fencing_work, e)); /* before it is true: a run that dies here leaves a trace */
    TRY(s->with->mover->fence(&run, e));
    TRY(s->with->mover->copy(&run, &s->rows, e));
    s->copied = true;
    return record_event(s, MOVE_COPIED, e);
}

static enum err compare_and_switch(struct step *s, enum job_result *result, struct error *e)
{
    (void)result;
    if (!s->copied) /* an earlier run did, whose fence may have been opened since */
        return record_event(s, MOVE_AGAIN, e);
    struct fenced_run run = mover_run_of(s);
    TRY(s->with->mover->verify(&run, &s->proof, e));
    return record(s, switch_work, e);
}

/* Removes a deployment from its cloud, with all that it holds and has come to hold in this run. */
static enum err remove_deployment(struct step *s, const struct deployment *d, struct error *e)
{
    TRY(db_read(s->run->env->db, look_at_all_work, s, e));
    struct provision_run run = {s->with->provisioning, d, s->actor, s->run->arena};
    return provider_of((enum mode)d->mode)->remove(&run, e);
}

static enum err clean(struct step *s, enum job_result *result, struct error *e)
{
    (void)result;
    TRY(remove_deployment(s, &s->source, e));
    return record(s, cleaned_work, e);
}

/* The fence first: it is what the customer feels. */
static enum err undo(struct step *s, enum job_result *result, struct error *e)
{
    (void)result;
    TRY(open_fence(s, e));
    TRY(remove_deployment(s, &s->target, e));
    return record(s, undone_work, e);
}

static state_fn *const state_fns[MOVE_STATES] = {
    [MOVE_REQUESTED] = start,   [MOVE_PROVISIONING] = prepare,
    [MOVE_COPYING] = copy_rows, [MOVE_VERIFYING] = compare_and_switch,
    [MOVE_CLEANING] = clean,    [MOVE_FAILING] = undo,
    [MOVE_CANCELLING] = undo,
};

/* -- the course -------------------------------------------------------------------------------- */

static enum job_result weigh(struct step *s, enum err err, struct error *e)
{
    enum job_result result = provider_result(err);
    return result == JOB_SNOOZE ? provisioning_snooze(s->run, s->with->provisioning->settings, e)
                                : result;
}

/* Opens the fence before the attempt goes back. What went wrong first stays the error. */
static enum job_result give_back(struct step *s, enum err err, struct error *e)
{
    bool undoable = move_next_state((enum move_state)s->move.state, MOVE_FAIL) >= 0;
    struct error fence;
    if (undoable && open_fence(s, &fence) != OK) {
        const char *first = arena_text(s->run->arena, e->text);
        (void)error_set(e, err, "%s; and the fence could not be opened: %s", first, fence.text);
    }
    return weigh(s, err, e);
}

/* After an error: whether the move was cancelled meanwhile, which makes the error none. */
static bool was_cancelled(struct step *s)
{
    struct error ignored;
    if (db_read(s->run->env->db, look_work, s, &ignored) != OK)
        return false;
    bool cancelled = s->next.run == s->move.run && s->next.state != s->move.state &&
                     s->next.state == MOVE_CANCELLING;
    if (cancelled)
        s->move = s->next;
    return cancelled;
}

static enum job_result go_through(struct step *s, struct error *e)
{
    while (!move_is_over((enum move_state)s->move.state)) {
        enum job_result result = JOB_DONE;
        enum err err = state_fns[s->move.state](s, &result, e);
        if (err == OK && result == JOB_SNOOZE)
            return JOB_SNOOZE;
        if (err != OK && !was_cancelled(s))
            return result == JOB_DONE ? give_back(s, err, e) : result;
    }
    return JOB_DONE;
}

static enum job_result perform(struct job_run *run, struct error *e)
{
    struct step s = {.run = run, .with = run->ctx, .actor = actor_of(run)};
    enum err err = read_args(run, &s.migration_id, e);
    if (err == OK)
        err = record(&s, begin_work, e);
    if (err == ERR_NOT_FOUND)
        return JOB_FAIL;
    if (err != OK)
        return weigh(&s, err, e);
    return go_through(&s, e);
}

/*
 * In the transaction that gives the job up. Nothing outside our database may be touched here, so
 * what is left to do goes to a job of its own: undoing before the commit point, cleaning after it.
 */
static enum err discarded(struct db_tx *tx, struct job_run *run, const char *why, struct error *e)
{
    const char *id;
    struct move move;
    TRY(read_args(run, &id, e));
    enum err err = move_find(tx, id, run->arena, &move, e);
    if (err != OK)
        return err == ERR_NOT_FOUND ? OK : err;
    if (move_next_state((enum move_state)move.state, MOVE_FAIL) >= 0) {
        TRY(move_set_state(tx, run->env, actor_of(run), &move, MOVE_FAIL, why, run->arena, e));
        TRY(deployment_set_leaving(tx, run->env, move.target_id, DEPLOYMENT_RETIRING, e));
        return move_enqueue_cleanup(tx, run->env, &move, 0, run->arena, e);
    }
    if (move_is_over((enum move_state)move.state))
        return OK;
    return move_enqueue_cleanup(tx, run->env, &move, CLEANUP_AGAIN_US, run->arena, e);
}

void move_workers(struct move_context *with, struct job_worker out[MOVE_WORKERS])
{
    static const char *const names[] = {"MigrateToMultiTenantWorker", "MigrateToSingleTenantWorker",
                                        "MoveCleanupWorker"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        out[i] = (struct job_worker){names[i], MOVE_QUEUE, perform, discarded, with};
    out[ARRAY_LEN(names)] = drain_worker(with);
}
