#include "domain/provisioning/host_jobs.h"

#include "infra/json/json.h"

const struct job_spec host_reserve_spec = {
    .worker = HOST_RESERVE_WORKER,
    .queue = "provisioning",
    .args = "{}",
    .unique_key = "host-reserve",
};

enum err host_enqueue(struct db_tx *tx, const struct env *env, const char *worker,
                      const char *host_id, struct arena *arena, struct error *e)
{
    bool retire = text_eq(worker, HOST_RETIRE_WORKER);
    struct job_spec spec = {
        .worker = worker,
        .queue = "provisioning",
        .max_attempts = JOB_CLOUD_ATTEMPTS,
        .args = arena_printf(arena, "{\"host_id\":\"%s\"}", host_id),
        .unique_key = arena_printf(arena, "%s:%s", retire ? "host-retire" : "host", host_id),
    };
    struct job job;
    return job_enqueue(tx, env, &spec, arena, &job, NULL, e);
}

enum err host_enqueue_reserve(struct db_tx *tx, const struct env *env, struct arena *arena,
                              struct error *e)
{
    struct job job;
    return job_enqueue(tx, env, &host_reserve_spec, arena, &job, NULL, e);
}

struct host_args {
    const char *host_id;
};

static const struct field args_fields[] = {
    {"host_id", FIELD_TEXT, offsetof(struct host_args, host_id), .required = true},
    FIELD_END,
};

enum err host_job_id(const struct job *job, struct arena *arena, const char **ret_id,
                     struct error *e)
{
    struct host_args args;
    struct problems problems = {.arena = arena};
    record_clear(args_fields, &args);
    TRY(json_decode_text(args_fields, str_from(job->args), arena, &args, &problems, e));
    *ret_id = args.host_id;
    return OK;
}
