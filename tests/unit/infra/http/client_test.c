#include "support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/* --- a peer that plays a script --- */

#define PEER_CONNECTIONS 8

struct step {
    const char *reply; /* what the peer sends once it has read the head of a request */
    bool close;        /* then closes the connection */
};

struct peer {
    int listener, stop;
    uint16_t port;
    pthread_t thread;
    const struct step *steps; /* one for each request; the last one repeats */
    size_t step_count;
    pthread_mutex_t lock; /* guards what follows */
    int heads, connections;
    char last_head[4096];
};

static int listen_anywhere(uint16_t *ret_port, bool listening)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    if (listening)
        assert_int_equal(listen(fd, 16), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

/* Reads one request head; false when the client closed the connection instead. */
static bool peer_read_head(struct peer *p, int fd)
{
    char head[4096];
    size_t len = 0;
    while (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0) {
        if (len == sizeof(head) - 1 || recv(fd, head + len, 1, 0) != 1)
            return false;
        len++;
    }
    head[len] = '\0';
    (void)pthread_mutex_lock(&p->lock);
    p->heads++;
    memcpy(p->last_head, head, len + 1);
    (void)pthread_mutex_unlock(&p->lock);
    return true;
}

/* False when the connection is over. */
static bool peer_serve(struct peer *p, int fd)
{
    if (!peer_read_head(p, fd))
        return false;
    size_t i = (size_t)p->heads - 1;
    const struct step *step = &p->steps[i < p->step_count ? i : p->step_count - 1];
    (void)send(fd, step->reply, strlen(step->reply), MSG_NOSIGNAL);
    return !step->close;
}

static void *peer_run(void *arg)
{
    struct peer *p = arg;
    struct pollfd fds[2 + PEER_CONNECTIONS] = {{p->stop, POLLIN, 0}, {p->listener, POLLIN, 0}};
    nfds_t count = 2;
    while (poll(fds, count, -1) > 0 && !fds[0].revents) {
        if (fds[1].revents && count < ARRAY_LEN(fds)) {
            int fd = accept(p->listener, NULL, NULL);
            fds[count++] = (struct pollfd){fd, POLLIN, 0};
            (void)pthread_mutex_lock(&p->lock);
            p->connections++;
            (void)pthread_mutex_unlock(&p->lock);
            continue;
        }
        for (nfds_t i = 2; i < count; i++) {
            if (fds[i].revents && !peer_serve(p, fds[i].fd)) {
                (void)close(fds[i].fd);
                fds[i] = fds[--count];
                break;
            }
        }
    }
    for (nfds_t i = 2; i < count; i++)
        (void)close(fds[i].fd);
    return NULL;
}

static void peer_start(struct peer *p, const struct step *steps, size_t count)
{
    *p = (struct peer){.steps = steps, .step_count = count};
    assert_int_equal(pthread_mutex_init(&p->lock, NULL), 0);
    p->listener = listen_anywhere(&p->port, true);
    p->stop = eventfd(0, EFD_CLOEXEC);
    assert_true(p->stop >= 0);
    assert_int_equal(pthread_create(&p->thread, NULL, peer_run, p), 0);
}

static void peer_stop(struct peer *p)
{
    assert_int_equal(eventfd_write(p->stop, 1), 0);
    assert_int_equal(pthread_join(p->thread, NULL), 0);
    assert_int_equal(close(p->stop), 0);
    assert_int_equal(close(p->listener), 0);
    assert_int_equal(pthread_mutex_destroy(&p->lock), 0);
}

/* --- calls --- */

struct outcome {
    enum err failed;
    bool sent;
    struct http_reply reply;
    struct error e;
};

static struct outcome call_port(struct fixture *f, uint16_t port, const char *target,
                                struct http_call call)
{
    struct outcome o = {.sent = true};
    call.url = arena_printf(&f->arena, "http://127.0.0.1:%u%s", port, target);
    if (!call.timeout_us)
        call.timeout_us = 60 * USEC_PER_SEC;
    o.failed = http_client_call(f->client, &call, &f->arena, &o.reply, &o.sent, &o.e);
    return o;
}

static struct outcome call_scripted(struct fixture *f, const struct step *steps, size_t count,
                                    struct http_call call)
{
    struct peer p;
    peer_start(&p, steps, count);
    struct outcome o = call_port(f, p.port, "/x?key=k3y", call);
    peer_stop(&p);
    return o;
}

/* --- what goes out --- */

static void headers_bearer_and_type_are_sent(void **state)
{
    struct fixture *f = *state;
    struct secret *token = secret_new(STR("t0ken"));
    const struct http_pair headers[] = {{"X-Note", "hello"}, {"X-Empty", ""}};
    struct outcome o = call_port(f, f->port, "/items/1/parts/2",
                                 (struct http_call){.method = HTTP_POST,
                                                    .headers = headers,
                                                    .header_count = ARRAY_LEN(headers),
                                                    .bearer = token,
                                                    .body = STR("{}")});
    assert_int_equal(o.failed, OK);
    assert_string_equal(o.reply.body.ptr,
                        "POST /items/1/parts/2 [127.0.0.1] {id=1} {part=2} hello Bearer t0ken - "
                        "application/json webhost/0.1.0");
    secret_free(token);
}

static void a_bearer_token_is_not_sent_with_the_next_call(void **state)
{
    struct fixture *f = *state;
    struct secret *token = secret_new(STR("t0ken"));
    (void)call_port(f, f->port, "/items/1", (struct http_call){.bearer = token});
    secret_free(token);
    struct outcome o = call_port(f, f->port, "/items/1", (struct http_call){0});
    assert_null(strstr(o.reply.body.ptr, "Bearer"));
}

static void the_caller_may_choose_the_content_type(void **state)
{
    struct fixture *f = *state;
    const struct http_pair type = {"content-type", "application/x-ndjson"};
    struct outcome o =
        call_port(f, f->port, "/items/1/parts/2",
                  (struct http_call){
                      .method = HTTP_POST, .headers = &type, .header_count = 1, .body = STR("{}")});
    assert_non_null(strstr(o.reply.body.ptr, " application/x-ndjson "));
}

static void a_header_that_would_become_two_is_refused_before_anything_is_sent(void **state)
{
    struct fixture *f = *state;
    const struct http_pair bad[] = {
        {"X-Note", "a\r\nX-Evil: b"}, {"X-Note", "a\nb"}, {"X\r\nEvil", "a"},
        {"X-Note: a", "b"},           {"", "a"},          {"X Y", "a"}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct outcome o = call_port(f, f->port, "/items/1",
                                     (struct http_call){.headers = &bad[i], .header_count = 1});
        assert_int_equal(o.failed, ERR_INVALID);
        assert_false(o.sent);
    }
    assert_int_equal(fixture_calls(f), 0);
}

static void a_token_with_a_line_break_is_refused_and_not_shown(void **state)
{
    struct fixture *f = *state;
    struct secret *token = secret_new(STR("t0k\nen"));
    struct outcome o = call_port(f, f->port, "/items/1", (struct http_call){.bearer = token});
    assert_int_equal(o.failed, ERR_INVALID);
    assert_null(strstr(o.e.text, "t0k"));
    secret_free(token);
}

static void a_cookie_is_sent_back_with_later_calls(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_call(f, HTTP_POST, "/items", STR("{}")).status, 201);
    struct http_reply reply = fixture_call(f, HTTP_GET, "/items/1", STR(""));
    assert_non_null(strstr(reply.body.ptr, " fly-affinity=m1 "));
}

