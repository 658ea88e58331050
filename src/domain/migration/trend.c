#include "domain/migration/overview.h"

#include "overview.sql.h"

#define CAUSE_LEN_MAX 160

#define MOVED(member) offsetof(struct moved, member)

const struct field trend_day_fields[] = {
    {"day", FIELD_INT, offsetof(struct trend_day, day)},
    {"completed", FIELD_INT, offsetof(struct trend_day, completed)},
    {"failed", FIELD_INT, offsetof(struct trend_day, failed)},
    {"cancelled", FIELD_INT, offsetof(struct trend_day, cancelled)},
    {"returned", FIELD_INT, offsetof(struct trend_day, returned)},
    FIELD_END,
};

const struct field trend_cause_fields[] = {
    {"cause", FIELD_TEXT, offsetof(struct trend_cause, cause)},
    {"count", FIELD_INT, offsetof(struct trend_cause, count)},
    FIELD_END,
};

/* A move that is over. */
struct moved {
    const char *state, *to_mode, *requested_by, *reason, *error;
    int64_t stall_us, created_at, finished_at;
};

static const struct field moved_fields[] = {
    {"state", FIELD_TEXT, MOVED(state)},
    {"to_mode", FIELD_TEXT, MOVED(to_mode)},
    {"requested_by", FIELD_TEXT, MOVED(requested_by)},
    {"reason", FIELD_TEXT, MOVED(reason)},
    {"error", FIELD_TEXT, MOVED(error)},
    {"stall_us", FIELD_INT, MOVED(stall_us)},
    {"created_at", FIELD_TIME, MOVED(created_at)},
    {"finished_at", FIELD_TIME, MOVED(finished_at)},
    FIELD_END,
};

static enum trend_end end_of(const struct moved *m)
{
    static const char *const names[] = {[TREND_COMPLETED] = "completed",
                                        [TREND_FAILED] = "failed",
                                        [TREND_CANCELLED] = "cancelled",
                                        [TREND_RETURNED] = "returned",
                                        NULL};
    int end = enum_from_text(names, str_from(m->state));
    return end < 0 ? TREND_FAILED : (enum trend_end)end;
}

/* -- numbers ----------------------------------------------------------------------------------- */

struct numbers {
    int64_t *items;
    size_t count;
};

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The smallest number that `percent` of all do not exceed. They are sorted. */
static int64_t percentile(const struct numbers *n, size_t percent)
{
    return n->count == 0 ? INT_ABSENT : n->items[(n->count * percent + 99) / 100 - 1];
}

static void sort(struct numbers *n)
{
    if (n->count > 0)
        qsort(n->items, n->count, sizeof(n->items[0]), compare);
}

/* -- causes ------------------------------------------------------------------------------------ */

struct causes {
    struct trend_cause items[TREND_CAUSES_MAX];
    size_t count;
};

/* What comes when the list is full counts as something else, in the last place. */
static void add_cause(struct causes *c, const char *cause)
{
    for (size_t i = 0; i < c->count; i++) {
        if (text_eq(c->items[i].cause, cause)) {
            c->items[i].count++;
            return;
        }
    }
    if (c->count < TREND_CAUSES_MAX - 1)
        c->items[c->count++] = (struct trend_cause){cause, 1};
    else if (c->count == TREND_CAUSES_MAX - 1)
        c->items[c->count++] = (struct trend_cause){"something else", 1};
    else
        c->items[c->count - 1].count++;
}

static int compare_causes(const void *a, const void *b)
{
    const struct trend_cause *x = a, *y = b;
    return (y->count > x->count) - (y->count < x->count);
}

static struct records take_causes(struct causes *c, struct arena *arena)
{
    struct trend_cause *copy = arena_new_array(arena, TREND_CAUSES_MAX, struct trend_cause);
    qsort(c->items, c->count, sizeof(c->items[0]), compare_causes);
    memcpy(copy, c->items, c->count * sizeof(c->items[0]));
    return (struct records){copy, c->count};
}

