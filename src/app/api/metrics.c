/* /metrics: what Prometheus reads. docs/metrics.md has each, which a test compares. */
#include "app/api/api.h"
#include "app/api/meters.h"
#include "domain/jobs/queue.h"
#include "domain/migration/census.h"
#include "domain/migration/move.h"
#include "domain/provisioning/drift.h"
#include "domain/provisioning/fly/instance.h"
#include "domain/provisioning/traffic.h"
#include "infra/metrics/exposition.h"

#define METRICS_MAX ((size_t)2 << 20)

/* -- the queue -------------------------------------------------------------------------------- */

struct queues {
    const struct api *api;
    struct queue_depth depths[QUEUES_MAX];
    struct runner_counts counts[QUEUES_MAX];
};

static enum err read_queues(struct db_tx *tx, const struct api *api, struct queues *q,
                            struct error *e)
{
    q->api = api;
    for (size_t i = 0; i < api->queue_count; i++) {
        TRY(queue_depth(tx, api->queues[i].name, &q->depths[i], e));
        q->counts[i] = runner_counts(api->runner, i);
    }
    return OK;
}

static void write_depths(const struct queues *q, struct buf *out)
{
    static const struct metric jobs = {"webhost_jobs", "gauge", "Unfinished jobs by state."};
    char labels[METRIC_LABELS_MAX];
    metric_head(out, &jobs);
    for (size_t i = 0; i < q->api->queue_count; i++) {
        const struct queue_depth *d = &q->depths[i];
        const int64_t counts[] = {d->available, d->scheduled, d->executing, d->retryable};
        for (size_t state = 0; state < ARRAY_LEN(counts); state++)
            metric_int(
                out, &jobs,
                metric_labels(labels, "queue", d->queue, "state", job_state_names[state], NULL),
                counts[state]);
    }
}

static void write_ages(const struct queues *q, struct buf *out)
{
    static const struct metric age = {"webhost_job_oldest_available_seconds", "gauge",
                                      "How long the oldest available job has waited."};
    char labels[METRIC_LABELS_MAX];
    int64_t now = env_now(q->api->env);
    metric_head(out, &age);
    for (size_t i = 0; i < q->api->queue_count; i++) {
        int64_t oldest = q->depths[i].oldest_at;
        bool waits = oldest != INT_ABSENT && oldest < now;
        metric_seconds(out, &age, metric_labels(labels, "queue", q->depths[i].queue, NULL),
                       waits ? now - oldest : 0);
    }
}

static void write_ends(const struct queues *q, struct buf *out)
{
    static const struct metric ends = {"webhost_job_runs_total", "counter",
                                       "Runs of jobs on this node by how they ended."};
    char labels[METRIC_LABELS_MAX];
    metric_head(out, &ends);
    for (size_t i = 0; i < q->api->queue_count; i++) {
        const struct runner_counts *n = &q->counts[i];
        const struct {
            const char *end;
            uint64_t count;
        } all[] = {
            {"completed", n->completed}, {"retried", n->retried}, {"discarded", n->discarded},
            {"snoozed", n->snoozed},     {"fenced", n->fenced},   {"rescued", n->rescued},
        };
        for (size_t k = 0; k < ARRAY_LEN(all); k++)
            metric_int(
                out, &ends,
                metric_labels(labels, "queue", q->api->queues[i].name, "end", all[k].end, NULL),
                (int64_t)all[k].count);
    }
}

static void write_job_times(const struct queues *q, struct buf *out)
{
    static const struct metric wait = {"webhost_job_wait_seconds", "histogram",
                                       "From a job's time until it began."};
    static const struct metric run = {"webhost_job_run_seconds", "histogram",
                                      "How long a job ran."};
    char labels[METRIC_LABELS_MAX];
    metric_head(out, &wait);
    for (size_t i = 0; i < q->api->queue_count; i++)
        histogram_write(&q->counts[i].wait, wait.name,
                        metric_labels(labels, "queue", q->api->queues[i].name, NULL), out);
    metric_head(out, &run);
    for (size_t i = 0; i < q->api->queue_count; i++)
        histogram_write(&q->counts[i].run, run.name,
                        metric_labels(labels, "queue", q->api->queues[i].name, NULL), out);
}

static void write_queues(const struct queues *q, struct buf *out)
{
    write_depths(q, out);
    write_ages(q, out);
    write_ends(q, out);
    write_job_times(q, out);
}

/* -- customers, hosts, moves ------------------------------------------------------------------- */

