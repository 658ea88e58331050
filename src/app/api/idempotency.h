/*
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a write that is sent twice happens
 * once.
 *
 * The key belongs to the token that used it. Key, fingerprint of the request, and reply are stored
 * in the transaction of the write itself, so that there is never one without the other. Failed
 * requests are not stored: their transaction was undone, and they may be tried again.
 */
#ifndef WEBHOST_APP_API_IDEMPOTENCY_H
#define WEBHOST_APP_API_IDEMPOTENCY_H

#include "app/api/api.h"

#define IDEMPOTENCY_KEY_MAX 255

struct idempotency {
    const char *key; /* NULL: the request has none */
    char fingerprint[HASH_TEXT_MAX];
    bool replayed;
};

/* Reads and checks the header; without one the other calls do nothing. */
enum err idempotency_read_key(struct idempotency *i, struct api_call *call, struct error *e);

/*
 * Looks the key up. When it was used with the same request, puts the stored reply into the call and
 * sets `ret_replayed`; with another request it is ERR_INVALID.
 */
enum err idempotency_begin(struct db_tx *tx, struct idempotency *i, struct api_call *call,
                           bool *ret_replayed, struct error *e);

/* Stores the call's reply under the key, with null for its secret: a replay does not tell it. */
enum err idempotency_end(struct db_tx *tx, struct idempotency *i, struct api_call *call,
                         struct error *e);

#endif
