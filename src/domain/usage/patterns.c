#include "domain/usage/patterns.h"

#include "base/clock.h"

#include <math.h>

#define HOURS           24
#define WEEK            7
#define DAYS_CONSIDERED 400
#define MONTH_DAYS      30
#define STEEPNESS       2.0 /* standard errors */
#define LATEST_DAYS     3650

const char *const season_names[] = {"none", "daily", "weekly", "daily_and_weekly", NULL};
const char *const forecast_outcome_names[] = {"unknown",           "now",    "at",
                                              "not_within_a_year", "steady", NULL};
const char *const forecast_confidence_names[] = {"low", "medium", "high", NULL};

const struct field forecast_fields[] = {
    {"resource", FIELD_TEXT, offsetof(struct forecast, resource), .required = true,
     .help = "what may run out"},
    {"outcome", FIELD_ENUM, offsetof(struct forecast, outcome), .names = forecast_outcome_names,
     .required = true, .help = "whether and when it does"},
    {"limit", FIELD_DECIMAL, offsetof(struct forecast, limit),
     .help = "the share that is the customer's"},
    {"level", FIELD_DECIMAL, offsetof(struct forecast, level), .help = "what it uses now"},
    {"growth_a_month", FIELD_DECIMAL, offsetof(struct forecast, growth_a_month),
     .help = "of the level"},
    {"at", FIELD_TIME, offsetof(struct forecast, at), .help = "when the level meets the limit"},
    {"earliest", FIELD_TIME, offsetof(struct forecast, earliest), .help = "that at the earliest"},
    {"latest", FIELD_TIME, offsetof(struct forecast, latest), .help = "that at the latest"},
    {"confidence", FIELD_ENUM, offsetof(struct forecast, confidence),
     .names = forecast_confidence_names, .help = "in the trend"},
    {"r_squared", FIELD_DECIMAL, offsetof(struct forecast, r_squared),
     .help = "how well the trend fits"},
    {"days", FIELD_INT, offsetof(struct forecast, days), .help = "of measurements"},
    FIELD_END,
};

static decimal rounded(double share)
{
    return (decimal)llround(share * DECIMAL_ONE);
}

/* -- lines ------------------------------------------------------------------------------------ */

struct line {
    double slope, level; /* level at x = 0 */
    double residual;     /* sum of squares */
    double total;        /* sum of squares around the mean */
    double spread;       /* sum of squares of x around its mean */
};

/* Least squares. At least two points with different x. */
static struct line line_through(const double *x, const double *y, size_t count)
{
    double mean_x = 0, mean_y = 0, xy = 0;
    struct line line = {0};
    for (size_t i = 0; i < count; i++) {
        mean_x += x[i] / (double)count;
        mean_y += y[i] / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        line.spread += (x[i] - mean_x) * (x[i] - mean_x);
        line.total += (y[i] - mean_y) * (y[i] - mean_y);
        xy += (x[i] - mean_x) * (y[i] - mean_y);
    }
    line.slope = xy / line.spread;
    line.level = mean_y - line.slope * mean_x;
    for (size_t i = 0; i < count; i++) {
        double off = y[i] - line.level - line.slope * x[i];
        line.residual += off * off;
    }
    return line;
}

/* Takes off what the days of the week differ by from the line. */
static void level_weekdays(const double *x, double *y, size_t count)
{
    struct line line = line_through(x, y, count);
    double off[WEEK] = {0}, days[WEEK] = {0};
    for (size_t i = 0; i < count; i++) {
        size_t weekday = (size_t)(((int64_t)x[i] % WEEK + WEEK) % WEEK);
        off[weekday] += y[i] - line.level - line.slope * x[i];
        days[weekday]++;
    }
    for (size_t i = 0; i < count; i++) {
        size_t weekday = (size_t)(((int64_t)x[i] % WEEK + WEEK) % WEEK);
        y[i] -= off[weekday] / days[weekday];
    }
}

/* -- seasons ---------------------------------------------------------------------------------- */

/*
 * `values` are `cycles` times `length`. Of the variance within the cycles, the share that the place
 * in the cycle explains, adjusted for chance.
 */
static decimal explained(const double *values, size_t length, size_t cycles)
{
    double at[HOURS] = {0}, total = 0, by_place = 0;
    BUG_ON(length > HOURS);
    for (size_t cycle = 0; cycle < cycles; cycle++) {
        const double *v = values + cycle * length;
        double mean = 0;
        for (size_t i = 0; i < length; i++)
            mean += v[i] / (double)length;
        for (size_t i = 0; i < length; i++) {
            at[i] += (v[i] - mean) / (double)cycles;
            total += (v[i] - mean) * (v[i] - mean);
        }
    }
    for (size_t i = 0; i < length; i++)
        by_place += at[i] * at[i] * (double)cycles;
    if (total <= 0)
        return 0;
    double n = (double)cycles, share = 1 - (1 - by_place / total) * n / (n - 1);
    return share > 0 ? rounded(share) : 0;
}

static decimal daily_share(const int64_t *hours, size_t days)
{
    double values[DAYS_CONSIDERED * HOURS];
    if (days < SEASON_DAYS)
        return INT_ABSENT;
    for (size_t i = 0; i < days * HOURS; i++)
        values[i] = (double)hours[i];
    return explained(values, HOURS, days);
}

