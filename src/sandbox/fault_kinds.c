#include "sandbox/fault_kinds.h"

const char *const fault_kind_names[] = {
    [FAULT_LATENCY] = "latency",
    [FAULT_RATE_LIMITED] = "rate_limited",
    [FAULT_SERVER_ERROR] = "server_error",
    [FAULT_BAD_GATEWAY] = "bad_gateway",
    [FAULT_UNAVAILABLE] = "unavailable",
    [FAULT_CONNECTION_RESET] = "connection_reset",
    [FAULT_CAPACITY] = "capacity",
    [FAULT_PLACEMENT] = "placement",
    [FAULT_LOCKED] = "locked",
    [FAULT_CONFLICT] = "conflict",
    [FAULT_LOST_REPLY] = "lost_reply",
    [FAULT_TIMEOUT] = "timeout",
    [FAULT_ACTION_ERROR] = "action_error",
    [FAULT_MACHINE_FAILED] = "machine_failed",
    [FAULT_KINDS] = NULL,
};

#define HETZNER(status, code, message) [API_HETZNER] = {status, code, message}
#define FLY(status, code, message)     [API_FLY] = {status, code, message}

static const struct fault_reply replies[FAULT_KINDS][API_ADMIN] = {
    [FAULT_RATE_LIMITED] = {HETZNER(429, "rate_limit_exceeded", "limit of requests exceeded"),
                            FLY(429, NULL, "rate limit exceeded")},
    [FAULT_SERVER_ERROR] = {HETZNER(500, "server_error", "an internal error occurred"),
                            FLY(500, "unknown", "internal server error")},
    [FAULT_UNAVAILABLE] = {HETZNER(503, "unavailable", "the service is not available"),
                           FLY(503, "unknown", "service unavailable")},
    [FAULT_CAPACITY] = {HETZNER(412, "resource_unavailable", "error during placement"),
                        FLY(422, "insufficient_capacity",
                            "could not reserve resource for machine: insufficient capacity "
                            "available to fulfill request")},
    [FAULT_PLACEMENT] = {HETZNER(412, "placement_error", "error during placement")},
    [FAULT_LOCKED] = {HETZNER(423, "locked", "the resource is locked by another action")},
    [FAULT_CONFLICT] = {HETZNER(409, "conflict",
                                "the resource was changed during the request, please retry"),
                        FLY(409, NULL, "aborted: the machine is being changed, please retry")},
    [FAULT_TIMEOUT] = {HETZNER(504, "timeout", "the request timed out"),
                       FLY(408, "unknown", "deadline_exceeded: the request timed out")},
};

struct fault_reply fault_kind_reply(enum fault_kind kind, enum api api)
{
    return replies[kind][api];
}

static bool ends_with_one_of(const char *path, const char *const *endings)
{
    for (; *endings; endings++) {
        if (str_ends_with(str_from(path), str_from(*endings)))
            return true;
    }
    return false;
}

/* Requests that need room on a host. */
static bool needs_room(enum api api, const struct http_request *r)
{
    static const char *const hetzner[] = {"/servers", "/poweron", "/change_type", NULL};
    static const char *const fly[] = {"/machines", "/start", "/volumes", NULL};
    return r->method == HTTP_POST && ends_with_one_of(r->path, api == API_FLY ? fly : hetzner);
}

/* Hetzner's requests that start an action. */
static bool starts_action(const struct http_request *r)
{
    static const char *const creations[] = {"/servers", "/volumes", NULL};
    bool is_deletion = r->method == HTTP_DELETE && strstr(r->path, "/servers/");
    return is_deletion || (r->method == HTTP_POST &&
                           (strstr(r->path, "/actions/") || ends_with_one_of(r->path, creations)));
}

/* Fly's requests that start a machine. */
static bool starts_machine(const struct http_request *r)
{
    static const char *const endings[] = {"/machines", "/start", "/restart", NULL};
    bool is_update = http_param(r, "machine") &&
                     str_ends_with(str_from(r->path), str_from(http_param(r, "machine")));
    return r->method == HTTP_POST && (is_update || ends_with_one_of(r->path, endings));
}

bool fault_kind_fits(enum fault_kind kind, enum api api, const struct http_request *r)
{
    bool changes = r->method != HTTP_GET;
    switch (kind) {
    case FAULT_CAPACITY:
        return needs_room(api, r);
    case FAULT_PLACEMENT:
        return api == API_HETZNER && needs_room(api, r);
    case FAULT_LOCKED:
        return api == API_HETZNER && changes && http_param(r, "id");
    case FAULT_CONFLICT:
        return changes;
    case FAULT_ACTION_ERROR:
        return api == API_HETZNER && starts_action(r);
    case FAULT_MACHINE_FAILED:
        return api == API_FLY && starts_machine(r);
    default:
        return api != API_ADMIN;
    }
}
