/*
 * Proposals: moves that wait for a person.
 *
 *     pending -> approved      somebody agreed, and the move was requested in the same transaction
 *             -> rejected      somebody said no; it is not asked again for a while
 *             -> expired       nobody answered in time
 *             -> superseded    it is not what is recommended any more
 *
 * A customer has at most one that is pending. What is agreed to is fixed by `plan_hash`: who, from
 * where to where, with which plan and regions, under which policy.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_PROPOSAL_H
#define WEBHOST_DOMAIN_MIGRATION_PROPOSAL_H

#include "domain/migration/move.h"
#include "domain/usage/sweep.h"

enum proposal_state {
    PROPOSAL_PENDING,
    PROPOSAL_APPROVED,
    PROPOSAL_REJECTED,
    PROPOSAL_EXPIRED,
    PROPOSAL_SUPERSEDED,
};

extern const char *const proposal_state_names[]; /* ends with NULL */

struct proposal {
    const char *id;
    const char *customer_id, *customer_slug;
    int from_mode, to_mode; /* enum mode */
    int state;              /* enum proposal_state */
    const char *decision_id;
    decimal confidence;
    const char *reason;
    decimal monthly_saving; /* negative: it costs that much more */
    const char *plan_hash;
    const char *migration_id; /* once approved */
    int64_t created_at, expires_at;
    const char *decided_by;
    int64_t decided_at;
    const char *comment;
};

extern const struct field proposal_fields[];

/* What proposing somebody's move takes. */
struct proposal_wish {
    const struct tracker *tracker;
    const struct customer *customer;
    const struct decided *decided;
    decimal monthly_saving;
};

/* Records the decision and the proposal; audited. */
enum err proposal_create(struct db_tx *tx, const char *actor, const struct proposal_wish *wish,
                         struct arena *arena, struct proposal *ret, struct error *e);

enum err proposal_find(struct db_tx *tx, const char *id, struct arena *arena, struct proposal *ret,
                       struct error *e);

/* ERR_NOT_FOUND when none is pending. */
enum err proposal_pending_of(struct db_tx *tx, const char *customer_id, struct arena *arena,
                             struct proposal *ret, struct error *e);

enum err proposal_count_pending(struct db_tx *tx, int64_t *ret, struct error *e);

struct proposal_filter {
    const char *state, *customer_id; /* NULL: any */
};

/* Newest first: records of struct proposal. */
enum err proposal_list(struct db_tx *tx, const struct proposal_filter *filter, struct page page,
                       struct arena *arena, struct records *ret, const char **ret_next,
                       struct error *e);

/*
 * Agrees, and starts the move. ERR_CONFLICT when it is no longer pending or in time, when the
 * policy does not recommend it any more with the facts of now, or when the customer cannot be moved
 * at the moment; then nothing changes.
 */
enum err proposal_approve(struct db_tx *tx, const struct tracker *tracker, const char *actor,
                          const char *id, struct arena *arena, struct proposal *ret,
                          struct error *e);

/* Says no, with a word why (may be NULL). ERR_CONFLICT when it is no longer pending. */
enum err proposal_reject(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                         const char *comment, struct arena *arena, struct proposal *ret,
                         struct error *e);

/* Ends one that nobody answered: expired when its time has come, else superseded. */
enum err proposal_withdraw(struct db_tx *tx, const struct env *env, const char *actor,
                           struct proposal *proposal, struct arena *arena, struct error *e);

#endif
