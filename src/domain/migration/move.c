#include "domain/migration/move.h"

#include "domain/audit/audit.h"
#include "domain/jobs/job.h"
#include "move.sql.h"

#define CLEANUP_ATTEMPTS 10

const char *const move_state_names[] = {
    "requested", "provisioning", "copying",    "verifying", "cleaning", "completed",
    "failing",   "failed",       "cancelling", "cancelled", NULL,
};

const char *const move_event_names[] = {
    "be started",    "be prepared", "have been copied", "be copied again", "be switched",
    "be cleaned up", "fail",        "be cancelled",     "be undone",       NULL,
};

struct edge {
    enum move_state from;
    enum move_event event;
    enum move_state to;
};

static const struct edge edges[] = {
    {MOVE_REQUESTED, MOVE_START, MOVE_PROVISIONING},
    {MOVE_PROVISIONING, MOVE_PREPARED, MOVE_COPYING},
    {MOVE_COPYING, MOVE_COPIED, MOVE_VERIFYING},
    {MOVE_VERIFYING, MOVE_AGAIN, MOVE_COPYING},
    {MOVE_VERIFYING, MOVE_SWITCH, MOVE_CLEANING}, /* the commit point */
    {MOVE_CLEANING, MOVE_CLEANED, MOVE_COMPLETED},

    {MOVE_REQUESTED, MOVE_FAIL, MOVE_FAILING},
    {MOVE_PROVISIONING, MOVE_FAIL, MOVE_FAILING},
    {MOVE_COPYING, MOVE_FAIL, MOVE_FAILING},
    {MOVE_VERIFYING, MOVE_FAIL, MOVE_FAILING},
    {MOVE_FAILING, MOVE_UNDONE, MOVE_FAILED},

    {MOVE_REQUESTED, MOVE_CANCEL, MOVE_CANCELLING},
    {MOVE_PROVISIONING, MOVE_CANCEL, MOVE_CANCELLING},
    {MOVE_COPYING, MOVE_CANCEL, MOVE_CANCELLING},
    {MOVE_VERIFYING, MOVE_CANCEL, MOVE_CANCELLING},
    {MOVE_CANCELLING, MOVE_UNDONE, MOVE_CANCELLED},
};

int move_next_state(enum move_state from, enum move_event event)
{
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        if (edges[i].from == from && edges[i].event == event)
            return (int)edges[i].to;
    }
    return -1;
}

const struct field move_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct move, id)},
    {"customer_id", FIELD_TEXT, offsetof(struct move, customer_id)},
    {"from_mode", FIELD_ENUM, offsetof(struct move, from_mode), .names = mode_names},
    {"to_mode", FIELD_ENUM, offsetof(struct move, to_mode), .names = mode_names},
    {"state", FIELD_ENUM, offsetof(struct move, state), .names = move_state_names},
    {"reason", FIELD_TEXT, offsetof(struct move, reason)},
    {"requested_by", FIELD_TEXT, offsetof(struct move, requested_by)},
    {"decision_id", FIELD_TEXT, offsetof(struct move, decision_id)},
    {"source_id", FIELD_TEXT, offsetof(struct move, source_id)},
    {"target_id", FIELD_TEXT, offsetof(struct move, target_id)},
    {"rows_copied", FIELD_INT, offsetof(struct move, rows_copied)},
    {"stall_us", FIELD_INT, offsetof(struct move, stall_us)},
    {"proof", FIELD_JSON, offsetof(struct move, proof)},
    {"error", FIELD_TEXT, offsetof(struct move, error)},
    {"run", FIELD_INT, offsetof(struct move, run)},
    {"fenced_at", FIELD_TIME, offsetof(struct move, fenced_at)},
    {"created_at", FIELD_TIME, offsetof(struct move, created_at)},
    {"finished_at", FIELD_TIME, offsetof(struct move, finished_at)},
    FIELD_END,
};

enum err move_find(struct db_tx *tx, const char *id, struct arena *arena, struct move *ret,
                   struct error *e)
{
    enum err err = db_get(tx, &move_by_id, DB_ARGS(db_text(id)), move_fields, arena, ret, e);
    return err == ERR_NOT_FOUND ? error_set(e, err, "there is no migration %.100s", id) : err;
}

