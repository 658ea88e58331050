#include "app/api/openapi.h"

#include "app/api/idempotency.h"
#include "app/api/replies.h"
#include "app/api/session.h"
#include "infra/secrets/secret.h"

#include <ctype.h>
#include <pthread.h>

/* What the {parts} of paths name. */
static const struct field path_parts[] = {
    {"customer", FIELD_TEXT, .required = true, .help = "a customer's id or slug"},
    {"id", FIELD_TEXT, .required = true, .help = "its id, as lists tell it"},
    {"instance", FIELD_TEXT, .required = true,
     .help = "a customer's slug or id, an app's name or a deployment's id"},
    {"name", FIELD_TEXT, .required = true, .help = "its name"},
    {"slug", FIELD_TEXT, .required = true, .help = "a customer's slug"},
    FIELD_END,
};

static const struct field idempotency_key = {
    "Idempotency-Key", FIELD_TEXT, .required = true, .max_len = IDEMPOTENCY_KEY_MAX,
    .help = "the same key and request give the same reply, and change nothing more"};

static void put(json_t *object, const char *key, json_t *value)
{
    BUG_ON(!value || json_object_set_new(object, key, value) != 0);
}

static void append(json_t *list, json_t *value)
{
    BUG_ON(!value || json_array_append_new(list, value) != 0);
}

static json_t *reference(const char *kind, const char *name)
{
    return json_pack("{s:o}", "$ref", json_sprintf("#/components/%s/%s", kind, name));
}

/* -- names ------------------------------------------------------------------------------------ */

static struct str path_of(const struct http_route *http)
{
    struct str path = str_from(http->pattern);
    struct str prefix = STR("/api/");
    size_t skip = str_starts_with(path, prefix) ? prefix.len : 1;
    return (struct str){path.ptr + skip, path.len - skip};
}

static const char *method_name(enum http_method method)
{
    static const char *const names[] = {"get", "post", "put", "patch", "delete"};
    _Static_assert(ARRAY_LEN(names) == HTTP_METHODS, "a method has no name");
    return names[method];
}

static json_t *operation_id(const struct http_route *http)
{
    _cleanup_buf_ struct buf b = BUF_INIT(1024);
    struct str path = path_of(http);
    (void)buf_append_text(&b, method_name(http->method));
    (void)buf_append_char(&b, '_');
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] != '{' && path.ptr[i] != '}')
            (void)buf_append_char(&b, isalnum((unsigned char)path.ptr[i]) ? path.ptr[i] : '_');
    }
    return json_string(buf_text(&b));
}

/* The first word of the path: routes about the same thing stand together. */
static struct str tag_of(const struct http_route *http)
{
    struct str rest = path_of(http);
    return str_cut(&rest, '/');
}

static void add_tag(json_t *tags, struct str tag)
{
    size_t i;
    json_t *known;
    json_array_foreach (tags, i, known) {
        if (str_eq(str_from(json_get_text(known, "name")), tag))
            return;
    }
    append(tags, json_pack("{s:s%, s:o}", "name", tag.ptr, tag.len, "description",
                           json_sprintf("Everything under %.*s", STR_ARG(tag))));
}

/* -- parameters ------------------------------------------------------------------------------- */

static json_t *parameter(const struct field *f, const char *in, const char *name, bool required)
{
    struct field given = *f; /* a parameter that is there is never null */
    given.required = true;
    json_t *schema = field_schema(&given);
    (void)json_object_del(schema, "description");
    json_t *out = json_pack("{s:s, s:s, s:b, s:o}", "name", name, "in", in, "required",
                            (int)required, "schema", schema);
    if (f->help)
        put(out, "description", json_string(f->help));
    return out;
}

static void add_path_parameters(json_t *list, const struct http_route *http)
{
    static const struct field any = {NULL, FIELD_TEXT, .required = true};
    struct str rest = str_from(http->pattern);
    for (;;) {
        (void)str_cut(&rest, '{');
        if (!rest.ptr)
            return;
        struct str name = str_cut(&rest, '}');
        char text[64];
        (void)snprintf(text, sizeof(text), "%.*s", STR_ARG(name));
        const struct field *f = record_field(path_parts, name);
        append(list, parameter(f ? f : &any, "path", text, true));
    }
}

