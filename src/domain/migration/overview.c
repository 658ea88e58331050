#include "domain/migration/overview.h"

#include "domain/provisioning/capacity.h"
#include "overview.sql.h"

#define PLACES_MAX 16 /* of two words of fixed lists */
#define ALERTS_MAX 16
#define RECENT_US  (7 * USEC_PER_DAY)

#define COUNT(member)                                                                              \
    {                                                                                              \
#member, FIELD_INT, offsetof(struct overview_counts, member)                               \
    }

const char *const alert_kind_names[] = {
    "machines_unwell", "moves_failed", "jobs_discarded", "hosts_failed",
    "slots_short",     "drift",        "queues_paused",  NULL,
};

const char *const alert_severity_names[] = {"warning", "critical", NULL};

const struct field overview_place_fields[] = {
    {"mode", FIELD_ENUM, offsetof(struct overview_place, mode), .names = mode_names},
    {"status", FIELD_ENUM, offsetof(struct overview_place, status),
     .names = deployment_status_names},
    {"count", FIELD_INT, offsetof(struct overview_place, count)},
    FIELD_END,
};

const struct field overview_counts_fields[] = {
    COUNT(leaving),        COUNT(proposals),       COUNT(moves_running),
    COUNT(moves_failed),   COUNT(jobs_discarded),  COUNT(jobs_retryable),
    COUNT(jobs_executing), COUNT(queues_paused),   COUNT(drift),
    COUNT(hosts),          COUNT(hosts_failed),    COUNT(slots),
    COUNT(slots_used),     COUNT(machines_unwell), FIELD_END,
};

const struct field alert_fields[] = {
    {"severity", FIELD_ENUM, offsetof(struct alert, severity), .names = alert_severity_names},
    {"kind", FIELD_TEXT, offsetof(struct alert, kind)},
    {"count", FIELD_INT, offsetof(struct alert, count)},
    {"text", FIELD_TEXT, offsetof(struct alert, text)},
    FIELD_END,
};

/* -- alerts ------------------------------------------------------------------------------------ */

struct alerts {
    struct arena *arena;
    struct alert *items;
    size_t count;
};

/* "3 jobs were given up"; nothing when there are none. `%s` stands for the number. */
static void alert(struct alerts *a, enum alert_severity severity, const char *kind, int64_t count,
                  const char *one, const char *many)
{
    if (count == 0)
        return;
    BUG_ON(a->count == ALERTS_MAX || enum_from_text(alert_kind_names, str_from(kind)) < 0);
    const char *more = count >= OVERVIEW_COUNT_MAX ? "at least " : "";
    a->items[a->count++] = (struct alert){
        .severity = (int)severity,
        .kind = kind,
        .count = count,
        .text =
            count == 1 ? one : arena_printf(a->arena, "%s%lld %s", more, (long long)count, many),
    };
}

static int64_t locations_short(struct records locations)
{
    const struct capacity *c = locations.items;
    int64_t count = 0;
    for (size_t i = 0; i < locations.count; i++)
        count += c[i].shortfall > 0 && (c[i].at_hosts_max || c[i].failures > 0);
    return count;
}

static void find_alerts(struct alerts *a, const struct overview_counts *c, struct records locations)
{
    alert(a, ALERT_CRITICAL, "machines_unwell", c->machines_unwell,
          "1 machine of a dedicated instance does not work",
          "machines of dedicated instances do not work");
    alert(a, ALERT_CRITICAL, "moves_failed", c->moves_failed,
          "1 move failed within the last seven days", "moves failed within the last seven days");
    alert(a, ALERT_CRITICAL, "jobs_discarded", c->jobs_discarded,
          "1 job was given up after its last attempt",
          "jobs were given up after their last attempt");
    alert(a, ALERT_WARNING, "hosts_failed", c->hosts_failed, "1 shared server could not be set up",
          "shared servers could not be set up");
    alert(a, ALERT_WARNING, "slots_short", locations_short(locations),
          "1 location has too few free slots and gets no more servers",
          "locations have too few free slots and get no more servers");
    alert(a, ALERT_WARNING, "drift", c->drift, "1 thing in the clouds differs from the database",
          "things in the clouds differ from the database");
    alert(a, ALERT_WARNING, "queues_paused", c->queues_paused, "1 queue is paused",
          "queues are paused");
}

enum err overview_places(struct db_tx *tx, struct arena *arena, struct records *ret,
                         struct error *e)
{
    struct overview_place *places = arena_new_array(arena, PLACES_MAX, struct overview_place);
    size_t count = 0;
    for (int mode = 0; mode_names[mode]; mode++) {
        for (int status = 0; deployment_status_names[status]; status++) {
            struct overview_place place = {.mode = mode, .status = status};
            TRY(db_get_int(
                tx, &overview_deployments,
                DB_ARGS(db_text(mode_names[mode]), db_text(deployment_status_names[status])),
                &place.count, e));
            BUG_ON(count == PLACES_MAX);
            if (place.count > 0)
                places[count++] = place;
        }
    }
    *ret = (struct records){places, count};
    return OK;
}

enum err overview_take(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                       struct arena *arena, struct overview *ret, struct error *e)
{
    struct overview o = {0};
    struct records locations;
    struct alerts alerts = {arena, arena_new_array(arena, ALERTS_MAX, struct alert), 0};
    int64_t recent = env_now(env) - RECENT_US;
    TRY(overview_places(tx, arena, &o.places, e));
    TRY(db_get(tx, &overview_counts, DB_ARGS(db_int(recent)), overview_counts_fields, arena,
               &o.counts, e));
    TRY(capacity_list(tx, env, s, arena, &locations, e));
    find_alerts(&alerts, &o.counts, locations);
    o.alerts = (struct records){alerts.items, alerts.count};
    *ret = o;
    return OK;
}