enum err move_latest(struct db_tx *tx, const char *customer_id, struct arena *arena,
                     struct move *ret, struct error *e)
{
    enum err err =
        db_get(tx, &move_latest_of, DB_ARGS(db_text(customer_id)), move_fields, arena, ret, e);
    return err == ERR_NOT_FOUND ? error_set(e, err, "customer %s was never moved", customer_id)
                                : err;
}

enum err move_list(struct db_tx *tx, const struct move_filter *filter, struct page page,
                   struct arena *arena, struct records *ret, const char **ret_next, struct error *e)
{
    return page_list(tx, &move_page, page,
                     DB_ARGS(db_text(filter->customer_id), db_text(filter->state)), move_fields,
                     sizeof(struct move), arena, ret, ret_next, e);
}

json_t *move_json(const struct move *move)
{
    json_t *out = json_encode(move_fields, move, JSON_KEEP_ABSENT);
    (void)json_object_del(out, "run"); /* between the workers */
    return out;
}

/* -- asking for one ---------------------------------------------------------------------------- */

struct request {
    struct db_tx *tx;
    const struct env *env;
    const struct policy *policy;
    const struct prices *prices;
    const char *actor;
    struct arena *arena;

    enum mode target;
    struct customer customer;
    struct deployment current;
    struct profile profile;
    struct decide_context context;
    struct decision decision;
};

static enum err read_mode(const struct move_wish *wish, struct problems *problems,
                          enum mode *ret_mode, struct error *e)
{
    int mode = enum_from_text(mode_names, str_from(wish->target_mode));
    if (mode < 0) {
        problem_add(problems, "target_mode", 0, "must be %s or %s", mode_names[MULTI_TENANT],
                    mode_names[SINGLE_TENANT]);
        return problems_error(problems, e);
    }
    *ret_mode = (enum mode)mode;
    return OK;
}

/* Whether the customer is somebody to move, and is not being moved. */
static enum err check_idle(const struct request *r, struct error *e)
{
    const struct customer *c = &r->customer;
    const char *running;
    if (c->status != CUSTOMER_ACTIVE)
        return error_set(e, ERR_CONFLICT, "customer %s is %s", c->slug,
                         customer_status_names[c->status]);
    TRY(db_get_text(r->tx, &move_running_of, DB_ARGS(db_text(c->id)), r->arena, &running, e));
    if (running)
        return error_set(e, ERR_CONFLICT,
                         "customer %s is being moved already (migration %s): wait for it or cancel "
                         "it",
                         c->slug, running);
    return OK;
}

static enum err check_settled(const struct request *r, struct error *e)
{
    if (r->current.status != DEPLOYMENT_ACTIVE)
        return error_set(e, ERR_CONFLICT,
                         "customer %s cannot move before its deployment is active; it is %s",
                         r->customer.slug, deployment_status_names[r->current.status]);
    return OK;
}

/* The same, and whether it makes sense to go to the target mode. */
static enum err check_customer(const struct request *r, struct error *e)
{
    TRY(check_idle(r, e));
    if (r->current.mode == (int)r->target)
        return error_set(e, ERR_CONFLICT, "customer %s is in mode %s already", r->customer.slug,
                         mode_names[r->target]);
    return check_settled(r, e);
}

/* Decides by the scores and constraints, then for the mode that was asked for. */
static enum err decide_for_target(struct request *r, struct error *e)
{
    TRY(customer_profile(r->tx, &r->customer, r->arena, &r->profile, e));
    r->context.subscribed = (enum plan)r->customer.plan;
    decide(r->policy, &r->profile, &r->context, &r->decision);
    if (r->decision.constraint != CONSTRAINT_NONE && r->decision.placement.mode != r->target) {
        const struct clause *c = &r->policy->constraints.items[r->decision.constraint];
        return error_set(e, ERR_CONFLICT, "policy %s forbids mode %s for customer %s: %s [%s]",
                         r->policy->name, mode_names[r->target], r->customer.slug, c->because,
                         c->name);
    }
    r->decision.placement = placement_in_mode(r->policy, &r->profile, &r->context, r->target);
    r->decision.confidence = r->decision.scores[r->target];
    return OK;
}

