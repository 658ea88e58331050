/*
 * AlarmWorker: tells people of what the overview's alerts say, once a minute.
 *
 * An alert is a notice "alert.KIND" under the key "alert:KIND"; it is told when it comes and when
 * it is over (notify/notify.h), not every minute between.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_ALARM_H
#define WEBHOST_DOMAIN_MIGRATION_ALARM_H

#include "domain/migration/overview.h"
#include "domain/notify/notify.h"

/* Everything is borrowed. */
struct alarms {
    const struct hetzner_settings *hetzner;
    const struct notify_settings *notify;
};

/* Tells what is new and what is over. */
enum err alarms_tell(struct db_tx *tx, const struct env *env, const struct alarms *with,
                     struct arena *arena, struct error *e);

/* `with` must outlive it. */
struct job_worker alarm_worker(const struct alarms *with);
struct cron alarm_cron(void);

#endif
