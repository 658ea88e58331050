#include "domain/usage/measure.h"

#include "measure.sql.h"

#define MEASURE_WORKER "UsageMeasureWorker"
#define MEASURE_QUEUE  "maintenance"
#define PAGE_CUSTOMERS 200
#define RATE_ONE       10000 /* rates are in 1/10000 */

/* -- one customer ----------------------------------------------------------------------------- */

/* a / b in 1/10000, rounded; INT_ABSENT when there is nothing to divide by. */
static decimal share_of(int64_t a, int64_t b)
{
    return b > 0 ? (decimal)(((__int128)a * RATE_ONE + b / 2) / b) : INT_ABSENT;
}

/* Geographies by their share of the calls, the largest first. */
static int64_t regions_of(const struct usage_hour *sum)
{
    struct {
        uint8_t region;
        int64_t calls;
    } by[] = {{GEOGRAPHY_US, sum->calls_us},
              {GEOGRAPHY_EU, sum->calls_eu},
              {GEOGRAPHY_APAC, sum->calls_apac}};
    uint8_t regions[ARRAY_LEN(by)];
    size_t count = 0;
    int64_t all = sum->calls_us + sum->calls_eu + sum->calls_apac;
    if (all == 0)
        return INT_ABSENT;
    for (size_t i = 0; i < ARRAY_LEN(by); i++) {
        if (by[i].calls * 100 < all * REGION_PERCENT)
            continue;
        size_t at = count++;
        for (; at > 0 && by[regions[at - 1]].calls < by[i].calls; at--)
            regions[at] = regions[at - 1];
        regions[at] = (uint8_t)i;
    }
    for (size_t i = 0; i < count; i++)
        regions[i] = by[regions[i]].region;
    return regions_pack(regions, count);
}

void measure_facts(const struct usage_hour *hours, size_t count, struct facts *ret_facts)
{
    struct usage_hour sum = {0};
    struct facts f = *ret_facts;
    f.vehicles = f.storage_bytes = INT_ABSENT;
    for (size_t i = 0; i < count; i++) {
        usage_hour_add(&sum, &hours[i]);
        if (hours[i].collections > 0)
            f.vehicles = hours[i].vehicles; /* the newest count, not the largest */
        if (hours[i].storage_bytes > 0)
            f.storage_bytes = hours[i].storage_bytes;
    }
    bool saw_points = sum.collections > 0 || sum.realtime_ops + sum.batch_ops > 0;
    f.gps_points = saw_points ? sum.gps_points : INT_ABSENT;
    f.api_calls = sum.events > 0 ? sum.api_calls : INT_ABSENT;
    f.peak_users = sum.peak_users > 0 ? sum.peak_users : INT_ABSENT;
    f.users = sum.users > 0 ? sum.users : INT_ABSENT;
    f.response_us = sum.api_calls > 0 ? sum.api_us / sum.api_calls : INT_ABSENT;
    f.p95_us = latency_quantile(sum.latency, 950);
    f.p99_us = latency_quantile(sum.latency, 990);
    f.error_rate = share_of(sum.api_errors, sum.api_calls);
    f.cpu = sum.samples > 0 ? (sum.cpu_sum + sum.samples / 2) / sum.samples : INT_ABSENT;
    f.regions_used = regions_of(&sum);
    *ret_facts = f;
}

decimal measure_growth(int64_t now, int64_t before)
{
    return before > 0 ? share_of(now, before) - RATE_ONE : INT_ABSENT;
}

/* -- a page of customers ---------------------------------------------------------------------- */

struct due {
    const char *customer_id;
    int64_t measured_at;
    decimal growth;
};

static const struct field due_fields[] = {
    {"customer_id", FIELD_TEXT, offsetof(struct due, customer_id)},
    {"measured_at", FIELD_INT, offsetof(struct due, measured_at)},
    {"growth", FIELD_INT, offsetof(struct due, growth)},
    FIELD_END,
};

