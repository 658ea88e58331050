#include "infra/http/server.h"

#include "base/clock.h"
#include "infra/http/head.h"
#include "infra/http/listen.h"
#include "infra/http/target.h"
#include "infra/http/workers.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <strings.h>
#include <sys/socket.h>

/*
 * What is read of a body nobody wants. A client that is still sending when the connection closes
 * sees a reset instead of the answer, so the answer waits for the end of the body up to here.
 */
#define DRAIN_MAX (32u << 20)

/* Memory that is taken for a body before it comes; one that is larger grows from there. */
#define BODY_EXPECTED_MAX (1u << 20)

/* Half of it is the read buffer; large bodies arrive about twice as fast as with the default. */
#define CONNECTION_MEMORY (128u << 10)

/* Seconds until a refused large body may fit. */
#define RETRY_AFTER_S "1"

/* How long http_server_stop() waits for replies to reach their clients. */
#define STOP_WAIT_S 10

/* Of libmicrohttpd: they read and send. */
#define IO_THREADS_MAX 4

struct http_server {
    struct http_server_options options;
    struct MHD_Daemon *daemon;
    struct http_workers *workers;
    struct http_pump *pump; /* NULL: no route streams */
    int listen_fd;
    uint16_t port;
    atomic_bool stopping;

    atomic_size_t large_bodies; /* bytes in hand of routes with a body_max of their own */

    pthread_mutex_t lock; /* guards in_flight */
    pthread_cond_t idle;  /* signalled when in_flight drops to 0 */
    unsigned in_flight;   /* requests read to the end whose reply is not sent */
};

/* One request and its reply, from the request line until the reply is sent. */
struct exchange {
    struct http_work work; /* while it waits for its handler; first */
    struct http_server *server;
    struct MHD_Connection *connection; /* suspended while the handler has it */
    struct arena arena;
    struct http_head head;
    struct str target; /* a copy: libmicrohttpd decodes its own in place */
    struct http_request request;
    struct http_response response;
    struct buf body;
    size_t counted_bytes; /* in large_bodies */
    uint64_t drained;     /* bytes of a body that was refused */
    int refusal;          /* status, 0 for none */
    const char *refusal_detail;
    const char *allow;
    bool close; /* end the connection after the reply */
    bool head_read;
    bool counted; /* in in_flight */
    bool handled;
    int64_t began_us;
};

/* --- replies --- */

/* The body is gone, or is about to be. */
static void uncount_body(struct exchange *x)
{
    atomic_fetch_sub(&x->server->large_bodies, x->counted_bytes);
    x->counted_bytes = 0;
}

static void refuse(struct exchange *x, int status, const char *detail)
{
    x->refusal = status;
    x->refusal_detail = detail;
    x->request.body = STR("");
    buf_release(&x->body);
    uncount_body(x);
}

/* What the handler made and nobody will send. */
static void drop_reply(struct exchange *x)
{
    buf_release(&x->response.body);
    if (x->response.is_file)
        (void)close(x->response.file_fd);
    x->response.is_file = false;
    if (x->response.source)
        x->response.source->free(x->response.source);
    x->response.source = NULL;
}

static void fill_refusal(struct exchange *x)
{
    const struct http_server_options *o = &x->server->options;
    drop_reply(x);
    x->response = (struct http_response){
        .status = x->refusal,
        .content_type = o->refuse ? NULL : "text/plain; charset=utf-8",
        .body = BUF_INIT(o->response_max),
    };
    if (x->allow)
        http_set_header(&x->response, "Allow", x->allow);
    if (x->refusal == 429)
        http_set_header(&x->response, "Retry-After", RETRY_AFTER_S);
    if (o->refuse)
        o->refuse(o->ctx, &x->request, x->refusal, x->refusal_detail, &x->response);
    else
        (void)buf_printf(&x->response.body, "%s\n", x->refusal_detail);
    if (buf_is_full(&x->response.body))
        buf_reset(&x->response.body);
}

