/* Asking for a move: who may be moved where, and what is recorded in one transaction. */
#include "domain/migration/move.h"

#include "domain/audit/audit.h"
#include "domain/jobs/job.h"
#include "move.sql.h"

struct request {
    struct db_tx *tx;
    const struct env *env;
    const struct policy *policy;
    const struct prices *prices;
    const char *actor;
    struct arena *arena;

    struct judged_move judged;
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
    const struct customer *c = &r->judged.customer;
    const char *running;
    if (c->status != CUSTOMER_ACTIVE)
        return error_set(e, ERR_CONFLICT, "customer %s is %s", c->slug,
                         customer_status_names[c->status]);
    TRY(db_get_text(r->tx, &move_running_of, DB_ARGS(db_text(c->id)), r->arena, &running, e));
    if (running)
        return error_set(e, ERR_CONFLICT,
                         "customer %s is being moved already (migration %s): wait for it, cancel "
                         "it, or finish its soak",
                         c->slug, running);
    return OK;
}

static enum err check_settled(const struct request *r, struct error *e)
{
    if (r->judged.current.status != DEPLOYMENT_ACTIVE)
        return error_set(
            e, ERR_CONFLICT, "customer %s cannot move before its deployment is active; it is %s",
            r->judged.customer.slug, deployment_status_names[r->judged.current.status]);
    return OK;
}

/* The same, and whether it makes sense to go to the target mode. */
static enum err check_customer(const struct request *r, struct error *e)
{
    TRY(check_idle(r, e));
    if (r->judged.current.mode == (int)r->judged.target)
        return error_set(e, ERR_CONFLICT, "customer %s is in mode %s already",
                         r->judged.customer.slug, mode_names[r->judged.target]);
    return check_settled(r, e);
}

/* Decides by the scores and constraints, then for the mode that was asked for. */
static enum err decide_for_target(struct request *r, struct error *e)
{
    TRY(customer_profile(r->tx, &r->judged.customer, r->arena, &r->judged.profile, e));
    r->judged.context.subscribed = (enum plan)r->judged.customer.plan;
    decide(r->policy, &r->judged.profile, &r->judged.context, &r->judged.decision);
    r->judged.recommended = r->judged.decision.placement.mode;
    if (r->judged.decision.constraint != CONSTRAINT_NONE &&
        r->judged.decision.placement.mode != r->judged.target) {
        const struct clause *c = &r->policy->constraints.items[r->judged.decision.constraint];
        return error_set(e, ERR_CONFLICT, "policy %s forbids mode %s for customer %s: %s [%s]",
                         r->policy->name, mode_names[r->judged.target], r->judged.customer.slug,
                         c->because, c->name);
    }
    r->judged.decision.placement =
        placement_in_mode(r->policy, &r->judged.profile, &r->judged.context, r->judged.target);
    r->judged.decision.confidence = r->judged.decision.scores[r->judged.target];
    return OK;
}

static enum err enqueue(const struct request *r, const char *move_id, struct error *e)
{
    struct job_spec spec = {
        .worker = r->judged.target == MULTI_TENANT ? "MigrateToMultiTenantWorker"
                                                   : "MigrateToSingleTenantWorker",
        .queue = MOVE_QUEUE,
        .customer_id = r->judged.current.customer_id,
        .args = arena_printf(r->arena, "{\"migration_id\":\"%s\"}", move_id),
    };
    struct job job;
    return job_enqueue(r->tx, r->env, &spec, r->arena, &job, NULL, e);
}

