/*
 * Moves: a customer goes from one mode to the other, or to another place in its mode, and keeps
 * writing meanwhile.
 *
 * move_states.h has the states. A move is running until its state is over: also while it soaks, and
 * until everything that it made is gone, so that the next one starts from a clean place. A customer
 * has one running move at a time.
 *
 * move_set_state() is the only function that changes the state. It also holds the move to its
 * `run`: each run of a worker takes the next number, and what an earlier one, which lost its lease
 * and does not know it, still wants to record is refused. The databases of tenants refuse old runs
 * by the same number (mover.h).
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_MOVE_H
#define WEBHOST_DOMAIN_MIGRATION_MOVE_H

#include "domain/accounts/customer.h"
#include "domain/accounts/decisions.h"
#include "domain/migration/move_states.h"
#include "domain/placement/costs.h"
#include "domain/placement/policy.h"
#include "domain/provisioning/deployment.h"

#define MOVE_QUEUE "migration"

enum way_back {
    WAY_NONE,
    WAY_OPEN,
    WAY_LOST,  /* the source stopped to be current */
    WAY_TAKEN, /* rolled back */
    WAY_ENDED, /* nothing of the move is left in the two databases */
};

enum proof_state { PROOF_NONE, PROOF_DUE, PROOF_EQUAL, PROOF_DIFFERS };

extern const char *const way_back_names[], *const proof_state_names[]; /* end with NULL */

struct move {
    const char *id;
    const char *customer_id;
    const char *customer_slug, *customer_name;
    int from_mode, to_mode; /* enum mode */
    int state;              /* enum move_state */
    const char *reason;
    const char *requested_by; /* an actor, as in the audit record */
    const char *decision_id;
    const char *source_id, *target_id; /* deployments */
    const char *mover;                 /* which kind works on it; NULL before it began */
    int64_t rows_copied;
    int64_t stall_us;        /* how long the tenant could not be written at the cut; absent: not
                                known, the process that cut over died */
    int64_t return_stall_us; /* the same when it was rolled back */
    int64_t lag_bytes;
    const char *doing; /* "building gps_points_pkey" */
    int64_t cut_attempts;
    bool cut_told; /* people know that it finds no moment to cut over */
    int64_t switched_at, soak_until;
    int way_back;      /* enum way_back */
    int proof_state;   /* enum proof_state */
    const char *proof; /* JSON: for each table, its rows and the digest that both sides have */
    const char *schema_sha256;
    const char *error;
    const char *retry_of, *proposal_id;
    int64_t run;
    int64_t version; /* grows with every record */
    int64_t created_at, finished_at;
};

extern const struct field move_fields[];

struct move_wish {
    const char *customer;      /* id or slug */
    const char *target_mode;   /* as the caller wrote it */
    const char *reason;        /* NULL: "requested by hand" */
    const char *retry_of;      /* the move that it repeats; NULL: none */
    const char *proposal_id;   /* what was approved; NULL: nothing had to be */
    const char *schema_sha256; /* what was surveyed; NULL: not yet */
};

/* Who would be moved, and what is thought of it. */
struct judged_move {
    enum mode target;
    struct customer customer;
    struct deployment current;
    struct profile profile;
    struct decide_context context;
    struct decision decision; /* for the target mode */
    enum mode recommended;    /* by the policy */
};

/*
 * Judges a wish as move_request() does, and changes nothing. The same errors; with ERR_CONFLICT
 * `ret` has the customer, and the decision when the policy forbids the mode.
 */
enum err move_judge(struct db_tx *tx, const struct policy *policy, const struct move_wish *wish,
                    struct arena *arena, struct problems *problems, struct judged_move *ret,
                    struct error *e);

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
 * is being drained. Nothing is decided anew; the wish's mode is not looked at, its reason is given.
 * ERR_CONFLICT as above.
 */
enum err move_relocate(struct db_tx *tx, const struct env *env, const char *actor,
                       const struct move_wish *wish, struct arena *arena, struct move *ret,
                       struct error *e);

/*
 * What an operator can do about one. Each is safe to repeat: what is done already, or on its way,
 * is given as it is. ERR_CONFLICT when it cannot be done in the move's state, with a sentence that
 * says what can.
 */

/* Stops it before its commit point; its job undoes what was done. */
enum err move_cancel(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                     struct arena *arena, struct move *ret, struct error *e);

/* During the soak: gives the tenant back to the source, without losing what it wrote since. */
enum err move_roll_back(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                        struct arena *arena, struct move *ret, struct error *e);

/* Ends the soak now. */
enum err move_finish(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                     struct arena *arena, struct move *ret, struct error *e);

/* Starts a new move with the wish of one that failed, was cancelled or has returned. */
enum err move_retry(struct db_tx *tx, const struct env *env, const struct policy *policy,
                    const struct prices *prices, const char *actor, const char *id,
                    struct arena *arena, struct problems *problems, struct move *ret,
                    struct error *e);

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

/* Those that are not over, oldest first, at most `max`. */
enum err move_list_running(struct db_tx *tx, size_t max, struct arena *arena, struct records *ret,
                           struct error *e);

/* The move as lists show it: with its phase, what can be done about it, and that as a sentence. */
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

/* What else is recorded; each is held to the move's run, too, and keeps `move` in step. */
enum err move_set_switched(struct db_tx *tx, struct move *move, int64_t stall_us, int64_t now,
                           int64_t soak_until, struct error *e);
enum err move_set_returned(struct db_tx *tx, struct move *move, int64_t stall_us, struct error *e);
enum err move_set_way_back(struct db_tx *tx, struct move *move, enum way_back way, const char *why,
                           struct error *e);
enum err move_set_proof(struct db_tx *tx, struct move *move, enum proof_state state,
                        const char *proof, const char *why, struct error *e);
enum err move_set_attempts(struct db_tx *tx, struct move *move, int64_t attempts, bool told,
                           struct error *e);
enum err move_set_rows(struct db_tx *tx, struct move *move, int64_t rows, struct error *e);

/* soaking -> cleaning: the source is on its way out. */
enum err move_end_soak(struct db_tx *tx, const struct env *env, const char *actor,
                       struct move *move, struct arena *arena, struct error *e);

/* A move is under way when it neither waits for its turn nor soaks; but for this one. */
enum err move_count_under_way(struct db_tx *tx, const char *id, int64_t *ret, struct error *e);

/* Has a worker of its own undo or clean up what a move left, `delay_us` from now. */
enum err move_enqueue_cleanup(struct db_tx *tx, const struct env *env, const struct move *move,
                              int64_t delay_us, struct arena *arena, struct error *e);

#endif
