/*
 * What two HTTP programs in a row might read differently, byte for byte. Each case holds a second
 * request to /items/smuggled where a lenient parser would find one.
 */
#include "support.h"

#define TAIL "GET /items/smuggled HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"

static void refused(struct fixture *f, struct str request)
{
    struct str reply = raw_exchange(f, request);
    if (!str_starts_with(reply, STR("HTTP/1.1 400 ")))
        fail_msg("expected 400 for:\n%.*s\n--- got:\n%.*s", STR_ARG(request), STR_ARG(reply));
    assert_int_equal(fixture_calls(f), 0);
}

static void content_length_with_transfer_encoding_is_refused(void **state)
{
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" TAIL));
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
                        "Content-Length: 5\r\n\r\n0\r\n\r\n" TAIL));
}

static void two_content_lengths_are_refused_even_when_equal(void **state)
{
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n"
                        "Content-Length: 61\r\n\r\n" TAIL));
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
                        "content-length: 3\r\n\r\nabc" TAIL));
}

static void a_content_length_that_is_not_all_digits_is_refused(void **state)
{
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc" TAIL));
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: -3\r\n\r\nabc" TAIL));
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 0x3\r\n\r\nabc" TAIL));
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc" TAIL));
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3 3\r\n\r\nabc" TAIL));
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\nabc" TAIL));
}

static void another_transfer_encoding_than_chunked_is_refused(void **state)
{
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\n"
                        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" TAIL));
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\n"
                        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" TAIL));
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" TAIL));
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" TAIL));
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\n"
                        "Transfer-Encoding: \x0b"
                        "chunked\r\n\r\n0\r\n\r\n" TAIL));
}

static void transfer_encoding_in_http_1_0_is_refused(void **state)
{
    refused(*state, STR("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" TAIL));
}

static void a_bare_line_feed_that_ends_a_line_is_refused(void **state)
{
    refused(*state, STR("GET /items/1 HTTP/1.1\r\nHost: h\nX-Note: a\r\n\r\n" TAIL));
    refused(*state, STR("GET /items/1 HTTP/1.1\nHost: h\r\n\r\n" TAIL));
    refused(*state, STR("GET /items/1 HTTP/1.1\r\nHost: h\r\n\n" TAIL));
    refused(*state, STR("GET /items/1 HTTP/1.1\r\nHost: h\n\n" TAIL));
    refused(*state, STR("GET /items/1 HTTP/1.1\nHost: h\n\n" TAIL));
    refused(*state,
            STR("POST /echo HTTP/1.1\r\nHost: h\r\nX-Note: a\nContent-Length: 61\r\n\r\n" TAIL));
}

static void a_bare_carriage_return_is_refused(void **state)
{
    refused(*state, STR("GET /items/1 HTTP/1.1\r\nHost: h\r\nX-Note: a\rb\r\n\r\n" TAIL));
    refused(*state, STR("GET /items/1 HTTP/1.1\r\nHost: h\r\nX-Note: a\r\r\n\r\n" TAIL));
    refused(*state,
            STR("GET /items/1 HTTP/1.1\r\nHost: h\r\nX-Note: a\rContent-Length: 61\r\n\r\n" TAIL));
    refused(*state, STR("GET /items/1 HTTP/1.1\r\nHost: h\r\nX\r-Note: a\r\n\r\n" TAIL));
    refused(*state, STR("GET /items/1 HTTP/1.1\r\nHost: h\r\n\rX-Note: a\r\n\r\n" TAIL));
}

