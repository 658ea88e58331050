#include "app/daemon/load.h"

#include "app/daemon/demo.h"
#include "base/log.h"
#include "domain/provisioning/routing.h"
#include "infra/pg/session.h"

#include <inttypes.h>
#include <stdatomic.h>

#define WRITERS_MAX      16
#define EVERY_US         (50 * USEC_PER_MS)
#define LOOK_US          (2 * USEC_PER_SEC)
#define REPORT_US        (30 * USEC_PER_SEC)
#define MINUTE_REPORTS   2
#define SLOW_US          (250 * USEC_PER_MS)
#define TELL_US          USEC_PER_SEC
#define WRITE_TIMEOUT_MS 10000
#define BACKOFF_MIN_US   (200 * USEC_PER_MS)
#define BACKOFF_MAX_US   (5 * USEC_PER_SEC)
#define STOP_S           2
#define POINTS_KEPT      20000
#define VEHICLE_EACH     50
#define DELETE_EACH      500

struct writer {
    const char *slug, *url;
    char customer_id[64]; /* "": it has no database now */
    struct pg_session *session;
    int64_t sent_us; /* of the write under way; 0: none */
    int64_t due_us;  /* the next write, or the next attempt to connect */
    int64_t backoff_us;
    int64_t count;
    int64_t point; /* the newest one's time, which its id is made of */
};

struct demo_load {
    const struct env *env;
    atomic_bool stopping;
    pthread_t thread;

    /* The thread's own. All times are CLOCK_MONOTONIC, but for those of points. */
    struct arena arena;
    struct writer writers[WRITERS_MAX];
    size_t writer_count;
    int64_t writes, errors, slowest_us;
    int64_t slowest_of[MINUTE_REPORTS + 1]; /* since a report; the newest first */
    int64_t look_us, report_us;             /* when it is time for it */
    int64_t told_us;
};

/* -- what they write -------------------------------------------------------------------------- */

/* The vehicles take turns. A customer without one writes nothing. */
#define ITS_VEHICLE                                                                                \
    "FROM public.vehicles WHERE customer_id = '%s' ORDER BY id OFFSET %" PRId64                    \
    " %% (SELECT greatest(count(*), 1) FROM public.vehicles WHERE customer_id = '%s') LIMIT 1"

static const char *point_text(struct writer *w, int64_t now, struct arena *arena)
{
    w->point = now > w->point ? now : w->point + 1;
    return arena_printf(arena,
                        "INSERT INTO public.gps_points"
                        " (customer_id, id, vehicle_id, at, latitude, longitude, speed) "
                        "SELECT customer_id, 'live-%016" PRId64 "', id, %" PRId64 ", %" PRId64
                        ", %" PRId64 ", %" PRId64 " " ITS_VEHICLE " RETURNING id",
                        w->point, w->point, 500000000 + w->count % 100000 * 70,
                        80000000 + w->count % 100000 * 110, 500 + w->count % 40, w->customer_id,
                        w->count, w->customer_id);
}

static const char *vehicle_text(const struct writer *w, struct arena *arena)
{
    return arena_printf(arena,
                        "UPDATE public.vehicles SET name = id || ', trip %" PRId64 "' "
                        "WHERE customer_id = '%s' AND id = (SELECT id " ITS_VEHICLE ") "
                        "RETURNING id",
                        w->count / VEHICLE_EACH, w->customer_id, w->customer_id,
                        w->count / VEHICLE_EACH, w->customer_id);
}

/* The ids are in the order of time, and '.' is what follows '-'. */
static const char *delete_text(const struct writer *w, struct arena *arena)
{
    return arena_printf(arena,
                        "DELETE FROM public.gps_points WHERE customer_id = '%s' AND id >= 'live-' "
                        "AND id <= (SELECT id FROM public.gps_points WHERE customer_id = '%s' "
                        "AND id >= 'live-' AND id < 'live.' ORDER BY id DESC OFFSET %d LIMIT 1) "
                        "RETURNING id",
                        w->customer_id, w->customer_id, POINTS_KEPT);
}

