/*
 * Units: a machine and the volume it works on.
 *
 * A volume pins its machine to the hardware it is on. When that has no room for the machine, or the
 * machine does not start there, both are given up together and ordered again, while the volume is
 * unused; one with data on it stays, and only its machine is made again.
 */
#include "domain/provisioning/fly/parts.h"

#define PLACEMENTS_MAX 3 /* of a unit in a quarter of an hour, then somebody is told */
#define WAIT_S         5

struct unit {
    enum resource_kind volume_kind, machine_kind;
    const char *role; /* "app-1", "database" */
    const char *volume_name, *volume_path;
    const char *image;
    const char *region;
    struct fly_machine_size size;
    int64_t port;
    bool serves; /* to the world */

    /* What there is, once unit_have() was OK. */
    struct resource volume, machine;
    struct fly_machine seen;
};

static struct fly_slot volume_slot(const struct unit *u)
{
    return (struct fly_slot){u->volume_kind, u->region, u->role, u->volume_name};
}

static struct fly_slot machine_slot(const struct fly_run *f, const struct unit *u)
{
    const char *name = arena_printf(fly_arena(f), "%s-%s-%s", f->d.app, u->role, u->region);
    return (struct fly_slot){u->machine_kind, u->region, u->role, name};
}

/* -- what is wanted --------------------------------------------------------------------------- */

enum err fly_database_place(struct fly_run *f, struct resource *ret, struct error *e)
{
    bool managed = fly_settings_of(f)->postgres == FLY_POSTGRES_MANAGED;
    struct resource place = {
        .kind = managed ? RESOURCE_DATABASE_CLUSTER : RESOURCE_DATABASE_MACHINE,
        .region = f->d.regions.items[0],
    };
    struct records all;
    TRY(fly_record_list(f, &all, e));
    const struct resource *items = all.items;
    for (size_t i = 0; i < all.count; i++) {
        bool live = items[i].status == RESOURCE_INTENDED || items[i].status == RESOURCE_CREATED;
        if (!live || !text_eq(items[i].slot, "database"))
            continue;
        place.region = items[i].region;
        place.kind = items[i].kind == RESOURCE_DATABASE_CLUSTER ? RESOURCE_DATABASE_CLUSTER
                                                                : RESOURCE_DATABASE_MACHINE;
    }
    *ret = place;
    return OK;
}

static bool has_region(const struct fly_run *f, const char *region)
{
    for (size_t i = 0; i < f->d.regions.count; i++) {
        if (text_eq(f->d.regions.items[i], region))
            return true;
    }
    return false;
}

bool fly_is_wanted(const struct fly_run *f, const struct resource *r)
{
    if (r->kind != RESOURCE_MACHINE && r->kind != RESOURCE_VOLUME)
        return true;
    int64_t number = 0;
    struct str slot = str_from(r->slot), prefix = STR("app-");
    if (str_starts_with(slot, prefix))
        (void)str_to_i64((struct str){slot.ptr + prefix.len, slot.len - prefix.len}, &number);
    return has_region(f, r->region) && number <= fly_size_of((enum plan)f->d.plan)->apps_per_region;
}

/* Unit `number` of the application in a region: its name tells it from its neighbours. */
static struct unit app_unit(const struct fly_run *f, const char *region, int number)
{
    struct arena *arena = fly_arena(f);
    const struct fly_settings *s = fly_settings_of(f);
    return (struct unit){
        .volume_kind = RESOURCE_VOLUME,
        .machine_kind = RESOURCE_MACHINE,
        .role = arena_printf(arena, "app-%d", number),
        .volume_name = arena_printf(arena, "app_data_%d", number),
        .volume_path = "/data",
        .image = s->image,
        .region = region,
        .size = fly_size_of((enum plan)f->d.plan)->app,
        .port = s->port,
        .serves = true,
    };
}

static struct unit database_unit(const struct fly_run *f, const char *region)
{
    return (struct unit){
        .volume_kind = RESOURCE_DATABASE_VOLUME,
        .machine_kind = RESOURCE_DATABASE_MACHINE,
        .role = "database",
        .volume_name = "pg_data",
        .volume_path = "/data",
        .image = fly_settings_of(f)->database_image,
        .region = region,
        .size = fly_size_of((enum plan)f->d.plan)->database,
        .port = 5432,
    };
}

