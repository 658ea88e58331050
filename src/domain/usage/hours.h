/*
 * Usage by customer and hour: the record that everything about usage is made from.
 *
 * `struct usage_hour` is added to, never computed from its own past, so any number of batches on
 * any number of nodes add to the same row. `usage_days` has the same columns by day, for what is
 * older than HOURS_KEPT.
 *
 * Durations of api calls are counted in LATENCY_BUCKETS buckets, two to a doubling: the bounds are
 * 1, 1.5, 2, 3, 4, 6, 8, 12, ... ms, and the last bucket has none. A quantile is interpolated
 * within its bucket, so it is off by less than a quarter, usually by a tenth.
 *
 * Concurrency: users are active in the same five minutes. `users` and `peak_users` of an hour come
 * from usage_users when the hour is summed up (measure.h); ingest leaves them 0.
 *
 * Points are counted twice where a customer sends them as events and keeps them in a database that
 * the collector reads (collect.h): once in gps_points, once in gps_collected. The larger of both is
 * the hour's; usage_hour_settle() makes it so, before hours of different times are added.
 */
#ifndef WEBHOST_DOMAIN_USAGE_HOURS_H
#define WEBHOST_DOMAIN_USAGE_HOURS_H

#include "domain/core/env.h"

#define HOURS_A_DAY     24
#define HOURS_KEPT      (35 * HOURS_A_DAY) /* then days; also how late an event may come */
#define DAYS_KEPT       400
#define LATENCY_BUCKETS 32
#define USER_WINDOWS    12 /* of five minutes, in an hour */

struct usage_hour {
    const char *customer_id;
    int64_t hour; /* since 1970 */
    int64_t events;
    int64_t api_calls, api_errors, api_us, bytes;
    int64_t calls_us, calls_eu, calls_apac;
    int64_t gps_points, realtime_ops, batch_ops;
    int64_t gps_collected;
    int64_t sessions, session_us;
    int64_t vehicles_added, vehicles_removed;
    int64_t collections, vehicles, storage_bytes;
    int64_t samples, cpu_sum, cpu_max, memory_sum, memory_max, disk_sum, disk_max;
    int64_t connections_sum, connections_max;
    int64_t users, peak_users;
    int64_t latency[LATENCY_BUCKETS];
};

/*
 * The numbers in the order of columns and members, the latencies (l00..l31) behind them. SUM() are
 * added up, of MAX() the larger one stays.
 */
#define USAGE_NUMBERS(SUM, MAX)                                                                    \
    SUM(events)                                                                                    \
    SUM(api_calls)                                                                                 \
    SUM(api_errors)                                                                                \
    SUM(api_us)                                                                                    \
    SUM(bytes)                                                                                     \
    SUM(calls_us)                                                                                  \
    SUM(calls_eu)                                                                                  \
    SUM(calls_apac)                                                                                \
    SUM(gps_points)                                                                                \
    SUM(realtime_ops)                                                                              \
    SUM(batch_ops)                                                                                 \
    MAX(gps_collected)                                                                             \
    SUM(sessions)                                                                                  \
    SUM(session_us)                                                                                \
    SUM(vehicles_added)                                                                            \
    SUM(vehicles_removed)                                                                          \
    SUM(collections)                                                                               \
    MAX(vehicles)                                                                                  \
    MAX(storage_bytes)                                                                             \
    SUM(samples)                                                                                   \
    SUM(cpu_sum)                                                                                   \
    MAX(cpu_max)                                                                                   \
    SUM(memory_sum)                                                                                \
    MAX(memory_max)                                                                                \
    SUM(disk_sum)                                                                                  \
    MAX(disk_max)                                                                                  \
    SUM(connections_sum)                                                                           \
    MAX(connections_max)                                                                           \
    MAX(users)                                                                                     \
    MAX(peak_users)

extern const struct field usage_hour_fields[]; /* all columns, l00..l31 included */

/* The upper bounds of all buckets but the last, in microseconds. */
extern const int64_t latency_bounds_us[LATENCY_BUCKETS - 1];

/* A duration that is a bound falls into the bucket that it bounds. */
unsigned latency_bucket(int64_t duration_us);

/*
 * The duration that the share `per_mille` of the calls does not exceed, in microseconds; INT_ABSENT
 * without calls. In the last bucket it is that bucket's lower bound.
 */
int64_t latency_quantile(const int64_t latency[LATENCY_BUCKETS], unsigned per_mille);

/* Adds the numbers of `from` to those of `to`; what is a maximum becomes the larger one. */
void usage_hour_add(struct usage_hour *to, const struct usage_hour *from);

/* Makes gps_points the larger of both counts and forgets the other. */
void usage_hour_settle(struct usage_hour *hour);

/*
 * Adds `count` hours, no two of the same customer and hour, to what is stored: one statement. What
 * it adds to is marked as changed at `now`, by which the measuring finds it (measure.h).
 */
enum err usage_hours_add(struct db_tx *tx, int64_t now, const struct usage_hour *hours,
                         size_t count, struct arena *arena, struct error *e);

/* The customer's hours from `first` up to before `end`, by time: records of struct usage_hour. */
enum err usage_hours_list(struct db_tx *tx, const char *customer_id, int64_t first, int64_t end,
                          struct arena *arena, struct records *ret_hours, struct error *e);

#endif
