#include "domain/jobs/queue.h"

#include "domain/audit/audit.h"
#include "queue.sql.h"

static const struct field settings_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct queue_settings, name)},
    {"paused", FIELD_BOOL, offsetof(struct queue_settings, paused)},
    {"node_limit", FIELD_INT, offsetof(struct queue_settings, node_limit)},
    FIELD_END,
};

const struct field queue_depth_fields[] = {
    {"queue", FIELD_TEXT, offsetof(struct queue_depth, queue)},
    {"available", FIELD_INT, offsetof(struct queue_depth, available), .required = true,
     .help = "may run now"},
    {"scheduled", FIELD_INT, offsetof(struct queue_depth, scheduled), .required = true,
     .help = "may run later"},
    {"executing", FIELD_INT, offsetof(struct queue_depth, executing), .required = true,
     .help = "run now"},
    {"retryable", FIELD_INT, offsetof(struct queue_depth, retryable), .required = true,
     .help = "failed and will be tried again"},
    {"oldest_at", FIELD_TIME, offsetof(struct queue_depth, oldest_at),
     .help = "since when the oldest available one could have run"},
    FIELD_END,
};

enum err queue_settings_list(struct db_tx *tx, struct arena *arena, struct records *ret,
                             struct error *e)
{
    return db_list(tx, &queue_settings_all, DB_ARGS(db_int(QUEUES_MAX)), settings_fields,
                   sizeof(struct queue_settings), QUEUES_MAX, arena, ret, e);
}

static enum err tell(struct db_tx *tx, const struct env *env, const char *actor, const char *action,
                     const char *name, const char *details, struct arena *arena, struct error *e)
{
    db_notify(tx, JOB_CHANNEL);
    return audit_write(tx, env, arena, actor, action, name, details, e);
}

enum err queue_pause(struct db_tx *tx, const struct env *env, const char *actor, const char *name,
                     bool paused, struct arena *arena, struct error *e)
{
    TRY(db_exec(tx, &queue_set_paused, DB_ARGS(db_text(name), db_int(paused)), NULL, e));
    return tell(tx, env, actor, paused ? "queue.paused" : "queue.resumed", name, NULL, arena, e);
}

enum err queue_scale(struct db_tx *tx, const struct env *env, const char *actor, const char *name,
                     int64_t node_limit, struct arena *arena, struct error *e)
{
    TRY(db_exec(tx, &queue_set_limit, DB_ARGS(db_text(name), db_int(node_limit)), NULL, e));
    const char *details = node_limit == INT_ABSENT
                              ? NULL
                              : arena_printf(arena, "{\"limit\":%lld}", (long long)node_limit);
    return tell(tx, env, actor, "queue.scaled", name, details, arena, e);
}

enum err queue_depth(struct db_tx *tx, const char *queue, struct queue_depth *ret, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct queue_depth depth;
    TRY(db_get(tx, &queue_depth_of, DB_ARGS(db_text(queue)), queue_depth_fields, &arena, &depth,
               e));
    depth.queue = queue;
    *ret = depth;
    return OK;
}
