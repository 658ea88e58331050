#include "domain/provisioning/reap.h"

#include "domain/audit/audit.h"
#include "domain/provisioning/capacity.h"
#include "domain/provisioning/host_jobs.h"

#include <inttypes.h>

const struct field reap_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct reap_verdict, id), .required = true, .help = "its id"},
    {"name", FIELD_TEXT, offsetof(struct reap_verdict, name), .required = true,
     .help = "the server's name"},
    {"location", FIELD_TEXT, offsetof(struct reap_verdict, location), .required = true,
     .help = "where"},
    {"serves", FIELD_TEXT, offsetof(struct reap_verdict, serves), .required = true,
     .help = "the location that it was ordered for"},
    {"status", FIELD_ENUM, offsetof(struct reap_verdict, status), .names = host_status_names,
     .required = true, .help = "what it is good for"},
    {"remove", FIELD_BOOL, offsetof(struct reap_verdict, remove), .help = "whether it goes"},
    {"reason", FIELD_TEXT, offsetof(struct reap_verdict, reason), .required = true,
     .help = "why it goes or stays"},
    FIELD_END,
};

/* A location's room, less what the plan has taken from it so far. */
struct room {
    struct capacity capacity;
    struct room *next;
};

struct planning {
    struct db_tx *tx;
    const struct env *env;
    const struct hetzner_settings *settings;
    struct arena *arena;
    struct room *rooms;
};

static enum err room_of(struct planning *p, const char *location, struct room **ret,
                        struct error *e)
{
    for (struct room *r = p->rooms; r; r = r->next) {
        if (text_eq(r->capacity.location, location)) {
            *ret = r;
            return OK;
        }
    }
    struct room *room = arena_new(p->arena, struct room);
    TRY(capacity_of(p->tx, p->env, p->settings, location, p->arena, &room->capacity, e));
    room->next = p->rooms;
    p->rooms = room;
    *ret = room;
    return OK;
}

static const char *lasting(int64_t us, struct arena *arena)
{
    int64_t s = us / USEC_PER_SEC;
    if (s < 120)
        return arena_printf(arena, "%" PRId64 "s", s);
    if (s < INT64_C(120) * 60)
        return arena_printf(arena, "%" PRId64 "m", s / 60);
    return arena_printf(arena, "%" PRId64 "h", s / 3600);
}

/* An empty host that could go: whether the time has come. */
static void judge_by_time(const struct planning *p, const char *what, int64_t since,
                          struct reap_verdict *v)
{
    int64_t grace = p->settings->empty_grace_ms * USEC_PER_MS;
    int64_t lasted = since == INT_ABSENT ? 0 : env_now(p->env) - since;
    v->remove = lasted >= grace;
    v->reason = v->remove ? arena_printf(p->arena, "%s for %s", what, lasting(lasted, p->arena))
                          : arena_printf(p->arena, "%s for %s of %s", what,
                                         lasting(lasted, p->arena), lasting(grace, p->arena));
}

/* An active one serves as reserve too. */
static enum err judge_by_reserve(struct planning *p, const struct host *host,
                                 struct reap_verdict *v, struct error *e)
{
    struct room *room;
    TRY(room_of(p, host->serves, &room, e));
    if (room->capacity.free - host->capacity < room->capacity.reserve) {
        v->remove = false;
        v->reason = arena_printf(p->arena, "needed for the reserve of %s, %" PRId64 " free slots",
                                 host->serves, room->capacity.reserve);
        return OK;
    }
    room->capacity.free -= host->capacity;
    return OK;
}

static enum err judge(struct planning *p, const struct host *host, struct reap_verdict *v,
                      struct error *e)
{
    *v = (struct reap_verdict){host->id, host->name, host->location, host->serves, host->status,
                               false,    NULL};
    if (host->status == HOST_RETIRING) {
        v->reason = "is being removed already";
        return OK;
    }
    if (host->status == HOST_CREATING) {
        v->reason = "its server is being created";
        return OK;
    }
    if (host->slots_used > 0) {
        v->reason = arena_printf(p->arena, "holds %" PRId64 " customer%s", host->slots_used,
                                 host->slots_used == 1 ? "" : "s");
        return OK;
    }
    if (host->status == HOST_FAILED) {
        judge_by_time(p, "its order has failed", host->failed_at, v);
        return OK;
    }
    judge_by_time(p, host->status == HOST_DRAINING ? "drained and empty" : "empty",
                  host->empty_since, v);
    return v->remove && host->status == HOST_ACTIVE ? judge_by_reserve(p, host, v, e) : OK;
}

enum err reap_plan(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                   struct arena *arena, struct records *ret_plan, struct error *e)
{
    struct records hosts;
    TRY(host_list_standing(tx, arena, &hosts, e));
    struct planning p = {tx, env, s, arena, NULL};
    struct reap_verdict *verdicts = arena_new_array(arena, hosts.count + 1, struct reap_verdict);
    const struct host *items = hosts.items;
    for (size_t i = 0; i < hosts.count; i++)
        TRY(judge(&p, &items[i], &verdicts[i], e));
    *ret_plan = (struct records){verdicts, hosts.count};
    return OK;
}

enum err reap_begin(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                    const char *actor, struct arena *arena, struct records *ret_plan,
                    struct error *e)
{
    struct records plan;
    TRY(reap_plan(tx, env, s, arena, &plan, e));
    const struct reap_verdict *items = plan.items;
    for (size_t i = 0; i < plan.count; i++) {
        const struct reap_verdict *v = &items[i];
        if (v->remove || v->status == HOST_RETIRING) /* whose job may have been given up */
            TRY(host_enqueue(tx, env, HOST_RETIRE_WORKER, v->id, arena, e));
        if (v->remove)
            TRY(audit_write(tx, env, arena, actor, "host.reap_planned", v->id,
                            arena_printf(arena, "{\"reason\":\"%s\"}", v->reason), e));
    }
    *ret_plan = plan;
    return OK;
}

enum err reap_confirm(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                      const char *actor, const char *host_id, struct arena *arena,
                      struct host *ret_host, const char **ret_kept, struct error *e)
{
    struct host host;
    struct records plan;
    const char *kept = NULL;
    TRY(host_find(tx, host_id, arena, &host, e));
    if (host.status == HOST_RETIRING || host.status == HOST_RETIRED) {
        *ret_host = host;
        *ret_kept = NULL;
        return OK;
    }
    TRY(reap_plan(tx, env, s, arena, &plan, e));
    const struct reap_verdict *items = plan.items;
    for (size_t i = 0; i < plan.count; i++) {
        if (text_eq(items[i].id, host_id) && !items[i].remove)
            kept = items[i].reason;
    }
    TRY(kept ? audit_write(tx, env, arena, actor, "host.kept", host_id,
                           arena_printf(arena, "{\"reason\":\"%s\"}", kept), e)
             : host_set_status(tx, env, actor, &host, HOST_RETIRING, NULL, host.error, arena, e));
    *ret_host = host;
    *ret_kept = kept;
    return OK;
}
