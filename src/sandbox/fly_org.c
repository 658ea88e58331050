/*
 * GET /v1/orgs/{org}/machines: how to find machines without knowing their apps. The order is by id,
 * and the cursor is the last id shown.
 */
#include "sandbox/fly.h"

#include "fly.sql.h"

#define LIMIT_DEFAULT 500
#define LIMIT_MAX     1000

static json_t *org_machine_json(const struct call *c, const struct machine_row *row)
{
    json_t *full = NULL;
    BUG_ON(json_parse(str_from(row->config), &full, NULL) != OK);
    json_t *config = json_object();
    static const char *const shown[] = {"guest", "image", "metadata"};
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        json_t *part = json_object_get(full, shown[i]);
        if (part)
            json_put(config, shown[i], json_incref(part));
    }
    json_decref(full);
    return json_packed("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "app_name",
                       row->app, "id", row->id, "name", row->name, "instance_id", row->instance_id,
                       "version", row->instance_id, "private_ip", row->private_ip, "region",
                       row->region, "state", fly_machine_state(c, row), "created_at",
                       json_time(row->created_at), "updated_at", json_time(row->updated_at),
                       "config", config);
}

enum err fly_org_machine_list(struct call *c, struct error *e)
{
    const char *cursor = http_query(c->request, "cursor"),
               *wanted = http_query(c->request, "limit");
    int64_t limit = LIMIT_DEFAULT;
    if (wanted && (!str_to_i64(str_from(wanted), &limit) || limit < 1 || limit > LIMIT_MAX))
        return call_refuse(c, 400, NULL, "invalid_argument: limit must be 1 to %d", LIMIT_MAX);
    struct records rows;
    TRY(db_list(c->tx, &machine_list_of_org,
                DB_ARGS(db_text(http_param(c->request, "org")), db_text(cursor ? cursor : "")),
                fly_machine_row_fields, sizeof(struct machine_row), FLY_ROWS_MAX, c->arena, &rows,
                e));
    json_t *list = json_array();
    const char *last = NULL;
    bool more = false;
    for (size_t i = 0; i < rows.count; i++) {
        const struct machine_row *row = &((const struct machine_row *)rows.items)[i];
        struct machine_row seen;
        if (!fly_machine_seen(c, row, false, &seen) || !fly_machine_is_asked_for(c, &seen))
            continue;
        more = (int64_t)json_array_size(list) == limit;
        if (more)
            break;
        json_push(list, org_machine_json(c, &seen));
        last = row->id;
    }
    json_t *reply = json_packed("{s:o, s:[]}", "machines", list, "error_regions");
    if (more)
        json_put(reply, "next_cursor", json_string(last));
    return call_answer(c, 200, reply);
}
