#include "support.h"

#include <sys/socket.h>

#define KIB 1024u
#define MIB (1024u * KIB)

/* `len` bytes of text in the fixture's arena. */
static struct str filler(struct fixture *f, size_t len)
{
    char *text = arena_alloc(&f->arena, len + 1);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)('a' + i % 26);
    return (struct str){text, len};
}

static void assert_body(struct http_reply reply, int status, const char *body)
{
    assert_int_equal(reply.status, status);
    assert_string_equal(reply.body.ptr, body);
}

/* --- routes --- */

static void the_param_of_a_pattern_matches_one_segment(void **state)
{
    struct fixture *f = *state;
    struct http_reply reply = fixture_call(f, HTTP_GET, "/items/7/parts/left", STR(""));
    assert_body(reply, 200,
                "GET /items/7/parts/left [127.0.0.1] {id=7} {part=left} - - - - webhost/0.1.0");
    assert_int_equal(fixture_call(f, HTTP_GET, "/items/7/8", STR("")).status, 404);
    assert_int_equal(fixture_call(f, HTTP_GET, "/items/", STR("")).status, 404);
    assert_int_equal(fixture_call(f, HTTP_GET, "/items/7/", STR("")).status, 404);
    assert_int_equal(fixture_call(f, HTTP_GET, "//items/7", STR("")).status, 404);
}

static void the_root_is_a_path(void **state)
{
    assert_int_equal(fixture_call(*state, HTTP_GET, "/", STR("")).status, 200);
    assert_int_equal(fixture_call(*state, HTTP_GET, "/?a=1", STR("")).status, 200);
}

static void the_first_route_in_the_table_wins(void **state)
{
    struct http_reply reply = fixture_call(*state, HTTP_GET, "/items/latest", STR(""));
    assert_body(reply, 200, "GET /items/latest [127.0.0.1] - - - - webhost/0.1.0");
}

static void an_encoded_slash_stays_inside_its_segment(void **state)
{
    struct http_reply reply = fixture_call(*state, HTTP_GET, "/items/a%2Fb%20%C3%A9+c", STR(""));
    assert_body(reply, 200,
                "GET /items/a/b \xc3\xa9+c [127.0.0.1] {id=a/b \xc3\xa9+c} - - - - webhost/0.1.0");
}

static void query_parameters_are_decoded_in_order(void **state)
{
    struct http_reply reply =
        fixture_call(*state, HTTP_GET, "/items/1?b=2&a=x%26y+z&&flag&b=3&=v&e=%3D=", STR(""));
    assert_body(reply, 200,
                "GET /items/1 [127.0.0.1] {id=1} (b=2) (a=x&y z) (flag=) (b=3) (=v) (e===) "
                "- - - - webhost/0.1.0");
}

static void a_malformed_or_unprintable_target_is_refused_with_400(void **state)
{
    const char *const targets[] = {
        "/items/%00",           "/items/a%00b",   "/items/%",      "/items/%4",
        "/items/%zz",           "/items/%0a",     "/items/%7f",    "/items/%ff",
        "/items/%c0%80",        "/items/1?a=%00", "/items/1?%0d=", "/items/1?a=%",
        "/items/1?a=%ed%a0%80",
    };
    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        assert_int_equal(fixture_call(*state, HTTP_GET, targets[i], STR("")).status, 400);
    assert_int_equal(fixture_calls(*state), 0);
}

static void a_target_that_is_not_a_path_is_refused_with_400(void **state)
{
    struct fixture *f = *state;
    const struct str requests[] = {
        STR("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"),
        STR("GET http://h/items/1 HTTP/1.1\r\nHost: h\r\n\r\n"),
        STR("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n"),
        STR("GET /items/\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n"),
    };
    for (size_t i = 0; i < ARRAY_LEN(requests); i++)
        assert_true(str_starts_with(raw_exchange(f, requests[i]), STR("HTTP/1.1 400 ")));
}

static void more_than_64_query_parameters_are_refused(void **state)
{
    struct fixture *f = *state;
    struct buf target = BUF_INIT(4096);
    (void)buf_append_text(&target, "/items/1?a");
    for (int i = 1; i < 64; i++)
        (void)buf_append_text(&target, "&a");
    assert_int_equal(fixture_call(f, HTTP_GET, buf_text(&target), STR("")).status, 200);
    (void)buf_append_text(&target, "&a");
    assert_int_equal(fixture_call(f, HTTP_GET, buf_text(&target), STR("")).status, 400);
    buf_release(&target);
}

