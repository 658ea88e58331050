/*
 * The decision: which mode, plan and regions a customer gets under a policy.
 *
 * Pure: the same policy, profile and context always give the same decision. decide() handles
 * integers only and allocates nothing, so that a policy can be replayed over every customer's
 * history; explain.h turns a decision into sentences and JSON.
 */
#ifndef WEBHOST_DOMAIN_PLACEMENT_DECIDE_H
#define WEBHOST_DOMAIN_PLACEMENT_DECIDE_H

#include "domain/placement/policy.h"

/* What counts beside the profile. Zero bytes mean: nothing does. */
struct decide_context {
    enum plan subscribed; /* a floor for single-tenant plans; hobby raises nothing */
};

#define CONSTRAINT_NONE (-1)

struct decision {
    struct placement placement;
    decimal confidence;                   /* the score of the chosen mode */
    decimal scores[MODE_COUNT];           /* 0..1 */
    struct outcome factors[FACTOR_COUNT]; /* what each factor added, and by which rule */
    int constraint; /* the policy's first that holds and so decided; CONSTRAINT_NONE */
};

void decide(const struct policy *policy, const struct profile *profile,
            const struct decide_context *context, struct decision *ret_decision);

/* Plan and regions the customer would get in this mode, whatever the scores say. */
struct placement placement_in_mode(const struct policy *policy, const struct profile *profile,
                                   const struct decide_context *context, enum mode mode);

/* By how much the chosen mode outscores the other; negative when it was required or chosen early.
 */
decimal decision_margin(const struct decision *d);

/*
 * True when the decision says that a customer who is in `current` should move: another mode, and
 * either more confidence than the policy's migrate_above or a constraint, which is never a guess.
 */
bool decision_wants_move(const struct policy *policy, const struct decision *d, enum mode current);

/* What approval looks at beside the confidence; INT_ABSENT where nothing was measured. */
struct move_facts {
    decimal response_ms; /* average */
    decimal error_rate;  /* 0..1 */
    decimal cpu;         /* 0..1 */
    bool compliance_issues;
    int64_t days_in_mode;
};

enum approval {
    APPROVAL_BY_PERSON,
    APPROVAL_PERFORMANCE, /* automatic: confident, and performance is bad where it is */
    APPROVAL_COMPLIANCE,  /* automatic: confident, and compliance is not met where it is */
    APPROVAL_SETTLED,     /* automatic: very confident, and long enough in the current mode */
};

enum approval move_approval(const struct policy *policy, const struct decision *d,
                            const struct move_facts *facts);

#endif
