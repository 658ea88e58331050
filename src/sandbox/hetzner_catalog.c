/*
 * What Hetzner sells. Monthly net prices in euro without the IPv4 address, as of 2026-11, from the
 * published price list; hours cost a 624th of the month, which is how the published hourly prices
 * relate to the monthly ones.
 */
#include "sandbox/hetzner.h"
#include "sandbox/settings.h"

#include "base/decimal.h"

#define EUR(cents)      ((decimal)(cents)*100)
#define GROSS_FACTOR    11900 /* 19 % VAT */
#define HOURS_PER_MONTH 624
#define TB              INT64_C(1099511627776)

enum zone { ZONE_EU, ZONE_US, ZONE_SIN, ZONES };

struct hetzner_location {
    int64_t id;
    const char *name, *description, *country, *city;
    double latitude, longitude;
    const char *network_zone;
    enum zone zone;
};

static const struct hetzner_location locations[] = {
    {1, "fsn1", "Falkenstein DC Park 1", "DE", "Falkenstein", 50.47612, 12.370071, "eu-central",
     ZONE_EU},
    {2, "nbg1", "Nuremberg DC Park 1", "DE", "Nuremberg", 49.452102, 11.076665, "eu-central",
     ZONE_EU},
    {3, "hel1", "Helsinki DC Park 1", "FI", "Helsinki", 60.169855, 24.938379, "eu-central",
     ZONE_EU},
    {4, "ash", "Ashburn, VA", "US", "Ashburn, VA", 39.045821, -77.487073, "us-east", ZONE_US},
    {5, "hil", "Hillsboro, OR", "US", "Hillsboro, OR", 45.54222, -122.951924, "us-west", ZONE_US},
    {6, "sin", "Singapore", "SG", "Singapore", 1.283333, 103.833333, "ap-southeast", ZONE_SIN},
};

struct hetzner_type {
    int64_t id;
    const char *name;
    int cores, memory_gb, disk_gb;
    const char *category, *cpu_type, *architecture;
    decimal monthly[ZONES]; /* 0: not sold there */
};

#define CX(...)  __VA_ARGS__, "cost_optimized", "shared", "x86"
#define CAX(...) __VA_ARGS__, "cost_optimized", "shared", "arm"
#define CPX(...) __VA_ARGS__, "regular_purpose", "shared", "x86"
#define CCX(...) __VA_ARGS__, "general_purpose", "dedicated", "x86"

static const struct hetzner_type types[] = {
    {22, "cpx11", CPX(2, 2, 40), {0, EUR(1749), 0}},
    {23, "cpx21", CPX(3, 4, 80), {0, EUR(3199), 0}},
    {24, "cpx31", CPX(4, 8, 160), {0, EUR(6249), 0}},
    {25, "cpx41", CPX(8, 16, 240), {0, EUR(12049), 0}},
    {26, "cpx51", CPX(16, 32, 360), {0, EUR(23799), 0}},
    {45, "cax11", CAX(2, 4, 40), {EUR(599), 0, 0}},
    {93, "cax21", CAX(4, 8, 80), {EUR(1049), 0, 0}},
    {94, "cax31", CAX(8, 16, 160), {EUR(2099), 0, 0}},
    {95, "cax41", CAX(16, 32, 320), {EUR(4099), 0, 0}},
    {96, "ccx13", CCX(2, 8, 80), {EUR(4299), 0, 0}},
    {97, "ccx23", CCX(4, 16, 160), {EUR(8599), 0, 0}},
    {98, "ccx33", CCX(8, 32, 240), {EUR(13849), 0, 0}},
    {99, "ccx43", CCX(16, 64, 360), {EUR(27599), 0, 0}},
    {100, "ccx53", CCX(32, 128, 600), {EUR(53349), 0, 0}},
    {101, "ccx63", CCX(48, 192, 960), {EUR(85349), 0, 0}},
    {108, "cpx12", CPX(1, 2, 40), {EUR(1149), 0, EUR(1549)}},
    {109, "cpx22", CPX(2, 4, 80), {EUR(1949), 0, EUR(2649)}},
    {110, "cpx32", CPX(4, 8, 160), {EUR(3549), 0, 0}},
    {111, "cpx42", CPX(8, 16, 320), {EUR(6949), 0, 0}},
    {112, "cpx52", CPX(12, 24, 480), {EUR(10049), 0, 0}},
    {113, "cpx62", CPX(16, 32, 640), {EUR(12999), 0, 0}},
    {114, "cx23", CX(2, 4, 40), {EUR(549), 0, 0}},
    {115, "cx33", CX(4, 8, 80), {EUR(849), 0, 0}},
    {116, "cx43", CX(8, 16, 160), {EUR(1599), 0, 0}},
    {117, "cx53", CX(16, 32, 320), {EUR(2949), 0, 0}},
};

