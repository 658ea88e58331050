/*
 * The HTTP client, on libcurl: one call, one bounded reply.
 *
 * A `struct http_client` keeps connections open between calls and is used by one thread at a time.
 * Every call has a deadline; nothing is retried here (who may retry what is the caller's contract
 * with its provider), except that a GET, PUT or DELETE goes out again when the connection kept open
 * from an earlier call turns out to be dead. Redirects are not followed; only http and https are
 * spoken. Cookies are kept for the life of the client.
 */
#ifndef WEBHOST_INFRA_HTTP_CLIENT_H
#define WEBHOST_INFRA_HTTP_CLIENT_H

#include "base/err.h"
#include "infra/http/message.h"
#include "infra/secrets/secret.h"

struct http_client;

struct http_client *http_client_new(void);
void http_client_free(struct http_client *client); /* NULL is fine */

struct http_call {
    enum http_method method;
    const char *url;
    const struct http_pair *headers;
    size_t header_count;
    const struct secret *bearer; /* sent as "Authorization: Bearer ..."; NULL: none */
    const char *scheme;          /* instead of "Bearer"; "": the secret names its own */
    struct str body;             /* sent as JSON when not empty */
    int64_t timeout_us;          /* the whole call; must be positive; 10 s at most to connect */
    size_t reply_max;            /* bytes of reply body; 0: 4 MiB */
    /* Where the body of a 2xx reply goes in pieces, however long; NULL: into the reply. False ends
     * the call with ERR_IO. */
    bool (*sink)(void *sink_ctx, struct str bytes);
    void *sink_ctx;
};

struct http_reply {
    int status;
    struct str body; /* in the arena, NUL-terminated */
    const struct http_pair *headers;
    size_t header_count;
};

/*
 * OK whenever a complete HTTP reply arrived, whatever its status. Otherwise:
 * ERR_TIMEOUT      no complete reply in time: the effect on the other side is unknown
 * ERR_UNAVAILABLE  could not connect or resolve, also in time: nothing was sent; or the connection
 *                  broke after sending (see ret_sent)
 * ERR_INVALID      the URL or a header is malformed: nothing was sent
 * ERR_TOO_LARGE    the reply is larger than reply_max
 * ERR_IO           the sink did not take the reply's body
 * `ret_sent` (may be NULL) tells whether any of the request may have reached the other side; it is
 * set on failure too.
 */
enum err http_client_call(struct http_client *client, const struct http_call *call,
                          struct arena *arena, struct http_reply *ret_reply, bool *ret_sent,
                          struct error *e);

/* The text as one part of a path or a query: "a b" is a%20b. */
const char *http_escape(const char *text, struct arena *arena);

const char *http_reply_header(const struct http_reply *reply, const char *name);

/* The time of a Date header (RFC 9110, 5.6.7) in microseconds; false when it is none. */
bool http_date_parse(const char *text, int64_t *ret_time_us);

#endif
