#include "sandbox/limiter.h"

#include "base/clock.h"
#include "base/err.h"
#include "infra/secrets/secret.h"

#include <pthread.h>

#define BUCKETS_MAX 512

struct bucket {
    char key_hash[HASH_TEXT_MAX]; /* keys may be secrets */
    int64_t full_at_us;           /* in the past: full. Each request moves it one second on. */
    int64_t used_at_us;
};

struct limiter {
    pthread_mutex_t lock; /* guards the buckets */
    int64_t burst;
    struct bucket buckets[BUCKETS_MAX];
    size_t count;
};

struct limiter *limiter_new(int64_t burst)
{
    struct limiter *l = calloc(1, sizeof(*l));
    BUG_ON(!l || burst < 1);
    BUG_ON(pthread_mutex_init(&l->lock, NULL) != 0);
    l->burst = burst;
    return l;
}

void limiter_free(struct limiter *l)
{
    if (!l)
        return;
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}

/* The key's bucket; a new key takes the place of the one unused for longest. */
static struct bucket *bucket_of(struct limiter *l, struct str key)
{
    char hash[HASH_TEXT_MAX];
    (void)sha256_hex(key, hash);
    struct bucket *oldest = &l->buckets[0];
    for (size_t i = 0; i < l->count; i++) {
        struct bucket *b = &l->buckets[i];
        if (text_eq(b->key_hash, hash))
            return b;
        if (b->used_at_us < oldest->used_at_us)
            oldest = b;
    }
    struct bucket *fresh = l->count < BUCKETS_MAX ? &l->buckets[l->count++] : oldest;
    *fresh = (struct bucket){.full_at_us = INT64_MIN};
    memcpy(fresh->key_hash, hash, sizeof(hash));
    return fresh;
}

bool limiter_take(struct limiter *l, struct str key, int64_t now_us, struct limit_state *ret_state)
{
    (void)pthread_mutex_lock(&l->lock);
    struct bucket *b = bucket_of(l, key);
    if (b->full_at_us < now_us)
        b->full_at_us = now_us;
    int64_t missing = (b->full_at_us - now_us + USEC_PER_SEC - 1) / USEC_PER_SEC;
    bool has_one = missing < l->burst;
    if (has_one) {
        b->full_at_us += USEC_PER_SEC;
        missing++;
    }
    b->used_at_us = now_us;
    *ret_state = (struct limit_state){l->burst, l->burst - missing, b->full_at_us};
    (void)pthread_mutex_unlock(&l->lock);
    return has_one;
}
