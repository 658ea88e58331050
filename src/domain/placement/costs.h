/*
 * What a placement costs the operator, in USD a month, from a table of list prices.
 *
 * multi-tenant: a share of one shared server with its IPv4 address, and the storage that the
 * customer's vehicles fill. Hetzner bills in EUR: the table's `eur_usd` is the operator's own
 * assumption and not a market rate.
 * single-tenant: the plan's machines with their volumes in every region, one dedicated IPv4
 * address, and a dedicated database machine with its storage in the main region.
 *
 * Exact decimals throughout; the sum is rounded to cents once.
 */
#ifndef WEBHOST_DOMAIN_PLACEMENT_COSTS_H
#define WEBHOST_DOMAIN_PLACEMENT_COSTS_H

#include "base/decimal.h"
#include "domain/placement/vocabulary.h"
#include "infra/json/json.h"

struct dedicated_prices {
    int64_t machines_per_region;
    decimal machine_month[GEOGRAPHY_COUNT];
    int64_t machine_volume_gb;
    decimal database_month[GEOGRAPHY_COUNT];
};

struct prices {
    const char *name;
    decimal eur_usd;
    decimal storage_gb_base, storage_gb_per_vehicle;
    struct {
        decimal host_month_eur[GEOGRAPHY_COUNT];
        int64_t customers_per_host;
        int64_t slots[GEOGRAPHY_COUNT]; /* customers_per_host, unless prices_set_host() said more */
        decimal ipv4_month_eur, volume_gb_month_eur;
    } multi_tenant;
    struct {
        decimal ipv4_month, volume_gb_month;
        struct dedicated_prices starter, professional, business;
    } single_tenant;
    struct arena arena;
};

/* Every mistake is added to `problems` with its line; NULL when there was one. */
struct prices *prices_parse(struct str text, struct problems *problems);
struct prices *prices_builtin(void); /* policies/prices.yaml */
void prices_free(struct prices *p);  /* NULL is fine */

/* A copy to change, in the arena. It shares the texts: `p` must outlive it. */
struct prices *prices_copy(const struct prices *p, struct arena *arena);

/* What a shared server costs in one geography, and how many customers share it, when known. */
void prices_set_host(struct prices *p, enum geography geography, decimal month_eur, int64_t slots);

/* One slot of a shared server, in USD a month, without its share of the address and storage. */
decimal price_slot_month(const struct prices *p, enum geography geography);

/* An absent vehicle count is taken as none. */
decimal cost_monthly(const struct prices *prices, const struct placement *placement,
                     int64_t vehicle_count);

#endif
