#include "domain/usage/report.h"

#include "domain/provisioning/deployment.h"
#include "domain/provisioning/host.h"
#include "domain/usage/measure.h"
#include "domain/usage/retention.h"

const char *const usage_step_names[] = {"hour", "day", NULL};

/* Everything that is recorded from a moment on: hours, and days that have the hours in them too. */
struct record {
    int64_t first_day, end_day;
    struct usage_hour *days;  /* one each, settled; zeros where nothing is */
    struct usage_hour *hours; /* settled, by time; those that are kept */
    size_t hour_count;
};

static int64_t floor_to(int64_t value, int64_t unit)
{
    return value / unit * unit;
}

static enum err read_record(struct db_tx *tx, const char *customer_id, int64_t first_day,
                            int64_t end_day, struct arena *arena, struct record *ret,
                            struct error *e)
{
    struct records days, hours;
    struct record r = {.first_day = first_day, .end_day = end_day};
    TRY(usage_days_list(tx, customer_id, first_day, end_day, arena, &days, e));
    TRY(usage_hours_list(tx, customer_id, first_day * HOURS_A_DAY, end_day * HOURS_A_DAY, arena,
                         &hours, e));
    r.days = arena_new_array(arena, (size_t)(end_day - first_day), struct usage_hour);
    for (int64_t day = first_day; day < end_day; day++)
        r.days[day - first_day].hour = day * HOURS_A_DAY;
    const struct usage_hour *day = days.items;
    for (size_t i = 0; i < days.count; i++)
        usage_hour_add(&r.days[day[i].hour / HOURS_A_DAY - first_day], &day[i]);
    r.hours = hours.items;
    r.hour_count = hours.count;
    for (size_t i = 0; i < r.hour_count; i++) {
        usage_hour_settle(&r.hours[i]);
        usage_hour_add(&r.days[r.hours[i].hour / HOURS_A_DAY - first_day], &r.hours[i]);
    }
    *ret = r;
    return OK;
}

/* -- the span --------------------------------------------------------------------------------- */

static enum err bad_span(struct problems *problems, const char *name, const char *text,
                         struct error *e)
{
    problem_add(problems, name, 0, "%s", text);
    return problems_error(problems, e);
}

/* The span with everything said, rounded outwards to whole steps. */
static enum err complete_span(struct usage_span *s, int64_t now, struct problems *problems,
                              struct error *e)
{
    if (s->to == INT_ABSENT || s->to > now)
        s->to = now;
    if (s->from == INT_ABSENT)
        s->from = s->to - REPORT_DAYS_DEFAULT * USEC_PER_DAY;
    if (s->from < 0 || s->from >= s->to)
        return bad_span(problems, "from",
                        "must be before the end of the span, which is not later "
                        "than now",
                        e);
    if (s->step < 0)
        s->step =
            s->to - s->from <= REPORT_AUTO_DAYS * USEC_PER_DAY ? USAGE_STEP_HOUR : USAGE_STEP_DAY;
    bool hours = s->step == USAGE_STEP_HOUR;
    int64_t unit = hours ? USEC_PER_HOUR : USEC_PER_DAY;
    s->from = floor_to(s->from, unit);
    s->to = floor_to(s->to + unit - 1, unit);
    if (hours && (s->to - s->from) / unit > REPORT_HOURS_MAX)
        return bad_span(problems, "step", "hour allows at most 35 days", e);
    if (!hours && (s->to - s->from) / unit > REPORT_DAYS_MAX)
        return bad_span(problems, "from", "must be at most 400 days before the end", e);
    return OK;
}

static void fill_steps(struct usage_report *r, const struct record *record, struct arena *arena)
{
    bool by_hour = r->step == USAGE_STEP_HOUR;
    int64_t first = r->from / USEC_PER_HOUR, unit = by_hour ? 1 : HOURS_A_DAY;
    const struct usage_hour *items = by_hour ? record->hours : record->days;
    size_t count = by_hour ? record->hour_count : (size_t)(record->end_day - record->first_day);
    r->step_count = (size_t)((r->to - r->from) / USEC_PER_HOUR / unit);
    r->steps = arena_new_array(arena, r->step_count, struct usage_hour);
    for (size_t i = 0; i < r->step_count; i++)
        r->steps[i].hour = first + (int64_t)i * unit;
    for (size_t i = 0; i < count; i++) {
        int64_t at = (items[i].hour - first) / unit;
        if (items[i].hour < first || at >= (int64_t)r->step_count)
            continue;
        usage_hour_add(&r->steps[at], &items[i]);
        usage_hour_add(&r->total, &items[i]);
    }
}

