#include "domain/provisioning/fly/run.h"

#include "instance.sql.h"

#define FAILURES_WITHIN_US (15 * 60 * USEC_PER_SEC)

void fly_run_begin(struct fly_run *f, struct provision_run *run)
{
    const struct provisioning *p = run->with;
    *f = (struct fly_run){.run = run, .d = *run->deployment, .secrets_version = INT_ABSENT};
    cloud_open(&f->cloud, p, &fly_dialect, run->deployment->id, run->deployment->customer_id);
    f->account = f->cloud; /* with the same connections */
    f->account.endpoint = p->settings->fly.uiex_endpoint;
}

void fly_run_end(struct fly_run *f)
{
    cloud_close(&f->cloud);
}

/* -- records ---------------------------------------------------------------------------------- */

struct record_work {
    struct fly_run *f;
    const struct fly_slot *slot;
    const struct db_query *query;
    struct db_args args;
    struct resource resource;
    struct records all;
    int64_t number;
    bool fresh;
    const char *name, *why;
};

#define SLOT_ARGS(f, s)                                                                            \
    db_text((f)->d.id), db_text(resource_kind_names[(s)->kind]), db_text((s)->region),             \
        db_text((s)->slot)

static struct db *db_of(const struct fly_run *f)
{
    return f->run->with->env->db;
}

static int64_t now(const struct fly_run *f)
{
    return env_now(f->run->with->env);
}

static enum err find_row(struct db_tx *tx, struct record_work *w, struct error *e)
{
    return db_get(tx, &fly_slot_row, DB_ARGS(SLOT_ARGS(w->f, w->slot)), resource_fields,
                  fly_arena(w->f), &w->resource, e);
}

static enum err find_work(struct db_tx *tx, void *arg, struct error *e)
{
    return find_row(tx, arg, e);
}

enum err fly_record_find(struct fly_run *f, const struct fly_slot *slot, struct resource *ret,
                         struct error *e)
{
    struct record_work w = {.f = f, .slot = slot};
    TRY(db_read(db_of(f), find_work, &w, e));
    *ret = w.resource;
    return OK;
}

static const char *numbered(const struct fly_slot *slot, int64_t number, struct arena *arena)
{
    if (number == 1)
        return slot->name;
    bool volume = slot->kind == RESOURCE_VOLUME || slot->kind == RESOURCE_DATABASE_VOLUME;
    return arena_printf(arena, "%s%c%lld", slot->name, volume ? '_' : '-', (long long)number);
}

static enum err intend_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct record_work *w = arg;
    const struct env *env = w->f->run->with->env;
    struct arena *arena = fly_arena(w->f);
    w->fresh = false;
    enum err err = find_row(tx, w, e);
    if (err != ERR_NOT_FOUND)
        return err;
    int64_t before;
    TRY(db_get_int(tx, &fly_slot_count, DB_ARGS(SLOT_ARGS(w->f, w->slot)), &before, e));
    TRY(db_exec(tx, &fly_resource_insert,
                DB_ARGS(db_text(env_id(env, arena)), SLOT_ARGS(w->f, w->slot),
                        db_text(numbered(w->slot, before + 1, arena)), db_int(env_now(env))),
                NULL, e));
    w->fresh = true;
    return find_row(tx, w, e);
}

enum err fly_record_intend(struct fly_run *f, const struct fly_slot *slot, struct resource *ret,
                           bool *ret_fresh, struct error *e)
{
    struct record_work w = {.f = f, .slot = slot};
    enum err err = db_read(db_of(f), find_work, &w, e);
    if (err == ERR_NOT_FOUND)
        err = db_write(db_of(f), intend_work, &w, e);
    TRY(err);
    *ret = w.resource;
    *ret_fresh = w.fresh;
    return OK;
}

static enum err exec_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct record_work *w = arg;
    return db_exec(tx, w->query, w->args, NULL, e);
}

static enum err record(struct fly_run *f, const struct db_query *query, struct db_args args,
                       struct error *e)
{
    struct record_work w = {.f = f, .query = query, .args = args};
    return db_write(db_of(f), exec_work, &w, e);
}

enum err fly_record_asking(struct fly_run *f, struct resource *r, struct error *e)
{
    r->asked_at = now(f);
    return record(f, &fly_resource_set_asked, DB_ARGS(db_text(r->id), db_int(r->asked_at)), e);
}

enum err fly_record_created(struct fly_run *f, struct resource *r, const char *provider_id,
                            const char *size, struct error *e)
{
    r->provider_id = provider_id;
    r->size = size;
    r->status = RESOURCE_CREATED;
    return record(f, &fly_resource_set_created,
                  DB_ARGS(db_text(r->id), db_text(provider_id), db_text(size)), e);
}

enum err fly_record_size(struct fly_run *f, struct resource *r, const char *size, struct error *e)
{
    r->size = size;
    return record(f, &fly_resource_set_size, DB_ARGS(db_text(r->id), db_text(size)), e);
}

