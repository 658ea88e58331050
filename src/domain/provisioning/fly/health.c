#include "domain/provisioning/fly/health.h"

#include "base/log.h"
#include "domain/provisioning/fly/instance.h"
#include "domain/provisioning/fly/parts.h"
#include "instance.sql.h"

#define RESTARTS_MAX       3
#define RESTARTS_WITHIN_US (60 * 60 * USEC_PER_SEC)

const char *const fly_health_names[] = {"passing", "changing", "critical", "stopped",
                                        "failed",  "missing",  NULL};

/* -- one machine ------------------------------------------------------------------------------ */

static enum fly_health health_of(const struct fly_machine *m)
{
    if (!m)
        return FLY_MISSING;
    if (fly_machine_is_broken(m))
        return FLY_FAILED;
    if (text_eq(m->state, "started"))
        return fly_machine_is_ready(m) ? FLY_PASSING : FLY_CRITICAL;
    if (text_eq(m->state, "stopped") || text_eq(m->state, "suspended"))
        return FLY_STOPPED;
    return FLY_CHANGING;
}

/* Only what changed is told: an alert is for news. */
static void tell(const struct fly_run *f, const struct resource *r, const struct fly_machine *m,
                 enum fly_health health)
{
    const char *was = r->health ? r->health : "unknown";
    if (text_eq(was, fly_health_names[health]) || (!r->health && health == FLY_PASSING))
        return;
    const struct log_field fields[] = {
        LOG_TEXT("app", f->d.app),
        LOG_TEXT("customer", f->d.customer_slug),
        LOG_TEXT("machine", r->provider_id),
        LOG_TEXT("region", r->region),
        LOG_TEXT("was", was),
        LOG_TEXT("is", fly_health_names[health]),
        LOG_TEXT("why", m ? m->trouble : NULL),
        {0},
    };
    enum log_level level = LOG_INFO;
    if (health > FLY_CHANGING)
        level = health >= FLY_FAILED ? LOG_ERROR : LOG_WARN;
    log_write(level, "the health of an instance's machine has changed", fields);
}

/* Counts the restarts of the last hour, this one included; false when there were enough. */
static bool may_restart(const struct fly_run *f, struct resource *r)
{
    int64_t now = env_now(f->run->with->env);
    if (r->restarted_at == INT_ABSENT || now - r->restarted_at > RESTARTS_WITHIN_US)
        r->restarts = 0;
    if (r->restarts >= RESTARTS_MAX)
        return false;
    r->restarts++;
    r->restarted_at = now;
    return true;
}

static enum err start_again(struct fly_run *f, const struct fly_machine *m, struct error *e)
{
    const char *owner = arena_printf(fly_arena(f), "webhost %s", f->d.id);
    TRY(flaps_lease_take(&f->cloud, f->d.app, m->id, owner, fly_arena(f), e));
    enum err err = flaps_machine_start(&f->cloud, f->d.app, m->id, fly_arena(f), e);
    flaps_lease_release(&f->cloud, f->d.app, m->id, fly_arena(f));
    return err;
}

static const struct fly_machine *seen(const struct records *all, const char *id)
{
    const struct fly_machine *items = all->items;
    for (size_t i = 0; i < all->count; i++) {
        if (text_eq(items[i].id, id))
            return &items[i];
    }
    return NULL;
}

/* -- one instance ----------------------------------------------------------------------------- */

struct health_work {
    struct fly_run *f;
    struct records rows;
    bool repair, asked;
};

static bool is_live_machine(const struct resource *r)
{
    return r->status == RESOURCE_CREATED &&
           (r->kind == RESOURCE_MACHINE || r->kind == RESOURCE_DATABASE_MACHINE);
}

static enum err record_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct health_work *w = arg;
    const struct env *env = w->f->run->with->env;
    const struct resource *items = w->rows.items;
    for (size_t i = 0; i < w->rows.count; i++) {
        const struct resource *r = &items[i];
        if (!is_live_machine(r))
            continue;
        TRY(db_exec(tx, &instance_set_health,
                    DB_ARGS(db_text(r->id), db_text(r->state), db_text(r->health),
                            db_int(env_now(env)), db_int(r->restarts), db_int(r->restarted_at)),
                    NULL, e));
    }
    return w->repair ? instance_repair(tx, env, &w->f->d, fly_arena(w->f), &w->asked, e) : OK;
}

/* A machine that cannot be started now is looked at again by the next run. */
static void look(struct health_work *w, struct resource *r, const struct fly_machine *m)
{
    struct error e;
    enum fly_health health = health_of(m);
    tell(w->f, r, m, health);
    bool was_stopped = text_eq(r->health, fly_health_names[FLY_STOPPED]);
    r->health = fly_health_names[health];
    r->state = m ? m->state : "missing";
    w->repair = w->repair || health >= FLY_FAILED;
    if (health != FLY_STOPPED)
        return;
    if (!may_restart(w->f, r)) {
        if (!was_stopped)
            log_error("a machine stops again and again and is left alone for an hour",
                      LOG_TEXT("app", w->f->d.app), LOG_TEXT("machine", r->provider_id));
    } else if (start_again(w->f, m, &e) != OK) {
        log_warn("a stopped machine could not be started", LOG_TEXT("app", w->f->d.app),
                 LOG_TEXT("machine", r->provider_id), LOG_TEXT("error", e.text));
    }
}

/* Fly looks at the DNS records when it is asked to; one that is active stays so. */
static enum err check_certificate(struct fly_run *f, struct resource *r, struct error *e)
{
    struct fly_certificate c;
    if (text_eq(r->state, "active"))
        return OK;
    TRY(flaps_certificate_check(&f->cloud, f->d.app, r->name, fly_arena(f), &c, e));
    return fly_record_state(f, r, c.status ? c.status : "unknown", e);
}

static enum err check(struct fly_run *f, struct error *e)
{
    struct health_work w = {.f = f};
    struct records machines;
    TRY(fly_record_list(f, &w.rows, e));
    TRY(flaps_machine_list(&f->cloud, f->d.app, fly_arena(f), &machines, e));
    struct resource *items = w.rows.items;
    for (size_t i = 0; i < w.rows.count; i++) {
        /* What never started is still being made, or has just been and is not listed yet. */
        if (is_live_machine(&items[i]) && items[i].started_at != INT_ABSENT)
            look(&w, &items[i], seen(&machines, items[i].provider_id));
    }
    TRY(db_write(f->run->with->env->db, record_work, &w, e));
    for (size_t i = 0; i < w.rows.count; i++) {
        if (items[i].kind == RESOURCE_CERTIFICATE && items[i].status == RESOURCE_CREATED)
            TRY(check_certificate(f, &items[i], e));
    }
    return OK;
}

enum err fly_check_health(struct provision_run *run, struct error *e)
{
    struct fly_run f;
    fly_run_begin(&f, run);
    enum err err = check(&f, e);
    fly_run_end(&f);
    return err;
}
