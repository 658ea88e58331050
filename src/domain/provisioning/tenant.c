#include "domain/provisioning/tenant.h"

#include "base/url.h"
#include "fleet-schema.h"
#include "tenant.sql.h"

#include <pthread.h>
#include <uthash.h>

#define TENANT_BUSY_TIMEOUT_US (10 * USEC_PER_SEC)
#define EXAMPLE_POINTS         60

/*
 * One open database, or one that is being opened: then its first user opens it without the lock and
 * the others wait for `opened`. One that could not be opened is not in the table any more; its last
 * user frees it.
 */
struct store {
    char *url; /* key */
    struct db *db;
    unsigned users;
    bool opening;
    struct error failure; /* code OK: none */
    UT_hash_handle hh;
};

struct tenant_stores {
    const struct secret *key; /* may be NULL */
    pthread_mutex_t lock;     /* guards what follows, and the stores */
    pthread_cond_t opened;
    struct store *by_url;
};

const char *tenant_schema_name(void)
{
    return fleet_schema[ARRAY_LEN(fleet_schema) - 1].name;
}

struct tenant_stores *tenant_stores_new(const struct secret *key)
{
    struct tenant_stores *stores = calloc(1, sizeof(*stores));
    BUG_ON(!stores);
    stores->key = key;
    BUG_ON(pthread_mutex_init(&stores->lock, NULL));
    BUG_ON(pthread_cond_init(&stores->opened, NULL));
    return stores;
}

void tenant_stores_free(struct tenant_stores *stores)
{
    if (!stores)
        return;
    BUG_ON(stores->by_url);
    (void)pthread_cond_destroy(&stores->opened);
    (void)pthread_mutex_destroy(&stores->lock);
    free(stores);
}

/* The text between `place` and the next "}"; NULL when the url has no such place. */
static const char *place_content(const char *url, const char *place, struct arena *arena,
                                 const char **ret_start, const char **ret_end)
{
    const char *start = strstr(url, place);
    const char *end = start ? strchr(start, '}') : NULL;
    if (!end)
        return NULL;
    *ret_start = start;
    *ret_end = end + 1;
    const char *content = start + strlen(place);
    return arena_text_n(arena, content, (size_t)(end - content));
}

/*
 * The url with the password in its place: {password:NAME} is derived, {sealed:TEXT} unsealed. In a
 * url it is percent-encoded: another chose it, and what is special in a url may be in it.
 * `ret_password` is as it stands there; NULL when there is no such place.
 */
static enum err resolve(const struct tenant_stores *stores, const char *url, struct arena *arena,
                        const char **ret_url, const char **ret_password, struct error *e)
{
    const char *start = NULL, *end = NULL;
    const char *name = place_content(url, "{password:", arena, &start, &end);
    const char *sealed = name ? NULL : place_content(url, "{sealed:", arena, &start, &end);
    struct secret *password = NULL;
    if (name && !*name)
        return error_set(e, ERR_CORRUPT, "a database url has {password:} without a name");
    if ((name || sealed) && !stores->key)
        return error_set(e, ERR_INVALID, "a database url needs a password, and there is no key");
    if (name)
        password = secret_derive(stores->key, name);
    else if (sealed)
        TRY(secret_unseal(stores->key, sealed, &password, e));
    *ret_password = password ? url_escape(secret_expose(password), arena) : NULL;
    *ret_url = password
                   ? arena_printf(arena, "%.*s%s%s", (int)(start - url), url, *ret_password, end)
                   : url;
    secret_free(password);
    return OK;
}

enum err tenant_store_url(const struct tenant_stores *stores, const char *url, struct arena *arena,
                          const char **ret_url, struct error *e)
{
    const char *password;
    return resolve(stores, url, arena, ret_url, &password, e);
}

/* libpq quotes a url that it does not understand: the error ends where the password begins. */
static void conceal(const char *password, struct error *e)
{
    char start[9];
    if (!password || !e)
        return;
    (void)snprintf(start, sizeof(start), "%s", password);
    char *at = strstr(e->text, start);
    if (at)
        *at = '\0';
}

static enum err open_db(struct tenant_stores *stores, const char *url, struct db **ret_db,
                        struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const char *password;
    struct db_options options = {
        .migrations = fleet_schema,
        .migration_count = ARRAY_LEN(fleet_schema),
        .readers = 1,
        .busy_timeout_us = TENANT_BUSY_TIMEOUT_US,
    };
    TRY(resolve(stores, url, &arena, &options.url, &password, e));
    enum err err = db_open(&options, ret_db, e);
    if (err != OK)
        conceal(password, e);
    return err;
}

