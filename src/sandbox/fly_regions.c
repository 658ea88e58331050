#include "sandbox/fly.h"

struct region {
    const char *code, *name, *geo;
    double latitude, longitude;
    bool has_gateway, has_postgres;
};

static const struct region regions[] = {
    {"ams", "Amsterdam, Netherlands", "europe", 52.37, 4.90, true, true},
    {"arn", "Stockholm, Sweden", "europe", 59.33, 18.07, false, false},
    {"bom", "Mumbai, India", "asia_pacific", 19.08, 72.88, false, false},
    {"cdg", "Paris, France", "europe", 48.86, 2.35, true, false},
    {"dfw", "Dallas, Texas (US)", "north_america", 32.78, -96.80, true, false},
    {"ewr", "Secaucus, NJ (US)", "north_america", 40.79, -74.06, false, false},
    {"fra", "Frankfurt, Germany", "europe", 50.11, 8.68, true, true},
    {"gru", "Sao Paulo, Brazil", "south_america", -23.55, -46.63, false, true},
    {"iad", "Ashburn, Virginia (US)", "north_america", 39.02, -77.54, true, true},
    {"jnb", "Johannesburg, South Africa", "africa", -26.20, 28.05, false, false},
    {"lax", "Los Angeles, California (US)", "north_america", 34.05, -118.24, true, true},
    {"lhr", "London, United Kingdom", "europe", 51.51, -0.13, true, true},
    {"nrt", "Tokyo, Japan", "asia_pacific", 35.62, 139.75, true, true},
    {"ord", "Chicago, Illinois (US)", "north_america", 41.89, -87.62, true, true},
    {"sin", "Singapore, Singapore", "asia_pacific", 1.28, 103.83, true, true},
    {"sjc", "San Jose, California (US)", "north_america", 37.35, -121.96, true, true},
    {"syd", "Sydney, Australia", "asia_pacific", -33.87, 151.21, true, true},
    {"yyz", "Toronto, Canada", "north_america", 43.68, -79.63, true, true},
};

static const struct region *find(const char *code)
{
    for (size_t i = 0; i < ARRAY_LEN(regions); i++) {
        if (text_eq(regions[i].code, code))
            return &regions[i];
    }
    return NULL;
}

bool fly_region_is_known(const char *code)
{
    return find(code);
}

bool fly_region_has_postgres(const char *code)
{
    const struct region *r = find(code);
    return r && r->has_postgres;
}

enum err fly_region_list(struct call *c, struct error *e)
{
    (void)e;
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(regions); i++) {
        const struct region *r = &regions[i];
        json_push(list, json_packed("{s:s, s:s, s:f, s:f, s:b, s:b, s:b, s:s, s:b}", "code",
                                    r->code, "name", r->name, "latitude", r->latitude, "longitude",
                                    r->longitude, "gateway_available", r->has_gateway,
                                    "requires_paid_plan", 0, "deprecated", 0, "geo_region", r->geo,
                                    "mpg_available", r->has_postgres));
    }
    return call_answer(c, 200, json_packed("{s:s, s:o}", "nearest", "iad", "regions", list));
}

struct placement_input {
    const char *org_slug, *region, *volume_name, *others[2];
    int64_t count, volume_size_bytes;
};

static const struct field placement_fields[] = {
    {"org_slug", FIELD_TEXT, offsetof(struct placement_input, org_slug), .required = true},
    {"region", FIELD_TEXT, offsetof(struct placement_input, region)},
    {"count", FIELD_INT, offsetof(struct placement_input, count), .min = 1, .max = 1000},
    {"volume_name", FIELD_TEXT, offsetof(struct placement_input, volume_name)},
    {"volume_size_bytes", FIELD_INT, offsetof(struct placement_input, volume_size_bytes)},
    {"compute", FIELD_JSON, offsetof(struct placement_input, others[0])},
    {"weights", FIELD_JSON, offsetof(struct placement_input, others[1])},
    FIELD_END,
};

/* There is always room for what is asked, in the region wanted or everywhere. */
enum err fly_placement_list(struct call *c, struct error *e)
{
    (void)e;
    struct placement_input in;
    record_clear(placement_fields, &in);
    TRY(call_decode(c, placement_fields, &in));
    if (in.region && !text_eq(in.region, "any") && !find(in.region))
        return call_refuse(c, 400, NULL, "invalid_argument: region %s is not known", in.region);
    int64_t count = in.count == INT_ABSENT ? 1 : in.count;
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(regions); i++) {
        if (!in.region || text_eq(in.region, "any") || text_eq(in.region, regions[i].code))
            json_push(list, json_packed("{s:s, s:I, s:i}", "region", regions[i].code, "count",
                                        (json_int_t)count, "concurrency", 1));
    }
    return call_answer(c, 200, json_packed("{s:o}", "regions", list));
}
