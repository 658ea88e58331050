#include "domain/provisioning/host_workers.h"

#include "base/log.h"
#include "domain/provisioning/capacity.h"
#include "domain/provisioning/host_order.h"
#include "domain/provisioning/host_server.h"
#include "domain/provisioning/location.h"
#include "domain/provisioning/reap.h"
#include "domain/provisioning/workers.h"

#define SOLD_OUT_FIRST_US  (60 * USEC_PER_SEC)
#define SOLD_OUT_MAX_US    (30 * 60 * USEC_PER_SEC)
#define SOLD_OUT_DOUBLINGS 5

/* A step of a worker, and what its transactions take and give. */
struct host_step {
    const struct provisioning *with;
    const char *actor, *host_id;
    struct arena *arena;
    struct host host;
    struct hetzner_progress progress;
    const char *why; /* kept as the host's error */
    bool exhausted;

    const char *location; /* of the reserve */
    struct capacity capacity;
    int64_t ordered;
    struct records list; /* of hosts, or of the reaper's verdicts */
    const char *kept;
    decimal load;
};

static const struct hetzner_settings *settings_of(const struct host_step *s)
{
    return &s->with->settings->hetzner;
}

static enum err find_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct host_step *s = arg;
    return host_find(tx, s->host_id, s->arena, &s->host, e);
}

/* -- ordering --------------------------------------------------------------------------------- */

static enum err note_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct host_step *s = arg;
    const struct hetzner_progress *p = &s->progress;
    return host_note(tx, s->host.id, p->server_id, p->server_type, p->actions, s->why, e);
}

static enum err activate_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct host_step *s = arg;
    const struct hetzner_progress *p = &s->progress;
    struct host host = s->host; /* the work may run again */
    TRY(note_work(tx, s, e));
    return host_activate(tx, s->with->env, s->actor, &host, p->ipv4 ? p->ipv4 : p->private_ip,
                         s->arena, e);
}

static enum err next_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct host_step *s = arg;
    struct host host = s->host;
    TRY(host_order_next(tx, settings_of(s), &host, s->why, s->arena, &s->exhausted, e));
    return OK;
}

/* Nothing is known of a server any more: the next run looks for one by name, and orders. */
static enum err forget_server(struct host_step *s, const char *why, struct error *e)
{
    s->progress = (struct hetzner_progress){.server_id = INT_ABSENT};
    s->why = why;
    return db_write(s->with->env->db, note_work, s, e);
}

/* How long to wait after every location of the region was sold out for the `rounds`th time. */
static int64_t sold_out_wait(int64_t rounds)
{
    int64_t doublings = rounds < 1 ? 0 : rounds - 1;
    if (doublings > SOLD_OUT_DOUBLINGS)
        doublings = SOLD_OUT_DOUBLINGS;
    int64_t wait = SOLD_OUT_FIRST_US << doublings;
    return wait < SOLD_OUT_MAX_US ? wait : SOLD_OUT_MAX_US;
}

/* The location has no server to sell. Reads the host again, as an order for the next. */
static enum err order_elsewhere(struct host_run *run, struct host_step *s, const char *why,
                                struct error *e)
{
    s->why = arena_text(s->arena, why);
    TRY(db_write(s->with->env->db, next_work, s, e));
    TRY(db_read(s->with->env->db, find_work, s, e));
    if (!s->exhausted)
        return OK;
    run->wait_us = sold_out_wait(s->host.rounds);
    log_warn("no server is to be had: customers wait", LOG_TEXT("host", s->host.name),
             LOG_TEXT("location", s->host.serves), LOG_INT("rounds", s->host.rounds),
             LOG_INT("next_try_s", run->wait_us / USEC_PER_SEC), LOG_TEXT("error", s->why));
    return OK;
}

/* A server that will not get better is removed before another is ordered under its name. */
static enum job_result replace_server(struct host_step *s, struct error *e)
{
    const char *words = s->progress.failed;
    enum err failure = s->progress.failure;
    s->host.provider_id = s->progress.server_id;
    enum err err = host_server_remove(s->with, &s->host, s->arena, e);
    if (err == OK)
        err = forget_server(s, words, e);
    if (err != OK)
        return provider_result(err);
    (void)error_set(e, failure, "host %s: %s", s->host.name, words);
    return JOB_RETRY;
}

