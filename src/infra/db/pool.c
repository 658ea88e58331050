#include "base/rng.h"
#include "infra/db/driver.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>

static struct timespec timespec_from_us(int64_t us)
{
    return (struct timespec){
        .tv_sec = us / USEC_PER_SEC,
        .tv_nsec = us % USEC_PER_SEC * 1000,
    };
}

struct db_pool {
    pthread_mutex_t lock; /* guards idle[] and idle_count */
    pthread_cond_t given;
    size_t size, idle_count;
    struct db_tx *idle[]; /* a stack: the connection used last has the warmest caches */
};

struct db_pool *db_pool_new(size_t size)
{
    struct db_pool *pool = calloc(1, sizeof(*pool) + size * sizeof(pool->idle[0]));
    BUG_ON(!pool);
    pool->size = size;
    pthread_condattr_t monotonic;
    BUG_ON(pthread_condattr_init(&monotonic) != 0);
    BUG_ON(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) != 0);
    BUG_ON(pthread_cond_init(&pool->given, &monotonic) != 0);
    BUG_ON(pthread_condattr_destroy(&monotonic) != 0);
    BUG_ON(pthread_mutex_init(&pool->lock, NULL) != 0);
    return pool;
}

void db_pool_free(struct db_pool *pool)
{
    if (!pool)
        return;
    BUG_ON(pthread_mutex_destroy(&pool->lock) != 0);
    BUG_ON(pthread_cond_destroy(&pool->given) != 0);
    free(pool);
}

enum err db_pool_take(struct db_pool *pool, int64_t timeout_us, struct db_tx **ret_tx,
                      struct error *e)
{
    struct timespec deadline = timespec_from_us(monotonic_us() + timeout_us);
    int rc = 0;
    pthread_mutex_lock(&pool->lock);
    while (pool->idle_count == 0 && rc == 0)
        rc = pthread_cond_timedwait(&pool->given, &pool->lock, &deadline);
    bool found = pool->idle_count > 0;
    if (found)
        *ret_tx = pool->idle[--pool->idle_count];
    pthread_mutex_unlock(&pool->lock);
    BUG_ON(rc != 0 && rc != ETIMEDOUT);
    if (!found)
        return error_set(e, ERR_BUSY,
                         "all %zu database connections stayed in use for %" PRId64 " ms; try again "
                         "later",
                         pool->size, timeout_us / USEC_PER_MS);
    return OK;
}

void db_pool_give(struct db_pool *pool, struct db_tx *tx)
{
    pthread_mutex_lock(&pool->lock);
    BUG_ON(pool->idle_count == pool->size);
    pool->idle[pool->idle_count++] = tx;
    pthread_cond_signal(&pool->given);
    pthread_mutex_unlock(&pool->lock);
}

void db_pool_take_all(struct db_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->idle_count < pool->size)
        pthread_cond_wait(&pool->given, &pool->lock);
    pool->idle_count = 0;
    pthread_mutex_unlock(&pool->lock);
}

struct db_wait db_wait_start(int64_t timeout_us, int64_t pause_us, int64_t pause_max_us)
{
    return (struct db_wait){monotonic_us() + timeout_us, pause_us, pause_max_us};
}

bool db_wait(struct db_wait *w)
{
    if (monotonic_us() >= w->deadline_us)
        return false;
    /* Between half a pause and a whole one, so that waiters do not come back in step. */
    int64_t half = w->pause_us / 2;
    struct timespec pause = timespec_from_us(half + rng_below(&rng_system, half + 1));
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    w->pause_us = w->pause_us * 2 < w->pause_max_us ? w->pause_us * 2 : w->pause_max_us;
    return true;
}