static void a_nul_anywhere_in_the_head_is_refused(void **state)
{
    refused(*state, STR("GET /items/1 HTTP/1.1\r\nHost: h\r\nX-Note: a\0b\r\n\r\n" TAIL));
    refused(*state, STR("GET /items/1 HTTP/1.1\r\nHost: h\r\nX-Note: a\0\r\n\r\n" TAIL));
    refused(*state, STR("GET /items/1 HTTP/1.1\r\nHost: h\r\nX-Note:\0a\r\n\r\n" TAIL));
    refused(*state, STR("GET /items/1 HTTP/1.1\r\nHost: h\r\nX\0Note: a\r\n\r\n" TAIL));
    refused(*state, STR("GET /items/1 HTTP/1.1\r\nHost: h\r\n\0X-Note: a\r\n\r\n" TAIL));
    refused(*state, STR("GET /items/1\0x HTTP/1.1\r\nHost: h\r\n\r\n" TAIL));
    refused(*state, STR("GET /items/1?a=b\0&c HTTP/1.1\r\nHost: h\r\n\r\n" TAIL));
    refused(*state, STR("GET\0 /items/1 HTTP/1.1\r\nHost: h\r\n\r\n" TAIL));
    refused(*state, STR("GET /items/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\0"
                        "61\r\n\r\n" TAIL));
}

static void a_folded_header_is_refused(void **state)
{
    refused(*state, STR("GET /items/1 HTTP/1.1\r\nHost: h\r\nX-Note: a\r\n b\r\n\r\n" TAIL));
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked\r\n\r\n"
                        "0\r\n\r\n" TAIL));
    refused(*state, STR("GET /items/1 HTTP/1.1\r\n Host: h\r\nHost: h\r\n\r\n" TAIL));
}

static void a_header_name_that_is_not_a_token_is_refused(void **state)
{
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length : 61\r\n\r\n" TAIL));
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length\t: 61\r\n\r\n" TAIL));
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\nX Y: 1\r\n\r\n" TAIL));
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\n: 1\r\n\r\n" TAIL));
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n" TAIL));
    refused(*state, STR("POST /echo HTTP/1.1\r\nHost: h\r\nX\xff: 1\r\n\r\n" TAIL));
}

static void a_control_character_in_a_header_value_is_refused(void **state)
{
    refused(*state, STR("GET /items/1 HTTP/1.1\r\nHost: h\r\nX-Note: a\x01\r\n\r\n" TAIL));
    refused(*state, STR("GET /items/1 HTTP/1.1\r\nHost: h\r\nX-Note: a\x7f\r\n\r\n" TAIL));
}

static void a_missing_or_second_host_is_refused(void **state)
{
    refused(*state, STR("GET /items/1 HTTP/1.1\r\nX-Note: a\r\n\r\n" TAIL));
    refused(*state, STR("GET /items/1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" TAIL));
}

static void spaces_too_many_in_the_request_line_are_refused(void **state)
{
    refused(*state, STR("GET  /items/1 HTTP/1.1\r\nHost: h\r\n\r\n" TAIL));
    refused(*state, STR("GET /items/1  HTTP/1.1\r\nHost: h\r\n\r\n" TAIL));
}

static void a_malformed_chunk_size_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct str bodies[] = {STR("-5\r\nabcde\r\n0\r\n\r\n"), STR("0x5\r\nabcde\r\n0\r\n\r\n"),
                                 STR("5 5\r\nabcde\r\n0\r\n\r\n"), STR("\r\nabcde\r\n0\r\n\r\n"),
                                 STR("5\r\nabcdeX\r\n0\r\n\r\n")};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        char *request = arena_printf(&f->arena,
                                     "POST /echo HTTP/1.1\r\nHost: h\r\n"
                                     "Transfer-Encoding: chunked\r\n\r\n%s" TAIL,
                                     bodies[i].ptr);
        refused(f, str_from(request));
    }
}

static void a_head_at_the_edge_of_what_is_allowed_is_read(void **state)
{
    struct fixture *f = *state;
    struct str reply = raw_exchange(
        f, STR("GET /items/1?a=b&c HTTP/1.1\r\nHost:h\r\nX-Empty:\r\nX-Note: \t a\tb \t\r\n"
               "X-!#$%&'*+-.^_`|~: \xc3\xa9\r\nConnection:close\r\n\r\n"));
    assert_true(str_starts_with(reply, STR("HTTP/1.1 200 OK\r\n")));
    assert_non_null(strstr(reply.ptr, "GET /items/1 [127.0.0.1] {id=1} (a=b) (c=) a\tb - - - -"));
}

