#include "domain/provisioning/route_keeper.h"

#include "base/log.h"
#include "domain/provisioning/routing.h"

#include <pthread.h>

#define LOOK_US (500 * USEC_PER_MS)
#define FILE_US (60 * USEC_PER_SEC)

struct route_keeper {
    const struct env *env;
    struct pgbouncer *pgbouncer;
    pthread_mutex_t lock; /* guards `stopping` */
    pthread_cond_t changed;
    bool stopping;
    pthread_t thread;

    /* The thread's own. */
    int64_t version;   /* that the file was made from; -1: none yet */
    int64_t synced_at; /* CLOCK_MONOTONIC */
    bool failed;
};

static enum err version_work(struct db_tx *tx, void *arg, struct error *e)
{
    return route_version_of_fleet(tx, arg, e);
}

/* The version is read first: what changes meanwhile is in the file, and looked at once more. */
static enum err keep(struct route_keeper *k, struct error *e)
{
    int64_t version, now = monotonic_us();
    TRY(db_read(k->env->db, version_work, &version, e));
    if (version == k->version && now - k->synced_at < FILE_US)
        return OK;
    TRY(pgbouncer_sync(k->pgbouncer, k->env->db, NULL, e));
    k->version = version;
    k->synced_at = now;
    return OK;
}

static void look(struct route_keeper *k)
{
    struct error e = {0};
    enum err err = keep(k, &e);
    if (err != OK && !k->failed)
        log_warn("PgBouncer does not follow the routes", LOG_TEXT("error", e.text));
    else if (err == OK && k->failed)
        log_info("PgBouncer follows the routes again");
    k->failed = err != OK;
}

static bool wait(struct route_keeper *k)
{
    (void)pthread_mutex_lock(&k->lock);
    int64_t until = clock_now(&clock_system) + LOOK_US;
    while (!k->stopping && clock_now(&clock_system) < until)
        clock_wait(&clock_system, &k->changed, &k->lock, until);
    bool goes_on = !k->stopping;
    (void)pthread_mutex_unlock(&k->lock);
    return goes_on;
}

static void *run(void *arg)
{
    struct route_keeper *k = arg;
    do
        look(k);
    while (wait(k));
    return NULL;
}

struct route_keeper *route_keeper_start(const struct env *env, struct pgbouncer *pgbouncer)
{
    struct route_keeper *k = calloc(1, sizeof(*k));
    BUG_ON(!k);
    k->env = env;
    k->pgbouncer = pgbouncer;
    k->version = -1;
    BUG_ON(pthread_mutex_init(&k->lock, NULL) != 0 || pthread_cond_init(&k->changed, NULL) != 0);
    BUG_ON(pthread_create(&k->thread, NULL, run, k) != 0);
    return k;
}

void route_keeper_stop(struct route_keeper *k)
{
    if (!k)
        return;
    (void)pthread_mutex_lock(&k->lock);
    k->stopping = true;
    (void)pthread_cond_broadcast(&k->changed);
    (void)pthread_mutex_unlock(&k->lock);
    (void)pthread_join(k->thread, NULL);
    (void)pthread_cond_destroy(&k->changed);
    (void)pthread_mutex_destroy(&k->lock);
    free(k);
}
