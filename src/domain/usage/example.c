#include "domain/usage/example.h"

#include "domain/placement/vocabulary.h"
#include "example.sql.h"

#define CALLS_A_VEHICLE  40 /* in a mean hour of a working day */
#define POINTS_A_VEHICLE 60 /* while it is driven: one a minute */
#define SAMPLES_AN_HOUR  12
#define BYTES_A_CALL     1800
#define BATCH_POINTS     20
#define GROWTH_PER_10000 60 /* a day */

/* How busy an hour of the local day is, in percent of the mean. */
static const uint8_t day_shape[HOURS_A_DAY] = {12,  8,   6,   6,   10,  30,  80,  150,
                                               210, 230, 220, 190, 170, 190, 220, 210,
                                               180, 140, 100, 70,  60,  50,  40,  20};

static const int64_t utc_offset[GEOGRAPHY_COUNT] = {
    [GEOGRAPHY_US] = -5, [GEOGRAPHY_EU] = 1, [GEOGRAPHY_APAC] = 8};

/* What share of the calls takes how long, in percent of the typical time. */
static const struct {
    int64_t calls_percent, time_percent;
} latencies[] = {{55, 70}, {30, 120}, {10, 250}, {4, 600}, {1, 1500}};

/* 90 to 110, the same for the same hour (a step of SplitMix64). */
static int64_t noise(uint64_t seed, int64_t hour)
{
    uint64_t z = seed + (uint64_t)hour * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return 90 + (int64_t)((z ^ (z >> 31)) % 21);
}

/* How busy it is, in 1/10000 of a mean working hour of today. */
static int64_t busyness(const struct usage_example *x, int64_t hour, int64_t now_hour)
{
    int64_t local = hour + utc_offset[x->region];
    int64_t weekday = (local / HOURS_A_DAY + 3) % 7; /* Monday is 0: 1970 began on a Thursday */
    int64_t days_ago = (now_hour - hour) / HOURS_A_DAY;
    int64_t busy = 10000 - days_ago * GROWTH_PER_10000;
    busy = busy * day_shape[local % HOURS_A_DAY] / 100;
    busy = weekday >= 5 ? busy * 35 / 100 : busy;
    return busy * noise(x->seed, hour) / 100;
}

static void add_calls(struct usage_hour *h, const struct usage_example *x, int64_t calls)
{
    int64_t left = calls;
    for (size_t i = 0; i < ARRAY_LEN(latencies); i++) {
        bool last = i + 1 == ARRAY_LEN(latencies);
        int64_t us = x->response_us * latencies[i].time_percent / 100;
        int64_t some = last ? left : calls * latencies[i].calls_percent / 100;
        left -= some;
        h->latency[latency_bucket(us)] += some;
        h->api_us += some * us;
        h->api_calls += some;
    }
    h->api_errors = h->api_calls * 4 / 1000;
    h->bytes = h->api_calls * BYTES_A_CALL;
    int64_t home = x->many_regions ? h->api_calls * 55 / 100 : h->api_calls;
    int64_t second = (h->api_calls - home) * 60 / 100;
    int64_t *by[GEOGRAPHY_COUNT] = {&h->calls_us, &h->calls_eu, &h->calls_apac};
    *by[x->region] += home;
    *by[(x->region + 1) % GEOGRAPHY_COUNT] += second;
    *by[(x->region + 2) % GEOGRAPHY_COUNT] += h->api_calls - home - second;
}

static void add_samples(struct usage_hour *h, const struct usage_example *x, int64_t busy)
{
    int64_t cpu = x->cpu * (3000 + busy * 7 / 10) / 10000;
    cpu = cpu < 9900 ? cpu : 9900;
    h->samples = SAMPLES_AN_HOUR;
    h->cpu_sum = cpu * SAMPLES_AN_HOUR;
    h->cpu_max = cpu * 12 / 10 < 10000 ? cpu * 12 / 10 : 10000;
    h->memory_sum = x->cpu * SAMPLES_AN_HOUR;
    h->memory_max = x->cpu;
    h->disk_sum = x->cpu / 2 * SAMPLES_AN_HOUR;
    h->disk_max = x->cpu / 2;
    h->connections_max = 2 + busy * (x->users + 1) / 20000;
    h->connections_sum = h->connections_max * SAMPLES_AN_HOUR;
}

static struct usage_hour example_hour(const struct usage_example *x, int64_t hour, int64_t now_hour)
{
    struct usage_hour h = {.customer_id = x->customer_id, .hour = hour};
    int64_t busy = busyness(x, hour, now_hour), points = x->vehicles * POINTS_A_VEHICLE;
    add_calls(&h, x, x->vehicles * CALLS_A_VEHICLE * busy / 10000);
    add_samples(&h, x, busy);
    points = points * (busy < 10000 ? busy : 10000) / 10000;
    h.gps_points = points;
    h.batch_ops = points / 5 / BATCH_POINTS;
    h.realtime_ops = points - h.batch_ops * BATCH_POINTS;
    h.peak_users = (x->users * busy + 22999) / 23000;
    h.users = h.peak_users * 3 / 2;
    h.sessions = h.users;
    h.session_us = h.sessions * 20 * 60 * USEC_PER_SEC;
    h.collections = 1;
    h.vehicles = x->vehicles;
    h.events = h.api_calls + h.realtime_ops + h.batch_ops + h.samples + h.sessions;
    return h;
}

enum err usage_add_example(struct db_tx *tx, int64_t now, const struct usage_example *example,
                           struct arena *arena, struct error *e)
{
    int64_t recorded, now_hour = now / USEC_PER_HOUR;
    TRY(db_get_int(tx, &example_recorded, DB_ARGS(db_text(example->customer_id)), &recorded, e));
    if (recorded != INT_ABSENT)
        return OK;
    size_t count = EXAMPLE_DAYS * HOURS_A_DAY;
    struct usage_hour *hours = arena_new_array(arena, count, struct usage_hour);
    for (size_t i = 0; i < count; i++)
        hours[i] = example_hour(example, now_hour - (int64_t)count + (int64_t)i, now_hour);
    return usage_hours_add(tx, now, hours, count, arena, e);
}