struct hour_users {
    const char *customer_id;
    int64_t hour, users, peak_users;
};

static const struct field hour_users_fields[] = {
    {"customer_id", FIELD_TEXT, offsetof(struct hour_users, customer_id)},
    {"hour", FIELD_INT, offsetof(struct hour_users, hour)},
    {"users", FIELD_INT, offsetof(struct hour_users, users)},
    {"peak_users", FIELD_INT, offsetof(struct hour_users, peak_users)},
    FIELD_END,
};

struct users {
    const char *customer_id;
    int64_t users, today, yesterday;
};

static const struct field users_fields[] = {
    {"customer_id", FIELD_TEXT, offsetof(struct users, customer_id)},
    {"users", FIELD_INT, offsetof(struct users, users)},
    {"today", FIELD_INT, offsetof(struct users, today)},
    {"yesterday", FIELD_INT, offsetof(struct users, yesterday)},
    FIELD_END,
};

struct month {
    const char *customer_id;
    int64_t month, month_before;
};

static const struct field month_fields[] = {
    {"customer_id", FIELD_TEXT, offsetof(struct month, customer_id)},
    {"month", FIELD_INT, offsetof(struct month, month)},
    {"month_before", FIELD_INT, offsetof(struct month, month_before)},
    FIELD_END,
};

/* Everything is in order of the customers, so that one pass brings it together. */
struct page_work {
    const struct env *env;
    struct arena *arena;
    const char *after; /* the last customer of the page before */
    int64_t now, hour, today;
    struct records due;        /* struct due */
    struct records hours;      /* struct usage_hour */
    struct records hour_users; /* struct hour_users */
    struct records users;      /* struct users */
    struct records months;     /* struct month */
    struct facts *facts;       /* one for each of `due` */
};

static const char *ids_of(const struct page_work *w, bool month_only)
{
    const struct due *due = w->due.items;
    const char **ids = arena_new_array(w->arena, w->due.count + 1, const char *);
    size_t count = 0;
    for (size_t i = 0; i < w->due.count; i++) {
        if (!month_only || due[i].measured_at == INT_ABSENT ||
            due[i].measured_at < w->today * USEC_PER_DAY)
            ids[count++] = due[i].customer_id;
    }
    return count > 0 ? db_texts_json(w->arena, (struct texts){ids, count}) : NULL;
}

static enum err read_users(struct db_tx *tx, struct page_work *w, const char *ids, struct error *e)
{
    size_t max = PAGE_CUSTOMERS * (USERS_KEPT + 1);
    TRY(db_list(tx, &measure_users_by_hour,
                DB_ARGS(db_text(ids), db_int(w->hour - USERS_KEPT + 1), db_int(MEASURE_SLACK_US)),
                hour_users_fields, sizeof(struct hour_users), max, w->arena, &w->hour_users, e));
    return db_list(tx, &measure_users,
                   DB_ARGS(db_text(ids), db_int(w->hour - MEASURE_HOURS + 1),
                           db_int(w->today * HOURS_A_DAY), db_int((w->today - 1) * HOURS_A_DAY)),
                   users_fields, sizeof(struct users), PAGE_CUSTOMERS, w->arena, &w->users, e);
}