/* -- findings --------------------------------------------------------------------------------- */

/* Of the whole days from `from` up to before `end` (hours); none before the first recorded hour. */
static void find_patterns(const struct record *record, int64_t from, int64_t end,
                          struct arena *arena, struct patterns *ret)
{
    int64_t seen = record->hour_count > 0 ? record->hours[0].hour : end;
    from = seen > from ? seen : from;
    from = floor_to(from + HOURS_A_DAY - 1, HOURS_A_DAY);
    end = floor_to(end, HOURS_A_DAY);
    int64_t count = end > from ? end - from : 0;
    int64_t *loads = arena_new_array(arena, (size_t)count, int64_t);
    for (size_t i = 0; i < record->hour_count; i++) {
        const struct usage_hour *h = &record->hours[i];
        if (h->hour >= from && h->hour < end)
            loads[h->hour - from] = h->api_calls + h->gps_points;
    }
    patterns_find(loads, (size_t)count / HOURS_A_DAY, ret);
}

static int64_t resource_sum(const struct usage_hour *h, int resource)
{
    return resource == FORECAST_CPU      ? h->cpu_sum
           : resource == FORECAST_MEMORY ? h->memory_sum
                                         : h->disk_sum;
}

static void find_forecasts(const struct record *record, int64_t today, decimal load_max,
                           struct usage_report *r)
{
    static const char *const names[FORECAST_RESOURCES] = {"cpu", "memory", "disk"};
    int64_t days[FORECAST_DAYS];
    double shares[FORECAST_DAYS];
    for (int resource = 0; resource < FORECAST_RESOURCES; resource++) {
        size_t count = 0;
        for (int64_t day = today - FORECAST_DAYS; day < today; day++) {
            const struct usage_hour *h = &record->days[day - record->first_day];
            if (h->samples == 0)
                continue;
            days[count] = day;
            shares[count++] = (double)resource_sum(h, resource) / (double)h->samples / DECIMAL_ONE;
        }
        struct forecast *f = &r->forecasts[resource];
        decimal whole = resource == FORECAST_CPU ? load_max : USABLE_SHARE;
        f->resource = names[resource];
        forecast_find(days, shares, count, today, whole / r->slots, f);
    }
}

static enum err find_slots(struct db_tx *tx, const char *customer_id,
                           const struct hetzner_settings *s, struct arena *arena,
                           int64_t *ret_slots, struct error *e)
{
    struct deployment d;
    struct host host;
    TRY(deployment_current(tx, customer_id, arena, &d, e));
    *ret_slots = d.mode == MULTI_TENANT ? s->slots_per_host : 1;
    if (!d.host_id)
        return OK;
    TRY(host_find(tx, d.host_id, arena, &host, e));
    *ret_slots = host.capacity > 0 ? host.capacity : 1;
    return OK;
}

enum err usage_report(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                      const char *id_or_slug, struct usage_span span, struct arena *arena,
                      struct problems *problems, struct usage_report *ret, struct error *e)
{
    struct usage_report r = {0};
    struct record record;
    struct facts facts;
    int64_t now = env_now(env), today = now / USEC_PER_DAY;
    TRY(customer_find(tx, id_or_slug, arena, &r.customer, e));
    TRY(complete_span(&span, now, problems, e));
    r.from = span.from;
    r.to = span.to;
    r.step = span.step;
    int64_t first_day = span.from / USEC_PER_DAY;
    if (first_day > today - FORECAST_DAYS)
        first_day = today - FORECAST_DAYS;
    TRY(read_record(tx, r.customer.id, first_day, today + 1, arena, &record, e));
    TRY(facts_find(tx, r.customer.id, arena, &facts, e));
    TRY(find_slots(tx, r.customer.id, s, arena, &r.slots, e));
    fill_steps(&r, &record, arena);
    r.growth = facts.growth;
    int64_t end = r.to < today * USEC_PER_DAY ? r.to : today * USEC_PER_DAY;
    find_patterns(&record, r.from / USEC_PER_HOUR, end / USEC_PER_HOUR, arena, &r.patterns);
    find_forecasts(&record, today, s->load_max, &r);
    *ret = r;
    return OK;
}

