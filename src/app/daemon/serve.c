/*
 * The daemon: everything is made in the order in which it depends on each other, and unmade in
 * reverse. `struct daemon` holds what was made so far, so that stopping works from anywhere.
 */
#include "app/daemon/serve.h"
#include "app/api/api.h"
#include "app/api/attempts.h"
#include "app/api/meters.h"
#include "app/api/overview.h"
#include "app/daemon/config.h"
#include "app/daemon/demo.h"
#include "app/daemon/load.h"
#include "app/daemon/signals.h"
#include "app/daemon/welcome.h"
#include "app/web/assets.h"
#include "domain/accounts/offboarding_workers.h"
#include "domain/audit/sealer.h"
#include "domain/core/install.h"
#include "domain/core/key.h"
#include "domain/jobs/prune.h"
#include "domain/migration/alarm.h"
#include "domain/migration/drain.h"
#include "domain/migration/evaluation.h"
#include "domain/migration/workers.h"
#include "domain/notify/deliver.h"
#include "domain/provisioning/fly/workers.h"
#include "domain/provisioning/reconcile.h"
#include "domain/provisioning/route_keeper.h"
#include "domain/provisioning/routing.h"
#include "domain/provisioning/traffic.h"
#include "domain/provisioning/workers.h"
#include "domain/usage/collect.h"
#include "domain/usage/fleet.h"
#include "domain/usage/measure.h"
#include "domain/usage/retention.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#define HTTP_THREADS         64 /* who wait for a commit together share it */
#define HTTP_CONNECTIONS_MAX 1000
#define HTTP_IDLE_S          60
#define HTTP_STREAMS_MAX     200
#define STREAM_BUFFER_MAX    ((size_t)1 << 20)
#define STREAM_TICK_US       (400 * USEC_PER_MS)
#define STREAM_HEARTBEAT_US  (15 * USEC_PER_SEC)
#define BODY_MAX             ((size_t)1 << 20)
#define RESPONSE_MAX         ((size_t)8 << 20)
#define DB_READERS           4
#define DB_BUSY_US           (10 * USEC_PER_SEC)
#define SANDBOX_DELAY_US     (700 * USEC_PER_MS)
#define CLUSTER_PASSWORD     "sandbox" /* the name that it is derived from */
#define WORKERS_MAX          48
#define CRONS_MAX            24
#define PRUNE_RULES_MAX      16

struct daemon {
    const struct serve_options *options;
    struct arena arena;
    struct config config;
    int lock_fd;             /* of the data directory; -1: not held */
    struct cluster *cluster; /* the sandbox's PostgreSQL; NULL: SQLite files */
    struct secret *cluster_password;
    struct sandbox *sandbox;
    struct env env;
    struct policy *policy;
    struct prices *prices;        /* the file's */
    struct price_book price_book; /* open when its env is set */
    struct price_refresh price_refresh;
    struct secret *hetzner_token, *fly_token;
    struct secret *key;
    struct audit_sealer *sealer;
    struct notary notary;
    struct provisioning provisioning;
    struct pgbouncer *pgbouncer; /* NULL: clients reach the databases by themselves */
    struct route_keeper *route_keeper;
    struct move_context moves;
    struct collector collector;
    struct tracker tracker;
    struct evaluations evaluations;
    struct alarms alarms;
    struct demo demo;
    struct demo_load *demo_load; /* NULL: nobody writes */
    struct prune_rule prune_rules[PRUNE_RULES_MAX];
    size_t prune_rule_count;
    struct prune prune;
    struct exports exports;
    struct cron crons[CRONS_MAX];
    size_t cron_count;
    struct job_worker workers[WORKERS_MAX];
    size_t worker_count;
    struct job_queue queues[5];
    char node_name[HOST_NAME_MAX + 1];
    struct runner *runner;
    bool runner_runs;
    struct ingest *ingest;
    struct event_hub *hub;
    struct attempts *attempts;
    struct overview_cache *overview;
    struct api_meters *meters;
    struct api api;
    struct http_server *http;
};

/* -- making ----------------------------------------------------------------------------------- */

