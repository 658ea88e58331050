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
    /* What had put the customer at hand where it lives: the move before, else the signup. */
    char customer[UUID_TEXT_MAX];
    int64_t put_at;
    bool put_by_hand;
};

/* Of the columns of outcomes_moves. */
enum { CUSTOMER, FROM_MODE, TO_MODE, STATE, ASKED_AT, ASKED_BY, PROPOSAL, CAME_AT };

/* A move that a person asked for without being asked. */
static bool by_hand(const struct db_value *c)
{
    return c[PROPOSAL].type == DB_NULL &&
           str_starts_with(str_from(c[ASKED_BY].text), STR("token:"));
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

/* A move before the span is none that can be overturned in it; nor is a signup before that. */
static void judge_customer(struct judging *j, const struct db_value *c)
{
    if (text_eq(j->customer, c[CUSTOMER].text))
        return;
    (void)snprintf(j->customer, sizeof(j->customer), "%s", c[CUSTOMER].text);
    j->put_at = c[CAME_AT].number;
    j->put_by_hand = false;
}

static enum err judge_move(const struct db_value *c, size_t count, void *arg, struct error *e)
{
    (void)count;
    (void)e;
    struct judging *j = arg;
    int from = mode_of_column(&c[FROM_MODE]), to = mode_of_column(&c[TO_MODE]);
    int64_t asked_at = c[ASKED_AT].number;
    bool person = by_hand(c);
    if (from < 0 || to < 0)
        return OK;
    judge_customer(j, c);
    if (!j->put_by_hand && is_in(j->r, j->put_at) && asked_at - j->put_at <= OUTCOMES_SETTLED_US)
        overturn(j, from, j->put_at, person);
    j->put_at = asked_at;
    j->put_by_hand = person;
    if (person || !is_in(j->r, asked_at))
        return OK;
    /* And as a decision of its own; one that a person agreed to is counted as an answer. */
    if (c[PROPOSAL].type == DB_NULL) {
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

#define WEEK_US   (7 * USEC_PER_DAY)
#define MONDAY_US (4 * USEC_PER_DAY) /* 1970-01-05, the first one there is */
#define WEEKS_MAX (OUTCOMES_DAYS_MAX / 7 + 2)
#define SCORE_ALL MODE_COUNT

struct scores {
    int64_t counts[SCORE_MAX + 1]; /* by score; 0 is none */
};

/* By the mode that was lived in; the last is all. */
struct answers {
    struct scores by_mode[MODE_COUNT + 1];
};

struct satisfaction {
    struct answers span, weeks[WEEKS_MAX];
    int64_t first_week; /* weeks since MONDAY_US */
};

static void count_answers(struct answers *a, int mode, int64_t score, int64_t n)
{
    a->by_mode[mode].counts[score] += n;
    a->by_mode[SCORE_ALL].counts[score] += n;
}

static enum err score_row(const struct db_value *c, size_t count, void *arg, struct error *e)
{
    (void)count;
    (void)e;
    struct satisfaction *s = arg;
    int64_t week = c[0].number - s->first_week, score = c[2].number;
    int mode = mode_of_column(&c[1]);
    BUG_ON(week < 0 || week >= WEEKS_MAX); /* the query has the span's only */
    if (mode >= 0 && score >= SCORE_MIN && score <= SCORE_MAX) {
        count_answers(&s->span, mode, score, c[3].number);
        count_answers(&s->weeks[week], mode, score, c[3].number);
    }
    return OK;
}

static const char *answers_of(size_t i)
{
    return i == SCORE_ALL ? "all" : mode_names[i];
}

/* {responses, average} */
static json_t *average_json(const struct scores *s)
{
    int64_t answers = 0, sum = 0;
    for (int score = SCORE_MIN; score <= SCORE_MAX; score++) {
        answers += s->counts[score];
        sum += s->counts[score] * score;
    }
    return json_pack("{s:I, s:o}", "responses", (json_int_t)answers, "average",
                     share_json(sum, answers));
}

/* And {satisfied, scores}. */
static json_t *scores_json(const struct scores *s)
{
    json_t *out = average_json(s), *counts = json_object();
    int64_t satisfied = 0;
    for (int score = SCORE_MIN; score <= SCORE_MAX; score++) {
        char name[2] = {(char)('0' + score), '\0'};
        satisfied += score >= SCORE_SATISFIED ? s->counts[score] : 0;
        (void)json_object_set_new(counts, name, json_integer(s->counts[score]));
    }
    (void)json_object_set_new(out, "satisfied",
                              share_json(satisfied, json_get_int(out, "responses")));
    (void)json_object_set_new(out, "scores", counts);
    return out;
}

/* Those in which somebody answered. */
static json_t *weeks_json(const struct satisfaction *s)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < WEEKS_MAX; i++) {
        char at[TIME_TEXT_MAX];
        json_t *week = json_object(), *all;
        for (size_t m = 0; m <= SCORE_ALL; m++)
            (void)json_object_set_new(week, answers_of(m), average_json(&s->weeks[i].by_mode[m]));
        all = json_object_get(week, answers_of(SCORE_ALL));
        if (json_get_int(all, "responses") == 0) {
            json_decref(week);
            continue;
        }
        (void)time_text((s->first_week + i) * WEEK_US + MONDAY_US, at);
        (void)json_object_set_new(week, "week", json_stringn(at, strcspn(at, "T")));
        (void)json_array_append_new(list, week);
    }
    return list;
}

enum err outcomes_satisfaction(const struct reading *r, json_t **ret, struct error *e)
{
    struct satisfaction s = {.first_week = (r->from - MONDAY_US) / WEEK_US};
    TRY(db_each(r->tx, &outcomes_scores,
                DB_ARGS(db_int(r->from), db_int(r->to), db_int(MONDAY_US), db_int(WEEK_US)),
                score_row, &s, e));
    json_t *out = json_pack("{s:o}", "weeks", weeks_json(&s));
    for (size_t i = 0; i <= SCORE_ALL; i++)
        (void)json_object_set_new(out, answers_of(i), scores_json(&s.span.by_mode[i]));
    *ret = out;
    return OK;
}