static void more_headers_than_the_bound_are_refused_with_431(void **state)
{
    struct fixture *f = *state;
    for (int extra = 98; extra <= 99; extra++) { /* Host and Connection make 100 and 101 */
        struct buf request = BUF_INIT(65536);
        (void)buf_append_text(&request,
                              "GET /items/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n");
        for (int i = 0; i < extra; i++)
            (void)buf_printf(&request, "X-%d: %d\r\n", i, i);
        (void)buf_append_text(&request, "\r\n");
        struct str reply = raw_exchange(f, buf_str(&request));
        assert_true(
            str_starts_with(reply, extra == 98 ? STR("HTTP/1.1 200 ") : STR("HTTP/1.1 431 ")));
        buf_release(&request);
    }
}

static void a_head_of_40_kib_is_refused_with_431(void **state)
{
    struct fixture *f = *state;
    struct buf request = BUF_INIT(65536);
    (void)buf_printf(&request, "GET /items/1 HTTP/1.1\r\nHost: h\r\nX-Note: %040960d\r\n\r\n", 0);
    struct str reply = raw_exchange(f, buf_str(&request));
    assert_true(str_starts_with(reply, STR("HTTP/1.1 431 ")));
    buf_release(&request);
}

static void a_target_over_8_kib_is_refused_with_414(void **state)
{
    struct fixture *f = *state;
    struct buf request = BUF_INIT(65536);
    (void)buf_printf(&request, "GET /items/%08190d HTTP/1.1\r\nHost: h\r\n\r\n", 0);
    struct str reply = raw_exchange(f, buf_str(&request));
    assert_true(str_starts_with(reply, STR("HTTP/1.1 414 ")));
    buf_release(&request);
}

static void a_head_without_end_is_refused(void **state)
{
    struct fixture *f = *state;
    struct buf request = BUF_INIT(1u << 20);
    (void)buf_append_text(&request, "GET /items/1 HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 20000; i++)
        (void)buf_printf(&request, "X-%d: %d\r\n", i, i);
    struct str reply = raw_exchange(f, buf_str(&request));
    assert_true(reply.len == 0 || str_starts_with(reply, STR("HTTP/1.1 431 ")));
    assert_int_equal(fixture_calls(f), 0);
    buf_release(&request);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(content_length_with_transfer_encoding_is_refused),
        WITH_SERVER(two_content_lengths_are_refused_even_when_equal),
        WITH_SERVER(a_content_length_that_is_not_all_digits_is_refused),
        WITH_SERVER(another_transfer_encoding_than_chunked_is_refused),
        WITH_SERVER(transfer_encoding_in_http_1_0_is_refused),
        WITH_SERVER(a_bare_line_feed_that_ends_a_line_is_refused),
        WITH_SERVER(a_bare_carriage_return_is_refused),
        WITH_SERVER(a_nul_anywhere_in_the_head_is_refused),
        WITH_SERVER(a_folded_header_is_refused),
        WITH_SERVER(a_header_name_that_is_not_a_token_is_refused),
        WITH_SERVER(a_control_character_in_a_header_value_is_refused),
        WITH_SERVER(a_missing_or_second_host_is_refused),
        WITH_SERVER(spaces_too_many_in_the_request_line_are_refused),
        WITH_SERVER(a_malformed_chunk_size_is_refused),
        WITH_SERVER(a_head_at_the_edge_of_what_is_allowed_is_read),
        WITH_SERVER(more_headers_than_the_bound_are_refused_with_431),
        WITH_SERVER(a_head_of_40_kib_is_refused_with_431),
        WITH_SERVER(a_target_over_8_kib_is_refused_with_414),
        WITH_SERVER(a_head_without_end_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
