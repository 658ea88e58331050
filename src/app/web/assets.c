#include "app/web/assets.h"

#include "base/err.h"

#define FOR_EVER "public, max-age=31536000, immutable"
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "                    \
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "            \
    "require-trusted-types-for 'script'; trusted-types 'none'"

static const struct asset *find(const char *name)
{
    for (const struct asset *a = assets; a->name; a++) {
        if (text_eq(a->name, name))
            return a;
    }
    return NULL;
}

/* Whether a list as "gzip, br;q=0.5" has gzip and does not refuse it. */
static bool takes_gzip(const struct http_request *request)
{
    struct str rest = str_from(http_header(request, "Accept-Encoding"));
    while (rest.ptr) {
        struct str weight = str_cut(&rest, ',');
        struct str name = str_trim(str_cut(&weight, ';'));
        weight = str_trim(weight);
        if (str_eq(name, STR("gzip")))
            return !str_eq(weight, STR("q=0")) && !str_eq(weight, STR("q=0.0"));
    }
    return false;
}

/* If-None-Match is a star or a list of tags; the weak form of ours is as good. */
static bool has_it(const struct http_request *request, const char *etag)
{
    struct str rest = str_from(http_header(request, "If-None-Match"));
    while (rest.ptr) {
        struct str tag = str_trim(str_cut(&rest, ','));
        if (str_starts_with(tag, STR("W/")))
            tag = (struct str){tag.ptr + 2, tag.len - 2};
        if (str_eq(tag, STR("*")) || str_eq(tag, str_from(etag)))
            return true;
    }
    return false;
}

static void send_asset(const struct http_request *request, const struct asset *asset,
                       const char *caching, struct http_response *response)
{
    bool packed = takes_gzip(request);
    const struct asset_form *form = packed ? &asset->gzip : &asset->plain;
    const char *etag = packed ? asset->etag_gzip : asset->etag;
    http_set_header(response, "ETag", etag);
    http_set_header(response, "Cache-Control", caching);
    http_set_header(response, "Vary", "Accept-Encoding");
    if (has_it(request, etag)) {
        response->status = 304;
        return;
    }
    if (packed)
        http_set_header(response, "Content-Encoding", "gzip");
    response->content_type = asset->type;
    (void)buf_append(&response->body, form->bytes, form->len);
}

static void send_page(void *ctx, const struct http_request *request, struct http_response *response)
{
    (void)ctx;
    http_set_header(response, "Content-Security-Policy", POLICY);
    http_set_header(response, "Referrer-Policy", "same-origin");
    http_set_header(response, "Cross-Origin-Opener-Policy", "same-origin");
    const struct asset *page = find("index.html");
    BUG_ON(!page);
    send_asset(request, page, "no-cache", response);
}

static void send_file(void *ctx, const struct http_request *request, struct http_response *response)
{
    (void)ctx;
    const char *folder = http_param(request, "folder"), *name = http_param(request, "file");
    if (folder)
        name = arena_printf(request->arena, "%s/%s", folder, name);
    const struct asset *asset = find(name);
    if (asset && text_eq(http_param(request, "version"), assets_version)) {
        send_asset(request, asset, FOR_EVER, response);
        return;
    }
    response->status = 404;
    response->content_type = "text/plain; charset=utf-8";
    (void)buf_append_text(&response->body, "no such file; reload the page\n");
}

#define PAGE(pattern_)                                                                             \
    {                                                                                              \
        .method = HTTP_GET, .pattern = pattern_, .handler = send_page                              \
    }
#define FILES(pattern_)                                                                            \
    {                                                                                              \
        .method = HTTP_GET, .pattern = pattern_, .handler = send_file                              \
    }

const struct http_route web_routes[] = {
    PAGE("/"),
    PAGE("/ui/{page}"),
    PAGE("/ui/{page}/{id}"),
    FILES("/assets/{version}/{file}"),
    FILES("/assets/{version}/{folder}/{file}"),
};

const size_t web_route_count = ARRAY_LEN(web_routes);