static const char *who_asked(const struct moved *m, struct arena *arena)
{
    struct str name = str_from(m->requested_by);
    if (str_starts_with(name, STR("token:")))
        return arena_printf(arena, "a person, with token %s", m->requested_by + 6);
    if (str_starts_with(name, STR("job:")))
        return arena_printf(arena, "%s", m->requested_by + 4);
    return m->requested_by;
}

/* Errors name things; what differs in those only is not the same cause, but nearly all do. */
static const char *why_failed(const struct moved *m, struct arena *arena)
{
    const char *error = m->error ? m->error : "no error was recorded";
    return arena_text_n(arena, error, strnlen(error, CAUSE_LEN_MAX));
}

/* -- the whole --------------------------------------------------------------------------------- */

static struct trend_day *make_days(int64_t now, int64_t days, struct arena *arena)
{
    struct trend_day *list = arena_new_array(arena, (size_t)days, struct trend_day);
    for (int64_t i = 0; i < days; i++)
        list[i] = (struct trend_day){.day = now / USEC_PER_DAY - days + 1 + i};
    return list;
}

static void count_day(struct trend_day *day, enum trend_end end)
{
    int64_t *const by_end[TREND_ENDS] = {
        [TREND_COMPLETED] = &day->completed,
        [TREND_FAILED] = &day->failed,
        [TREND_CANCELLED] = &day->cancelled,
        [TREND_RETURNED] = &day->returned,
    };
    (*by_end[end])++;
}

static void sum_up(struct records moves, struct trend_day *days, struct arena *arena,
                   struct trend *t)
{
    const struct moved *m = moves.items;
    struct numbers took = {arena_new_array(arena, moves.count + 1, int64_t), 0};
    struct numbers stalls = {arena_new_array(arena, moves.count + 1, int64_t), 0};
    struct causes asked = {0}, failures = {0};
    for (size_t i = 0; i < moves.count; i++) {
        enum trend_end end = end_of(&m[i]);
        t->ends[end]++;
        count_day(&days[m[i].finished_at / USEC_PER_DAY - days[0].day], end);
        add_cause(&asked, who_asked(&m[i], arena));
        if (end == TREND_FAILED)
            add_cause(&failures, why_failed(&m[i], arena));
        if (end == TREND_COMPLETED)
            took.items[took.count++] = m[i].finished_at - m[i].created_at;
        if (end == TREND_COMPLETED && m[i].stall_us != INT_ABSENT)
            stalls.items[stalls.count++] = m[i].stall_us;
    }
    sort(&took);
    sort(&stalls);
    t->took_p50 = percentile(&took, 50);
    t->took_p95 = percentile(&took, 95);
    t->stall_p50 = percentile(&stalls, 50);
    t->stall_max = percentile(&stalls, 100);
    t->asked = take_causes(&asked, arena);
    t->failures = take_causes(&failures, arena);
}

enum err trend_take(struct db_tx *tx, int64_t now, int64_t days, struct arena *arena,
                    struct trend *ret, struct error *e)
{
    struct trend t = {0};
    struct records moves;
    struct trend_day *list = make_days(now, days, arena);
    int64_t since = list[0].day * USEC_PER_DAY;
    TRY(db_list(tx, &overview_moves_since, DB_ARGS(db_int(since), db_int(TREND_MOVES_MAX)),
                moved_fields, sizeof(struct moved), TREND_MOVES_MAX, arena, &moves, e));
    sum_up(moves, list, arena, &t);
    int64_t judged = t.ends[TREND_COMPLETED] + t.ends[TREND_FAILED] + t.ends[TREND_RETURNED];
    t.success = judged == 0 ? INT_ABSENT : t.ends[TREND_COMPLETED] * DECIMAL_ONE / judged;
    t.whole = moves.count < TREND_MOVES_MAX;
    t.days = (struct records){list, (size_t)days};
    *ret = t;
    return OK;
}