enum err fly_record_started(struct fly_run *f, struct resource *r, struct error *e)
{
    if (r->started_at != INT_ABSENT)
        return OK;
    r->started_at = now(f);
    return record(f, &fly_resource_set_started, DB_ARGS(db_text(r->id), db_int(r->started_at)), e);
}

enum err fly_record_state(struct fly_run *f, struct resource *r, const char *state, struct error *e)
{
    r->state = state;
    r->checked_at = now(f);
    return record(f, &fly_resource_set_state,
                  DB_ARGS(db_text(r->id), db_text(state), db_int(r->checked_at)), e);
}

enum err fly_record_leaving(struct fly_run *f, struct resource *r, const char *why, struct error *e)
{
    r->status = RESOURCE_LEAVING;
    return record(f, &fly_resource_set_leaving, DB_ARGS(db_text(r->id), db_text(why)), e);
}

enum err fly_record_deleted(struct fly_run *f, struct resource *r, struct error *e)
{
    r->status = RESOURCE_DELETED;
    return record(f, &fly_resource_set_deleted, DB_ARGS(db_text(r->id)), e);
}

static enum err list_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct record_work *w = arg;
    return resource_list(tx, w->f->d.id, fly_arena(w->f), &w->all, e);
}

enum err fly_record_list(struct fly_run *f, struct records *ret, struct error *e)
{
    struct record_work w = {.f = f};
    TRY(db_read(db_of(f), list_work, &w, e));
    *ret = w.all;
    return OK;
}

static enum err failures_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct record_work *w = arg;
    return db_get_int(tx, &fly_slot_failures,
                      DB_ARGS(SLOT_ARGS(w->f, w->slot), db_int(now(w->f) - FAILURES_WITHIN_US)),
                      &w->number, e);
}

enum err fly_record_failures(struct fly_run *f, const struct fly_slot *slot, int64_t *ret,
                             struct error *e)
{
    struct record_work w = {.f = f, .slot = slot};
    TRY(db_read(db_of(f), failures_work, &w, e));
    *ret = w.number;
    return OK;
}

static enum err rename_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct record_work *w = arg;
    TRY(db_exec(tx, &fly_resource_set_refused, DB_ARGS(db_text(w->resource.id), db_text(w->why)),
                NULL, e));
    return db_exec(tx, &fly_app_set_name, DB_ARGS(db_text(w->f->d.id), db_text(w->name)), NULL, e);
}

enum err fly_record_rename_app(struct fly_run *f, struct resource *app, const char *name,
                               const char *why, struct error *e)
{
    struct record_work w = {.f = f, .resource = *app, .name = name, .why = why};
    TRY(db_write(db_of(f), rename_work, &w, e));
    app->status = RESOURCE_DELETED;
    f->d.app = name;
    return OK;
}

bool fly_may_be_unlisted(const struct fly_run *f, const struct resource *r)
{
    return r->asked_at != INT_ABSENT &&
           now(f) - r->asked_at < fly_settings_of(f)->settle_ms * USEC_PER_MS;
}

/* -- making something once -------------------------------------------------------------------- */

/* The other side said no: it made nothing. After anything else nobody knows. */
static bool is_refusal(enum err err)
{
    switch (err) {
    case ERR_INVALID:
    case ERR_DENIED:
    case ERR_NOT_FOUND:
    case ERR_CONFLICT:
    case ERR_BUSY:
    case ERR_CAPACITY:
        return true;
    default:
        return false;
    }
}

static enum err make(struct fly_run *f, const struct fly_maker *maker, void *what,
                     struct resource *r, bool fresh, struct fly_made *ret, struct error *e)
{
    if (!fresh)
        TRY(fly_record_asking(f, r, e));
    enum err err = maker->make(f, r, what, ret, e);
    if (err == OK || !is_refusal(err))
        return err;
    struct error ignored; /* then the next run waits although it need not */
    r->asked_at = INT_ABSENT;
    (void)record(f, &fly_resource_set_asked, DB_ARGS(db_text(r->id), db_null()), &ignored);
    return err;
}

enum err fly_have(struct fly_run *f, const struct fly_slot *slot, const struct fly_maker *maker,
                  void *what, struct resource *ret, struct error *e)
{
    struct resource r;
    bool fresh;
    TRY(fly_record_intend(f, slot, &r, &fresh, e));
    if (r.status != RESOURCE_CREATED) {
        struct fly_made made = {0};
        enum err err = fresh ? ERR_NOT_FOUND : maker->find(f, &r, what, &made, e);
        if (err == ERR_NOT_FOUND && !fresh && fly_may_be_unlisted(f, &r))
            return error_set(e, ERR_BUSY,
                             "the %s %s of %s was asked for a moment ago and is not listed yet",
                             resource_kind_names[slot->kind], r.name, f->d.app);
        if (err == ERR_NOT_FOUND)
            err = make(f, maker, what, &r, fresh, &made, e);
        TRY(err);
        TRY(fly_record_created(f, &r, made.id, made.size, e));
    }
    *ret = r;
    return OK;
}