static enum job_result look(struct host_step *s, struct error *e)
{
    struct db *db = s->with->env->db;
    const struct hetzner_progress *p = &s->progress;
    if (p->failed)
        return replace_server(s, e);
    s->why = NULL;
    if (p->running)
        return provider_result(db_write(db, activate_work, s, e));
    bool news = s->host.provider_id != p->server_id || !text_eq(s->host.actions, p->actions);
    enum err err = news ? db_write(db, note_work, s, e) : OK;
    return err == OK ? JOB_SNOOZE : provider_result(err);
}

static enum job_result create(struct host_run *run, struct host_step *s, struct error *e)
{
    enum err err;
    for (;;) {
        err = host_server_advance(s->with, &s->host, s->arena, &s->progress, e);
        if (err != ERR_CAPACITY || s->host.provider_id != INT_ABSENT)
            break;
        struct error sold_out = *e;
        err = order_elsewhere(run, s, sold_out.text, e);
        if (err != OK || s->exhausted)
            break;
    }
    if (err == OK && s->exhausted)
        return JOB_SNOOZE;
    if (err == ERR_NOT_FOUND && s->host.provider_id != INT_ABSENT) {
        struct error gone = *e;
        err = forget_server(s, gone.text, e);
        if (err == OK)
            err = error_set(e, ERR_UNAVAILABLE, "the server of host %s is gone: %s", s->host.name,
                            gone.text);
    }
    return err == OK ? look(s, e) : provider_result(err);
}

enum job_result host_advance(struct host_run *run, struct error *e)
{
    struct host_step s = {run->with, run->actor, run->host_id, run->arena};
    enum err err = db_read(run->with->env->db, find_work, &s, e);
    if (err != OK)
        return err == ERR_NOT_FOUND ? JOB_FAIL : provider_result(err);
    switch ((enum host_status)s.host.status) {
    case HOST_CREATING:
        return create(run, &s, e);
    case HOST_ACTIVE:
    case HOST_DRAINING:
        return JOB_DONE;
    default:
        (void)error_set(e, ERR_CONFLICT,
                        "host %s is %s and is not ordered again: order another with webhost hosts "
                        "add",
                        s.host.name, host_status_names[s.host.status]);
        return JOB_FAIL;
    }
}

static const char *actor_of(const struct job_run *run)
{
    return arena_printf(run->arena, "job:%s", run->job->worker);
}

static enum job_result order_perform(struct job_run *run, struct error *e)
{
    struct host_run step = {.with = run->ctx, .actor = actor_of(run), .arena = run->arena};
    if (host_job_id(run->job, run->arena, &step.host_id, e) != OK)
        return JOB_FAIL;
    *e = (struct error){0};
    enum job_result result = host_advance(&step, e);
    if (result != JOB_SNOOZE)
        return result;
    if (step.wait_us == 0)
        return provisioning_snooze(run, step.with->settings, e);
    run->snooze_us = step.wait_us;
    return JOB_SNOOZE;
}

static enum err order_discarded(struct db_tx *tx, struct job_run *run, const char *why,
                                struct error *e)
{
    const char *id;
    TRY(host_job_id(run->job, run->arena, &id, e));
    enum err err = host_fail(tx, run->env, actor_of(run), id, why, run->arena, e);
    return err == ERR_NOT_FOUND ? OK : err;
}

/* -- retiring --------------------------------------------------------------------------------- */

static enum err confirm_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct host_step *s = arg;
    return reap_confirm(tx, s->with->env, settings_of(s), s->actor, s->host_id, s->arena, &s->host,
                        &s->kept, e);
}

static enum err retired_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct host_step *s = arg;
    struct host host = s->host;
    return host_set_status(tx, s->with->env, s->actor, &host, HOST_RETIRED, NULL, NULL, s->arena,
                           e);
}

static enum job_result retire_perform(struct job_run *run, struct error *e)
{
    struct host_step s = {.with = run->ctx, .actor = actor_of(run), .arena = run->arena};
    if (host_job_id(run->job, run->arena, &s.host_id, e) != OK)
        return JOB_FAIL;
    enum err err = db_write(run->env->db, confirm_work, &s, e);
    if (err != OK)
        return err == ERR_NOT_FOUND ? JOB_FAIL : provider_result(err);
    if (s.kept) {
        log_info("a host that was to go stays", LOG_TEXT("host", s.host.name),
                 LOG_TEXT("reason", s.kept));
        return JOB_DONE;
    }
    if (s.host.status == HOST_RETIRED)
        return JOB_DONE;
    err = host_server_remove(s.with, &s.host, run->arena, e);
    if (err == ERR_BUSY)
        return provisioning_snooze(run, s.with->settings, e);
    if (err == OK)
        err = db_write(run->env->db, retired_work, &s, e);
    return provider_result(err);
}

