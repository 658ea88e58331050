/* Whether decisions held, and whether customers were content with them. */
#include "base/decimal.h"
#include "domain/outcomes/feedback.h"
#include "domain/outcomes/parts.h"
#include "outcomes.sql.h"

/* -- decisions -------------------------------------------------------------------------------- */

struct judged {
    int64_t decisions;              /* of the policy */
    int64_t old;                    /* of these, older than 30 days */
    int64_t overridden, reversed;   /* within their 30 days */
    int64_t early;                  /* of the last two, younger than 30 days */
    int64_t rated, rated_satisfied; /* decisions that customers were asked about */
};

struct judging {
    const struct reading *r;
    int64_t old_before;
    struct judged by_mode[MODE_COUNT];
};

/* Of the columns of outcomes_moves. */
enum {
    FROM_MODE,
    TO_MODE,
    STATE,
    ASKED_AT,
    ASKED_BY,
    PROPOSED,
    PUT_AT,
    PUT_BY,
    PUT_PROPOSED,
    CAME
};

/* A move that a person asked for without being asked. */
static bool by_hand(const struct db_value *by, const struct db_value *proposed)
{
    return proposed->type == DB_NULL && by->type == DB_TEXT &&
           str_starts_with(str_from(by->text), STR("token:"));
}

static bool is_in(const struct reading *r, int64_t at)
{
    return at >= r->from && at < r->to;
}

static void overturn(struct judging *j, int mode, int64_t made_at, bool by_person)
{
    struct judged *d = &j->by_mode[mode];
    if (by_person)
        d->overridden++;
    else
        d->reversed++;
    d->early += made_at >= j->old_before;
}

static enum err judge_move(const struct db_value *c, size_t count, void *arg, struct error *e)
{
    (void)count;
    (void)e;
    struct judging *j = arg;
    int from = mode_of_column(&c[FROM_MODE]), to = mode_of_column(&c[TO_MODE]);
    int64_t asked_at = c[ASKED_AT].number;
    bool person = by_hand(&c[ASKED_BY], &c[PROPOSED]);
    if (from < 0 || to < 0)
        return OK;
    /* What it makes of the decision before. */
    const struct db_value *put = c[PUT_AT].type == DB_INT ? &c[PUT_AT] : &c[CAME];
    bool put_by_hand = c[PUT_AT].type == DB_INT && by_hand(&c[PUT_BY], &c[PUT_PROPOSED]);
    if (put->type == DB_INT && !put_by_hand && is_in(j->r, put->number) &&
        asked_at - put->number <= OUTCOMES_SETTLED_US)
        overturn(j, from, put->number, person);
    if (person || !is_in(j->r, asked_at))
        return OK;
    /* And as a decision of its own; one that a person agreed to is counted as an answer. */
    if (c[PROPOSED].type == DB_NULL) {
        j->by_mode[to].decisions++;
        j->by_mode[to].old += asked_at < j->old_before;
    }
    if (text_eq(c[STATE].text, "returning") || text_eq(c[STATE].text, "returned"))
        overturn(j, to, asked_at, true);
    return OK;
}

static enum err rated_row(const struct db_value *c, size_t count, void *arg, struct error *e)
{
    (void)count;
    (void)e;
    struct judging *j = arg;
    int mode = mode_of_column(&c[0]);
    if (mode >= 0) {
        j->by_mode[mode].rated += c[1].number;
        j->by_mode[mode].rated_satisfied += c[2].number;
    }
    return OK;
}

/* Signups and answers, in all and those that are old. */
static enum err count_decisions(struct judging *j, struct error *e)
{
    const struct reading *r = j->r;
    int64_t all[MODE_COUNT] = {0}, old[MODE_COUNT] = {0}, no[MODE_COUNT] = {0};
    int64_t early_no[MODE_COUNT] = {0};
    int64_t old_to = r->to < j->old_before ? r->to : j->old_before;
    int64_t early_from = r->from > j->old_before ? r->from : j->old_before;
    struct db_value from = db_int(r->from), to = db_int(r->to);
    TRY(count_by_mode(r->tx, &outcomes_signups, DB_ARGS(from, to), all, e));
    TRY(count_by_mode(r->tx, &outcomes_answers, DB_ARGS(from, to), all, e));
    TRY(count_by_mode(r->tx, &outcomes_signups, DB_ARGS(from, db_int(old_to)), old, e));
    TRY(count_by_mode(r->tx, &outcomes_answers, DB_ARGS(from, db_int(old_to)), old, e));
    TRY(count_by_mode(r->tx, &outcomes_rejections, DB_ARGS(from, to), no, e));
    TRY(count_by_mode(r->tx, &outcomes_rejections, DB_ARGS(db_int(early_from), to), early_no, e));
    for (size_t i = 0; i < MODE_COUNT; i++) {
        struct judged *d = &j->by_mode[i];
        d->decisions += all[i];
        d->old += old[i];
        d->overridden += no[i];
        d->early += early_no[i];
    }
    return OK;
}

