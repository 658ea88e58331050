/*
 * NotificationWorker: takes a notice, or what waited for a digest, to its target.
 *
 * A job names the target and not its url, which may hold a secret, and jobs can be looked at. What
 * was taken is marked; a run that dies before that sends the same once more, under the same id.
 */
#ifndef WEBHOST_DOMAIN_NOTIFY_DELIVER_H
#define WEBHOST_DOMAIN_NOTIFY_DELIVER_H

#include "domain/notify/notify.h"

/* The job for one notice; a `target` of NULL is the log. Texts live in the arena. */
struct job_spec deliver_one(const char *target, const char *notice_id, const char *customer_id,
                            struct arena *arena);

/* The job for all that is due for the target at `due`; there is one, however many ask for it. */
struct job_spec deliver_digest(const char *target, int64_t due, int64_t now, struct arena *arena);

/* The settings must outlive it. */
struct job_worker notification_worker(const struct notify_settings *settings);

#endif
