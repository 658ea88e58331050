#include "domain/provisioning/prices.h"

#include "base/log.h"
#include "domain/provisioning/hetzner/client.h"
#include "domain/provisioning/hetzner/pricing.h"
#include "prices.sql.h"

#define PRICE_WORKER "RefreshPricesWorker"
#define PRICE_QUEUE  "maintenance"
#define PROVIDER     infrastructure_names[HETZNER]
#define CURRENCY     "EUR" /* what policies/prices.yaml converts from */

const char *const price_source_names[] = {"cloud", "file", NULL};

const struct field slot_price_fields[] = {
    {"location", FIELD_TEXT, offsetof(struct slot_price, location)},
    {"server_type", FIELD_TEXT, offsetof(struct slot_price, server_type)},
    {"source", FIELD_ENUM, offsetof(struct slot_price, source), .names = price_source_names},
    {"currency", FIELD_TEXT, offsetof(struct slot_price, currency)},
    {"host_month", FIELD_DECIMAL, offsetof(struct slot_price, host_month)},
    {"slots", FIELD_INT, offsetof(struct slot_price, slots)},
    {"slot_month_usd", FIELD_DECIMAL, offsetof(struct slot_price, slot_month_usd)},
    {"read_at", FIELD_TIME, offsetof(struct slot_price, read_at)},
    {"stale", FIELD_BOOL, offsetof(struct slot_price, stale)},
    FIELD_END,
};

static const struct field cloud_price_fields[] = {
    {"amount", FIELD_DECIMAL, offsetof(struct cloud_price, amount)},
    {"read_at", FIELD_TIME, offsetof(struct cloud_price, read_at)},
    FIELD_END,
};

/* -- the book --------------------------------------------------------------------------------- */

void price_book_open(struct price_book *book, const struct env *env,
                     const struct provisioning_settings *settings, const struct prices *file)
{
    *book = (struct price_book){
        .env = env, .settings = settings, .file = file, .looked_at = INT_ABSENT};
    BUG_ON(pthread_mutex_init(&book->lock, NULL) != 0);
}

void price_book_close(struct price_book *book)
{
    BUG_ON(pthread_mutex_destroy(&book->lock) != 0);
}

static const char *type_in(const struct price_book *book, enum geography geography)
{
    return hetzner_settings_type(&book->settings->hetzner, region_name(HETZNER, geography));
}

static enum err read_rows(const struct price_book *book, struct db_tx *tx, struct arena *arena,
                          struct cloud_price out[GEOGRAPHY_COUNT], struct error *e)
{
    for (int g = 0; g < GEOGRAPHY_COUNT; g++) {
        const char *type = type_in(book, (enum geography)g);
        out[g] = (struct cloud_price){.read_at = INT_ABSENT};
        if (!type)
            continue;
        enum err err = db_get(tx, &prices_get,
                              DB_ARGS(db_text(PROVIDER), db_text(type),
                                      db_text(region_name(HETZNER, (enum geography)g))),
                              cloud_price_fields, arena, &out[g], e);
        if (err != OK && err != ERR_NOT_FOUND)
            return err;
    }
    return OK;
}

/* The clock may have been set back: what was read in the future is as good as read now. */
static bool is_fresh(const struct cloud_price *price, int64_t now)
{
    return price->read_at != INT_ABSENT && now - price->read_at <= PRICES_FRESH_US;
}

static const struct prices *put_in(const struct price_book *book, const struct cloud_price *read,
                                   struct arena *arena)
{
    struct prices *prices = prices_copy(book->file, arena);
    int64_t now = env_now(book->env);
    for (int g = 0; g < GEOGRAPHY_COUNT; g++) {
        if (is_fresh(&read[g], now))
            prices_set_host(prices, (enum geography)g, read[g].amount,
                            book->settings->hetzner.slots_per_host);
    }
    return prices;
}

static bool remembered(struct price_book *book, struct cloud_price out[GEOGRAPHY_COUNT])
{
    int64_t now = env_now(book->env);
    (void)pthread_mutex_lock(&book->lock);
    bool known = book->looked_at != INT_ABSENT && book->looked_at <= now &&
                 now - book->looked_at < PRICES_KEEP_US;
    if (known)
        memcpy(out, book->read, sizeof(book->read));
    (void)pthread_mutex_unlock(&book->lock);
    return known;
}

static void remember(struct price_book *book, const struct cloud_price read[GEOGRAPHY_COUNT])
{
    int64_t now = env_now(book->env);
    (void)pthread_mutex_lock(&book->lock);
    memcpy(book->read, read, sizeof(book->read));
    book->looked_at = now;
    (void)pthread_mutex_unlock(&book->lock);
}

static void forget(struct price_book *book)
{
    (void)pthread_mutex_lock(&book->lock);
    book->looked_at = INT_ABSENT;
    (void)pthread_mutex_unlock(&book->lock);
}

enum err price_book_now(struct price_book *book, struct db_tx *tx, struct arena *arena,
                        const struct prices **ret, struct error *e)
{
    struct cloud_price read[GEOGRAPHY_COUNT];
    if (!remembered(book, read)) {
        TRY(read_rows(book, tx, arena, read, e));
        remember(book, read);
    }
    *ret = put_in(book, read, arena);
    return OK;
}

