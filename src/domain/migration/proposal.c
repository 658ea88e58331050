#include "domain/migration/proposal.h"

#include "domain/audit/audit.h"
#include "infra/secrets/secret.h"
#include "proposal.sql.h"

const char *const proposal_state_names[] = {"pending", "approved",   "rejected",
                                            "expired", "superseded", NULL};

#define AT(member) offsetof(struct proposal, member)

const struct field proposal_fields[] = {
    {"id", FIELD_TEXT, AT(id), .required = true, .help = "its id"},
    {"customer_id", FIELD_TEXT, AT(customer_id), .required = true, .help = "who"},
    {"customer_slug", FIELD_TEXT, AT(customer_slug), .required = true, .help = "its slug"},
    {"from_mode", FIELD_ENUM, AT(from_mode), .names = mode_names, .required = true,
     .help = "where it lives"},
    {"to_mode", FIELD_ENUM, AT(to_mode), .names = mode_names, .required = true,
     .help = "where it belongs"},
    {"state", FIELD_ENUM, AT(state), .names = proposal_state_names, .required = true,
     .help = "what became of it"},
    {"decision_id", FIELD_TEXT, AT(decision_id), .required = true, .help = "why"},
    {"confidence", FIELD_DECIMAL, AT(confidence), .required = true, .help = "0 to 1"},
    {"reason", FIELD_TEXT, AT(reason), .required = true, .help = "in a sentence"},
    {"monthly_saving", FIELD_DECIMAL, AT(monthly_saving), .required = true,
     .help = "USD; negative when the move costs"},
    {"plan_hash", FIELD_TEXT, AT(plan_hash), .required = true, .help = "of what is agreed to"},
    {"migration_id", FIELD_TEXT, AT(migration_id), .help = "the move, once it was approved"},
    {"created_at", FIELD_TIME, AT(created_at), .required = true, .help = "when"},
    {"expires_at", FIELD_TIME, AT(expires_at), .required = true,
     .help = "until when it can be answered"},
    {"decided_by", FIELD_TEXT, AT(decided_by), .help = "who answered"},
    {"decided_at", FIELD_TIME, AT(decided_at), .help = "when"},
    {"comment", FIELD_TEXT, AT(comment), .help = "why it was rejected"},
    FIELD_END,
};

/* -- looking ----------------------------------------------------------------------------------- */

enum err proposal_find(struct db_tx *tx, const char *id, struct arena *arena, struct proposal *ret,
                       struct error *e)
{
    enum err err =
        db_get(tx, &proposal_by_id, DB_ARGS(db_text(id)), proposal_fields, arena, ret, e);
    return err == ERR_NOT_FOUND ? error_set(e, err, "there is no proposal %.100s", id) : err;
}

enum err proposal_pending_of(struct db_tx *tx, const char *customer_id, struct arena *arena,
                             struct proposal *ret, struct error *e)
{
    return db_get(tx, &proposal_pending_of_customer, DB_ARGS(db_text(customer_id)), proposal_fields,
                  arena, ret, e);
}

enum err proposal_list(struct db_tx *tx, const struct proposal_filter *filter, struct page page,
                       struct arena *arena, struct records *ret, const char **ret_next,
                       struct error *e)
{
    return page_list(tx, &proposal_page, page,
                     DB_ARGS(db_text(filter->state), db_text(filter->customer_id)), proposal_fields,
                     sizeof(struct proposal), arena, ret, ret_next, e);
}

/* -- making ------------------------------------------------------------------------------------ */

/* A change of anything that is agreed to changes it. */
static const char *hash_plan(const struct proposal_wish *wish, char out[HASH_TEXT_MAX],
                             struct arena *arena)
{
    const struct placement *to = &wish->decided->decision->placement;
    _cleanup_json_ json_t *regions = json_array();
    for (size_t i = 0; i < to->region_count; i++)
        (void)json_array_append_new(regions, json_string(geography_names[to->regions[i]]));
    _cleanup_json_ json_t *plan = json_pack(
        "{s:s, s:s, s:s, s:s, s:O, s:s}", "customer_id", wish->customer->id, "from_mode",
        mode_names[wish->customer->mode], "to_mode", mode_names[to->mode], "plan",
        plan_names[to->plan], "regions", regions, "policy_sha256", wish->decided->policy->sha256);
    BUG_ON(!plan);
    return sha256_hex(str_from(json_text(plan, arena)), out);
}

