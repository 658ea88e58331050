/*
 * Removing: what was given up, what a smaller plan no longer wants, and everything at the end.
 *
 * What is behind a row that was only intended may exist all the same: the process may have died
 * before it could record the reply. It is looked for, and while it may exist and not be listed yet
 * the row stays.
 */
#include "domain/provisioning/fly/parts.h"
#include "domain/provisioning/fly/postgres.h"

static enum err machine_id(struct fly_run *f, const struct resource *r, const char **ret_id,
                           struct error *e)
{
    struct records all;
    TRY(flaps_machine_list(&f->cloud, f->d.app, fly_arena(f), &all, e));
    const struct fly_machine *items = all.items;
    for (size_t i = 0; i < all.count; i++) {
        if (text_eq(items[i].intention, r->id))
            *ret_id = items[i].id;
    }
    return OK;
}

static enum err volume_id(struct fly_run *f, const struct resource *r, const char **ret_id,
                          struct error *e)
{
    struct records all;
    TRY(flaps_volume_list(&f->cloud, f->d.app, fly_arena(f), &all, e));
    const struct fly_volume *items = all.items;
    for (size_t i = 0; i < all.count; i++) {
        if (text_eq(items[i].name, r->name) && text_eq(items[i].region, r->region))
            *ret_id = items[i].id;
    }
    return OK;
}

static enum err cluster_id(struct fly_run *f, const struct resource *r, const char **ret_id,
                           struct error *e)
{
    struct fly_cluster c;
    TRY(fly_cluster_find(&f->account, fly_settings_of(f)->org, r->name, fly_arena(f), &c, e));
    *ret_id = c.id;
    return OK;
}

/* What an intended row became: *ret_id stays NULL when it became nothing. */
static enum err find_id(struct fly_run *f, const struct resource *r, const char **ret_id,
                        struct error *e)
{
    enum err err = OK;
    *ret_id = r->provider_id;
    if (*ret_id)
        return OK;
    switch (r->kind) {
    case RESOURCE_MACHINE:
    case RESOURCE_DATABASE_MACHINE:
        err = machine_id(f, r, ret_id, e);
        break;
    case RESOURCE_VOLUME:
    case RESOURCE_DATABASE_VOLUME:
        err = volume_id(f, r, ret_id, e);
        break;
    case RESOURCE_DATABASE_CLUSTER:
        err = cluster_id(f, r, ret_id, e);
        break;
    case RESOURCE_IP:
        err = flaps_ip_find(&f->cloud, f->d.app, r->slot, fly_arena(f), ret_id, e);
        break;
    case RESOURCE_CERTIFICATE:
        *ret_id = r->slot;
        break;
    default:
        break;
    }
    if (err != OK && err != ERR_NOT_FOUND)
        return err;
    if (!*ret_id && fly_may_be_unlisted(f, r))
        return error_set(e, ERR_BUSY, "the %s %s of %s may exist and is not listed yet",
                         resource_kind_names[r->kind], r->name, f->d.app);
    return OK;
}

/* Nobody must be working on it; one that is gone already is fine. */
static enum err destroy_machine(struct fly_run *f, const char *id, struct error *e)
{
    const char *owner = arena_printf(fly_arena(f), "webhost %s", f->d.id);
    enum err err = flaps_lease_take(&f->cloud, f->d.app, id, owner, fly_arena(f), e);
    if (err == ERR_NOT_FOUND)
        return OK;
    TRY(err);
    err = flaps_machine_destroy(&f->cloud, f->d.app, id, fly_arena(f), e);
    if (err == OK)
        f->cloud.header = (struct http_pair){0}; /* the lease goes with the machine */
    else
        flaps_lease_release(&f->cloud, f->d.app, id, fly_arena(f));
    return err;
}

static enum err remove_thing(struct fly_run *f, const struct resource *r, const char *id,
                             struct error *e)
{
    struct arena *arena = fly_arena(f);
    switch (r->kind) {
    case RESOURCE_MACHINE:
    case RESOURCE_DATABASE_MACHINE:
        return destroy_machine(f, id, e);
    case RESOURCE_VOLUME:
    case RESOURCE_DATABASE_VOLUME:
        return flaps_volume_delete(&f->cloud, f->d.app, id, arena, e);
    case RESOURCE_DATABASE_CLUSTER:
        return fly_cluster_delete(&f->account, fly_settings_of(f)->org, id, arena, e);
    case RESOURCE_IP:
        return flaps_ip_release(&f->cloud, f->d.app, id, arena, e);
    case RESOURCE_CERTIFICATE:
        return flaps_certificate_delete(&f->cloud, f->d.app, id, arena, e);
    default:
        return OK; /* secrets go with the app */
    }
}

