#include "domain/migration/proposal.h"

#include "domain/audit/audit.h"
#include "infra/secrets/secret.h"
#include "proposal.sql.h"

const char *const proposal_state_names[] = {"pending", "approved",   "rejected",
                                            "expired", "superseded", NULL};

const char *const proposal_kind_names[] = {"recommended", "requested", NULL};

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
    {"kind", FIELD_ENUM, AT(kind), .names = proposal_kind_names, .required = true,
     .help = "who proposes it: recommended by the tracker, or requested by a person"},
    {"requested_by", FIELD_TEXT, AT(requested_by), .help = "who asked for it"},
    {"requester_token", FIELD_TEXT, AT(requester_token)},
    {"schema_sha256", FIELD_TEXT, AT(schema_sha256),
     .help = "the schema that was looked at, of a requested one"},
    {"size_class", FIELD_TEXT, AT(size_class),
     .help = "small, medium, large or huge, of a requested one"},
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

enum err proposal_count_pending(struct db_tx *tx, int64_t *ret, struct error *e)
{
    return db_get_int(tx, &proposal_pending_count, DB_NO_ARGS, ret, e);
}

enum err proposal_list(struct db_tx *tx, const struct proposal_filter *filter, struct page page,
                       struct arena *arena, struct records *ret, const char **ret_next,
                       struct error *e)
{
    return page_list(tx, &proposal_page, page,
                     DB_ARGS(db_text(filter->state), db_text(filter->customer_id)), proposal_fields,
                     sizeof(struct proposal), arena, ret, ret_next, e);
}

/* -- telling people ---------------------------------------------------------------------------- */

static const char *move_text(const struct proposal *p, struct arena *arena)
{
    return arena_printf(arena, "move of customer %s from %s to %s", p->customer_slug,
                        mode_labels[p->from_mode], mode_labels[p->to_mode]);
}

static const char *sentence(const struct proposal *p, struct arena *arena)
{
    const char *move = move_text(p, arena), *by = p->decided_by ? p->decided_by : "nobody";
    switch ((enum proposal_state)p->state) {
    case PROPOSAL_PENDING:
        return arena_printf(arena,
                            "A %s waits for approval%s%s: %s. Answer with webhost proposals "
                            "approve %s, or reject",
                            move, p->requester_token ? " by somebody else than " : "",
                            p->requester_token ? p->requested_by : "", p->reason, p->id);
    case PROPOSAL_APPROVED:
        return arena_printf(arena, "The %s was approved by %s and starts (migration %s)", move, by,
                            p->migration_id);
    case PROPOSAL_REJECTED:
        return arena_printf(arena, "The %s was rejected by %s%s%s", move, by,
                            p->comment ? ": " : "", p->comment ? p->comment : "");
    case PROPOSAL_EXPIRED:
        return arena_printf(arena, "Nobody answered in time: the %s is not proposed any more",
                            move);
    case PROPOSAL_SUPERSEDED:
        return arena_printf(arena, "The %s is not proposed any more: the plan has changed", move);
    }
    BUG_ON(true);
}

static enum err tell(struct db_tx *tx, const struct env *env,
                     const struct notify_settings *settings, const struct proposal *p,
                     struct arena *arena, struct error *e)
{
    _cleanup_json_ json_t *details = proposal_json(p, JSON_OMIT_ABSENT);
    const char *what = p->state == PROPOSAL_PENDING ? "created" : proposal_state_names[p->state];
    struct notice notice = {
        .kind = arena_printf(arena, "proposal.%s", what),
        .customer_id = p->customer_id,
        .text = sentence(p, arena),
        .details = details,
    };
    return notify(tx, env, settings, &notice, arena, e);
}

json_t *proposal_json(const struct proposal *proposal, int flags)
{
    json_t *out = json_encode(proposal_fields, proposal, flags);
    (void)json_object_del(out, "requester_token"); /* the name is enough for people */
    return out;
}

/* -- ending ------------------------------------------------------------------------------------ */

struct ending {
    enum proposal_state to;
    const char *comment, *migration_id;
};

/* The only way out of `pending`; keeps `proposal` in step. */
static enum err end(struct db_tx *tx, const struct answerer *by, struct proposal *proposal,
                    struct ending how, struct arena *arena, struct error *e)
{
    int64_t changes;
    const char *state = proposal_state_names[how.to];
    TRY(db_exec(tx, &proposal_end,
                DB_ARGS(db_text(proposal->id), db_text(state), db_text(by->actor),
                        db_int(env_now(by->env)), db_text(how.comment), db_text(how.migration_id)),
                &changes, e));
    if (changes == 0)
        return error_set(e, ERR_CONFLICT, "proposal %s is not pending: it is %s", proposal->id,
                         proposal_state_names[proposal->state]);
    TRY(audit_write(tx, by->env, arena, by->actor, arena_printf(arena, "proposal.%s", state),
                    proposal->id, NULL, e));
    TRY(proposal_find(tx, proposal->id, arena, proposal, e));
    return tell(tx, by->env, by->notify, proposal, arena, e);
}

