/*
 * Decisions as people and programs read them.
 */
#ifndef WEBHOST_DOMAIN_PLACEMENT_EXPLAIN_H
#define WEBHOST_DOMAIN_PLACEMENT_EXPLAIN_H

#include "domain/placement/costs.h"
#include "domain/placement/decide.h"

/* A decision with all that it was made from; borrows everything. */
struct decided {
    const struct policy *policy;
    const struct prices *prices;
    const struct profile *profile;
    const struct decide_context *context;
    const struct decision *decision;
};

/*
 * One sentence: "Recommended multi-tenant deployment: No special compliance needs, Small fleet
 * size (confidence: 0.9)", from every rule of the chosen mode that holds and has a `because`. With
 * a constraint: "Required single-tenant deployment: HIPAA data must not share a database
 * [hipaa-dedicated], ...".
 */
const char *decision_reason(const struct decided *d, struct arena *arena);

/* The same at the end of a buffer; what does not fit is missing. */
void decision_append_reason(const struct decided *d, struct buf *out);

/*
 * The whole decision, a new reference: mode, infrastructure, plan, reason, confidence,
 * alternatives, scores, factors, constraints, policy, regions, estimated_monthly_cost (USD) and the
 * prices that it was estimated from.
 */
json_t *decision_json(const struct decided *d);

/*
 * One line of `decide --batch`: reads a profile as JSON from `line` and appends its decision to
 * `out` as one line of JSON, or {"error": ..., "line": number} when there is none to make. A blank
 * line appends nothing. False when `out` is full, which then ends in part of a line.
 */
bool decide_batch_line(const struct policy *policy, const struct prices *prices, struct str line,
                       size_t number, struct buf *out);

#endif
