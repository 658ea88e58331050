#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#define SILENCE_MS 20000

static void count_call(struct fixture *f)
{
    assert_int_equal(pthread_mutex_lock(&f->lock), 0);
    f->calls++;
    assert_int_equal(pthread_mutex_unlock(&f->lock), 0);
}

static void echo(void *ctx, const struct http_request *r, struct http_response *response)
{
    count_call(ctx);
    (void)buf_append_str(&response->body, r->body);
}

static void show(void *ctx, const struct http_request *r, struct http_response *response)
{
    count_call(ctx);
    struct buf *b = &response->body;
    response->content_type = "text/plain";
    (void)buf_printf(b, "%s %s [%s]", http_method_names[r->method], r->path, r->peer);
    for (size_t i = 0; i < r->param_count; i++)
        (void)buf_printf(b, " {%s=%s}", r->params[i].name, r->params[i].value);
    for (size_t i = 0; i < r->query_count; i++)
        (void)buf_printf(b, " (%s=%s)", r->query[i].name, r->query[i].value);
    const char *note = http_header(r, "x-note");
    (void)buf_printf(b, " %s", note ? note : "-");
    const char *authorization = http_header(r, "authorization");
    (void)buf_printf(b, " %s", authorization ? authorization : "-");
    const char *cookie = http_header(r, "cookie");
    (void)buf_printf(b, " %s", cookie ? cookie : "-");
    const char *type = http_header(r, "content-type");
    (void)buf_printf(b, " %s", type ? type : "-");
    const char *agent = http_header(r, "user-agent");
    (void)buf_printf(b, " %s", agent ? agent : "-");
}

static void hold(void *ctx, const struct http_request *r, struct http_response *response)
{
    (void)r;
    struct fixture *f = ctx;
    assert_int_equal(pthread_mutex_lock(&f->lock), 0);
    f->calls++;
    f->held++;
    assert_int_equal(pthread_cond_broadcast(&f->changed), 0);
    while (!f->release)
        assert_int_equal(pthread_cond_wait(&f->changed, &f->lock), 0);
    assert_int_equal(pthread_mutex_unlock(&f->lock), 0);
    (void)buf_append_text(&response->body, "held");
}

static void created(void *ctx, const struct http_request *r, struct http_response *response)
{
    count_call(ctx);
    response->status = 201;
    http_set_header(response, "Location", "/items/1");
    http_set_header(response, "Set-Cookie", "fly-affinity=m1; Path=/");
    http_set_header(response, "cache-control", "max-age=60");
    (void)buf_printf(&response->body, "{\"size\":%zu}", r->body.len);
}

static void empty(void *ctx, const struct http_request *r, struct http_response *response)
{
    (void)r;
    count_call(ctx);
    response->status = 204;
}

static void moved(void *ctx, const struct http_request *r, struct http_response *response)
{
    (void)r;
    count_call(ctx);
    response->status = 302;
    http_set_header(response, "Location", "/items/elsewhere");
}

static void too_much(void *ctx, const struct http_request *r, struct http_response *response)
{
    (void)r;
    count_call(ctx);
    static char block[65536];
    while (buf_append(&response->body, block, sizeof(block)))
        continue;
}

static void split_header(void *ctx, const struct http_request *r, struct http_response *response)
{
    (void)r;
    count_call(ctx);
    http_set_header(response, "X-Name", "a\r\nSet-Cookie: b=c");
    (void)buf_append_text(&response->body, "secret of the handler");
}

static const struct http_route routes[] = {
    {HTTP_GET, "/items/latest", show, 0, NULL},
    {HTTP_GET, "/items/{id}", show, 0, NULL},
    {HTTP_DELETE, "/items/{id}", empty, 0, NULL},
    {HTTP_PUT, "/items/{id}", echo, 0, NULL},
    {HTTP_PATCH, "/items/{id}", echo, 0, NULL},
    {HTTP_POST, "/items", created, 0, NULL},
    {HTTP_GET, "/items/{id}/parts/{part}", show, 0, NULL},
    {HTTP_POST, "/items/{id}/parts/{part}", show, 0, NULL},
    {HTTP_POST, "/echo", echo, 20u << 20, NULL},
    {HTTP_POST, "/small", echo, SMALL_BODY_MAX, NULL},
    {HTTP_GET, "/", show, 0, NULL},
    {HTTP_GET, "/hold", hold, 0, NULL},
    {HTTP_GET, "/moved", moved, 0, NULL},
    {HTTP_GET, "/too-much", too_much, 0, NULL},
    {HTTP_GET, "/split-header", split_header, 0, NULL},
};

static void refuse_as_json(void *ctx, const struct http_request *r, int status, const char *detail,
                           struct http_response *response)
{
    (void)ctx;
    response->content_type = "application/problem+json";
    (void)buf_printf(&response->body, "{\"status\":%d,\"detail\":\"%s\",\"path\":\"%s\"}", status,
                     detail, r->path);
}

static void done(void *ctx, const struct http_request *r, const struct http_response *response,
                 int64_t duration_us)
{
    struct fixture *f = ctx;
    assert_true(duration_us >= 0);
    assert_int_equal(pthread_mutex_lock(&f->lock), 0);
    f->done++;
    f->last_status = response->status;
    (void)snprintf(f->last_path, sizeof(f->last_path), "%s", r->path);
    assert_int_equal(pthread_cond_broadcast(&f->changed), 0);
    assert_int_equal(pthread_mutex_unlock(&f->lock), 0);
}

