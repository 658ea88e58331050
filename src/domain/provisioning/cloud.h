/*
 * One conversation with a cloud's HTTP API: where it is, the token, the time a call may take.
 *
 * Both clouds' clients make their calls through cloud_call(), which builds the URL, sends the
 * token, parses the reply, and turns what went wrong into our error classes by a table of the
 * provider's own error codes. Nothing is retried here: jobs are.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_CLOUD_H
#define WEBHOST_DOMAIN_PROVISIONING_CLOUD_H

#include "infra/http/client.h"
#include "infra/json/json.h"

/* What a provider's error code or HTTP status means to us. */
struct cloud_error {
    int status;       /* 0: any */
    const char *code; /* NULL: any */
    enum err err;
};

struct cloud_dialect {
    const char *name; /* "Hetzner", for sentences */
    /* Takes the code and the message from an error reply; NULL where it has none. */
    void (*read_error)(json_t *body, const char **ret_code, const char **ret_message);
    const struct cloud_error *errors; /* the first that matches; ends with err OK */
};

struct cloud {
    const struct cloud_dialect *dialect;
    const char *endpoint; /* without a trailing slash */
    const struct secret *token;
    const char *scheme;      /* the token's, as in struct http_call */
    struct http_pair header; /* sent with every call when it has a name */
    int64_t timeout_us;
    struct http_client *http;
};

/*
 * Calls `path` ("/servers?name=x", already encoded). `body` (may be NULL) is stolen. OK for a 2xx
 * reply; otherwise the class from the dialect's table and a sentence with the provider's own words.
 * `ret_body` (may be NULL) gets the parsed reply, owned by the caller, or NULL when it is empty.
 */
enum err cloud_call(struct cloud *cloud, enum http_method method, const char *path, json_t *body,
                    struct arena *arena, json_t **ret_body, struct error *e);

#endif