static enum err remove_row(struct fly_run *f, struct resource *r, struct error *e)
{
    const char *id;
    TRY(find_id(f, r, &id, e));
    if (id)
        TRY(remove_thing(f, r, id, e));
    return fly_record_deleted(f, r, e);
}

/* A volume cannot go while its machine is there. */
static const enum resource_kind order[] = {
    RESOURCE_MACHINE, RESOURCE_DATABASE_MACHINE, RESOURCE_VOLUME,  RESOURCE_DATABASE_VOLUME,
    RESOURCE_IP,      RESOURCE_CERTIFICATE,      RESOURCE_SECRETS, RESOURCE_DATABASE_CLUSTER,
};

static enum err remove_rows(struct fly_run *f, struct records all, bool leaving_only,
                            struct error *e)
{
    struct resource *items = all.items;
    for (size_t k = 0; k < ARRAY_LEN(order); k++) {
        for (size_t i = 0; i < all.count; i++) {
            struct resource *r = &items[i];
            if (r->kind != (int)order[k] || r->status == RESOURCE_DELETED ||
                (leaving_only && r->status != RESOURCE_LEAVING))
                continue;
            TRY(remove_row(f, r, e));
        }
    }
    return OK;
}

enum err fly_sweep(struct fly_run *f, struct error *e)
{
    struct records all;
    TRY(fly_record_list(f, &all, e));
    struct resource *items = all.items;
    for (size_t i = 0; i < all.count; i++) {
        bool live = items[i].status == RESOURCE_INTENDED || items[i].status == RESOURCE_CREATED;
        if (live && !fly_is_wanted(f, &items[i]))
            TRY(fly_record_leaving(f, &items[i], NULL, e));
    }
    return remove_rows(f, all, true, e);
}

/* -- everything ------------------------------------------------------------------------------- */

static struct resource *app_row(struct records all)
{
    struct resource *items = all.items, *found = NULL;
    for (size_t i = 0; i < all.count; i++) {
        if (items[i].kind == RESOURCE_APP && items[i].status != RESOURCE_DELETED)
            found = &items[i];
    }
    return found;
}

static enum err forget(struct fly_run *f, struct records all, struct error *e)
{
    struct resource *items = all.items;
    for (size_t i = 0; i < all.count; i++) {
        if (items[i].status != RESOURCE_DELETED)
            TRY(fly_record_deleted(f, &items[i], e));
    }
    return OK;
}

/* The reply to a deletion is 202: it is done when the app is not there any more. */
static enum err remove_app(struct fly_run *f, struct resource *app, struct error *e)
{
    struct fly_app seen;
    TRY(flaps_app_delete(&f->cloud, f->d.app, fly_arena(f), e));
    enum err err = flaps_app_get(&f->cloud, f->d.app, fly_arena(f), &seen, e);
    if (err == OK)
        return error_set(e, ERR_BUSY, "app %s is still being deleted", f->d.app);
    if (err != ERR_NOT_FOUND && err != ERR_CONFLICT)
        return err;
    return fly_record_deleted(f, app, e);
}

/* An app that was only intended may be nobody's, ours, or by now a stranger's. */
enum err fly_remove_all(struct fly_run *f, struct error *e)
{
    struct records all;
    TRY(fly_record_list(f, &all, e));
    struct resource *app = app_row(all);
    bool ours = app && app->status == RESOURCE_CREATED;
    if (app && !ours)
        TRY(fly_app_is_ours(f, &ours, e));
    if (app && !ours && fly_may_be_unlisted(f, app))
        return error_set(e, ERR_BUSY, "app %s may exist and cannot be seen yet", f->d.app);
    if (!ours)
        return forget(f, all, e);
    TRY(remove_rows(f, all, false, e));
    return remove_app(f, app, e);
}
