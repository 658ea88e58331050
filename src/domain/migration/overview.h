/*
 * The overview: what an operator wants to know first, in counts that cost the same whatever there
 * is of customers, jobs and moves. They come from indexes and stop at OVERVIEW_COUNT_MAX where
 * there may be many; the customers in each mode are counted in an index that holds nothing else.
 *
 * And the moves of the last weeks: how many a day, how they ended, how long they took, and why.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_OVERVIEW_H
#define WEBHOST_DOMAIN_MIGRATION_OVERVIEW_H

#include "domain/migration/move.h"
#include "domain/provisioning/settings.h"

#define OVERVIEW_COUNT_MAX 1000

/* Customers whose current deployment is in this mode and status. */
struct overview_place {
    int mode;   /* enum mode */
    int status; /* enum deployment_status */
    int64_t count;
};

struct overview_counts {
    int64_t leaving;                     /* customers */
    int64_t proposals;                   /* that wait for a person */
    int64_t moves_running, moves_failed; /* failed: of the last seven days */
    int64_t jobs_discarded, jobs_retryable, jobs_executing;
    int64_t queues_paused, drift;
    int64_t hosts, hosts_failed, slots, slots_used;
    int64_t machines_unwell; /* of dedicated instances: critical, failed or missing */
};

extern const struct field overview_counts_fields[];

enum alert_severity { ALERT_WARNING, ALERT_CRITICAL };

extern const char *const alert_severity_names[]; /* "warning", "critical"; ends with NULL */

/* What alerts can be about; ends with NULL. */
extern const char *const alert_kind_names[];

/* Something that wants a person. */
struct alert {
    int severity;     /* enum alert_severity */
    const char *kind; /* one of alert_kind_names */
    int64_t count;
    const char *text; /* a sentence */
};

extern const struct field alert_fields[];

struct overview {
    struct records places; /* struct overview_place */
    struct overview_counts counts;
    struct records alerts; /* struct alert, the critical ones first */
};

extern const struct field overview_place_fields[];

/* The current deployments; gives struct overview_place. */
enum err overview_places(struct db_tx *tx, struct arena *arena, struct records *ret,
                         struct error *e);

enum err overview_take(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                       struct arena *arena, struct overview *ret, struct error *e);

/* -- moves ------------------------------------------------------------------------------------- */

#define TREND_DAYS_MAX   90
#define TREND_MOVES_MAX  5000 /* the newest; a trend says when there were more */
#define TREND_CAUSES_MAX 10

enum trend_end { TREND_COMPLETED, TREND_FAILED, TREND_CANCELLED, TREND_RETURNED, TREND_ENDS };

struct trend_day {
    int64_t day; /* days since 1970 */
    int64_t completed, failed, cancelled, returned;
};

extern const struct field trend_day_fields[];

/* What moves had in common: who or what asked for them, or what they failed of. */
struct trend_cause {
    const char *cause;
    int64_t count;
};

extern const struct field trend_cause_fields[];

/* INT_ABSENT for what no move had. */
struct trend {
    struct records days;            /* struct trend_day, oldest first, without gaps */
    int64_t ends[TREND_ENDS];       /* enum trend_end */
    decimal success;                /* completed of all that were not cancelled */
    int64_t took_p50, took_p95;     /* of completed ones, microseconds */
    int64_t stall_p50, stall_max;   /* how long customers could not write */
    struct records asked, failures; /* struct trend_cause, the most frequent first */
    bool whole;                     /* all moves of these days are in it */
};

enum err trend_take(struct db_tx *tx, int64_t now, int64_t days, struct arena *arena,
                    struct trend *ret, struct error *e);

#endif