static enum err read_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct page_work *w = arg;
    struct arena *a = w->arena;
    TRY(db_list(tx, &measure_due,
                DB_ARGS(db_text(w->after), db_int(w->hour - USERS_KEPT + 1),
                        db_int(w->hour - MEASURE_HOURS + 1), db_int(w->today * USEC_PER_DAY),
                        db_int(MEASURE_SLACK_US), db_int(PAGE_CUSTOMERS)),
                due_fields, sizeof(struct due), PAGE_CUSTOMERS, a, &w->due, e));
    if (w->due.count == 0)
        return OK;
    const char *ids = ids_of(w, false), *month_ids = ids_of(w, true);
    size_t max = (size_t)PAGE_CUSTOMERS * (MEASURE_HOURS + 2); /* events may be ahead */
    TRY(db_list(tx, &measure_hours_of_many,
                DB_ARGS(db_text(ids), db_int(w->hour - MEASURE_HOURS + 1)), usage_hour_fields,
                sizeof(struct usage_hour), max, a, &w->hours, e));
    TRY(read_users(tx, w, ids, e));
    w->months = (struct records){0};
    if (!month_ids)
        return OK;
    return db_list(tx, &measure_month,
                   DB_ARGS(db_text(month_ids), db_int(w->today - 2 * GROWTH_DAYS),
                           db_int(w->today - GROWTH_DAYS), db_int(w->today)),
                   month_fields, sizeof(struct month), PAGE_CUSTOMERS, a, &w->months, e);
}

/* Where each list stands while the customers are gone through. */
struct cursor {
    struct usage_hour *hour, *hours_end;
    const struct hour_users *peak, *peaks_end;
    const struct users *users, *users_end;
    const struct month *month, *months_end;
};

/* The users that were counted a moment ago are not stored yet. */
static void put_users(struct cursor *c, struct usage_hour *hour)
{
    for (; c->peak < c->peaks_end; c->peak++) {
        int order = strcmp(c->peak->customer_id, hour->customer_id);
        if (order > 0 || (order == 0 && c->peak->hour > hour->hour))
            return;
        if (order == 0 && c->peak->hour == hour->hour) {
            hour->users = c->peak->users;
            hour->peak_users = c->peak->peak_users;
        }
    }
}

static void measure_customer(const struct page_work *w, const struct due *due, struct cursor *c,
                             struct facts *ret)
{
    struct usage_hour *first = c->hour;
    for (; c->hour < c->hours_end && text_eq(c->hour->customer_id, due->customer_id); c->hour++) {
        put_users(c, c->hour);
        usage_hour_settle(c->hour);
    }
    *ret = (struct facts){.customer_id = due->customer_id, .growth = due->growth};
    measure_facts(first, (size_t)(c->hour - first), ret);
    ret->users = INT_ABSENT;
    if (c->users < c->users_end && text_eq(c->users->customer_id, due->customer_id))
        ret->users = c->users++->users;
    if (ret->users == 0)
        ret->users = INT_ABSENT;
    if (due->measured_at == INT_ABSENT || due->measured_at < w->today * USEC_PER_DAY)
        ret->growth = INT_ABSENT;
    if (c->month < c->months_end && text_eq(c->month->customer_id, due->customer_id)) {
        ret->growth = measure_growth(c->month->month, c->month->month_before);
        c->month++;
    }
}

static void measure_page(struct page_work *w)
{
    const struct due *due = w->due.items;
    struct usage_hour *hours = w->hours.items;
    const struct hour_users *peaks = w->hour_users.items;
    const struct users *users = w->users.items;
    const struct month *months = w->months.items;
    struct cursor c = {hours, hours + w->hours.count, peaks,  peaks + w->hour_users.count,
                       users, users + w->users.count, months, months + w->months.count};
    w->facts = arena_new_array(w->arena, w->due.count, struct facts);
    for (size_t i = 0; i < w->due.count; i++)
        measure_customer(w, &due[i], &c, &w->facts[i]);
}

/* -- writing ---------------------------------------------------------------------------------- */

static enum err write_users(struct db_tx *tx, const struct page_work *w, struct error *e)
{
    const struct hour_users *by_hour = w->hour_users.items;
    struct db_value *rows = arena_new_array(w->arena, w->hour_users.count * 4, struct db_value);
    for (size_t i = 0; i < w->hour_users.count; i++) {
        rows[4 * i] = db_text(by_hour[i].customer_id);
        rows[4 * i + 1] = db_int(by_hour[i].hour);
        rows[4 * i + 2] = db_int(by_hour[i].users);
        rows[4 * i + 3] = db_int(by_hour[i].peak_users);
    }
    TRY(db_exec_rows(tx, &measure_put_users, DB_NO_ARGS, rows, 4, w->hour_users.count, NULL, e));

