#include "support.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#define STREAMS_MAX 3
#define BUFFER_MAX  ((size_t)256 << 10)
#define NEVER_US    (3600 * USEC_PER_SEC)
#define SILENCE_MS  20000

/* What all streams of a test tell, and how many there are. */
struct station {
    struct http_server *server;
    uint16_t port;
    struct arena arena;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    const char *news; /* appended by the next fill of each stream; "": nothing */
    int64_t edition;  /* grows with the news */
    bool flood, over;
    int ticks, opened, freed;
};

struct listener {
    struct http_source source;
    struct station *station;
    int64_t heard;
};

static void lock(struct station *s)
{
    assert_int_equal(pthread_mutex_lock(&s->lock), 0);
}

static void unlock(struct station *s)
{
    assert_int_equal(pthread_cond_broadcast(&s->changed), 0);
    assert_int_equal(pthread_mutex_unlock(&s->lock), 0);
}

static bool fill(struct http_source *self, struct buf *out)
{
    static char block[16 << 10];
    struct listener *l = (struct listener *)self;
    struct station *s = l->station;
    lock(s);
    if (s->flood)
        (void)buf_append(out, block, sizeof(block));
    if (l->heard < s->edition)
        http_event_write(out, "2", "news", s->news);
    l->heard = s->edition;
    bool more = !s->over;
    unlock(s);
    return more;
}

static void free_listener(struct http_source *self)
{
    struct listener *l = (struct listener *)self;
    struct station *s = l->station;
    lock(s);
    s->freed++;
    unlock(s);
    free(l);
}

static void listen_in(void *ctx, const struct http_request *r, struct http_response *response)
{
    (void)r;
    struct station *s = ctx;
    struct listener *l = calloc(1, sizeof(*l));
    assert_non_null(l);
    *l = (struct listener){{fill, free_listener}, s, 0};
    lock(s);
    l->heard = s->edition;
    s->opened++;
    unlock(s);
    http_event_retry(&response->body, 2000);
    http_event_write(&response->body, "1", NULL, "welcome");
    response->source = &l->source;
}

static void answer(void *ctx, const struct http_request *r, struct http_response *response)
{
    (void)ctx;
    (void)r;
    response->content_type = "text/plain";
    (void)buf_append_text(&response->body, "plain");
}

static void tick(void *ctx)
{
    struct station *s = ctx;
    lock(s);
    s->ticks++;
    unlock(s);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/events", listen_in, 0, NULL},
    {HTTP_GET, "/plain", answer, 0, NULL},
};

static void start(void **state, int64_t heartbeat_us)
{
    struct station *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    assert_int_equal(pthread_mutex_init(&s->lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&s->changed, NULL), 0);
    struct http_server_options options = {
        .address = "127.0.0.1",
        .threads = 1, /* a stream that held it would leave none for others */
        .connections_max = 16,
        .idle_timeout_s = 60,
        .body_max = 1 << 20,
        .response_max = 1 << 20,
        .streams = {.max = STREAMS_MAX,
                    .buffer_max = BUFFER_MAX,
                    .tick_us = 10 * USEC_PER_MS,
                    .heartbeat_us = heartbeat_us,
                    .tick = tick,
                    .ctx = s},
        .routes = routes,
        .route_count = ARRAY_LEN(routes),
        .ctx = s,
    };
    struct error e;
    assert_int_equal(http_server_start(&options, &s->server, &e), OK);
    s->port = http_server_port(s->server);
    *state = s;
}

static int setup(void **state)
{
    start(state, NEVER_US);
    return 0;
}

static int setup_with_heartbeats(void **state)
{
    start(state, 1);
    return 0;
}

static int teardown(void **state)
{
    struct station *s = *state;
    http_server_stop(s->server);
    assert_int_equal(s->freed, s->opened);
    arena_release(&s->arena);
    assert_int_equal(pthread_cond_destroy(&s->changed), 0);
    assert_int_equal(pthread_mutex_destroy(&s->lock), 0);
    free(s);
    return 0;
}

/* -- clients ----------------------------------------------------------------------------------- */

static int open_stream(struct station *s)
{
    int fd = raw_open(s->port);
    raw_send(fd, STR("GET /events HTTP/1.1\r\nHost: a\r\n\r\n"));
    return fd;
}

/* Reads until `end` has come; all of it so far. */
static const char *read_until(struct station *s, int fd, const char *end)
{
    _cleanup_buf_ struct buf all = BUF_INIT((size_t)4 << 20);
    while (!strstr(buf_text(&all), end)) {
        char bytes[4096];
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&ready, 1, SILENCE_MS), 1);
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
        assert_true(n > 0);
        assert_true(buf_append(&all, bytes, (size_t)n));
    }
    return arena_text(&s->arena, buf_text(&all));
}

static int open_and_hear(struct station *s)
{
    int fd = open_stream(s);
    const char *reply = read_until(s, fd, "data: welcome\n\n");
    assert_non_null(strstr(reply, "HTTP/1.1 200 OK"));
    assert_non_null(strstr(reply, "Content-Type: text/event-stream\r\n"));
    assert_non_null(strstr(reply, "retry: 2000\n\n"));
    return fd;
}