/* -- JSON ------------------------------------------------------------------------------------- */

/* What a step, or the whole span, comes to; INT_ABSENT where nothing was measured. */
struct numbers {
    int64_t at, events, api_calls, api_errors;
    decimal error_rate, average_ms, p50_ms, p95_ms, p99_ms;
    int64_t bytes, gps_points, real_time_operations, batch_operations, sessions;
    int64_t users, peak_users;
    int64_t vehicles, vehicles_added, vehicles_removed;
    decimal storage_mb, cpu, cpu_max, memory, memory_max, disk, disk_max;
    int64_t connections, connections_max;
};

#define NUMBER(name, type, member)                                                                 \
    {                                                                                              \
        name, type, offsetof(struct numbers, member)                                               \
    }

const struct field usage_number_fields[] = {
    NUMBER("at", FIELD_TIME, at),
    NUMBER("events", FIELD_INT, events),
    NUMBER("api_calls", FIELD_INT, api_calls),
    NUMBER("api_errors", FIELD_INT, api_errors),
    NUMBER("error_rate", FIELD_DECIMAL, error_rate),
    NUMBER("average_response_time_ms", FIELD_DECIMAL, average_ms),
    NUMBER("p50_response_time_ms", FIELD_DECIMAL, p50_ms),
    NUMBER("p95_response_time_ms", FIELD_DECIMAL, p95_ms),
    NUMBER("p99_response_time_ms", FIELD_DECIMAL, p99_ms),
    NUMBER("bytes", FIELD_INT, bytes),
    NUMBER("gps_points", FIELD_INT, gps_points),
    NUMBER("real_time_operations", FIELD_INT, real_time_operations),
    NUMBER("batch_operations", FIELD_INT, batch_operations),
    NUMBER("sessions", FIELD_INT, sessions),
    NUMBER("users", FIELD_INT, users),
    NUMBER("peak_concurrent_users", FIELD_INT, peak_users),
    NUMBER("vehicle_count", FIELD_INT, vehicles),
    NUMBER("vehicles_added", FIELD_INT, vehicles_added),
    NUMBER("vehicles_removed", FIELD_INT, vehicles_removed),
    NUMBER("storage_used_mb", FIELD_DECIMAL, storage_mb),
    NUMBER("cpu_utilization", FIELD_DECIMAL, cpu),
    NUMBER("cpu_utilization_max", FIELD_DECIMAL, cpu_max),
    NUMBER("memory_utilization", FIELD_DECIMAL, memory),
    NUMBER("memory_utilization_max", FIELD_DECIMAL, memory_max),
    NUMBER("disk_utilization", FIELD_DECIMAL, disk),
    NUMBER("disk_utilization_max", FIELD_DECIMAL, disk_max),
    NUMBER("database_connections", FIELD_INT, connections),
    NUMBER("database_connections_max", FIELD_INT, connections_max),
    FIELD_END,
};

/* Microseconds as milliseconds in 1/10000. */
static decimal ms(int64_t us)
{
    return us == INT_ABSENT ? INT_ABSENT : us * 10;
}

static decimal mb(int64_t bytes)
{
    return bytes == INT_ABSENT ? INT_ABSENT : bytes / 100;
}

static int64_t mean(int64_t sum, int64_t count)
{
    return count > 0 ? (sum + count / 2) / count : INT_ABSENT;
}

static int64_t if_any(int64_t value)
{
    return value > 0 ? value : INT_ABSENT;
}