enum err proposal_reject(struct db_tx *tx, const struct answerer *by, const char *id,
                         const char *comment, struct arena *arena, struct proposal *ret,
                         struct error *e)
{
    struct proposal p;
    TRY(proposal_find(tx, id, arena, &p, e));
    TRY(end(tx, by, &p, (struct ending){PROPOSAL_REJECTED, comment, NULL}, arena, e));
    *ret = p;
    return OK;
}

enum err proposal_withdraw(struct db_tx *tx, const struct answerer *by, struct proposal *proposal,
                           struct arena *arena, struct error *e)
{
    bool expired = env_now(by->env) >= proposal->expires_at;
    return end(tx, by, proposal,
               (struct ending){expired ? PROPOSAL_EXPIRED : PROPOSAL_SUPERSEDED, NULL, NULL}, arena,
               e);
}

/* -- making ------------------------------------------------------------------------------------ */

static const char *hash_of(const struct proposal_wish *wish, const struct prices *prices,
                           char out[HASH_TEXT_MAX], struct arena *arena)
{
    if (wish->plan)
        return wish->plan->hash;
    const struct placement *to = &wish->decided->decision->placement;
    struct move_agreement agreement = {
        .customer_id = wish->customer->id,
        .from = (enum mode)wish->customer->mode,
        .to = to,
        .policy_sha256 = wish->decided->policy->sha256,
        .cost = cost_monthly(prices, to, wish->decided->profile->vehicle_count),
    };
    return move_agreement_hash(&agreement, out, arena);
}

/* What waits already gives way to a person's wish, unless it is one. */
static enum err make_room(struct db_tx *tx, const struct answerer *by,
                          const struct proposal_wish *wish, struct arena *arena, struct error *e)
{
    struct proposal pending;
    enum err err = proposal_pending_of(tx, wish->customer->id, arena, &pending, e);
    if (err != OK)
        return err == ERR_NOT_FOUND ? OK : err;
    if (pending.kind == PROPOSAL_REQUESTED && env_now(by->env) < pending.expires_at)
        return error_set(e, ERR_CONFLICT,
                         "a move of customer %s waits for approval already (proposal %s, asked for "
                         "by %s): answer that one first",
                         pending.customer_slug, pending.id, pending.requested_by);
    return proposal_withdraw(tx, by, &pending, arena, e);
}

static enum err insert(struct db_tx *tx, const char *actor, const struct proposal_wish *wish,
                       const struct decision_record *decision, struct arena *arena,
                       const char **ret_id, struct error *e)
{
    const struct env *env = wish->tracker->env;
    const struct customer *c = wish->customer;
    const struct move_plan *plan = wish->plan;
    const struct prices *prices;
    const char *id = env_id(env, arena), *reason = wish->reason ? wish->reason : decision->reason;
    int64_t now = env_now(env), days = wish->tracker->settings->proposal_days;
    char hash[HASH_TEXT_MAX];
    TRY(price_book_now(wish->tracker->prices, tx, arena, &prices, e));
    enum proposal_kind kind = plan ? PROPOSAL_REQUESTED : PROPOSAL_RECOMMENDED;
    *ret_id = id;
    return db_exec(tx, &proposal_insert,
                   DB_ARGS(db_text(id), db_text(c->id), db_text(mode_names[c->mode]),
                           db_text(mode_names[decision->mode]), db_text(decision->id),
                           db_int(decision->confidence), db_text(reason),
                           db_int(wish->monthly_saving),
                           db_text(hash_of(wish, prices, hash, arena)), db_int(now),
                           db_int(now + days * USEC_PER_DAY), db_text(proposal_kind_names[kind]),
                           db_text(actor), db_text(wish->token_id),
                           db_text(plan ? plan->survey.schema_sha256 : NULL),
                           db_text(plan ? plan->size_class : NULL)),
                   NULL, e);
}

enum err proposal_create(struct db_tx *tx, const char *actor, const struct proposal_wish *wish,
                         struct arena *arena, struct proposal *ret, struct error *e)
{
    const struct env *env = wish->tracker->env;
    const struct answerer by = {env, wish->notify, actor, wish->token_id};
    const char *id;
    struct decision_record decision;
    if (wish->plan)
        TRY(make_room(tx, &by, wish, arena, e));
    TRY(decision_record_create(tx, env, wish->customer->id, wish->plan ? "migration" : "evaluation",
                               wish->decided, arena, &decision, e));
    TRY(decision_record_audit(tx, env, actor, &decision, arena, e));
    TRY(insert(tx, actor, wish, &decision, arena, &id, e));
    const char *details = arena_printf(arena, "{\"customer_id\":\"%s\",\"to_mode\":\"%s\"}",
                                       wish->customer->id, mode_names[decision.mode]);
    TRY(audit_write(tx, env, arena, actor, "proposal.created", id, details, e));
    TRY(proposal_find(tx, id, arena, ret, e));
    return tell(tx, env, wish->notify, ret, arena, e);
}