static enum err list_units(struct fly_run *f, struct unit **ret, size_t *ret_count, struct error *e)
{
    const struct texts regions = f->d.regions;
    int per_region = fly_size_of((enum plan)f->d.plan)->apps_per_region;
    struct unit *units =
        arena_new_array(fly_arena(f), 1 + regions.count * (size_t)per_region, struct unit);
    struct resource place;
    size_t count = 0;
    TRY(fly_database_place(f, &place, e));
    if (place.kind == RESOURCE_DATABASE_MACHINE)
        units[count++] = database_unit(f, place.region);
    for (size_t i = 0; i < regions.count; i++) {
        for (int number = 1; number <= per_region; number++)
            units[count++] = app_unit(f, regions.items[i], number);
    }
    *ret = units;
    *ret_count = count;
    return OK;
}

/* -- volumes ---------------------------------------------------------------------------------- */

static const char *gigabytes(const struct fly_run *f, int64_t gb)
{
    return arena_printf(fly_arena(f), "%lld", (long long)gb);
}

static enum err find_in_volumes(struct fly_run *f, const struct resource *r, struct fly_volume *ret,
                                struct error *e)
{
    struct records all;
    TRY(flaps_volume_list(&f->cloud, f->d.app, fly_arena(f), &all, e));
    const struct fly_volume *items = all.items;
    for (size_t i = 0; i < all.count; i++) {
        bool same = r->provider_id
                        ? text_eq(items[i].id, r->provider_id)
                        : text_eq(items[i].name, r->name) && text_eq(items[i].region, r->region);
        if (same) {
            *ret = items[i];
            return OK;
        }
    }
    return error_set(e, ERR_NOT_FOUND, "app %s has no volume %s in %s", f->d.app, r->name,
                     r->region);
}

/* Only the app is known to be ours: a volume that a stranger's machine uses is the stranger's. */
static enum err find_volume(struct fly_run *f, const struct resource *r, void *what,
                            struct fly_made *ret, struct error *e)
{
    (void)what;
    struct fly_volume v;
    TRY(find_in_volumes(f, r, &v, e));
    if (v.machine_id) {
        struct fly_machine m;
        TRY(flaps_machine_get(&f->cloud, f->d.app, v.machine_id, fly_arena(f), &m, e));
        if (!text_eq(m.deployment_id, f->d.id))
            return error_set(e, ERR_CONFLICT,
                             "volume %s (%s) of app %s is in use by machine %s, which is not ours",
                             v.id, v.name, f->d.app, m.id);
    }
    *ret = (struct fly_made){v.id, gigabytes(f, v.size_gb)};
    return OK;
}

static enum err make_volume(struct fly_run *f, const struct resource *r, void *what,
                            struct fly_made *ret, struct error *e)
{
    const struct unit *u = what;
    struct fly_volume v;
    TRY(flaps_volume_create(&f->cloud, f->d.app, r->name, r->region, u->size.volume_gb,
                            fly_arena(f), &v, e));
    *ret = (struct fly_made){v.id, gigabytes(f, u->size.volume_gb)};
    return OK;
}

/* What is recorded; a row of an earlier version has no size and is looked at as too small. */
static int64_t volume_size(const struct unit *u)
{
    int64_t gb = 0;
    (void)str_to_i64(str_from(u->volume.size), &gb);
    return gb;
}

/* -- machines --------------------------------------------------------------------------------- */

static enum err find_machine(struct fly_run *f, const struct resource *r, void *what,
                             struct fly_made *ret, struct error *e)
{
    (void)what;
    struct records all;
    TRY(flaps_machine_list(&f->cloud, f->d.app, fly_arena(f), &all, e));
    const struct fly_machine *items = all.items;
    for (size_t i = 0; i < all.count; i++) {
        if (text_eq(items[i].intention, r->id)) {
            *ret =
                (struct fly_made){items[i].id, fly_machine_size_text(&items[i].size, fly_arena(f))};
            return OK;
        }
    }
    return error_set(e, ERR_NOT_FOUND, "app %s has no machine %s", f->d.app, r->name);
}

