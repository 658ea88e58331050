/*
 * What goes wrong with clouds, by name. A kind knows which requests it can happen to and what the
 * API they are for answers then.
 */
#ifndef WEBHOST_SANDBOX_FAULT_KINDS_H
#define WEBHOST_SANDBOX_FAULT_KINDS_H

#include "sandbox/call.h"

enum fault_kind {
    /* Before the request has had an effect. */
    FAULT_LATENCY,          /* half a second, then all goes well */
    FAULT_RATE_LIMITED,     /* 429 */
    FAULT_SERVER_ERROR,     /* 500 */
    FAULT_BAD_GATEWAY,      /* 502 with a page of HTML */
    FAULT_UNAVAILABLE,      /* 503 */
    FAULT_CONNECTION_RESET, /* the connection closes without a reply */
    FAULT_CAPACITY,         /* Hetzner 412 resource_unavailable, Fly 422 insufficient_capacity */
    FAULT_PLACEMENT,        /* Hetzner 412 placement_error */
    FAULT_LOCKED,           /* Hetzner 423 */
    FAULT_CONFLICT,         /* 409 */
    /* After it. */
    FAULT_LOST_REPLY, /* the connection closes without a reply */
    FAULT_TIMEOUT,    /* Hetzner 504 timeout, Fly 408 */
    /* A good reply, and then: */
    FAULT_ACTION_ERROR,   /* the Hetzner action ends in "error" */
    FAULT_MACHINE_FAILED, /* the Fly machine ends in "failed" */
    FAULT_KINDS,
};

extern const char *const fault_kind_names[]; /* ends with NULL */

/* Whether it can happen to this request. */
bool fault_kind_fits(enum fault_kind kind, enum api api, const struct http_request *request);

struct fault_reply {
    int status; /* 0: the kind has no reply of its own */
    const char *code, *message;
};

struct fault_reply fault_kind_reply(enum fault_kind kind, enum api api);

#endif
