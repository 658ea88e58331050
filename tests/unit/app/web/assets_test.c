/* The dashboard's files as they are served: small, kept for as long as they are the same, strict.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/web/assets.h"

#define RESPONSE_MAX  (1u << 20)
#define WEIGHT_MAX    (150 * 1000) /* bytes, gzipped, of everything that a browser fetches */
#define ASK_PARAMS    2
#define HEADERS_COUNT 2

struct fixture {
    struct arena arena;
    struct http_response response;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    buf_release(&f->response.body);
    arena_release(&f->arena);
    free(f);
    return 0;
}

static const char *header_of(const struct http_response *r, const char *name)
{
    for (size_t i = 0; i < r->header_count; i++) {
        if (text_eq(r->headers[i].name, name))
            return r->headers[i].value;
    }
    return NULL;
}

static const struct http_route *route_of(const char *pattern)
{
    for (size_t i = 0; i < web_route_count; i++) {
        if (text_eq(web_routes[i].pattern, pattern))
            return &web_routes[i];
    }
    fail_msg("there is no route %s", pattern);
    return NULL;
}

static const struct http_response *ask(struct fixture *f, const char *pattern, const char *version,
                                       const char *file, struct http_pair a, struct http_pair b)
{
    const struct http_pair headers[HEADERS_COUNT] = {a, b};
    struct http_request request = {
        .method = HTTP_GET,
        .path = pattern,
        .route = route_of(pattern),
        .params = {{"version", version}, {"file", file}},
        .param_count = version ? ASK_PARAMS : 0,
        .headers = headers,
        .header_count = !a.name  ? 0
                        : b.name ? 2
                                 : 1,
        .arena = &f->arena,
    };
    buf_release(&f->response.body);
    f->response = (struct http_response){.status = 200, .body = BUF_INIT(RESPONSE_MAX)};
    request.route->handler(NULL, &request, &f->response);
    return &f->response;
}

#define NO_HEADER ((struct http_pair){0})

static const struct http_response *ask_page(struct fixture *f, struct http_pair a,
                                            struct http_pair b)
{
    return ask(f, "/", NULL, NULL, a, b);
}

static const struct http_response *ask_file(struct fixture *f, const char *version,
                                            const char *file, struct http_pair a)
{
    return ask(f, "/assets/{version}/{file}", version, file, a, NO_HEADER);
}

static void all_of_it_together_weighs_less_than_150_kb(void **state)
{
    (void)state;
    size_t weight = 0, files = 0;
    for (const struct asset *a = assets; a->name; a++, files++) {
        assert_true(a->plain.len > 0);
        weight += a->gzip.len;
    }
    assert_true(files > 10);
    print_message("# %zu files, %zu bytes gzipped\n", files, weight);
    assert_in_range(weight, 1, WEIGHT_MAX);
}

static void the_page_allows_this_servers_files_only_and_has_nothing_inline(void **state)
{
    struct fixture *f = *state;
    const struct http_response *r = ask_page(f, NO_HEADER, NO_HEADER);
    assert_int_equal(r->status, 200);
    const char *policy = header_of(r, "Content-Security-Policy");
    assert_true(str_starts_with(str_from(policy), STR("default-src 'none'; script-src 'self'; ")));
    assert_null(strstr(policy, "unsafe"));
    const char *page = arena_text(&f->arena, buf_text(&r->body));
    static const char *const inline_things[] = {
        "<style", "style=", "onload=", "onclick=", "://", "@ASSETS@"};
    for (size_t i = 0; i < ARRAY_LEN(inline_things); i++)
        assert_null(strstr(page, inline_things[i]));
    assert_non_null(strstr(page, "<script type=\"module\" src=\"/assets/"));
    assert_string_equal(header_of(r, "Cache-Control"), "no-cache");
}

/* A path that is in the page but not among the files would be a script that never comes. */
static void every_file_that_the_page_names_is_there(void **state)
{
    struct fixture *f = *state;
    const struct http_response *r = ask_page(f, NO_HEADER, NO_HEADER);
    const char *prefix = arena_printf(&f->arena, "\"/assets/%s/", assets_version);
    const char *at = arena_text(&f->arena, buf_text(&r->body));
    size_t named = 0;
    while ((at = strstr(at, prefix)) != NULL) {
        at += strlen(prefix);
        const char *name = arena_text_n(&f->arena, at, strcspn(at, "\""));
        const struct asset *a = assets;
        while (a->name && !text_eq(a->name, name))
            a++;
        if (!a->name)
            fail_msg("%s is not among the files", name);
        named++;
    }
    assert_true(named > 10);
}

static void a_file_is_kept_for_ever_under_its_version_and_is_gone_under_another(void **state)
{
    struct fixture *f = *state;
    const struct http_response *r = ask_file(f, assets_version, "app.css", NO_HEADER);
    assert_int_equal(r->status, 200);
    assert_string_equal(r->content_type, "text/css; charset=utf-8");
    assert_string_equal(header_of(r, "Cache-Control"), "public, max-age=31536000, immutable");
    assert_null(header_of(r, "Content-Encoding"));
    assert_int_equal(ask_file(f, "0000000000000000", "app.css", NO_HEADER)->status, 404);
    assert_int_equal(ask_file(f, assets_version, "none.css", NO_HEADER)->status, 404);
    assert_int_equal(ask_file(f, assets_version, "../app.css", NO_HEADER)->status, 404);
}

static void who_takes_gzip_gets_it_and_who_refuses_it_does_not(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *accept;
        bool packed;
    } cases[] = {{"gzip, deflate, br", true},
                 {"br;q=1.0, gzip;q=0.8", true},
                 {"br", false},
                 {"gzip;q=0", false},
                 {"identity", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_pair accept = {"Accept-Encoding", cases[i].accept};
        const struct http_response *r = ask_file(f, assets_version, "app.js", accept);
        assert_int_equal(header_of(r, "Content-Encoding") != NULL, cases[i].packed);
        assert_string_equal(header_of(r, "Vary"), "Accept-Encoding");
        assert_int_equal((unsigned char)r->body.ptr[0] == 0x1f, cases[i].packed);
    }
}

static void who_has_it_is_told_so_and_each_form_has_a_tag_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct http_pair gzip = {"Accept-Encoding", "gzip"};
    const char *plain_tag = header_of(ask_page(f, NO_HEADER, NO_HEADER), "ETag");
    const char *gzip_tag = header_of(ask_page(f, gzip, NO_HEADER), "ETag");
    assert_string_not_equal(plain_tag, gzip_tag);
    const char *list = arena_printf(&f->arena, "\"other\", W/%s", gzip_tag);
    const struct http_response *r = ask_page(f, gzip, (struct http_pair){"If-None-Match", list});
    assert_int_equal(r->status, 304);
    assert_int_equal(r->body.len, 0);
    assert_string_equal(header_of(r, "ETag"), gzip_tag);
    r = ask_page(f, NO_HEADER, NO_HEADER);
    assert_int_equal(r->status, 200);
    r = ask_page(f, (struct http_pair){"If-None-Match", list}, NO_HEADER);
    assert_int_equal(r->status, 200); /* the tag of the other form */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it_together_weighs_less_than_150_kb),
        TEST(the_page_allows_this_servers_files_only_and_has_nothing_inline),
        TEST(every_file_that_the_page_names_is_there),
        TEST(a_file_is_kept_for_ever_under_its_version_and_is_gone_under_another),
        TEST(who_takes_gzip_gets_it_and_who_refuses_it_does_not),
        TEST(who_has_it_is_told_so_and_each_form_has_a_tag_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
