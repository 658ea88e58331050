/*
 * Telling people: a notice becomes a job for each place that wants to hear of it.
 *
 * The job is enqueued in the transaction that causes the notice, so that nobody is told of what did
 * not happen, and tried again until the place has answered. Where nothing is configured, the notice
 * is a line in the log.
 */
#ifndef WEBHOST_DOMAIN_NOTIFY_NOTIFY_H
#define WEBHOST_DOMAIN_NOTIFY_NOTIFY_H

#include "domain/jobs/job.h"
#include "infra/json/json.h"

#define NOTIFY_QUEUE "notifications"

struct notify_settings {
    struct texts webhook_urls;
    int64_t timeout_ms;
};

/* The part `notify:` of the configuration file. */
extern const struct field notify_settings_fields[];

struct notify_settings notify_settings_default(void);

struct notice {
    const char *kind;        /* "proposal.created" */
    const char *customer_id; /* may be NULL */
    const char *text;        /* one sentence for people */
    json_t *details;         /* for programs; borrowed; may be NULL */
};

enum err notify(struct db_tx *tx, const struct env *env, const struct notify_settings *settings,
                const struct notice *notice, struct arena *arena, struct error *e);

/* NotificationWorker; the settings must outlive it. */
struct job_worker notification_worker(const struct notify_settings *settings);

#endif
