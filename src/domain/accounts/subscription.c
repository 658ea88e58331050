#include "domain/accounts/subscription.h"

#include "domain/audit/audit.h"
#include "domain/facts/facts.h"
#include "domain/placement/decide.h"
#include "domain/provisioning/fly/instance.h"
#include "subscription.sql.h"

enum err subscription_begin(struct db_tx *tx, const struct env *env, const char *customer_id,
                            enum plan plan, struct arena *arena, struct error *e)
{
    return db_exec(tx, &subscription_insert,
                   DB_ARGS(db_text(env_id(env, arena)), db_text(customer_id),
                           db_text(plan_names[plan]), db_int(env_now(env))),
                   NULL, e);
}

enum err subscription_end(struct db_tx *tx, const struct env *env, const char *customer_id,
                          struct error *e)
{
    return db_exec(tx, &subscription_set_end, DB_ARGS(db_text(customer_id), db_int(env_now(env))),
                   NULL, e);
}

static enum err check(struct db_tx *tx, const struct resubscribed *r, struct arena *arena,
                      struct error *e)
{
    const struct customer *c = &r->customer;
    if (c->status != CUSTOMER_ACTIVE)
        return error_set(e, ERR_CONFLICT, "customer %s is %s and keeps its plan", c->slug,
                         customer_status_names[c->status]);
    TRY(customer_check_settled(tx, c, arena, e));
    if (r->deployment.mode == SINGLE_TENANT && r->deployment.status != DEPLOYMENT_ACTIVE)
        return error_set(e, ERR_CONFLICT,
                         "the instance of customer %s is %s: change the plan when it is active",
                         c->slug, deployment_status_names[r->deployment.status]);
    return OK;
}

/* The shape under the plan that `r->customer` has by now. */
static enum err scale(struct db_tx *tx, const struct env *env, const struct policy *policy,
                      const char *actor, struct arena *arena, struct resubscribed *r,
                      struct error *e)
{
    struct profile profile;
    struct decide_context context = {.subscribed = (enum plan)r->customer.plan};
    TRY(customer_profile(tx, &r->customer, arena, &profile, e));
    struct placement wanted = placement_in_mode(policy, &profile, &context, SINGLE_TENANT);
    struct instance_shape shape = {.plan = (int)wanted.plan};
    r->scales = shape.plan != r->deployment.plan;
    return r->scales ? instance_scale(tx, env, actor, &r->deployment, &shape, arena, &r->job, e)
                     : OK;
}

static enum err change(struct db_tx *tx, const struct env *env, const struct policy *policy,
                       const char *actor, enum plan plan, struct arena *arena,
                       struct resubscribed *r, struct error *e)
{
    struct customer *c = &r->customer;
    const char *details = arena_printf(arena, "{\"from\":\"%s\",\"to\":\"%s\"}",
                                       plan_names[c->plan], plan_names[plan]);
    struct plan_offer offer;
    TRY(plan_find(tx, plan_names[plan], arena, &offer, e));
    TRY(subscription_end(tx, env, c->id, e));
    TRY(subscription_begin(tx, env, c->id, plan, arena, e));
    TRY(facts_set_plan(tx, c->id, plan, offer.price, e));
    TRY(audit_write(tx, env, arena, actor, "subscription.changed", c->id, details, e));
    c->plan = (int)plan;
    return r->deployment.mode == SINGLE_TENANT ? scale(tx, env, policy, actor, arena, r, e) : OK;
}

enum err subscription_change(struct db_tx *tx, const struct env *env, const struct policy *policy,
                             const char *actor, const char *id_or_slug, enum plan plan,
                             struct arena *arena, struct resubscribed *ret, struct error *e)
{
    struct resubscribed r = {0};
    TRY(customer_find(tx, id_or_slug, arena, &r.customer, e));
    TRY(deployment_current(tx, r.customer.id, arena, &r.deployment, e));
    TRY(check(tx, &r, arena, e));
    if (r.customer.plan != (int)plan)
        TRY(change(tx, env, policy, actor, plan, arena, &r, e));
    *ret = r;
    return OK;
}