static json_t *parameters(const struct http_route *http, const struct api_route *route)
{
    json_t *list = json_array();
    add_path_parameters(list, http);
    for (const struct field *f = route->query; f && f->name; f++)
        append(list, parameter(f, "query", f->name, false));
    if (route->transaction == API_WRITE || route->media)
        append(list, reference("parameters", "IdempotencyKey"));
    return list;
}

/* -- bodies ----------------------------------------------------------------------------------- */

static json_t *example_json(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    BUG_ON(!value); /* it stands in a table of ours */
    return value;
}

static json_t *record_body(const struct api_body *body)
{
    return json_pack("{s:{s:o, s:o}}", "application/json", "schema", body_schema(body->fields),
                     "example", example_json(body->example ? body->example : "{}"));
}

static json_t *media_body(const struct api_media *media, json_t *schemas)
{
    json_t *content = json_object();
    for (; media->type; media++) {
        json_t *schema = media->shape ? shape_schema(media->shape, schemas)
                                      : json_pack("{s:s}", "type", "string");
        if (media->is_list)
            schema = json_pack("{s:s, s:o}", "type", "array", "items", schema);
        json_t *one = json_pack("{s:o}", "schema", schema);
        put(one, "example",
            media->shape ? example_json(media->example) : json_string(media->example));
        put(content, media->type, one);
    }
    return content;
}

static void add_body(json_t *operation, const struct api_route *route, json_t *schemas)
{
    json_t *content = route->body    ? record_body(route->body)
                      : route->media ? media_body(route->media, schemas)
                                     : NULL;
    if (content)
        put(operation, "requestBody",
            json_pack("{s:b, s:o}", "required", true, "content", content));
}

/* -- replies ---------------------------------------------------------------------------------- */

static const struct {
    int status;
    const char *when;
} refusal_table[] = {
    {400, "The body is not JSON, or the request is malformed."},
    {401, "There is no valid token."},
    {403, "The token's role does not allow it."},
    {404, "There is no such thing."},
    {409, "It exists already, or its state forbids it now."},
    {413, "The body is over the route's bound."},
    {415, "The body's type or encoding is not one that the route takes."},
    {422, "Something is missing, unknown or wrong; `errors` names each."},
    {429, "Too many large bodies are on their way."},
    {500, "A mistake of the server; its log says more."},
    {503, "The database or a provider cannot be reached, or is busy."},
};

static bool refuses(const struct http_route *http, const struct api_route *route, int status)
{
    bool body = route->body || route->media;
    for (const int *more = route->refusals; more && *more; more++) {
        if (*more == status)
            return true;
    }
    switch (status) {
    case 400:
    case 413:
        return body;
    case 401:
    case 403:
        return route->access != API_OPEN;
    case 404:
        return strchr(http->pattern, '{') || body ||
               (route->query && record_field(route->query, STR("customer")));
    case 409:
        return route->transaction == API_WRITE;
    case 422: /* a parameter that is unknown */
    case 500:
    case 503:
        return true;
    default:
        return false;
    }
}

static json_t *answer_content(const struct api_answer *answer, json_t *schemas)
{
    json_t *content = json_object();
    if (answer->shape)
        put(content, "application/json",
            json_pack("{s:o}", "schema", shape_schema(answer->shape, schemas)));
    if (answer->type)
        put(content, answer->type, json_pack("{s:{s:s}}", "schema", "type", "string"));
    return content;
}

static json_t *responses(const struct http_route *http, const struct api_route *route,
                         json_t *schemas)
{
    json_t *out = json_object();
    char code[8];
    for (const struct api_answer *a = route->answers; a && a->status; a++) {
        (void)snprintf(code, sizeof(code), "%d", a->status);
        json_t *one = json_pack("{s:s}", "description", http_status_text(a->status));
        if (a->shape || a->type)
            put(one, "content", answer_content(a, schemas));
        put(out, code, one);
    }
    for (size_t i = 0; i < ARRAY_LEN(refusal_table); i++) {
        (void)snprintf(code, sizeof(code), "%d", refusal_table[i].status);
        if (refuses(http, route, refusal_table[i].status))
            put(out, code, reference("responses", code));
    }
    return out;
}

