/*
 * `webhost doctor`: looks at everything that `webhost serve` would need, as it is configured, and
 * says what is wrong and what to do about it. It needs no running server and changes nothing: the
 * schema is left alone, and the one request that could make something at a cloud is one that every
 * cloud refuses (doctor_clouds.c). No finding holds a secret.
 */
#ifndef WEBHOST_APP_DAEMON_DOCTOR_H
#define WEBHOST_APP_DAEMON_DOCTOR_H

#include "app/daemon/serve.h"
#include "base/clock.h"
#include "infra/json/json.h"

enum finding_status { FINDING_OK, FINDING_WARN, FINDING_FAIL };

extern const char *const finding_status_names[];

struct finding {
    const char *check; /* "database clock" */
    int status;        /* enum finding_status */
    const char *seen;
    const char *advice; /* NULL when there is nothing to do */
};

extern const struct field finding_fields[];

#define FINDINGS_MAX 128 /* four of each PgBouncer among them */

struct doctor_report {
    struct arena *arena; /* holds the texts */
    struct finding findings[FINDINGS_MAX];
    size_t count;
    int worst; /* enum finding_status */
};

/* `options` as for serve_run(). */
void doctor_run(const struct serve_options *options, const struct clock *clock,
                struct doctor_report *report);

/* Adds a finding: what was seen, as a format; `advice` may be NULL. */
void doctor_add(struct doctor_report *report, const char *check, enum finding_status status,
                const char *advice, const char *seen, ...) __attribute__((format(printf, 5, 6)));

/* -- its parts --------------------------------------------------------------------------------- */

struct config;

/* The difference of another clock to ours. */
void doctor_compare_clock(struct doctor_report *report, const char *check, int64_t other_us,
                          int64_t ours_us);

void doctor_clouds(const struct config *config, const struct clock *clock,
                   struct doctor_report *report);
void doctor_database(const struct config *config, const struct clock *clock,
                     struct doctor_report *report);
void doctor_routing(const struct config *config, struct doctor_report *report);

#endif
