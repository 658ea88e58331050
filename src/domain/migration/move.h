/*
 * Moves: a customer goes from one mode to the other, or to another place in its mode.
 *
 *     requested -> provisioning -> copying <-> verifying -> cleaning -> completed
 *         |             |             |            |
 *         +-------------+-------------+------------+--> failing -> failed
 *         +-------------+-------------+------------+--> cancelling -> cancelled
 *
 * Leaving `verifying` for `cleaning` is the commit point: in one transaction the target becomes the
 * customer's current deployment. Before it a move can be undone, after it it only goes forward.
 * A move is running until it is completed, failed or cancelled: `failing` and `cancelling` last
 * until the fence is open and the target is gone, so that the next move starts from a clean place.
 *
 * The table in move.c is the only place that knows the edges, move_set_state() the only function
 * that changes the state. It also holds the move to its `run`: each run of a worker takes the next
 * number, and what an earlier one, which lost its lease and does not know it, still wants to record
 * is refused. The databases of tenants refuse old runs by the same number (tenant.h).
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_MOVE_H
#define WEBHOST_DOMAIN_MIGRATION_MOVE_H

#include "domain/accounts/customer.h"
#include "domain/accounts/decisions.h"
#include "domain/placement/costs.h"
#include "domain/placement/policy.h"
#include "domain/provisioning/deployment.h"

#define MOVE_QUEUE "migration"

enum move_state {
    MOVE_REQUESTED,
    MOVE_PROVISIONING,
    MOVE_COPYING,
    MOVE_VERIFYING,
    MOVE_CLEANING,
    MOVE_COMPLETED,
    MOVE_FAILING,
    MOVE_FAILED,
    MOVE_CANCELLING,
    MOVE_CANCELLED,
    MOVE_STATES,
};

enum move_event {
    MOVE_START,    /* a worker took it up */
    MOVE_PREPARED, /* the target exists */
    MOVE_COPIED,   /* every row is in the target */
    MOVE_AGAIN,    /* the comparison did not end: copy afresh */
    MOVE_SWITCH,   /* both are equal: the target is where the customer lives */
    MOVE_CLEANED,  /* nothing is left at the source */
    MOVE_FAIL,
    MOVE_CANCEL,
    MOVE_UNDONE, /* the fence is open, the target gone */
    MOVE_EVENTS,
};

extern const char *const move_state_names[]; /* ends with NULL */
extern const char *const move_event_names[]; /* for sentences: "a move that is X cannot NAME" */

/* The state that `event` leads to, or -1 when the event is refused in `from`. */
int move_next_state(enum move_state from, enum move_event event);

static inline bool move_is_over(enum move_state state)
{
    return state == MOVE_COMPLETED || state == MOVE_FAILED || state == MOVE_CANCELLED;
}

struct move {
    const char *id;
    const char *customer_id;
    int from_mode, to_mode; /* enum mode */
    int state;              /* enum move_state */
    const char *reason;
    const char *requested_by; /* an actor, as in the audit record */
    const char *decision_id;
    const char *source_id, *target_id; /* deployments */
    int64_t rows_copied;
    int64_t stall_us;  /* how long the tenant was read-only before the switch */
    const char *proof; /* JSON: for each table, its rows and the digest that both sides have */
    const char *error;
    int64_t run;
    int64_t fenced_at; /* since when the tenant may be read-only; INT_ABSENT: it is not */
    int64_t created_at, finished_at;
};

extern const struct field move_fields[];

struct move_wish {
    const char *customer;    /* id or slug */
    const char *target_mode; /* as the caller wrote it */
    const char *reason;      /* NULL: "requested by hand" */
};

/*
 * Starts a move: target deployment, decision, move, job and audit record, in the caller's
 * transaction. ERR_INVALID with the problem for a mode that is none, ERR_NOT_FOUND for an unknown
 * customer, ERR_CONFLICT when the customer is in that mode, is being moved already, is not
 * provisioned yet or has been cancelled, or when a constraint of the policy forbids the mode.
 */
enum err move_request(struct db_tx *tx, const struct env *env, const struct policy *policy,
                      const struct prices *prices, const char *actor, const struct move_wish *wish,
                      struct arena *arena, struct problems *problems, struct move *ret,
                      struct error *e);

/*
 * Starts a move within the customer's mode, to a place that its provider chooses: off a host that
 * is being drained. Nothing is decided anew. ERR_CONFLICT as above.
 */
enum err move_relocate(struct db_tx *tx, const struct env *env, const char *actor,
                       const char *customer_id, const char *reason, struct arena *arena,
                       struct move *ret, struct error *e);

/* Stops a move before its commit point; its job undoes what was done. ERR_CONFLICT after it. */
enum err move_cancel(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                     struct arena *arena, struct move *ret, struct error *e);

enum err move_find(struct db_tx *tx, const char *id, struct arena *arena, struct move *ret,
                   struct error *e);

/* The customer's newest; ERR_NOT_FOUND when there was never one. */
enum err move_latest(struct db_tx *tx, const char *customer_id, struct arena *arena,
                     struct move *ret, struct error *e);

struct move_filter {
    const char *customer_id, *state; /* NULL: any */
};

/* Newest first: records of struct move. */
enum err move_list(struct db_tx *tx, const struct move_filter *filter, struct page page,
                   struct arena *arena, struct records *ret, const char **ret_next,
                   struct error *e);

/* The move as the API shows it. */
json_t *move_json(const struct move *move);

/* -- for the workers --------------------------------------------------------------------------- */

/* Takes the next run number, which makes every earlier run an old one, and reads the move. */
enum err move_begin_run(struct db_tx *tx, const char *id, struct arena *arena, struct move *ret,
                        struct error *e);

/*
 * Takes the edge of `event` and keeps `move` in step. ERR_CONFLICT when there is no such edge, or
 * when the recorded state or run is not what `move` says. `why` is kept as the move's error; NULL
 * leaves what is there. Audited as migration.STATE.
 */
enum err move_set_state(struct db_tx *tx, const struct env *env, const char *actor,
                        struct move *move, enum move_event event, const char *why,
                        struct arena *arena, struct error *e);

/* Records since when the tenant is read-only (the first time counts), or with 0 that it is not. */
enum err move_set_fenced(struct db_tx *tx, struct move *move, int64_t since, struct error *e);

/* What the copy came to. */
enum err move_set_result(struct db_tx *tx, const struct move *move, int64_t rows_copied,
                         int64_t stall_us, const char *proof, struct error *e);

/* Has a worker of its own undo or clean up what a move left, `delay_us` from now. */
enum err move_enqueue_cleanup(struct db_tx *tx, const struct env *env, const struct move *move,
                              int64_t delay_us, struct arena *arena, struct error *e);

#endif
