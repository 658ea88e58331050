/*
 * The HTTP/1.1 server: routes in a table, one handler each, on libmicrohttpd with epoll.
 * Handlers run on threads of our own (workers.h) and may block for a database transaction.
 *
 * It refuses before a handler sees anything: ambiguous framing (Content-Length together with
 * Transfer-Encoding, several or malformed Content-Lengths, control characters in headers; 400 and
 * the connection is closed), bodies over the route's bound (413, after reading and discarding a
 * bounded amount so that the client gets to see the answer), large bodies while too many are in
 * hand (429), unknown paths (404) and methods (405
 * with Allow), idle connections.
 *
 * HEAD is answered as GET without the body. Of the routes that fit a path and method, the first in
 * the table wins. Replies are application/json, no-store and nosniff unless the handler says
 * otherwise.
 *
 * A handler that gives a source (stream.h) instead of a whole body answers with events over time.
 *
 * Lifecycle: http_server_start() -> http_server_stop(), which stops accepting, lets running
 * handlers finish and joins the threads. Replies that take longer than ten seconds after that to
 * make or to send are lost. Do not call it from a handler.
 */
#ifndef WEBHOST_INFRA_HTTP_SERVER_H
#define WEBHOST_INFRA_HTTP_SERVER_H

#include "base/err.h"
#include "infra/http/message.h"
#include "infra/http/stream.h"

typedef void http_handler(void *ctx, const struct http_request *request,
                          struct http_response *response);

struct http_route {
    enum http_method method;
    const char *pattern; /* "/api/customers/{id}"; a {name} part matches one path segment */
    http_handler *handler;
    size_t body_max;  /* bytes; 0: the server's default */
    const void *data; /* whatever the handler wants to know about its route */
};

/*
 * Writes the body of a reply that the server itself gives (404, 405, 413, ...). The request may be
 * incomplete: empty path, no route, no headers, HTTP_METHODS as its method. Requests that
 * libmicrohttpd cannot read at all it answers itself.
 */
typedef void http_refusal(void *ctx, const struct http_request *request, int status,
                          const char *detail, struct http_response *response);

/* After each reply, for logs and metrics. The body of the response is no longer in it. */
typedef void http_reply_done(void *ctx, const struct http_request *request,
                             const struct http_response *response, int64_t duration_us);

struct http_server_options {
    const char *address;      /* "127.0.0.1" or "::1" */
    uint16_t port;            /* 0: any free one */
    unsigned threads;         /* for handlers, at least 1 */
    unsigned connections_max; /* at least one for each thread */
    unsigned idle_timeout_s;
    size_t body_max;     /* default bound of a request body */
    size_t response_max; /* bound of a response body */
    /*
     * Of all bodies in hand for routes with a body_max of their own; what would pass it is refused
     * with 429 and a Retry-After. 0: no bound.
     */
    size_t large_bodies_max;
    struct http_stream_options streams;
    const struct http_route *routes;
    size_t route_count;
    http_refusal *refuse;  /* NULL: the detail as plain text */
    http_reply_done *done; /* may be NULL */
    void *ctx;
};

struct http_server;

enum err http_server_start(const struct http_server_options *options,
                           struct http_server **ret_server, struct error *e);
uint16_t http_server_port(const struct http_server *server);
void http_server_stop(struct http_server *server); /* NULL is fine */

/* "ADDR:PORT", "[::1]:PORT" or ":PORT" (loopback) into its parts; the address in the arena. */
enum err http_listen_parse(const char *text, struct arena *arena, const char **ret_address,
                           uint16_t *ret_port, struct error *e);

#endif