enum err price_book_list(struct price_book *book, struct db_tx *tx, struct arena *arena,
                         struct records *ret, struct error *e)
{
    struct cloud_price read[GEOGRAPHY_COUNT];
    TRY(read_rows(book, tx, arena, read, e));
    const struct prices *prices = put_in(book, read, arena);
    struct slot_price *list = arena_new_array(arena, GEOGRAPHY_COUNT, struct slot_price);
    int64_t now = env_now(book->env);
    for (int g = 0; g < GEOGRAPHY_COUNT; g++) {
        bool fresh = is_fresh(&read[g], now);
        list[g] = (struct slot_price){
            .location = region_name(HETZNER, (enum geography)g),
            .server_type = type_in(book, (enum geography)g),
            .source = fresh ? PRICE_CLOUD : PRICE_FILE,
            .currency = CURRENCY,
            .host_month = prices->multi_tenant.host_month_eur[g],
            .slots = prices->multi_tenant.slots[g],
            .slot_month_usd = price_slot_month(prices, (enum geography)g),
            .read_at = read[g].read_at,
            .stale = read[g].read_at != INT_ABSENT && !fresh,
        };
    }
    *ret = (struct records){list, GEOGRAPHY_COUNT};
    return OK;
}

/* -- reading them ----------------------------------------------------------------------------- */

static enum err ask(const struct provisioning *with, struct arena *arena,
                    struct hcloud_pricing *ret, struct error *e)
{
    if (!with->hetzner_token)
        return error_set(e, ERR_INVALID,
                         "there is no token to read Hetzner's prices with: set HCLOUD_TOKEN or "
                         "provisioning.hetzner.token_file");
    struct cloud cloud;
    cloud_open(&cloud, with, &hcloud_dialect, NULL, NULL);
    enum err err = hcloud_pricing_get(&cloud, arena, ret, e);
    cloud_close(&cloud);
    TRY(err);
    if (!text_eq(ret->currency, CURRENCY))
        return error_set(e, ERR_INVALID,
                         "Hetzner's prices are in %s, and the price table counts in " CURRENCY
                         ": they cannot be used",
                         ret->currency);
    return OK;
}

struct put_work {
    const struct env *env;
    const struct hcloud_pricing *pricing;
};

static enum err put_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct put_work *w = arg;
    struct db_value now = db_int(env_now(w->env));
    for (size_t i = 0; i < w->pricing->count; i++) {
        const struct hcloud_price *p = &w->pricing->prices[i];
        db_post(tx, &prices_put,
                DB_ARGS(db_text(PROVIDER), db_text(p->server_type), db_text(p->location),
                        db_text(w->pricing->currency), db_int(p->month_net), now),
                NULL);
    }
    return db_exec(tx, &prices_forget_unsold, DB_ARGS(db_text(PROVIDER), now), NULL, e);
}

enum err price_refresh(const struct price_refresh *refresh, struct arena *arena, struct error *e)
{
    const struct env *env = refresh->with->env;
    struct hcloud_pricing pricing;
    TRY(ask(refresh->with, arena, &pricing, e));
    struct put_work w = {env, &pricing};
    TRY(db_write(env->db, put_work, &w, e));
    forget(refresh->book);
    return OK;
}

/* -- the worker ------------------------------------------------------------------------------- */

static enum job_result perform(struct job_run *run, struct error *e)
{
    enum err err = price_refresh(run->ctx, run->arena, e);
    if (err == OK)
        return JOB_DONE;
    log_warn("the cloud's prices could not be read: those known before are kept",
             LOG_TEXT("provider", PROVIDER), LOG_TEXT("error", e->text));
    run->snooze_us = e->retry_at - env_now(run->env);
    if (run->snooze_us < USEC_PER_SEC)
        run->snooze_us = USEC_PER_SEC;
    return provider_result(err);
}

struct job_worker price_worker(struct price_refresh *refresh)
{
    return (struct job_worker){PRICE_WORKER, PRICE_QUEUE, perform, NULL, refresh};
}

#define PRICE_JOB                                                                                  \
    {                                                                                              \
        .worker = PRICE_WORKER, .queue = PRICE_QUEUE, .args = "{}", .unique_key = "prices"         \
    }

struct cron price_cron(void)
{
    return (struct cron){.name = "prices", .when = "23 4 * * *", .spec = PRICE_JOB};
}

struct first_work {
    const struct env *env;
    struct arena *arena;
};

static enum err first_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct first_work *w = arg;
    const struct job_spec spec = PRICE_JOB;
    const char *item;
    TRY(db_get_text(tx, &prices_any, DB_ARGS(db_text(PROVIDER)), w->arena, &item, e));
    return item ? OK : job_enqueue(tx, w->env, &spec, w->arena, NULL, NULL, e);
}

enum err price_refresh_first(const struct price_refresh *refresh, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct first_work w = {refresh->with->env, &arena};
    return refresh->with->hetzner_token ? db_write(w.env->db, first_work, &w, e) : OK;
}
