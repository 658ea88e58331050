#include "domain/usage/retention.h"

#include "domain/usage/measure.h"
#include "retention.sql.h"

#define RETENTION_WORKER "UsageRetentionWorker"
#define RETENTION_QUEUE  "maintenance"
#define BATCH_HOURS      1000

int64_t usage_first_hour(int64_t now)
{
    return (now / USEC_PER_HOUR - HOURS_KEPT) / HOURS_A_DAY * HOURS_A_DAY;
}

enum err usage_days_list(struct db_tx *tx, const char *customer_id, int64_t first, int64_t end,
                         struct arena *arena, struct records *ret_days, struct error *e)
{
    size_t max = end > first ? (size_t)(end - first) : 0;
    return db_list(tx, &usage_days_between,
                   DB_ARGS(db_text(customer_id), db_int(first), db_int(end)), usage_hour_fields,
                   sizeof(struct usage_hour), max, arena, ret_days, e);
}

/* -- hours into days -------------------------------------------------------------------------- */

struct batch {
    struct arena *arena;
    int64_t before;          /* hours from here on stay */
    struct records hours;    /* struct usage_hour, by customer and time */
    struct usage_hour *days; /* theirs, in the same order; `hour` is the day's first */
    size_t day_count;
    int64_t moved;
};

static bool is_day_of(const struct usage_hour *day, const struct usage_hour *hour)
{
    return day->hour == hour->hour / HOURS_A_DAY * HOURS_A_DAY &&
           text_eq(day->customer_id, hour->customer_id);
}

static void sum_days(struct batch *b)
{
    struct usage_hour *hours = b->hours.items;
    b->days = arena_new_array(b->arena, b->hours.count, struct usage_hour);
    b->day_count = 0;
    for (size_t i = 0; i < b->hours.count; i++) {
        usage_hour_settle(&hours[i]);
        if (b->day_count == 0 || !is_day_of(&b->days[b->day_count - 1], &hours[i]))
            b->days[b->day_count++] =
                (struct usage_hour){.customer_id = hours[i].customer_id,
                                    .hour = hours[i].hour / HOURS_A_DAY * HOURS_A_DAY};
        usage_hour_add(&b->days[b->day_count - 1], &hours[i]);
    }
}

/* What is stored of the days already: their users, or hours that were moved before. */
static enum err add_stored(struct db_tx *tx, struct batch *b, struct error *e)
{
    const char **ids = arena_new_array(b->arena, b->day_count, const char *);
    int64_t first = INT64_MAX, last = 0;
    size_t customers = 0;
    for (size_t i = 0; i < b->day_count; i++) {
        int64_t day = b->days[i].hour / HOURS_A_DAY;
        first = day < first ? day : first;
        last = day > last ? day : last;
        if (customers == 0 || !text_eq(ids[customers - 1], b->days[i].customer_id))
            ids[customers++] = b->days[i].customer_id;
    }
    struct records stored;
    TRY(db_list(tx, &retention_days_of,
                DB_ARGS(db_text(db_texts_json(b->arena, (struct texts){ids, customers})),
                        db_int(first), db_int(last)),
                usage_hour_fields, sizeof(struct usage_hour),
                customers * (size_t)(last - first + 1), b->arena, &stored, e));
    const struct usage_hour *day = stored.items, *end = day + stored.count;
    for (size_t i = 0; i < b->day_count; i++) {
        struct usage_hour *sum = &b->days[i];
        while (day < end &&
               (strcmp(day->customer_id, sum->customer_id) < 0 ||
                (text_eq(day->customer_id, sum->customer_id) && day->hour < sum->hour)))
            day++;
        if (day < end && is_day_of(sum, day))
            usage_hour_add(sum, day++);
    }
    return OK;
}

static struct db_value *keys_of(const struct batch *b, const struct usage_hour *items, size_t count,
                                int64_t unit)
{
    struct db_value *rows = arena_new_array(b->arena, count * 2, struct db_value);
    for (size_t i = 0; i < count; i++) {
        rows[2 * i] = db_text(items[i].customer_id);
        rows[2 * i + 1] = db_int(items[i].hour / unit);
    }
    return rows;
}