static void tell(struct station *s, const char *news)
{
    lock(s);
    s->news = news;
    s->edition++;
    unlock(s);
}

static void wait_freed(struct station *s, int count)
{
    lock(s);
    while (s->freed < count)
        assert_int_equal(pthread_cond_wait(&s->changed, &s->lock), 0);
    unlock(s);
}

/* -- tests ------------------------------------------------------------------------------------- */

static void what_is_new_reaches_every_open_stream(void **state)
{
    struct station *s = *state;
    int first = open_and_hear(s), second = open_and_hear(s);
    tell(s, "{\"rows\":1}");
    const char *expected = "id: 2\nevent: news\ndata: {\"rows\":1}\n\n";
    assert_non_null(read_until(s, first, expected));
    assert_non_null(read_until(s, second, expected));
    tell(s, "more");
    assert_non_null(read_until(s, first, "data: more\n\n"));
    assert_int_equal(close(first), 0);
    assert_int_equal(close(second), 0);
}

static void open_streams_hold_no_handler_thread(void **state)
{
    struct station *s = *state;
    int fds[STREAMS_MAX];
    for (size_t i = 0; i < STREAMS_MAX; i++)
        fds[i] = open_and_hear(s);
    int other = raw_open(s->port);
    raw_send(other, STR("GET /plain HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    assert_non_null(strstr(raw_read_all(other, &s->arena).ptr, "plain"));
    assert_int_equal(close(other), 0);
    for (size_t i = 0; i < STREAMS_MAX; i++)
        assert_int_equal(close(fds[i]), 0);
}

static void one_stream_too_many_is_refused_until_another_client_leaves(void **state)
{
    struct station *s = *state;
    int fds[STREAMS_MAX];
    for (size_t i = 0; i < STREAMS_MAX; i++)
        fds[i] = open_and_hear(s);
    int late = open_stream(s);
    assert_non_null(strstr(read_until(s, late, "\r\n\r\n"), "HTTP/1.1 429 Too Many Requests"));
    assert_int_equal(close(late), 0);
    wait_freed(s, 1); /* the refused one */
    assert_int_equal(close(fds[0]), 0);
    wait_freed(s, 2); /* nothing was sent to it: its leaving was noticed by itself */
    fds[0] = open_and_hear(s);
    for (size_t i = 0; i < STREAMS_MAX; i++)
        assert_int_equal(close(fds[i]), 0);
}

static void a_client_that_does_not_read_is_cut_off_and_the_others_go_on(void **state)
{
    struct station *s = *state;
    int slow = open_and_hear(s);
    lock(s);
    s->flood = true;
    unlock(s);
    wait_freed(s, 1);
    lock(s);
    s->flood = false;
    unlock(s);
    int other = open_and_hear(s);
    tell(s, "still here");
    assert_non_null(read_until(s, other, "data: still here\n\n"));
    assert_int_equal(close(slow), 0);
    assert_int_equal(close(other), 0);
}

static void a_stream_with_nothing_to_say_sends_comments(void **state)
{
    struct station *s = *state;
    int fd = open_and_hear(s);
    (void)read_until(s, fd, ":\n\n");
    (void)read_until(s, fd, ":\n\n");
    assert_int_equal(close(fd), 0);
}

static void a_stream_whose_source_has_told_all_ends(void **state)
{
    struct station *s = *state;
    int fd = open_and_hear(s);
    lock(s);
    s->over = true;
    unlock(s);
    assert_non_null(read_until(s, fd, "0\r\n\r\n"));
    wait_freed(s, 1);
    assert_int_equal(close(fd), 0);
}

static void stopping_the_server_ends_its_streams(void **state)
{
    struct station *s = *state;
    int fd = open_and_hear(s);
    http_server_stop(s->server);
    s->server = NULL;
    assert_int_equal(s->freed, 1);
    struct str rest = raw_read_all(fd, &s->arena);
    assert_true(str_ends_with(rest, STR("0\r\n\r\n"))); /* in order, not cut off */
    assert_int_equal(close(fd), 0);
}

static void a_head_request_opens_no_stream(void **state)
{
    struct station *s = *state;
    int fd = raw_open(s->port);
    raw_send(fd, STR("HEAD /events HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_non_null(strstr(read_until(s, fd, "\r\n\r\n"), "HTTP/1.1 200 OK"));
    wait_freed(s, 1);
    assert_int_equal(close(fd), 0);
}

#define STREAM_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STREAM_TEST(what_is_new_reaches_every_open_stream),
        STREAM_TEST(open_streams_hold_no_handler_thread),
        STREAM_TEST(one_stream_too_many_is_refused_until_another_client_leaves),
        STREAM_TEST(a_client_that_does_not_read_is_cut_off_and_the_others_go_on),
        cmocka_unit_test_setup_teardown(a_stream_with_nothing_to_say_sends_comments,
                                        setup_with_heartbeats, teardown),
        STREAM_TEST(a_stream_whose_source_has_told_all_ends),
        STREAM_TEST(stopping_the_server_ends_its_streams),
        STREAM_TEST(a_head_request_opens_no_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