static enum err make_machine(struct fly_run *f, const struct resource *r, void *what,
                             struct fly_made *ret, struct error *e)
{
    const struct unit *u = what;
    const struct fly_settings *s = fly_settings_of(f);
    struct fly_machine_order order = {
        .name = r->name,
        .region = u->region,
        .image = u->image,
        .size = u->size,
        .volume_id = u->volume.provider_id,
        .volume_path = u->volume_path,
        .deployment_id = f->d.id,
        .role = u->role,
        .intention = r->id,
        .secrets_version = f->secrets_version,
        .service_port = u->serves ? u->port : 0,
        .check = s->check.type == FLY_CHECK_NONE ? NULL : &s->check,
        .check_port = u->port,
    };
    struct fly_machine m;
    TRY(flaps_machine_create(&f->cloud, f->d.app, &order, fly_arena(f), &m, e));
    *ret = (struct fly_made){m.id, fly_machine_size_text(&u->size, fly_arena(f))};
    return OK;
}

/* ERR_NOT_FOUND when it was destroyed behind our back. */
static enum err look_at_machine(struct fly_run *f, struct unit *u, struct error *e)
{
    TRY(flaps_machine_get(&f->cloud, f->d.app, u->machine.provider_id, fly_arena(f), &u->seen, e));
    if (fly_machine_is_gone(&u->seen))
        return error_set(e, ERR_NOT_FOUND, "machine %s of app %s is %s", u->seen.id, f->d.app,
                         u->seen.state);
    const char *size = fly_machine_size_text(&u->seen.size, fly_arena(f));
    if (!text_eq(size, u->machine.size))
        TRY(fly_record_size(f, &u->machine, size, e));
    return OK;
}

/* The lease keeps others off; whatever happens under it, it is given back. */
static enum err under_lease(struct fly_run *f, const struct unit *u,
                            enum err (*change)(struct fly_run *, const struct unit *,
                                               struct error *),
                            struct error *e)
{
    const char *owner = arena_printf(fly_arena(f), "webhost %s", f->d.id);
    TRY(flaps_lease_take(&f->cloud, f->d.app, u->seen.id, owner, fly_arena(f), e));
    enum err err = change(f, u, e);
    flaps_lease_release(&f->cloud, f->d.app, u->seen.id, fly_arena(f));
    return err;
}

static enum err start(struct fly_run *f, const struct unit *u, struct error *e)
{
    return flaps_machine_start(&f->cloud, f->d.app, u->seen.id, fly_arena(f), e);
}

static enum err resize(struct fly_run *f, const struct unit *u, struct error *e)
{
    return flaps_machine_resize(&f->cloud, f->d.app, &u->seen, &u->size, f->secrets_version,
                                fly_arena(f), e);
}

static enum err restart(struct fly_run *f, const struct unit *u, struct error *e)
{
    return flaps_machine_restart(&f->cloud, f->d.app, u->seen.id, fly_arena(f), e);
}

/* -- having a unit ---------------------------------------------------------------------------- */

/* "created" is not one: it starts by itself. */
static bool is_at_rest(const struct fly_machine *m)
{
    return text_eq(m->state, "stopped") || text_eq(m->state, "suspended");
}

/* ERR_CAPACITY: what there is of it does not work and has to be given up; `e` says why. */
static enum err bring(struct fly_run *f, struct unit *u, struct error *e)
{
    static const struct fly_maker volumes = {find_volume, make_volume};
    static const struct fly_maker machines = {find_machine, make_machine};
    struct fly_slot volume = volume_slot(u), machine = machine_slot(f, u);
    u->volume = u->machine = (struct resource){0};
    TRY(fly_have(f, &volume, &volumes, u, &u->volume, e));
    TRY(fly_have(f, &machine, &machines, u, &u->machine, e));
    enum err err = look_at_machine(f, u, e);
    if (err == ERR_NOT_FOUND)
        return error_set(e, ERR_CAPACITY, "machine %s is gone from Fly", u->machine.provider_id);
    TRY(err);
    if (fly_machine_is_broken(&u->seen))
        return error_set(e, ERR_CAPACITY, "Fly could not start machine %s in %s (state %s)",
                         u->seen.id, u->region, u->seen.state);
    if (text_eq(u->seen.state, "started")) {
        TRY(fly_record_started(f, &u->volume, e));
        return fly_record_started(f, &u->machine, e);
    }
    return is_at_rest(&u->seen) ? under_lease(f, u, start, e) : OK;
}