static struct numbers numbers_of(const struct usage_hour *h)
{
    bool sampled = h->samples > 0;
    return (struct numbers){
        .at = h->hour * USEC_PER_HOUR,
        .events = h->events,
        .api_calls = h->api_calls,
        .api_errors = h->api_errors,
        .error_rate = h->api_calls > 0 ? decimal_div(h->api_errors, h->api_calls) : INT_ABSENT,
        .average_ms = ms(mean(h->api_us, h->api_calls)),
        .p50_ms = ms(latency_quantile(h->latency, 500)),
        .p95_ms = ms(latency_quantile(h->latency, 950)),
        .p99_ms = ms(latency_quantile(h->latency, 990)),
        .bytes = h->bytes,
        .gps_points = h->gps_points,
        .real_time_operations = h->realtime_ops,
        .batch_operations = h->batch_ops,
        .sessions = h->sessions,
        .users = h->users,
        .peak_users = h->peak_users,
        .vehicles = h->collections > 0 ? h->vehicles : INT_ABSENT,
        .vehicles_added = h->vehicles_added,
        .vehicles_removed = h->vehicles_removed,
        .storage_mb = mb(if_any(h->storage_bytes)),
        .cpu = mean(h->cpu_sum, h->samples),
        .cpu_max = sampled ? h->cpu_max : INT_ABSENT,
        .memory = mean(h->memory_sum, h->samples),
        .memory_max = sampled ? h->memory_max : INT_ABSENT,
        .disk = mean(h->disk_sum, h->samples),
        .disk_max = sampled ? h->disk_max : INT_ABSENT,
        .connections = mean(h->connections_sum, h->samples),
        .connections_max = sampled ? h->connections_max : INT_ABSENT,
    };
}

static json_t *numbers_json(const struct usage_hour *h)
{
    struct numbers n = numbers_of(h);
    return json_encode(usage_number_fields, &n, JSON_KEEP_ABSENT);
}

struct region_share {
    const char *region;
    int64_t api_calls;
    decimal share;
};

const struct field usage_region_fields[] = {
    {"region", FIELD_TEXT, offsetof(struct region_share, region)},
    {"api_calls", FIELD_INT, offsetof(struct region_share, api_calls)},
    {"share", FIELD_DECIMAL, offsetof(struct region_share, share)},
    FIELD_END,
};

static int compare_regions(const void *a, const void *b)
{
    const struct region_share *x = a, *y = b;
    return (x->api_calls < y->api_calls) - (x->api_calls > y->api_calls);
}

/* All that called, the most calls first. */
static json_t *regions_json(const struct usage_hour *h)
{
    struct region_share regions[GEOGRAPHY_COUNT];
    const int64_t calls[GEOGRAPHY_COUNT] = {h->calls_us, h->calls_eu, h->calls_apac};
    int64_t all = h->calls_us + h->calls_eu + h->calls_apac;
    size_t count = 0;
    for (size_t i = 0; i < GEOGRAPHY_COUNT; i++) {
        if (calls[i] > 0)
            regions[count++] =
                (struct region_share){geography_names[i], calls[i], decimal_div(calls[i], all)};
    }
    qsort(regions, count, sizeof(regions[0]), compare_regions);
    return json_encode_list(usage_region_fields, (struct records){regions, count},
                            sizeof(regions[0]), JSON_KEEP_ABSENT);
}

static json_t *peaks_json(const struct patterns *p)
{
    if (!p->peaks_known)
        return json_null();
    json_t *hours = json_array();
    for (size_t i = 0; i < p->peak_count; i++)
        (void)json_array_append_new(hours, json_integer(p->peak_hours[i]));
    return hours;
}

static json_t *season_json(const struct patterns *p)
{
    return p->season < 0 ? json_null() : json_string(season_names[p->season]);
}

const struct field usage_pattern_fields[] = {
    {"days", FIELD_INT, offsetof(struct patterns, days)},
    {"daily_share", FIELD_DECIMAL, offsetof(struct patterns, daily)},
    {"weekly_share", FIELD_DECIMAL, offsetof(struct patterns, weekly)},
    FIELD_END,
};

static json_t *patterns_json(const struct patterns *p)
{
    json_t *out = json_encode(usage_pattern_fields, p, JSON_KEEP_ABSENT);
    (void)json_object_set_new(out, "peak_hours", peaks_json(p));
    (void)json_object_set_new(out, "seasonal_patterns", season_json(p));
    return out;
}