/* What is not a server; net, in euro. */
static const decimal primary_ipv4_monthly = EUR(50);
static const decimal floating_ipv4_monthly = EUR(300);
static const decimal floating_ipv6_monthly = EUR(100);
static const decimal snapshot_gb_monthly = 143;
static const decimal volume_gb_monthly = 572;
static const decimal traffic_tb[ZONES] = {EUR(100), EUR(100), EUR(740)};
static const int64_t included_traffic[ZONES] = {20 * TB, 1 * TB, TB / 2};

/* -- finding ---------------------------------------------------------------------------------- */

static bool is_called(const char *text, int64_t id, const char *name)
{
    int64_t number;
    return text_eq(text, name) || (str_to_i64(str_from(text), &number) && number == id);
}

const struct hetzner_location *hetzner_location_find(const char *name_or_id)
{
    for (size_t i = 0; i < ARRAY_LEN(locations); i++) {
        if (is_called(name_or_id, locations[i].id, locations[i].name))
            return &locations[i];
    }
    return NULL;
}

const struct hetzner_type *hetzner_type_find(const char *name_or_id)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (is_called(name_or_id, types[i].id, types[i].name))
            return &types[i];
    }
    return NULL;
}

const char *hetzner_location_name(const struct hetzner_location *location)
{
    return location->name;
}

const char *hetzner_type_name(const struct hetzner_type *type)
{
    return type->name;
}

int64_t hetzner_type_disk_gb(const struct hetzner_type *type)
{
    return type->disk_gb;
}

bool hetzner_type_is_sold_in(const struct hetzner_type *type,
                             const struct hetzner_location *location)
{
    return type->monthly[location->zone] != 0;
}

bool hetzner_types_are_alike(const struct hetzner_type *a, const struct hetzner_type *b)
{
    return text_eq(a->architecture, b->architecture);
}

const char *hetzner_type_architecture(const struct hetzner_type *type)
{
    return type->architecture;
}

enum err hetzner_check_availability(struct call *c, const struct hetzner_type *type,
                                    const struct hetzner_location *location)
{
    const json_t *set = settings_availability(c, type->name, location->name);
    if (json_is_false(json_object_get(set, "available")))
        return call_refuse(c, 412, "resource_unavailable", "server type %s is sold out in %s",
                           type->name, location->name);
    return OK;
}

int64_t hetzner_included_traffic(const struct hetzner_location *location)
{
    return included_traffic[location->zone];
}

/* -- as JSON ---------------------------------------------------------------------------------- */

static json_t *amount(decimal value)
{
    char text[DECIMAL_TEXT_MAX];
    return json_string(decimal_text(value, text));
}

static json_t *price(decimal net)
{
    return json_packed("{s:o, s:o}", "net", amount(net), "gross",
                       amount(decimal_mul(net, GROSS_FACTOR)));
}

static json_t *hourly(decimal monthly_net)
{
    return price(decimal_div(monthly_net, HOURS_PER_MONTH * (decimal)DECIMAL_ONE));
}

static json_t *type_prices(const struct hetzner_type *t)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(locations); i++) {
        enum zone zone = locations[i].zone;
        if (t->monthly[zone] == 0)
            continue;
        json_push(list, json_packed("{s:s, s:o, s:o, s:I, s:o}", "location", locations[i].name,
                                    "price_hourly", hourly(t->monthly[zone]), "price_monthly",
                                    price(t->monthly[zone]), "included_traffic",
                                    (json_int_t)included_traffic[zone], "price_per_tb_traffic",
                                    price(traffic_tb[zone])));
    }
    return list;
}

static json_t *type_locations(const struct call *c, const struct hetzner_type *t)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(locations); i++) {
        if (t->monthly[locations[i].zone] == 0)
            continue;
        json_t *shown =
            json_packed("{s:I, s:s, s:n, s:b, s:b}", "id", (json_int_t)locations[i].id, "name",
                        locations[i].name, "deprecation", "recommended", 1, "available", 1);
        json_t *set = (json_t *)(uintptr_t)settings_availability(c, t->name, locations[i].name);
        if (json_is_object(set))
            BUG_ON(json_object_update_existing(shown, set) != 0);
        json_push(list, shown);
    }
    return list;
}