static void write_counts(const struct metric *m, struct records counts, const char *kind_label,
                         const char *status_label, struct buf *out)
{
    char labels[METRIC_LABELS_MAX];
    const struct census_count *items = counts.items;
    metric_head(out, m);
    for (size_t i = 0; i < counts.count; i++) {
        if (kind_label)
            (void)metric_labels(labels, kind_label, items[i].kind, status_label, items[i].status,
                                NULL);
        else
            (void)metric_labels(labels, status_label, items[i].status, NULL);
        metric_int(out, m, labels, items[i].count);
    }
}

static void write_deployments(struct records places, struct buf *out)
{
    static const struct metric m = {"webhost_deployments", "gauge",
                                    "Customers by the mode and status of their place."};
    char labels[METRIC_LABELS_MAX];
    const struct overview_place *items = places.items;
    metric_head(out, &m);
    for (size_t i = 0; i < places.count; i++) {
        (void)metric_labels(labels, "mode", mode_names[items[i].mode], "status",
                            deployment_status_names[items[i].status], NULL);
        metric_int(out, &m, labels, items[i].count);
    }
}

static void write_money(struct records money, struct buf *out)
{
    static const struct metric revenue = {"webhost_fleet_monthly_revenue_dollars", "gauge",
                                          "What the customers of a mode pay a month."};
    static const struct metric cost = {"webhost_fleet_monthly_cost_dollars", "gauge",
                                       "What they cost a month, estimated from list prices."};
    char labels[METRIC_LABELS_MAX];
    const struct census_money *items = money.items;
    metric_head(out, &revenue);
    for (size_t i = 0; i < money.count; i++)
        metric_decimal(out, &revenue, metric_labels(labels, "mode", items[i].mode, NULL),
                       items[i].revenue);
    metric_head(out, &cost);
    for (size_t i = 0; i < money.count; i++)
        metric_decimal(out, &cost, metric_labels(labels, "mode", items[i].mode, NULL),
                       items[i].cost);
}

static void write_slots(struct records slots, struct buf *out)
{
    static const struct metric m = {"webhost_host_slots", "gauge",
                                    "Slots of hosts that take customers, by location."};
    char labels[METRIC_LABELS_MAX];
    const struct census_slots *items = slots.items;
    metric_head(out, &m);
    for (size_t i = 0; i < slots.count; i++) {
        const char *location = items[i].location;
        metric_int(out, &m, metric_labels(labels, "location", location, "state", "used", NULL),
                   items[i].used);
        metric_int(out, &m, metric_labels(labels, "location", location, "state", "free", NULL),
                   items[i].capacity - items[i].used);
    }
}

/* Moves that run are a gauge, those that are over a counter. */
static void split_moves(const struct census *c, struct arena *arena, struct records *running,
                        struct records *over)
{
    const struct census_count *items = c->moves.items;
    struct census_count *run = arena_new_array(arena, c->moves.count + 1, struct census_count);
    struct census_count *end = arena_new_array(arena, c->moves.count + 1, struct census_count);
    *running = (struct records){.items = run};
    *over = (struct records){.items = end};
    for (size_t i = 0; i < c->moves.count; i++) {
        int state = enum_from_text(move_state_names, str_from(items[i].status));
        if (state >= 0 && move_is_over((enum move_state)state))
            end[over->count++] = items[i];
        else
            run[running->count++] = items[i];
    }
}

static void write_moves(const struct census *c, struct arena *arena, int64_t now, struct buf *out)
{
    static const struct metric running = {"webhost_moves", "gauge", "Moves under way, by state."};
    static const struct metric ended = {"webhost_moves_ended_total", "counter",
                                        "Moves that are over, by where to and how they ended."};
    static const struct metric stall = {"webhost_move_stall_seconds", "histogram",
                                        "How long customers could not write in completed moves."};
    static const struct metric took = {"webhost_move_duration_seconds", "histogram",
                                       "From the request of a completed move until it was over."};
    static const struct metric waiting = {"webhost_proposals_pending", "gauge",
                                          "Moves that wait for a person."};
    static const struct metric oldest = {"webhost_proposal_oldest_seconds", "gauge",
                                         "How long the oldest of them has waited."};
    struct records run, over;
    split_moves(c, arena, &run, &over);
    write_counts(&running, run, "to_mode", "state", out);
    write_counts(&ended, over, "to_mode", "end", out);
    metric_head(out, &stall);
    histogram_write(&c->stalls, stall.name, "", out);
    metric_head(out, &took);
    histogram_write(&c->moves_took, took.name, "", out);
    metric_one(out, &waiting, c->proposals);
    metric_one_seconds(out, &oldest,
                       c->proposal_oldest_at == INT_ABSENT ? 0 : now - c->proposal_oldest_at);
}