/* The resource that runs out first, and all of them. */
static json_t *forecast_json(const struct usage_report *r)
{
    const struct forecast *first = NULL;
    for (size_t i = 0; i < FORECAST_RESOURCES; i++) {
        const struct forecast *f = &r->forecasts[i];
        bool now = f->outcome == FORECAST_NOW, at = f->outcome == FORECAST_AT;
        if ((now || at) && (!first || (now && first->outcome != FORECAST_NOW) ||
                            (at && first->outcome == FORECAST_AT && f->at < first->at)))
            first = f;
    }
    for (size_t i = 0; i < FORECAST_RESOURCES && !first; i++) {
        if (r->forecasts[i].outcome == FORECAST_LATER)
            first = &r->forecasts[i];
    }
    first = first ? first : &r->forecasts[FORECAST_CPU];
    json_t *out = json_encode(forecast_fields, first, JSON_KEEP_ABSENT);
    (void)json_object_set_new(out, "slots", json_integer(r->slots));
    struct records all = {(void *)(uintptr_t)r->forecasts, FORECAST_RESOURCES};
    (void)json_object_set_new(
        out, "resources",
        json_encode_list(forecast_fields, all, sizeof(struct forecast), JSON_KEEP_ABSENT));
    return out;
}

struct report_head {
    const char *customer_id, *customer;
    int64_t from, to;
    int step;
    decimal growth;
};

const struct field usage_head_fields[] = {
    {"customer_id", FIELD_TEXT, offsetof(struct report_head, customer_id)},
    {"customer", FIELD_TEXT, offsetof(struct report_head, customer)},
    {"from", FIELD_TIME, offsetof(struct report_head, from)},
    {"to", FIELD_TIME, offsetof(struct report_head, to)},
    {"step", FIELD_ENUM, offsetof(struct report_head, step), .names = usage_step_names},
    {"growth_rate", FIELD_DECIMAL, offsetof(struct report_head, growth)},
    FIELD_END,
};

/* Vehicles and storage are as they are now, not the most there ever were. */
static json_t *totals_json(const struct usage_report *r)
{
    struct usage_hour total = r->total;
    for (size_t i = 0; i < r->step_count; i++) {
        if (r->steps[i].collections > 0)
            total.vehicles = r->steps[i].vehicles;
        if (r->steps[i].storage_bytes > 0)
            total.storage_bytes = r->steps[i].storage_bytes;
    }
    json_t *out = numbers_json(&total);
    (void)json_object_del(out, "at");
    return out;
}

json_t *usage_report_json(const struct usage_report *r)
{
    const struct report_head head = {r->customer.id, r->customer.slug, r->from,
                                     r->to,          r->step,          r->growth};
    json_t *out = json_encode(usage_head_fields, &head, JSON_KEEP_ABSENT), *series = json_array();
    for (size_t i = 0; i < r->step_count; i++)
        (void)json_array_append_new(series, numbers_json(&r->steps[i]));
    (void)json_object_set_new(out, "totals", totals_json(r));
    (void)json_object_set_new(out, "regions", regions_json(&r->total));
    (void)json_object_set_new(out, "patterns", patterns_json(&r->patterns));
    (void)json_object_set_new(out, "forecast", forecast_json(r));
    (void)json_object_set_new(out, "series", series);
    return out;
}

/* -- the plan's metrics ----------------------------------------------------------------------- */

struct metrics {
    int64_t vehicle_count, gps_points_today, api_calls_today;
    decimal storage_used_mb;
    int64_t peak_concurrent_users, users_today;
    decimal average_ms, p95_ms, p99_ms, error_rate;
    struct texts regions;
    decimal growth;
};

#define METRIC(name, type, member)                                                                 \
    {                                                                                              \
        name, type, offsetof(struct metrics, member)                                               \
    }

