/*
 * The tracker's judgement: what becomes of one customer in a sweep, and why.
 *
 * Pure: the same facts under the same policy at the same time give the same verdict; no I/O, no
 * allocation. A move is proposed only when it is recommended several sweeps running, by a margin,
 * long enough after the last one, when it is worth its disruption, and when not too many are moving
 * already. A constraint of the policy is not a matter of taste: it waits for the repeats and for a
 * free place only.
 *
 * Verdicts are kept as numbers; verdict_sentence() says them with the figures.
 */
#ifndef WEBHOST_DOMAIN_USAGE_TRACKER_H
#define WEBHOST_DOMAIN_USAGE_TRACKER_H

#include "domain/facts/facts.h"
#include "domain/placement/costs.h"

struct tracker_settings {
    const char *every;     /* a duration that divides a day */
    int64_t cooldown_days; /* after a move */
    int64_t repeats;       /* sweeps in a row that recommend the same */
    decimal margin;        /* by which the recommended mode outscores the other */
    int64_t moves_at_once;
    int64_t horizon_months;  /* for which a saving counts */
    decimal disruption_cost; /* USD that a move to a cheaper mode costs everybody */
    int64_t rejected_days;   /* after a person said no */
    int64_t proposal_days;   /* until a proposal that nobody answered ends */
    int64_t keep_sweeps_days;
};

/* The part `tracker:` of the configuration file. */
extern const struct field tracker_settings_fields[];

struct tracker_settings tracker_settings_default(void);

/* Stored as numbers: add at the end. */
enum sweep_outcome {
    SWEEP_INACTIVE,   /* leaving or gone */
    SWEEP_UNPLACED,   /* lives nowhere yet */
    SWEEP_STAYS,      /* the right mode already */
    SWEEP_UNSURE,     /* the other mode, but not with the confidence to move */
    SWEEP_MOVING,     /* being moved */
    SWEEP_EVALUATING, /* a job looks at it */
    SWEEP_PROPOSED,   /* a person is asked */
    SWEEP_REJECTED,   /* a person said no, not long ago */
    SWEEP_COOLING,    /* moved not long ago */
    SWEEP_REPEATS,    /* not recommended often enough yet */
    SWEEP_MARGIN,     /* the other mode is hardly better */
    SWEEP_NOT_WORTH,  /* the saving does not pay for the move */
    SWEEP_CAP,        /* too many move at once */
    SWEEP_DUE,        /* goes to evaluation */
    SWEEP_OUTCOMES,
};

extern const char *const sweep_outcome_names[]; /* ends with NULL */

struct verdict {
    int64_t outcome;     /* enum sweep_outcome */
    int64_t recommended; /* enum mode; INT_ABSENT where nothing was decided */
    decimal confidence;
    decimal margin;
    decimal saving;   /* USD a month by moving; negative when it costs; INT_ABSENT: stays */
    int64_t repeats;  /* sweeps in a row that recommended a move to this mode, up to the wanted */
    int64_t required; /* 1: a constraint decided */
};

/* What stands in the way of a customer at the moment, from the records of moves and proposals. */
enum standing_kind {
    STANDING_NOTHING,
    STANDING_REJECTED,
    STANDING_PROPOSED,
    STANDING_EVALUATED,
    STANDING_MOVING,
};

struct standing {
    enum standing_kind kind;
    int64_t mode; /* proposed or rejected */
    int64_t at;   /* when it was rejected, or a proposal ends */
};

struct judge {
    const struct policy *policy;
    const struct prices *prices;
    const struct tracker_settings *settings;
    int64_t now;
};

/*
 * SWEEP_DUE here means that nothing but the cap can stand in the way. `before` is the verdict of
 * the sweep before; zero bytes with INT_ABSENT recommended when there was none.
 */
void judge_customer(const struct judge *judge, const struct facts *facts,
                    const struct standing *standing, const struct verdict *before,
                    struct verdict *ret_verdict);

/* USD a month that living in the mode costs with these facts. */
decimal judge_cost(const struct judge *judge, const struct profile *profile,
                   const struct decide_context *context, enum mode mode);

/* Why the customer was or was not moved, with the figures: one sentence in the arena. */
const char *verdict_sentence(const struct verdict *verdict, const struct facts *facts,
                             const struct standing *standing,
                             const struct tracker_settings *settings, struct arena *arena);

#endif
