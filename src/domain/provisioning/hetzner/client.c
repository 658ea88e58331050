#include "domain/provisioning/hetzner/client.h"

#include "base/clock.h"

#include <inttypes.h>

static void read_error(json_t *body, const char **ret_code, const char **ret_message)
{
    json_t *error = json_object_get(body, "error");
    *ret_code = json_get_text(error, "code");
    *ret_message = json_get_text(error, "message");
}

/* The API's error codes ("Errors" in the overview), by what they mean for a job. */
static const struct cloud_error errors[] = {
    {401, NULL, ERR_DENIED},
    {403, "resource_limit_exceeded", ERR_CAPACITY},
    {403, NULL, ERR_DENIED},
    {404, NULL, ERR_NOT_FOUND},
    {0, "uniqueness_error", ERR_CONFLICT},
    {0, "conflict", ERR_BUSY},
    {0, "locked", ERR_BUSY},
    {0, "rate_limit_exceeded", ERR_BUSY},
    {429, NULL, ERR_BUSY},
    {0, "resource_unavailable", ERR_CAPACITY},
    {0, "placement_error", ERR_CAPACITY},
    {0, "maintenance", ERR_UNAVAILABLE},
    {504, NULL, ERR_TIMEOUT},
    {0, NULL, OK},
};

/* What the official Go and Python clients repeat, and nothing else: not "locked", not 503. */
static const struct cloud_retry retries[] = {
    {0, "conflict", false, true}, {0, "rate_limit_exceeded", false, true},
    {429, NULL, false, true},     {0, "bad_gateway", false, false},
    {0, "timeout", false, false}, {502, NULL, true, false},
    {504, NULL, true, false},     {0, NULL, false, false},
};

static const struct route_name names[] = {
    {NULL, NULL, NULL},
};

static const struct cloud_rate rates[] = {
    {.route = NULL},
};

const struct cloud_dialect hcloud_dialect = {
    .name = "Hetzner",
    .read_error = read_error,
    .errors = errors,
    .infrastructure = HETZNER,
    .request_id_header = "X-Correlation-Id",
    .names = names,
    .retries = retries,
    .backoff = {.retries = 5,
                .first_us = USEC_PER_SEC,
                .cap_us = 60 * USEC_PER_SEC,
                .doubling = true},
    .rates = rates,
    .tells_budget = true,
};

json_t *hcloud_labels(const struct cloud *cloud, const char *host_id)
{
    json_t *labels = json_pack("{s:s, s:s*, s:s*}", "managed-by", "webhost", "webhost-install",
                               cloud->install_id, "webhost-host", host_id);
    BUG_ON(!labels);
    return labels;
}

static enum err read_server(json_t *server, struct arena *arena, struct hcloud_server *ret,
                            struct error *e)
{
    json_t *labels = json_object_get(server, "labels");
    json_t *type = json_object_get(server, "server_type");
    json_t *ipv4 = json_object_get(json_object_get(server, "public_net"), "ipv4");
    json_t *private_net = json_array_get(json_object_get(server, "private_net"), 0);
    struct hcloud_server s = {
        .id = json_get_int(server, "id"),
        .name = arena_text(arena, json_get_text(server, "name")),
        .status = arena_text(arena, json_get_text(server, "status")),
        .server_type = arena_text(arena, json_get_text(type, "name")),
        .cores = json_get_int(type, "cores"),
        .ipv4 = arena_text(arena, json_get_text(ipv4, "ip")),
        .private_ip = arena_text(arena, json_get_text(private_net, "ip")),
        .managed_by = arena_text(arena, json_get_text(labels, "managed-by")),
        .host_id = arena_text(arena, json_get_text(labels, "webhost-host")),
    };
    if (s.id == INT_ABSENT || !s.name || !s.status)
        return error_set(e, ERR_CORRUPT, "Hetzner described a server without id, name or status");
    *ret = s;
    return OK;
}

enum err hcloud_server_find(struct cloud *cloud, const char *name, struct arena *arena,
                            struct hcloud_server *ret, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_GET, arena_printf(arena, "/servers?name=%s", name), NULL, arena,
                   &body, e));
    json_t *servers = json_object_get(body, "servers");
    if (json_array_size(servers) == 0)
        return error_set(e, ERR_NOT_FOUND, "Hetzner has no server named %s", name);
    return read_server(json_array_get(servers, 0), arena, ret, e);
}

enum err hcloud_server_get(struct cloud *cloud, int64_t id, struct arena *arena,
                           struct hcloud_server *ret, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_GET, arena_printf(arena, "/servers/%" PRId64, id), NULL, arena,
                   &body, e));
    return read_server(json_object_get(body, "server"), arena, ret, e);
}

