#include "domain/provisioning/prices.h"

#include "base/log.h"
#include "domain/provisioning/hetzner/client.h"
#include "domain/provisioning/hetzner/pricing.h"
#include "domain/provisioning/location.h"
#include "prices.sql.h"

#define PRICE_WORKER "RefreshPricesWorker"
#define PRICE_QUEUE  "maintenance"
#define PROVIDER     infrastructure_names[HETZNER]
#define CURRENCY     "EUR" /* what policies/prices.yaml converts from */

const char *const price_source_names[] = {"cloud", "file", NULL};

#define SHARED(member) offsetof(struct slot_price, shared.member)

const struct field slot_price_fields[] = {
    {"location", FIELD_TEXT, SHARED(location), .required = true, .help = "where"},
    {"server_type", FIELD_TEXT, SHARED(server_type), .help = "what is ordered there"},
    {"source", FIELD_ENUM, offsetof(struct slot_price, source), .names = price_source_names,
     .required = true, .help = "the cloud when it was read lately, else the file"},
    {"host_month_eur", FIELD_DECIMAL, SHARED(host_month_eur), .required = true,
     .help = "a server a month"},
    {"ipv4_month_eur", FIELD_DECIMAL, SHARED(ipv4_month_eur), .required = true,
     .help = "its address a month"},
    {"volume_gb_month_eur", FIELD_DECIMAL, SHARED(volume_gb_month_eur), .required = true,
     .help = "a GB of storage a month"},
    {"slots", FIELD_INT, SHARED(slots), .required = true, .help = "customers on a server"},
    {"slot_month_usd", FIELD_DECIMAL, offsetof(struct slot_price, slot_month_usd), .required = true,
     .help = "a slot a month"},
    {"read_at", FIELD_TIME, SHARED(read_at), .help = "when the cloud's prices were read"},
    {"stale", FIELD_BOOL, offsetof(struct slot_price, stale),
     .help = "they were read too long ago to count"},
    FIELD_END,
};

static const struct field cloud_price_fields[] = {
    {"host", FIELD_DECIMAL, offsetof(struct cloud_price, host)},
    {"ipv4", FIELD_DECIMAL, offsetof(struct cloud_price, ipv4)},
    {"volume_gb", FIELD_DECIMAL, offsetof(struct cloud_price, volume_gb)},
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

/* What is ordered first where a geography's customers are put; NULL: nothing. */
static const char *type_in(const struct price_book *book, enum geography geography,
                           struct arena *arena)
{
    struct texts types =
        location_types(&book->settings->hetzner, region_name(HETZNER, geography), NULL, arena);
    return types.count > 0 ? types.items[0] : NULL;
}

/* What the database has for each geography; read_at is INT_ABSENT where that is nothing. */
static enum err read_rows(const struct price_book *book, struct db_tx *tx, struct arena *arena,
                          struct cloud_price out[GEOGRAPHY_COUNT], struct error *e)
{
    for (int g = 0; g < GEOGRAPHY_COUNT; g++) {
        const char *location = region_name(HETZNER, (enum geography)g);
        const char *type = type_in(book, (enum geography)g, arena);
        out[g] = (struct cloud_price){.read_at = INT_ABSENT};
        if (!type)
            continue;
        enum err err = db_get(tx, &prices_of_server,
                              DB_ARGS(db_text(PROVIDER), db_text(type), db_text(location)),
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

/* The file's table with what is known better laid over it. */
static const struct prices *lay_over(const struct price_book *book, const struct cloud_price *read,
                                     struct arena *arena)
{
    struct shared_price *over = arena_new_array(arena, GEOGRAPHY_COUNT, struct shared_price);
    int64_t now = env_now(book->env);
    for (int g = 0; g < GEOGRAPHY_COUNT; g++) {
        over[g] = prices_shared(book->file, (enum geography)g);
        over[g].server_type = type_in(book, (enum geography)g, arena);
        if (over[g].server_type)
            over[g].slots = book->settings->hetzner.slots_per_host;
        if (!is_fresh(&read[g], now))
            continue;
        over[g].host_month_eur = read[g].host;
        over[g].ipv4_month_eur = read[g].ipv4;
        over[g].volume_gb_month_eur = read[g].volume_gb;
        over[g].read_at = read[g].read_at;
    }
    return prices_over(book->file, over, arena);
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
    *ret = lay_over(book, read, arena);
    return OK;
}

enum err price_book_list(struct price_book *book, struct db_tx *tx, struct arena *arena,
                         struct records *ret, struct error *e)
{
    struct cloud_price read[GEOGRAPHY_COUNT];
    TRY(read_rows(book, tx, arena, read, e));
    const struct prices *prices = lay_over(book, read, arena);
    struct slot_price *list = arena_new_array(arena, GEOGRAPHY_COUNT, struct slot_price);
    for (int g = 0; g < GEOGRAPHY_COUNT; g++) {
        struct shared_price shared = prices_shared(prices, (enum geography)g);
        bool live = shared.read_at != INT_ABSENT;
        shared.read_at = read[g].read_at;
        list[g] = (struct slot_price){
            .shared = shared,
            .source = live ? PRICE_CLOUD : PRICE_FILE,
            .slot_month_usd = price_slot_month(prices, &shared),
            .stale = !live && shared.read_at != INT_ABSENT,
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
    const struct price_refresh *refresh;
    const struct hcloud_pricing *pricing;
    struct arena *arena;
};

/* A list without what is ordered and had a price is not whole, or the configuration is too old. */
static enum err check_whole(const struct put_work *w, struct db_tx *tx, struct error *e)
{
    const struct price_book *book = w->refresh->book;
    struct cloud_price known[GEOGRAPHY_COUNT];
    TRY(read_rows(book, tx, w->arena, known, e));
    for (int g = 0; g < GEOGRAPHY_COUNT; g++) {
        const char *location = region_name(HETZNER, (enum geography)g);
        const char *type = type_in(book, (enum geography)g, w->arena);
        if (known[g].read_at == INT_ABSENT)
            continue;
        if (!hcloud_price_of(w->pricing, HCLOUD_SERVER, type, location))
            return error_set(e, ERR_CORRUPT,
                             "Hetzner's price list has no %s in %s any more, which is ordered "
                             "there: if it is no longer sold, take it out of "
                             "provisioning.hetzner.server_types",
                             type, location);
        if (!hcloud_price_of(w->pricing, HCLOUD_PRIMARY_IP, "ipv4", location))
            return error_set(e, ERR_CORRUPT,
                             "Hetzner's price list has no IPv4 address in %s any more", location);
    }
    return OK;
}

static enum err put_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct put_work *w = arg;
    struct db_value now = db_int(env_now(w->refresh->with->env));
    TRY(check_whole(w, tx, e));
    db_post(tx, &prices_forget, DB_ARGS(db_text(PROVIDER)), NULL);
    for (size_t i = 0; i < w->pricing->count; i++) {
        const struct hcloud_price *p = &w->pricing->prices[i];
        db_post(tx, &prices_put,
                DB_ARGS(db_text(PROVIDER), db_text(hcloud_sold_names[p->kind]), db_text(p->item),
                        db_text(p->location), db_text(w->pricing->currency), db_int(p->month_net),
                        now),
                NULL);
    }
    return OK;
}

enum err price_refresh(const struct price_refresh *refresh, struct arena *arena, struct error *e)
{
    struct hcloud_pricing pricing;
    TRY(ask(refresh->with, arena, &pricing, e));
    struct put_work w = {refresh, &pricing, arena};
    TRY(db_write(refresh->with->env->db, put_work, &w, e));
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