/* -- approving --------------------------------------------------------------------------------- */

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

static enum err check_answerer(const struct proposal *p, const struct answerer *by, struct error *e)
{
    bool same_token =
        p->requester_token && by->token_id && text_eq(p->requester_token, by->token_id);
    bool same_name = p->requested_by && text_eq(p->requested_by, by->actor);
    if (!same_token && !same_name)
        return OK;
    return error_set(e, ERR_DENIED,
                     "proposal %s was asked for by %s: somebody else has to approve it", p->id,
                     p->requested_by);
}

struct looking {
    const struct move_planner *planner;
    const char *id;
    const struct answerer *by;
    struct arena *arena;
    struct proposal proposal;
    bool changed;
};

static enum err look_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct looking *l = arg;
    return proposal_find(tx, l->id, l->arena, &l->proposal, e);
}

/* What the tracker would propose with the facts of now; `changed` when that is another plan. */
static enum err compare_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct looking *l = arg;
    struct facts facts;
    struct profile profile;
    struct decide_context context;
    struct decision decision;
    const struct prices *prices;
    char hash[HASH_TEXT_MAX];
    TRY(facts_find(tx, l->proposal.customer_id, l->arena, &facts, e));
    TRY(price_book_now(l->planner->prices, tx, l->arena, &prices, e));
    facts_profile(&facts, &profile, &context);
    decide(l->planner->policy, &profile, &context, &decision);
    struct move_agreement agreement = {
        .customer_id = l->proposal.customer_id,
        .from = (enum mode)l->proposal.from_mode,
        .to = &decision.placement,
        .policy_sha256 = l->planner->policy->sha256,
        .cost = cost_monthly(prices, &decision.placement, profile.vehicle_count),
    };
    /* Another mode is refused when it is approved, with the reason. */
    l->changed = (int)decision.placement.mode == l->proposal.to_mode &&
                 !text_eq(move_agreement_hash(&agreement, hash, l->arena), l->proposal.plan_hash);
    return OK;
}

static enum err supersede_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct looking *l = arg;
    struct proposal p = l->proposal;
    return proposal_withdraw(tx, l->by, &p, l->arena, e);
}

enum err proposal_recheck(const struct move_planner *planner, const struct answerer *by,
                          const char *id, struct arena *arena, const char **ret_schema,
                          struct error *e)
{
    struct looking l = {.planner = planner, .id = id, .by = by, .arena = arena};
    struct problems problems = {.arena = arena};
    struct move_plan plan;
    struct db *db = planner->env->db;
    TRY(db_read(db, look_work, &l, e));
    const struct proposal *p = &l.proposal;
    *ret_schema = NULL;
    if (p->state != PROPOSAL_PENDING || env_now(by->env) >= p->expires_at)
        return OK; /* refused with its own sentence */
    TRY(check_answerer(p, by, e));
    struct move_wish wish = {.customer = p->customer_id, .target_mode = mode_names[p->to_mode]};
    TRY(move_plan_make(planner, &wish, arena, &problems, &plan, e));
    TRY(move_plan_check(&plan, arena, e));
    *ret_schema = plan.survey.schema_sha256;
    if (p->kind == PROPOSAL_REQUESTED)
        l.changed = !text_eq(plan.hash, p->plan_hash);
    else
        TRY(db_read(db, compare_work, &l, e));
    if (!l.changed)
        return OK;
    TRY(db_write(db, supersede_work, &l, e));
    return error_set(e, ERR_CONFLICT,
                     "proposal %s is superseded: what it was about has changed since it was asked "
                     "for (plan, regions, policy, cost, size or schema); look at the plan and ask "
                     "again",
                     p->id);
}

enum err proposal_approve(struct db_tx *tx, const struct tracker *tracker,
                          const struct answerer *by, const char *id, const char *schema,
                          struct arena *arena, struct proposal *ret, struct error *e)
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
        TRY(check_answerer(&p, by, e));
        TRY(price_book_now(tracker->prices, tx, arena, &prices, e));
        if (p.kind == PROPOSAL_RECOMMENDED)
            TRY(check_recommended(tx, tracker, &p, arena, e));
        struct move_wish wish = {
            .customer = p.customer_id,
            .target_mode = mode_names[p.to_mode],
            .reason = arena_printf(arena, "proposal %s approved: %s", p.id, p.reason),
            .proposal_id = p.id,
            .schema_sha256 = schema,
        };
        TRY(move_request(tx, env, tracker->policy, prices, by->actor, &wish, arena, &problems,
                         &move, e));
        p.migration_id = move.id;
    }
    TRY(end(tx, by, &p, (struct ending){PROPOSAL_APPROVED, NULL, p.migration_id}, arena, e));
    *ret = p;
    return OK;
}
