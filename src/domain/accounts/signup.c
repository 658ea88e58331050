#include "domain/accounts/signup.h"

#include "domain/accounts/subscription.h"
#include "domain/audit/audit.h"
#include "domain/facts/facts.h"
#include "signup.sql.h"

#define NAME_MAX_BYTES  200
#define EMAIL_MAX_BYTES 254 /* RFC 5321, 4.5.3.1.3, less the angle brackets */

const struct field signup_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct signup, name), .required = true, .max_len = NAME_MAX_BYTES,
     .check = name_check, .help = "what people call the customer"},
    {"slug", FIELD_TEXT, offsetof(struct signup, slug), .required = true, .max_len = SLUG_MAX,
     .check = slug_check, .help = "its short name in addresses, unique"},
    {"email", FIELD_TEXT, offsetof(struct signup, email), .required = true,
     .max_len = EMAIL_MAX_BYTES, .check = email_check, .help = "whom to write to"},
    {"company_name", FIELD_TEXT, offsetof(struct signup, company_name), .max_len = NAME_MAX_BYTES,
     .check = name_check, .help = "the legal name"},
    {"billing_email", FIELD_TEXT, offsetof(struct signup, billing_email),
     .max_len = EMAIL_MAX_BYTES, .check = email_check, .help = "where invoices go"},
    {"plan_slug", FIELD_TEXT, offsetof(struct signup, plan_slug), .required = true,
     .check = plan_check, .help = "hobby, starter, professional or business"},
    {"profile_overrides", FIELD_OBJECT, offsetof(struct signup, profile_overrides),
     .fields = profile_fields, .help = "what is known about the customer's needs"},
    FIELD_END,
};

struct step {
    struct db_tx *tx;
    const struct env *env;
    const struct policy *policy;
    const struct prices *prices;
    const char *actor;
    const struct signup *request;
    struct arena *arena;
};

/* What the record table cannot know: whether the plan exists, whether the profile agrees. */
static enum err check(const struct step *s, struct problems *problems, struct plan_offer *ret_plan,
                      struct profile *ret_profile, struct error *e)
{
    enum err err = plan_find(s->tx, s->request->plan_slug, s->arena, ret_plan, e);
    if (err == ERR_NOT_FOUND)
        problem_add(problems, "plan_slug", 0, "%s", e->text);
    else
        TRY(err);
    (void)profile_from_form(&s->request->profile_overrides, "profile_overrides", problems,
                            ret_profile);
    if (problems->count > 0)
        return problems_error(problems, e);

    int64_t taken;
    TRY(db_get_int(s->tx, &customer_slug_taken, DB_ARGS(db_text(s->request->slug)), &taken, e));
    if (taken)
        return error_set(e, ERR_CONFLICT, "the slug %s is taken; choose another", s->request->slug);
    return OK;
}

static const char *profile_text(const struct profile *profile, struct arena *arena)
{
    json_t *object = profile_json(profile);
    const char *text = json_text(object, arena);
    json_decref(object);
    return text;
}

static enum err create_customer(const struct step *s, const struct plan_offer *plan,
                                const struct profile *profile, const char **ret_id, struct error *e)
{
    const struct signup *r = s->request;
    const char *id = env_id(s->env, s->arena);
    TRY(db_exec(s->tx, &customer_insert,
                DB_ARGS(db_text(id), db_text(r->slug), db_text(r->name), db_text(r->email),
                        db_text(r->company_name), db_text(r->billing_email),
                        db_text(profile_text(profile, s->arena)), db_int(env_now(s->env))),
                NULL, e));
    TRY(subscription_begin(s->tx, s->env, id, (enum plan)plan->slug, s->arena, e));
    TRY(facts_set_told(s->tx, id, (enum plan)plan->slug, plan->price, profile, e));
    *ret_id = id;
    return OK;
}

static enum err decide_and_deploy(const struct step *s, const char *customer_id,
                                  const struct plan_offer *plan, const struct profile *given,
                                  struct signed_up *out, struct error *e)
{
    struct profile defaults = profile_defaults(plan->price);
    struct profile profile = profile_merge(&defaults, given);
    struct decide_context context = {.subscribed = (enum plan)plan->slug};
    struct decision decision;
    decide(s->policy, &profile, &context, &decision);
    struct decided decided = {s->policy, s->prices, &profile, &context, &decision};
    TRY(decision_record_create(s->tx, s->env, customer_id, "signup", &decided, s->arena,
                               &out->decision, e));
    TRY(decision_record_audit(s->tx, s->env, s->actor, &out->decision, s->arena, e));
    const char *deployment_id;
    TRY(deployment_create(s->tx, s->env, customer_id, s->request->slug, &decision.placement,
                          out->decision.id, true, s->arena, &deployment_id, e));
    TRY(deployment_find(s->tx, deployment_id, s->arena, &out->deployment, e));
    return deployment_enqueue(s->tx, s->env, &out->deployment, s->arena, &out->job, e);
}

enum err signup(struct db_tx *tx, const struct env *env, const struct policy *policy,
                const struct prices *prices, const char *actor, const struct signup *request,
                struct arena *arena, struct problems *problems, struct signed_up *ret,
                struct error *e)
{
    const struct step s = {tx, env, policy, prices, actor, request, arena};
    struct plan_offer plan;
    struct profile profile;
    struct signed_up out;
    const char *id;
    TRY(check(&s, problems, &plan, &profile, e));
    TRY(create_customer(&s, &plan, &profile, &id, e));
    TRY(decide_and_deploy(&s, id, &plan, &profile, &out, e));
    TRY(customer_find(tx, id, arena, &out.customer, e));
    const char *details = arena_printf(arena, "{\"decision_id\":\"%s\",\"job_id\":%lld}",
                                       out.decision.id, (long long)out.job.id);
    TRY(audit_write(tx, env, arena, actor, "customer.signed_up", id, details, e));
    *ret = out;
    return OK;
}