/* The rest is called with the lock held. */

static void store_free(struct store *store)
{
    free(store->url);
    free(store);
}

static struct store *store_new(struct tenant_stores *stores, const char *url)
{
    struct store *store = calloc(1, sizeof(*store));
    BUG_ON(!store);
    store->url = strdup(url);
    BUG_ON(!store->url);
    store->opening = true;
    HASH_ADD_KEYPTR(hh, stores->by_url, store->url, strlen(store->url), store);
    return store;
}

/* Lets go of the lock meanwhile. Who comes after a failure tries anew. */
static void store_open(struct tenant_stores *stores, struct store *store)
{
    struct db *db = NULL;
    struct error failure = {0};
    pthread_mutex_unlock(&stores->lock);
    failure.code = open_db(stores, store->url, &db, &failure);
    pthread_mutex_lock(&stores->lock);
    store->opening = false;
    store->db = db;
    store->failure = failure;
    if (failure.code != OK)
        HASH_DEL(stores->by_url, store);
    pthread_cond_broadcast(&stores->opened);
}

static enum err store_use(struct tenant_stores *stores, const char *url, struct db **ret_db,
                          struct error *e)
{
    struct store *store;
    HASH_FIND_STR(stores->by_url, url, store);
    bool first = !store;
    if (first)
        store = store_new(stores, url);
    store->users++;
    if (first)
        store_open(stores, store);
    while (store->opening)
        pthread_cond_wait(&stores->opened, &stores->lock);
    enum err err = store->failure.code;
    if (err == OK) {
        *ret_db = store->db;
        return OK;
    }
    if (e)
        *e = store->failure;
    if (--store->users == 0)
        store_free(store);
    return err;
}

enum err tenant_store_get(struct tenant_stores *stores, const char *url, struct db **ret_db,
                          struct error *e)
{
    pthread_mutex_lock(&stores->lock);
    enum err err = store_use(stores, url, ret_db, e);
    pthread_mutex_unlock(&stores->lock);
    return err;
}

void tenant_store_put(struct tenant_stores *stores, struct db *db)
{
    pthread_mutex_lock(&stores->lock);
    struct store *store = stores->by_url;
    while (store && store->db != db)
        store = store->hh.next;
    BUG_ON(!store);
    if (--store->users == 0) {
        HASH_DEL(stores->by_url, store);
        db_close(store->db);
        store_free(store);
    }
    pthread_mutex_unlock(&stores->lock);
}

struct tenant_work {
    const struct tenant *tenant;
    const char *customer_id, *deployment_id;
    int64_t run;
    bool fenced, has_place;
    int64_t now;
    int64_t vehicles;
    struct tenant_usage usage;
};

static enum err in_store(struct tenant_stores *stores, const char *url,
                         enum err (*transaction)(struct db *, db_work *, void *, struct error *),
                         db_work *work, struct tenant_work *arg, struct error *e)
{
    struct db *db;
    TRY(tenant_store_get(stores, url, &db, e));
    enum err err = transaction(db, work, arg, e);
    tenant_store_put(stores, db);
    return err;
}

static enum err create_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct tenant_work *w = arg;
    const struct tenant *t = w->tenant;
    TRY(db_exec(tx, &tenant_insert,
                DB_ARGS(db_text(t->customer_id), db_text(t->slug), db_text(t->name),
                        db_text(t->deployment_id), db_int(w->now)),
                NULL, e));
    _cleanup_arena_ struct arena arena = {0};
    const char *owner;
    TRY(db_get_text(tx, &tenant_owner, DB_ARGS(db_text(t->customer_id)), &arena, &owner, e));
    if (!text_eq(owner, t->deployment_id))
        return error_set(e, ERR_CONFLICT,
                         "the database for deployment %s already holds customer %s for deployment "
                         "%s: give each its own database url",
                         t->deployment_id, t->slug, owner);
    return OK;
}

enum err tenant_create(struct tenant_stores *stores, const char *url, const struct tenant *tenant,
                       int64_t now, struct error *e)
{
    struct tenant_work w = {.tenant = tenant, .now = now};
    return in_store(stores, url, db_write, create_work, &w, e);
}

static enum err drop_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct tenant_work *w = arg;
    struct db_args id = DB_ARGS(db_text(w->customer_id));
    int64_t changes;
    TRY(db_exec(tx, &tenant_open_to_delete,
                DB_ARGS(db_text(w->customer_id), db_text(w->deployment_id)), &changes, e));
    if (changes == 0)
        return OK;
    TRY(db_exec(tx, &tenant_delete_points, id, NULL, e));
    TRY(db_exec(tx, &tenant_delete_vehicles, id, NULL, e));
    return db_exec(tx, &tenant_delete, id, NULL, e);
}

