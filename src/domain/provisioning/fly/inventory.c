#include "domain/provisioning/inventory.h"

#include "domain/provisioning/deployment.h"
#include "domain/provisioning/fly/machine.h"
#include "domain/provisioning/fly/postgres.h"

#include <inttypes.h>

/* What an app holds: how it is listed, and what tells one from another. */
struct listing {
    int kind;
    const char *path, *list; /* the reply's member; NULL: the reply is the list */
    const char *id;
    bool alone; /* one can be asked for alone */
};

static const struct listing listings[] = {
    {THING_MACHINE, "machines", NULL, "id", true},
    {THING_VOLUME, "volumes", NULL, "id", true},
    {THING_IP, "ip_assignments", "ips", "ip", false},
};

static const struct listing *listing_of(int kind)
{
    for (size_t i = 0; i < ARRAY_LEN(listings); i++) {
        if (listings[i].kind == kind)
            return &listings[i];
    }
    BUG_ON(true);
}

/* What is on its way out, or was replaced, is gone: Fly lists it for a while. */
static bool is_leaving(const char *state)
{
    return state && (strstr(state, "destroy") || text_eq(state, "deleted") ||
                     text_eq(state, "replaced") || text_eq(state, "migrated"));
}

/* As it is recorded when one is made (units.c). */
static const char *size_of(json_t *item, int kind, struct arena *arena)
{
    json_t *guest = json_object_get(json_object_get(item, "config"), "guest");
    int64_t gb = json_get_int(item, "size_gb");
    const struct fly_machine_size size = {
        .cpu_kind = json_get_text(guest, "cpu_kind"),
        .cpus = json_get_int(guest, "cpus"),
        .memory_mb = json_get_int(guest, "memory_mb"),
    };
    if (kind == THING_VOLUME && gb != INT_ABSENT)
        return arena_printf(arena, "%" PRId64 " GB", gb);
    return kind == THING_MACHINE && size.cpu_kind ? fly_machine_size_text(&size, arena) : NULL;
}

static enum err read_thing(const struct listing *l, json_t *item, const char *app,
                           struct arena *arena, struct thing *ret, struct error *e)
{
    json_t *metadata = json_object_get(json_object_get(item, "config"), "metadata");
    const char *created = json_get_text(item, "created_at");
    *ret = (struct thing){
        .provider = FLYIO,
        .kind = l->kind,
        .id = arena_text(arena, json_get_text(item, l->id)),
        .name = arena_text(arena, json_get_text(item, "name")),
        .app = app,
        .region = arena_text(arena, json_get_text(item, "region")),
        .size = size_of(item, l->kind, arena),
        .state = arena_text(arena, json_get_text(item, "state")),
        .install = arena_text(arena, json_get_text(metadata, "webhost_install")),
        .owner = arena_text(arena, json_get_text(metadata, "webhost_deployment")),
        .in_use = json_get_text(item, "attached_machine_id") != NULL,
        .created_at = INT_ABSENT,
    };
    ret->managed = ret->install || ret->owner;
    if (!ret->id)
        return error_set(e, ERR_CORRUPT, "Fly described a %s of app %s without id",
                         thing_kind_names[l->kind], app);
    if (created)
        (void)time_parse(str_from(created), &ret->created_at);
    return OK;
}

static enum err list_in_app(struct cloud *cloud, const char *app, const struct listing *l,
                            struct things *things, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_GET, arena_printf(things->arena, "/apps/%s/%s", app, l->path), NULL,
                   things->arena, &body, e));
    json_t *list = l->list ? json_object_get(body, l->list) : body, *item;
    if (!json_is_array(list))
        return error_set(e, ERR_CORRUPT, "Fly listed the %s of app %s without a list", l->path,
                         app);
    size_t i;
    json_array_foreach (list, i, item) {
        struct thing thing;
        TRY(read_thing(l, item, app, things->arena, &thing, e));
        if (!is_leaving(thing.state))
            things_add(things, &thing);
    }
    return OK;
}

/*
 * An app has no labels: its machines say whose it is. One of another installation is enough to make
 * it not ours.
 */
static void mark_app(struct thing *app, const struct things *things, size_t from,
                     const char *install)
{
    for (size_t i = from; i < things->count; i++) {
        const struct thing *t = &things->items[i];
        if (t->kind != THING_MACHINE || !t->managed)
            continue;
        app->managed = true;
        if (t->install && (!app->install || !text_eq(t->install, install)))
            app->install = t->install;
        app->created_at = t->created_at;
    }
}

/* The app and what is in it. */
static enum err look_into_app(struct cloud *cloud, const char *name, struct things *things,
                              struct error *e)
{
    struct thing app = {
        .provider = FLYIO,
        .kind = THING_APP,
        .id = name,
        .name = name,
        .app = "",
        .created_at = INT_ABSENT,
    };
    size_t from = things->count;
    for (size_t i = 0; i < ARRAY_LEN(listings); i++)
        TRY(list_in_app(cloud, name, &listings[i], things, e));
    mark_app(&app, things, from, cloud->install_id);
    things_add(things, &app);
    return OK;
}

/* -- managed Postgres ------------------------------------------------------------------------- */