/* -- for all hosts ---------------------------------------------------------------------------- */

static enum err fill_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct host_step *s = arg;
    return capacity_fill(tx, s->with->env, settings_of(s), s->actor, s->location, s->arena,
                         &s->capacity, &s->ordered, e);
}

static enum job_result reserve_perform(struct job_run *run, struct error *e)
{
    struct host_step s = {.with = run->ctx, .actor = actor_of(run), .arena = run->arena};
    struct texts locations = location_list(settings_of(&s), run->arena);
    for (size_t i = 0; i < locations.count; i++) {
        s.location = locations.items[i];
        enum err err = db_write(run->env->db, fill_work, &s, e);
        if (err != OK)
            return provider_result(err);
        const struct capacity *c = &s.capacity;
        if (s.ordered > 0)
            log_info("hosts ordered for the reserve", LOG_TEXT("location", c->location),
                     LOG_INT("hosts", s.ordered), LOG_INT("shortfall", c->shortfall));
        if (c->shortfall > 0 && c->at_hosts_max)
            log_warn("the reserve cannot be kept: hosts_max is reached",
                     LOG_TEXT("location", c->location), LOG_INT("hosts", c->hosts),
                     LOG_INT("hosts_max", c->hosts_max), LOG_INT("shortfall", c->shortfall));
    }
    return JOB_DONE;
}

static enum err standing_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct host_step *s = arg;
    return host_list_standing(tx, s->arena, &s->list, e);
}

static enum err load_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct host_step *s = arg;
    return host_set_load(tx, s->host.id, s->load, env_now(s->with->env), e);
}

static enum job_result load_perform(struct job_run *run, struct error *e)
{
    struct host_step s = {.with = run->ctx, .actor = actor_of(run), .arena = run->arena};
    if (db_read(run->env->db, standing_work, &s, e) != OK)
        return JOB_RETRY;
    const struct host *hosts = s.list.items;
    if (s.list.count > 0 && host_server_guard(s.with, run->arena, e) != OK)
        log_warn("the hosts' firewall could not be looked at", LOG_TEXT("error", e->text));
    for (size_t i = 0; i < s.list.count && !*run->cancelled; i++) {
        s.host = hosts[i];
        if (s.host.status != HOST_ACTIVE && s.host.status != HOST_DRAINING)
            continue;
        enum err err = host_server_load(s.with, &s.host, run->arena, &s.load, e);
        if (err == OK)
            err = db_write(run->env->db, load_work, &s, e);
        if (err != OK && err != ERR_NOT_FOUND) /* what is not known blocks nobody */
            log_warn("a host's load is not known", LOG_TEXT("host", s.host.name),
                     LOG_TEXT("error", e->text));
    }
    return JOB_DONE;
}

static enum err reap_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct host_step *s = arg;
    return reap_begin(tx, s->with->env, settings_of(s), s->actor, s->arena, &s->list, e);
}

static enum job_result reap_perform(struct job_run *run, struct error *e)
{
    struct host_step s = {.with = run->ctx, .actor = actor_of(run), .arena = run->arena};
    return provider_result(db_write(run->env->db, reap_work, &s, e));
}

/* --------------------------------------------------------------------------------------------- */

void host_workers(struct provisioning *with, struct job_worker out[HOST_WORKERS])
{
    const struct job_worker all[HOST_WORKERS] = {
        {HOST_ORDER_WORKER, "provisioning", order_perform, order_discarded, with},
        {HOST_RETIRE_WORKER, "provisioning", retire_perform, NULL, with},
        {HOST_RESERVE_WORKER, "provisioning", reserve_perform, NULL, with},
        {HOST_LOAD_WORKER, "maintenance", load_perform, NULL, with},
        {HOST_REAP_WORKER, "maintenance", reap_perform, NULL, with},
    };
    memcpy(out, all, sizeof(all));
}

void host_crons(struct cron out[HOST_CRONS])
{
    const struct cron all[HOST_CRONS] = {
        {"host-reserve", "*/5 * * * *", host_reserve_spec},
        {"host-load",
         "*/3 * * * *",
         {.worker = HOST_LOAD_WORKER,
          .queue = "maintenance",
          .args = "{}",
          .unique_key = "host-load"}},
        {"host-reap",
         "4-59/10 * * * *",
         {.worker = HOST_REAP_WORKER,
          .queue = "maintenance",
          .args = "{}",
          .unique_key = "host-reap"}},
    };
    memcpy(out, all, sizeof(all));
}
