#include "domain/placement/costs.h"

#include "domain/placement/files.h"
#include "domain/placement/profile.h"
#include "infra/config/yaml.h"

/* Bounds that keep the largest sum (a billion vehicles) inside a decimal. */
#define MONEY    .type = FIELD_DECIMAL, .required = true, .max = INT64_C(100000) * DECIMAL_ONE
#define PER_GB   .type = FIELD_DECIMAL, .required = true, .max = INT64_C(10) * DECIMAL_ONE
#define GB       .type = FIELD_DECIMAL, .required = true, .max = INT64_C(10) * DECIMAL_ONE
#define QUANTITY .type = FIELD_INT, .required = true, .min = 1, .max = 1000

#define REGION_OFFSET(geography) ((geography) * sizeof(decimal))

static const struct field fly_fields[] = {
    {"iad", MONEY, .offset = REGION_OFFSET(GEOGRAPHY_US)},
    {"fra", MONEY, .offset = REGION_OFFSET(GEOGRAPHY_EU)},
    {"sin", MONEY, .offset = REGION_OFFSET(GEOGRAPHY_APAC)},
    FIELD_END,
};

static const struct field hetzner_fields[] = {
    {"ash", MONEY, .offset = REGION_OFFSET(GEOGRAPHY_US)},
    {"fsn1", MONEY, .offset = REGION_OFFSET(GEOGRAPHY_EU)},
    {"sin", MONEY, .offset = REGION_OFFSET(GEOGRAPHY_APAC)},
    FIELD_END,
};

static const struct field dedicated_fields[] = {
    {"machines_per_region", QUANTITY,
     .offset = offsetof(struct dedicated_prices, machines_per_region)},
    {"machine_month", FIELD_OBJECT, offsetof(struct dedicated_prices, machine_month),
     .required = true, .fields = fly_fields},
    {"machine_volume_gb", QUANTITY, .offset = offsetof(struct dedicated_prices, machine_volume_gb)},
    {"database_month", FIELD_OBJECT, offsetof(struct dedicated_prices, database_month),
     .required = true, .fields = fly_fields},
    FIELD_END,
};

static const struct field multi_fields[] = {
    {"host_month_eur", FIELD_OBJECT, offsetof(struct prices, multi_tenant.host_month_eur),
     .required = true, .fields = hetzner_fields},
    {"customers_per_host", FIELD_INT, offsetof(struct prices, multi_tenant.customers_per_host),
     .required = true, .min = 1, .max = 10000},
    {"ipv4_month_eur", MONEY, .offset = offsetof(struct prices, multi_tenant.ipv4_month_eur)},
    {"volume_gb_month_eur", PER_GB,
     .offset = offsetof(struct prices, multi_tenant.volume_gb_month_eur)},
    FIELD_END,
};

#define DEDICATED(plan)                                                                            \
    {                                                                                              \
#plan, FIELD_OBJECT, offsetof(struct prices, single_tenant.plan),                          \
            .required = true, .fields = dedicated_fields                                           \
    }

static const struct field single_fields[] = {
    {"ipv4_month", MONEY, .offset = offsetof(struct prices, single_tenant.ipv4_month)},
    {"volume_gb_month", PER_GB, .offset = offsetof(struct prices, single_tenant.volume_gb_month)},
    DEDICATED(starter),
    DEDICATED(professional),
    DEDICATED(business),
    FIELD_END,
};

static const struct field prices_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct prices, name), .required = true, .max_len = 64},
    {"eur_usd", FIELD_DECIMAL, offsetof(struct prices, eur_usd), .required = true, .min = 1,
     .max = 10 * DECIMAL_ONE},
    {"storage_gb_base", MONEY, .offset = offsetof(struct prices, storage_gb_base)},
    {"storage_gb_per_vehicle", GB, .offset = offsetof(struct prices, storage_gb_per_vehicle)},
    {"multi_tenant", FIELD_OBJECT, 0, .required = true, .fields = multi_fields},
    {"single_tenant", FIELD_OBJECT, 0, .required = true, .fields = single_fields},
    FIELD_END,
};

const struct field shared_price_fields[] = {
    {"location", FIELD_TEXT, offsetof(struct shared_price, location)},
    {"server_type", FIELD_TEXT, offsetof(struct shared_price, server_type)},
    {"host_month_eur", FIELD_DECIMAL, offsetof(struct shared_price, host_month_eur)},
    {"ipv4_month_eur", FIELD_DECIMAL, offsetof(struct shared_price, ipv4_month_eur)},
    {"volume_gb_month_eur", FIELD_DECIMAL, offsetof(struct shared_price, volume_gb_month_eur)},
    {"slots", FIELD_INT, offsetof(struct shared_price, slots)},
    {"read_at", FIELD_TIME, offsetof(struct shared_price, read_at)},
    FIELD_END,
};

