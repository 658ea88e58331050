#include "domain/facts/facts.h"

#include "facts.sql.h"

#define REGION_BITS 4
#define REGION_MASK 15

#define COLUMN(type, member)                                                                       \
    {                                                                                              \
#member, type, offsetof(struct facts, member)                                              \
    }

const struct field facts_fields[] = {
    COLUMN(FIELD_TEXT, customer_id),  COLUMN(FIELD_INT, active),
    COLUMN(FIELD_INT, plan),          COLUMN(FIELD_DECIMAL, price),
    COLUMN(FIELD_DECIMAL, budget),    COLUMN(FIELD_DECIMAL, latency),
    COLUMN(FIELD_INT, vehicles_told), COLUMN(FIELD_INT, users_told),
    COLUMN(FIELD_INT, compliance),    COLUMN(FIELD_INT, regions),
    COLUMN(FIELD_INT, mode),          COLUMN(FIELD_TIME, mode_since),
    COLUMN(FIELD_TIME, moved_at),     COLUMN(FIELD_TIME, measured_at),
    COLUMN(FIELD_INT, vehicles),      COLUMN(FIELD_INT, gps_points),
    COLUMN(FIELD_INT, api_calls),     COLUMN(FIELD_INT, storage_bytes),
    COLUMN(FIELD_INT, users),         COLUMN(FIELD_INT, peak_users),
    COLUMN(FIELD_INT, response_us),   COLUMN(FIELD_INT, p95_us),
    COLUMN(FIELD_INT, p99_us),        COLUMN(FIELD_DECIMAL, error_rate),
    COLUMN(FIELD_DECIMAL, cpu),       COLUMN(FIELD_DECIMAL, growth),
    COLUMN(FIELD_INT, regions_used),  FIELD_END,
};

int64_t regions_pack(const uint8_t *regions, size_t count)
{
    int64_t packed = 0;
    BUG_ON(count > GEOGRAPHY_COUNT);
    for (size_t i = 0; i < count; i++)
        packed |= (int64_t)(regions[i] + 1) << (REGION_BITS * i);
    return packed;
}

size_t regions_unpack(int64_t packed, uint8_t ret_regions[GEOGRAPHY_COUNT])
{
    size_t count = 0;
    for (; count < GEOGRAPHY_COUNT; packed >>= REGION_BITS) {
        int64_t region = (packed & REGION_MASK) - 1;
        if (region < 0 || region >= GEOGRAPHY_COUNT)
            break;
        ret_regions[count++] = (uint8_t)region;
    }
    return count;
}

static int64_t first_given(int64_t a, int64_t b)
{
    return a != INT_ABSENT ? a : b;
}

void facts_profile(const struct facts *facts, struct profile *ret_profile,
                   struct decide_context *ret_context)
{
    struct profile p = profile_defaults(facts->price);
    p.budget = first_given(facts->budget, p.budget);
    p.latency = first_given(facts->latency, p.latency);
    p.vehicle_count = first_given(facts->vehicles, facts->vehicles_told);
    p.peak_users = first_given(facts->peak_users, facts->users_told);
    p.compliance_given = facts->compliance != INT_ABSENT;
    p.compliance = p.compliance_given ? (uint32_t)facts->compliance : 0;
    int64_t regions = first_given(facts->regions_used, facts->regions);
    if (regions != INT_ABSENT) {
        memset(p.regions, 0, sizeof(p.regions));
        p.region_count = (uint8_t)regions_unpack(regions, p.regions);
    }
    *ret_profile = p;
    *ret_context = (struct decide_context){.subscribed = (enum plan)facts->plan};
}

enum err facts_set_told(struct db_tx *tx, const char *customer_id, enum plan plan, decimal price,
                        const struct profile *told, struct error *e)
{
    int64_t compliance = told->compliance_given ? (int64_t)told->compliance : INT_ABSENT;
    int64_t regions =
        told->regions_given ? regions_pack(told->regions, told->region_count) : INT_ABSENT;
    return db_exec(tx, &facts_put_told,
                   DB_ARGS(db_text(customer_id), db_int(plan), db_int(price), db_int(told->budget),
                           db_int(told->latency), db_int(told->vehicle_count),
                           db_int(told->peak_users), db_int(compliance), db_int(regions)),
                   NULL, e);
}

static enum err unknown(const char *customer_id, struct error *e)
{
    return error_set(e, ERR_NOT_FOUND, "there are no facts about customer %.100s", customer_id);
}

enum err facts_set_active(struct db_tx *tx, const char *customer_id, bool active, struct error *e)
{
    int64_t changes;
    TRY(db_exec(tx, &facts_put_active, DB_ARGS(db_text(customer_id), db_int(active)), &changes, e));
    return changes ? OK : unknown(customer_id, e);
}

enum err facts_set_place(struct db_tx *tx, const char *customer_id, enum mode mode, int64_t since,
                         bool moved, struct error *e)
{
    int64_t changes, moved_at = moved ? since : INT_ABSENT;
    TRY(db_exec(tx, &facts_put_place,
                DB_ARGS(db_text(customer_id), db_int(mode), db_int(since), db_int(moved_at)),
                &changes, e));
    return changes ? OK : unknown(customer_id, e);
}

enum err facts_find(struct db_tx *tx, const char *customer_id, struct arena *arena,
                    struct facts *ret_facts, struct error *e)
{
    enum err err =
        db_get(tx, &facts_of, DB_ARGS(db_text(customer_id)), facts_fields, arena, ret_facts, e);
    return err == ERR_NOT_FOUND ? unknown(customer_id, e) : err;
}
