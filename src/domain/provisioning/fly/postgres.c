#include "domain/provisioning/fly/postgres.h"

bool fly_cluster_is_ready(const struct fly_cluster *c)
{
    return text_eq(c->status, "ready") && c->host;
}

bool fly_cluster_is_broken(const struct fly_cluster *c)
{
    return text_eq(c->status, "failed") || text_eq(c->status, "error");
}

static enum err read_cluster(json_t *body, struct arena *arena, struct fly_cluster *ret,
                             struct error *e)
{
    json_t *primary = json_object_get(json_object_get(body, "endpoints"), "primary");
    json_t *direct = json_object_get(primary, "direct");
    struct fly_cluster c = {
        .id = arena_text(arena, json_get_text(body, "id")),
        .name = arena_text(arena, json_get_text(body, "name")),
        .status = arena_text(arena, json_get_text(body, "status")),
        .host = arena_text(arena, json_get_text(direct, "host")),
        .port = json_get_int(direct, "port"),
        .region = arena_text(arena, json_get_text(body, "region")),
        .plan = arena_text(arena, json_get_text(body, "plan")),
        .created_at = INT_ABSENT,
    };
    const char *created = json_get_text(body, "created_at");
    if (!c.id)
        return error_set(e, ERR_CORRUPT, "Fly described a Postgres cluster without an id");
    if (created)
        (void)time_parse(str_from(created), &c.created_at);
    if (c.port == INT_ABSENT)
        c.port = 5432;
    *ret = c;
    return OK;
}

enum err fly_cluster_list(struct cloud *account, const char *org, struct arena *arena,
                          struct records *ret, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    const char *path = arena_printf(arena, "/api/v1/organizations/%s/postgres", org);
    TRY(cloud_call(account, HTTP_GET, path, NULL, arena, &body, e));
    json_t *list = json_object_get(body, "data"), *item;
    if (!json_is_array(list))
        return error_set(e, ERR_CORRUPT, "Fly listed Postgres clusters without a list");
    struct fly_cluster *clusters =
        arena_new_array(arena, json_array_size(list) + 1, struct fly_cluster);
    size_t i;
    json_array_foreach (list, i, item)
        TRY(read_cluster(item, arena, &clusters[i], e));
    *ret = (struct records){clusters, json_array_size(list)};
    return OK;
}

enum err fly_cluster_find(struct cloud *account, const char *org, const char *name,
                          struct arena *arena, struct fly_cluster *ret, struct error *e)
{
    struct records all;
    TRY(fly_cluster_list(account, org, arena, &all, e));
    const struct fly_cluster *clusters = all.items;
    for (size_t i = 0; i < all.count; i++) {
        if (text_eq(clusters[i].name, name)) {
            *ret = clusters[i];
            return OK;
        }
    }
    return error_set(e, ERR_NOT_FOUND, "organisation %s has no Postgres cluster %s", org, name);
}

enum err fly_cluster_create(struct cloud *cloud, const struct fly_cluster_order *order,
                            struct arena *arena, struct fly_cluster *ret, struct error *e)
{
    json_t *request = json_pack("{s:s, s:s, s:s, s:s, s:I}", "org_slug", order->org, "name",
                                order->name, "region", order->region, "plan", order->plan,
                                "disk_size_gb", (json_int_t)order->disk_gb);
    BUG_ON(!request);
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_POST, "/postgres", request, arena, &body, e));
    return read_cluster(json_object_get(body, "data"), arena, ret, e);
}

enum err fly_cluster_get(struct cloud *cloud, const char *id, struct arena *arena,
                         struct fly_cluster *ret, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_GET, arena_printf(arena, "/postgres/%s", id), NULL, arena, &body,
                   e));
    return read_cluster(json_object_get(body, "data"), arena, ret, e);
}

enum err fly_cluster_password(struct cloud *cloud, const char *id, struct arena *arena,
                              struct secret **ret, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    const char *path =
        arena_printf(arena, "/postgres/%s/users/" FLY_POSTGRES_USER "/credentials", id);
    TRY(cloud_call(cloud, HTTP_GET, path, NULL, arena, &body, e));
    const char *password = json_get_text(json_object_get(body, "data"), "password");
    if (!password || !*password)
        return error_set(e, ERR_CORRUPT, "Fly told no password of Postgres cluster %s", id);
    *ret = secret_new(str_from(password));
    return OK;
}

enum err fly_cluster_delete(struct cloud *account, const char *org, const char *id,
                            struct arena *arena, struct error *e)
{
    const char *path = arena_printf(arena, "/api/v1/organizations/%s/postgresv2/%s", org, id);
    enum err err = cloud_call(account, HTTP_DELETE, path, NULL, arena, NULL, e);
    return err == ERR_NOT_FOUND ? OK : err;
}