/* A day's columns are an hour's without the points that are counted apart. */
static enum err put_days(struct db_tx *tx, const struct batch *b, struct error *e)
{
    size_t width = 0;
    for (const struct field *f = usage_hour_fields; f->name; f++)
        width += f->offset != offsetof(struct usage_hour, gps_collected);
    struct db_value *rows = arena_new_array(b->arena, b->day_count * width, struct db_value);
    struct db_value *at = rows;
    for (size_t i = 0; i < b->day_count; i++) {
        *at++ = db_text(b->days[i].customer_id);
        *at++ = db_int(b->days[i].hour / HOURS_A_DAY);
        for (const struct field *f = usage_hour_fields + 2; f->name; f++) {
            if (f->offset != offsetof(struct usage_hour, gps_collected))
                *at++ = db_int(*(const int64_t *)record_at(&b->days[i], f));
        }
    }
    return db_exec_rows(tx, &retention_put_days, DB_NO_ARGS, rows, width, b->day_count, NULL, e);
}

/* Serializable, since nobody may add to an hour between its sum and its deletion. */
static enum err move_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct batch *b = arg;
    TRY(db_list(tx, &retention_old_hours, DB_ARGS(db_int(b->before), db_int(BATCH_HOURS)),
                usage_hour_fields, sizeof(struct usage_hour), BATCH_HOURS, b->arena, &b->hours, e));
    b->moved = (int64_t)b->hours.count;
    if (b->hours.count == 0)
        return OK;
    const struct db_value *hours = keys_of(b, b->hours.items, b->hours.count, 1);
    sum_days(b);
    TRY(add_stored(tx, b, e));
    const struct db_value *days = keys_of(b, b->days, b->day_count, HOURS_A_DAY);
    TRY(db_exec_rows(tx, &retention_delete_hours, DB_NO_ARGS, hours, 2, b->hours.count, NULL, e));
    TRY(db_exec_rows(tx, &retention_delete_days, DB_NO_ARGS, days, 2, b->day_count, NULL, e));
    return put_days(tx, b, e);
}

enum err usage_move_to_days(const struct env *env, const _Atomic bool *cancelled,
                            int64_t *ret_moved, struct error *e)
{
    int64_t all = 0, moved;
    do {
        _cleanup_arena_ struct arena arena = {0};
        struct batch b = {.arena = &arena, .before = usage_first_hour(env_now(env))};
        TRY(db_write(env->db, move_work, &b, e));
        moved = b.moved;
        all += moved;
    } while (moved == BATCH_HOURS && !*cancelled);
    *ret_moved = all;
    return OK;
}

static enum job_result perform(struct job_run *run, struct error *e)
{
    int64_t moved;
    return usage_move_to_days(run->env, run->cancelled, &moved, e) == OK ? JOB_DONE : JOB_RETRY;
}

struct job_worker usage_retention_worker(void)
{
    return (struct job_worker){RETENTION_WORKER, RETENTION_QUEUE, perform, NULL, NULL};
}

struct cron usage_retention_cron(void)
{
    return (struct cron){
        .name = "usage-retention",
        .when = "41 * * * *",
        .spec = {.worker = RETENTION_WORKER,
                 .queue = RETENTION_QUEUE,
                 .args = "{}",
                 .unique_key = "usage-retention"},
    };
}

/* -- what is deleted -------------------------------------------------------------------------- */

static enum err days_prune(struct db_tx *tx, int64_t before, int64_t max, int64_t *ret_deleted,
                           struct error *e)
{
    return db_exec(tx, &prune_days, DB_ARGS(db_int(before / USEC_PER_DAY), db_int(max)),
                   ret_deleted, e);
}

static enum err users_prune(struct db_tx *tx, int64_t before, int64_t max, int64_t *ret_deleted,
                            struct error *e)
{
    return db_exec(tx, &prune_users, DB_ARGS(db_int(before / USEC_PER_HOUR), db_int(max)),
                   ret_deleted, e);
}

static enum err event_ids_prune(struct db_tx *tx, int64_t before, int64_t max, int64_t *ret_deleted,
                                struct error *e)
{
    return db_exec(tx, &prune_event_ids, DB_ARGS(db_int(before), db_int(max)), ret_deleted, e);
}

void usage_prune_rules(struct prune_rule out[USAGE_PRUNE_RULES])
{
    const struct prune_rule rules[USAGE_PRUNE_RULES] = {
        {days_prune, DAYS_KEPT * USEC_PER_DAY},
        {users_prune, USERS_KEPT * USEC_PER_HOUR},
        /* A day longer than events may be late, so that none is counted twice at the bound. */
        {event_ids_prune, HOURS_KEPT * USEC_PER_HOUR + USEC_PER_DAY},
    };
    memcpy(out, rules, sizeof(rules));
}
