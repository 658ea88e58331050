/* The transaction of a group of batches (ingest.h). */
#ifndef WEBHOST_DOMAIN_USAGE_INGEST_GROUP_H
#define WEBHOST_DOMAIN_USAGE_INGEST_GROUP_H

#include "domain/usage/ingest.h"
#include "domain/usage/table.h"

#define FINGERPRINT_MAX 33

/* A batch on its way. Its caller waits, so whoever leads may use all of it. */
struct ingest_batch {
    const struct ingest_request *request;
    struct usage_parser *parser; /* NULL when it cannot have to parse again */
    struct usage_request parsed_as;
    struct usage_batch batch;
    struct usage_event_id *ids; /* copies: parsing again overwrites the batch's */
    size_t id_count;
    struct arena *arena;
    char fingerprint[FINGERPRINT_MAX];
    const char *body; /* of the reply */
    bool parsed_again;
    bool replayed;
    struct error error; /* code OK: stored */

    struct ingest_batch *next;
    pthread_cond_t wake; /* signalled when `done` or `leads` was set */
    bool done, leads;
};

/*
 * Windows of users that are stored: a table of fixed size, in which a user may stand in any of the
 * SEEN_WAYS places of its set, the newest first, and the oldest makes room. The leader's alone.
 */
#define SEEN_WAYS 4
#define SEEN_SETS 16384

struct seen_user {
    uint64_t cell_hash; /* of customer and hour */
    int64_t user_hash;
    int64_t windows; /* 0: nobody */
};

struct seen_set {
    struct seen_user users[SEEN_WAYS];
};

struct ingest_group {
    const struct env *env;
    struct ingest_batch *first;
    struct seen_set *seen; /* SEEN_SETS of them */
};

/*
 * Stores all batches of the group in one transaction; each has its reply or its error afterwards.
 * The error of the transaction is returned, and none was stored.
 */
enum err ingest_group_store(struct ingest_group *group, struct error *e);

/* The reply of a batch that was counted. */
const char *ingest_reply_text(const struct usage_batch *batch, struct arena *arena);

#endif