enum err tenant_drop(struct tenant_stores *stores, const char *url, const char *customer_id,
                     const char *deployment_id, struct error *e)
{
    struct tenant_work w = {.customer_id = customer_id, .deployment_id = deployment_id};
    return in_store(stores, url, db_write, drop_work, &w, e);
}

static enum err place_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct tenant_work *w = arg;
    _cleanup_arena_ struct arena arena = {0};
    const char *owner;
    TRY(db_get_text(tx, &tenant_owner, DB_ARGS(db_text(w->customer_id)), &arena, &owner, e));
    w->has_place = owner && text_eq(owner, w->deployment_id);
    return OK;
}

enum err tenant_has_place(struct tenant_stores *stores, const char *url, const char *customer_id,
                          const char *deployment_id, bool *ret_has, struct error *e)
{
    struct tenant_work w = {.customer_id = customer_id, .deployment_id = deployment_id};
    TRY(in_store(stores, url, db_read, place_work, &w, e));
    *ret_has = w.has_place;
    return OK;
}

static enum err fence_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct tenant_work *w = arg;
    int64_t changes;
    TRY(db_exec(tx, &tenant_set_fence,
                DB_ARGS(db_text(w->customer_id), db_int(w->run), db_int(w->fenced)), &changes, e));
    if (changes == 1)
        return OK;
    _cleanup_arena_ struct arena arena = {0};
    const char *owner;
    TRY(db_get_text(tx, &tenant_owner, DB_ARGS(db_text(w->customer_id)), &arena, &owner, e));
    if (owner)
        return error_set(e, ERR_CONFLICT, "a later run of the move of customer %s has taken over",
                         w->customer_id);
    if (!w->fenced)
        return OK;
    return error_set(e, ERR_NOT_FOUND, "customer %s is not in its database", w->customer_id);
}

enum err tenant_fence(struct tenant_stores *stores, const char *url, const char *customer_id,
                      int64_t run, struct error *e)
{
    struct tenant_work w = {.customer_id = customer_id, .run = run, .fenced = true};
    return in_store(stores, url, db_write, fence_work, &w, e);
}

enum err tenant_unfence(struct tenant_stores *stores, const char *url, const char *customer_id,
                        int64_t run, struct error *e)
{
    struct tenant_work w = {.customer_id = customer_id, .run = run, .fenced = false};
    return in_store(stores, url, db_write, fence_work, &w, e);
}

const struct field tenant_usage_fields[] = {
    {"vehicle_count", FIELD_INT, offsetof(struct tenant_usage, vehicle_count)},
    {"gps_points_today", FIELD_INT, offsetof(struct tenant_usage, gps_points_today)},
    FIELD_END,
};

static enum err measure_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct tenant_work *w = arg;
    _cleanup_arena_ struct arena arena = {0};
    return db_get(tx, &tenant_usage,
                  DB_ARGS(db_text(w->customer_id), db_int(w->now - USEC_PER_DAY)),
                  tenant_usage_fields, &arena, &w->usage, e);
}

enum err tenant_measure(struct tenant_stores *stores, const char *url, const char *customer_id,
                        int64_t now, struct tenant_usage *ret_usage, struct error *e)
{
    struct tenant_work w = {.customer_id = customer_id, .now = now};
    TRY(in_store(stores, url, db_read, measure_work, &w, e));
    *ret_usage = w.usage;
    return OK;
}

/* -- all tenants of a database ---------------------------------------------------------------- */

static const struct field sample_fields[] = {
    {"customer_id", FIELD_TEXT, offsetof(struct tenant_sample, customer_id)},
    {"vehicles", FIELD_INT, offsetof(struct tenant_sample, vehicles)},
    {"storage_bytes", FIELD_INT, offsetof(struct tenant_sample, storage_bytes)}, /* no column */
    FIELD_END,
};

static const struct field points_fields[] = {
    {"customer_id", FIELD_TEXT, offsetof(struct tenant_points, customer_id)},
    {"hour", FIELD_INT, offsetof(struct tenant_points, hour)},
    {"points", FIELD_INT, offsetof(struct tenant_points, points)},
    FIELD_END,
};

struct tenant_rows {
    const char *customer_id;
    int64_t rows;
};

static const struct field rows_fields[] = {
    {"customer_id", FIELD_TEXT, offsetof(struct tenant_rows, customer_id)},
    {"rows", FIELD_INT, offsetof(struct tenant_rows, rows)},
    FIELD_END,
};