static bool has_header(const struct http_response *r, const char *name)
{
    for (size_t i = 0; i < r->header_count; i++) {
        if (strcasecmp(r->headers[i].name, name) == 0)
            return true;
    }
    return false;
}

/* False when libmicrohttpd finds a header malformed. */
static bool add_headers(struct exchange *x, struct MHD_Response *out)
{
    const struct http_response *r = &x->response;
    bool added = true;
    for (size_t i = 0; added && i < r->header_count; i++)
        added = MHD_add_response_header(out, r->headers[i].name, r->headers[i].value) == MHD_YES;
    const char *type = r->content_type ? r->content_type
                       : r->source     ? "text/event-stream"
                                       : "application/json";
    if (r->source) /* nginx would collect events until a buffer is full */
        added = MHD_add_response_header(out, "X-Accel-Buffering", "no") == MHD_YES;
    if (added && (r->body.len || r->is_file || r->source) && !has_header(r, "Content-Type"))
        added = MHD_add_response_header(out, "Content-Type", type) == MHD_YES;
    if (added && !has_header(r, "Cache-Control"))
        added = MHD_add_response_header(out, "Cache-Control", "no-store") == MHD_YES;
    if (added && !has_header(r, "X-Content-Type-Options"))
        added = MHD_add_response_header(out, "X-Content-Type-Options", "nosniff") == MHD_YES;
    if (added && (x->close || atomic_load(&x->server->stopping)))
        added = MHD_add_response_header(out, "Connection", "close") == MHD_YES;
    return added;
}

/* The response itself, which owns the file or source, and the bytes of the body. */
static struct MHD_Response *hand_over(struct exchange *x)
{
    struct http_response *r = &x->response;
    static char nothing[] = "";
    struct MHD_Response *out;
    if (r->source)
        out = http_pump_reply(x->server->pump, x->connection, &r->body, r->source);
    else if (r->is_file)
        out = MHD_create_response_from_fd64(r->file_size, r->file_fd);
    else if (r->body.ptr)
        out = MHD_create_response_from_buffer(r->body.len, r->body.ptr, MHD_RESPMEM_MUST_FREE);
    else
        out = MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    return out;
}

/* NULL when the handler set a header that cannot be sent. */
static struct MHD_Response *make_response(struct exchange *x)
{
    struct buf *body = &x->response.body;
    BUG_ON(x->response.status < 200 || x->response.status > 599);
    struct MHD_Response *out = hand_over(x);
    if (!out && x->response.source) {
        refuse(x, 429, "too many streams are open; close some or repeat this later");
        fill_refusal(x);
        out = hand_over(x);
    }
    BUG_ON(!out);
    bool added = add_headers(x, out);
    x->response.is_file = false; /* what it had is libmicrohttpd's now */
    x->response.source = NULL;
    *body = BUF_INIT(body->max);
    if (added)
        return out;
    MHD_destroy_response(out);
    return NULL;
}

static enum MHD_Result send_reply(struct exchange *x, struct MHD_Connection *connection)
{
    if (x->refusal)
        fill_refusal(x);
    if (x->response.abort)
        return MHD_NO;
    struct MHD_Response *out = NULL;
    if (!buf_is_full(&x->response.body))
        out = make_response(x);
    if (!out) {
        refuse(x, 500,
               buf_is_full(&x->response.body)
                   ? "the answer is larger than this server sends; ask for less at a time"
                   : "the answer has a malformed header");
        fill_refusal(x);
        out = make_response(x);
        BUG_ON(!out);
    }
    enum MHD_Result queued = MHD_queue_response(connection, (unsigned)x->response.status, out);
    MHD_destroy_response(out);
    return queued;
}

/* --- requests --- */