static enum err make_directory(const char *path, struct error *e)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_errno(e, "cannot make the data directory %s", path);
    return OK;
}

/* Two processes on one directory would share the sandbox's file and revoke each other's tokens. */
static enum err lock_data(struct daemon *d, struct error *e)
{
    const char *data = d->config.data;
    const char *path = arena_printf(&d->arena, "%s/serve.lock", data);
    d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock_fd < 0)
        return error_errno(e, "cannot write in the data directory %s", data);
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return OK;
    if (errno == EWOULDBLOCK)
        return error_set(e, ERR_CONFLICT,
                         "the data directory %s is used by another webhost serve; stop that one or "
                         "give another directory with --data",
                         data);
    return error_errno(e, "cannot lock %s", path);
}

/* Its servers' and apps' databases are SQLite files in the data directory. */
static enum err use_files(struct daemon *d, struct error *e)
{
    struct arena *a = &d->arena;
    const char *data = d->config.data;
    struct provisioning_settings *s = &d->config.provisioning;
    TRY(make_directory(arena_printf(a, "%s/hetzner", data), e));
    TRY(make_directory(arena_printf(a, "%s/fly", data), e));
    s->hetzner.database_url = arena_printf(a, "sqlite:%s/hetzner/{host}.db", data);
    s->fly.database_url = arena_printf(a, "sqlite:%s/fly/{app}.db", data);
    return OK;
}

/* They are databases of a PostgreSQL server of its own, behind a PgBouncer. */
static enum err use_cluster(struct daemon *d, struct error *e)
{
    struct arena *a = &d->arena;
    d->cluster_password = secret_derive(d->key, CLUSTER_PASSWORD);
    struct cluster_options options = {
        .folder = arena_printf(a, "%s/postgres", d->config.data),
        .password = d->cluster_password,
    };
    TRY(cluster_start(&options, &d->cluster, e));
    const char *server =
        arena_printf(a, "postgres://" CLUSTER_USER ":{password:" CLUSTER_PASSWORD "}@127.0.0.1:%u",
                     cluster_port(d->cluster));
    struct provisioning_settings *s = &d->config.provisioning;
    s->hetzner.database_url = arena_printf(a, "%s/{host}", server);
    s->fly.database_url = arena_printf(a, "%s/{app}", server);
    s->fly.postgres = FLY_POSTGRES_MACHINE;
    const char **consoles = arena_new_array(a, 1, const char *);
    consoles[0] = cluster_console_url(d->cluster, a);
    d->config.routing.pgbouncer = (struct pgbouncer_settings){
        .databases_file = cluster_databases_file(d->cluster),
        .admin_urls = {consoles, 1},
        .login = LOGIN_DATABASE,
        .passwords = true,
    };
    return OK;
}

/* Both clouds are the sandbox. What stands ready in the operator's project does not in this one. */
static enum err start_sandbox(struct daemon *d, struct error *e)
{
    struct arena *a = &d->arena;
    struct provisioning_settings *s = &d->config.provisioning;
    s->hetzner.ssh_keys = (struct texts){0};
    s->hetzner.ssh_public_key_file = s->hetzner.network = NULL;
    TRY(d->options->postgres ? use_cluster(d, e) : use_files(d, e));
    struct sandbox_options options = {
        .db_url = arena_printf(a, "sqlite:%s/sandbox.db", d->config.data),
        .action_delay_us = SANDBOX_DELAY_US,
        .cluster = d->cluster,
    };
    TRY(sandbox_start(&options, &d->sandbox, e));
    unsigned port = sandbox_port(d->sandbox);
    s->hetzner.endpoint = s->fly.endpoint = arena_printf(a, "http://127.0.0.1:%u/v1", port);
    s->fly.uiex_endpoint = arena_printf(a, "http://127.0.0.1:%u", port);
    d->hetzner_token = secret_new(STR("sandbox"));
    d->fly_token = secret_new(STR("sandbox"));
    return OK;
}

