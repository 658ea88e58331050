#include "domain/usage/tracker.h"

#include <inttypes.h>

#define USEC_PER_MINUTE (60 * USEC_PER_SEC)

/* -- settings ---------------------------------------------------------------------------------- */

static const char *every_check(const char *text)
{
    int64_t us;
    bool whole = duration_parse(str_from(text), &us) && us >= USEC_PER_MINUTE &&
                 us <= USEC_PER_DAY && us % USEC_PER_MINUTE == 0;
    int64_t minutes = whole ? us / USEC_PER_MINUTE : 0;
    bool divides =
        whole && (minutes < 60 ? 60 % minutes == 0 : minutes % 60 == 0 && 24 % (minutes / 60) == 0);
    return divides ? NULL : "must be a duration that divides an hour or a day: 15m, 1h, 6h, 24h";
}

#define AT(member) offsetof(struct tracker_settings, member)
#define DAYS       .max = 3650

const struct field tracker_settings_fields[] = {
    {"every", FIELD_TEXT, AT(every), .check = every_check},
    {"cooldown_days", FIELD_INT, AT(cooldown_days), DAYS},
    {"repeats", FIELD_INT, AT(repeats), .min = 1, .max = 100},
    {"margin", FIELD_DECIMAL, AT(margin), .max = DECIMAL_ONE},
    {"moves_at_once", FIELD_INT, AT(moves_at_once), .max = 1000},
    {"horizon_months", FIELD_INT, AT(horizon_months), .min = 1, .max = 120},
    {"disruption_cost", FIELD_DECIMAL, AT(disruption_cost), .max = INT64_C(1000000) * DECIMAL_ONE},
    {"rejected_days", FIELD_INT, AT(rejected_days), DAYS},
    {"proposal_days", FIELD_INT, AT(proposal_days), .min = 1, DAYS},
    {"keep_sweeps_days", FIELD_INT, AT(keep_sweeps_days), .min = 1, DAYS},
    FIELD_END,
};

struct tracker_settings tracker_settings_default(void)
{
    return (struct tracker_settings){
        .every = "6h",
        .cooldown_days = 7,
        .repeats = 2,
        .margin = DECIMAL_ONE / 10,
        .moves_at_once = 5,
        .horizon_months = 6,
        .disruption_cost = 50 * DECIMAL_ONE,
        .rejected_days = 30,
        .proposal_days = 14,
        .keep_sweeps_days = 90,
    };
}

/* -- judging ----------------------------------------------------------------------------------- */

const char *const sweep_outcome_names[] = {
    "inactive",         "unplaced",     "stays",       "unsure",       "moving",
    "evaluating",       "proposed",     "rejected",    "cooling_down", "waits_for_repeats",
    "margin_too_small", "not_worth_it", "cap_reached", "due",          NULL,
};
_Static_assert(ARRAY_LEN(sweep_outcome_names) == SWEEP_OUTCOMES + 1, "a name for each outcome");

decimal judge_cost(const struct judge *judge, const struct profile *profile,
                   const struct decide_context *context, enum mode mode)
{
    struct placement at = placement_in_mode(judge->policy, profile, context, mode);
    return cost_monthly(judge->prices, &at, profile->vehicle_count);
}

static bool is_cooling(const struct judge *j, const struct facts *f)
{
    return f->moved_at != INT_ABSENT &&
           j->now - f->moved_at < j->settings->cooldown_days * USEC_PER_DAY;
}

static bool is_worth(const struct judge *j, const struct verdict *v)
{
    const struct tracker_settings *s = j->settings;
    return v->saving <= 0 || v->saving * s->horizon_months > s->disruption_cost;
}

/* Of a customer who should move: what somebody did about it already. */
static enum sweep_outcome judge_standing(const struct judge *j, const struct standing *s,
                                         const struct verdict *v)
{
    bool same = s->mode == v->recommended;
    switch (s->kind) {
    case STANDING_MOVING:
        return SWEEP_MOVING;
    case STANDING_EVALUATED:
        return SWEEP_EVALUATING;
    case STANDING_PROPOSED:
        if (same && j->now >= s->at)
            return SWEEP_EVALUATING; /* which ends the proposal and makes another */
        return same ? SWEEP_PROPOSED : SWEEP_DUE;
    case STANDING_REJECTED:
        return same ? SWEEP_REJECTED : SWEEP_DUE;
    case STANDING_NOTHING:
        return SWEEP_DUE;
    }
    BUG_ON(true);
}

static enum sweep_outcome judge_move(const struct judge *j, const struct facts *f,
                                     const struct standing *standing, const struct verdict *v)
{
    enum sweep_outcome outcome = judge_standing(j, standing, v);
    if (outcome != SWEEP_DUE)
        return outcome;
    if (!v->required && is_cooling(j, f))
        return SWEEP_COOLING;
    if (v->repeats < j->settings->repeats)
        return SWEEP_REPEATS;
    if (!v->required && v->margin < j->settings->margin)
        return SWEEP_MARGIN;
    if (!v->required && !is_worth(j, v))
        return SWEEP_NOT_WORTH;
    return SWEEP_DUE;
}

static int64_t count_repeats(const struct judge *j, const struct verdict *v,
                             const struct verdict *before)
{
    bool again = before->repeats > 0 && before->recommended == v->recommended;
    int64_t repeats = again ? before->repeats + 1 : 1;
    return repeats < j->settings->repeats ? repeats : j->settings->repeats;
}

