#include "domain/migration/drain.h"

#include "domain/migration/move.h"
#include "drain.sql.h"

#define DRAIN_QUEUE   "maintenance"
#define LOOK_AGAIN_US (5 * USEC_PER_SEC)
#define TRY_AGAIN_US  (10 * 60 * USEC_PER_SEC) /* after a move that failed */
#define ABANDONED_MAX 100
#define MOVES_MAX     HOSTS_MAX

static const struct job_spec drain_spec = {
    .worker = "HostDrainWorker",
    .queue = DRAIN_QUEUE,
    .args = "{}",
    .unique_key = "host-drain",
};

const struct field drain_progress_fields[] = {
    {"left", FIELD_INT, offsetof(struct drain_progress, left), .required = true,
     .help = "who still lives there"},
    {"moving", FIELD_INT, offsetof(struct drain_progress, moving), .required = true,
     .help = "who is on the way"},
    {"failed", FIELD_INT, offsetof(struct drain_progress, failed), .required = true,
     .help = "who could not be moved"},
    FIELD_END,
};

/* A customer, deployment or move, and the host it is to leave. */
struct leaving {
    const char *id, *host;
};

static const struct field leaving_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct leaving, id)},
    {"host", FIELD_TEXT, offsetof(struct leaving, host)},
    FIELD_END,
};

static enum err list(struct db_tx *tx, const struct db_query *query, struct db_args args,
                     size_t max, struct arena *arena, struct records *ret, struct error *e)
{
    return db_list(tx, query, args, leaving_fields, sizeof(struct leaving), max, arena, ret, e);
}

/* -- by hand ---------------------------------------------------------------------------------- */

enum err drain_start(struct db_tx *tx, const struct env *env, const char *actor,
                     const char *id_or_name, struct arena *arena, struct host *ret_host,
                     struct error *e)
{
    struct host host;
    struct job job;
    TRY(host_find_named(tx, id_or_name, arena, &host, e));
    TRY(host_set_status(tx, env, actor, &host, HOST_DRAINING, NULL, NULL, arena, e));
    TRY(job_enqueue(tx, env, &drain_spec, arena, &job, NULL, e));
    *ret_host = host;
    return OK;
}

enum err drain_stop(struct db_tx *tx, const struct env *env, const char *actor,
                    const char *id_or_name, struct arena *arena, struct host *ret_host,
                    struct error *e)
{
    struct host host;
    struct records moves;
    TRY(host_find_named(tx, id_or_name, arena, &host, e));
    if (host.status != HOST_DRAINING)
        return error_set(e, ERR_CONFLICT, "host %s is %s and not being drained", host.name,
                         host_status_names[host.status]);
    TRY(host_set_status(tx, env, actor, &host, HOST_ACTIVE, "host.undrained", NULL, arena, e));
    TRY(list(tx, &drain_moves_of, DB_ARGS(db_text(host.id), db_int(MOVES_MAX)), MOVES_MAX, arena,
             &moves, e));
    const struct leaving *items = moves.items;
    for (size_t i = 0; i < moves.count; i++) {
        struct move move;
        TRY(move_find(tx, items[i].id, arena, &move, e));
        if (move_next_state((enum move_state)move.state, MOVE_CANCEL) >= 0)
            TRY(move_cancel(tx, env, actor, move.id, arena, &move, e));
    }
    *ret_host = host;
    return OK;
}

enum err drain_progress(struct db_tx *tx, const char *host_id, struct arena *arena,
                        struct drain_progress *ret, struct error *e)
{
    return db_get(tx, &drain_figures, DB_ARGS(db_text(host_id)), drain_progress_fields, arena, ret,
                  e);
}

/* -- the worker ------------------------------------------------------------------------------- */

struct drain_step {
    struct job_run *run;
    const struct move_context *with;
    const char *actor, *deployment_id;
    struct records abandoned; /* struct leaving */
    struct deployment deployment;
    int64_t hosts; /* that still hold customers */
};

/* Starts moves up to the cap; the rest is what the worker has to do outside of a transaction. */
static enum err start_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct drain_step *s = arg;
    const struct env *env = s->run->env;
    struct arena *arena = s->run->arena;
    int64_t running, cap = s->with->provisioning->settings->hetzner.drain_moves;
    struct records next = {0};
    TRY(db_get_int(tx, &drain_hosts, DB_NO_ARGS, &s->hosts, e));
    TRY(db_get_int(tx, &drain_running, DB_NO_ARGS, &running, e));
    int64_t places = cap > running ? cap - running : 0;
    TRY(list(tx, &drain_next, DB_ARGS(db_int(places), db_int(env_now(env) - TRY_AGAIN_US)),
             (size_t)places, arena, &next, e));
    const struct leaving *items = next.items;
    for (size_t i = 0; i < next.count; i++) {
        struct move move;
        struct move_wish wish = {
            .customer = items[i].id,
            .reason = arena_printf(arena, "host %s is being drained", items[i].host),
        };
        TRY(move_relocate(tx, env, s->actor, &wish, arena, &move, e));
    }
    return list(tx, &drain_abandoned, DB_ARGS(db_int(ABANDONED_MAX)), ABANDONED_MAX, arena,
                &s->abandoned, e);
}

static enum err find_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct drain_step *s = arg;
    return deployment_find(tx, s->deployment_id, s->run->arena, &s->deployment, e);
}

/* A failed deployment has no job that would give its slot back; a retry takes another. */
static enum err free_abandoned(struct drain_step *s, struct error *e)
{
    const struct leaving *items = s->abandoned.items;
    for (size_t i = 0; i < s->abandoned.count; i++) {
        s->deployment_id = items[i].id;
        TRY(db_read(s->run->env->db, find_work, s, e));
        if (s->deployment.status != DEPLOYMENT_FAILED)
            continue;
        struct provision_run run = {s->with->provisioning, &s->deployment, s->actor, s->run->arena,
                                    false};
        TRY(provider_of((enum mode)s->deployment.mode)->remove(&run, e));
    }
    return OK;
}

static enum job_result perform(struct job_run *run, struct error *e)
{
    struct drain_step s = {.run = run, .with = run->ctx};
    s.actor = arena_printf(run->arena, "job:%s", run->job->worker);
    enum err err = db_write(run->env->db, start_work, &s, e);
    if (err == OK)
        err = free_abandoned(&s, e);
    if (err != OK)
        return provider_result(err);
    run->snooze_us = LOOK_AGAIN_US;
    return s.hosts > 0 ? JOB_SNOOZE : JOB_DONE;
}

struct job_worker drain_worker(struct move_context *with)
{
    return (struct job_worker){drain_spec.worker, DRAIN_QUEUE, perform, NULL, with};
}

/* Behind the job of drain_start(), should that one have been given up. */
struct cron drain_cron(void)
{
    return (struct cron){.name = "host-drain", .when = "*/2 * * * *", .spec = drain_spec};
}
