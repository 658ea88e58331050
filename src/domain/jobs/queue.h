/*
 * Queues as operators see and steer them: depth, age, pause, resume, scale.
 *
 * What was set by hand stands in the table `queues` and holds for every node; nodes look at it when
 * they are notified and at every renewal of their lease.
 */
#ifndef WEBHOST_DOMAIN_JOBS_QUEUE_H
#define WEBHOST_DOMAIN_JOBS_QUEUE_H

#include "domain/jobs/job.h"

#define QUEUES_MAX 100

struct queue_settings {
    const char *name;
    bool paused;
    int64_t node_limit; /* INT_ABSENT: as configured */
};

/* Those that were ever set: records of struct queue_settings. */
enum err queue_settings_list(struct db_tx *tx, struct arena *arena, struct records *ret,
                             struct error *e);

/* Audited. What runs goes on; nothing more is claimed while paused. */
enum err queue_pause(struct db_tx *tx, const struct env *env, const char *actor, const char *name,
                     bool paused, struct arena *arena, struct error *e);

/* Audited. `node_limit` 1 to 1000; INT_ABSENT goes back to what is configured. */
enum err queue_scale(struct db_tx *tx, const struct env *env, const char *actor, const char *name,
                     int64_t node_limit, struct arena *arena, struct error *e);

/* One queue's jobs by state. */
struct queue_depth {
    const char *queue;
    int64_t available, scheduled, executing, retryable;
    int64_t oldest_at; /* when the oldest available job could have run; INT_ABSENT: none waits */
};

extern const struct field queue_depth_fields[];

enum err queue_depth(struct db_tx *tx, const char *queue, struct queue_depth *ret, struct error *e);

#endif