static void an_empty_body_has_a_length_and_no_type(void **state)
{
    struct fixture *f = *state;
    static const struct step steps[] = {{"HTTP/1.1 204 No Content\r\n\r\n", false}};
    const enum http_method methods[] = {HTTP_POST, HTTP_PUT, HTTP_PATCH};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct peer p;
        peer_start(&p, steps, ARRAY_LEN(steps));
        struct outcome o = call_port(f, p.port, "/x", (struct http_call){.method = methods[i]});
        peer_stop(&p);
        assert_int_equal(o.failed, OK);
        assert_true(
            str_starts_with(str_from(p.last_head), str_from(http_method_names[methods[i]])));
        assert_non_null(strstr(p.last_head, "\r\nContent-Length: 0\r\n"));
        assert_null(strcasestr(p.last_head, "Content-Type"));
        assert_null(strcasestr(p.last_head, "Expect"));
    }
}

static void methods_alternate_on_one_client(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fixture_call(f, HTTP_POST, "/echo", STR("x")).status, 200);
        assert_int_equal(fixture_call(f, HTTP_GET, "/items/1", STR("")).status, 200);
        assert_int_equal(fixture_call(f, HTTP_PUT, "/items/1", STR("x")).status, 200);
        assert_int_equal(fixture_call(f, HTTP_DELETE, "/items/1", STR("")).status, 204);
        assert_int_equal(fixture_call(f, HTTP_PATCH, "/items/1", STR("x")).status, 200);
    }
}