static struct thing cluster_thing(const struct fly_cluster *c)
{
    return (struct thing){
        .provider = FLYIO,
        .kind = THING_CLUSTER,
        .id = c->id,
        .name = c->name,
        .app = "",
        .region = c->region,
        .size = c->plan,
        .state = c->status,
        .created_at = c->created_at,
    };
}

static enum err list_clusters(const struct fly_account *account, struct things *things,
                              struct error *e)
{
    struct records all;
    TRY(fly_cluster_list(account->lists, account->org, things->arena, &all, e));
    const struct fly_cluster *clusters = all.items;
    for (size_t i = 0; i < all.count; i++) {
        struct thing thing = cluster_thing(&clusters[i]);
        if (!is_leaving(thing.state))
            things_add(things, &thing);
    }
    return OK;
}

/* --------------------------------------------------------------------------------------------- */

enum err fly_inventory(const struct fly_account *account, bool clusters, struct things *things,
                       struct error *e)
{
    struct cloud *cloud = account->machines;
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_GET, arena_printf(things->arena, "/apps?org_slug=%s", account->org),
                   NULL, things->arena, &body, e));
    json_t *list = json_object_get(body, "apps"), *item;
    if (!json_is_array(list))
        return error_set(e, ERR_CORRUPT, "Fly listed apps without a list");
    size_t i;
    json_array_foreach (list, i, item) {
        const char *name = arena_text(things->arena, json_get_text(item, "name"));
        if (!name || !str_starts_with(str_from(name), STR(APP_NAME_PREFIX)))
            continue;
        size_t before = things->count;
        enum err err = look_into_app(cloud, name, things, e);
        if (err == ERR_NOT_FOUND) { /* deleted since it was listed */
            things->count = before;
            continue;
        }
        TRY(err);
    }
    return clusters ? list_clusters(account, things, e) : OK;
}

static enum err app_now(struct cloud *cloud, const char *name, struct arena *arena,
                        struct thing *ret, struct error *e)
{
    struct things all = {.arena = arena};
    TRY(cloud_call(cloud, HTTP_GET, arena_printf(arena, "/apps/%s", name), NULL, arena, NULL, e));
    TRY(look_into_app(cloud, arena_text(arena, name), &all, e));
    *ret = all.items[all.count - 1];
    return OK;
}

static enum err cluster_now(struct cloud *cloud, const char *id, struct arena *arena,
                            struct thing *ret, struct error *e)
{
    struct fly_cluster cluster;
    TRY(fly_cluster_get(cloud, id, arena, &cluster, e));
    *ret = cluster_thing(&cluster);
    return OK;
}

/* One that can only be listed. */
static enum err listed_now(struct cloud *cloud, const struct listing *l, const char *app,
                           const char *id, struct arena *arena, struct thing *ret, struct error *e)
{
    struct things all = {.arena = arena};
    TRY(list_in_app(cloud, app, l, &all, e));
    for (size_t i = 0; i < all.count; i++) {
        if (text_eq(all.items[i].id, id)) {
            *ret = all.items[i];
            return OK;
        }
    }
    return error_set(e, ERR_NOT_FOUND, "app %s has no %s %s", app, thing_kind_names[l->kind], id);
}

static enum err part_now(struct cloud *cloud, const struct listing *l, const char *app,
                         const char *id, struct arena *arena, struct thing *ret, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    if (!l->alone)
        return listed_now(cloud, l, app, id, arena, ret, e);
    TRY(cloud_call(cloud, HTTP_GET, arena_printf(arena, "/apps/%s/%s/%s", app, l->path, id), NULL,
                   arena, &body, e));
    return read_thing(l, body, app, arena, ret, e);
}

enum err fly_thing(const struct fly_account *account, int kind, const char *app, const char *id,
                   struct arena *arena, struct thing *ret, struct error *e)
{
    struct thing thing;
    struct cloud *cloud = account->machines;
    if (kind == THING_APP)
        return app_now(cloud, id, arena, ret, e);
    TRY(kind == THING_CLUSTER ? cluster_now(cloud, id, arena, &thing, e)
                              : part_now(cloud, listing_of(kind), app, id, arena, &thing, e));
    if (is_leaving(thing.state))
        return error_set(e, ERR_NOT_FOUND, "%s %s is %s", thing_kind_names[kind], id, thing.state);
    *ret = thing;
    return OK;
}

enum err fly_thing_delete(const struct fly_account *account, const struct thing *t,
                          struct arena *arena, struct error *e)
{
    struct cloud *cloud = account->machines;
    const char *path = arena_printf(arena, "/apps/%s?force=true", t->id);
    if (t->kind == THING_CLUSTER)
        return fly_cluster_delete(account->lists, account->org, t->id, arena, e);
    if (t->kind != THING_APP)
        path = arena_printf(arena, "/apps/%s/%s/%s%s", t->app, listing_of(t->kind)->path, t->id,
                            t->kind == THING_MACHINE ? "?force=true" : "");
    enum err err = cloud_call(cloud, HTTP_DELETE, path, NULL, arena, NULL, e);
    return err == ERR_NOT_FOUND ? OK : err;
}
