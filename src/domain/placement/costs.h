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

/* An absent vehicle count is taken as none. */
decimal cost_monthly(const struct prices *prices, const struct placement *placement,
                     int64_t vehicle_count);

#endif
