/*
 * Request budgets: one bucket for each key (a token, an operation on a machine), refilled with one
 * request a second.
 */
#ifndef WEBHOST_SANDBOX_LIMITER_H
#define WEBHOST_SANDBOX_LIMITER_H

#include "base/str.h"

struct limiter;

struct limiter *limiter_new(int64_t burst);
void limiter_free(struct limiter *limiter); /* NULL is fine */

struct limit_state {
    int64_t limit, remaining;
    int64_t full_at_us; /* when the bucket will be full again */
};

/* Takes one request from the key's bucket; false when it is empty. Thread-safe. */
bool limiter_take(struct limiter *limiter, struct str key, int64_t now_us,
                  struct limit_state *ret_state);

#endif
