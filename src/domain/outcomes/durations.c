/* How long it took to find that a customer should move, and to move it. */
#include "base/decimal.h"
#include "domain/migration/move_states.h"
#include "domain/outcomes/parts.h"
#include "outcomes.sql.h"

struct samples {
    int64_t *items; /* microseconds */
    size_t count, room;
};

/* By the mode that was moved to; the last is all. */
#define ALL MODE_COUNT

struct durations {
    struct samples by_mode[MODE_COUNT + 1];
    int64_t failed[MODE_COUNT + 1], cancelled[MODE_COUNT + 1], returned[MODE_COUNT + 1];
};

static void add(struct samples *s, int64_t us)
{
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 64;
        s->items = reallocarray(s->items, s->room, sizeof(*s->items));
        BUG_ON(!s->items);
    }
    s->items[s->count++] = us > 0 ? us : 0;
}

static void release(struct durations *d)
{
    for (size_t i = 0; i <= ALL; i++)
        free(d->by_mode[i].items);
}

static int by_length(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Seconds, to four decimal places. */
static json_t *seconds_json(int64_t us)
{
    return json_decimal(us / (USEC_PER_SEC / DECIMAL_ONE));
}

/* The nearest rank: a length that there was. */
static json_t *quantile_json(const struct samples *s, size_t percent)
{
    return s->count ? seconds_json(s->items[(s->count * percent + 99) / 100 - 1]) : json_null();
}

/* Members that both kinds of durations have. */
static json_t *samples_json(struct samples *s)
{
    int64_t sum = 0;
    if (s->count > 0)
        qsort(s->items, s->count, sizeof(*s->items), by_length);
    for (size_t i = 0; i < s->count; i++)
        sum += s->items[i];
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "count", (json_int_t)s->count, "average_s",
                     s->count ? seconds_json(sum / (int64_t)s->count) : json_null(), "median_s",
                     quantile_json(s, 50), "p90_s", quantile_json(s, 90), "p95_s",
                     quantile_json(s, 95), "max_s", quantile_json(s, 100));
}

static const char *name_of(size_t i)
{
    return i == ALL ? "all" : mode_names[i];
}

static enum err read_durations(const struct reading *r, const struct db_query *query,
                               db_row_fn *row, struct durations *d, struct error *e)
{
    enum err err =
        db_each(r->tx, query, DB_ARGS(db_int(r->from), db_int(r->to), db_int(OUTCOMES_ROWS_MAX)),
                row, d, e);
    if (err != OK)
        release(d);
    return err;
}

/* -- to detect -------------------------------------------------------------------------------- */

static enum err detection_row(const struct db_value *c, size_t count, void *arg, struct error *e)
{
    (void)count;
    (void)e;
    struct durations *d = arg;
    int mode = mode_of_column(&c[0]);
    if (mode >= 0) {
        add(&d->by_mode[mode], c[1].number);
        add(&d->by_mode[ALL], c[1].number);
    }
    return OK;
}

enum err outcomes_time_to_detect(const struct reading *r, json_t **ret, struct error *e)
{
    struct durations d = {0};
    TRY(read_durations(r, &outcomes_detections, detection_row, &d, e));
    json_t *out = json_object();
    for (size_t i = 0; i <= ALL; i++)
        (void)json_object_set_new(out, name_of(i), samples_json(&d.by_mode[i]));
    release(&d);
    *ret = out;
    return OK;
}

/* -- to move ---------------------------------------------------------------------------------- */

/* A move that switched is there, whatever of it soaks or is cleaned up; or it was taken back. */
static void count_move(struct durations *d, size_t i, const char *state, int64_t took)
{
    switch (enum_from_text(move_state_names, str_from(state))) {
    case MOVE_SOAKING:
    case MOVE_CLEANING:
    case MOVE_COMPLETED:
        add(&d->by_mode[i], took);
        break;
    case MOVE_RETURNING:
    case MOVE_REMOVING:
    case MOVE_RETURNED:
        d->returned[i]++;
        break;
    case MOVE_FAILED:
        d->failed[i]++;
        break;
    case MOVE_CANCELLED:
        d->cancelled[i]++;
        break;
    default: /* not there yet */
        break;
    }
}

static enum err move_row(const struct db_value *c, size_t count, void *arg, struct error *e)
{
    (void)count;
    (void)e;
    struct durations *d = arg;
    int mode = mode_of_column(&c[0]);
    if (mode >= 0) {
        count_move(d, (size_t)mode, c[1].text, c[2].number);
        count_move(d, ALL, c[1].text, c[2].number);
    }
    return OK;
}

/* A move that a person cancelled says nothing about how well moves go. */
static json_t *moves_json(struct durations *d, size_t i)
{
    int64_t reached = (int64_t)d->by_mode[i].count;
    json_t *out = samples_json(&d->by_mode[i]);
    (void)json_object_set_new(out, "failed", json_integer(d->failed[i]));
    (void)json_object_set_new(out, "cancelled", json_integer(d->cancelled[i]));
    (void)json_object_set_new(out, "returned", json_integer(d->returned[i]));
    (void)json_object_set_new(out, "success",
                              share_json(reached, reached + d->failed[i] + d->returned[i]));
    return out;
}

enum err outcomes_time_to_move(const struct reading *r, json_t **ret, struct error *e)
{
    struct durations d = {0};
    TRY(read_durations(r, &outcomes_moved, move_row, &d, e));
    json_t *out = json_object();
    for (size_t i = 0; i <= ALL; i++)
        (void)json_object_set_new(out, name_of(i), moves_json(&d, i));
    release(&d);
    *ret = out;
    return OK;
}
