#include "domain/provisioning/traffic.h"

#include "infra/metrics/exposition.h"
#include "infra/metrics/histogram.h"

#define METERS_MAX 128 /* routes of both clouds */
#define OUTCOMES   12
#define OTHER      "other"

/* One route's figures. */
struct meter {
    const char *provider, *method; /* literals */
    char route[120];
    uint64_t outcomes[OUTCOMES];
    struct histogram took;
};

struct traffic {
    const struct env *env;
    int64_t interactive_percent;
    struct recorder *recorder;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    bool interrupted;
    struct limiter limiter;
    struct meter meters[METERS_MAX];
    size_t meter_count;
    uint64_t retries[INFRASTRUCTURE_COUNT];
    int64_t left[INFRASTRUCTURE_COUNT]; /* of the budget; INT_ABSENT: never told */
};

struct traffic *traffic_new(const struct env *env, int64_t interactive_percent)
{
    struct traffic *t = calloc(1, sizeof(*t));
    BUG_ON(!t);
    t->env = env;
    t->interactive_percent = interactive_percent;
    t->recorder = recorder_new(env);
    for (size_t i = 0; i < INFRASTRUCTURE_COUNT; i++)
        t->left[i] = INT_ABSENT;
    BUG_ON(pthread_mutex_init(&t->lock, NULL) != 0 || pthread_cond_init(&t->changed, NULL) != 0);
    return t;
}

void traffic_free(struct traffic *t)
{
    if (!t)
        return;
    recorder_free(t->recorder);
    (void)pthread_mutex_destroy(&t->lock);
    (void)pthread_cond_destroy(&t->changed);
    free(t);
}

void traffic_start(struct traffic *t)
{
    recorder_start(t->recorder);
}

void traffic_interrupt(struct traffic *t)
{
    (void)pthread_mutex_lock(&t->lock);
    t->interrupted = true;
    (void)pthread_cond_broadcast(&t->changed);
    (void)pthread_mutex_unlock(&t->lock);
}

void traffic_stop(struct traffic *t)
{
    recorder_stop(t->recorder);
}

enum err traffic_flush(struct traffic *t, struct error *e)
{
    return recorder_flush(t->recorder, e);
}

/* -- waiting ---------------------------------------------------------------------------------- */

/* With the lock: until `until`, when the time left allows it. False: not, or interrupted. */
static bool wait_until(struct traffic *t, int64_t until, int64_t *wait_us)
{
    int64_t now = env_now(t->env), began = now;
    if (until - now > *wait_us)
        return false;
    while (now < until && !t->interrupted) {
        clock_wait(t->env->clock, &t->changed, &t->lock, until);
        now = env_now(t->env);
    }
    *wait_us -= now - began;
    return !t->interrupted;
}

bool traffic_pause(struct traffic *t, int64_t delay_us, int64_t *wait_us)
{
    (void)pthread_mutex_lock(&t->lock);
    bool waited = wait_until(t, env_now(t->env) + delay_us, wait_us);
    (void)pthread_mutex_unlock(&t->lock);
    return waited;
}