static decimal weekly_share(const int64_t *hours, size_t days)
{
    double x[DAYS_CONSIDERED], sums[DAYS_CONSIDERED] = {0};
    size_t weeks = days / WEEK;
    if (weeks < SEASON_WEEKS)
        return INT_ABSENT;
    const int64_t *first = hours + (days - weeks * WEEK) * HOURS; /* the newest weeks */
    for (size_t day = 0; day < weeks * WEEK; day++) {
        x[day] = (double)day;
        for (size_t i = 0; i < HOURS; i++)
            sums[day] += (double)first[day * HOURS + i];
    }
    struct line trend = line_through(x, sums, weeks * WEEK);
    for (size_t day = 0; day < weeks * WEEK; day++)
        sums[day] -= trend.level + trend.slope * x[day];
    return explained(sums, WEEK, weeks);
}

/* Integers: an hour is a peak or is not. */
static void find_peaks(const int64_t *hours, size_t days, struct patterns *p)
{
    __int128 by_hour[HOURS] = {0}, all = 0;
    for (size_t i = 0; i < days * HOURS; i++) {
        by_hour[i % HOURS] += hours[i];
        all += hours[i];
    }
    p->peaks_known = days >= PEAK_DAYS;
    for (uint8_t i = 0; i < HOURS && p->peaks_known && all > 0; i++) {
        if (by_hour[i] * HOURS * 2 >= all * 3)
            p->peak_hours[p->peak_count++] = i;
    }
}

void patterns_find(const int64_t *hours, size_t days, struct patterns *ret)
{
    if (days > DAYS_CONSIDERED) {
        hours += (days - DAYS_CONSIDERED) * HOURS;
        days = DAYS_CONSIDERED;
    }
    struct patterns p = {.days = (int64_t)days, .season = -1};
    find_peaks(hours, days, &p);
    p.daily = daily_share(hours, days);
    p.weekly = weekly_share(hours, days);
    if (p.daily != INT_ABSENT) {
        bool weekly = p.weekly != INT_ABSENT && p.weekly >= SEASON_SHARE;
        p.season = (p.daily >= SEASON_SHARE ? SEASON_DAILY : SEASON_NONE) |
                   (weekly ? SEASON_WEEKLY : SEASON_NONE);
    }
    *ret = p;
}

/* -- forecast --------------------------------------------------------------------------------- */

/* When `gap` is made up for by `slope` a day; INT_ABSENT when not within `max` days. */
static int64_t reached(double gap, double slope, int64_t today, int64_t max)
{
    double days = slope > 0 ? ceil(gap / slope) : INFINITY;
    return days <= (double)max ? (today + (int64_t)days) * USEC_PER_DAY : INT_ABSENT;
}

static int confidence_of(size_t count, double r_squared)
{
    if (count >= 28 && r_squared >= 0.8)
        return CONFIDENCE_HIGH;
    return count >= 14 && r_squared >= 0.5 ? CONFIDENCE_MEDIUM : CONFIDENCE_LOW;
}

static void foretell(const struct line *line, double error, double gap, int64_t today,
                     struct forecast *f)
{
    if (gap <= 0) {
        f->outcome = FORECAST_NOW;
        return;
    }
    if (line->slope <= 0 || line->slope <= STEEPNESS * error) {
        f->outcome = FORECAST_STEADY;
        return;
    }
    f->at = reached(gap, line->slope, today, FORECAST_AHEAD);
    f->outcome = f->at == INT_ABSENT ? FORECAST_LATER : FORECAST_AT;
    if (f->outcome == FORECAST_LATER)
        return;
    f->earliest = reached(gap, line->slope + STEEPNESS * error, today, FORECAST_AHEAD);
    f->latest = reached(gap, line->slope - STEEPNESS * error, today, LATEST_DAYS);
}

void forecast_find(const int64_t *days, const double *values, size_t count, int64_t today,
                   decimal limit, struct forecast *ret)
{
    struct forecast f = {.resource = ret->resource, .limit = limit, .days = (int64_t)count};
    f.at = f.earliest = f.latest = INT_ABSENT;
    f.level = f.growth_a_month = f.r_squared = INT_ABSENT;
    f.confidence = -1;
    f.outcome = FORECAST_UNKNOWN;
    *ret = f;
    if (count < FORECAST_DAYS_MIN)
        return;
    double x[DAYS_CONSIDERED], y[DAYS_CONSIDERED], freedom = (double)count - 2;
    BUG_ON(count > DAYS_CONSIDERED);
    for (size_t i = 0; i < count; i++) {
        x[i] = (double)(days[i] - today);
        y[i] = values[i];
    }
    if (count >= (size_t)SEASON_WEEKS * WEEK) {
        level_weekdays(x, y, count);
        freedom -= WEEK - 1;
    }
    struct line line = line_through(x, y, count);
    double error = sqrt(line.residual / freedom / line.spread);
    double r_squared = line.total > 0 ? 1 - line.residual / line.total : 0;
    f.level = rounded(line.level);
    f.growth_a_month = rounded(line.slope * MONTH_DAYS);
    f.r_squared = rounded(r_squared);
    f.confidence = confidence_of(count, r_squared);
    foretell(&line, error, (double)limit / DECIMAL_ONE - line.level, today, &f);
    *ret = f;
}