void judge_customer(const struct judge *j, const struct facts *f, const struct standing *standing,
                    const struct verdict *before, struct verdict *ret_verdict)
{
    struct verdict v = {.outcome = f->active ? SWEEP_UNPLACED : SWEEP_INACTIVE,
                        .recommended = INT_ABSENT,
                        .confidence = INT_ABSENT,
                        .margin = INT_ABSENT,
                        .saving = INT_ABSENT};
    if (f->active && f->mode != INT_ABSENT) {
        enum mode current = (enum mode)f->mode;
        struct profile profile;
        struct decide_context context;
        struct decision decision;
        facts_profile(f, &profile, &context);
        decide(j->policy, &profile, &context, &decision);
        v.outcome = standing->kind == STANDING_MOVING ? SWEEP_MOVING : SWEEP_STAYS;
        v.recommended = decision.placement.mode;
        v.confidence = decision.confidence;
        v.margin = decision_margin(&decision);
        v.required = decision.constraint != CONSTRAINT_NONE;
        if (decision.placement.mode != current) {
            v.saving = judge_cost(j, &profile, &context, current) -
                       cost_monthly(j->prices, &decision.placement, profile.vehicle_count);
            if (decision_wants_move(j->policy, &decision, current)) {
                v.repeats = count_repeats(j, &v, before);
                v.outcome = judge_move(j, f, standing, &v);
            } else if (v.outcome == SWEEP_STAYS) {
                v.outcome = SWEEP_UNSURE;
            }
        }
    }
    *ret_verdict = v;
}

/* -- in words ---------------------------------------------------------------------------------- */

static const char *day_of(int64_t at, char text[TIME_TEXT_MAX])
{
    (void)time_text(at, text);
    text[10] = '\0'; /* 2026-11-23 */
    return text;
}

static const char *sentence_of_rule(const struct verdict *v, const struct facts *f,
                                    const struct tracker_settings *s, struct arena *arena)
{
    const char *to = mode_labels[v->recommended];
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX], day[TIME_TEXT_MAX];
    switch ((enum sweep_outcome)v->outcome) {
    case SWEEP_COOLING:
        return arena_printf(arena,
                            "%s is recommended, but it moved on %s and stays where it is for "
                            "%" PRId64 " days",
                            to, day_of(f->moved_at, day), s->cooldown_days);
    case SWEEP_REPEATS:
        return arena_printf(
            arena, "%s is recommended in sweep %" PRId64 " of %" PRId64 " in a row that it takes",
            to, v->repeats, s->repeats);
    case SWEEP_MARGIN:
        return arena_printf(arena, "%s is ahead by %s, and a move takes %s", to,
                            decimal_text(v->margin, a), decimal_text(s->margin, b));
    case SWEEP_NOT_WORTH:
        return arena_printf(arena,
                            "%s would save %s USD a month, which in %" PRId64
                            " months is not more than the %s USD that a move costs",
                            to, decimal_text(v->saving, a), s->horizon_months,
                            decimal_text(s->disruption_cost, b));
    case SWEEP_CAP:
        return arena_printf(arena,
                            "%s is due, but no more than %" PRId64
                            " customers move at once and others go first",
                            to, s->moves_at_once);
    default:
        BUG_ON(true);
    }
}

static const char *sentence_of_standing(const struct verdict *v, const struct standing *standing,
                                        const struct tracker_settings *s, struct arena *arena)
{
    const char *to = mode_labels[v->recommended];
    char day[TIME_TEXT_MAX];
    switch ((enum sweep_outcome)v->outcome) {
    case SWEEP_MOVING:
        return "it is being moved";
    case SWEEP_EVALUATING:
        return arena_printf(arena, "a job looks whether it may move to %s", to);
    case SWEEP_PROPOSED:
        return arena_printf(arena, "a person is asked whether it may move to %s", to);
    case SWEEP_REJECTED:
        if (standing->kind != STANDING_REJECTED)
            return arena_printf(arena, "a person said no to %s", to);
        return arena_printf(
            arena, "a person said no to %s on %s; it is not asked again for %" PRId64 " days", to,
            day_of(standing->at, day), s->rejected_days);
    default:
        return arena_printf(arena, "a move to %s is due and goes to evaluation", to);
    }
}

const char *verdict_sentence(const struct verdict *v, const struct facts *f,
                             const struct standing *standing, const struct tracker_settings *s,
                             struct arena *arena)
{
    char confidence[DECIMAL_TEXT_MAX];
    switch ((enum sweep_outcome)v->outcome) {
    case SWEEP_INACTIVE:
        return "it is no active customer";
    case SWEEP_UNPLACED:
        return "it lives nowhere yet";
    case SWEEP_STAYS:
        return arena_printf(arena, "%s is where it belongs (confidence %s)",
                            mode_labels[v->recommended], decimal_text(v->confidence, confidence));
    case SWEEP_UNSURE:
        return arena_printf(arena,
                            "%s is recommended, but its confidence of %s is too low for a move",
                            mode_labels[v->recommended], decimal_text(v->confidence, confidence));
    case SWEEP_COOLING:
    case SWEEP_REPEATS:
    case SWEEP_MARGIN:
    case SWEEP_NOT_WORTH:
    case SWEEP_CAP:
        return sentence_of_rule(v, f, s, arena);
    default:
        return sentence_of_standing(v, standing, s, arena);
    }
}