struct prices *prices_parse(struct str text, struct problems *problems)
{
    size_t before = problems->count + problems->dropped;
    struct yaml_doc *doc = yaml_parse(text, problems);
    if (!doc)
        return NULL;
    struct prices *p = calloc(1, sizeof(*p));
    BUG_ON(!p);
    (void)json_decode(prices_fields, yaml_root(doc), "", yaml_source(doc), &p->arena, p, problems);
    yaml_doc_free(doc);
    (void)sha256_hex(text, p->sha256);
    if (problems->count + problems->dropped == before) /* yaml_parse() adds repeated keys */
        return p;
    prices_free(p);
    return NULL;
}

struct prices *prices_builtin(void)
{
    const struct embedded_file *f = placement_files;
    while (f->name && strcmp(f->name, "prices") != 0)
        f++;
    BUG_ON(!f->name);
    _cleanup_arena_ struct arena arena = {0};
    struct problems problems = {.arena = &arena};
    struct prices *p = prices_parse((struct str){f->bytes, f->len}, &problems);
    BUG_ON(!p); /* a unit test parses the table in the binary */
    return p;
}

void prices_free(struct prices *p)
{
    if (!p)
        return;
    arena_release(&p->arena);
    free(p);
}

const struct prices *prices_over(const struct prices *table,
                                 const struct shared_price over[GEOGRAPHY_COUNT],
                                 struct arena *arena)
{
    struct prices *p = arena_new(arena, struct prices);
    for (int g = 0; g < GEOGRAPHY_COUNT; g++)
        BUG_ON(over[g].slots < 1 || over[g].host_month_eur < 0);
    *p = *table;
    p->over = over;
    p->arena = (struct arena){0}; /* what is in it stays the table's */
    return p;
}

struct shared_price prices_shared(const struct prices *p, enum geography geography)
{
    if (p->over)
        return p->over[geography];
    return (struct shared_price){
        .location = region_name(HETZNER, geography),
        .host_month_eur = p->multi_tenant.host_month_eur[geography],
        .ipv4_month_eur = p->multi_tenant.ipv4_month_eur,
        .volume_gb_month_eur = p->multi_tenant.volume_gb_month_eur,
        .slots = p->multi_tenant.customers_per_host,
        .read_at = INT_ABSENT,
    };
}

static decimal slot_eur(const struct shared_price *shared)
{
    return decimal_div(shared->host_month_eur + shared->ipv4_month_eur,
                       shared->slots * DECIMAL_ONE);
}

decimal price_slot_month(const struct prices *p, const struct shared_price *shared)
{
    return decimal_mul(slot_eur(shared), p->eur_usd);
}

static decimal storage_gb(const struct prices *p, int64_t vehicle_count)
{
    int64_t vehicles = vehicle_count < 0 ? 0 : vehicle_count; /* absent is negative */
    vehicles = vehicles > PROFILE_VALUE_MAX ? PROFILE_VALUE_MAX : vehicles;
    return p->storage_gb_base + vehicles * p->storage_gb_per_vehicle;
}

static decimal shared_cost(const struct prices *p, enum geography main_region, decimal gb)
{
    struct shared_price shared = prices_shared(p, main_region);
    decimal storage = decimal_mul(gb, shared.volume_gb_month_eur);
    return decimal_mul(slot_eur(&shared) + storage, p->eur_usd);
}

static const struct dedicated_prices *dedicated(const struct prices *p, enum plan plan)
{
    switch (plan) {
    case PLAN_STARTER:
        return &p->single_tenant.starter;
    case PLAN_PROFESSIONAL:
        return &p->single_tenant.professional;
    case PLAN_BUSINESS:
        return &p->single_tenant.business;
    default:
        BUG_ON(true);
    }
}

static decimal dedicated_cost(const struct prices *p, const struct placement *at, decimal gb)
{
    const struct dedicated_prices *plan = dedicated(p, at->plan);
    decimal gb_month = p->single_tenant.volume_gb_month;
    decimal sum = p->single_tenant.ipv4_month + plan->database_month[at->regions[0]] +
                  decimal_mul(gb, gb_month);
    for (size_t i = 0; i < at->region_count; i++) {
        decimal machine = plan->machine_month[at->regions[i]] + plan->machine_volume_gb * gb_month;
        sum += plan->machines_per_region * machine;
    }
    return sum;
}

decimal cost_monthly(const struct prices *prices, const struct placement *placement,
                     int64_t vehicle_count)
{
    BUG_ON(placement->region_count == 0);
    decimal gb = storage_gb(prices, vehicle_count);
    return decimal_round_cents(placement->mode == MULTI_TENANT
                                   ? shared_cost(prices, (enum geography)placement->regions[0], gb)
                                   : dedicated_cost(prices, placement, gb));
}