static enum err read_token(const char *file, const char *variable, struct secret **ret,
                           struct error *e)
{
    if (file)
        return secret_from_file(file, ret, e);
    char *value = getenv(variable);
    if (value && *value) {
        *ret = secret_new(str_from(value));
        explicit_bzero(value, strlen(value)); /* the environment is part of a core dump */
        secret_clear_traces();
    } else
        log_warn("no cloud token: its provisioning jobs will fail", LOG_TEXT("set", variable));
    return OK;
}

static enum err reach_clouds(struct daemon *d, struct error *e)
{
    if (d->options->sandbox || d->options->demo)
        return start_sandbox(d, e);
    if (d->options->postgres)
        return error_set(e, ERR_INVALID,
                         "--postgres is about the sandbox's databases: give it with --sandbox or "
                         "--demo; where WebHost keeps its own records is --database");
    TRY(read_token(d->config.provisioning.hetzner.token_file, "HCLOUD_TOKEN", &d->hetzner_token,
                   e));
    return read_token(d->config.provisioning.fly.token_file, "FLY_API_TOKEN", &d->fly_token, e);
}

static enum err open_database(struct daemon *d, struct error *e)
{
    struct db_options options = {
        .url = d->config.database,
        .migrations = core_migrations,
        .migration_count = core_migration_count,
        .readers = DB_READERS,
        .busy_timeout_us = DB_BUSY_US,
    };
    d->env = (struct env){.clock = &clock_system, .rng = &rng_system};
    return db_open(&options, &d->env.db, e);
}

static void observe_job(const struct job *job, enum job_state to, const char *why, int64_t took_us)
{
    struct log_field fields[] = {
        LOG_TEXT("worker", job->worker),
        LOG_INT("job", job->id),
        LOG_TEXT("state", job_state_names[to]),
        LOG_INT("attempt", job->attempt),
        LOG_INT("took_us", took_us),
        LOG_TEXT("error", why),
        {0},
    };
    if (!why)
        fields[ARRAY_LEN(fields) - 2] = (struct log_field){0};
    log_write(why ? LOG_WARN : to == JOB_SCHEDULED ? LOG_DEBUG : LOG_INFO, "job ran", fields);
}

/* Room for that many more workers. */
static struct job_worker *room(struct daemon *d, size_t count)
{
    BUG_ON(d->worker_count + count > WORKERS_MAX);
    d->worker_count += count;
    return d->workers + d->worker_count - count;
}

static void add_workers(struct daemon *d)
{
    provisioning_workers(&d->provisioning, room(d, PROVISIONING_WORKERS));
    instance_workers(&d->provisioning, room(d, INSTANCE_WORKERS));
    move_workers(&d->moves, room(d, MOVE_WORKERS));
    offboarding_workers(&d->exports, room(d, OFFBOARDING_WORKERS));
    *room(d, 1) = collect_worker(&d->collector);
    *room(d, 1) = measure_worker();
    *room(d, 1) = usage_retention_worker();
    *room(d, 1) = sweep_worker(&d->tracker);
    *room(d, 1) = fleet_worker(&d->tracker);
    *room(d, 1) = alarm_worker(&d->alarms);
    *room(d, 1) = evaluation_worker(&d->evaluations);
    *room(d, 1) = notification_worker(&d->config.notify);
    *room(d, 1) = reconcile_worker(&d->provisioning);
    *room(d, 1) = price_worker(&d->price_refresh);
    *room(d, 1) = prune_worker(&d->prune);
    *room(d, 1) = notary_worker(&d->notary);
    *room(d, 1) = demo_worker(&d->demo);
}

static void add_prune_rule(struct daemon *d, struct prune_rule rule)
{
    BUG_ON(d->prune_rule_count + 1 >= PRUNE_RULES_MAX); /* the last one ends the list */
    d->prune_rules[d->prune_rule_count++] = rule;
}

