#include "domain/jobs/cron.h"

#include "cron.sql.h"
#include "domain/jobs/lease.h"

#define LEADER_LEASE   "cron"
#define SEARCH_MINUTES (4LL * 366 * 24 * 60) /* 29 February comes within four years */
#define USEC_PER_MIN   (60 * USEC_PER_SEC)

struct cron_field {
    const char *complaint;
    int min, max;
};

static const struct cron_field cron_fields[] = {
    {"the minute must be 0 to 59", 0, 59},       {"the hour must be 0 to 23", 0, 23},
    {"the day of month must be 1 to 31", 1, 31}, {"the month must be 1 to 12", 1, 12},
    {"the day of week must be 0 to 7", 0, 7},
};

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };

struct cron_times {
    uint64_t allowed[FIELDS]; /* bit n: value n */
    bool any_day, any_weekday;
};

/* One piece of a list: "*", "n", "n-m", each with or without "/step". */
static bool parse_piece(struct str piece, const struct cron_field *f, uint64_t *allowed)
{
    struct str rest = piece;
    struct str range = str_cut(&rest, '/');
    int64_t low = f->min, high = f->max, step = 1;
    if (rest.ptr && (!str_to_i64(rest, &step) || step < 1 || step > f->max))
        return false;
    if (!str_eq(range, STR("*"))) {
        struct str to = range;
        struct str from = str_cut(&to, '-');
        if (!str_to_i64(from, &low))
            return false;
        if (to.ptr && !str_to_i64(to, &high))
            return false;
        if (!to.ptr && !rest.ptr) /* "5" alone; "5/10" goes on to the end */
            high = low;
    }
    if (low < f->min || high > f->max || low > high)
        return false;
    for (int64_t n = low; n <= high; n += step)
        *allowed |= UINT64_C(1) << n;
    return true;
}

static const char *parse(const char *when, struct cron_times *ret)
{
    struct cron_times times = {0};
    struct str rest = str_trim(str_from(when));
    for (int i = 0; i < FIELDS; i++) {
        if (!rest.ptr)
            return "there must be five fields: minute hour day month weekday";
        struct str field = str_cut(&rest, ' ');
        bool star = memchr(field.ptr, '*', field.len) != NULL; /* with a step too */
        times.any_day = i == DAY ? star : times.any_day;
        times.any_weekday = i == WEEKDAY ? star : times.any_weekday;
        while (field.ptr) {
            if (!parse_piece(str_cut(&field, ','), &cron_fields[i], &times.allowed[i]))
                return cron_fields[i].complaint;
        }
    }
    if (rest.ptr)
        return "there must be five fields: minute hour day month weekday";
    if (times.allowed[WEEKDAY] & 1 << 7) /* 7 is Sunday as 0 is */
        times.allowed[WEEKDAY] |= 1;
    *ret = times;
    return NULL;
}

const char *cron_check(const char *when)
{
    struct cron_times times;
    return parse(when, &times);
}

static bool allows(const struct cron_times *t, int field, int value)
{
    return t->allowed[field] >> value & 1;
}

static bool matches_date(const struct cron_times *t, const struct tm *tm)
{
    bool day = allows(t, DAY, tm->tm_mday), weekday = allows(t, WEEKDAY, tm->tm_wday);
    bool either = t->any_day || t->any_weekday ? day && weekday : day || weekday;
    return allows(t, MONTH, tm->tm_mon + 1) && either;
}

int64_t cron_last_slot(const char *when, int64_t now)
{
    struct cron_times times;
    BUG_ON(parse(when, &times) != NULL);
    int64_t newest = now / USEC_PER_MIN, minute = newest;
    while (minute > newest - SEARCH_MINUTES) {
        time_t seconds = (time_t)(minute * 60);
        struct tm tm;
        BUG_ON(!gmtime_r(&seconds, &tm));
        if (!matches_date(&times, &tm))
            minute -= tm.tm_hour * 60 + tm.tm_min + 1; /* the last minute of the day before */
        else if (!allows(&times, HOUR, tm.tm_hour))
            minute -= tm.tm_min + 1;
        else if (!allows(&times, MINUTE, tm.tm_min))
            minute--;
        else
            return minute * USEC_PER_MIN;
    }
    return INT_ABSENT;
}

static enum err enqueue_due(struct db_tx *tx, const struct env *env, int64_t now,
                            const struct cron *cron, struct arena *arena, int64_t *enqueued,
                            struct error *e)
{
    int64_t slot = cron_last_slot(cron->when, now), changes;
    if (slot == INT_ABSENT)
        return OK;
    TRY(db_exec(tx, &cron_insert, DB_ARGS(db_text(cron->name), db_int(slot)), &changes, e));
    if (changes == 0)
        TRY(db_exec(tx, &cron_take_slot, DB_ARGS(db_text(cron->name), db_int(slot)), &changes, e));
    else
        changes = 0;
    if (changes == 0)
        return OK;
    TRY(job_enqueue(tx, env, &cron->spec, arena, NULL, NULL, e));
    (*enqueued)++;
    return OK;
}

enum err cron_tick(struct db_tx *tx, const struct env *env, int64_t node, int64_t lease_us,
                   const struct cron *crons, size_t count, struct arena *arena,
                   int64_t *ret_enqueued, struct error *e)
{
    bool leads;
    int64_t now, enqueued = 0;
    TRY(db_now(tx, &now, e));
    TRY(lease_take(tx, LEADER_LEASE, node, now, lease_us, &leads, e));
    for (size_t i = 0; leads && i < count; i++)
        TRY(enqueue_due(tx, env, now, &crons[i], arena, &enqueued, e));
    *ret_enqueued = enqueued;
    return OK;
}