    const struct users *users = w->users.items;
    size_t count = 0;
    rows = arena_new_array(w->arena, w->users.count * 2 * 3, struct db_value);
    for (size_t i = 0; i < w->users.count; i++) {
        const int64_t days[] = {users[i].yesterday, users[i].today};
        for (size_t day = 0; day < ARRAY_LEN(days); day++) {
            if (days[day] == 0)
                continue;
            struct db_value *row = rows + 3 * count++;
            row[0] = db_text(users[i].customer_id);
            row[1] = db_int(w->today - 1 + (int64_t)day);
            row[2] = db_int(days[day]);
        }
    }
    return db_exec_rows(tx, &measure_put_day_users, DB_NO_ARGS, rows, 3, count, NULL, e);
}

static enum err write_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct page_work *w = arg;
    TRY(write_users(tx, w, e));
    const size_t width = 14;
    struct db_value *rows = arena_new_array(w->arena, w->due.count * width, struct db_value);
    for (size_t i = 0; i < w->due.count; i++) {
        const struct facts *f = &w->facts[i];
        const struct db_value row[] = {
            db_text(f->customer_id), db_int(f->vehicles),      db_int(f->gps_points),
            db_int(f->api_calls),    db_int(f->storage_bytes), db_int(f->users),
            db_int(f->peak_users),   db_int(f->response_us),   db_int(f->p95_us),
            db_int(f->p99_us),       db_int(f->error_rate),    db_int(f->cpu),
            db_int(f->growth),       db_int(f->regions_used),
        };
        _Static_assert(ARRAY_LEN(row) == 14, "a row has all measured columns");
        memcpy(rows + i * width, row, sizeof(row));
    }
    return db_exec_rows(tx, &measure_put_facts, DB_ARGS(db_int(w->now)), rows, width, w->due.count,
                        NULL, e);
}

/* `ret_after` is the page's last customer; untouched when the page was empty. */
static enum err do_page(const struct env *env, char ret_after[64], int64_t *ret_count,
                        struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct page_work w = {.env = env, .arena = &arena, .after = ret_after, .now = env_now(env)};
    w.hour = w.now / USEC_PER_HOUR;
    w.today = w.now / USEC_PER_DAY;
    TRY(db_read(env->db, read_work, &w, e));
    *ret_count = (int64_t)w.due.count;
    if (w.due.count == 0)
        return OK;
    measure_page(&w);
    TRY(db_write_relaxed(env->db, write_work, &w, e));
    const struct due *due = w.due.items;
    (void)snprintf(ret_after, 64, "%s", due[w.due.count - 1].customer_id);
    return OK;
}

enum err measure_all(const struct env *env, const _Atomic bool *cancelled, int64_t *ret_count,
                     struct error *e)
{
    char after[64] = "";
    int64_t count, all = 0;
    do {
        TRY(do_page(env, after, &count, e));
        all += count;
    } while (count == PAGE_CUSTOMERS && !*cancelled);
    *ret_count = all;
    return OK;
}

/* -- the job ---------------------------------------------------------------------------------- */

static enum job_result perform(struct job_run *run, struct error *e)
{
    int64_t count;
    return measure_all(run->env, run->cancelled, &count, e) == OK ? JOB_DONE : JOB_RETRY;
}

struct job_worker measure_worker(void)
{
    return (struct job_worker){MEASURE_WORKER, MEASURE_QUEUE, perform, NULL, NULL};
}

struct cron measure_cron(const struct usage_settings *settings, struct arena *arena)
{
    return (struct cron){
        .name = "usage-measure",
        .when = usage_every(settings->measure_minutes, arena),
        .spec = {.worker = MEASURE_WORKER,
                 .queue = MEASURE_QUEUE,
                 .args = "{}",
                 .unique_key = "usage-measure"},
    };
}
