#include "domain/migration/evaluation.h"

#include "evaluation.sql.h"

#define ACTOR "job:" EVALUATION_WORKER

struct step {
    struct db_tx *tx;
    const struct evaluations *with;
    struct arena *arena;
    const struct prices *prices;

    struct customer customer;
    struct tracked tracked;
    struct profile profile;
    struct decide_context context;
    struct decision decision;
    struct verdict verdict;
};

/* -- judging ----------------------------------------------------------------------------------- */

static void judge(struct step *s)
{
    const struct tracker *t = s->with->tracker;
    const struct judge judge = {t->policy, s->prices, t->settings, env_now(t->env)};
    judge_customer(&judge, &s->tracked.facts, &s->tracked.standing, &s->tracked.verdict,
                   &s->verdict);
}

/* A proposal that says something else than what is recommended now stands in nobody's way. */
static enum err close_proposal(struct step *s, struct error *e)
{
    struct proposal pending;
    enum err err = proposal_pending_of(s->tx, s->customer.id, s->arena, &pending, e);
    if (err == ERR_NOT_FOUND || s->verdict.outcome == SWEEP_PROPOSED)
        return OK;
    TRY(err);
    struct answerer by = {s->with->tracker->env, s->with->notify, ACTOR, NULL};
    bool persons = pending.kind == PROPOSAL_REQUESTED && env_now(by.env) < pending.expires_at;
    if (persons) { /* what somebody asked for is not the tracker's to end */
        s->verdict.outcome = SWEEP_PROPOSED;
        return OK;
    }
    TRY(proposal_withdraw(s->tx, &by, &pending, s->arena, e));
    if (s->tracked.standing.kind == STANDING_PROPOSED)
        s->tracked.standing.kind = STANDING_NOTHING;
    judge(s);
    return OK;
}

/* -- approving --------------------------------------------------------------------------------- */

/* The constraint that decided is about compliance, and where the customer is it is not met. */
static bool compliance_is_unmet(const struct step *s)
{
    if (s->decision.constraint == CONSTRAINT_NONE)
        return false;
    const struct policy *policy = s->with->tracker->policy;
    const struct conditions *when = &policy->constraints.items[s->decision.constraint].when;
    for (size_t i = 0; i < when->count; i++) {
        if (when->factor[i] == FACTOR_COMPLIANCE)
            return true;
    }
    return false;
}

static struct move_facts facts_for_approval(const struct step *s)
{
    const struct facts *f = &s->tracked.facts;
    int64_t now = env_now(s->with->tracker->env);
    bool timed = f->response_us != INT_ABSENT;
    return (struct move_facts){
        .response_ms = timed ? f->response_us * DECIMAL_ONE / USEC_PER_MS : INT_ABSENT,
        .error_rate = f->error_rate,
        .cpu = f->cpu,
        .compliance_issues = compliance_is_unmet(s),
        .days_in_mode = f->mode_since == INT_ABSENT ? 0 : (now - f->mode_since) / USEC_PER_DAY,
    };
}

/* Which of the measured figures are over their limits. */
static const char *performance_text(const struct step *s, const struct move_facts *f)
{
    const struct auto_approve *limits = &s->with->tracker->policy->auto_approve;
    const char *text = "performance is bad where it is";
    char value[DECIMAL_TEXT_MAX];
    if (f->response_ms > limits->with_issues.response_ms_above)
        text = arena_printf(s->arena, "%s, responses take %s ms", text,
                            decimal_text(f->response_ms, value));
    if (f->error_rate > limits->with_issues.error_rate_above)
        text = arena_printf(s->arena, "%s, the error rate is %s", text,
                            decimal_text(f->error_rate, value));
    if (f->cpu > limits->with_issues.cpu_above)
        text = arena_printf(s->arena, "%s, CPU is at %s", text, decimal_text(f->cpu, value));
    return text;
}

static const char *approval_text(const struct step *s, enum approval approval,
                                 const struct move_facts *f)
{
    switch (approval) {
    case APPROVAL_PERFORMANCE:
        return performance_text(s, f);
    case APPROVAL_COMPLIANCE:
        return s->with->tracker->policy->constraints.items[s->decision.constraint].because;
    case APPROVAL_SETTLED:
        return arena_printf(s->arena, "it has been in its mode for %lld days",
                            (long long)f->days_in_mode);
    case APPROVAL_BY_PERSON:
        break;
    }
    BUG_ON(true);
}