static enum err enqueue(const struct request *r, const char *move_id, struct error *e)
{
    struct job_spec spec = {
        .worker = r->target == MULTI_TENANT ? "MigrateToMultiTenantWorker"
                                            : "MigrateToSingleTenantWorker",
        .queue = MOVE_QUEUE,
        .customer_id = r->current.customer_id,
        .args = arena_printf(r->arena, "{\"migration_id\":\"%s\"}", move_id),
    };
    struct job job;
    return job_enqueue(r->tx, r->env, &spec, r->arena, &job, NULL, e);
}

/* The move itself, its job and its audit entry. */
static enum err record_move(const struct request *r, const char *reason, const char *decision_id,
                            const char *target_id, struct move *ret, struct error *e)
{
    const char *id = env_id(r->env, r->arena), *customer_id = r->current.customer_id;
    TRY(db_exec(r->tx, &move_insert,
                DB_ARGS(db_text(id), db_text(customer_id), db_text(mode_names[r->current.mode]),
                        db_text(mode_names[r->target]), db_text(reason), db_text(r->actor),
                        db_text(decision_id), db_text(r->current.id), db_text(target_id),
                        db_int(env_now(r->env))),
                NULL, e));
    TRY(enqueue(r, id, e));
    const char *details = arena_printf(r->arena, "{\"customer_id\":\"%s\",\"to_mode\":\"%s\"}",
                                       customer_id, mode_names[r->target]);
    TRY(audit_write(r->tx, r->env, r->arena, r->actor, "migration.requested", id, details, e));
    return move_find(r->tx, id, r->arena, ret, e);
}

static enum err record(const struct request *r, const char *reason, struct move *ret,
                       struct error *e)
{
    const char *target_id;
    struct decided decided = {r->policy, r->prices, &r->profile, &r->context, &r->decision};
    struct decision_record decision;
    TRY(decision_record_create(r->tx, r->env, r->customer.id, "migration", &decided, r->arena,
                               &decision, e));
    TRY(decision_record_audit(r->tx, r->env, r->actor, &decision, r->arena, e));
    TRY(deployment_create(r->tx, r->env, r->customer.id, r->customer.slug, &r->decision.placement,
                          decision.id, false, r->arena, &target_id, e));
    return record_move(r, reason, decision.id, target_id, ret, e);
}

enum err move_request(struct db_tx *tx, const struct env *env, const struct policy *policy,
                      const struct prices *prices, const char *actor, const struct move_wish *wish,
                      struct arena *arena, struct problems *problems, struct move *ret,
                      struct error *e)
{
    struct request r = {tx, env, policy, prices, actor, arena};
    TRY(read_mode(wish, problems, &r.target, e));
    TRY(customer_find(tx, wish->customer, arena, &r.customer, e));
    TRY(deployment_current(tx, r.customer.id, arena, &r.current, e));
    TRY(check_customer(&r, e));
    TRY(decide_for_target(&r, e));
    return record(&r, wish->reason ? wish->reason : "requested by hand", ret, e);
}

enum err move_relocate(struct db_tx *tx, const struct env *env, const char *actor,
                       const char *customer_id, const char *reason, struct arena *arena,
                       struct move *ret, struct error *e)
{
    struct request r = {.tx = tx, .env = env, .actor = actor, .arena = arena};
    const char *target_id;
    TRY(customer_find(tx, customer_id, arena, &r.customer, e));
    TRY(deployment_current(tx, customer_id, arena, &r.current, e));
    r.target = (enum mode)r.current.mode;
    TRY(check_idle(&r, e));
    TRY(check_settled(&r, e));
    TRY(deployment_create_like(tx, env, &r.current, arena, &target_id, e));
    return record_move(&r, reason, NULL, target_id, ret, e);
}

