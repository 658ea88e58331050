/*
 * What is recorded about one customer: a series over a span, and what it comes to.
 *
 * Steps are hours, as long as hours are kept, or days. Every step of the span is there, also
 * without usage. The current step is not over yet. Days and hours of the day are UTC.
 *
 * Patterns are those of the span's whole days whose hours are kept and that came after the
 * customer's first recorded hour. The forecast is made from the whole days of the FORECAST_DAYS
 * before today, whatever the span.
 *
 * A customer outgrows its slot when the trend of its daily CPU, memory or disk use reaches the
 * slot's share of the host: of CPU the host's load ceiling (load_max) by its slots, of memory and
 * disk USABLE_SHARE by its slots. Who has machines alone has one slot. Resource samples are shares
 * of the machine that the customer lives on.
 */
#ifndef WEBHOST_DOMAIN_USAGE_REPORT_H
#define WEBHOST_DOMAIN_USAGE_REPORT_H

#include "domain/accounts/customer.h"
#include "domain/facts/facts.h"
#include "domain/provisioning/settings.h"
#include "domain/usage/hours.h"
#include "domain/usage/patterns.h"
#include "infra/json/json.h"

#define REPORT_DAYS_DEFAULT 7
#define REPORT_HOURS_MAX    HOURS_KEPT
#define REPORT_DAYS_MAX     DAYS_KEPT
#define REPORT_AUTO_DAYS    7 /* up to here hours are the steps unless told */
#define FORECAST_DAYS       56
#define METRICS_DAYS        28   /* whose patterns stand in the metrics */
#define USABLE_SHARE        9000 /* 1/10000 */

enum usage_step { USAGE_STEP_HOUR, USAGE_STEP_DAY };

extern const char *const usage_step_names[]; /* "hour", "day"; ends with NULL */

struct usage_span {
    int64_t from, to; /* microseconds; INT_ABSENT: REPORT_DAYS_DEFAULT before `to`; now */
    int step;         /* enum usage_step; -1: as the length wants */
};

enum { FORECAST_CPU, FORECAST_MEMORY, FORECAST_DISK, FORECAST_RESOURCES };

struct usage_report {
    struct customer customer;
    int64_t from, to; /* of the steps: the span, rounded outwards */
    int step;
    struct usage_hour *steps; /* settled; `hour` is the step's first */
    size_t step_count;
    struct usage_hour total;
    struct patterns patterns;
    decimal growth; /* of the facts (measure.h) */
    int64_t slots;  /* of the host; 1: machines alone */
    struct forecast forecasts[FORECAST_RESOURCES];
};

/*
 * ERR_INVALID, with the parameter in `problems`, for a span that ends before it begins or has too
 * many steps.
 */
enum err usage_report(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                      const char *id_or_slug, struct usage_span span, struct arena *arena,
                      struct problems *problems, struct usage_report *ret, struct error *e);

/* As the API shows it; its parts' members, for those who describe them. */
extern const struct field usage_head_fields[], usage_number_fields[], usage_region_fields[],
    usage_pattern_fields[], usage_metric_fields[];
json_t *usage_report_json(const struct usage_report *report);

/*
 * The plan's usage_metrics: of the last 24 hours, the patterns of METRICS_DAYS. What nobody
 * measured is null. `ret_counted` tells whether the collector has counted the vehicles.
 */
enum err usage_metrics(struct db_tx *tx, const struct env *env, const char *customer_id,
                       struct arena *arena, json_t **ret, bool *ret_counted, struct error *e);

#endif
