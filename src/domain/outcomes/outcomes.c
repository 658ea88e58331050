#include "domain/outcomes/parts.h"

#include "base/decimal.h"
#include "outcomes.sql.h"

json_t *share_json(int64_t part, int64_t whole)
{
    return whole > 0 ? json_decimal(part * DECIMAL_ONE / whole) : json_null();
}

struct counting {
    int64_t *counts;
};

static enum err count_row(const struct db_value *c, size_t width, void *arg, struct error *e)
{
    (void)width;
    (void)e;
    struct counting *counting = arg;
    int mode = mode_of_column(&c[0]);
    if (mode >= 0)
        counting->counts[mode] += c[1].number;
    return OK;
}

enum err count_by_mode(struct db_tx *tx, const struct db_query *query, struct db_args args,
                       int64_t counts[MODE_COUNT], struct error *e)
{
    struct counting counting = {counts};
    return db_each(tx, query, args, count_row, &counting, e);
}

/* -- the summary ------------------------------------------------------------------------------ */

static enum err read_span(const struct env *env, struct outcomes_span span,
                          struct problems *problems, struct reading *r, struct error *e)
{
    r->now = env_now(env);
    r->to = span.to == INT_ABSENT ? r->now : span.to;
    r->from = span.from == INT_ABSENT ? r->to - OUTCOMES_DAYS_DEFAULT * USEC_PER_DAY : span.from;
    if (r->from >= r->to)
        problem_add(problems, "from", 0, "must be before to");
    else if (r->to - r->from > OUTCOMES_DAYS_MAX * USEC_PER_DAY)
        problem_add(problems, "from", 0, "must be at most %d days before to", OUTCOMES_DAYS_MAX);
    return problems->count > 0 ? problems_error(problems, e) : OK;
}

static enum err outcomes_customers(const struct reading *r, json_t **ret, struct error *e)
{
    int64_t now[MODE_COUNT] = {0}, came[MODE_COUNT] = {0};
    TRY(count_by_mode(r->tx, &outcomes_living_now, DB_NO_ARGS, now, e));
    TRY(count_by_mode(r->tx, &outcomes_signups, DB_ARGS(db_int(r->from), db_int(r->to)), came, e));
    json_t *out = json_object();
    for (size_t i = 0; i < MODE_COUNT; i++)
        (void)json_object_set_new(
            out, mode_names[i],
            json_pack("{s:I, s:I}", "now", (json_int_t)now[i], "signed_up", (json_int_t)came[i]));
    *ret = out;
    return OK;
}

enum err outcomes_read(struct db_tx *tx, const struct env *env, struct outcomes_span span,
                       struct problems *problems, json_t **ret_summary, struct error *e)
{
    static const struct part {
        const char *name;
        enum err (*read)(const struct reading *r, json_t **ret, struct error *e);
    } parts[] = {
        {"customers", outcomes_customers},         {"decisions", outcomes_accuracy},
        {"satisfaction", outcomes_satisfaction},   {"retention", outcomes_retention},
        {"cancellations", outcomes_cancellations}, {"time_to_detect", outcomes_time_to_detect},
        {"time_to_move", outcomes_time_to_move},
    };
    char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
    struct reading r = {.tx = tx};
    TRY(read_span(env, span, problems, &r, e));
    json_t *summary =
        json_pack("{s:s, s:s}", "from", time_text(r.from, from), "to", time_text(r.to, to));
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        json_t *part;
        enum err err = parts[i].read(&r, &part, e);
        if (err != OK) {
            json_decref(summary);
            return err;
        }
        (void)json_object_set_new(summary, parts[i].name, part);
    }
    *ret_summary = summary;
    return OK;
}