enum err move_cancel(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                     struct arena *arena, struct move *ret, struct error *e)
{
    struct move move;
    int64_t jobs;
    TRY(move_find(tx, id, arena, &move, e));
    TRY(move_set_state(tx, env, actor, &move, MOVE_CANCEL, "cancelled by hand", arena, e));
    TRY(deployment_set_leaving(tx, env, move.target_id, DEPLOYMENT_RETIRING, e));
    TRY(db_get_int(tx, &move_jobs_left, DB_ARGS(db_text(move.customer_id), db_text(MOVE_QUEUE)),
                   &jobs, e));
    if (jobs == 0) /* somebody cancelled the job itself */
        TRY(move_enqueue_cleanup(tx, env, &move, 0, arena, e));
    *ret = move;
    return OK;
}

/* -- for the workers --------------------------------------------------------------------------- */

enum err move_begin_run(struct db_tx *tx, const char *id, struct arena *arena, struct move *ret,
                        struct error *e)
{
    TRY(db_exec(tx, &move_take_run, DB_ARGS(db_text(id)), NULL, e));
    return move_find(tx, id, arena, ret, e);
}

enum err move_set_state(struct db_tx *tx, const struct env *env, const char *actor,
                        struct move *move, enum move_event event, const char *why,
                        struct arena *arena, struct error *e)
{
    int to = move_next_state((enum move_state)move->state, event);
    if (to < 0)
        return error_set(e, ERR_CONFLICT, "migration %s is %s: it cannot %s", move->id,
                         move_state_names[move->state], move_event_names[event]);
    int64_t changes;
    int64_t finished_at = move_is_over((enum move_state)to) ? env_now(env) : INT_ABSENT;
    TRY(db_exec(tx, &move_change_state,
                DB_ARGS(db_text(move->id), db_text(move_state_names[move->state]),
                        db_int(move->run), db_text(move_state_names[to]), db_int(finished_at),
                        db_text(why)),
                &changes, e));
    if (changes == 0)
        return error_set(e, ERR_CONFLICT, "migration %s is no longer %s, or another run has it",
                         move->id, move_state_names[move->state]);
    TRY(audit_write(tx, env, arena, actor,
                    arena_printf(arena, "migration.%s", move_state_names[to]), move->id, NULL, e));
    move->state = to;
    move->finished_at = finished_at;
    move->error = why ? arena_text(arena, why) : move->error;
    return OK;
}

enum err move_set_fenced(struct db_tx *tx, struct move *move, int64_t since, struct error *e)
{
    struct db_value id = db_text(move->id), run = db_int(move->run);
    int64_t changes;
    if (since)
        TRY(db_exec(tx, &move_note_fence, DB_ARGS(id, run, db_int(since)), &changes, e));
    else
        TRY(db_exec(tx, &move_forget_fence, DB_ARGS(id, run), &changes, e));
    if (changes == 0)
        return error_set(e, ERR_CONFLICT, "another run has taken over migration %s", move->id);
    if (!since)
        move->fenced_at = INT_ABSENT;
    else if (move->fenced_at == INT_ABSENT)
        move->fenced_at = since;
    return OK;
}

enum err move_set_result(struct db_tx *tx, const struct move *move, int64_t rows_copied,
                         int64_t stall_us, const char *proof, struct error *e)
{
    return db_exec(
        tx, &move_note_result,
        DB_ARGS(db_text(move->id), db_int(rows_copied), db_int(stall_us), db_text(proof)), NULL, e);
}

enum err move_enqueue_cleanup(struct db_tx *tx, const struct env *env, const struct move *move,
                              int64_t delay_us, struct arena *arena, struct error *e)
{
    struct job_spec spec = {
        .worker = "MoveCleanupWorker",
        .queue = MOVE_QUEUE,
        .max_attempts = CLEANUP_ATTEMPTS,
        .customer_id = move->customer_id,
        .args = arena_printf(arena, "{\"migration_id\":\"%s\"}", move->id),
        .delay_us = delay_us,
    };
    struct job job;
    return job_enqueue(tx, env, &spec, arena, &job, NULL, e);
}