/* Called with the request line, before libmicrohttpd decodes the target in place. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    (void)connection;
    struct exchange *x = calloc(1, sizeof(*x));
    BUG_ON(!x);
    x->server = cls;
    x->began_us = monotonic_us();
    x->head.target = target;
    x->head.target_len = target ? strlen(target) : 0;
    x->target =
        (struct str){arena_text_n(&x->arena, target, x->head.target_len), x->head.target_len};
    x->request.arena = &x->arena;
    x->request.method = HTTP_METHODS;
    x->request.path = "";
    x->request.peer = "";
    x->request.body = STR("");
    return x;
}

static const char *peer_text(struct arena *arena, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char text[INET6_ADDRSTRLEN] = "";
    if (info && info->client_addr->sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)info->client_addr)->sin_addr, text,
                        sizeof(text));
    else if (info && info->client_addr->sa_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)info->client_addr)->sin6_addr,
                        text, sizeof(text));
    return arena_text(arena, text);
}

static enum http_method method_from(const char *name)
{
    if (text_eq(name, "HEAD")) /* libmicrohttpd leaves the body of the reply out */
        return HTTP_GET;
    for (int m = 0; m < HTTP_METHODS; m++) {
        if (text_eq(name, http_method_names[m]))
            return (enum http_method)m;
    }
    return HTTP_METHODS;
}

/* Target, route and bound of the body: what may be refused once the body has been read. */
static void choose_route(struct exchange *x, uint64_t length)
{
    const struct http_server_options *o = &x->server->options;
    struct http_target target = {0};
    const char *problem = http_target_parse(x->target, &x->request, &target);
    if (problem) {
        refuse(x, 400, problem);
        return;
    }
    if (!http_route_find(o, &target, &x->request, &x->allow)) {
        if (x->allow)
            refuse(x, 405, "this path does not support the method; see the Allow header");
        else
            refuse(x, 404, "no such path");
        return;
    }
    size_t body_max = x->request.route->body_max ? x->request.route->body_max : o->body_max;
    x->body = BUF_INIT(body_max);
    if (length == HTTP_LENGTH_CHUNKED)
        return;
    if (length > body_max)
        refuse(x, 413, "the request body is larger than this path accepts");
    else
        buf_expect(&x->body, length < BODY_EXPECTED_MAX ? length : BODY_EXPECTED_MAX);
}

/*
 * A request counts from its end on: libmicrohttpd does not notice a client that leaves while it is
 * sending before the idle timeout, and stopping must not wait for that.
 */
static void count_in(struct exchange *x)
{
    struct http_server *s = x->server;
    BUG_ON(pthread_mutex_lock(&s->lock) != 0);
    s->in_flight++;
    x->counted = true;
    BUG_ON(pthread_mutex_unlock(&s->lock) != 0);
}

static void count_out(struct http_server *s)
{
    BUG_ON(pthread_mutex_lock(&s->lock) != 0);
    BUG_ON(s->in_flight == 0);
    if (--s->in_flight == 0)
        BUG_ON(pthread_cond_broadcast(&s->idle) != 0);
    BUG_ON(pthread_mutex_unlock(&s->lock) != 0);
}

static enum MHD_Result on_head(struct exchange *x, struct MHD_Connection *connection)
{
    x->head_read = true;
    x->request.method = method_from(x->head.method);
    x->request.peer = peer_text(&x->arena, connection);
    uint64_t length = 0;
    struct http_head_fault fault = http_head_read(connection, &x->head, &x->request, &length);
    if (fault.status) {
        /* Where this request ends is not known, so nothing more is read from the connection. */
        refuse(x, fault.status, fault.detail);
        x->close = true;
        count_in(x);
        return send_reply(x, connection);
    }
    choose_route(x, length);
    x->close = x->refusal == 400 || x->refusal == 413;
    bool waits = http_header(&x->request, "Expect") != NULL;
    bool endless = length != HTTP_LENGTH_CHUNKED && length > DRAIN_MAX;
    if (x->refusal && length > 0 && (waits || endless)) {
        x->close = true;
        count_in(x);
        return send_reply(x, connection);
    }
    return MHD_YES;
}