static void add_crons(struct daemon *d)
{
    const struct config *c = &d->config;
    add_prune_rule(d, (struct prune_rule){job_prune, c->jobs.keep_days * USEC_PER_DAY});
    add_prune_rule(
        d, (struct prune_rule){calls_prune, c->provisioning.keep_calls_days * USEC_PER_DAY});
    add_prune_rule(d, (struct prune_rule){sessions_prune, 0});
    add_prune_rule(d, (struct prune_rule){fleet_prune, FLEET_DAYS_MAX * USEC_PER_DAY});
    add_prune_rule(d, (struct prune_rule){sweep_prune, c->tracker.keep_sweeps_days * USEC_PER_DAY});
    struct prune_rule usage[USAGE_PRUNE_RULES];
    usage_prune_rules(usage);
    for (size_t i = 0; i < USAGE_PRUNE_RULES; i++)
        add_prune_rule(d, usage[i]);
    add_prune_rule(d, (struct prune_rule){usage_keys_prune, INGEST_KEY_KEEP_US});
    add_prune_rule(d, (struct prune_rule){notice_prune, c->notify.keep_days * USEC_PER_DAY});
    d->prune.rules = d->prune_rules;
    const struct cron crons[] = {
        prune_cron(),
        notary_cron(),
        instance_cron(),
        reconcile_cron(),
        offboarding_cron(),
        drain_cron(),
        price_cron(),
        sweep_cron(&c->tracker, &d->arena),
        collect_cron(&c->usage, &d->arena),
        measure_cron(&c->usage, &d->arena),
        usage_retention_cron(),
        fleet_cron(),
        alarm_cron(),
    };
    _Static_assert(sizeof(crons) + HOST_CRONS * sizeof(crons[0]) <= sizeof(d->crons),
                   "room for every cron");
    memcpy(d->crons, crons, sizeof(crons));
    host_crons(d->crons + ARRAY_LEN(crons));
    d->cron_count = ARRAY_LEN(crons) + HOST_CRONS;
}

static void add_queues(struct daemon *d)
{
    const struct config *c = &d->config;
    const struct job_queue queues[] = {
        {"provisioning", (unsigned)c->jobs.provisioning, 0},
        {EVALUATION_QUEUE, (unsigned)c->jobs.migration_evaluation, 0},
        {"migration", (unsigned)c->jobs.migration, 0},
        {NOTIFY_QUEUE, (unsigned)c->jobs.notifications, 0},
        {"maintenance", (unsigned)c->jobs.maintenance, 0},
    };
    _Static_assert(sizeof(queues) == sizeof(d->queues), "a place for each queue");
    memcpy(d->queues, queues, sizeof(queues));
}

static enum err start_jobs(struct daemon *d, struct error *e)
{
    if (gethostname(d->node_name, sizeof(d->node_name)) != 0)
        return error_errno(e, "cannot tell this host's name");
    d->provisioning = (struct provisioning){
        .env = &d->env,
        .settings = &d->config.provisioning,
        .hetzner_token = d->hetzner_token,
        .fly_token = d->fly_token,
        .key = d->key,
        .stores = tenant_stores_new(d->key),
        .traffic = traffic_new(&d->env, d->config.provisioning.interactive_percent),
    };
    TRY(install_id(&d->env, &d->arena, &d->provisioning.install_id, e));
    traffic_start(d->provisioning.traffic);
    price_book_open(&d->price_book, &d->env, &d->config.provisioning, d->prices);
    d->price_refresh = (struct price_refresh){&d->provisioning, &d->price_book};
    d->demo = (struct demo){&d->env, d->policy, &d->price_book, &d->provisioning};
    d->moves = (struct move_context){
        .provisioning = &d->provisioning,
        .settings = &d->config.moves,
        .notify = &d->config.notify,
        .router = d->pgbouncer ? pgbouncer_router(d->pgbouncer) : NULL,
        .mover_for = mover_for,
    };
    d->collector = (struct collector){&d->provisioning, &d->config.usage};
    d->tracker = (struct tracker){&d->env, d->policy, &d->price_book, &d->config.tracker};
    d->alarms = (struct alarms){&d->config.provisioning.hetzner, &d->config.notify};
    d->evaluations = (struct evaluations){&d->tracker, &d->config.notify};
    d->exports = (struct exports){
        .provisioning = &d->provisioning,
        .directory = d->config.offboarding.exports,
        .node = d->node_name,
        .keep_us = d->config.offboarding.keep_exports_days * USEC_PER_DAY,
    };
    add_workers(d);
    add_crons(d);
    add_queues(d);
    d->runner = runner_new(&(struct runner_options){
        .env = &d->env,
        .node_name = d->node_name,
        .workers = d->workers,
        .worker_count = d->worker_count,
        .queues = d->queues,
        .queue_count = ARRAY_LEN(d->queues),
        .crons = d->crons,
        .cron_count = d->cron_count,
        .lease_us = d->config.jobs.lease_ms * USEC_PER_MS,
        .poll_us = d->config.jobs.poll_ms * USEC_PER_MS,
        .drain_us = d->config.jobs.drain_ms * USEC_PER_MS,
        .observe = observe_job,
    });
    TRY(runner_start(d->runner, e));
    d->runner_runs = true;
    return OK;
}