/* A volume that was deleted behind our back goes the way of its machine, used or not. */
static enum err give_up_volume(struct fly_run *f, struct unit *u, const char *why, struct error *e)
{
    struct fly_slot slot = volume_slot(u);
    struct fly_volume seen;
    enum err err = fly_record_find(f, &slot, &u->volume, e);
    if (err == ERR_NOT_FOUND)
        return OK;
    TRY(err);
    if (u->volume.started_at != INT_ABSENT) {
        err = find_in_volumes(f, &u->volume, &seen, e);
        if (err != ERR_NOT_FOUND)
            return err;
    }
    return fly_record_leaving(f, &u->volume, why, e);
}

static enum err give_up(struct fly_run *f, struct unit *u, struct error *e)
{
    const char *why = arena_text(fly_arena(f), e->text);
    struct fly_slot volume = volume_slot(u), machine = machine_slot(f, u);
    int64_t volumes, machines;
    enum err err = fly_record_find(f, &machine, &u->machine, e);
    if (err == OK)
        err = fly_record_leaving(f, &u->machine, why, e);
    if (err != OK && err != ERR_NOT_FOUND)
        return err;
    TRY(give_up_volume(f, u, why, e));
    TRY(fly_record_failures(f, &volume, &volumes, e));
    TRY(fly_record_failures(f, &machine, &machines, e));
    int64_t tries = volumes > machines ? volumes : machines;
    if (tries >= PLACEMENTS_MAX)
        return error_set(e, ERR_CAPACITY, "no place for %s in %s after %lld tries: %s", u->role,
                         u->region, (long long)tries, why);
    return fly_sweep(f, e);
}

static enum err have_unit(struct fly_run *f, struct unit *u, struct error *e)
{
    for (;;) {
        enum err err = bring(f, u, e);
        if (err != ERR_CAPACITY)
            return err;
        TRY(give_up(f, u, e));
    }
}

/* -- fitting it to the plan ------------------------------------------------------------------- */

static bool fits(const struct unit *u)
{
    return fly_machine_size_eq(&u->seen.size, &u->size) && volume_size(u) >= u->size.volume_gb;
}

/* The recorded size follows only after the machine has been restarted: until then it is due. */
static enum err extend(struct fly_run *f, struct unit *u, int64_t *ret_size, struct error *e)
{
    struct fly_volume v;
    bool needs_restart;
    TRY(find_in_volumes(f, &u->volume, &v, e));
    if (v.size_gb < u->size.volume_gb) {
        TRY(flaps_volume_extend(&f->cloud, f->d.app, v.id, u->size.volume_gb, fly_arena(f),
                                &needs_restart, e));
        v.size_gb = u->size.volume_gb;
    }
    *ret_size = v.size_gb;
    return OK;
}

/* Changes a unit in place and gives it a moment to start. */
static enum err fit(struct fly_run *f, struct unit *u, struct error *e)
{
    int64_t gb = volume_size(u);
    bool grows = gb < u->size.volume_gb;
    if (grows)
        TRY(extend(f, u, &gb, e));
    bool resizes = !fly_machine_size_eq(&u->seen.size, &u->size);
    TRY(under_lease(f, u, resizes ? resize : restart, e));
    if (grows)
        TRY(fly_record_size(f, &u->volume, gigabytes(f, gb), e));
    TRY(flaps_machine_wait(&f->cloud, f->d.app, u->seen.id, WAIT_S, fly_arena(f), e));
    return look_at_machine(f, u, e);
}

/*
 * New ones first, all at once; then those of another size are changed, one after the other, each
 * when the ones before it do their work again.
 */
enum err fly_have_units(struct fly_run *f, bool *ret_ready, struct error *e)
{
    struct unit *units;
    size_t count;
    bool ready = true;
    TRY(list_units(f, &units, &count, e));
    for (size_t i = 0; i < count; i++)
        TRY(have_unit(f, &units[i], e));
    for (size_t i = 0; i < count; i++)
        ready = ready && (!fits(&units[i]) || fly_machine_is_ready(&units[i].seen));
    for (size_t i = 0; i < count && ready; i++) {
        if (fits(&units[i]))
            continue;
        TRY(fit(f, &units[i], e));
        ready = fly_machine_is_ready(&units[i].seen);
    }
    *ret_ready = ready;
    return OK;
}