/* Counted as it arrives, not as it is announced: announcing costs a client nothing. */
static bool count_body(struct exchange *x, size_t len)
{
    struct http_server *s = x->server;
    size_t max = s->options.large_bodies_max;
    if (max == 0 || x->request.route->body_max == 0)
        return true;
    x->counted_bytes += len;
    return atomic_fetch_add(&s->large_bodies, len) + len <= max;
}

static enum MHD_Result on_body(struct exchange *x, const char *bytes, size_t len)
{
    if (!x->refusal && !count_body(x, len))
        refuse(x, 429, "too many large requests are on their way; repeat this one later");
    if (!x->refusal && !buf_append(&x->body, bytes, len)) {
        refuse(x, 413, "the request body is larger than this path accepts");
        x->close = true;
    }
    if (x->refusal)
        x->drained += len;
    return x->drained > DRAIN_MAX ? MHD_NO : MHD_YES;
}

/* On one of our threads. Resumed, libmicrohttpd asks on_complete() for the reply. */
static void handle(struct http_work *work)
{
    struct exchange *x = (struct exchange *)work;
    x->request.route->handler(x->server->options.ctx, &x->request, &x->response);
    x->handled = true;
    MHD_resume_connection(x->connection);
}

static enum MHD_Result on_complete(struct exchange *x, struct MHD_Connection *connection)
{
    if (x->handled)
        return send_reply(x, connection);
    if (x->counted) /* stopped meanwhile and the reply was dropped: never run a handler twice */
        return MHD_NO;
    count_in(x);
    if (x->refusal)
        return send_reply(x, connection);
    x->request.body = buf_str(&x->body);
    x->request.body_readable = buf_readable(&x->body);
    x->response = (struct http_response){
        .status = 200,
        .body = BUF_INIT(x->server->options.response_max),
    };
    x->connection = connection;
    MHD_suspend_connection(connection);
    if (!http_workers_push(x->server->workers, &x->work))
        MHD_resume_connection(connection); /* to be dropped above: this server is stopping */
    return MHD_YES;
}

/* libmicrohttpd calls this with the head, then with each piece of the body, then at its end. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_len, void **context)
{
    (void)cls;
    (void)url;
    struct exchange *x = *context;
    if (!x->head_read) {
        x->head.method = method;
        x->head.version = version;
        return on_head(x, connection);
    }
    if (*data_len > 0) {
        size_t len = *data_len;
        *data_len = 0;
        return on_body(x, data, len);
    }
    return on_complete(x, connection);
}

static void on_done(void *cls, struct MHD_Connection *connection, void **context,
                    enum MHD_RequestTerminationCode why)
{
    struct http_server *server = cls;
    (void)connection;
    (void)why;
    struct exchange *x = *context;
    if (!x)
        return;
    *context = NULL;
    if (server->options.done && x->response.status)
        server->options.done(server->options.ctx, &x->request, &x->response,
                             monotonic_us() - x->began_us);
    bool counted = x->counted;
    buf_release(&x->body);
    uncount_body(x);
    drop_reply(x);
    arena_release(&x->arena);
    free(x);
    if (counted)
        count_out(server);
}

/* --- lifecycle --- */

static void server_free(struct http_server *s)
{
    http_pump_free(s->pump);
    http_workers_free(s->workers);
    if (s->listen_fd >= 0)
        (void)close(s->listen_fd);
    BUG_ON(pthread_cond_destroy(&s->idle) != 0);
    BUG_ON(pthread_mutex_destroy(&s->lock) != 0);
    free(s);
}