static enum err write_sweep(const struct census *c, struct buf *out, struct error *e)
{
    static const struct metric at = {"webhost_sweep_finished_timestamp_seconds", "gauge",
                                     "When all customers were last judged, since 1970."};
    static const struct metric took = {"webhost_sweep_duration_seconds", "gauge",
                                       "How long that took."};
    static const struct metric outcomes = {"webhost_sweep_customers", "gauge",
                                           "What it made of the customers."};
    if (c->swept_at == INT_ABSENT)
        return OK;
    metric_one_seconds(out, &at, c->swept_at);
    metric_one_seconds(out, &took, c->sweep_took_us);
    if (!c->outcomes)
        return OK;
    _cleanup_json_ json_t *counts = NULL;
    TRY(json_parse(str_from(c->outcomes), &counts, e));
    char labels[METRIC_LABELS_MAX];
    const char *name;
    json_t *count;
    metric_head(out, &outcomes);
    json_object_foreach (counts, name, count)
        metric_int(out, &outcomes, metric_labels(labels, "outcome", name, NULL),
                   json_integer_value(count));
    return OK;
}

static enum err write_census(struct db_tx *tx, const struct api_call *call, struct buf *out,
                             struct error *e)
{
    static const struct metric hosts = {"webhost_hosts", "gauge", "Shared hosts by status."};
    struct census c;
    TRY(census_take(tx, call->arena, &c, e));
    write_deployments(c.deployments, out);
    write_money(c.money, out);
    write_counts(&hosts, c.hosts, NULL, "status", out);
    write_slots(c.slots, out);
    write_moves(&c, call->arena, env_now(call->api->env), out);
    return write_sweep(&c, out, e);
}

static enum err write_machines(struct db_tx *tx, struct arena *arena, struct buf *out,
                               struct error *e)
{
    static const struct metric machines = {"webhost_instance_machines", "gauge",
                                           "Machines of dedicated instances by health."};
    char labels[METRIC_LABELS_MAX];
    struct records rows;
    TRY(instance_health_counts(tx, arena, &rows, e));
    const struct instance_health_count *items = rows.items;
    metric_head(out, &machines);
    for (size_t i = 0; i < rows.count; i++)
        metric_int(out, &machines, metric_labels(labels, "health", items[i].health, NULL),
                   items[i].machines);
    return OK;
}

static enum err write_drift(struct db_tx *tx, struct buf *out, struct error *e)
{
    static const struct metric drift = {"webhost_drift", "gauge",
                                        "Differences between the clouds and the database."};
    char labels[METRIC_LABELS_MAX];
    int64_t counts[DRIFT_KINDS];
    TRY(drift_counts(tx, counts, e));
    metric_head(out, &drift);
    for (size_t i = 0; i < DRIFT_KINDS; i++)
        metric_int(out, &drift, metric_labels(labels, "kind", drift_kind_names[i], NULL),
                   counts[i]);
    return OK;
}

/* -- this process ------------------------------------------------------------------------------ */

static void write_build(const struct api *api, struct buf *out)
{
    static const struct metric build = {"webhost_build_info", "gauge",
                                        "The version, and the engine of the database."};
    static const char *const engines[DB_ENGINES] = {"sqlite", "postgres"};
    char labels[METRIC_LABELS_MAX];
    metric_head(out, &build);
    metric_int(out, &build,
               metric_labels(labels, "version", WEBHOST_VERSION, "database",
                             engines[db_engine_of(api->env->db)], NULL),
               1);
}

enum err api_metrics(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct api *api = call->api;
    struct queues queues;
    TRY(read_queues(tx, api, &queues, e));
    buf_release(&call->text); /* of an earlier run of this work */
    call->text = BUF_INIT(METRICS_MAX);
    struct buf *out = &call->text;
    write_build(api, out);
    metric_process(out);
    api_meters_write(api->meters, out);
    write_queues(&queues, out);
    traffic_metrics(api->provisioning->traffic, out);
    TRY(write_census(tx, call, out, e));
    TRY(write_machines(tx, call->arena, out, e));
    return write_drift(tx, out, e);
}
