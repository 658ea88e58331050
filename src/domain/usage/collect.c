#include "domain/usage/collect.h"

#include "base/log.h"
#include "collect.sql.h"
#include "domain/usage/hours.h"

#define COLLECT_WORKER "UsageCollectWorker"
#define COLLECT_QUEUE  "maintenance"
#define PAGE_PLACES    100

struct place {
    const char *id;
    bool is_host;
};

static const struct field place_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct place, id)},
    {"is_host", FIELD_BOOL, offsetof(struct place, is_host)},
    FIELD_END,
};

struct tenant_place {
    const char *customer_id, *database_url;
};

static const struct field tenant_fields[] = {
    {"customer_id", FIELD_TEXT, offsetof(struct tenant_place, customer_id)},
    {"database_url", FIELD_TEXT, offsetof(struct tenant_place, database_url)},
    FIELD_END,
};

/* A run, and what its transactions take and give. */
struct work {
    const struct collector *collector;
    const struct env *env;
    struct arena *arena; /* of the page or the place */
    const char *position;
    struct records places;
    const struct place *place;
    struct records tenants; /* struct tenant_place, by url and customer */
    int64_t now;
    /* Of one database, of its current tenants only. */
    struct db_value *samples, *points;
    size_t sample_count, point_count;
};

/* -- one place -------------------------------------------------------------------------------- */

static enum err tenants_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct work *w = arg;
    return db_list(tx, w->place->is_host ? &collect_tenants_of_host : &collect_tenant_of_deployment,
                   DB_ARGS(db_text(w->place->id), db_int(TENANTS_MAX)), tenant_fields,
                   sizeof(struct tenant_place), TENANTS_MAX, w->arena, &w->tenants, e);
}

static int compare_tenants(const void *a, const void *b)
{
    const struct tenant_place *x = a, *y = b;
    return strcmp(x->customer_id, y->customer_id);
}

/* `tenants` are by customer. */
static bool lives_here(const struct tenant_place *tenants, size_t count, const char *customer_id)
{
    struct tenant_place key = {.customer_id = customer_id};
    return bsearch(&key, tenants, count, sizeof(key), compare_tenants) != NULL;
}

static void keep_current(struct work *w, const struct tenant_survey *survey,
                         const struct tenant_place *tenants, size_t count)
{
    const struct tenant_sample *samples = survey->samples.items;
    const struct tenant_points *points = survey->points.items;
    w->samples = arena_new_array(w->arena, survey->samples.count * 3, struct db_value);
    w->points = arena_new_array(w->arena, survey->points.count * 3, struct db_value);
    w->sample_count = w->point_count = 0;
    for (size_t i = 0; i < survey->samples.count; i++) {
        if (!lives_here(tenants, count, samples[i].customer_id))
            continue;
        struct db_value *row = w->samples + 3 * w->sample_count++;
        int64_t bytes = samples[i].storage_bytes;
        row[0] = db_text(samples[i].customer_id);
        row[1] = db_int(samples[i].vehicles);
        row[2] = db_int(bytes == INT_ABSENT ? 0 : bytes);
    }
    for (size_t i = 0; i < survey->points.count; i++) {
        if (!lives_here(tenants, count, points[i].customer_id))
            continue;
        struct db_value *row = w->points + 3 * w->point_count++;
        row[0] = db_text(points[i].customer_id);
        row[1] = db_int(points[i].hour);
        row[2] = db_int(points[i].points);
    }
}

static enum err put_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct work *w = arg;
    TRY(db_exec_rows(tx, &collect_put_points, DB_ARGS(db_int(w->now)), w->points, 3, w->point_count,
                     NULL, e));
    return db_exec_rows(tx, &collect_put_samples,
                        DB_ARGS(db_int(w->now), db_int(w->now / USEC_PER_HOUR)), w->samples, 3,
                        w->sample_count, NULL, e);
}

