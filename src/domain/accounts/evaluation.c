#include "domain/accounts/evaluation.h"

enum err evaluate_customer(struct db_tx *tx, const struct policy *policy, const char *id_or_slug,
                           const struct profile_form *overrides, struct arena *arena,
                           struct problems *problems, struct evaluation *ret, struct error *e)
{
    struct evaluation out = {0};
    struct profile recorded, given;
    profile_clear(&given);
    if (overrides && !profile_from_form(overrides, "", problems, &given))
        return problems_error(problems, e);
    TRY(customer_find(tx, id_or_slug, arena, &out.customer, e));
    TRY(deployment_current(tx, out.customer.id, arena, &out.current, e));
    TRY(customer_profile(tx, &out.customer, arena, &recorded, e));
    out.profile = profile_merge(&recorded, &given);
    out.context.subscribed = (enum plan)out.customer.plan;
    decide(policy, &out.profile, &out.context, &out.decision);
    out.migration_due = decision_wants_move(policy, &out.decision, (enum mode)out.current.mode);
    *ret = out;
    return OK;
}