const struct field usage_metric_fields[] = {
    METRIC("vehicle_count", FIELD_INT, vehicle_count),
    METRIC("gps_points_today", FIELD_INT, gps_points_today),
    METRIC("api_calls_today", FIELD_INT, api_calls_today),
    METRIC("storage_used_mb", FIELD_DECIMAL, storage_used_mb),
    METRIC("peak_concurrent_users", FIELD_INT, peak_concurrent_users),
    METRIC("users_today", FIELD_INT, users_today),
    METRIC("average_response_time_ms", FIELD_DECIMAL, average_ms),
    METRIC("p95_response_time_ms", FIELD_DECIMAL, p95_ms),
    METRIC("p99_response_time_ms", FIELD_DECIMAL, p99_ms),
    METRIC("error_rate", FIELD_DECIMAL, error_rate),
    METRIC("geographic_distribution", FIELD_TEXTS, regions),
    METRIC("growth_rate", FIELD_DECIMAL, growth),
    FIELD_END,
};

static struct texts region_texts(int64_t packed, struct arena *arena)
{
    uint8_t regions[GEOGRAPHY_COUNT];
    if (packed == INT_ABSENT)
        return (struct texts){0};
    size_t count = regions_unpack(packed, regions);
    const char **items = arena_new_array(arena, GEOGRAPHY_COUNT, const char *);
    for (size_t i = 0; i < count; i++)
        items[i] = geography_names[regions[i]];
    return (struct texts){items, count};
}

/* Of the facts, those that the last day's hours tell are from the hours, which are newer. */
static json_t *metrics_json(const struct facts *f, int64_t users, struct arena *arena)
{
    const struct metrics m = {
        .vehicle_count = f->vehicles,
        .gps_points_today = f->gps_points,
        .api_calls_today = f->api_calls,
        .storage_used_mb = mb(f->storage_bytes),
        .peak_concurrent_users = f->peak_users,
        .users_today = users,
        .average_ms = ms(f->response_us),
        .p95_ms = ms(f->p95_us),
        .p99_ms = ms(f->p99_us),
        .error_rate = f->error_rate,
        .regions = region_texts(f->regions_used, arena),
        .growth = f->growth,
    };
    return json_encode(usage_metric_fields, &m, JSON_KEEP_ABSENT);
}

static json_t *resources_json(const struct usage_hour *day)
{
    if (day->samples == 0)
        return json_null();
    struct numbers n = numbers_of(day);
    _cleanup_json_ json_t *all = json_encode(usage_number_fields, &n, JSON_KEEP_ABSENT);
    json_t *out = json_object();
    static const char *const names[] = {"cpu_utilization", "memory_utilization",
                                        "database_connections", "disk_utilization"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        (void)json_object_set(out, names[i], json_object_get(all, names[i]));
    return out;
}

static json_t *metric_patterns_json(const struct patterns *p, const struct usage_hour *day)
{
    bool any = day->events > 0;
    return json_pack("{s:o, s:o, s:o, s:o}", "peak_hours", peaks_json(p), "seasonal_patterns",
                     season_json(p), "batch_operations",
                     any ? json_integer(day->batch_ops) : json_null(), "real_time_operations",
                     any ? json_integer(day->realtime_ops) : json_null());
}

enum err usage_metrics(struct db_tx *tx, const struct env *env, const char *customer_id,
                       struct arena *arena, json_t **ret, bool *ret_counted, struct error *e)
{
    int64_t hour = env_now(env) / USEC_PER_HOUR, today = hour / HOURS_A_DAY;
    struct record record;
    struct facts facts;
    struct patterns patterns;
    struct usage_hour day = {0};
    TRY(facts_find(tx, customer_id, arena, &facts, e));
    TRY(read_record(tx, customer_id, today - METRICS_DAYS, today + 1, arena, &record, e));
    size_t first = 0;
    while (first < record.hour_count && record.hours[first].hour <= hour - MEASURE_HOURS)
        first++;
    for (size_t i = first; i < record.hour_count; i++)
        usage_hour_add(&day, &record.hours[i]);
    int64_t users = facts.users;
    measure_facts(record.hours + first, record.hour_count - first, &facts);
    find_patterns(&record, (today - METRICS_DAYS) * HOURS_A_DAY, today * HOURS_A_DAY, arena,
                  &patterns);
    json_t *out = metrics_json(&facts, users, arena);
    (void)json_object_set_new(out, "resource_utilization", resources_json(&day));
    (void)json_object_set_new(out, "patterns", metric_patterns_json(&patterns, &day));
    *ret_counted = facts.vehicles != INT_ABSENT;
    *ret = out;
    return OK;
}