static int setup(void **state, http_refusal *refuse)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    assert_int_equal(pthread_mutex_init(&f->lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&f->changed, NULL), 0);
    const struct http_server_options options = {
        .address = "127.0.0.1",
        .threads = 4,
        .connections_max = 256,
        .idle_timeout_s = 60,
        .body_max = 64u << 10,
        .response_max = 32u << 20,
        .routes = routes,
        .route_count = ARRAY_LEN(routes),
        .refuse = refuse,
        .done = done,
        .ctx = f,
    };
    struct error e;
    if (http_server_start(&options, &f->server, &e) != OK)
        fail_msg("%s", e.text);
    f->port = http_server_port(f->server);
    f->client = http_client_new();
    *state = f;
    return 0;
}

int fixture_setup(void **state)
{
    return setup(state, NULL);
}

int fixture_setup_refusing(void **state)
{
    return setup(state, refuse_as_json);
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    fixture_release(f);
    http_client_free(f->client);
    http_server_stop(f->server);
    arena_release(&f->arena);
    assert_int_equal(pthread_cond_destroy(&f->changed), 0);
    assert_int_equal(pthread_mutex_destroy(&f->lock), 0);
    free(f);
    return 0;
}

int fixture_calls(struct fixture *f)
{
    assert_int_equal(pthread_mutex_lock(&f->lock), 0);
    int calls = f->calls;
    assert_int_equal(pthread_mutex_unlock(&f->lock), 0);
    return calls;
}

void fixture_wait_held(struct fixture *f, int count)
{
    assert_int_equal(pthread_mutex_lock(&f->lock), 0);
    while (f->held < count)
        assert_int_equal(pthread_cond_wait(&f->changed, &f->lock), 0);
    assert_int_equal(pthread_mutex_unlock(&f->lock), 0);
}

void fixture_release(struct fixture *f)
{
    assert_int_equal(pthread_mutex_lock(&f->lock), 0);
    f->release = true;
    assert_int_equal(pthread_cond_broadcast(&f->changed), 0);
    assert_int_equal(pthread_mutex_unlock(&f->lock), 0);
}

void fixture_wait_done(struct fixture *f, int count)
{
    assert_int_equal(pthread_mutex_lock(&f->lock), 0);
    while (f->done < count)
        assert_int_equal(pthread_cond_wait(&f->changed, &f->lock), 0);
    assert_int_equal(pthread_mutex_unlock(&f->lock), 0);
}

struct http_reply fixture_call(struct fixture *f, enum http_method method, const char *target,
                               struct str body)
{
    struct http_call call = {
        .method = method,
        .url = arena_printf(&f->arena, "http://127.0.0.1:%u%s", f->port, target),
        .body = body,
        .timeout_us = 60 * USEC_PER_SEC,
        .reply_max = 32u << 20,
    };
    struct http_reply reply = {0};
    struct error e;
    if (http_client_call(f->client, &call, &f->arena, &reply, NULL, &e) != OK)
        fail_msg("%s", e.text);
    return reply;
}

int raw_open(uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

bool raw_try_send(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n < 0)
            return false;
        bytes.ptr += n;
        bytes.len -= (size_t)n;
    }
    return true;
}

void raw_send(int fd, struct str bytes)
{
    assert_true(raw_try_send(fd, bytes));
}

/* At least one byte, or 0 at the end. */
static size_t raw_read_some(int fd, char *out, size_t size)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, SILENCE_MS) != 1)
        fail_msg("the server neither answered nor closed the connection");
    ssize_t n = recv(fd, out, size, 0);
    return n > 0 ? (size_t)n : 0;
}

struct str raw_read_all(int fd, struct arena *arena)
{
    struct buf all = BUF_INIT(64u << 20);
    static _Thread_local char piece[65536];
    size_t n;
    while ((n = raw_read_some(fd, piece, sizeof(piece))) > 0)
        assert_true(buf_append(&all, piece, n));
    struct str copy = {arena_text_n(arena, buf_text(&all), all.len), all.len};
    buf_release(&all);
    return copy;
}

struct str raw_read_reply(int fd, struct arena *arena)
{
    struct buf head = BUF_INIT(65536);
    char c;
    while (!str_ends_with(buf_str(&head), STR("\r\n\r\n"))) {
        assert_int_equal(raw_read_some(fd, &c, 1), 1);
        assert_true(buf_append_char(&head, c));
    }
    const char *field = strcasestr(buf_text(&head), "\r\nContent-Length: ");
    assert_non_null(field);
    size_t left = strtoul(field + strlen("\r\nContent-Length: "), NULL, 10);
    for (; left > 0; left--) {
        assert_int_equal(raw_read_some(fd, &c, 1), 1);
        assert_true(buf_append_char(&head, c));
    }
    struct str copy = {arena_text_n(arena, buf_text(&head), head.len), head.len};
    buf_release(&head);
    return copy;
}

struct str raw_exchange(struct fixture *f, struct str request)
{
    int fd = raw_open(f->port);
    (void)raw_try_send(fd, request);
    struct str reply = raw_read_all(fd, &f->arena);
    assert_int_equal(close(fd), 0);
    return reply;
}
