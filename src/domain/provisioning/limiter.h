/*
 * How often a cloud may be asked: what it said about it, and what is known beforehand.
 *
 * A budget is an account's: the cloud tells with each reply how much is left and when it will be
 * full again. Between two replies it refills, and a call that was sent and not answered yet may
 * have been counted or not, so it is. Calls nobody waits for leave a share of the budget to those
 * that somebody waits for.
 *
 * A bucket is one operation's on one thing, where the cloud's documentation states the rate and its
 * replies say nothing: it holds `burst` calls and refills one every `refill_us`.
 *
 * Memory is fixed: when it is full, what was unused for longest is forgotten. Nothing here locks or
 * knows the time; traffic.c does.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_LIMITER_H
#define WEBHOST_DOMAIN_PROVISIONING_LIMITER_H

#include "base/clock.h"

#define BUDGETS_MAX 16
#define BUCKETS_MAX 4096

struct budget {
    uint64_t key;
    int64_t limit, remaining; /* as the newest reply said, at learned_at; limit 0: none said */
    int64_t refill_us;        /* for one call */
    int64_t learned_at;
    int64_t blocked_until; /* refused without saying how much is left */
    int64_t flying;        /* sent, not answered */
    int64_t used_at;
};

struct bucket {
    uint64_t key;
    int64_t full_at; /* each call moves it one refill on; in the past: full */
};

struct bucket_size {
    int64_t refill_us, burst;
};

struct limiter {
    struct budget budgets[BUDGETS_MAX];
    struct bucket buckets[BUCKETS_MAX];
};

/* The account's budget; a new one lets everything through until a reply said something. */
struct budget *limiter_budget(struct limiter *l, uint64_t key, int64_t now);

/*
 * When a call may be sent: `now`, or later. `share` is the percentage of the limit that it has to
 * leave to others.
 */
int64_t budget_when(const struct budget *b, int64_t share, int64_t now);

/* The headers of a reply; INT_ABSENT for what it did not have. `reset_at` in microseconds. */
void budget_learn(struct budget *b, int64_t limit, int64_t remaining, int64_t reset_at,
                  int64_t now);

/* What should be left now. */
int64_t budget_left(const struct budget *b, int64_t now);

struct bucket *limiter_bucket(struct limiter *l, uint64_t key, int64_t now);

int64_t bucket_when(const struct bucket *b, struct bucket_size size, int64_t now);
void bucket_take(struct bucket *b, struct bucket_size size, int64_t now);

/* It was refused all the same: nothing before `until`. */
void bucket_block(struct bucket *b, struct bucket_size size, int64_t until);

#endif