static struct http_server *server_new(const struct http_server_options *options)
{
    struct http_server *s = calloc(1, sizeof(*s));
    BUG_ON(!s);
    s->options = *options;
    s->listen_fd = -1;
    pthread_condattr_t attr;
    BUG_ON(pthread_condattr_init(&attr) != 0);
    BUG_ON(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0);
    BUG_ON(pthread_cond_init(&s->idle, &attr) != 0);
    BUG_ON(pthread_condattr_destroy(&attr) != 0);
    BUG_ON(pthread_mutex_init(&s->lock, NULL) != 0);
    return s;
}

static unsigned io_threads(const struct http_server_options *o)
{
    return o->threads < IO_THREADS_MAX ? o->threads : IO_THREADS_MAX;
}

static struct MHD_Daemon *daemon_start(struct http_server *s)
{
    const struct http_server_options *o = &s->options;
    /* 0.9.75 sends the head of its own "400 no Host" twice; http_head_read() refuses more anyway */
    int strict = http_parser_is_0_9_75() ? 0 : 1;
    /* clang-format off */
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME,
                            0, NULL, NULL, on_request, s,
                            MHD_OPTION_LISTEN_SOCKET, s->listen_fd,
                            MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
                            MHD_OPTION_NOTIFY_COMPLETED, on_done, s,
                            MHD_OPTION_THREAD_POOL_SIZE, io_threads(o),
                            MHD_OPTION_CONNECTION_LIMIT, o->connections_max,
                            MHD_OPTION_CONNECTION_TIMEOUT, o->idle_timeout_s,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                            MHD_OPTION_STRICT_FOR_CLIENT, strict,
                            MHD_OPTION_END);
    /* clang-format on */
}

enum err http_server_start(const struct http_server_options *options,
                           struct http_server **ret_server, struct error *e)
{
    BUG_ON(options->threads == 0 || options->connections_max < options->threads);
    BUG_ON(options->body_max == 0 || options->response_max == 0);
    http_routes_check(options);
    struct http_server *s = server_new(options);
    enum err err = http_listen_open(options->address, options->port, &s->listen_fd, &s->port, e);
    if (err == OK)
        err = http_workers_start(options->threads, handle, &s->workers, e);
    if (err == OK && options->streams.max > 0)
        err = http_pump_start(&options->streams, &s->pump, e);
    s->daemon = err == OK ? daemon_start(s) : NULL;
    if (err == OK && !s->daemon)
        err =
            error_errno(e, "cannot start the HTTP server on %s port %u", options->address, s->port);
    if (err != OK) {
        http_pump_stop(s->pump);
        if (s->workers)
            http_workers_stop(s->workers);
        server_free(s);
        return err;
    }
    *ret_server = s;
    return OK;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

static void wait_for_replies(struct http_server *s)
{
    struct timespec deadline;
    BUG_ON(clock_gettime(CLOCK_MONOTONIC, &deadline) != 0);
    deadline.tv_sec += STOP_WAIT_S;
    BUG_ON(pthread_mutex_lock(&s->lock) != 0);
    int waited = 0;
    while (s->in_flight > 0 && waited == 0)
        waited = pthread_cond_timedwait(&s->idle, &s->lock, &deadline);
    BUG_ON(pthread_mutex_unlock(&s->lock) != 0);
}

void http_server_stop(struct http_server *server)
{
    if (!server)
        return;
    atomic_store(&server->stopping, true);
    /* Refuses new connections at once. MHD_quiesce_daemon() must not do it: with epoll it races
     * with the pool for taking the socket out of its sets, and whoever is second stops the process.
     * So the pool goes on to look at the socket in vain, for as long as the last replies take. */
    (void)shutdown(server->listen_fd, SHUT_RDWR);
    http_pump_stop(server->pump);
    wait_for_replies(server);           /* libmicrohttpd drops what it has not sent when it stops */
    http_workers_stop(server->workers); /* nothing stays suspended */
    MHD_stop_daemon(server->daemon);
    server->listen_fd = -1; /* closed with the daemon */
    server_free(server);
}
