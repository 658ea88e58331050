/*
 * What a customer's usage looks like over time: peak hours, seasons, and when it outgrows its slot.
 *
 * Pure: numbers in, findings out. Floating point is fine here, since nobody is moved or billed by
 * it; what is told is rounded to 1/10000.
 *
 * Hours of the day are UTC. "Load" of an hour is its api calls and points.
 *
 *     peak hours   those whose mean load is at least 1.5 times the mean of all hours of the day;
 *                  from PEAK_DAYS whole days on
 *     daily        of the variance within the days, the share that the hour of the day explains;
 *                  from SEASON_DAYS whole days on
 *     weekly       of the variance of the days' sums within their weeks, without their linear
 *                  trend, the share that the day of the week explains; from SEASON_WEEKS on
 *
 * A share is adjusted for what chance explains: 1 - (1 - R2) n / (n - 1) for n days or weeks. There
 * is a season from SEASON_SHARE on, and "none" below it. With too few days it is not known.
 */
#ifndef WEBHOST_DOMAIN_USAGE_PATTERNS_H
#define WEBHOST_DOMAIN_USAGE_PATTERNS_H

#include "base/decimal.h"
#include "base/record.h"

#define PEAK_DAYS    3
#define SEASON_DAYS  7
#define SEASON_WEEKS 4
#define SEASON_SHARE 3000 /* 1/10000 */

enum season { SEASON_NONE, SEASON_DAILY, SEASON_WEEKLY, SEASON_BOTH };

extern const char *const season_names[]; /* "none", "daily", ...; ends with NULL */

struct patterns {
    int64_t days; /* whole days that were looked at */
    bool peaks_known;
    uint8_t peak_hours[24]; /* in order */
    size_t peak_count;
    int season;            /* enum season; -1: not known */
    decimal daily, weekly; /* shares, 0 to 1; INT_ABSENT: not known */
};

/* `hours` are the loads of whole days in a row, 24 each. */
void patterns_find(const int64_t *hours, size_t days, struct patterns *ret);

/* -- forecast --------------------------------------------------------------------------------- */

/*
 * A line through daily values by least squares, and when it reaches the limit. From SEASON_WEEKS
 * on the days of the week are made alike first, since weekends would drown the trend. The line
 * grows when its slope is more than twice its standard error; `earliest` and `latest` are where a
 * slope that much steeper and flatter would lead.
 */
#define FORECAST_DAYS_MIN 7 /* measured ones */
#define FORECAST_AHEAD    365

enum forecast_outcome {
    FORECAST_UNKNOWN, /* measured on too few days */
    FORECAST_NOW,     /* at the limit already */
    FORECAST_AT,      /* at `at` */
    FORECAST_LATER,   /* grows, but not within a year */
    FORECAST_STEADY,  /* does not grow */
};

extern const char *const forecast_outcome_names[];

enum forecast_confidence { CONFIDENCE_LOW, CONFIDENCE_MEDIUM, CONFIDENCE_HIGH };

extern const char *const forecast_confidence_names[];

struct forecast {
    const char *resource;
    int outcome;                  /* enum forecast_outcome */
    decimal limit;                /* share of the whole machine */
    decimal level;                /* where the line is today; INT_ABSENT: not known */
    decimal growth_a_month;       /* by 30 days of the line */
    int64_t at, earliest, latest; /* INT_ABSENT where it is not reached */
    /* High from 28 days and R2 0.8 on, medium from 14 and 0.5 on; -1 where nothing is foretold. */
    int confidence;
    decimal r_squared;
    int64_t days; /* measured */
};

extern const struct field forecast_fields[];

/* `values` are shares at `days` since 1970, in order. Fills all but `resource`. */
void forecast_find(const int64_t *days, const double *values, size_t count, int64_t today,
                   decimal limit, struct forecast *ret);

#endif