static void an_unknown_path_is_404_with_a_sentence(void **state)
{
    struct http_reply reply = fixture_call(*state, HTTP_GET, "/nowhere?x=1", STR(""));
    assert_body(reply, 404, "no such path\n");
    assert_string_equal(http_reply_header(&reply, "Content-Type"), "text/plain; charset=utf-8");
    reply = fixture_call(*state, HTTP_GET, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", STR(""));
    assert_int_equal(reply.status, 404);
}

static void a_method_the_path_does_not_have_is_405_with_allow(void **state)
{
    struct fixture *f = *state;
    struct http_reply reply = fixture_call(f, HTTP_POST, "/items/7", STR("{}"));
    assert_int_equal(reply.status, 405);
    assert_string_equal(http_reply_header(&reply, "Allow"), "GET, HEAD, PUT, PATCH, DELETE");
    assert_int_equal(fixture_calls(f), 0);
}

static void an_unknown_method_is_405_on_a_path_and_404_elsewhere(void **state)
{
    struct fixture *f = *state;
    struct str reply =
        raw_exchange(f, STR("BREW /items HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    assert_true(str_starts_with(reply, STR("HTTP/1.1 405 ")));
    assert_non_null(strstr(reply.ptr, "\r\nAllow: POST\r\n"));
    reply = raw_exchange(f, STR("get /nowhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    assert_true(str_starts_with(reply, STR("HTTP/1.1 404 ")));
}

static void head_is_get_without_the_body(void **state)
{
    struct fixture *f = *state;
    struct str reply =
        raw_exchange(f, STR("HEAD /items/7 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    assert_true(str_starts_with(reply, STR("HTTP/1.1 200 OK\r\n")));
    assert_non_null(strstr(reply.ptr, "\r\nContent-Length: 41\r\n"));
    assert_true(str_ends_with(reply, STR("\r\n\r\n")));
    assert_int_equal(fixture_calls(f), 1);
}

/* --- replies --- */

static void a_reply_says_how_it_may_be_used_unless_the_handler_did(void **state)
{
    struct http_reply reply = fixture_call(*state, HTTP_POST, "/echo", STR("{}"));
    assert_body(reply, 200, "{}");
    assert_string_equal(http_reply_header(&reply, "content-type"), "application/json");
    assert_string_equal(http_reply_header(&reply, "content-length"), "2");
    assert_string_equal(http_reply_header(&reply, "cache-control"), "no-store");
    assert_string_equal(http_reply_header(&reply, "x-content-type-options"), "nosniff");

    reply = fixture_call(*state, HTTP_POST, "/items", STR("{}"));
    assert_body(reply, 201, "{\"size\":2}");
    assert_string_equal(http_reply_header(&reply, "location"), "/items/1");
    assert_string_equal(http_reply_header(&reply, "cache-control"), "max-age=60");
}

static void a_reply_may_be_empty(void **state)
{
    struct http_reply reply = fixture_call(*state, HTTP_DELETE, "/items/1", STR(""));
    assert_body(reply, 204, "");
    assert_null(http_reply_header(&reply, "content-type"));
}

static void a_reply_over_the_bound_becomes_500(void **state)
{
    struct http_reply reply = fixture_call(*state, HTTP_GET, "/too-much", STR(""));
    assert_int_equal(reply.status, 500);
    assert_non_null(strstr(reply.body.ptr, "larger than this server sends"));
}

static void a_handler_cannot_split_the_reply_with_a_header(void **state)
{
    struct http_reply reply = fixture_call(*state, HTTP_GET, "/split-header", STR(""));
    assert_body(reply, 500, "the answer has a malformed header\n");
    assert_null(http_reply_header(&reply, "set-cookie"));
}

static void the_application_writes_refusals_when_it_wants_to(void **state)
{
    struct http_reply reply = fixture_call(*state, HTTP_PUT, "/items", STR("{}"));
    assert_body(reply, 405,
                "{\"status\":405,\"detail\":\"this path does not support the method; see the Allow "
                "header\",\"path\":\"/items\"}");
    assert_string_equal(http_reply_header(&reply, "content-type"), "application/problem+json");
    assert_string_equal(http_reply_header(&reply, "allow"), "POST");

    struct fixture *f = *state;
    struct str raw = raw_exchange(f, STR("GET /items/1 HTTP/1.1\r\n\r\n"));
    assert_true(str_starts_with(raw, STR("HTTP/1.1 400 ")));
    assert_non_null(strstr(raw.ptr, "\"detail\":\"the request must have one Host\",\"path\":\"\""));
}

static void every_reply_is_reported_once_it_is_sent(void **state)
{
    struct fixture *f = *state;
    (void)fixture_call(f, HTTP_GET, "/items/7", STR(""));
    fixture_wait_done(f, 1);
    assert_int_equal(f->last_status, 200);
    assert_string_equal(f->last_path, "/items/7");
    (void)fixture_call(f, HTTP_GET, "/nowhere", STR(""));
    fixture_wait_done(f, 2);
    assert_int_equal(f->last_status, 404);
    assert_string_equal(f->last_path, "/nowhere");
}

/* --- bodies --- */

static void a_body_of_15_mib_comes_back_whole(void **state)
{
    struct fixture *f = *state;
    struct str body = filler(f, 15 * MIB);
    struct http_reply reply = fixture_call(f, HTTP_POST, "/echo", body);
    assert_int_equal(reply.status, 200);
    assert_true(str_eq(reply.body, body));
}

static void a_body_may_be_exactly_as_large_as_the_route_allows(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_call(f, HTTP_POST, "/small", filler(f, MIB)).status, 200);
    assert_int_equal(fixture_call(f, HTTP_POST, "/small", filler(f, MIB + 1)).status, 413);
    assert_int_equal(fixture_call(f, HTTP_PUT, "/items/1", filler(f, 64 * KIB)).status, 200);
    assert_int_equal(fixture_call(f, HTTP_PUT, "/items/1", filler(f, 64 * KIB + 1)).status, 413);
}

static void a_client_that_first_sends_all_of_10_mib_gets_to_see_413(void **state)
{
    struct fixture *f = *state;
    int fd = raw_open(f->port);
    raw_send(fd, STR("POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 10485760\r\n\r\n"));
    raw_send(fd, filler(f, 10 * MIB));
    struct str reply = raw_read_all(fd, &f->arena); /* returns, so the server closed */
    assert_true(str_starts_with(reply, STR("HTTP/1.1 413 ")));
    assert_non_null(strcasestr(reply.ptr, "\r\nConnection: close\r\n"));
    assert_non_null(strstr(reply.ptr, "larger than this path accepts"));
    assert_int_equal(close(fd), 0);
    assert_int_equal(fixture_calls(f), 0);
    assert_int_equal(fixture_call(f, HTTP_POST, "/small", STR("ok")).status, 200);
}

static void a_client_that_waits_for_100_continue_gets_413_instead(void **state)
{
    struct fixture *f = *state;
    struct str reply = raw_exchange(f, STR("POST /small HTTP/1.1\r\nHost: h\r\n"
                                           "Expect: 100-continue\r\nContent-Length: 10485760"
                                           "\r\n\r\n"));
    assert_true(str_starts_with(reply, STR("HTTP/1.1 413 ")));
}

static void a_welcome_body_is_asked_for_with_100_continue(void **state)
{
    struct fixture *f = *state;
    int fd = raw_open(f->port);
    raw_send(fd, STR("POST /small HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                     "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
    char interim[64] = "";
    size_t len = sizeof("HTTP/1.1 100 Continue\r\n\r\n") - 1;
    assert_int_equal(recv(fd, interim, len, MSG_WAITALL), len);
    assert_string_equal(interim, "HTTP/1.1 100 Continue\r\n\r\n");
    raw_send(fd, STR("ok"));
    struct str reply = raw_read_all(fd, &f->arena);
    assert_true(str_starts_with(reply, STR("HTTP/1.1 200 ")));
    assert_int_equal(close(fd), 0);
}

static void a_length_too_large_to_drain_is_refused_before_the_body(void **state)
{
    struct fixture *f = *state;
    struct str reply = raw_exchange(f, STR("POST /small HTTP/1.1\r\nHost: h\r\n"
                                           "Content-Length: 1099511627776\r\n\r\n"));
    assert_true(str_starts_with(reply, STR("HTTP/1.1 413 ")));
}

static void a_refused_body_leaves_the_connection_usable(void **state)
{
    struct fixture *f = *state;
    int fd = raw_open(f->port);
    raw_send(fd, STR("POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n"));
    raw_send(fd, filler(f, 300000));
    assert_true(str_starts_with(raw_read_reply(fd, &f->arena), STR("HTTP/1.1 404 ")));
    raw_send(fd, STR("GET /items/1 HTTP/1.1\r\nHost: h\r\n\r\n"));
    assert_true(str_starts_with(raw_read_reply(fd, &f->arena), STR("HTTP/1.1 200 ")));
    assert_int_equal(close(fd), 0);
}

static void chunks_are_put_together(void **state)
{
    struct fixture *f = *state;
    struct str reply = raw_exchange(f, STR("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                                           "Transfer-Encoding: Chunked\r\n\r\n"
                                           "5\r\nhello\r\n1;ext=1\r\n,\r\n0B\r\n wide\nworld\r\n"
                                           "0\r\nX-Trailer: t\r\n\r\n"));
    assert_true(str_starts_with(reply, STR("HTTP/1.1 200 ")));
    assert_true(str_ends_with(reply, STR("\r\n\r\nhello, wide\nworld")));
}

/* Sends `count` chunks of 64 KiB without their end; false when the server closed before. */
static bool send_chunks(struct fixture *f, int fd, int count)
{
    struct str block = filler(f, 64 * KIB);
    for (int i = 0; i < count; i++) {
        if (!raw_try_send(fd, STR("10000\r\n")) || !raw_try_send(fd, block) ||
            !raw_try_send(fd, STR("\r\n")))
            return false;
    }
    return true;
}

static void a_chunked_body_over_the_bound_is_refused_with_413(void **state)
{
    struct fixture *f = *state;
    int fd = raw_open(f->port);
    raw_send(fd, STR("POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
    assert_true(send_chunks(f, fd, 160));
    raw_send(fd, STR("0\r\n\r\n"));
    struct str reply = raw_read_all(fd, &f->arena);
    assert_true(str_starts_with(reply, STR("HTTP/1.1 413 ")));
    assert_int_equal(close(fd), 0);
    assert_int_equal(fixture_calls(f), 0);
}

static void a_chunked_body_without_end_is_cut_off(void **state)
{
    struct fixture *f = *state;
    int fd = raw_open(f->port);
    raw_send(fd, STR("POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
    assert_false(send_chunks(f, fd, 100000));
    assert_int_equal(close(fd), 0);
    assert_int_equal(fixture_calls(f), 0);
}

static void a_chunk_size_past_64_bits_is_refused(void **state)
{
    struct fixture *f = *state;
    struct str reply = raw_exchange(f, STR("POST /echo HTTP/1.1\r\nHost: h\r\n"
                                           "Transfer-Encoding: chunked\r\n\r\n"
                                           "10000000000000005\r\nhello\r\n0\r\n\r\n"));
    assert_true(str_starts_with(reply, STR("HTTP/1.1 413 ")));
    assert_int_equal(fixture_calls(f), 0);
}

/* --- connections --- */

static void a_connection_serves_many_requests(void **state)
{
    struct fixture *f = *state;
    int fd = raw_open(f->port);
    for (int i = 0; i < 50; i++) {
        char request[128];
        int n = snprintf(request, sizeof(request),
                         "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n%04d", i);
        raw_send(fd, (struct str){request, (size_t)n});
        struct str reply = raw_read_reply(fd, &f->arena);
        assert_true(str_starts_with(reply, STR("HTTP/1.1 200 ")));
        assert_true(str_ends_with(reply, (struct str){request + n - 4, 4}));
    }
    assert_int_equal(close(fd), 0);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct fixture *f = *state;
    struct str reply = raw_exchange(
        f, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\none"
               "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
               "3\r\ntwo\r\n0\r\n\r\n"
               "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
               "three"));
    const char *one = strstr(reply.ptr, "\r\n\r\none");
    assert_non_null(one);
    const char *two = strstr(one, "\r\n\r\ntwo");
    assert_non_null(two);
    assert_non_null(strstr(two, "\r\n\r\nthree"));
}

static void a_request_may_come_in_single_bytes(void **state)
{
    struct fixture *f = *state;
    struct str request = STR("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                             "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    int fd = raw_open(f->port);
    for (size_t i = 0; i < request.len; i++)
        raw_send(fd, (struct str){request.ptr + i, 1});
    struct str reply = raw_read_all(fd, &f->arena);
    assert_true(str_starts_with(reply, STR("HTTP/1.1 200 ")));
    assert_true(str_ends_with(reply, STR("\r\n\r\nhello")));
    assert_int_equal(close(fd), 0);
}

static void http_1_0_is_answered_and_closed(void **state)
{
    struct fixture *f = *state;
    struct str reply = raw_exchange(f, STR("GET /items/1 HTTP/1.0\r\n\r\n"));
    assert_true(str_starts_with(reply, STR("HTTP/1.1 200 ")) ||
                str_starts_with(reply, STR("HTTP/1.0 200 ")));
}

static void a_client_that_leaves_in_the_middle_hurts_nobody(void **state)
{
    struct fixture *f = *state;
    const struct str starts[] = {
        STR("G"), STR("GET /items/1 HTTP/1.1\r\nHost"),
        STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf"),
        STR("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe")};
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        int fd = raw_open(f->port);
        raw_send(fd, starts[i]);
        assert_int_equal(close(fd), 0);
    }
    assert_int_equal(fixture_call(f, HTTP_GET, "/items/1", STR("")).status, 200);
    assert_int_equal(fixture_calls(f), 1);
}

static void *twenty_calls(void *arg)
{
    struct fixture *f = arg;
    struct http_client *client = http_client_new();
    struct arena arena = {0};
    intptr_t wrong = 0;
    for (int i = 0; i < 20; i++) {
        const char *body = arena_printf(&arena, "%p %d", (void *)client, i);
        const struct http_call call = {
            .method = i % 2 ? HTTP_POST : HTTP_PUT,
            .url = arena_printf(&arena, "http://127.0.0.1:%u%s", f->port,
                                i % 2 ? "/echo" : "/items/1"),
            .body = str_from(body),
            .timeout_us = 60 * USEC_PER_SEC,
        };
        struct http_reply reply;
        if (http_client_call(client, &call, &arena, &reply, NULL, NULL) != OK ||
            !text_eq(reply.body.ptr, body))
            wrong++;
    }
    arena_release(&arena);
    http_client_free(client);
    return (void *)wrong;
}

static void fifty_clients_at_once_each_get_their_own_answers(void **state)
{
    pthread_t threads[50];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, twenty_calls, *state), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *wrong = NULL;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
}

/* --- lifecycle --- */

static void *stop_server(void *arg)
{
    struct fixture *f = arg;
    http_server_stop(f->server);
    return NULL;
}

static void stopping_lets_a_running_request_finish(void **state)
{
    struct fixture *f = *state;
    int fd = raw_open(f->port);
    raw_send(fd, STR("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n"));
    fixture_wait_held(f, 1);
    int kept = raw_open(f->port); /* on another thread of the pool: that one is busy */
    raw_send(kept, STR("GET /items/1 HTTP/1.1\r\nHost: h\r\n\r\n"));
    assert_null(strcasestr(raw_read_reply(kept, &f->arena).ptr, "\r\nConnection: close\r\n"));
    pthread_t stopper;
    assert_int_equal(pthread_create(&stopper, NULL, stop_server, f), 0);

    /* The stop has begun once nothing new is accepted. */
    struct http_client *client = http_client_new();
    const struct http_call call = {
        .url = arena_printf(&f->arena, "http://127.0.0.1:%u/items/1", f->port),
        .timeout_us = 60 * USEC_PER_SEC,
    };
    struct http_reply reply;
    int refused = 0; /* often, so that a stop that did not wait would get on meanwhile */
    while (refused < 300) {
        refused += http_client_call(client, &call, &f->arena, &reply, NULL, NULL) != OK;
        http_client_free(client);
        client = http_client_new();
    }
    http_client_free(client);

    raw_send(kept, STR("GET /items/1 HTTP/1.1\r\nHost: h\r\n\r\n"));
    struct str last = raw_read_all(kept, &f->arena);
    assert_true(str_starts_with(last, STR("HTTP/1.1 200 ")));
    assert_non_null(strcasestr(last.ptr, "\r\nConnection: close\r\n"));
    assert_int_equal(close(kept), 0);

    fixture_release(f);
    struct str answer = raw_read_all(fd, &f->arena);
    assert_true(str_starts_with(answer, STR("HTTP/1.1 200 ")));
    assert_true(str_ends_with(answer, STR("\r\n\r\nheld")));
    assert_int_equal(pthread_join(stopper, NULL), 0);
    f->server = NULL;
    assert_int_equal(close(fd), 0);
}

static void stopping_does_not_wait_for_idle_connections(void **state)
{
    struct fixture *f = *state;
    int idle = raw_open(f->port), used = raw_open(f->port);
    raw_send(used, STR("GET /items/1 HTTP/1.1\r\nHost: h\r\n\r\n"));
    (void)raw_read_reply(used, &f->arena);
    http_server_stop(f->server);
    f->server = NULL;
    assert_int_equal(raw_read_all(used, &f->arena).len, 0);
    assert_int_equal(raw_read_all(idle, &f->arena).len, 0);
    assert_int_equal(close(idle), 0);
    assert_int_equal(close(used), 0);
}

static const struct http_server_options minimal = {
    .address = "127.0.0.1",
    .threads = 1,
    .connections_max = 4,
    .idle_timeout_s = 1,
    .body_max = 1024,
    .response_max = 1024,
};

static void say_nothing(void *ctx, const struct http_request *request,
                        struct http_response *response)
{
    (void)ctx;
    (void)request;
    response->status = 204;
}

/* What its threads do at that moment, and how far the requests are, is different each time. */
static void a_server_can_be_stopped_at_any_moment(void **state)
{
    (void)state;
    struct http_server_options options = minimal;
    static const struct http_route route = {HTTP_GET, "/", say_nothing, 0, NULL};
    options.routes = &route;
    options.route_count = 1;
    options.threads = 4;
    for (int i = 0; i < 300; i++) {
        struct http_server *server = NULL;
        assert_int_equal(http_server_start(&options, &server, NULL), OK);
        int fds[4];
        for (size_t k = 0; k < ARRAY_LEN(fds); k++) {
            fds[k] = raw_open(http_server_port(server));
            raw_send(fds[k], STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
        }
        http_server_stop(server);
        for (size_t k = 0; k < ARRAY_LEN(fds); k++)
            assert_int_equal(close(fds[k]), 0);
    }
}

static void a_server_may_have_one_thread_and_no_routes(void **state)
{
    struct fixture *f = *state;
    struct http_server *server = NULL;
    assert_int_equal(http_server_start(&minimal, &server, NULL), OK);
    int fd = raw_open(http_server_port(server));
    raw_send(fd, STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    assert_true(str_starts_with(raw_read_reply(fd, &f->arena), STR("HTTP/1.1 404 ")));
    assert_int_equal(raw_read_all(fd, &f->arena).len, 0); /* closed when idle for too long */
    assert_int_equal(close(fd), 0);
    http_server_stop(server);
}

static void a_port_in_use_is_a_conflict_that_names_it(void **state)
{
    struct fixture *f = *state;
    struct http_server_options options = minimal;
    options.port = f->port;
    struct http_server *server = NULL;
    struct error e;
    assert_int_equal(http_server_start(&options, &server, &e), ERR_CONFLICT);
    assert_null(server);
    assert_non_null(strstr(e.text, arena_printf(&f->arena, "127.0.0.1 port %u", f->port)));
}

static void an_address_that_is_none_is_refused(void **state)
{
    (void)state;
    struct http_server_options options = minimal;
    options.address = "localhost";
    struct http_server *server = NULL;
    assert_int_equal(http_server_start(&options, &server, NULL), ERR_INVALID);
    assert_null(server);
}

static void stopping_no_server_is_fine(void **state)
{
    (void)state;
    http_server_stop(NULL);
}

static void listen_addresses_are_read(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *address;
        uint16_t port;
    } good[] = {
        {"127.0.0.1:8080", "127.0.0.1", 8080},
        {":0", "127.0.0.1", 0},
        {"[::1]:65535", "::1", 65535},
        {"0.0.0.0:80", "0.0.0.0", 80},
        {"[::]:80", "::", 80},
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        const char *address = NULL;
        uint16_t port = 1;
        assert_int_equal(http_listen_parse(good[i].text, &f->arena, &address, &port, NULL), OK);
        assert_string_equal(address, good[i].address);
        assert_int_equal(port, good[i].port);
    }
    static const char *const bad[] = {
        "",     "127.0.0.1", "127.0.0.1:", "::1:80",         "localhost:80", ":65536",   ":-1",
        ": 80", "[::1]",     "[]:80",      "[127.0.0.1]:80", "[::1:80",      "1.2.3:80", ":80x"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const char *address = NULL;
        uint16_t port = 1;
        struct error e;
        assert_int_equal(http_listen_parse(bad[i], &f->arena, &address, &port, &e), ERR_INVALID);
        assert_null(address);
        assert_int_equal(port, 1);
    }
}

static void status_codes_have_their_names(void **state)
{
    (void)state;
    assert_string_equal(http_status_text(404), "Not Found");
    assert_string_equal(http_status_text(413), "Content Too Large");
    assert_string_equal(http_status_text(299), "Unknown");
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(the_param_of_a_pattern_matches_one_segment),
        WITH_SERVER(the_root_is_a_path),
        WITH_SERVER(the_first_route_in_the_table_wins),
        WITH_SERVER(an_encoded_slash_stays_inside_its_segment),
        WITH_SERVER(query_parameters_are_decoded_in_order),
        WITH_SERVER(a_malformed_or_unprintable_target_is_refused_with_400),
        WITH_SERVER(a_target_that_is_not_a_path_is_refused_with_400),
        WITH_SERVER(more_than_64_query_parameters_are_refused),
        WITH_SERVER(an_unknown_path_is_404_with_a_sentence),
        WITH_SERVER(a_method_the_path_does_not_have_is_405_with_allow),
        WITH_SERVER(an_unknown_method_is_405_on_a_path_and_404_elsewhere),
        WITH_SERVER(head_is_get_without_the_body),
        WITH_SERVER(a_reply_says_how_it_may_be_used_unless_the_handler_did),
        WITH_SERVER(a_reply_may_be_empty),
        WITH_SERVER(a_reply_over_the_bound_becomes_500),
        WITH_SERVER(a_handler_cannot_split_the_reply_with_a_header),
        cmocka_unit_test_setup_teardown(the_application_writes_refusals_when_it_wants_to,
                                        fixture_setup_refusing, fixture_teardown),
        WITH_SERVER(every_reply_is_reported_once_it_is_sent),
        WITH_SERVER(a_body_of_15_mib_comes_back_whole),
        WITH_SERVER(a_body_may_be_exactly_as_large_as_the_route_allows),
        WITH_SERVER(a_client_that_first_sends_all_of_10_mib_gets_to_see_413),
        WITH_SERVER(a_client_that_waits_for_100_continue_gets_413_instead),
        WITH_SERVER(a_welcome_body_is_asked_for_with_100_continue),
        WITH_SERVER(a_length_too_large_to_drain_is_refused_before_the_body),
        WITH_SERVER(a_refused_body_leaves_the_connection_usable),
        WITH_SERVER(chunks_are_put_together),
        WITH_SERVER(a_chunked_body_over_the_bound_is_refused_with_413),
        WITH_SERVER(a_chunked_body_without_end_is_cut_off),
        WITH_SERVER(a_chunk_size_past_64_bits_is_refused),
        WITH_SERVER(a_connection_serves_many_requests),
        WITH_SERVER(pipelined_requests_are_answered_in_order),
        WITH_SERVER(a_request_may_come_in_single_bytes),
        WITH_SERVER(http_1_0_is_answered_and_closed),
        WITH_SERVER(a_client_that_leaves_in_the_middle_hurts_nobody),
        WITH_SERVER(fifty_clients_at_once_each_get_their_own_answers),
        WITH_SERVER(stopping_lets_a_running_request_finish),
        WITH_SERVER(stopping_does_not_wait_for_idle_connections),
        WITH_SERVER(a_server_can_be_stopped_at_any_moment),
        WITH_SERVER(a_server_may_have_one_thread_and_no_routes),
        WITH_SERVER(a_port_in_use_is_a_conflict_that_names_it),
        WITH_SERVER(an_address_that_is_none_is_refused),
        WITH_SERVER(stopping_no_server_is_fine),
        WITH_SERVER(listen_addresses_are_read),
        WITH_SERVER(status_codes_have_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