static void other_schemes_and_malformed_urls_are_invalid(void **state)
{
    struct fixture *f = *state;
    const char *const urls[] = {"ftp://127.0.0.1/x",   "file:///etc/passwd",
                                "gopher://127.0.0.1/", "http://",
                                "http://[::1/",        "http://127.0.0.1:99999/"};
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        const struct http_call call = {.url = urls[i], .timeout_us = USEC_PER_SEC};
        struct http_reply reply;
        bool sent = true;
        struct error e;
        assert_int_equal(http_client_call(f->client, &call, &f->arena, &reply, &sent, &e),
                         ERR_INVALID);
        assert_false(sent);
        assert_non_null(strstr(e.text, urls[i]));
    }
}

/* --- what comes in --- */

static void redirects_are_not_followed(void **state)
{
    struct http_reply reply = fixture_call(*state, HTTP_GET, "/moved", STR(""));
    assert_int_equal(reply.status, 302);
    assert_string_equal(http_reply_header(&reply, "LOCATION"), "/items/elsewhere");
    assert_int_equal(fixture_calls(*state), 1);
}

static void every_status_is_a_reply(void **state)
{
    static const struct step steps[] = {
        {"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy", false}};
    struct outcome o = call_scripted(*state, steps, 1, (struct http_call){0});
    assert_int_equal(o.failed, OK);
    assert_true(o.sent);
    assert_int_equal(o.reply.status, 503);
    assert_string_equal(o.reply.body.ptr, "busy");
    assert_string_equal(http_reply_header(&o.reply, "retry-after"), "7");
    assert_null(http_reply_header(&o.reply, "x-none"));
}

static void interim_replies_are_skipped_with_their_headers(void **state)
{
    static const struct step steps[] = {{"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
                                         "HTTP/1.1 200 OK\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n",
                                         false}};
    struct outcome o = call_scripted(*state, steps, 1, (struct http_call){0});
    assert_int_equal(o.failed, OK);
    assert_int_equal(o.reply.status, 200);
    assert_int_equal(o.reply.header_count, 2);
    assert_string_equal(http_reply_header(&o.reply, "x-empty"), "");
    assert_int_equal(o.reply.body.len, 0);
}

