/*
 * Outcomes: whether what was decided was right, told from what happened after it.
 *
 *     accuracy       decisions that nobody overrode and nothing reversed within 30 days
 *     satisfaction   feedback by mode, and of the decisions that customers were asked about
 *     retention      who stays, by mode and by the month they came in
 *     cancellations  who left, and why
 *     time to detect from the change of a customer's facts to the proposal or the move
 *     time to move   from the request of a move to its end
 *
 * Only decisions of the policy count: at signup, a proposal that a person answered, a move that
 * needed no person. It is overridden when a person says no to the proposal or asks by hand for the
 * other mode, and reversed when the customer is moved back without that. A decision younger than
 * 30 days that still stands is open and counts for neither side.
 *
 * Everything is counted by indexes from the records of a span of time when it is asked for; what is
 * read grows with what happened in it, not with how long WebHost has run. docs/outcomes.md says
 * what each figure means.
 */
#ifndef WEBHOST_DOMAIN_OUTCOMES_OUTCOMES_H
#define WEBHOST_DOMAIN_OUTCOMES_OUTCOMES_H

#include "domain/core/env.h"
#include "infra/json/json.h"

#define OUTCOMES_DAYS_DEFAULT 90
#define OUTCOMES_DAYS_MAX     731
#define OUTCOMES_SETTLED_US   (30 * USEC_PER_DAY) /* after which a decision that stands was right */

struct outcomes_span {
    int64_t from, to; /* from <= time < to; INT_ABSENT: the default */
};

/* The summary, which the caller owns. ERR_INVALID with the problems named for a span that is none.
 */
enum err outcomes_read(struct db_tx *tx, const struct env *env, struct outcomes_span span,
                       struct problems *problems, json_t **ret_summary, struct error *e);

#endif
