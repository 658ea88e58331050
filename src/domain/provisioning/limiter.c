#include "domain/provisioning/limiter.h"

#include "base/record.h"

#define HOUR_US (3600 * USEC_PER_SEC)
#define WAYS    8 /* the places that a bucket may be in */

/* -- budgets ---------------------------------------------------------------------------------- */

struct budget *limiter_budget(struct limiter *l, uint64_t key, int64_t now)
{
    struct budget *oldest = &l->budgets[0];
    for (size_t i = 0; i < BUDGETS_MAX; i++) {
        struct budget *b = &l->budgets[i];
        if (b->key == key) {
            b->used_at = now;
            return b;
        }
        if (b->used_at < oldest->used_at)
            oldest = b;
    }
    *oldest = (struct budget){.key = key, .used_at = now};
    return oldest;
}

/* Also counts what is in flight as spent, so that many threads cannot spend one call together. */
static int64_t spendable(const struct budget *b, int64_t now)
{
    int64_t back = now > b->learned_at ? (now - b->learned_at) / b->refill_us : 0;
    int64_t left = b->remaining + back;
    return (left < b->limit ? left : b->limit) - b->flying;
}

int64_t budget_when(const struct budget *b, int64_t share, int64_t now)
{
    int64_t when = now;
    if (b->limit > 0) {
        int64_t missing = b->limit * share / 100 + 1 - spendable(b, now);
        if (missing > 0)
            when = now + missing * b->refill_us;
    }
    return when > b->blocked_until ? when : b->blocked_until;
}

void budget_learn(struct budget *b, int64_t limit, int64_t remaining, int64_t reset_at, int64_t now)
{
    if (limit == INT_ABSENT || remaining == INT_ABSENT || limit <= 0 || remaining < 0)
        return;
    int64_t missing = limit - remaining;
    b->limit = limit;
    b->remaining = remaining;
    b->learned_at = now;
    b->refill_us = HOUR_US / limit > 0 ? HOUR_US / limit : 1;
    /* The time of the reset is in whole seconds: a second more is never too early. */
    if (reset_at != INT_ABSENT && missing > 0 && reset_at + USEC_PER_SEC > now)
        b->refill_us = (reset_at + USEC_PER_SEC - now) / missing + 1;
}

int64_t budget_left(const struct budget *b, int64_t now)
{
    return b->limit > 0 ? spendable(b, now) : INT_ABSENT;
}

/* -- buckets ---------------------------------------------------------------------------------- */

struct bucket *limiter_bucket(struct limiter *l, uint64_t key, int64_t now)
{
    struct bucket *ways = &l->buckets[key % (BUCKETS_MAX / WAYS) * WAYS];
    struct bucket *fullest = &ways[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (ways[i].key == key)
            return &ways[i];
        if (ways[i].full_at < fullest->full_at)
            fullest = &ways[i];
    }
    *fullest = (struct bucket){key, now};
    return fullest;
}

int64_t bucket_when(const struct bucket *b, struct bucket_size size, int64_t now)
{
    int64_t when = b->full_at - (size.burst - 1) * size.refill_us;
    return when > now ? when : now;
}

void bucket_take(struct bucket *b, struct bucket_size size, int64_t now)
{
    b->full_at = (b->full_at > now ? b->full_at : now) + size.refill_us;
}

void bucket_block(struct bucket *b, struct bucket_size size, int64_t until)
{
    int64_t full_at = until + (size.burst - 1) * size.refill_us;
    if (b->full_at < full_at)
        b->full_at = full_at;
}