enum err proposal_create(struct db_tx *tx, const char *actor, const struct proposal_wish *wish,
                         struct arena *arena, struct proposal *ret, struct error *e)
{
    const struct env *env = wish->tracker->env;
    const struct customer *c = wish->customer;
    const char *id = env_id(env, arena);
    int64_t now = env_now(env);
    char hash[HASH_TEXT_MAX];
    struct decision_record decision;
    TRY(decision_record_create(tx, env, c->id, "evaluation", wish->decided, arena, &decision, e));
    TRY(decision_record_audit(tx, env, actor, &decision, arena, e));
    TRY(db_exec(tx, &proposal_insert,
                DB_ARGS(db_text(id), db_text(c->id), db_text(mode_names[c->mode]),
                        db_text(mode_names[decision.mode]), db_text(decision.id),
                        db_int(decision.confidence), db_text(decision.reason),
                        db_int(wish->monthly_saving), db_text(hash_plan(wish, hash, arena)),
                        db_int(now),
                        db_int(now + wish->tracker->settings->proposal_days * USEC_PER_DAY)),
                NULL, e));
    const char *details = arena_printf(arena, "{\"customer_id\":\"%s\",\"to_mode\":\"%s\"}", c->id,
                                       mode_names[decision.mode]);
    TRY(audit_write(tx, env, arena, actor, "proposal.created", id, details, e));
    return proposal_find(tx, id, arena, ret, e);
}

/* -- ending ------------------------------------------------------------------------------------ */

struct ending {
    enum proposal_state to;
    const char *comment, *migration_id;
};

/* The only way out of `pending`; keeps `proposal` in step. */
static enum err end(struct db_tx *tx, const struct env *env, const char *actor,
                    struct proposal *proposal, struct ending how, struct arena *arena,
                    struct error *e)
{
    int64_t changes;
    const char *state = proposal_state_names[how.to];
    TRY(db_exec(tx, &proposal_end,
                DB_ARGS(db_text(proposal->id), db_text(state), db_text(actor), db_int(env_now(env)),
                        db_text(how.comment), db_text(how.migration_id)),
                &changes, e));
    if (changes == 0)
        return error_set(e, ERR_CONFLICT, "proposal %s is not pending: it is %s", proposal->id,
                         proposal_state_names[proposal->state]);
    TRY(audit_write(tx, env, arena, actor, arena_printf(arena, "proposal.%s", state), proposal->id,
                    NULL, e));
    return proposal_find(tx, proposal->id, arena, proposal, e);
}

/* Whether what was proposed is still the thing to do. */
static enum err check_recommended(struct db_tx *tx, const struct tracker *tracker,
                                  const struct proposal *p, struct arena *arena, struct error *e)
{
    struct facts facts;
    struct profile profile;
    struct decide_context context;
    struct decision decision;
    TRY(facts_find(tx, p->customer_id, arena, &facts, e));
    facts_profile(&facts, &profile, &context);
    decide(tracker->policy, &profile, &context, &decision);
    if ((int)decision.placement.mode == p->to_mode &&
        decision_wants_move(tracker->policy, &decision, (enum mode)p->from_mode))
        return OK;
    char confidence[DECIMAL_TEXT_MAX];
    return error_set(e, ERR_CONFLICT,
                     "proposal %s is out of date: policy %s recommends %s for customer %s now "
                     "(confidence %s); to move it all the same ask for it by hand",
                     p->id, tracker->policy->name, mode_labels[decision.placement.mode],
                     p->customer_slug, decimal_text(decision.confidence, confidence));
}

enum err proposal_approve(struct db_tx *tx, const struct tracker *tracker, const char *actor,
                          const char *id, struct arena *arena, struct proposal *ret,
                          struct error *e)
{
    const struct env *env = tracker->env;
    struct proposal p;
    struct move move;
    struct problems problems = {.arena = arena};
    TRY(proposal_find(tx, id, arena, &p, e));
    if (p.state == PROPOSAL_PENDING) { /* end() refuses the others with its own sentence */
        if (env_now(env) >= p.expires_at)
            return error_set(e, ERR_CONFLICT, "proposal %s has expired; the next sweep asks anew",
                             p.id);
        const struct prices *prices;
        TRY(price_book_now(tracker->prices, tx, arena, &prices, e));
        TRY(check_recommended(tx, tracker, &p, arena, e));
        struct move_wish wish = {
            .customer = p.customer_id,
            .target_mode = mode_names[p.to_mode],
            .reason = arena_printf(arena, "proposal %s approved: %s", p.id, p.reason),
        };
        TRY(move_request(tx, env, tracker->policy, prices, actor, &wish, arena, &problems, &move,
                         e));
        p.migration_id = move.id;
    }
    TRY(end(tx, env, actor, &p, (struct ending){PROPOSAL_APPROVED, NULL, p.migration_id}, arena,
            e));
    *ret = p;
    return OK;
}

enum err proposal_reject(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                         const char *comment, struct arena *arena, struct proposal *ret,
                         struct error *e)
{
    struct proposal p;
    TRY(proposal_find(tx, id, arena, &p, e));
    TRY(end(tx, env, actor, &p, (struct ending){PROPOSAL_REJECTED, comment, NULL}, arena, e));
    *ret = p;
    return OK;
}

enum err proposal_withdraw(struct db_tx *tx, const struct env *env, const char *actor,
                           struct proposal *proposal, struct arena *arena, struct error *e)
{
    bool expired = env_now(env) >= proposal->expires_at;
    return end(tx, env, actor, proposal,
               (struct ending){expired ? PROPOSAL_EXPIRED : PROPOSAL_SUPERSEDED, NULL, NULL}, arena,
               e);
}