int64_t traffic_chance(struct traffic *t, int64_t bound)
{
    (void)pthread_mutex_lock(&t->lock);
    int64_t value = rng_below(t->env->rng, bound);
    (void)pthread_mutex_unlock(&t->lock);
    return value;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* With the lock: `now` when the call may be sent, which then counts as sent, else when to look. */
static int64_t try_to_admit(struct traffic *t, const struct traffic_call *call, int64_t now)
{
    struct budget *budget = limiter_budget(&t->limiter, call->account, now);
    struct bucket *bucket = limiter_bucket(&t->limiter, call->operation, now);
    int64_t when = now;
    if (call->budget)
        when = budget_when(budget, call->interactive ? 0 : t->interactive_percent, now);
    if (call->bucket.burst > 0)
        when = later(when, bucket_when(bucket, call->bucket, now));
    if (when > now)
        return when;
    if (call->budget)
        budget->flying++;
    if (call->bucket.burst > 0)
        bucket_take(bucket, call->bucket, now);
    return now;
}

enum err traffic_admit(struct traffic *t, const struct traffic_call *call, const char *provider,
                       int64_t *wait_us, struct error *e)
{
    (void)pthread_mutex_lock(&t->lock);
    int64_t now = env_now(t->env), when = try_to_admit(t, call, now);
    while (when > now && wait_until(t, when, wait_us)) {
        now = env_now(t->env);
        when = try_to_admit(t, call, now);
    }
    (void)pthread_mutex_unlock(&t->lock);
    if (when <= now)
        return OK;
    /* Apart from each other, or all that were sent away would be back at once. */
    int64_t apart = traffic_chance(t, (when - now) / 4 + 1);
    (void)error_set(e, ERR_BUSY, "%s has no request left for now; the next can be made in %.1f s",
                    provider, (double)(when - now) / 1e6);
    if (e)
        e->retry_at = when + apart;
    return ERR_BUSY;
}

void traffic_answered(struct traffic *t, const struct traffic_call *call,
                      enum infrastructure provider, const struct traffic_reply *reply)
{
    (void)pthread_mutex_lock(&t->lock);
    int64_t now = env_now(t->env);
    if (call->budget) {
        struct budget *budget = limiter_budget(&t->limiter, call->account, now);
        if (budget->flying > 0) /* it may have been forgotten meanwhile */
            budget->flying--;
        budget_learn(budget, reply->limit, reply->remaining, reply->reset_at, now);
        if (reply->refused_until != INT_ABSENT && reply->reset_at == INT_ABSENT)
            budget->blocked_until = reply->refused_until;
        t->left[provider] = budget_left(budget, now);
    }
    if (call->bucket.burst > 0 && reply->refused_until != INT_ABSENT)
        bucket_block(limiter_bucket(&t->limiter, call->operation, now), call->bucket,
                     reply->refused_until);
    (void)pthread_mutex_unlock(&t->lock);
}

/* -- figures ---------------------------------------------------------------------------------- */

static struct meter *meter_of(struct traffic *t, const char *provider, const char *method,
                              const char *route)
{
    for (size_t i = 0; i < t->meter_count; i++) {
        struct meter *m = &t->meters[i];
        if (text_eq(m->provider, provider) && text_eq(m->method, method) &&
            text_eq(m->route, route))
            return m;
    }
    if (t->meter_count == METERS_MAX - 2 && !text_eq(route, OTHER))
        return meter_of(t, provider, "", OTHER);
    BUG_ON(t->meter_count == METERS_MAX);
    struct meter *m = &t->meters[t->meter_count++];
    m->provider = provider;
    m->method = method;
    (void)snprintf(m->route, sizeof(m->route), "%s", route);
    return m;
}

void traffic_record(struct traffic *t, const struct provider_call *call)
{
    int outcome = enum_from_text(call_outcome_names, str_from(call->outcome));
    int provider = enum_from_text(infrastructure_names, str_from(call->provider));
    BUG_ON(outcome < 0 || provider < 0);
    (void)pthread_mutex_lock(&t->lock);
    struct meter *m = meter_of(t, call->provider, call->method, call->route);
    m->outcomes[outcome]++;
    histogram_add(&m->took, call->took_us);
    if (call->attempt > 1)
        t->retries[provider]++;
    (void)pthread_mutex_unlock(&t->lock);
    recorder_add(t->recorder, call);
}

static void write_requests(const struct traffic *t, struct buf *out)
{
    static const struct metric requests = {
        "webhost_provider_requests_total", "counter",
        "Requests to the clouds from this node, by what they came to."};
    char labels[METRIC_LABELS_MAX];
    metric_head(out, &requests);
    for (size_t i = 0; i < t->meter_count; i++) {
        const struct meter *m = &t->meters[i];
        for (size_t k = 0; k < OUTCOMES; k++) {
            if (m->outcomes[k] > 0)
                metric_int(out, &requests,
                           metric_labels(labels, "provider", m->provider, "method", m->method,
                                         "route", m->route, "outcome", call_outcome_names[k], NULL),
                           (int64_t)m->outcomes[k]);
        }
    }
}

static void write_times(const struct traffic *t, struct buf *out)
{
    static const struct metric took = {"webhost_provider_request_seconds", "histogram",
                                       "How long the clouds took to answer."};
    char labels[METRIC_LABELS_MAX];
    metric_head(out, &took);
    for (size_t i = 0; i < t->meter_count; i++) {
        const struct meter *m = &t->meters[i];
        histogram_write(&m->took, took.name,
                        metric_labels(labels, "provider", m->provider, "method", m->method, "route",
                                      m->route, NULL),
                        out);
    }
}

static void write_limits(const struct traffic *t, struct buf *out)
{
    static const struct metric retries = {"webhost_provider_retries_total", "counter",
                                          "Requests repeated within a call."};
    static const struct metric left = {"webhost_provider_rate_limit_remaining", "gauge",
                                       "Requests that the cloud said it would still take."};
    char labels[METRIC_LABELS_MAX];
    metric_head(out, &retries);
    for (size_t i = 0; i < INFRASTRUCTURE_COUNT; i++)
        metric_int(out, &retries, metric_labels(labels, "provider", infrastructure_names[i], NULL),
                   (int64_t)t->retries[i]);
    metric_head(out, &left);
    for (size_t i = 0; i < INFRASTRUCTURE_COUNT; i++) {
        if (t->left[i] != INT_ABSENT)
            metric_int(out, &left, metric_labels(labels, "provider", infrastructure_names[i], NULL),
                       t->left[i]);
    }
}

void traffic_metrics(struct traffic *t, struct buf *out)
{
    static const struct metric dropped = {"webhost_provider_calls_dropped_total", "counter",
                                          "Requests that were not recorded: the queue was full."};
    (void)pthread_mutex_lock(&t->lock);
    write_requests(t, out);
    write_times(t, out);
    write_limits(t, out);
    (void)pthread_mutex_unlock(&t->lock);
    metric_one(out, &dropped, (int64_t)recorder_counts(t->recorder).dropped);
}
