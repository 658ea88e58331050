#include "domain/audit/sealer.h"

#include "base/log.h"

#include <pthread.h>

#define PERIOD_US (500 * USEC_PER_MS)

struct audit_sealer {
    const struct env *env;
    const struct secret *key;
    pthread_mutex_t lock; /* guards `stopping` */
    pthread_cond_t changed;
    bool stopping;
    pthread_t thread;
};

static bool wait_a_period(struct audit_sealer *s)
{
    int64_t until = clock_now(&clock_system) + PERIOD_US;
    (void)pthread_mutex_lock(&s->lock);
    while (!s->stopping && clock_now(&clock_system) < until)
        clock_wait(&clock_system, &s->changed, &s->lock, until);
    bool goes_on = !s->stopping;
    (void)pthread_mutex_unlock(&s->lock);
    return goes_on;
}

static void *run(void *arg)
{
    struct audit_sealer *s = arg;
    struct error e = {0};
    bool failed = false;
    while (wait_a_period(s)) {
        enum err err = audit_seal(s->env, s->key, NULL, &e);
        if (err != OK && !failed)
            log_warn("the audit record cannot be sealed", LOG_TEXT("error", e.text));
        failed = err != OK;
    }
    return NULL;
}

struct audit_sealer *audit_sealer_start(const struct env *env, const struct secret *key)
{
    struct audit_sealer *s = calloc(1, sizeof(*s));
    BUG_ON(!s);
    s->env = env;
    s->key = key;
    BUG_ON(pthread_mutex_init(&s->lock, NULL) != 0 || pthread_cond_init(&s->changed, NULL) != 0);
    BUG_ON(pthread_create(&s->thread, NULL, run, s) != 0);
    return s;
}

void audit_sealer_stop(struct audit_sealer *s)
{
    if (!s)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->stopping = true;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_join(s->thread, NULL);
    (void)audit_seal(s->env, s->key, NULL, NULL);
    (void)pthread_mutex_destroy(&s->lock);
    (void)pthread_cond_destroy(&s->changed);
    free(s);
}
