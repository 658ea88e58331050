/* Queues: what waits in them, how long it takes, and what an operator turns. */
#include "app/api/api.h"
#include "domain/jobs/queue.h"

#define NODE_LIMIT_MAX 1000

static size_t queue_index(const struct api *api, const char *name)
{
    size_t i = 0;
    while (i < api->queue_count && !text_eq(api->queues[i].name, name))
        i++;
    return i;
}

/* {name} of the path, when there is such a queue. */
static enum err queue_name(const struct api_call *call, const char **ret_name, struct error *e)
{
    const char *name = http_param(call->request, "name");
    if (queue_index(call->api, name) == call->api->queue_count)
        return error_set(e, ERR_NOT_FOUND, "there is no queue %.100s", name);
    *ret_name = name;
    return OK;
}

static const struct queue_settings *settings_of(const struct records *all, const char *name)
{
    const struct queue_settings *items = all->items;
    for (size_t i = 0; i < all->count; i++) {
        if (text_eq(items[i].name, name))
            return &items[i];
    }
    return NULL;
}

static json_t *milliseconds(const struct histogram *h, unsigned per_mille)
{
    int64_t us = histogram_quantile(h, per_mille);
    return us == INT64_MIN ? json_null() : json_real((double)us / 1000.0);
}

static json_t *times_json(const struct histogram *h)
{
    json_t *out = json_object();
    (void)json_object_set_new(out, "p50_ms", milliseconds(h, 500));
    (void)json_object_set_new(out, "p95_ms", milliseconds(h, 950));
    (void)json_object_set_new(out, "p99_ms", milliseconds(h, 990));
    return out;
}

/* One queue: its depth everywhere, and what this node did for it since it started. */
static json_t *queue_json(const struct api *api, size_t index, const struct queue_depth *depth,
                          const struct queue_settings *settings)
{
    struct runner_counts counts = runner_counts(api->runner, index);
    json_t *out = json_encode(queue_depth_fields, depth, JSON_KEEP_ABSENT);
    int64_t limit = api->queues[index].limit;
    if (settings && settings->node_limit != INT_ABSENT)
        limit = settings->node_limit;
    (void)json_object_set_new(out, "name", json_string(depth->queue));
    (void)json_object_del(out, "queue");
    (void)json_object_set_new(out, "paused", json_boolean(settings && settings->paused));
    (void)json_object_set_new(out, "node_limit", json_integer(limit));
    (void)json_object_set_new(
        out, "this_node",
        json_pack("{s:I, s:I, s:I, s:I, s:o, s:o}", "completed", (json_int_t)counts.completed,
                  "retried", (json_int_t)counts.retried, "discarded", (json_int_t)counts.discarded,
                  "fenced", (json_int_t)counts.fenced, "wait", times_json(&counts.wait), "run",
                  times_json(&counts.run)));
    return out;
}

enum err api_queues(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct api *api = call->api;
    struct records settings;
    struct queue_depth depths[QUEUES_MAX];
    TRY(queue_settings_list(tx, call->arena, &settings, e));
    for (size_t i = 0; i < api->queue_count; i++)
        TRY(queue_depth(tx, api->queues[i].name, &depths[i], e));
    json_t *list = json_array();
    for (size_t i = 0; i < api->queue_count; i++)
        (void)json_array_append_new(
            list, queue_json(api, i, &depths[i], settings_of(&settings, api->queues[i].name)));
    api_reply_list(call, "queues", list, NULL);
    return OK;
}

static enum err set_paused(struct db_tx *tx, struct api_call *call, bool paused, struct error *e)
{
    const char *name;
    TRY(queue_name(call, &name, e));
    TRY(queue_pause(tx, call->api->env, call->actor, name, paused, call->arena, e));
    api_reply(call, json_pack("{s:s, s:b}", "name", name, "paused", (int)paused));
    return OK;
}

enum err api_queue_pause(struct db_tx *tx, struct api_call *call, struct error *e)
{
    return set_paused(tx, call, true, e);
}

enum err api_queue_resume(struct db_tx *tx, struct api_call *call, struct error *e)
{
    return set_paused(tx, call, false, e);
}

struct scale_request {
    int64_t node_limit;
};

static const struct field scale_fields[] = {
    {"node_limit", FIELD_INT, offsetof(struct scale_request, node_limit), .min = 1,
     .max = NODE_LIMIT_MAX, .help = "jobs that each node runs at a time; null: as configured"},
    FIELD_END,
};

const struct api_body api_queue_scale_body = {
    scale_fields,
    sizeof(struct scale_request),
    "{\"node_limit\":8}",
};

enum err api_queue_scale(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct scale_request *request = call->body;
    const char *name;
    TRY(queue_name(call, &name, e));
    TRY(queue_scale(tx, call->api->env, call->actor, name, request->node_limit, call->arena, e));
    json_t *reply = json_encode(scale_fields, request, JSON_KEEP_ABSENT);
    (void)json_object_set_new(reply, "name", json_string(name));
    api_reply(call, reply);
    return OK;
}
