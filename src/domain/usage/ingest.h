/*
 * Takes batches of events in: parsed on the caller's thread, stored together with those that wait.
 *
 * Callers that come at once form a group. The first leads: one transaction has the group's
 * Idempotency-Keys, the ids of events for those who asked, every sum and every user's windows, all
 * batches added up in memory first, so that a row is written once for a group. Each caller returns
 * after the commit, or with the error of it.
 *
 * A batch is counted once under its key, however often it is sent: key and sums are one
 * transaction, and who sends it again gets the first reply. ERR_TIMEOUT means that nobody knows
 * whether it was counted: send it again with its key. Without a key it is counted each time.
 *
 * Users' windows that are stored already are remembered (a fixed table) and not written again.
 *
 * Memory: parsers stay as large as a usual batch; bodies and calls at once are bounded by the HTTP
 * server. Thread-safe.
 */
#ifndef WEBHOST_DOMAIN_USAGE_INGEST_H
#define WEBHOST_DOMAIN_USAGE_INGEST_H

#include "domain/usage/events.h"

#define INGEST_KEY_KEEP_US (2 * USEC_PER_DAY) /* how long a batch can be repeated */

struct ingest;

/* `key` is the installation's; both must outlive it. */
struct ingest *ingest_new(const struct env *env, const struct secret *key);
void ingest_free(struct ingest *ingest); /* NULL is fine; nobody may be in ingest_add() */

struct ingest_request {
    struct usage_body body;
    enum usage_format format;
    const char *customer_id; /* the token's; NULL: events say it */
    const char *token_id;
    const char *key; /* Idempotency-Key; NULL: none */
    bool dedupe;     /* by the events' source and id */
};

struct ingest_reply {
    const char *body; /* JSON: accepted, refused, duplicate, errors */
    bool replayed;    /* it is the stored one */
};

/*
 * Counts a batch. Beside the parser's errors: ERR_INVALID when the key was used for another body.
 */
enum err ingest_add(struct ingest *ingest, const struct ingest_request *request,
                    struct arena *arena, struct ingest_reply *ret_reply, struct error *e);

/* Deletes keys that were used before `before`, at most `max`: for PruneWorker. */
enum err usage_keys_prune(struct db_tx *tx, int64_t before, int64_t max, int64_t *ret_deleted,
                          struct error *e);

#endif
