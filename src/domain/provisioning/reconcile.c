#include "domain/provisioning/reconcile.h"

#include "base/log.h"
#include "domain/provisioning/fly/client.h"
#include "domain/provisioning/hetzner/client.h"
#include "domain/provisioning/reconcile_judge.h"

#define RECONCILE_WORKER "ReconcileWorker"
#define RECONCILE_QUEUE  "maintenance"

/* One run over one provider. */
struct look {
    const struct provisioning *with;
    enum infrastructure provider;
    const char *actor;
    struct arena *arena;
    struct cloud cloud, lists; /* the second is Fly's for lists, with the first's connections */
    struct fly_account fly;
    int64_t now;
    struct owners before, owners;
    struct things things;
    struct judge judge;
    struct drift *found;
    size_t count;
    const struct drift *cleaned;
    struct records old;
};

/* -- reading both sides ----------------------------------------------------------------------- */

static enum err owners_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct look *l = arg;
    return owners_load(tx, l->arena, &l->owners, e);
}

static enum err load_owners(struct look *l, struct error *e)
{
    TRY(db_read(l->with->env->db, owners_work, l, e));
    l->judge = (struct judge){
        .owners = &l->owners,
        .install_id = l->with->install_id,
        .settled_by = l->now - l->with->settings->reconcile_settle_ms * USEC_PER_MS,
        .things = &l->things,
        .arena = l->arena,
    };
    return OK;
}

static enum err take_inventory(struct look *l, struct error *e)
{
    l->things = (struct things){.arena = l->arena};
    if (l->provider == HETZNER)
        return hetzner_inventory(&l->cloud, &l->things, e);
    bool clusters = l->with->settings->fly.postgres == FLY_POSTGRES_MANAGED ||
                    owners_have(&l->before, THING_CLUSTER);
    return fly_inventory(&l->fly, clusters, &l->things, e);
}

static enum err thing_now(struct look *l, int kind, const char *app, const char *id,
                          struct thing *ret, struct error *e)
{
    if (l->provider == HETZNER)
        return hetzner_thing(&l->cloud, kind, id, l->arena, ret, e);
    return fly_thing(&l->fly, kind, app, id, l->arena, ret, e);
}

/* -- comparing -------------------------------------------------------------------------------- */

static enum err add(struct look *l, const struct drift *d, struct error *e)
{
    if (l->count == DRIFT_MAX)
        return error_set(e, ERR_TOO_LARGE,
                         "%s differs from the database in more than %d things: is it the right "
                         "project and database?",
                         infrastructure_names[l->provider], DRIFT_MAX);
    if (!l->found)
        l->found = arena_new_array(l->arena, DRIFT_MAX, struct drift);
    l->found[l->count++] = *d;
    return OK;
}

static int compare_things(const void *a, const void *b)
{
    const struct thing *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    int order = strcmp(x->app, y->app);
    return order ? order : strcmp(x->id, y->id);
}

static bool is_listed(const struct look *l, const struct owned *o)
{
    const struct thing key = {.kind = o->kind, .app = o->app, .id = o->id};
    return l->things.count > 0 &&
           bsearch(&key, l->things.items, l->things.count, sizeof(struct thing), compare_things);
}

/* Still relied upon, under the same id, after the list was taken? */
static bool is_still_wanted(const struct look *l, const struct owned *o)
{
    const struct thing key = {.provider = o->provider, .kind = o->kind, .app = o->app, .id = o->id};
    const struct owned *now = owners_by_id(&l->owners, &key);
    return now && now->standing == STANDING_MUST && now->since <= l->judge.settled_by;
}

/*
 * Rows from before the list was taken: what was made while it was taken need not be in it. A list
 * read page by page may skip what moved from one page to another, so the thing is asked for.
 */
static enum err find_missing(struct look *l, struct error *e)
{
    for (size_t i = 0; i < l->before.count; i++) {
        const struct owned *o = &l->before.all[i];
        struct thing there;
        if (o->provider != (int)l->provider || o->standing != STANDING_MUST || !o->id ||
            is_listed(l, o) || !is_still_wanted(l, o))
            continue;
        enum err err = thing_now(l, o->kind, o->app, o->id, &there, e);
        if (err == OK)
            continue;
        if (err != ERR_NOT_FOUND)
            return err;
        struct drift d = judge_missing(o);
        TRY(add(l, &d, e));
    }
    return OK;
}

static enum err compare(struct look *l, struct error *e)
{
    for (size_t i = 0; i < l->things.count; i++) {
        struct drift d;
        if (judge_thing(&l->judge, &l->things.items[i], &d))
            TRY(add(l, &d, e));
    }
    if (l->things.count > 0)
        qsort(l->things.items, l->things.count, sizeof(struct thing), compare_things);
    return find_missing(l, e);
}

/*
 * The rows are read before the list and after it: what is listed has had its row before it was
 * made, and what is relied upon must have been there all the while.
 */
static enum err look(struct look *l, struct error *e)
{
    TRY(load_owners(l, e));
    l->before = l->owners;
    TRY(take_inventory(l, e));
    TRY(load_owners(l, e));
    return compare(l, e);
}

static void look_open(struct look *l, const struct provisioning *with, enum infrastructure provider,
                      bool interactive, struct arena *arena)
{
    *l = (struct look){
        .with = with, .provider = provider, .arena = arena, .now = env_now(with->env)};
    cloud_open(&l->cloud, with, provider == HETZNER ? &hcloud_dialect : &fly_dialect, NULL, NULL);
    l->cloud.interactive = interactive;
    l->lists = l->cloud;
    l->lists.endpoint = with->settings->fly.uiex_endpoint;
    l->fly = (struct fly_account){&l->cloud, &l->lists, with->settings->fly.org};
}

