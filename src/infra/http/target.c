#include "infra/http/target.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* NULL when the encoding is malformed or the result is not printable UTF-8. */
static const char *decode(struct arena *arena, struct str raw, bool plus_is_space)
{
    char *text = arena_alloc(arena, raw.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '%') {
            int high = i + 2 < raw.len ? hex_value(raw.ptr[i + 1]) : -1;
            int low = i + 2 < raw.len ? hex_value(raw.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return NULL;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        text[len++] = c;
    }
    bool fine = len == 0 || str_is_printable((struct str){text, len}, len);
    return fine ? text : NULL;
}

static const char *parse_path(struct str path, struct http_request *r, struct http_target *t)
{
    static const char wrong[] = "the path has a malformed percent-encoding, a control character or "
                                "bytes that are not UTF-8";
    r->path = decode(r->arena, path, false);
    if (!r->path)
        return wrong;
    struct str rest = {path.ptr + 1, path.len - 1};
    while (rest.ptr) {
        const char *segment = decode(r->arena, str_cut(&rest, '/'), false);
        if (!segment)
            return wrong;
        if (t->segment_count == HTTP_SEGMENTS_MAX) {
            t->segment_count = 0;
            return NULL;
        }
        t->segments[t->segment_count++] = segment;
    }
    return NULL;
}

static const char *parse_query(struct str query, struct http_request *r)
{
    struct http_pair *pairs = NULL;
    while (query.ptr) {
        struct str value = str_cut(&query, '&');
        if (value.len == 0)
            continue;
        if (r->query_count == HTTP_QUERY_MAX)
            return "the query has more than 64 parameters";
        if (!pairs)
            pairs = arena_new_array(r->arena, HTTP_QUERY_MAX, struct http_pair);
        struct str name = str_cut(&value, '=');
        struct http_pair *pair = &pairs[r->query_count];
        pair->name = decode(r->arena, name, true);
        pair->value = decode(r->arena, value, true);
        if (!pair->name || !pair->value)
            return "the query has a malformed percent-encoding, a control character or bytes that "
                   "are not UTF-8";
        r->query = pairs;
        r->query_count++;
    }
    return NULL;
}

const char *http_target_parse(struct str raw, struct http_request *r, struct http_target *ret)
{
    if (raw.len == 0 || raw.ptr[0] != '/')
        return "the request target must be a path that starts with '/'";
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] <= ' ' || raw.ptr[i] > '~')
            return "the request target must be ASCII; percent-encode everything else";
    }
    struct http_target target = {0};
    struct str query = raw;
    struct str path = str_cut(&query, '?');
    const char *problem = parse_path(path, r, &target);
    if (!problem)
        problem = parse_query(query, r);
    if (!problem)
        *ret = target;
    return problem;
}

static bool is_param(struct str piece)
{
    return piece.len > 2 && piece.ptr[0] == '{' && piece.ptr[piece.len - 1] == '}';
}

static bool fits(const char *pattern, const struct http_target *t)
{
    struct str rest = {pattern + 1, strlen(pattern + 1)};
    size_t i = 0;
    while (rest.ptr) {
        struct str piece = str_cut(&rest, '/');
        if (i == t->segment_count)
            return false;
        const char *segment = t->segments[i++];
        if (is_param(piece) ? !*segment : !str_eq(piece, str_from(segment)))
            return false;
    }
    return i == t->segment_count;
}

static void take_params(const struct http_target *t, struct http_request *r)
{
    struct str rest = {r->route->pattern + 1, strlen(r->route->pattern + 1)};
    for (size_t i = 0; rest.ptr; i++) {
        struct str piece = str_cut(&rest, '/');
        if (is_param(piece))
            r->params[r->param_count++] = (struct http_pair){
                arena_text_n(r->arena, piece.ptr + 1, piece.len - 2), t->segments[i]};
    }
}

static const char *allow_value(struct arena *arena, const bool allowed[HTTP_METHODS])
{
    const char *value = NULL;
    for (int m = 0; m < HTTP_METHODS; m++) {
        const char *name = m == HTTP_GET ? "GET, HEAD" : http_method_names[m];
        if (allowed[m])
            value = value ? arena_printf(arena, "%s, %s", value, name) : name;
    }
    return value;
}

bool http_route_find(const struct http_server_options *options, const struct http_target *target,
                     struct http_request *r, const char **ret_allow)
{
    bool allowed[HTTP_METHODS] = {0};
    *ret_allow = NULL;
    for (size_t i = 0; i < options->route_count; i++) {
        const struct http_route *route = &options->routes[i];
        if (!fits(route->pattern, target))
            continue;
        if (route->method == r->method) {
            r->route = route;
            take_params(target, r);
            return true;
        }
        allowed[route->method] = true;
    }
    *ret_allow = allow_value(r->arena, allowed);
    return false;
}

void http_routes_check(const struct http_server_options *options)
{
    for (size_t i = 0; i < options->route_count; i++) {
        const struct http_route *route = &options->routes[i];
        BUG_ON(!route->handler || route->method >= HTTP_METHODS || route->pattern[0] != '/');
        struct str rest = {route->pattern + 1, strlen(route->pattern + 1)};
        size_t segments = 0, params = 0;
        while (rest.ptr) {
            params += is_param(str_cut(&rest, '/')) ? 1 : 0;
            segments++;
        }
        BUG_ON(segments > HTTP_SEGMENTS_MAX || params > HTTP_PARAMS_MAX);
    }
}