/* The move itself, its job and its audit entry. */
static enum err record_move(const struct request *r, const struct move_wish *wish,
                            const char *decision_id, const char *target_id, struct move *ret,
                            struct error *e)
{
    const char *id = env_id(r->env, r->arena), *customer_id = r->judged.current.customer_id;
    TRY(db_exec(r->tx, &move_insert,
                DB_ARGS(db_text(id), db_text(customer_id),
                        db_text(mode_names[r->judged.current.mode]),
                        db_text(mode_names[r->judged.target]), db_text(wish->reason),
                        db_text(r->actor), db_text(decision_id), db_text(r->judged.current.id),
                        db_text(target_id), db_int(env_now(r->env)), db_text(wish->retry_of),
                        db_text(wish->proposal_id), db_text(wish->schema_sha256)),
                NULL, e));
    TRY(db_exec(r->tx, &move_step_begin,
                DB_ARGS(db_text(id), db_text(move_state_names[MOVE_REQUESTED]), db_int(0),
                        db_int(env_now(r->env)), db_null()),
                NULL, e));
    TRY(enqueue(r, id, e));
    const char *details = arena_printf(r->arena, "{\"customer_id\":\"%s\",\"to_mode\":\"%s\"}",
                                       customer_id, mode_names[r->judged.target]);
    TRY(audit_write(r->tx, r->env, r->arena, r->actor, "migration.requested", id, details, e));
    return move_find(r->tx, id, r->arena, ret, e);
}

static enum err record(const struct request *r, const struct move_wish *wish, struct move *ret,
                       struct error *e)
{
    const char *target_id;
    struct decided decided = {r->policy, r->prices, &r->judged.profile, &r->judged.context,
                              &r->judged.decision};
    struct decision_record decision;
    TRY(decision_record_create(r->tx, r->env, r->judged.customer.id, "migration", &decided,
                               r->arena, &decision, e));
    TRY(decision_record_audit(r->tx, r->env, r->actor, &decision, r->arena, e));
    TRY(deployment_create(r->tx, r->env, r->judged.customer.id, r->judged.customer.slug,
                          &r->judged.decision.placement, decision.id, false, r->arena, &target_id,
                          e));
    return record_move(r, wish, decision.id, target_id, ret, e);
}

static enum err judge(struct request *r, const struct move_wish *wish, struct problems *problems,
                      struct error *e)
{
    TRY(read_mode(wish, problems, &r->judged.target, e));
    TRY(customer_find(r->tx, wish->customer, r->arena, &r->judged.customer, e));
    TRY(deployment_current(r->tx, r->judged.customer.id, r->arena, &r->judged.current, e));
    TRY(check_customer(r, e));
    return decide_for_target(r, e);
}

enum err move_judge(struct db_tx *tx, const struct policy *policy, const struct move_wish *wish,
                    struct arena *arena, struct problems *problems, struct judged_move *ret,
                    struct error *e)
{
    struct request r = {.tx = tx, .policy = policy, .arena = arena};
    enum err err = judge(&r, wish, problems, e);
    *ret = r.judged;
    return err;
}

enum err move_request(struct db_tx *tx, const struct env *env, const struct policy *policy,
                      const struct prices *prices, const char *actor, const struct move_wish *wish,
                      struct arena *arena, struct problems *problems, struct move *ret,
                      struct error *e)
{
    struct request r = {tx, env, policy, prices, actor, arena};
    struct move_wish reasoned = *wish;
    TRY(judge(&r, wish, problems, e));
    if (!reasoned.reason)
        reasoned.reason = "requested by hand";
    return record(&r, &reasoned, ret, e);
}

enum err move_relocate(struct db_tx *tx, const struct env *env, const char *actor,
                       const struct move_wish *wish, struct arena *arena, struct move *ret,
                       struct error *e)
{
    struct request r = {.tx = tx, .env = env, .actor = actor, .arena = arena};
    const char *target_id;
    TRY(customer_find(tx, wish->customer, arena, &r.judged.customer, e));
    TRY(deployment_current(tx, r.judged.customer.id, arena, &r.judged.current, e));
    r.judged.target = (enum mode)r.judged.current.mode;
    TRY(check_idle(&r, e));
    TRY(check_settled(&r, e));
    TRY(deployment_create_like(tx, env, &r.judged.current, arena, &target_id, e));
    return record_move(&r, wish, NULL, target_id, ret, e);
}
