#include "domain/migration/workers.h"

#include "domain/migration/drain.h"
#include "domain/migration/workers_parts.h"
#include "domain/provisioning/workers.h"

#define CLEANUP_AGAIN_US (60 * USEC_PER_SEC)

struct move_args {
    const char *migration_id;
};

static const struct field args_fields[] = {
    {"migration_id", FIELD_TEXT, offsetof(struct move_args, migration_id), .required = true},
    FIELD_END,
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

/* -- the course -------------------------------------------------------------------------------- */

static enum job_result weigh(struct step *s, enum err err, struct error *e)
{
    enum job_result result = provider_result(err);
    return result == JOB_SNOOZE ? provisioning_snooze(s->run, s->with->provisioning->settings, e)
                                : result;
}

/* Lets the tenant be written before the attempt goes back. What went wrong first stays the error.
 */
static enum job_result give_back(struct step *s, enum err err, struct error *e)
{
    const char *first = arena_text(s->run->arena, e->text);
    struct error settling;
    if (step_settle(s, &settling) != OK)
        (void)error_set(e, err, "%s; and it could not be settled: %s", first, settling.text);
    step_failed(s, arena_text(s->run->arena, e->text));
    return weigh(s, err, e);
}

static enum job_result go_through(struct step *s, struct error *e)
{
    while (!move_is_over((enum move_state)s->move.state)) {
        enum job_result result = JOB_DONE;
        enum err err = step_perform(s, &result, e);
        if (err == OK && result == JOB_SNOOZE) {
            if (step_was_steered(
                    s)) /* by somebody who found the job running: not after the sleep */
                continue;
            return JOB_SNOOZE;
        }
        if (err != OK && !step_was_steered(s))
            return result == JOB_DONE ? give_back(s, err, e) : result;
    }
    return JOB_DONE;
}

/* The run before may have died with the tenant's clients waiting: they come first. */
static bool may_have_died_in_a_cut(const struct move *move)
{
    return move->state == MOVE_CUTTING_OVER || move->state == MOVE_SOAKING ||
           move->state == MOVE_RETURNING;
}

static enum job_result perform(struct job_run *run, struct error *e)
{
    struct step s = {.run = run, .with = run->ctx, .actor = actor_of(run)};
    enum err err = read_args(run, &s.migration_id, e);
    if (err == OK)
        err = step_begin(&s, e);
    if (err == OK && may_have_died_in_a_cut(&s.move))
        err = step_settle(&s, e);
    if (err == ERR_NOT_FOUND)
        return JOB_FAIL;
    enum job_result result = err == OK ? go_through(&s, e) : weigh(&s, err, e);
    step_release(&s);
    return result;
}

static enum err tell_stuck(struct db_tx *tx, struct job_run *run, const struct move *move,
                           const char *why, struct error *e)
{
    const struct move_context *with = run->ctx;
    struct move stuck = *move;
    stuck.error = why;
    return move_tell(tx, run->env, with->notify, NOTICE_STUCK, &stuck, run->arena, e);
}

/*
 * In the transaction that gives the job up. Nothing outside our database may be touched here, so
 * what is left to do goes to a job of its own: undoing before the commit point, going on after it.
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
        return move_enqueue_cleanup(tx, run->env, &move, 0, run->arena, e);
    }
    if (move_is_over((enum move_state)move.state))
        return OK;
    TRY(tell_stuck(tx, run, &move, why, e));
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
