#include "domain/provisioning/capacity.h"

#include "capacity.sql.h"
#include "domain/provisioning/host_order.h"
#include "domain/provisioning/location.h"
#include "domain/provisioning/slot.h"

#include <inttypes.h>

#define WAIT_FIRST_US   (60 * USEC_PER_SEC)
#define WAIT_DOUBLINGS  6 /* to about an hour */
#define FAILURES_UNHURT 1 /* the first failure may be bad luck */

const struct field capacity_fields[] = {
    {"location", FIELD_TEXT, offsetof(struct capacity, location), .required = true,
     .help = "where"},
    {"region", FIELD_TEXT, offsetof(struct capacity, region), .required = true,
     .help = "the region of that"},
    {"hosts", FIELD_INT, offsetof(struct capacity, hosts), .required = true,
     .help = "servers there"},
    {"hosts_max", FIELD_INT, offsetof(struct capacity, hosts_max), .required = true,
     .help = "servers that may be there"},
    {"slots", FIELD_INT, offsetof(struct capacity, slots), .required = true,
     .help = "on all of them"},
    {"slots_used", FIELD_INT, offsetof(struct capacity, slots_used), .required = true,
     .help = "slots that are taken"},
    {"free", FIELD_INT, offsetof(struct capacity, free), .required = true,
     .help = "slots that are free"},
    {"reserve", FIELD_INT, offsetof(struct capacity, reserve), .required = true,
     .help = "slots that are to be free"},
    {"shortfall", FIELD_INT, offsetof(struct capacity, shortfall), .required = true,
     .help = "free slots that are missing"},
    {"at_hosts_max", FIELD_BOOL, offsetof(struct capacity, at_hosts_max),
     .help = "whether hosts_max keeps it from being filled"},
    {"failures", FIELD_INT, offsetof(struct capacity, failures), .required = true,
     .help = "orders in a row that failed"},
    {"order_after", FIELD_TIME, offsetof(struct capacity, order_after),
     .help = "when the next order may be made"},
    FIELD_END,
};

/* What the database counts. */
struct counts {
    int64_t hosts, slots, slots_used, free, customers;
};

static const struct field counts_fields[] = {
    {"hosts", FIELD_INT, offsetof(struct counts, hosts)},
    {"slots", FIELD_INT, offsetof(struct counts, slots)},
    {"slots_used", FIELD_INT, offsetof(struct counts, slots_used)},
    {"free", FIELD_INT, offsetof(struct counts, free)},
    {"customers", FIELD_INT, offsetof(struct counts, customers)},
    FIELD_END,
};

struct failures {
    int64_t count, last_at;
};

static const struct field failures_fields[] = {
    {"failures", FIELD_INT, offsetof(struct failures, count)},
    {"last_at", FIELD_TIME, offsetof(struct failures, last_at)},
    FIELD_END,
};

static int64_t order_after(const struct failures *f)
{
    if (f->count <= FAILURES_UNHURT)
        return INT_ABSENT;
    int64_t doublings = f->count - FAILURES_UNHURT - 1;
    if (doublings > WAIT_DOUBLINGS)
        doublings = WAIT_DOUBLINGS;
    return f->last_at + (WAIT_FIRST_US << doublings);
}

static int64_t hosts_for(int64_t slots, int64_t slots_per_host)
{
    return (slots + slots_per_host - 1) / slots_per_host;
}

enum err capacity_of(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                     const char *location, struct arena *arena, struct capacity *ret,
                     struct error *e)
{
    struct counts n;
    struct failures f;
    TRY(db_get(
        tx, &capacity_counts,
        DB_ARGS(db_text(location), db_int(s->load_max), db_int(env_now(env) - LOAD_FRESH_US)),
        counts_fields, arena, &n, e));
    TRY(db_get(tx, &capacity_failures, DB_ARGS(db_text(location)), failures_fields, arena, &f, e));

    struct location_limits limits = location_limits(s, location);
    bool reserved = limits.reserve_always || n.customers > 0;
    struct capacity c = {
        .location = arena_text(arena, location),
        .region = location_region(location),
        .hosts = n.hosts,
        .hosts_max = limits.hosts_max,
        .slots = n.slots,
        .slots_used = n.slots_used,
        .free = n.free,
        .reserve = reserved ? limits.reserve_slots : 0,
        .failures = f.count,
        .order_after = order_after(&f),
    };
    c.shortfall = c.reserve > c.free ? c.reserve - c.free : 0;
    c.at_hosts_max = c.hosts + hosts_for(c.shortfall, s->slots_per_host) > c.hosts_max;
    *ret = c;
    return OK;
}

enum err capacity_list(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                       struct arena *arena, struct records *ret, struct error *e)
{
    struct texts locations = location_list(s, arena);
    struct capacity *items = arena_new_array(arena, locations.count + 1, struct capacity);
    for (size_t i = 0; i < locations.count; i++)
        TRY(capacity_of(tx, env, s, locations.items[i], arena, &items[i], e));
    *ret = (struct records){items, locations.count};
    return OK;
}

const char *capacity_forbids_order(const struct capacity *c, int64_t now, struct arena *arena)
{
    if (c->hosts >= c->hosts_max)
        return arena_printf(arena,
                            "location %s has all the hosts it may have (hosts_max %" PRId64
                            "): raise provisioning.hetzner.hosts_max",
                            c->location, c->hosts_max);
    if (c->order_after != INT_ABSENT && now < c->order_after) {
        char when[TIME_TEXT_MAX];
        return arena_printf(arena,
                            "the last %" PRId64 " orders for location %s failed, so the next one "
                            "waits until %s",
                            c->failures, c->location, time_text(c->order_after, when));
    }
    return NULL;
}

enum err capacity_fill(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                       const char *actor, const char *location, struct arena *arena,
                       struct capacity *ret, int64_t *ret_ordered, struct error *e)
{
    struct capacity c;
    TRY(capacity_of(tx, env, s, location, arena, &c, e));
    int64_t wanted = hosts_for(c.shortfall, s->slots_per_host);
    if (wanted > c.hosts_max - c.hosts)
        wanted = c.hosts_max - c.hosts;
    if (capacity_forbids_order(&c, env_now(env), arena))
        wanted = 0;
    struct host_wish wish = {.location = location};
    struct host host;
    for (int64_t i = 0; i < wanted; i++)
        TRY(host_order(tx, env, s, actor, &wish, arena, &host, e));
    *ret = c;
    *ret_ordered = wanted > 0 ? wanted : 0;
    return OK;
}
