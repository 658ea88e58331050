/* Where customers' clients go: for applications, caches and HAProxy. */
#include "domain/provisioning/routing.h"
#include "app/api/api.h"

#define MAP_MAX ((size_t)8 << 20) /* what the server sends at most */

/* An empty text would be sent as an empty object: a map of nobody is a line that says so. */
static enum err reply_map(struct db_tx *tx, struct api_call *call, struct error *e)
{
    buf_release(&call->text);
    call->text = BUF_INIT(MAP_MAX);
    call->text_type = "text/plain; charset=utf-8";
    (void)buf_append_text(&call->text, "# slug application\n");
    return route_write_haproxy(tx, &call->text, e);
}

static json_t *list_json(struct records rows, struct arena *arena)
{
    json_t *list = json_array();
    const struct route *items = rows.items;
    for (size_t i = 0; i < rows.count; i++)
        (void)json_array_append_new(list, route_json(&items[i], arena));
    return list;
}

static enum err reply_changes(struct db_tx *tx, struct api_call *call, int64_t since,
                              struct error *e)
{
    int64_t seen;
    struct records rows;
    if (http_query(call->request, "cursor")) {
        problem_add(&call->problems, "cursor", 0, "does not go with since");
        return problems_error(&call->problems, e);
    }
    TRY(route_list_changes(tx, since, api_limit(call), call->arena, &rows, &seen, e));
    api_reply_list(call, "routes", list_json(rows, call->arena), NULL);
    (void)json_object_set_new(call->reply, "fleet_version", json_integer(seen));
    return OK;
}

static enum err reply_page(struct db_tx *tx, struct api_call *call, int64_t version,
                           struct error *e)
{
    struct records rows;
    const char *next;
    TRY(route_list(tx, api_page(call), call->arena, &rows, &next, e));
    api_reply_list(call, "routes", list_json(rows, call->arena), next);
    (void)json_object_set_new(call->reply, "fleet_version", json_integer(version));
    return OK;
}

enum err api_routes_list(struct db_tx *tx, struct api_call *call, struct error *e)
{
    int64_t version, since_version;
    const char *format = http_query(call->request, "format");
    const char *since = http_query(call->request, "since");
    TRY(route_version_of_fleet(tx, &version, e));
    call->etag = arena_printf(call->arena, "\"fleet-%lld\"", (long long)version);
    if (format && text_eq(format, "haproxy"))
        return reply_map(tx, call, e);
    if (since && str_to_i64(str_from(since), &since_version))
        return reply_changes(tx, call, since_version, e);
    return reply_page(tx, call, version, e);
}

enum err api_route_show(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct route route;
    TRY(route_find(tx, http_param(call->request, "slug"), call->arena, &route, e));
    call->etag = arena_printf(call->arena, "\"%s-%lld\"", route.id, (long long)route.version);
    api_reply(call, route_json(&route, call->arena));
    return OK;
}