static void observe_request(void *ctx, const struct http_request *request,
                            const struct http_response *response, int64_t duration_us)
{
    const struct api *api = ctx;
    api_meters_note(api->meters, request, response, duration_us);
    log_debug("request", LOG_TEXT("method", http_method_names[request->method]),
              LOG_TEXT("path", request->path), LOG_INT("status", response->status),
              LOG_INT("took_us", duration_us));
}

/* The API's and the dashboard's. */
static const struct http_route *all_routes(struct daemon *d, size_t *ret_count)
{
    size_t count = api_route_count + web_route_count;
    struct http_route *routes = arena_new_array(&d->arena, count, struct http_route);
    memcpy(routes, api_routes, api_route_count * sizeof(*routes));
    memcpy(routes + api_route_count, web_routes, web_route_count * sizeof(*routes));
    *ret_count = count;
    return routes;
}

static enum err start_http(struct daemon *d, struct error *e)
{
    d->hub = event_hub_new(&d->env, d->queues, ARRAY_LEN(d->queues));
    d->ingest = ingest_new(&d->env, d->key);
    d->attempts = attempts_new(d->env.clock);
    d->overview = overview_cache_new(d->env.clock);
    size_t route_count;
    const struct http_route *routes = all_routes(d, &route_count);
    d->meters = api_meters_new(routes, route_count);
    d->api = (struct api){
        .env = &d->env,
        .provisioning = &d->provisioning,
        .policy = d->policy,
        .prices = &d->price_book,
        .runner = d->runner,
        .queues = d->queues,
        .queue_count = ARRAY_LEN(d->queues),
        .offboarding = &d->config.offboarding,
        .exports = &d->exports,
        .tracker = &d->tracker,
        .notify = &d->config.notify,
        .ingest = d->ingest,
        .hub = d->hub,
        .moves = &d->moves,
        .key = d->key,
        .sessions = &d->config.dashboard,
        .attempts = d->attempts,
        .overview = d->overview,
        .meters = d->meters,
    };
    struct http_server_options options = {
        .threads = HTTP_THREADS,
        .connections_max = HTTP_CONNECTIONS_MAX,
        .idle_timeout_s = HTTP_IDLE_S,
        .body_max = BODY_MAX,
        .response_max = RESPONSE_MAX,
        .large_bodies_max = (size_t)d->config.ingest.memory_mb << 20,
        .streams = {.max = HTTP_STREAMS_MAX,
                    .buffer_max = STREAM_BUFFER_MAX,
                    .tick_us = STREAM_TICK_US,
                    .heartbeat_us = STREAM_HEARTBEAT_US,
                    .tick = event_hub_tick,
                    .ctx = d->hub},
        .routes = routes,
        .route_count = route_count,
        .refuse = api_refuse,
        .done = observe_request,
        .ctx = &d->api,
    };
    TRY(http_listen_parse(d->config.listen, &d->arena, &options.address, &options.port, e));
    return http_server_start(&options, &d->http, e);
}

/* What is allowed and hardly meant. */
static void warn_about_settings(const struct daemon *d)
{
    if (!d->sandbox && d->config.provisioning.hetzner.allow_from.count == 0)
        log_warn("new hosts let nobody reach their database: say from where WebHost comes",
                 LOG_TEXT("set", "provisioning.hetzner.allow_from"));
}

