/*
 * Proposals: moves that wait for a person.
 *
 *     pending -> approved      somebody agreed, and the move was requested in the same transaction
 *             -> rejected      somebody said no; it is not asked again for a while
 *             -> expired       nobody answered in time
 *             -> superseded    it is not what is recommended any more
 *
 * A customer has at most one that is pending. It comes from the tracker, or from a person where a
 * move takes two (`moves.second_person`). What is agreed to is fixed by `plan_hash` (plan.h):
 * before it is approved the plan is made again, and when it is another one the proposal is
 * superseded. The move's worker looks once more. Whoever asked cannot approve: neither that token
 * nor another one of that name.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_PROPOSAL_H
#define WEBHOST_DOMAIN_MIGRATION_PROPOSAL_H

#include "domain/migration/plan.h"
#include "domain/notify/notify.h"
#include "domain/usage/sweep.h"

enum proposal_state {
    PROPOSAL_PENDING,
    PROPOSAL_APPROVED,
    PROPOSAL_REJECTED,
    PROPOSAL_EXPIRED,
    PROPOSAL_SUPERSEDED,
};

enum proposal_kind {
    PROPOSAL_RECOMMENDED, /* by the tracker */
    PROPOSAL_REQUESTED,   /* by a person */
};

extern const char *const proposal_state_names[], *const proposal_kind_names[]; /* end with NULL */

struct proposal {
    const char *id;
    const char *customer_id, *customer_slug;
    int from_mode, to_mode;      /* enum mode */
    int state;                   /* enum proposal_state */
    int kind;                    /* enum proposal_kind */
    const char *requested_by;    /* an actor */
    const char *requester_token; /* a token's id; NULL: no person's */
    const char *schema_sha256;   /* what was surveyed; NULL: nothing was */
    const char *size_class;
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

/* As people see it; `flags` as for json_encode(). */
json_t *proposal_json(const struct proposal *proposal, int flags);

/* What proposing somebody's move takes. */
struct proposal_wish {
    const struct tracker *tracker;
    const struct customer *customer;
    const struct decided *decided;
    decimal monthly_saving;
    const struct notify_settings *notify;

    /* Of one that a person asks for: */
    const struct move_plan *plan; /* NULL: the tracker recommends it */
    const char *token_id;
    const char *reason; /* NULL: the decision's */
};

/*
 * Records the decision and the proposal, tells people; audited. One that the tracker has made is
 * superseded by a person's; ERR_CONFLICT when a person's waits already.
 */
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

/* Who answers. Everything is borrowed. */
struct answerer {
    const struct env *env;
    const struct notify_settings *notify;
    const char *actor;
    const char *token_id; /* NULL: no token's */
};

/*
 * Ahead of the transaction that approves: makes the plan again, with a look into the customer's
 * database. ERR_CONFLICT names what cannot be moved, or says that the plan is not the one that was
 * proposed; then the proposal is superseded. `ret_schema` is what the move is bound to.
 */
enum err proposal_recheck(const struct move_planner *planner, const struct answerer *by,
                          const char *id, struct arena *arena, const char **ret_schema,
                          struct error *e);

/*
 * Agrees, and starts the move, bound to `schema` (may be NULL). ERR_DENIED when who answers is who
 * asked. ERR_CONFLICT when it is no longer pending or in time, when the policy does not recommend
 * it any more with the facts of now, or when the customer cannot be moved at the moment; then
 * nothing changes.
 */
enum err proposal_approve(struct db_tx *tx, const struct tracker *tracker,
                          const struct answerer *by, const char *id, const char *schema,
                          struct arena *arena, struct proposal *ret, struct error *e);

/* Says no, with a word why (may be NULL). ERR_CONFLICT when it is no longer pending. */
enum err proposal_reject(struct db_tx *tx, const struct answerer *by, const char *id,
                         const char *comment, struct arena *arena, struct proposal *ret,
                         struct error *e);

/* Ends one that nobody answered: expired when its time has come, else superseded. */
enum err proposal_withdraw(struct db_tx *tx, const struct answerer *by, struct proposal *proposal,
                           struct arena *arena, struct error *e);

#endif
