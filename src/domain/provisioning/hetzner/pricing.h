/*
 * Hetzner's price list: what servers, their IPv4 addresses and storage cost a month, without VAT.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_HETZNER_PRICING_H
#define WEBHOST_DOMAIN_PROVISIONING_HETZNER_PRICING_H

#include "base/decimal.h"
#include "domain/provisioning/cloud.h"

#define HCLOUD_PRICES_MAX 10000

enum hcloud_sold { HCLOUD_SERVER, HCLOUD_PRIMARY_IP, HCLOUD_VOLUME_GB };

extern const char *const hcloud_sold_names[]; /* "server", "primary_ip", "volume_gb" */

struct hcloud_price {
    enum hcloud_sold kind;
    const char *item;     /* "cpx31", "ipv4", "" */
    const char *location; /* "ash"; "" for a price that holds everywhere */
    decimal month_net;
};

struct hcloud_pricing {
    const char *currency;        /* "EUR" */
    struct hcloud_price *prices; /* sorted; each kind, item and location once */
    size_t count;                /* at most HCLOUD_PRICES_MAX; at least one of each kind */
};

/*
 * The whole list. ERR_CORRUPT when any part of it cannot be read exactly or stands there twice:
 * half a list is none.
 */
enum err hcloud_pricing_get(struct cloud *cloud, struct arena *arena, struct hcloud_pricing *ret,
                            struct error *e);

/* NULL: not in the list. */
const struct hcloud_price *hcloud_price_of(const struct hcloud_pricing *pricing,
                                           enum hcloud_sold kind, const char *item,
                                           const char *location);

#endif