static void a_reply_may_be_exactly_as_large_as_allowed(void **state)
{
    static const struct step steps[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n12345678", false}};
    struct outcome o = call_scripted(*state, steps, 1, (struct http_call){.reply_max = 8});
    assert_int_equal(o.failed, OK);
    o = call_scripted(*state, steps, 1, (struct http_call){.reply_max = 7});
    assert_int_equal(o.failed, ERR_TOO_LARGE);
    assert_true(o.sent);
    assert_int_equal(o.reply.status, 0);
}

static void the_default_bound_of_a_reply_is_4_mib(void **state)
{
    struct fixture *f = *state;
    struct str body = {arena_alloc(&f->arena, 4u << 20), 4u << 20};
    struct outcome o =
        call_port(f, f->port, "/echo", (struct http_call){.method = HTTP_POST, .body = body});
    assert_int_equal(o.failed, OK);
    assert_int_equal(o.reply.body.len, 4u << 20);
    body = (struct str){arena_alloc(&f->arena, (4u << 20) + 1), (4u << 20) + 1};
    o = call_port(f, f->port, "/echo", (struct http_call){.method = HTTP_POST, .body = body});
    assert_int_equal(o.failed, ERR_TOO_LARGE);
}

static void a_reply_with_too_many_headers_is_refused(void **state)
{
    struct fixture *f = *state;
    struct buf text = BUF_INIT(65536);
    (void)buf_append_text(&text, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 101; i++)
        (void)buf_printf(&text, "X-%d: %d\r\n", i, i);
    (void)buf_append_text(&text, "Content-Length: 0\r\n\r\n");
    const struct step steps[] = {{buf_text(&text), true}};
    struct outcome o = call_scripted(f, steps, 1, (struct http_call){0});
    assert_int_equal(o.failed, ERR_TOO_LARGE);
    assert_non_null(strstr(o.e.text, "headers"));
    buf_release(&text);
}

/* --- failures --- */

static void a_refused_connection_is_unavailable_and_nothing_was_sent(void **state)
{
    struct fixture *f = *state;
    uint16_t port;
    int fd = listen_anywhere(&port, false); /* bound, so that nobody else takes the port */
    struct outcome o = call_port(f, port, "/x", (struct http_call){.method = HTTP_POST});
    assert_int_equal(o.failed, ERR_UNAVAILABLE);
    assert_false(o.sent);
    assert_non_null(strstr(o.e.text, "could not connect"));
    assert_int_equal(close(fd), 0);
}

static void a_peer_that_never_answers_is_a_timeout(void **state)
{
    struct fixture *f = *state;
    uint16_t port;
    int fd = listen_anywhere(&port, true);
    struct outcome o = call_port(f, port, "/x", (struct http_call){.timeout_us = 100000});
    assert_int_equal(o.failed, ERR_TIMEOUT);
    assert_true(o.sent);
    assert_non_null(strstr(o.e.text, "within 100 ms"));
    assert_int_equal(close(fd), 0);
}

static void half_a_reply_in_time_is_a_timeout(void **state)
{
    static const struct step steps[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n1234", false}};
    struct outcome o = call_scripted(*state, steps, 1, (struct http_call){.timeout_us = 200000});
    assert_int_equal(o.failed, ERR_TIMEOUT);
    assert_int_equal(o.reply.status, 0);
}

static void a_reply_that_breaks_off_is_unavailable_after_sending(void **state)
{
    static const struct step steps[] = {{"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n1234", true}};
    struct outcome o = call_scripted(*state, steps, 1, (struct http_call){0});
    assert_int_equal(o.failed, ERR_UNAVAILABLE);
    assert_true(o.sent);
    assert_int_equal(o.reply.status, 0);
}

static void what_is_not_http_is_unavailable(void **state)
{
    static const struct step steps[] = {{"SSH-2.0-OpenSSH_9.2\r\n", true}};
    struct outcome o = call_scripted(*state, steps, 1, (struct http_call){0});
    assert_int_equal(o.failed, ERR_UNAVAILABLE);
    assert_true(o.sent);
}

static void an_error_names_the_call_without_its_query(void **state)
{
    static const struct step steps[] = {{"", true}};
    struct outcome o = call_scripted(*state, steps, 1, (struct http_call){.method = HTTP_DELETE});
    assert_int_equal(o.failed, ERR_UNAVAILABLE);
    assert_true(str_starts_with(str_from(o.e.text), STR("DELETE http://127.0.0.1:")));
    assert_non_null(strstr(o.e.text, "/x: the connection failed after the request was sent"));
    assert_null(strstr(o.e.text, "k3y"));
}

static void a_client_works_again_after_each_kind_of_failure(void **state)
{
    struct fixture *f = *state;
    static const struct step steps[] = {{"", true}};
    (void)call_scripted(f, steps, 1, (struct http_call){.method = HTTP_POST});
    a_peer_that_never_answers_is_a_timeout(state);
    a_refused_connection_is_unavailable_and_nothing_was_sent(state);
    other_schemes_and_malformed_urls_are_invalid(state);
    assert_int_equal(fixture_call(f, HTTP_GET, "/items/1", STR("")).status, 200);
}

/* --- connections --- */

static void a_get_reuses_the_connection_of_the_call_before(void **state)
{
    struct fixture *f = *state;
    static const struct step steps[] = {{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false}};
    struct peer p;
    peer_start(&p, steps, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(call_port(f, p.port, "/x", (struct http_call){0}).failed, OK);
    peer_stop(&p);
    assert_int_equal(p.heads, 3);
    assert_int_equal(p.connections, 1);
}

static void a_post_is_never_sent_twice_when_a_kept_connection_breaks(void **state)
{
    struct fixture *f = *state;
    static const struct step steps[] = {{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false},
                                        {"", true}};
    const enum http_method methods[] = {HTTP_POST, HTTP_PATCH};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct peer p;
        peer_start(&p, steps, ARRAY_LEN(steps));
        assert_int_equal(call_port(f, p.port, "/x", (struct http_call){0}).failed, OK);
        struct outcome o = call_port(f, p.port, "/x", (struct http_call){.method = methods[i]});
        peer_stop(&p);
        assert_int_equal(o.failed, ERR_UNAVAILABLE);
        assert_true(o.sent);
        assert_int_equal(p.heads, 2);
    }
}

static void a_proxy_from_the_environment_is_not_used_for_loopback(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    http_client_free(f->client);
    f->client = http_client_new();
    assert_int_equal(fixture_call(f, HTTP_GET, "/items/1", STR("")).status, 200);
    assert_int_equal(unsetenv("http_proxy"), 0);
}

static void freeing_no_client_is_fine(void **state)
{
    (void)state;
    http_client_free(NULL);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(headers_bearer_and_type_are_sent),
        WITH_SERVER(a_bearer_token_is_not_sent_with_the_next_call),
        WITH_SERVER(the_caller_may_choose_the_content_type),
        WITH_SERVER(a_header_that_would_become_two_is_refused_before_anything_is_sent),
        WITH_SERVER(a_token_with_a_line_break_is_refused_and_not_shown),
        WITH_SERVER(a_cookie_is_sent_back_with_later_calls),
        WITH_SERVER(an_empty_body_has_a_length_and_no_type),
        WITH_SERVER(methods_alternate_on_one_client),
        WITH_SERVER(other_schemes_and_malformed_urls_are_invalid),
        WITH_SERVER(redirects_are_not_followed),
        WITH_SERVER(every_status_is_a_reply),
        WITH_SERVER(interim_replies_are_skipped_with_their_headers),
        WITH_SERVER(a_reply_may_be_exactly_as_large_as_allowed),
        WITH_SERVER(the_default_bound_of_a_reply_is_4_mib),
        WITH_SERVER(a_reply_with_too_many_headers_is_refused),
        WITH_SERVER(a_refused_connection_is_unavailable_and_nothing_was_sent),
        WITH_SERVER(a_peer_that_never_answers_is_a_timeout),
        WITH_SERVER(half_a_reply_in_time_is_a_timeout),
        WITH_SERVER(a_reply_that_breaks_off_is_unavailable_after_sending),
        WITH_SERVER(what_is_not_http_is_unavailable),
        WITH_SERVER(an_error_names_the_call_without_its_query),
        WITH_SERVER(a_client_works_again_after_each_kind_of_failure),
        WITH_SERVER(a_get_reuses_the_connection_of_the_call_before),
        WITH_SERVER(a_post_is_never_sent_twice_when_a_kept_connection_breaks),
        WITH_SERVER(a_proxy_from_the_environment_is_not_used_for_loopback),
        WITH_SERVER(freeing_no_client_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