struct survey_work {
    struct arena *arena;
    int64_t first, end; /* hours */
    struct tenant_survey survey;
    int64_t bytes;
    struct records rows;
};

static enum err survey_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct survey_work *w = arg;
    TRY(db_list(tx, &tenants_vehicles, DB_ARGS(db_int(TENANTS_MAX)), sample_fields,
                sizeof(struct tenant_sample), TENANTS_MAX, w->arena, &w->survey.samples, e));
    size_t hours = (size_t)(w->end - w->first);
    return db_list(tx, &tenants_points,
                   DB_ARGS(db_int(w->first * USEC_PER_HOUR), db_int(w->end * USEC_PER_HOUR)),
                   points_fields, sizeof(struct tenant_points), TENANTS_MAX * hours, w->arena,
                   &w->survey.points, e);
}

/* Who has a database alone has all of it: its rows, perhaps very many, need not be counted. */
static enum err storage_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct survey_work *w = arg;
    TRY(db_get_int(tx, &tenants_bytes, DB_NO_ARGS, &w->bytes, e));
    w->rows = (struct records){0};
    if (w->survey.samples.count < 2)
        return OK;
    return db_list(tx, &tenants_rows, DB_ARGS(db_int(TENANTS_MAX)), rows_fields,
                   sizeof(struct tenant_rows), TENANTS_MAX, w->arena, &w->rows, e);
}

static void share_storage(struct survey_work *w)
{
    struct tenant_sample *samples = w->survey.samples.items;
    const struct tenant_rows *rows = w->rows.items, *end = rows + w->rows.count;
    int64_t all = 0;
    if (w->survey.samples.count == 1)
        samples[0].storage_bytes = w->bytes;
    for (size_t i = 0; i < w->rows.count; i++)
        all += rows[i].rows;
    for (size_t i = 0; i < w->survey.samples.count && rows < end; i++) {
        while (rows < end && strcmp(rows->customer_id, samples[i].customer_id) < 0)
            rows++;
        if (rows < end && text_eq(rows->customer_id, samples[i].customer_id))
            samples[i].storage_bytes = (int64_t)((__int128)w->bytes * rows->rows / all);
    }
}

enum err tenant_survey(struct tenant_stores *stores, const char *url, int64_t first, int64_t end,
                       struct arena *arena, struct tenant_survey *ret, struct error *e)
{
    struct survey_work w = {.arena = arena, .first = first, .end = end};
    struct db *db;
    TRY(tenant_store_get(stores, url, &db, e));
    enum err err = db_read(db, survey_work, &w, e);
    if (err == OK && db_read(db, storage_work, &w, NULL) == OK)
        share_storage(&w);
    tenant_store_put(stores, db);
    TRY(err);
    *ret = w.survey;
    return OK;
}

/* -- examples --------------------------------------------------------------------------------- */

/* A point a minute, each vehicle on a straight road of its own. */
static enum err fill_vehicle(struct db_tx *tx, const struct tenant_work *w, int64_t number,
                             struct arena *arena, struct error *e)
{
    const char *vehicle = arena_printf(arena, "vehicle-%03lld", (long long)number);
    TRY(db_exec(
        tx, &vehicle_insert,
        DB_ARGS(db_text(w->customer_id), db_text(vehicle), db_text(vehicle), db_int(w->now)), NULL,
        e));
    for (int64_t i = 0; i < EXAMPLE_POINTS; i++) {
        int64_t at = w->now - i * 60 * USEC_PER_SEC;
        const char *id = arena_printf(arena, "%s-%lld", vehicle, (long long)at);
        TRY(db_exec(tx, &point_insert,
                    DB_ARGS(db_text(w->customer_id), db_text(id), db_text(vehicle), db_int(at),
                            db_int(500000000 + number * 10000 + i * 700),
                            db_int(80000000 + i * 1100), db_int(500 + number % 40)),
                    NULL, e));
    }
    return OK;
}

static enum err fill_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct tenant_work *w = arg;
    _cleanup_arena_ struct arena arena = {0};
    for (int64_t i = 1; i <= w->vehicles; i++)
        TRY(fill_vehicle(tx, w, i, &arena, e));
    return OK;
}

enum err tenant_fill_example(struct tenant_stores *stores, const char *url, const char *customer_id,
                             int64_t vehicles, int64_t now, struct error *e)
{
    struct tenant_work w = {.customer_id = customer_id, .vehicles = vehicles, .now = now};
    return in_store(stores, url, db_write, fill_work, &w, e);
}