/* -- ordering --------------------------------------------------------------------------------- */

/* Appends the action's id to "12,13". */
static const char *with_action(const char *ids, json_t *action, struct arena *arena)
{
    int64_t id = json_get_int(action, "id");
    if (id == INT_ABSENT)
        return ids;
    return arena_printf(arena, "%s%s%" PRId64, ids, *ids ? "," : "", id);
}

static const char *with_actions(const char *ids, json_t *list, struct arena *arena)
{
    size_t i;
    json_t *action;
    json_array_foreach (list, i, action)
        ids = with_action(ids, action, arena);
    return ids;
}

static json_t *texts_json(struct texts texts)
{
    json_t *list = json_array();
    for (size_t i = 0; i < texts.count; i++)
        BUG_ON(json_array_append_new(list, json_from_text(texts.items[i])) != 0);
    return list;
}

static void put(json_t *object, const char *key, json_t *value)
{
    BUG_ON(!value || json_object_set_new(object, key, value) != 0);
}

static json_t *order_json(const struct cloud *cloud, const struct hcloud_order *order)
{
    json_t *request =
        json_pack("{s:s, s:s, s:s, s:s, s:o, s:s*, s:b}", "name", order->name, "server_type",
                  order->server_type, "image", order->image, "location", order->location, "labels",
                  hcloud_labels(cloud, order->host_id), "user_data", order->user_data,
                  "start_after_create", 1);
    BUG_ON(!request);
    if (order->ssh_keys.count)
        put(request, "ssh_keys", texts_json(order->ssh_keys));
    if (order->firewall != INT_ABSENT)
        put(request, "firewalls", json_pack("[{s:I}]", "firewall", (json_int_t)order->firewall));
    if (order->network != INT_ABSENT)
        put(request, "networks", json_pack("[I]", (json_int_t)order->network));
    if (order->placement_group != INT_ABSENT)
        put(request, "placement_group", json_integer(order->placement_group));
    return request;
}

enum err hcloud_server_create(struct cloud *cloud, const struct hcloud_order *order,
                              struct arena *arena, struct hcloud_server *ret,
                              const char **ret_actions, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_POST, "/servers", order_json(cloud, order), arena, &body, e));
    TRY(read_server(json_object_get(body, "server"), arena, ret, e));
    if (ret_actions) {
        const char *ids = with_action("", json_object_get(body, "action"), arena);
        *ret_actions = with_actions(ids, json_object_get(body, "next_actions"), arena);
    }
    return OK;
}

enum err hcloud_server_delete(struct cloud *cloud, int64_t id, struct arena *arena, struct error *e)
{
    return cloud_call(cloud, HTTP_DELETE, arena_printf(arena, "/servers/%" PRId64, id), NULL, arena,
                      NULL, e);
}

enum err hcloud_type_available(struct cloud *cloud, const char *server_type, const char *location,
                               struct arena *arena, bool *ret_available, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_GET, arena_printf(arena, "/server_types?name=%s", server_type), NULL,
                   arena, &body, e));
    json_t *type = json_array_get(json_object_get(body, "server_types"), 0);
    if (!type)
        return error_set(e, ERR_INVALID,
                         "Hetzner has no server type %s: correct provisioning.hetzner.server_types",
                         server_type);
    bool available = false;
    size_t i;
    json_t *at;
    json_array_foreach (json_object_get(type, "locations"), i, at) {
        if (text_eq(json_get_text(at, "name"), location))
            available = json_get_bool(at, "available");
    }
    *ret_available = available;
    return OK;
}

/* -- actions ---------------------------------------------------------------------------------- */

#define ACTIONS_PER_CALL 25

enum err hcloud_server_actions(struct cloud *cloud, int64_t id, struct arena *arena,
                               const char **ret_actions, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    const char *path = arena_printf(arena, "/servers/%" PRId64 "/actions?per_page=50", id);
    TRY(cloud_call(cloud, HTTP_GET, path, NULL, arena, &body, e));
    *ret_actions = with_actions("", json_object_get(body, "actions"), arena);
    return OK;
}