static json_t *judged_json(const struct judged *d)
{
    int64_t overturned = d->overridden + d->reversed, settled = d->old + d->early;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:o}", "decisions",
                     (json_int_t)d->decisions, "settled", (json_int_t)settled, "open",
                     (json_int_t)(d->decisions - settled), "overridden", (json_int_t)d->overridden,
                     "reversed", (json_int_t)d->reversed, "accuracy",
                     share_json(settled - overturned, settled), "rated", (json_int_t)d->rated,
                     "rated_satisfied", share_json(d->rated_satisfied, d->rated));
}

static void judged_add(struct judged *sum, const struct judged *d)
{
    sum->decisions += d->decisions;
    sum->old += d->old;
    sum->overridden += d->overridden;
    sum->reversed += d->reversed;
    sum->early += d->early;
    sum->rated += d->rated;
    sum->rated_satisfied += d->rated_satisfied;
}

enum err outcomes_accuracy(const struct reading *r, json_t **ret, struct error *e)
{
    struct judging j = {.r = r, .old_before = r->now - OUTCOMES_SETTLED_US};
    struct judged all = {0};
    TRY(count_decisions(&j, e));
    TRY(db_each(
        r->tx, &outcomes_moves,
        DB_ARGS(db_int(r->from), db_int(r->to + OUTCOMES_SETTLED_US), db_int(OUTCOMES_ROWS_MAX)),
        judge_move, &j, e));
    TRY(db_each(r->tx, &outcomes_rated_decisions,
                DB_ARGS(db_int(r->from), db_int(r->to), db_int(SCORE_SATISFIED)), rated_row, &j,
                e));
    json_t *out =
        json_pack("{s:i}", "settled_after_days", (int)(OUTCOMES_SETTLED_US / USEC_PER_DAY));
    for (size_t i = 0; i < MODE_COUNT; i++) {
        judged_add(&all, &j.by_mode[i]);
        (void)json_object_set_new(out, mode_names[i], judged_json(&j.by_mode[i]));
    }
    (void)json_object_set_new(out, "all", judged_json(&all));
    *ret = out;
    return OK;
}

/* -- feedback --------------------------------------------------------------------------------- */

struct scores {
    int64_t counts[SCORE_MAX + 1]; /* by score; 0 is none */
};

static enum err score_row(const struct db_value *c, size_t count, void *arg, struct error *e)
{
    (void)count;
    (void)e;
    struct scores *by_mode = arg;
    int mode = mode_of_column(&c[0]);
    if (mode >= 0 && c[1].number >= SCORE_MIN && c[1].number <= SCORE_MAX)
        by_mode[mode].counts[c[1].number] += c[2].number;
    return OK;
}

static json_t *scores_json(const struct scores *s)
{
    int64_t answers = 0, sum = 0, satisfied = 0;
    json_t *counts = json_object();
    for (int score = SCORE_MIN; score <= SCORE_MAX; score++) {
        char name[2] = {(char)('0' + score), '\0'};
        int64_t n = s->counts[score];
        answers += n;
        sum += n * score;
        satisfied += score >= SCORE_SATISFIED ? n : 0;
        (void)json_object_set_new(counts, name, json_integer(n));
    }
    return json_pack("{s:I, s:o, s:o, s:o}", "responses", (json_int_t)answers, "average",
                     share_json(sum, answers), "satisfied", share_json(satisfied, answers),
                     "scores", counts);
}

enum err outcomes_satisfaction(const struct reading *r, json_t **ret, struct error *e)
{
    struct scores by_mode[MODE_COUNT] = {0}, all = {0};
    TRY(db_each(r->tx, &outcomes_scores, DB_ARGS(db_int(r->from), db_int(r->to)), score_row,
                by_mode, e));
    json_t *out = json_object();
    for (size_t i = 0; i < MODE_COUNT; i++) {
        for (int score = SCORE_MIN; score <= SCORE_MAX; score++)
            all.counts[score] += by_mode[i].counts[score];
        (void)json_object_set_new(out, mode_names[i], scores_json(&by_mode[i]));
    }
    (void)json_object_set_new(out, "all", scores_json(&all));
    *ret = out;
    return OK;
}