static enum err approve(struct step *s, const char *why, struct evaluated *out, struct error *e)
{
    const struct tracker *t = s->with->tracker;
    struct problems problems = {.arena = s->arena};
    struct move move;
    struct move_wish wish = {
        .customer = s->customer.id,
        .target_mode = mode_names[s->decision.placement.mode],
        .reason = arena_printf(s->arena, "approved automatically: %s", why),
    };
    TRY(move_request(s->tx, t->env, t->policy, s->prices, ACTOR, &wish, s->arena, &problems, &move,
                     e));
    out->migration_id = move.id;
    return OK;
}

/* -- proposing --------------------------------------------------------------------------------- */

static enum err propose(struct step *s, struct evaluated *out, struct error *e)
{
    const struct tracker *t = s->with->tracker;
    struct decided decided = {t->policy, s->prices, &s->profile, &s->context, &s->decision};
    struct proposal_wish wish = {
        .tracker = t,
        .customer = &s->customer,
        .decided = &decided,
        .monthly_saving = s->verdict.saving,
        .notify = s->with->notify,
    };
    struct proposal proposal;
    TRY(proposal_create(s->tx, ACTOR, &wish, s->arena, &proposal, e));
    out->proposal_id = proposal.id;
    return OK;
}

/* When it was found, for the figures of how long that takes. */
static enum err note_detection(struct step *s, const struct evaluated *out, struct error *e)
{
    const struct facts *f = &s->tracked.facts;
    int64_t there_since = f->mode_since == INT_ABSENT ? s->customer.created_at : f->mode_since;
    bool automatic = out->migration_id != NULL;
    return db_exec(s->tx, &detection_insert,
                   DB_ARGS(db_text(automatic ? out->migration_id : out->proposal_id),
                           db_text(s->customer.id), db_text(mode_names[s->decision.placement.mode]),
                           db_int(automatic), db_int(env_now(s->with->tracker->env)),
                           db_int(there_since)),
                   NULL, e);
}

enum err evaluate_move(struct db_tx *tx, const struct evaluations *with, const char *customer_id,
                       struct arena *arena, struct evaluated *ret, struct error *e)
{
    struct step s = {.tx = tx, .with = with, .arena = arena};
    TRY(price_book_now(with->tracker->prices, tx, arena, &s.prices, e));
    TRY(customer_find(tx, customer_id, arena, &s.customer, e));
    TRY(tracked_find(tx, with->tracker, customer_id, STANDING_EVALUATED, arena, &s.tracked, e));
    judge(&s);
    TRY(close_proposal(&s, e));
    struct evaluated out = {.verdict = s.verdict};
    if (s.verdict.outcome == SWEEP_DUE) {
        facts_profile(&s.tracked.facts, &s.profile, &s.context);
        decide(with->tracker->policy, &s.profile, &s.context, &s.decision);
        struct move_facts facts = facts_for_approval(&s);
        enum approval approval = move_approval(with->tracker->policy, &s.decision, &facts);
        if (approval == APPROVAL_BY_PERSON)
            TRY(propose(&s, &out, e));
        else
            TRY(approve(&s, approval_text(&s, approval, &facts), &out, e));
        TRY(note_detection(&s, &out, e));
    }
    *ret = out;
    return OK;
}

/* -- the worker -------------------------------------------------------------------------------- */

struct evaluation_args {
    const char *customer_id;
};

static const struct field args_fields[] = {
    {"customer_id", FIELD_TEXT, offsetof(struct evaluation_args, customer_id), .required = true},
    FIELD_END,
};

struct evaluation_work {
    struct job_run *run;
    struct evaluation_args args;
};

static enum err evaluation_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct evaluation_work *w = arg;
    struct evaluated ignored; /* what there is to know of it is recorded */
    return evaluate_move(tx, w->run->ctx, w->args.customer_id, w->run->arena, &ignored, e);
}

static enum job_result perform(struct job_run *run, struct error *e)
{
    struct evaluation_work w = {.run = run};
    struct problems problems = {.arena = run->arena};
    record_clear(args_fields, &w.args);
    if (json_decode_text(args_fields, str_from(run->job->args), run->arena, &w.args, &problems,
                         e) != OK)
        return JOB_FAIL;
    enum err err = db_write(run->env->db, evaluation_work, &w, e);
    if (err == ERR_NOT_FOUND || err == ERR_CONFLICT) /* it cannot be moved: the sweep comes again */
        return JOB_FAIL;
    return err == OK ? JOB_DONE : JOB_RETRY;
}

struct job_worker evaluation_worker(const struct evaluations *with)
{
    return (struct job_worker){EVALUATION_WORKER, EVALUATION_QUEUE, perform, NULL,
                               (void *)(uintptr_t)with};
}
