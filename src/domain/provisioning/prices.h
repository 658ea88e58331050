/*
 * What shared servers cost: the cloud's own prices where they were read lately, else the file's.
 *
 * RefreshPricesWorker reads Hetzner's list once a day into `cloud_prices`, for all nodes. A list
 * that cannot be had, that cannot be read exactly or that lacks what is ordered and had a price
 * changes nothing: the rows stay, and count until they are older than PRICES_FRESH_US.
 *
 * A slot is a share of the server that would be ordered: of the configuration's `slots_per_host`,
 * wherever the prices are from, so that an estimate does not jump when they come or go. The file's
 * `customers_per_host` is for where nothing is ordered.
 *
 * A decision gets its prices as an input that nobody changes, and names them.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_PRICES_H
#define WEBHOST_DOMAIN_PROVISIONING_PRICES_H

#include "domain/jobs/cron.h"
#include "domain/placement/costs.h"
#include "domain/provisioning/provider.h"

#include <pthread.h>

#define PRICES_FRESH_US (7 * USEC_PER_DAY)

/* How old a node's copy of the rows may be: another node has read the list meanwhile. */
#define PRICES_KEEP_US (60 * USEC_PER_SEC)

enum price_source { PRICE_CLOUD, PRICE_FILE };

extern const char *const price_source_names[]; /* "cloud", "file"; ends with NULL */

/* What a slot costs where a geography's customers are put. */
struct slot_price {
    struct shared_price shared; /* first; its read_at is the last reading's, used or not */
    int source;                 /* enum price_source */
    decimal slot_month_usd;     /* with its share of the address, without storage */
    bool stale;                 /* there was a reading, and it is too old to count */
};

extern const struct field slot_price_fields[];

/*
 * Made by price_book_open(); all calls are thread-safe. The lock guards `looked_at` and `read`, and
 * is not held during a query.
 */
struct price_book {
    const struct env *env;
    const struct provisioning_settings *settings;
    const struct prices *file;
    pthread_mutex_t lock;
    int64_t looked_at; /* INT_ABSENT: not yet, or no longer true */
    struct cloud_price {
        decimal host, ipv4, volume_gb; /* EUR a month */
        int64_t read_at;               /* INT_ABSENT: there is none */
    } read[GEOGRAPHY_COUNT];
};

/* All is borrowed. */
void price_book_open(struct price_book *book, const struct env *env,
                     const struct provisioning_settings *settings, const struct prices *file);
void price_book_close(struct price_book *book);

/* The prices that decisions are made with now, in the arena; the file's table must outlive them. */
enum err price_book_now(struct price_book *book, struct db_tx *tx, struct arena *arena,
                        const struct prices **ret, struct error *e);

/* The same for people: GEOGRAPHY_COUNT records of struct slot_price, straight from the database. */
enum err price_book_list(struct price_book *book, struct db_tx *tx, struct arena *arena,
                         struct records *ret, struct error *e);

/* -- reading them ----------------------------------------------------------------------------- */

struct price_refresh {
    const struct provisioning *with;
    struct price_book *book; /* this node's: it learns at once */
};

/*
 * Reads the cloud's list and replaces the rows by it. On an error they are as they were, and the
 * error says why the list cannot be used.
 */
enum err price_refresh(const struct price_refresh *refresh, struct arena *arena, struct error *e);

/* RefreshPricesWorker; `refresh` must outlive it. */
struct job_worker price_worker(struct price_refresh *refresh);

struct cron price_cron(void);

/* Enqueues the worker's job if nothing was ever read and there is a token to read with. */
enum err price_refresh_first(const struct price_refresh *refresh, struct error *e);

#endif