static const char *next_text(struct writer *w, int64_t now, struct arena *arena)
{
    w->count++;
    if (w->count % DELETE_EACH == 0)
        return delete_text(w, arena);
    return w->count % VEHICLE_EACH == 0 ? vehicle_text(w, arena) : point_text(w, now, arena);
}

/* -- telling ---------------------------------------------------------------------------------- */

static bool may_tell(struct demo_load *l, int64_t now)
{
    if (now - l->told_us < TELL_US)
        return false;
    l->told_us = now;
    return true;
}

static void note_write(struct demo_load *l, const struct writer *w, int64_t took_us)
{
    l->writes++;
    l->slowest_us = took_us > l->slowest_us ? took_us : l->slowest_us;
    l->slowest_of[0] = took_us > l->slowest_of[0] ? took_us : l->slowest_of[0];
    if (took_us >= SLOW_US && may_tell(l, monotonic_us()))
        log_info("demo load: a write took long", LOG_TEXT("customer", w->slug),
                 LOG_INT("took_ms", took_us / USEC_PER_MS));
}

static void note_error(struct demo_load *l, const struct writer *w, const struct error *e)
{
    l->errors++;
    if (may_tell(l, monotonic_us()))
        log_warn("demo load: a write failed", LOG_TEXT("customer", w->slug),
                 LOG_TEXT("error", e->text));
}

static void report(struct demo_load *l)
{
    int64_t minute_us = 0;
    for (size_t i = 0; i < MINUTE_REPORTS; i++)
        minute_us = l->slowest_of[i] > minute_us ? l->slowest_of[i] : minute_us;
    memmove(l->slowest_of + 1, l->slowest_of, MINUTE_REPORTS * sizeof(l->slowest_of[0]));
    l->slowest_of[0] = 0;
    log_info("demo load", LOG_INT("writes", l->writes), LOG_INT("errors", l->errors),
             LOG_INT("slowest_ms", l->slowest_us / USEC_PER_MS),
             LOG_INT("slowest_of_minute_ms", minute_us / USEC_PER_MS));
}

/* -- a writer --------------------------------------------------------------------------------- */

static void disconnect(struct writer *w)
{
    pg_close(w->session);
    w->session = NULL;
    w->sent_us = 0;
}

static void back_off(struct writer *w, int64_t now)
{
    disconnect(w);
    int64_t twice = 2 * w->backoff_us;
    w->backoff_us = twice < BACKOFF_MIN_US   ? BACKOFF_MIN_US
                    : twice > BACKOFF_MAX_US ? BACKOFF_MAX_US
                                             : twice;
    w->due_us = now + w->backoff_us;
}

/* A database whose alias PgBouncer does not have yet is no error: nothing was lost. */
static void connect_writer(struct writer *w, int64_t now)
{
    struct error e = {0};
    const struct pg_options options = {
        .url = w->url,
        .name = "webhost demo load",
        .timeout_ms = WRITE_TIMEOUT_MS,
    };
    if (pg_open(&options, &w->session, &e) == OK)
        return;
    log_debug("demo load: no connection", LOG_TEXT("customer", w->slug), LOG_TEXT("error", e.text));
    back_off(w, now);
}

static void send_write(struct demo_load *l, struct writer *w)
{
    _cleanup_arena_ struct arena arena = {0};
    struct error e = {0};
    int64_t now = monotonic_us();
    w->due_us = now + EVERY_US;
    w->sent_us = now;
    if (pg_send(w->session, next_text(w, env_now(l->env), &arena), &e) == OK)
        return;
    note_error(l, w, &e);
    back_off(w, now);
}

static void take_write(struct demo_load *l, struct writer *w)
{
    _cleanup_arena_ struct arena arena = {0};
    struct error e = {0};
    struct pg_rows rows = {0};
    enum err err = pg_take_rows(w->session, 2 * POINTS_KEPT, &arena, &rows, &e);
    int64_t now = monotonic_us(), took_us = now - w->sent_us;
    w->sent_us = 0;
    if (err != OK) {
        note_error(l, w, &e);
        back_off(w, now);
        return;
    }
    w->backoff_us = 0;
    if (rows.count > 0)
        note_write(l, w, took_us);
}