enum err reconcile_look(const struct provisioning *with, enum infrastructure provider,
                        bool interactive, struct arena *arena, struct records *ret_drift,
                        struct error *e)
{
    struct look l;
    look_open(&l, with, provider, interactive, arena);
    enum err err = look(&l, e);
    cloud_close(&l.cloud);
    for (size_t i = 0; err == OK && i < l.count; i++)
        drift_explain(&l.found[i], arena);
    if (err == OK)
        *ret_drift = (struct records){l.found, l.count};
    return err;
}

/* -- cleaning --------------------------------------------------------------------------------- */

static enum err record_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct look *l = arg;
    const struct provisioning_settings *s = l->with->settings;
    TRY(drift_record(tx, l->with->env, l->provider, l->found, l->count, l->now, l->arena, e));
    return drift_list_old(tx, l->provider, l->now - s->reconcile_grace_ms * USEC_PER_MS, l->arena,
                          &l->old, e);
}

static enum err cleaned_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct look *l = arg;
    return drift_cleaned(tx, l->with->env, l->actor, l->cleaned, l->arena, e);
}

/* Looks at both sides again and deletes it if it is still nobody's. */
static enum err clean(struct look *l, const struct drift *d, int64_t *cleaned, struct error *e)
{
    struct thing t;
    struct drift again;
    int kind = enum_from_text(thing_kind_names, str_from(d->thing));
    if (kind < 0)
        return error_set(e, ERR_CORRUPT, "drift %s is about a %s, which is unknown", d->id,
                         d->thing);
    enum err err = thing_now(l, kind, d->app, d->provider_id, &t, e);
    if (err == ERR_NOT_FOUND)
        return OK; /* the next look takes it off the list */
    TRY(err);
    TRY(load_owners(l, e));
    if (!judge_thing(&l->judge, &t, &again) || again.kind != DRIFT_ORPHAN || !again.cleanable)
        return OK;
    TRY(l->provider == HETZNER ? hetzner_thing_delete(&l->cloud, &t, l->arena, e)
                               : fly_thing_delete(&l->fly, &t, l->arena, e));
    l->cleaned = d;
    TRY(db_write(l->with->env->db, cleaned_work, l, e));
    (*cleaned)++;
    return OK;
}

static void tell_missing(const struct look *l)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct drift *d = &l->found[i];
        if (d->kind == DRIFT_MISSING)
            log_error("a cloud does not hold what customers rely on",
                      LOG_TEXT("provider", infrastructure_names[d->provider]),
                      LOG_TEXT("thing", d->thing), LOG_TEXT("id", d->provider_id),
                      LOG_TEXT("name", d->name), LOG_TEXT("owner", d->owner));
    }
}

static enum err look_and_clean(struct look *l, int64_t *ret_cleaned, struct error *e)
{
    TRY(look(l, e));
    TRY(db_write(l->with->env->db, record_work, l, e));
    tell_missing(l);
    const struct drift *old = l->old.items;
    int64_t cleaned = 0;
    enum err failed = OK;
    /* One that cannot be deleted (it is protected) must not keep the others: the first error is
     * told, after all were tried. */
    for (size_t i = 0; i < l->old.count; i++) {
        enum err err = clean(l, &old[i], &cleaned, failed == OK ? e : NULL);
        failed = failed == OK ? err : failed;
    }
    *ret_cleaned = cleaned;
    return failed;
}

enum err reconcile(const struct provisioning *with, enum infrastructure provider, const char *actor,
                   struct arena *arena, int64_t *ret_cleaned, struct error *e)
{
    struct look l;
    look_open(&l, with, provider, false, arena);
    l.actor = actor;
    enum err err = look_and_clean(&l, ret_cleaned, e);
    cloud_close(&l.cloud);
    return err;
}

/* -- the worker ------------------------------------------------------------------------------- */

/* One cloud's outage does not keep the other from being looked at. */
static enum job_result perform(struct job_run *run, struct error *e)
{
    const struct provisioning *with = run->ctx;
    enum job_result result = JOB_DONE;
    for (int provider = 0; provider < INFRASTRUCTURE_COUNT; provider++) {
        int64_t cleaned = 0;
        struct error own = {0};
        enum err err = reconcile(with, (enum infrastructure)provider, "job:" RECONCILE_WORKER,
                                 run->arena, &cleaned, &own);
        if (err == OK)
            continue;
        *e = own;
        result = provider_result(err);
        run->snooze_us = own.retry_at - env_now(run->env);
        if (run->snooze_us < USEC_PER_SEC)
            run->snooze_us = USEC_PER_SEC;
    }
    return result;
}

struct job_worker reconcile_worker(struct provisioning *with)
{
    return (struct job_worker){RECONCILE_WORKER, RECONCILE_QUEUE, perform, NULL, with};
}

#define RECONCILE_JOB                                                                              \
    {                                                                                              \
        .worker = RECONCILE_WORKER, .queue = RECONCILE_QUEUE, .args = "{}",                        \
        .unique_key = "reconcile"                                                                  \
    }

struct cron reconcile_cron(void)
{
    return (struct cron){.name = "reconcile", .when = "41 * * * *", .spec = RECONCILE_JOB};
}

enum err reconcile_enqueue(struct db_tx *tx, const struct env *env, struct arena *arena,
                           struct job *ret_job, struct error *e)
{
    const struct job_spec spec = RECONCILE_JOB;
    return job_enqueue(tx, env, &spec, arena, ret_job, NULL, e);
}
