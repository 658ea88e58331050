#include "domain/provisioning/hetzner/pricing.h"

#include "domain/provisioning/hetzner/client.h"

#define IPV4 "ipv4"

const char *const hcloud_sold_names[] = {"server", "primary_ip", "volume_gb", NULL};

/* What a month may cost: anything else is a mistake of somebody's. The price table's own bounds. */
static const struct {
    decimal min, max;
} bounds[] = {
    [HCLOUD_SERVER] = {1, INT64_C(100000) * DECIMAL_ONE},
    [HCLOUD_PRIMARY_IP] = {0, INT64_C(100000) * DECIMAL_ONE},
    [HCLOUD_VOLUME_GB] = {0, INT64_C(10) * DECIMAL_ONE},
};

/* One reading of the list. */
struct reading {
    struct arena *arena;
    struct hcloud_pricing out;
};

static int compare(const void *a, const void *b)
{
    const struct hcloud_price *x = a, *y = b;
    int order = (int)x->kind - (int)y->kind;
    if (order == 0)
        order = strcmp(x->item, y->item);
    return order ? order : strcmp(x->location, y->location);
}

static const char *named(const struct hcloud_price *p, struct arena *arena)
{
    return arena_printf(arena, "%s%s%.64s%s%.64s", hcloud_sold_names[p->kind], *p->item ? " " : "",
                        p->item, *p->location ? " in " : "", p->location);
}

/* -- reading ---------------------------------------------------------------------------------- */

/* `shown` has the net amount. */
static enum err add(struct reading *r, struct hcloud_price price, const json_t *shown,
                    struct error *e)
{
    const char *text = json_get_text(shown, "net");
    if (r->out.count == HCLOUD_PRICES_MAX)
        return error_set(e, ERR_TOO_LARGE, "Hetzner told more than %d prices", HCLOUD_PRICES_MAX);
    if (!text || decimal_parse(str_from(text), &price.month_net) != DECIMAL_OK ||
        price.month_net < bounds[price.kind].min || price.month_net > bounds[price.kind].max)
        return error_set(e, ERR_CORRUPT,
                         "Hetzner's net price of a month of %s is \"%.64s\": not an amount with at "
                         "most four decimal places that such a thing can cost",
                         named(&price, r->arena), text ? text : "");
    r->out.prices[r->out.count++] = price;
    return OK;
}

/* `thing` is sold in several locations, for a price in each. */
static enum err add_everywhere(struct reading *r, enum hcloud_sold kind, const char *item,
                               const json_t *thing, struct error *e)
{
    size_t i;
    const json_t *shown;
    json_array_foreach (json_object_get(thing, "prices"), i, shown) {
        const char *location = arena_text(r->arena, json_get_text(shown, "location"));
        if (!location)
            return error_set(e, ERR_CORRUPT, "Hetzner told a price of %.64s without a location",
                             item);
        TRY(add(r, (struct hcloud_price){.kind = kind, .item = item, .location = location},
                json_object_get(shown, "price_monthly"), e));
    }
    return OK;
}

static enum err read_servers(struct reading *r, const json_t *pricing, struct error *e)
{
    size_t i;
    const json_t *type;
    json_array_foreach (json_object_get(pricing, "server_types"), i, type) {
        const char *name = arena_text(r->arena, json_get_text(type, "name"));
        if (!name)
            return error_set(e, ERR_CORRUPT, "Hetzner told prices of a server without its type");
        TRY(add_everywhere(r, HCLOUD_SERVER, name, type, e));
    }
    return OK;
}

static enum err read_addresses(struct reading *r, const json_t *pricing, struct error *e)
{
    size_t i;
    const json_t *address;
    json_array_foreach (json_object_get(pricing, "primary_ips"), i, address) {
        if (text_eq(json_get_text(address, "type"), IPV4))
            TRY(add_everywhere(r, HCLOUD_PRIMARY_IP, IPV4, address, e));
    }
    return OK;
}

/* Every kind is there, and nothing twice. */
static enum err check(struct reading *r, struct error *e)
{
    struct hcloud_price *p = r->out.prices;
    bool seen[ARRAY_LEN(bounds)] = {false};
    qsort(p, r->out.count, sizeof(*p), compare);
    for (size_t i = 0; i < r->out.count; i++) {
        seen[p[i].kind] = true;
        if (i > 0 && compare(&p[i - 1], &p[i]) == 0)
            return error_set(e, ERR_CORRUPT, "Hetzner told two prices of %s",
                             named(&p[i], r->arena));
    }
    for (size_t kind = 0; kind < ARRAY_LEN(seen); kind++) {
        if (!seen[kind])
            return error_set(e, ERR_CORRUPT, "Hetzner's price list has no %s",
                             hcloud_sold_names[kind]);
    }
    return OK;
}

enum err hcloud_pricing_get(struct cloud *cloud, struct arena *arena, struct hcloud_pricing *ret,
                            struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_GET, "/pricing", NULL, arena, &body, e));
    const json_t *pricing = json_object_get(body, "pricing");
    const json_t *volume = json_object_get(pricing, "volume");
    struct reading r = {arena, {.currency = arena_text(arena, json_get_text(pricing, "currency"))}};
    if (!r.out.currency)
        return error_set(e, ERR_CORRUPT, "Hetzner's price list does not say its currency");
    r.out.prices = arena_new_array(arena, HCLOUD_PRICES_MAX, struct hcloud_price);
    TRY(read_servers(&r, pricing, e));
    TRY(read_addresses(&r, pricing, e));
    TRY(add(&r, (struct hcloud_price){.kind = HCLOUD_VOLUME_GB, .item = "", .location = ""},
            json_object_get(volume, "price_per_gb_month"), e));
    TRY(check(&r, e));
    *ret = r.out;
    return OK;
}

const struct hcloud_price *hcloud_price_of(const struct hcloud_pricing *pricing,
                                           enum hcloud_sold kind, const char *item,
                                           const char *location)
{
    const struct hcloud_price wanted = {.kind = kind, .item = item, .location = location};
    return bsearch(&wanted, pricing->prices, pricing->count, sizeof(wanted), compare);
}
