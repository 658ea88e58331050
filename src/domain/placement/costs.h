/*
 * What a placement costs the operator, in USD a month, from a table of list prices.
 *
 * multi-tenant: a slot, which is an equal share of one shared server with its IPv4 address, and the
 * storage that the customer's vehicles fill. The shares are those of a full server: free slots are
 * the operator's, not a customer's. Hetzner bills in EUR: the table's `eur_usd` is the operator's
 * own assumption and not a market rate.
 * single-tenant: the plan's machines with their volumes in every region, one dedicated IPv4
 * address, and a dedicated database machine with its storage in the main region.
 *
 * The table is a file. What is known better than it says about shared servers (the cloud's own
 * prices, the slots configured) is laid over it by prices_over().
 *
 * Exact decimals throughout; the sum is rounded to cents once.
 */
#ifndef WEBHOST_DOMAIN_PLACEMENT_COSTS_H
#define WEBHOST_DOMAIN_PLACEMENT_COSTS_H

#include "base/decimal.h"
#include "domain/placement/vocabulary.h"
#include "infra/json/json.h"
#include "infra/secrets/secret.h"

struct dedicated_prices {
    int64_t machines_per_region;
    decimal machine_month[GEOGRAPHY_COUNT];
    int64_t machine_volume_gb;
    decimal database_month[GEOGRAPHY_COUNT];
};

/* What shared servers cost where a geography's customers are put. */
struct shared_price {
    const char *location;
    const char *server_type; /* NULL: the table does not name one */
    decimal host_month_eur, ipv4_month_eur, volume_gb_month_eur;
    int64_t slots;
    int64_t read_at; /* when the cloud told these prices; INT_ABSENT: they are the table's */
};

extern const struct field shared_price_fields[];

struct prices {
    const char *name;
    char sha256[HASH_TEXT_MAX]; /* of the file */
    decimal eur_usd;
    decimal storage_gb_base, storage_gb_per_vehicle;
    struct {
        decimal host_month_eur[GEOGRAPHY_COUNT];
        int64_t customers_per_host;
        decimal ipv4_month_eur, volume_gb_month_eur;
    } multi_tenant;
    struct {
        decimal ipv4_month, volume_gb_month;
        struct dedicated_prices starter, professional, business;
    } single_tenant;
    const struct shared_price *over; /* one for each geography; NULL: the table says it all */
    struct arena arena;
};

/* Every mistake is added to `problems` with its line; NULL when there was one. */
struct prices *prices_parse(struct str text, struct problems *problems);
struct prices *prices_builtin(void); /* policies/prices.yaml */
void prices_free(struct prices *p);  /* NULL is fine */

/*
 * The table with `over`, one for each geography, going before what it says about shared servers.
 * Both are borrowed; the result is in the arena.
 */
const struct prices *prices_over(const struct prices *table,
                                 const struct shared_price over[GEOGRAPHY_COUNT],
                                 struct arena *arena);

/* What counts for a geography: laid over, or the table's. */
struct shared_price prices_shared(const struct prices *p, enum geography geography);

/* One slot of such a server in USD a month, without storage. */
decimal price_slot_month(const struct prices *p, const struct shared_price *shared);

/* An absent vehicle count is taken as none. */
decimal cost_monthly(const struct prices *prices, const struct placement *placement,
                     int64_t vehicle_count);

#endif