json_t *hetzner_type_json(const struct call *c, const struct hetzner_type *t)
{
    return json_packed("{s:I, s:s, s:s, s:i, s:f, s:i, s:b, s:n, s:o, s:s, s:s, s:s, s:s, s:o}",
                       "id", (json_int_t)t->id, "name", t->name, "description", t->name, "cores",
                       t->cores, "memory", (double)t->memory_gb, "disk", t->disk_gb, "deprecated",
                       0, "deprecation", "prices", type_prices(t), "storage_type", "local",
                       "cpu_type", t->cpu_type, "category", t->category, "architecture",
                       t->architecture, "locations", type_locations(c, t));
}

json_t *hetzner_location_json(const struct hetzner_location *l)
{
    return json_packed("{s:I, s:s, s:s, s:s, s:s, s:f, s:f, s:s}", "id", (json_int_t)l->id, "name",
                       l->name, "description", l->description, "country", l->country, "city",
                       l->city, "latitude", l->latitude, "longitude", l->longitude, "network_zone",
                       l->network_zone);
}

/* -- operations ------------------------------------------------------------------------------- */

enum err hetzner_location_list(struct call *c, struct error *e)
{
    (void)e;
    _cleanup_json_ json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(locations); i++) {
        if (hetzner_query_allows(c, "name", locations[i].name))
            json_push(list, hetzner_location_json(&locations[i]));
    }
    return hetzner_list_answer(c, "locations", list);
}

static enum err not_found(struct call *c, const char *what)
{
    return call_refuse(c, 404, "not_found", "%s with ID '%s' not found", what,
                       http_param(c->request, "id"));
}

enum err hetzner_location_get(struct call *c, struct error *e)
{
    (void)e;
    const struct hetzner_location *l = hetzner_location_find(http_param(c->request, "id"));
    return l ? call_answer(c, 200, json_packed("{s:o}", "location", hetzner_location_json(l)))
             : not_found(c, "location");
}

enum err hetzner_type_list(struct call *c, struct error *e)
{
    (void)e;
    _cleanup_json_ json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (hetzner_query_allows(c, "name", types[i].name))
            json_push(list, hetzner_type_json(c, &types[i]));
    }
    return hetzner_list_answer(c, "server_types", list);
}

enum err hetzner_type_get(struct call *c, struct error *e)
{
    (void)e;
    const struct hetzner_type *t = hetzner_type_find(http_param(c->request, "id"));
    return t ? call_answer(c, 200, json_packed("{s:o}", "server_type", hetzner_type_json(c, t)))
             : not_found(c, "server type");
}

static json_t *primary_ip_prices(decimal monthly)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(locations); i++)
        json_push(list,
                  json_packed("{s:s, s:o, s:o}", "location", locations[i].name, "price_hourly",
                              hourly(monthly), "price_monthly", price(monthly)));
    return list;
}

static json_t *floating_ip_prices(decimal monthly)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(locations); i++)
        json_push(list, json_packed("{s:s, s:o}", "location", locations[i].name, "price_monthly",
                                    price(monthly)));
    return list;
}

enum err hetzner_pricing(struct call *c, struct error *e)
{
    (void)e;
    json_t *server_types = json_array();
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        json_push(server_types,
                  json_packed("{s:I, s:s, s:o}", "id", (json_int_t)types[i].id, "name",
                              types[i].name, "prices", type_prices(&types[i])));
    json_t *pricing =
        json_packed("{s:s, s:s, s:{s:s}, s:[]}", "currency", "EUR", "vat_rate", "19.00",
                    "server_backup", "percentage", "20.00", "load_balancer_types");
    json_put(pricing, "server_types", server_types);
    json_put(pricing, "image",
             json_packed("{s:o}", "price_per_gb_month", price(snapshot_gb_monthly)));
    json_put(pricing, "volume",
             json_packed("{s:o}", "price_per_gb_month", price(volume_gb_monthly)));
    json_put(pricing, "floating_ip",
             json_packed("{s:o}", "price_monthly", price(floating_ipv4_monthly)));
    json_put(pricing, "primary_ips",
             json_packed("[{s:s, s:o}, {s:s, s:o}]", "type", "ipv4", "prices",
                         primary_ip_prices(primary_ipv4_monthly), "type", "ipv6", "prices",
                         primary_ip_prices(0)));
    json_put(pricing, "floating_ips",
             json_packed("[{s:s, s:o}, {s:s, s:o}]", "type", "ipv4", "prices",
                         floating_ip_prices(floating_ipv4_monthly), "type", "ipv6", "prices",
                         floating_ip_prices(floating_ipv6_monthly)));
    return call_answer(c, 200, json_packed("{s:o}", "pricing", pricing));
}
