#include "domain/migration/alarm.h"

#include "domain/jobs/cron.h"
#include "domain/provisioning/provider.h"

static const struct job_spec alarm_spec = {
    .worker = "AlarmWorker",
    .queue = "maintenance",
    .args = "{}",
    .unique_key = "alarms",
};

static const struct alert *find(const struct overview *o, const char *kind)
{
    const struct alert *items = o->alerts.items;
    for (size_t i = 0; i < o->alerts.count; i++) {
        if (text_eq(items[i].kind, kind))
            return &items[i];
    }
    return NULL;
}

enum err alarms_tell(struct db_tx *tx, const struct env *env, const struct alarms *with,
                     struct arena *arena, struct error *e)
{
    struct overview o;
    TRY(overview_take(tx, env, with->hetzner, arena, &o, e));
    for (size_t i = 0; alert_kind_names[i]; i++) {
        const char *kind = alert_kind_names[i];
        const struct alert *a = find(&o, kind);
        struct notice notice = {
            .kind = arena_printf(arena, "alert.%s", kind),
            .text = a ? a->text : arena_printf(arena, "The alert %s is over", kind),
            .severity = a && a->severity == ALERT_CRITICAL ? SEVERITY_CRITICAL : SEVERITY_WARNING,
            .key = arena_printf(arena, "alert:%s", kind),
            .resolved = !a,
        };
        TRY(notify(tx, env, with->notify, &notice, arena, e));
    }
    return OK;
}

static enum err tell_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct job_run *run = arg;
    return alarms_tell(tx, run->env, run->ctx, run->arena, e);
}

static enum job_result perform(struct job_run *run, struct error *e)
{
    return provider_result(db_write(run->env->db, tell_work, run, e));
}

struct job_worker alarm_worker(const struct alarms *with)
{
    return (struct job_worker){alarm_spec.worker, alarm_spec.queue, perform, NULL,
                               (void *)(uintptr_t)with};
}

struct cron alarm_cron(void)
{
    return (struct cron){.name = "alarms", .when = "* * * * *", .spec = alarm_spec};
}
