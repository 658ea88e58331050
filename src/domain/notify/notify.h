/*
 * Telling people: a notice is recorded, and becomes a delivery for each target that wants it.
 *
 * Notice and deliveries are written in the transaction that causes them, so that nobody is told of
 * what did not happen; each delivery is a job that is tried again until the target has answered.
 * A notice with a key is told once: what comes under the same key within `dedupe_minutes` is only
 * counted, and `resolved` ends it, so that a target that knows ends (PagerDuty, Alertmanager) gets
 * to know. Where no target is configured, a notice is a line in the log.
 *
 * What is not critical waits for the end of a target's quiet hours, or for its digest, and is then
 * sent in one message (hours.h, deliver.h). Everything is kept for `keep_days` and can be sent
 * again by hand.
 */
#ifndef WEBHOST_DOMAIN_NOTIFY_NOTIFY_H
#define WEBHOST_DOMAIN_NOTIFY_NOTIFY_H

#include "domain/notify/settings.h"

#include "domain/jobs/job.h"
#include "infra/json/json.h"

#define NOTIFY_QUEUE "notifications"

struct notice {
    const char *kind;        /* "proposal.created" */
    const char *customer_id; /* may be NULL */
    const char *text;        /* one sentence for people */
    json_t *details;         /* for programs; borrowed; may be NULL */
    enum severity severity;  /* SEVERITY_INFO unless said */
    const char *key; /* what it is about: "deployment.failed:ID"; NULL: it is told as it is */
    bool resolved;   /* what the key is about is over */
};

enum err notify(struct db_tx *tx, const struct env *env, const struct notify_settings *settings,
                const struct notice *notice, struct arena *arena, struct error *e);

/* -- looking ---------------------------------------------------------------------------------- */

struct notice_record {
    const char *id;
    const char *kind;
    int severity; /* enum severity */
    const char *customer_id;
    const char *text;
    const char *details; /* JSON */
    const char *key;
    bool resolved;
    int64_t count; /* how often it came; one was told */
    int64_t created_at, last_at;
};

extern const struct field notice_fields[];

struct notice_filter {
    const char *customer_id, *kind; /* NULL: any */
};

/* Newest first: records of struct notice_record. */
enum err notice_list(struct db_tx *tx, const struct notice_filter *filter, struct page page,
                     struct arena *arena, struct records *ret, const char **ret_next,
                     struct error *e);

enum err notice_find(struct db_tx *tx, const char *id, struct arena *arena,
                     struct notice_record *ret, struct error *e);

extern const char *const delivery_state_names[]; /* waiting, sent, failed; ends with NULL */

enum delivery_state { DELIVERY_WAITING, DELIVERY_SENT, DELIVERY_FAILED };

/* Of one notice to one target. */
struct delivery {
    const char *notice_id, *target;
    int state;      /* enum delivery_state */
    int64_t due_at; /* when it is, or was, to be sent */
    int64_t sent_at;
    int64_t attempts;
    const char *error; /* of the last attempt */
};

extern const struct field delivery_fields[];

/* All deliveries of a notice, by target. */
enum err delivery_list(struct db_tx *tx, const char *notice_id, struct arena *arena,
                       struct records *ret, struct error *e);

/* -- by hand ---------------------------------------------------------------------------------- */

/*
 * Sends a recorded notice again, at once, to all targets that are configured now or to the one
 * named; receivers see the same id. ERR_NOT_FOUND names the notice or the target. Audited.
 */
enum err notice_replay(struct db_tx *tx, const struct env *env,
                       const struct notify_settings *settings, const char *actor, const char *id,
                       const char *target, struct arena *arena, struct error *e);

/* A notice for one target alone, to see that it arrives. */
enum err notify_test(struct db_tx *tx, const struct env *env,
                     const struct notify_settings *settings, const char *actor, const char *target,
                     struct arena *arena, struct notice_record *ret, struct error *e);

/* A prune_fn: notices with their deliveries. */
enum err notice_prune(struct db_tx *tx, int64_t before, int64_t max, int64_t *ret_deleted,
                      struct error *e);

#endif
