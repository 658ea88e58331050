#include "domain/provisioning/inventory.h"

#include "domain/provisioning/deployment.h"

/* What is on its way out, or was replaced, is gone: Fly lists it for a while. */
static bool is_leaving(const char *state)
{
    return state && (strstr(state, "destroy") || text_eq(state, "deleted") ||
                     text_eq(state, "replaced") || text_eq(state, "migrated"));
}

static enum err read_thing(json_t *item, int kind, const char *app, struct arena *arena,
                           struct thing *ret, struct error *e)
{
    json_t *metadata = json_object_get(json_object_get(item, "config"), "metadata");
    const char *created = json_get_text(item, "created_at");
    *ret = (struct thing){
        .provider = FLYIO,
        .kind = kind,
        .id = arena_text(arena, json_get_text(item, "id")),
        .name = arena_text(arena, json_get_text(item, "name")),
        .app = app,
        .region = arena_text(arena, json_get_text(item, "region")),
        .state = arena_text(arena, json_get_text(item, "state")),
        .install = arena_text(arena, json_get_text(metadata, "webhost_install")),
        .owner = arena_text(arena, json_get_text(metadata, "webhost_deployment")),
        .in_use = json_get_text(item, "attached_machine_id") != NULL,
        .created_at = INT_ABSENT,
    };
    ret->managed = ret->install || ret->owner;
    if (!ret->id)
        return error_set(e, ERR_CORRUPT, "Fly described a %s of app %s without id",
                         thing_kind_names[kind], app);
    if (created)
        (void)time_parse(str_from(created), &ret->created_at);
    return OK;
}

static enum err list_in_app(struct cloud *cloud, const char *app, int kind, struct things *things,
                            struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    const char *what = kind == THING_MACHINE ? "machines" : "volumes";
    TRY(cloud_call(cloud, HTTP_GET, arena_printf(things->arena, "/apps/%s/%s", app, what), NULL,
                   things->arena, &body, e));
    if (!json_is_array(body))
        return error_set(e, ERR_CORRUPT, "Fly listed the %s of app %s without a list", what, app);
    size_t i;
    json_t *item;
    json_array_foreach (body, i, item) {
        struct thing thing;
        TRY(read_thing(item, kind, app, things->arena, &thing, e));
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
    TRY(list_in_app(cloud, name, THING_MACHINE, things, e));
    TRY(list_in_app(cloud, name, THING_VOLUME, things, e));
    mark_app(&app, things, from, cloud->install_id);
    things_add(things, &app);
    return OK;
}

enum err fly_inventory(struct cloud *cloud, const char *org, struct things *things, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_GET, arena_printf(things->arena, "/apps?org_slug=%s", org), NULL,
                   things->arena, &body, e));
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
    return OK;
}

enum err fly_thing(struct cloud *cloud, int kind, const char *app, const char *id,
                   struct arena *arena, struct thing *ret, struct error *e)
{
    if (kind == THING_APP) {
        struct things all = {.arena = arena};
        TRY(cloud_call(cloud, HTTP_GET, arena_printf(arena, "/apps/%s", id), NULL, arena, NULL, e));
        TRY(look_into_app(cloud, arena_text(arena, id), &all, e));
        *ret = all.items[all.count - 1];
        return OK;
    }
    _cleanup_json_ json_t *body = NULL;
    const char *what = kind == THING_MACHINE ? "machines" : "volumes";
    TRY(cloud_call(cloud, HTTP_GET, arena_printf(arena, "/apps/%s/%s/%s", app, what, id), NULL,
                   arena, &body, e));
    struct thing thing;
    TRY(read_thing(body, kind, app, arena, &thing, e));
    if (is_leaving(thing.state))
        return error_set(e, ERR_NOT_FOUND, "%s %s of app %s is %s", thing_kind_names[kind], id, app,
                         thing.state);
    *ret = thing;
    return OK;
}

enum err fly_thing_delete(struct cloud *cloud, const struct thing *t, struct arena *arena,
                          struct error *e)
{
    const char *path = arena_printf(arena, "/apps/%s?force=true", t->id);
    if (t->kind == THING_MACHINE)
        path = arena_printf(arena, "/apps/%s/machines/%s?force=true", t->app, t->id);
    else if (t->kind == THING_VOLUME)
        path = arena_printf(arena, "/apps/%s/volumes/%s", t->app, t->id);
    enum err err = cloud_call(cloud, HTTP_DELETE, path, NULL, arena, NULL, e);
    return err == ERR_NOT_FOUND ? OK : err;
}
