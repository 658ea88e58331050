#include "domain/provisioning/recorder.h"

#include "base/log.h"

#include <pthread.h>

#define BATCH      256 /* rows of a transaction */
#define PERIOD_US  (500 * USEC_PER_MS)
#define ID_MAX     40
#define ROUTE_MAX  120
#define CODE_MAX   48
#define REQUEST_ID 64

struct entry {
    struct provider_call call; /* its texts point into this entry, or at literals */
    char route[ROUTE_MAX], subject[ID_MAX], customer_id[ID_MAX], request_id[REQUEST_ID];
    char error_code[CODE_MAX];
};

struct recorder {
    const struct env *env;
    pthread_mutex_t lock; /* guards all below; never held while the database is asked */
    pthread_cond_t changed;
    struct entry *queue; /* a ring */
    size_t first, count;
    struct recorder_counts counts;
    bool stopping, runs, writing;
    pthread_t thread;
};

struct recorder *recorder_new(const struct env *env)
{
    struct recorder *r = calloc(1, sizeof(*r));
    BUG_ON(!r);
    r->env = env;
    r->queue = calloc(RECORDER_QUEUE_MAX, sizeof(*r->queue));
    BUG_ON(!r->queue);
    BUG_ON(pthread_mutex_init(&r->lock, NULL) != 0 || pthread_cond_init(&r->changed, NULL) != 0);
    return r;
}

void recorder_free(struct recorder *r)
{
    if (!r)
        return;
    BUG_ON(r->runs);
    (void)pthread_mutex_destroy(&r->lock);
    (void)pthread_cond_destroy(&r->changed);
    free(r->queue);
    free(r);
}

static const char *keep(char *room, size_t size, const char *text)
{
    if (!text)
        return NULL;
    (void)snprintf(room, size, "%s", text);
    return room;
}

void recorder_add(struct recorder *r, const struct provider_call *call)
{
    (void)pthread_mutex_lock(&r->lock);
    if (r->count == RECORDER_QUEUE_MAX) {
        r->counts.dropped++;
    } else {
        struct entry *entry = &r->queue[(r->first + r->count++) % RECORDER_QUEUE_MAX];
        entry->call = *call;
        entry->call.route = keep(entry->route, ROUTE_MAX, call->route);
        entry->call.subject = keep(entry->subject, ID_MAX, call->subject);
        entry->call.customer_id = keep(entry->customer_id, ID_MAX, call->customer_id);
        entry->call.request_id = keep(entry->request_id, REQUEST_ID, call->request_id);
        entry->call.error_code = keep(entry->error_code, CODE_MAX, call->error_code);
        if (r->count == 1 || r->count == BATCH)
            (void)pthread_cond_broadcast(&r->changed);
    }
    (void)pthread_mutex_unlock(&r->lock);
}

/* -- writing ---------------------------------------------------------------------------------- */

struct flush_work {
    const struct env *env;
    struct provider_call calls[BATCH];
    size_t count;
    struct arena arena;
};

static enum err insert_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct flush_work *w = arg;
    return calls_insert(tx, w->env, w->calls, w->count, &w->arena, e);
}

/* The oldest entries. Their places are not given to others before drop_written(). */
static void take_batch(struct recorder *r, struct flush_work *w)
{
    (void)pthread_mutex_lock(&r->lock);
    while (r->writing)
        (void)pthread_cond_wait(&r->changed, &r->lock);
    w->count = r->count < BATCH ? r->count : BATCH;
    for (size_t i = 0; i < w->count; i++)
        w->calls[i] = r->queue[(r->first + i) % RECORDER_QUEUE_MAX].call;
    r->writing = true;
    (void)pthread_mutex_unlock(&r->lock);
}

static void drop_written(struct recorder *r, size_t count)
{
    (void)pthread_mutex_lock(&r->lock);
    r->first = (r->first + count) % RECORDER_QUEUE_MAX;
    r->count -= count;
    r->counts.written += count;
    r->writing = false;
    (void)pthread_cond_broadcast(&r->changed);
    (void)pthread_mutex_unlock(&r->lock);
}

static enum err flush_batch(struct recorder *r, struct flush_work *w, struct error *e)
{
    take_batch(r, w);
    enum err err = w->count ? db_write_relaxed(r->env->db, insert_work, w, e) : OK;
    arena_release(&w->arena);
    drop_written(r, err == OK ? w->count : 0);
    return err;
}

enum err recorder_flush(struct recorder *r, struct error *e)
{
    struct flush_work w = {.env = r->env};
    do
        TRY(flush_batch(r, &w, e));
    while (w.count == BATCH);
    return OK;
}

/* -- the thread ------------------------------------------------------------------------------- */

/* Waits until there is something and a period has passed, so that a commit writes many. */
static bool wait_for_more(struct recorder *r)
{
    (void)pthread_mutex_lock(&r->lock);
    while (!r->stopping && r->count == 0)
        (void)pthread_cond_wait(&r->changed, &r->lock);
    int64_t until = clock_now(&clock_system) + PERIOD_US;
    while (!r->stopping && r->count < BATCH && clock_now(&clock_system) < until)
        clock_wait(&clock_system, &r->changed, &r->lock, until);
    bool goes_on = !r->stopping;
    (void)pthread_mutex_unlock(&r->lock);
    return goes_on;
}

static void *run(void *arg)
{
    struct recorder *r = arg;
    struct error e = {0};
    bool failed = false;
    while (wait_for_more(r)) {
        enum err err = recorder_flush(r, &e);
        if (err != OK && !failed)
            log_warn("calls to the clouds cannot be recorded", LOG_TEXT("error", e.text));
        failed = err != OK;
    }
    return NULL;
}

void recorder_start(struct recorder *r)
{
    BUG_ON(r->runs || pthread_create(&r->thread, NULL, run, r) != 0);
    r->runs = true;
}

void recorder_stop(struct recorder *r)
{
    if (!r->runs)
        return;
    (void)pthread_mutex_lock(&r->lock);
    r->stopping = true;
    (void)pthread_cond_broadcast(&r->changed);
    (void)pthread_mutex_unlock(&r->lock);
    (void)pthread_join(r->thread, NULL);
    r->runs = false;
    (void)recorder_flush(r, NULL);
}

struct recorder_counts recorder_counts(struct recorder *r)
{
    (void)pthread_mutex_lock(&r->lock);
    struct recorder_counts counts = r->counts;
    (void)pthread_mutex_unlock(&r->lock);
    return counts;
}
