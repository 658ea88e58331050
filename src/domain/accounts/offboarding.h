/*
 * Offboarding: how a customer leaves.
 *
 *     requested -> exporting -> exported -> retaining -> deleting -> done
 *         |            |            |           |
 *         +------------+------------+-----------+--> cancelling -> cancelled
 *
 * exporting    the tenant is shut out (its rows are fenced) and then exported, so that the export
 * is the last word; without an export it is only shut out exported     the file is on disk and
 * recorded retaining    nothing happens until the retention is over: the time to change one's mind
 * deleting     every deployment is removed from its cloud; no way back from here
 * done         the clouds have said that nothing is left; the slug is free for others
 * cancelling   until the fence is open; then the customer is active as before
 *
 * From the request on the customer is `leaving` and its subscription has ended; with `done` it is
 * `cancelled`. Its records stay, under its id; its slug gets "~" and the id behind it, which no
 * signup can choose.
 *
 * The table in offboarding.c is the only place that knows the edges, offboarding_set_state() the
 * only function that changes the state. Each run of a worker takes the next number of the series
 * that the customer's moves use too: an older run is refused, here and by the tenant's fence.
 */
#ifndef WEBHOST_DOMAIN_ACCOUNTS_OFFBOARDING_H
#define WEBHOST_DOMAIN_ACCOUNTS_OFFBOARDING_H

#include "domain/accounts/customer.h"
#include "domain/jobs/job.h"
#include "infra/json/json.h"

#define OFFBOARDING_WORKER "OffboardingWorker"
#define OFFBOARDING_QUEUE  "maintenance"

enum offboarding_state {
    OFFBOARDING_REQUESTED,
    OFFBOARDING_EXPORTING,
    OFFBOARDING_EXPORTED,
    OFFBOARDING_RETAINING,
    OFFBOARDING_DELETING,
    OFFBOARDING_DONE,
    OFFBOARDING_CANCELLING,
    OFFBOARDING_CANCELLED,
    OFFBOARDING_STATES,
};

enum offboarding_event {
    OFFBOARDING_START,  /* a worker took it up */
    OFFBOARDING_EXPORT, /* the tenant is shut out and exported */
    OFFBOARDING_CLOSE,  /* the retention begins */
    OFFBOARDING_EXPIRE, /* the retention is over */
    OFFBOARDING_GONE,   /* nothing is left in any cloud */
    OFFBOARDING_CANCEL,
    OFFBOARDING_REOPEN, /* the fence is open again */
    OFFBOARDING_EVENTS,
};

extern const char *const offboarding_state_names[];  /* ends with NULL */
extern const char *const offboarding_event_names[];  /* for sentences: "it cannot NAME" */
extern const char *const offboarding_reason_names[]; /* why customers leave; ends with NULL */

/* The state that `event` leads to, or -1 when the event is refused in `from`. */
int offboarding_next_state(enum offboarding_state from, enum offboarding_event event);

static inline bool offboarding_is_over(enum offboarding_state state)
{
    return state == OFFBOARDING_DONE || state == OFFBOARDING_CANCELLED;
}

struct offboarding {
    const char *id;
    const char *customer_id;
    const char *slug; /* what it was when the customer asked */
    int state;        /* enum offboarding_state */
    int mode, plan;   /* what the customer had */
    int reason;       /* index in offboarding_reason_names */
    const char *comment;
    const char *requested_by; /* an actor, as in the audit record */
    int64_t retention_days;
    bool wants_export;
    int64_t run;
    int64_t retain_until; /* INT_ABSENT before `retaining` */
    const char *error;    /* what stands in the way */
    int64_t created_at, finished_at;
};

extern const struct field offboarding_fields[];

struct offboarding_settings {
    int64_t retention_days; /* unless the request says */
    const char *exports;    /* directory; NULL: "exports" in the data directory */
    int64_t keep_exports_days;
};

/* The part `offboarding:` of the configuration file. */
extern const struct field offboarding_settings_fields[];

struct offboarding_settings offboarding_settings_default(void);

struct offboarding_wish {
    const char *reason; /* NULL: "unspecified" */
    const char *comment;
    int64_t retention_days; /* INT_ABSENT: the settings' */
    const char *export;     /* "true", "false"; NULL: true */
};

/* The request body. */
extern const struct field offboarding_wish_fields[];

/*
 * Begins: the customer is leaving, its subscription has ended, a job does the rest; one
 * transaction, audited. A customer whose signup failed has nothing to keep: it has no export and no
 * retention. ERR_CONFLICT while it is set up or moved, and when it is leaving or has left.
 */
enum err offboarding_request(struct db_tx *tx, const struct env *env,
                             const struct offboarding_settings *settings, const char *actor,
                             const char *customer, const struct offboarding_wish *wish,
                             struct arena *arena, struct problems *problems,
                             struct offboarding *ret, struct error *e);

/* Ends the customer's offboarding; a job opens its place again. ERR_CONFLICT once it is deleting.
 */
enum err offboarding_cancel(struct db_tx *tx, const struct env *env, const char *actor,
                            const char *customer, struct arena *arena, struct offboarding *ret,
                            struct error *e);

enum err offboarding_find(struct db_tx *tx, const char *id, struct arena *arena,
                          struct offboarding *ret, struct error *e);

/* The customer's newest; ERR_NOT_FOUND when it never asked. */
enum err offboarding_latest(struct db_tx *tx, const char *customer_id, struct arena *arena,
                            struct offboarding *ret, struct error *e);

/* As the API shows it. */
json_t *offboarding_json(const struct offboarding *o);

/* -- for the workers --------------------------------------------------------------------------- */

/* Takes the next run number, which makes every earlier run an old one, and reads it. */
enum err offboarding_begin_run(struct db_tx *tx, const char *id, struct arena *arena,
                               struct offboarding *ret, struct error *e);

/*
 * Takes the edge of `event`, with what belongs to it: the customer's status, its subscription, the
 * slug. ERR_CONFLICT when there is no such edge, or when the recorded state or run is not what `o`
 * says. Keeps `o` in step. Audited as offboarding.STATE.
 */
enum err offboarding_set_state(struct db_tx *tx, const struct env *env, const char *actor,
                               struct offboarding *o, enum offboarding_event event,
                               struct arena *arena, struct error *e);

/* What stands in the way, until the next change of state. */
enum err offboarding_note_error(struct db_tx *tx, const char *id, const char *why, struct error *e);

/* Has a worker go on with it, `delay_us` from now, unless one will already. */
enum err offboarding_enqueue(struct db_tx *tx, const struct env *env, const struct offboarding *o,
                             int64_t delay_us, struct arena *arena, struct error *e);

/* Does that for all that are not over and whose retention is. */
enum err offboarding_enqueue_due(struct db_tx *tx, const struct env *env, struct arena *arena,
                                 struct error *e);

/* Ids of the customer's deployments that are not retired: records of struct deployment. */
enum err offboarding_deployments(struct db_tx *tx, const char *customer_id, struct arena *arena,
                                 struct records *ret, struct error *e);

/* How many slots and cloud resources are recorded for the customer and not known to be gone. */
enum err offboarding_left(struct db_tx *tx, const char *customer_id, int64_t *ret, struct error *e);

#endif