/* Before the jobs, so that the first move finds the aliases of all. */
static enum err start_routing(struct daemon *d, struct error *e)
{
    TRY(routes_complete(d->env.db, e));
    if (!d->config.routing.pgbouncer.databases_file)
        return OK;
    d->pgbouncer = pgbouncer_new(&d->config.routing.pgbouncer, d->key);
    d->route_keeper = route_keeper_start(&d->env, d->pgbouncer);
    return OK;
}

static enum err start(struct daemon *d, struct error *e)
{
    TRY(config_load(d->options, &d->arena, &d->config, e));
    log_configure((enum log_level)d->config.log.level, (enum log_format)d->config.log.format);
    TRY(make_directory(d->config.data, e));
    TRY(lock_data(d, e));
    TRY(config_policy(&d->config, &d->arena, &d->policy, e));
    TRY(config_prices(&d->config, &d->arena, &d->prices, e));
    TRY(open_database(d, e));
    TRY(key_open(&d->env, d->config.key_file, &d->key, e));
    TRY(reach_clouds(d, e));
    d->sealer = audit_sealer_start(&d->env, d->key);
    d->notary = (struct notary){d->key, &d->config.audit, &d->config.notify};
    TRY(notary_record_policy(&d->env, d->policy, e));
    TRY(start_routing(d, e));
    TRY(start_jobs(d, e));
    TRY(start_http(d, e));
    TRY(price_refresh_first(&d->price_refresh, e)); /* a start that fails asks no cloud anything */
    warn_about_settings(d);
    if (d->options->demo)
        TRY(demo_sign_up(&d->demo, e));
    if (d->options->demo && d->cluster)
        d->demo_load = demo_load_start(&d->env, d->cluster);
    return welcome(&d->env, http_server_port(d->http), d->options->demo, e);
}

/* -- unmaking --------------------------------------------------------------------------------- */

static void stop(struct daemon *d)
{
    http_server_stop(d->http);
    if (d->provisioning.traffic)
        traffic_interrupt(d->provisioning.traffic);
    bool load_ended = demo_load_stop(d->demo_load);
    if (d->runner_runs && !runner_stop(d->runner)) {
        /* Threads still use what would be freed now. Their leases run out; others take over. */
        log_warn("stopping with jobs unfinished: they will be taken up again");
        _exit(0);
    }
    if (!load_ended)
        _exit(0); /* its thread waits for a server and uses what would be freed now */
    runner_free(d->runner);
    if (d->provisioning.traffic)
        traffic_stop(d->provisioning.traffic);
    traffic_free(d->provisioning.traffic);
    event_hub_free(d->hub);
    route_keeper_stop(d->route_keeper);
    pgbouncer_free(d->pgbouncer);
    ingest_free(d->ingest);
    attempts_free(d->attempts);
    overview_cache_free(d->overview);
    api_meters_free(d->meters);
    tenant_stores_free(d->provisioning.stores);
    audit_sealer_stop(d->sealer);
    db_close(d->env.db);
    sandbox_stop(d->sandbox);
    cluster_stop(d->cluster);
    secret_free(d->cluster_password);
    secret_free(d->hetzner_token);
    secret_free(d->fly_token);
    secret_free(d->key);
    if (d->price_book.env)
        price_book_close(&d->price_book);
    prices_free(d->prices);
    policy_free(d->policy);
    arena_release(&d->arena);
    if (d->lock_fd >= 0)
        (void)close(d->lock_fd);
}

/*
 * A dump of the process would hold what is on its way just now: a token in the middle of a call, a
 * client's request. Somebody who needs one for a debugger says so. A leak checker needs it too.
 */
static void forbid_core_dumps(void)
{
    const char *allow = getenv("WEBHOST_CORE_DUMPS");
    if (allow && text_eq(allow, "1"))
        return;
    BUG_ON(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0);
    BUG_ON(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) != 0);
}

enum err serve_run(const struct serve_options *options, struct error *e)
{
    forbid_core_dumps();
    signals_block();
    struct daemon d = {.options = options, .lock_fd = -1};
    enum err err = start(&d, e);
    if (err == OK) {
        (void)sd_notify(0, "READY=1");
        signals_wait();
        (void)sd_notify(0, "STOPPING=1");
    }
    stop(&d);
    return err;
}
