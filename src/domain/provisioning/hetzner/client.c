#include "domain/provisioning/hetzner/client.h"

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

static enum err read_server(json_t *server, struct arena *arena, struct hcloud_server *ret,
                            struct error *e)
{
    struct hcloud_server s = {
        .id = json_get_int(server, "id"),
        .name = arena_text(arena, json_get_text(server, "name")),
        .status = arena_text(arena, json_get_text(server, "status")),
        .managed_by =
            arena_text(arena, json_get_text(json_object_get(server, "labels"), "managed-by")),
    };
    json_t *ipv4 = json_object_get(json_object_get(server, "public_net"), "ipv4");
    s.ipv4 = arena_text(arena, json_get_text(ipv4, "ip"));
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

enum err hcloud_server_create(struct cloud *cloud, const struct hcloud_order *order,
                              struct arena *arena, struct hcloud_server *ret, struct error *e)
{
    json_t *request =
        json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:b}", "name", order->name, "server_type",
                  order->server_type, "image", order->image, "location", order->location, "labels",
                  "managed-by", "webhost", "webhost-host", order->host_id, "start_after_create", 1);
    BUG_ON(!request);
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_POST, "/servers", request, arena, &body, e));
    return read_server(json_object_get(body, "server"), arena, ret, e);
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
