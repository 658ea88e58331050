/*
 * Hetzner's price list: what each server type costs a month in each location, without VAT.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_HETZNER_PRICING_H
#define WEBHOST_DOMAIN_PROVISIONING_HETZNER_PRICING_H

#include "base/decimal.h"
#include "domain/provisioning/cloud.h"

#define HCLOUD_PRICES_MAX 10000

struct hcloud_price {
    const char *server_type, *location;
    decimal month_net;
};

struct hcloud_pricing {
    const char *currency; /* "EUR" */
    struct hcloud_price *prices;
    size_t count; /* at least 1, at most HCLOUD_PRICES_MAX */
};

/*
 * The whole list. ERR_CORRUPT when any part of it cannot be read exactly: half a list is none.
 */
enum err hcloud_pricing_get(struct cloud *cloud, struct arena *arena, struct hcloud_pricing *ret,
                            struct error *e);

#endif
