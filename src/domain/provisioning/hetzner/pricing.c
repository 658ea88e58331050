#include "domain/provisioning/hetzner/pricing.h"

#include "domain/provisioning/hetzner/client.h"

/* A month of one server: more is a mistake of somebody's, and nothing is given away. */
#define MONTH_MAX (INT64_C(100000) * DECIMAL_ONE)

static enum err read_amount(const char *text, const struct hcloud_price *of, decimal *ret,
                            struct error *e)
{
    decimal amount;
    if (!text || decimal_parse(str_from(text), &amount) != DECIMAL_OK || amount <= 0 ||
        amount > MONTH_MAX)
        return error_set(e, ERR_CORRUPT,
                         "Hetzner's net price of a month of %s in %s is \"%s\": not an amount with "
                         "at most four decimal places, over 0 and up to 100000",
                         of->server_type, of->location, text ? text : "");
    *ret = amount;
    return OK;
}

static enum err read_price(json_t *shown, const char *type, struct arena *arena,
                           struct hcloud_pricing *out, struct error *e)
{
    json_t *month = json_object_get(shown, "price_monthly");
    struct hcloud_price price = {
        .server_type = type,
        .location = arena_text(arena, json_get_text(shown, "location")),
    };
    if (!price.location)
        return error_set(e, ERR_CORRUPT, "Hetzner told a price of %s without a location", type);
    TRY(read_amount(json_get_text(month, "net"), &price, &price.month_net, e));
    out->prices[out->count++] = price;
    return OK;
}

static enum err read_type(json_t *shown, struct arena *arena, struct hcloud_pricing *out,
                          struct error *e)
{
    const char *type = arena_text(arena, json_get_text(shown, "name"));
    size_t i;
    json_t *price;
    if (!type)
        return error_set(e, ERR_CORRUPT, "Hetzner told prices of a server type without a name");
    json_array_foreach (json_object_get(shown, "prices"), i, price)
        TRY(read_price(price, type, arena, out, e));
    return OK;
}

static size_t count_prices(json_t *types)
{
    size_t i, count = 0;
    json_t *type;
    json_array_foreach (types, i, type)
        count += json_array_size(json_object_get(type, "prices"));
    return count;
}

enum err hcloud_pricing_get(struct cloud *cloud, struct arena *arena, struct hcloud_pricing *ret,
                            struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_GET, "/pricing", NULL, arena, &body, e));
    json_t *pricing = json_object_get(body, "pricing");
    json_t *types = json_object_get(pricing, "server_types"), *type;
    struct hcloud_pricing out = {.currency = arena_text(arena, json_get_text(pricing, "currency"))};
    size_t i, count = count_prices(types);
    if (!out.currency || count == 0)
        return error_set(e, ERR_CORRUPT, "Hetzner's price list has no currency or no server types");
    if (count > HCLOUD_PRICES_MAX)
        return error_set(e, ERR_TOO_LARGE, "Hetzner told more than %d prices", HCLOUD_PRICES_MAX);
    out.prices = arena_new_array(arena, count, struct hcloud_price);
    json_array_foreach (types, i, type)
        TRY(read_type(type, arena, &out, e));
    *ret = out;
    return OK;
}
