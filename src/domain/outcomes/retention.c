/* Who stays, who leaves and why. */
#include "domain/outcomes/parts.h"
#include "outcomes.sql.h"

#include <time.h>

#define COHORTS        12 /* months */
#define MONTH_TEXT_MAX 16

/* -- months ----------------------------------------------------------------------------------- */

/* Where the month `offset` months after that of `at` begins. */
static int64_t month_start(int64_t at, int offset, char name[MONTH_TEXT_MAX])
{
    time_t seconds = (time_t)(at / USEC_PER_SEC);
    struct tm tm;
    BUG_ON(!gmtime_r(&seconds, &tm));
    int months = tm.tm_year * 12 + tm.tm_mon + offset;
    struct tm first = {.tm_year = months / 12, .tm_mon = months % 12, .tm_mday = 1};
    (void)snprintf(name, MONTH_TEXT_MAX, "%04d-%02d", first.tm_year + 1900, first.tm_mon + 1);
    return (int64_t)timegm(&first) * USEC_PER_SEC;
}

struct cohorts {
    int64_t starts[COHORTS + 1]; /* the last is where the months after all cohorts begin */
    char names[COHORTS + 1][MONTH_TEXT_MAX];
    int64_t came[COHORTS][MODE_COUNT];
    int64_t left[COHORTS][MODE_COUNT][COHORTS]; /* by how many months later */
};

/* The month of a time, COHORTS - 1 for all that is later; -1 before the first. */
static int month_of(const struct cohorts *c, int64_t at)
{
    int month = -1;
    while (month < COHORTS - 1 && at >= c->starts[month + 1])
        month++;
    return month;
}

static enum err leaver_row(const struct db_value *columns, size_t count, void *arg, struct error *e)
{
    (void)count;
    (void)e;
    struct cohorts *c = arg;
    int mode = mode_of_column(&columns[0]);
    int came = month_of(c, columns[1].number), left = month_of(c, columns[2].number);
    if (mode >= 0 && came >= 0 && left >= came && columns[1].number < c->starts[COHORTS])
        c->left[came][mode][left - came]++;
    return OK;
}

static enum err read_cohorts(const struct reading *r, struct cohorts *c, struct error *e)
{
    for (int i = 0; i <= COHORTS; i++)
        c->starts[i] = month_start(r->to - 1, i + 1 - COHORTS, c->names[i]);
    for (int i = 0; i < COHORTS; i++)
        TRY(count_by_mode(r->tx, &outcomes_signups,
                          DB_ARGS(db_int(c->starts[i]), db_int(c->starts[i + 1])), c->came[i], e));
    return db_each(r->tx, &outcomes_leavers_of_cohorts,
                   DB_ARGS(db_int(c->starts[0]), db_int(OUTCOMES_ROWS_MAX)), leaver_row, c, e);
}

/* How many of those who came in a month were still there at the end of each month since. */
static json_t *cohort_json(const struct cohorts *c, int month, int mode)
{
    int64_t came = c->came[month][mode], left = 0;
    json_t *retained = json_array();
    for (int later = 0; month + later < COHORTS; later++) {
        left += c->left[month][mode][later];
        (void)json_array_append_new(retained, share_json(came - left, came));
    }
    return json_pack("{s:s, s:s, s:I, s:I, s:o}", "month", c->names[month], "mode",
                     mode_names[mode], "signed_up", (json_int_t)came, "left", (json_int_t)left,
                     "retained", retained);
}

static json_t *cohorts_json(const struct cohorts *c)
{
    json_t *list = json_array();
    for (int month = 0; month < COHORTS; month++) {
        for (int mode = 0; mode < MODE_COUNT; mode++) {
            if (c->came[month][mode] > 0)
                (void)json_array_append_new(list, cohort_json(c, month, mode));
        }
    }
    return list;
}

/* -- retention -------------------------------------------------------------------------------- */

/* Those who were there in the span: who is there now or left since, without who came later. */
enum err outcomes_retention(const struct reading *r, json_t **ret, struct error *e)
{
    int64_t now[MODE_COUNT] = {0}, left[MODE_COUNT] = {0}, later_left[MODE_COUNT] = {0};
    int64_t later_came[MODE_COUNT] = {0};
    struct db_value from = db_int(r->from), to = db_int(r->to), end = db_int(INT64_MAX);
    struct cohorts *c = calloc(1, sizeof(*c));
    BUG_ON(!c);
    enum err err = read_cohorts(r, c, e);
    json_t *cohorts = err == OK ? cohorts_json(c) : NULL;
    free(c);
    TRY(err);
    json_t *out = json_pack("{s:o}", "cohorts", cohorts);
    struct {
        const struct db_query *query;
        struct db_args args;
        int64_t *counts;
    } counts[] = {
        {&outcomes_living_now, DB_NO_ARGS, now},
        {&outcomes_leavers, DB_ARGS(from, to), left},
        {&outcomes_leavers, DB_ARGS(to, end), later_left},
        {&outcomes_signups, DB_ARGS(to, end), later_came},
    };
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        err = count_by_mode(r->tx, counts[i].query, counts[i].args, counts[i].counts, e);
        if (err != OK) {
            json_decref(out);
            return err;
        }
    }
    for (size_t i = 0; i < MODE_COUNT; i++) {
        int64_t there = now[i] + left[i] + later_left[i] - later_came[i];
        (void)json_object_set_new(out, mode_names[i],
                                  json_pack("{s:I, s:I, s:o}", "there", (json_int_t)there, "left",
                                            (json_int_t)left[i], "retained",
                                            share_json(there - left[i], there)));
    }
    *ret = out;
    return OK;
}

/* -- cancellations ---------------------------------------------------------------------------- */

struct reasons {
    json_t *list; /* of {reason, multi_tenant, single_tenant, total} */
    int64_t total;
};

static json_t *reason_entry(json_t *list, const char *reason)
{
    size_t i;
    json_t *entry;
    json_array_foreach (list, i, entry) {
        if (text_eq(json_get_text(entry, "reason"), reason))
            return entry;
    }
    entry = json_pack("{s:s, s:i, s:i, s:i}", "reason", reason, mode_names[MULTI_TENANT], 0,
                      mode_names[SINGLE_TENANT], 0, "total", 0);
    (void)json_array_append_new(list, entry);
    return entry;
}

static enum err reason_row(const struct db_value *c, size_t count, void *arg, struct error *e)
{
    (void)count;
    (void)e;
    struct reasons *reasons = arg;
    int mode = mode_of_column(&c[1]);
    if (mode < 0)
        return OK;
    json_t *entry = reason_entry(reasons->list, c[0].text);
    int64_t n = c[2].number;
    (void)json_object_set_new(entry, mode_names[mode], json_integer(n));
    (void)json_object_set_new(entry, "total", json_integer(json_get_int(entry, "total") + n));
    reasons->total += n;
    return OK;
}

enum err outcomes_cancellations(const struct reading *r, json_t **ret, struct error *e)
{
    struct reasons reasons = {json_array(), 0};
    enum err err = db_each(r->tx, &outcomes_reasons, DB_ARGS(db_int(r->from), db_int(r->to)),
                           reason_row, &reasons, e);
    if (err != OK) {
        json_decref(reasons.list);
        return err;
    }
    *ret = json_pack("{s:I, s:o}", "total", (json_int_t)reasons.total, "reasons", reasons.list);
    return OK;
}