/* Everything that is due and does not wait for a write of the same customer. */
static void step(struct demo_load *l, struct writer *w)
{
    if (w->customer_id[0] == '\0') {
        disconnect(w);
        return;
    }
    if (w->sent_us != 0 && pg_answered(w->session))
        take_write(l, w);
    int64_t now = monotonic_us();
    if (w->sent_us != 0 || now < w->due_us)
        return;
    if (!w->session)
        connect_writer(w, now);
    if (w->session)
        send_write(l, w);
}

/* -- all of them ------------------------------------------------------------------------------ */

static enum err look_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct demo_load *l = arg;
    for (size_t i = 0; i < l->writer_count; i++) {
        _cleanup_arena_ struct arena arena = {0};
        struct writer *w = &l->writers[i];
        struct route route;
        enum err err = route_find(tx, w->slug, &arena, &route, e);
        if (err != OK && err != ERR_NOT_FOUND)
            return err;
        bool lives = err == OK && route.engine == ROUTE_POSTGRES;
        (void)snprintf(w->customer_id, sizeof(w->customer_id), "%s", lives ? route.id : "");
    }
    return OK;
}

/* The writers go on where they are when the routes cannot be read. */
static void look(struct demo_load *l)
{
    struct error e = {0};
    if (db_read(l->env->db, look_work, l, &e) != OK)
        log_debug("demo load: the routes cannot be read", LOG_TEXT("error", e.text));
}

/* Until an answer is there or a write is due. */
static void wait(struct demo_load *l)
{
    struct pg_session *waiting[WRITERS_MAX];
    size_t count = 0;
    int64_t until = monotonic_us() + EVERY_US;
    for (size_t i = 0; i < l->writer_count; i++) {
        const struct writer *w = &l->writers[i];
        if (w->sent_us != 0)
            waiting[count++] = w->session;
        else if (w->customer_id[0] != '\0' && w->due_us < until)
            until = w->due_us;
    }
    pg_await(waiting, count, until);
}

static void *run(void *arg)
{
    struct demo_load *l = arg;
    l->report_us = monotonic_us() + REPORT_US;
    while (!l->stopping) {
        int64_t now = monotonic_us();
        if (now >= l->look_us) {
            l->look_us = now + LOOK_US;
            look(l);
        }
        for (size_t i = 0; i < l->writer_count && !l->stopping; i++)
            step(l, &l->writers[i]);
        if (now >= l->report_us) {
            l->report_us = now + REPORT_US;
            report(l);
        }
        wait(l);
    }
    for (size_t i = 0; i < l->writer_count; i++)
        disconnect(&l->writers[i]);
    report(l);
    return NULL;
}

struct demo_load *demo_load_start(const struct env *env, const struct cluster *cluster)
{
    struct demo_load *l = calloc(1, sizeof(*l));
    BUG_ON(!l);
    l->env = env;
    const char *slug;
    for (size_t i = 0; (slug = demo_slug(i)); i++) {
        BUG_ON(i >= WRITERS_MAX);
        const char *alias = route_alias(slug, &l->arena);
        l->writers[l->writer_count++] = (struct writer){
            .slug = slug,
            .url = cluster_pooler_url(cluster, alias, &l->arena),
        };
    }
    BUG_ON(pthread_create(&l->thread, NULL, run, l) != 0);
    return l;
}

bool demo_load_stop(struct demo_load *l)
{
    if (!l)
        return true;
    l->stopping = true;
    int64_t end_us = clock_now(&clock_system) + STOP_S * USEC_PER_SEC;
    struct timespec end = {
        .tv_sec = (time_t)(end_us / USEC_PER_SEC),
        .tv_nsec = (long)(end_us % USEC_PER_SEC * 1000),
    };
    if (pthread_timedjoin_np(l->thread, NULL, &end) != 0)
        return false;
    arena_release(&l->arena);
    free(l);
    return true;
}
