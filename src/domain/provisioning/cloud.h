/*
 * One conversation with a cloud's HTTP API: where it is, the token, the time a call may take.
 *
 * Both clouds' clients make their calls through cloud_call(), which builds the URL, keeps to the
 * rate that the cloud allows, sends the token, repeats what may be repeated, records every attempt,
 * parses the reply, and turns what went wrong into our error classes by a table of the provider's
 * own error codes.
 *
 * What is repeated is in the dialect's tables, after the providers' official clients. A create
 * whose reply was lost, or that a gateway gave up on, may have had its effect: it is never repeated
 * here but is ERR_TIMEOUT, and the caller looks for what it may have made. No worker sits and waits
 * for long: a conversation spends at most the settings' call_wait_ms on waiting, and what would
 * take longer is ERR_BUSY with `retry_at` in the error, for the job to come back then.
 *
 * A `struct cloud` is used by one thread. cloud_open() -> calls -> cloud_close().
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_CLOUD_H
#define WEBHOST_DOMAIN_PROVISIONING_CLOUD_H

#include "domain/placement/vocabulary.h"
#include "domain/provisioning/limiter.h"
#include "domain/provisioning/route.h"
#include "infra/http/client.h"
#include "infra/json/json.h"

struct provisioning;
struct traffic;

/* What a provider's error code or HTTP status means to us. */
struct cloud_error {
    int status;       /* 0: any */
    const char *code; /* NULL: any */
    enum err err;
};

/* A reply after which the official client asks again. */
struct cloud_retry {
    int status;       /* 0: any; both 0 and NULL end the list */
    const char *code; /* NULL: any */
    bool bare;        /* only without a JSON body: it comes from a gateway, not from the API */
    bool refused;     /* it had no effect for sure, so a create may be repeated too */
};

struct cloud_backoff {
    int64_t retries;
    int64_t first_us, cap_us; /* doubling: from the first to the cap; else any between the two */
    bool doubling;
    bool broken_reads; /* a GET is repeated when the connection broke too */
};

/* A rate that the documentation states and no header tells. */
struct cloud_rate {
    enum http_method method; /* HTTP_METHODS: any */
    const char *route;       /* with a / at its end: all that begin with it; NULL ends the list */
    struct bucket_size size;
    bool together; /* all that the route stands for share it; else each thing has its own */
};

struct cloud_dialect {
    const char *name; /* "Hetzner", for sentences */
    /* Takes the code and the message from an error reply; NULL where it has none. */
    void (*read_error)(json_t *body, const char **ret_code, const char **ret_message);
    const struct cloud_error *errors; /* the first that matches; ends with err OK */
    enum infrastructure infrastructure;
    const char *(*scheme)(const struct secret *token); /* NULL: all tokens are bearer tokens */
    const char *request_id_header;
    const struct route_name *names;
    const struct cloud_retry *retries;
    struct cloud_backoff backoff;
    const struct cloud_rate *rates; /* the first that matches; ends with route NULL */
    bool tells_budget;              /* has RateLimit headers, which count for the whole account */
};

struct cloud {
    const struct cloud_dialect *dialect;
    const char *endpoint; /* without a trailing slash */
    const struct secret *token;
    const char *scheme;      /* the token's, as in struct http_call */
    struct http_pair header; /* sent with every call when it has a name */
    int64_t timeout_us;      /* of each attempt */
    struct http_client *http;
    const struct env *env;
    struct traffic *traffic;
    const char *install_id;  /* goes into the labels or metadata of all that is made */
    const char *subject;     /* the deployment's or host's id, for the record; NULL: about all */
    const char *customer_id; /* NULL: about nobody in particular */
    bool interactive;        /* somebody waits for it: may use the share kept for that */
    int64_t wait_us;         /* what may still be spent on waiting */
    uint64_t account;        /* provider and token, for the limiter */
};

/*
 * A conversation in this dialect, about one deployment or host (ids may be NULL; they must outlive
 * it). The endpoint and token are the settings'; a caller that needs another changes it.
 */
void cloud_open(struct cloud *cloud, const struct provisioning *with,
                const struct cloud_dialect *dialect, const char *subject, const char *customer_id);
void cloud_close(struct cloud *cloud);

/*
 * Calls `path` ("/servers?name=x", already encoded). `body` (may be NULL) is stolen. OK for a 2xx
 * reply; otherwise the class from the dialect's table and a sentence with the provider's own words.
 * `ret_body` (may be NULL) gets the parsed reply, owned by the caller, or NULL when it is empty.
 */
enum err cloud_call(struct cloud *cloud, enum http_method method, const char *path, json_t *body,
                    struct arena *arena, json_t **ret_body, struct error *e);

#endif