static json_t *refusal_components(json_t *schemas)
{
    json_t *out = json_object();
    for (size_t i = 0; i < ARRAY_LEN(refusal_table); i++) {
        char code[8];
        (void)snprintf(code, sizeof(code), "%d", refusal_table[i].status);
        put(out, code,
            json_pack("{s:s, s:{s:{s:o}}}", "description", refusal_table[i].when, "content",
                      "application/problem+json", "schema", shape_schema(&reply_problem, schemas)));
    }
    return out;
}

/* -- operations ------------------------------------------------------------------------------- */

static const char *const access_texts[] = {
    [API_OPEN] = "No token is needed.",
    [API_VIEWER] = "A viewer's or an administrator's token.",
    [API_ADMIN] = "An administrator's token.",
    [API_INGEST] = "An ingest token's or an administrator's.",
};

static json_t *operation(const struct http_route *http, json_t *schemas)
{
    const struct api_route *route = http->data;
    struct str tag = tag_of(http);
    json_t *out = json_pack("{s:o, s:s, s:s, s:[s%], s:o}", "operationId", operation_id(http),
                            "summary", route->summary, "description", access_texts[route->access],
                            "tags", tag.ptr, tag.len, "parameters", parameters(http, route));
    put(out, "security",
        route->access == API_OPEN     ? json_array()
        : route->access == API_INGEST ? json_pack("[{s:[]}]", "token")
                                      : json_pack("[{s:[]}, {s:[]}]", "token", "session"));
    add_body(out, route, schemas);
    put(out, "responses", responses(http, route, schemas));
    return out;
}

static void add_route(json_t *paths, const struct http_route *http, json_t *schemas)
{
    if (!json_object_get(paths, http->pattern))
        put(paths, http->pattern, json_object());
    put(json_object_get(paths, http->pattern), method_name(http->method), operation(http, schemas));
}

static json_t *info_json(void)
{
    return json_pack("{s:s, s:s, s:s, s:{s:s, s:s}}", "title", "WebHost", "description",
                     "The control plane's API: customers, where they live and why, moves between "
                     "modes, jobs, hosts, usage.",
                     "version", WEBHOST_VERSION, "license", "name", "Apache-2.0", "identifier",
                     "Apache-2.0");
}

static json_t *security_schemes(void)
{
    return json_pack("{s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s, s:s}}", "token", "type", "http",
                     "scheme", "bearer", "description", "`webhost token create` makes one.",
                     "session", "type", "apiKey", "in", "cookie", "name", SESSION_COOKIE,
                     "description",
                     "A browser's, from /login; behind TLS its name begins with __Host-. A write "
                     "needs the X-CSRF-Token that /api/session tells, too.");
}

json_t *openapi_document(void)
{
    json_t *paths = json_object(), *schemas = json_object(), *tags = json_array();
    for (size_t i = 0; i < api_route_count; i++) {
        add_tag(tags, tag_of(&api_routes[i]));
        add_route(paths, &api_routes[i], schemas);
    }
    json_t *refusals = refusal_components(schemas);
    return json_pack("{s:s, s:o, s:[{s:s, s:s}], s:o, s:o, s:{s:o, s:{s:o}, s:o, s:o}}", "openapi",
                     "3.1.0", "info", info_json(), "servers", "url", "/", "description",
                     "The server that this is read from", "tags", tags, "paths", paths,
                     "components", "securitySchemes", security_schemes(), "parameters",
                     "IdempotencyKey",
                     parameter(&idempotency_key, "header", idempotency_key.name, false),
                     "responses", refusals, "schemas", schemas);
}

/* -- the route -------------------------------------------------------------------------------- */

static struct {
    pthread_once_t once;
    char *text;
    char etag[HASH_TEXT_MAX + 2];
} document = {.once = PTHREAD_ONCE_INIT};

/* The tables do not change while the process lives. */
static void make_document(void)
{
    _cleanup_json_ json_t *json = openapi_document();
    char sha256[HASH_TEXT_MAX];
    document.text = json_dumps(json, JSON_COMPACT);
    BUG_ON(!document.text);
    (void)snprintf(document.etag, sizeof(document.etag), "\"%s\"",
                   sha256_hex(str_from(document.text), sha256));
}

enum err api_openapi(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    (void)e;
    BUG_ON(pthread_once(&document.once, make_document) != 0);
    call->json = document.text;
    call->etag = document.etag;
    return OK;
}