static void judge_action(json_t *action, struct arena *arena, struct hcloud_actions *all)
{
    const char *status = json_get_text(action, "status");
    json_t *error = json_object_get(action, "error");
    const char *code = json_get_text(error, "code"), *message = json_get_text(error, "message");
    if (text_eq(status, "running"))
        all->done = false;
    if (!text_eq(status, "error") || all->failed)
        return;
    all->failed = arena_printf(arena, "%s: %s (%s)", json_get_text(action, "command"),
                               message ? message : "no reason given", code ? code : "no code");
    bool no_room = text_eq(code, "resource_unavailable") || text_eq(code, "placement_error") ||
                   text_eq(code, "resource_limit_exceeded");
    all->failure = no_room ? ERR_CAPACITY : ERR_UNAVAILABLE;
}

/* The reply has the actions that exist, in any order. */
static json_t *action_of(json_t *actions, struct str id)
{
    size_t i;
    json_t *action;
    int64_t number;
    if (!str_to_i64(id, &number))
        return NULL;
    json_array_foreach (actions, i, action) {
        if (json_get_int(action, "id") == number)
            return action;
    }
    return NULL;
}

static enum err get_some_actions(struct cloud *cloud, const struct str *ids, size_t count,
                                 struct arena *arena, struct hcloud_actions *all, struct error *e)
{
    const char *path = "/actions";
    for (size_t i = 0; i < count; i++)
        path = arena_printf(arena, "%s%cid=%.*s", path, i ? '&' : '?', STR_ARG(ids[i]));
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_GET, path, NULL, arena, &body, e));
    for (size_t i = 0; i < count; i++) {
        json_t *action = action_of(json_object_get(body, "actions"), ids[i]);
        if (!action)
            return error_set(e, ERR_NOT_FOUND, "Hetzner knows no action %.*s", STR_ARG(ids[i]));
        judge_action(action, arena, all);
    }
    return OK;
}

enum err hcloud_actions_get(struct cloud *cloud, const char *actions, struct arena *arena,
                            struct hcloud_actions *ret, struct error *e)
{
    struct hcloud_actions all = {.done = true};
    struct str rest = str_from(*actions ? actions : NULL);
    while (rest.ptr) {
        struct str ids[ACTIONS_PER_CALL];
        size_t count = 0;
        while (rest.ptr && count < ACTIONS_PER_CALL)
            ids[count++] = str_cut(&rest, ',');
        TRY(get_some_actions(cloud, ids, count, arena, &all, e));
    }
    *ret = all;
    return OK;
}

enum err hcloud_actions_done(struct cloud *cloud, int64_t server_id, struct arena *arena,
                             bool *ret_done, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_GET, arena_printf(arena, "/servers/%" PRId64 "/actions", server_id),
                   NULL, arena, &body, e));
    bool done = true;
    size_t i;
    json_t *action;
    json_array_foreach (json_object_get(body, "actions"), i, action) {
        const char *status = json_get_text(action, "status");
        if (text_eq(status, "error"))
            return error_set(e, ERR_UNAVAILABLE, "Hetzner could not %s: %s",
                             json_get_text(action, "command"),
                             json_get_text(json_object_get(action, "error"), "message"));
        done = done && !text_eq(status, "running");
    }
    *ret_done = done;
    return OK;
}

/* -- load ------------------------------------------------------------------------------------- */

/* The mean of [[time, "percent"], ...]; false without a value. */
static bool mean_share(json_t *values, int64_t *ret_share)
{
    double sum = 0;
    size_t i, count = 0;
    json_t *sample;
    json_array_foreach (values, i, sample) {
        const char *text = json_string_value(json_array_get(sample, 1));
        char *end = NULL;
        double percent = text ? strtod(text, &end) : -1;
        if (!text || end == text || *end || !(percent >= 0 && percent < 1e6))
            continue; /* "NaN" where there is a gap */
        sum += percent;
        count++;
    }
    if (count == 0)
        return false;
    *ret_share = (int64_t)(sum / (double)count * 100);
    return true;
}

enum err hcloud_server_cpu(struct cloud *cloud, int64_t id, int64_t from, int64_t to,
                           struct arena *arena, int64_t *ret_share, struct error *e)
{
    char start[TIME_TEXT_MAX], end[TIME_TEXT_MAX];
    const char *path = arena_printf(arena, "/servers/%" PRId64 "/metrics?type=cpu&start=%s&end=%s",
                                    id, time_text(from, start), time_text(to, end));
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_GET, path, NULL, arena, &body, e));
    json_t *series = json_object_get(json_object_get(body, "metrics"), "time_series");
    if (!mean_share(json_object_get(json_object_get(series, "cpu"), "values"), ret_share))
        return error_set(e, ERR_NOT_FOUND,
                         "Hetzner has no measurement of server %" PRId64 "'s CPU between %s and %s",
                         id, start, end);
    return OK;
}