/* `ret_answered` tells whether the database could be read; an error is one of our own database. */
static enum err collect_database(struct work *w, const struct tenant_place *tenants, size_t count,
                                 bool *ret_answered, struct error *e)
{
    struct tenant_survey survey;
    int64_t hour = w->now / USEC_PER_HOUR;
    *ret_answered = tenant_survey(w->collector->provisioning->stores, tenants->database_url,
                                  hour - COLLECT_HOURS, hour + 1, w->arena, &survey, e) == OK;
    if (!*ret_answered) {
        log_warn("a database could not be looked at for usage",
                 LOG_TEXT(w->place->is_host ? "host" : "deployment", w->place->id),
                 LOG_TEXT("error", e->text));
        return OK;
    }
    keep_current(w, &survey, tenants, count);
    return db_write_relaxed(w->env->db, put_work, w, e);
}

static enum err collect_place(struct work *run, const struct place *place, struct collected *sum,
                              struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct work w = *run;
    w.arena = &arena;
    w.place = place;
    w.now = env_now(w.env);
    TRY(db_read(w.env->db, tenants_work, &w, e));
    const struct tenant_place *tenants = w.tenants.items, *end = tenants + w.tenants.count;
    bool failed = false;
    while (tenants < end) { /* each database of the place; commonly there is one */
        bool answered;
        size_t count = 1;
        while (tenants + count < end && text_eq(tenants[count].database_url, tenants->database_url))
            count++;
        TRY(collect_database(&w, tenants, count, &answered, e));
        failed = failed || !answered;
        tenants += count;
    }
    sum->places++;
    sum->failed += failed;
    sum->customers += (int64_t)w.tenants.count;
    return OK;
}

/* -- all places ------------------------------------------------------------------------------- */

static enum err page_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct work *w = arg;
    const char *position;
    TRY(db_get_text(tx, &collect_position, DB_NO_ARGS, w->arena, &position, e));
    return db_list(tx, &collect_places,
                   DB_ARGS(db_text(position ? position : ""), db_int(PAGE_PLACES)), place_fields,
                   sizeof(struct place), PAGE_PLACES, w->arena, &w->places, e);
}

static enum err position_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct work *w = arg;
    return db_exec(tx, &collect_set_position, DB_ARGS(db_text(w->position)), NULL, e);
}

/* `ret_more` tells whether there are places behind these and the run may go on. */
static enum err collect_page(struct work *run, const _Atomic bool *cancelled, struct collected *sum,
                             bool *ret_more, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct work w = *run;
    w.arena = &arena;
    TRY(db_read(w.env->db, page_work, &w, e));
    const struct place *places = w.places.items;
    bool enough = false;
    size_t i = 0;
    for (; i < w.places.count && !enough; i++) {
        TRY(collect_place(&w, &places[i], sum, e));
        enough = sum->customers >= w.collector->settings->collect_max || *cancelled;
    }
    bool at_end = i == w.places.count && w.places.count < PAGE_PLACES;
    w.position = at_end ? "" : places[i - 1].id;
    *ret_more = !at_end && !enough;
    return db_write_relaxed(w.env->db, position_work, &w, e);
}

enum err collect_run(const struct collector *collector, const struct env *env,
                     const _Atomic bool *cancelled, struct collected *ret, struct error *e)
{
    struct work w = {.collector = collector, .env = env};
    struct collected sum = {0};
    bool more;
    do
        TRY(collect_page(&w, cancelled, &sum, &more, e));
    while (more);
    *ret = sum;
    return OK;
}

/* -- the job ---------------------------------------------------------------------------------- */

static enum job_result perform(struct job_run *run, struct error *e)
{
    struct collected sum;
    if (collect_run(run->ctx, run->env, run->cancelled, &sum, e) != OK)
        return JOB_RETRY;
    log_debug("usage collected", LOG_INT("places", sum.places), LOG_INT("failed", sum.failed),
              LOG_INT("customers", sum.customers));
    return JOB_DONE;
}

struct job_worker collect_worker(struct collector *collector)
{
    return (struct job_worker){COLLECT_WORKER, COLLECT_QUEUE, perform, NULL, collector};
}

struct cron collect_cron(const struct usage_settings *settings, struct arena *arena)
{
    return (struct cron){
        .name = "usage-collect",
        .when = usage_every(settings->collect_minutes, arena),
        .spec = {.worker = COLLECT_WORKER,
                 .queue = COLLECT_QUEUE,
                 .args = "{}",
                 .unique_key = "usage-collect"},
    };
}
