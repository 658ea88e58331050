/* The fleet as a whole: what there is, what wants a person, how it was. */
#include "domain/migration/overview.h"
#include "app/api/api.h"
#include "app/api/overview.h"
#include "domain/usage/fleet.h"

#define DAYS_DEFAULT 30

static int64_t days_asked(const struct api_call *call)
{
    int64_t days = DAYS_DEFAULT;
    const char *text = http_query(call->request, "days");
    BUG_ON(text && !str_to_i64(str_from(text), &days)); /* the route's table checked it */
    return days;
}

/* "2026-11-28" */
static const char *day_text(int64_t day, struct arena *arena)
{
    char text[TIME_TEXT_MAX];
    (void)time_text(day * USEC_PER_DAY, text);
    return arena_text_n(arena, text, strcspn(text, "T"));
}

enum err api_overview(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct api *api = call->api;
    struct overview o;
    call->json = api->overview ? overview_cache_get(api->overview, call->arena) : NULL;
    if (call->json)
        return OK;
    TRY(overview_take(tx, api->env, &api->provisioning->settings->hetzner, call->arena, &o, e));
    char now[TIME_TEXT_MAX];
    json_t *reply = json_encode(overview_counts_fields, &o.counts, JSON_KEEP_ABSENT);
    (void)json_object_set_new(reply, "at", json_string(time_text(env_now(api->env), now)));
    (void)json_object_set_new(reply, "policy", json_string(api->policy->name));
    (void)json_object_set_new(reply, "places",
                              json_encode_list(overview_place_fields, o.places,
                                               sizeof(struct overview_place), JSON_KEEP_ABSENT));
    (void)json_object_set_new(
        reply, "alerts",
        json_encode_list(alert_fields, o.alerts, sizeof(struct alert), JSON_KEEP_ABSENT));
    if (api->overview)
        overview_cache_put(api->overview, json_text(reply, call->arena));
    api_reply(call, reply);
    return OK;
}

/* -- over time --------------------------------------------------------------------------------- */

/* The list with each `day` as a date. */
static json_t *with_dates(json_t *list, struct arena *arena)
{
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item)
        (void)json_object_set_new(item, "day",
                                  json_string(day_text(json_get_int(item, "day"), arena)));
    return list;
}

enum err api_fleet_days(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct records days;
    TRY(fleet_days_list(tx, env_now(call->api->env), days_asked(call), call->arena, &days, e));
    json_t *list =
        json_encode_list(fleet_day_fields, days, sizeof(struct fleet_day), JSON_KEEP_ABSENT);
    api_reply(call, json_pack("{s:o}", "days", with_dates(list, call->arena)));
    return OK;
}

enum err api_fleet_tops(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct records tops;
    TRY(fleet_tops_list(tx, call->arena, &tops, e));
    json_t *reply = json_object();
    const struct fleet_top *t = tops.items;
    for (int kind = 0; kind < FLEET_TOP_KINDS; kind++) {
        json_t *list = json_array();
        for (size_t i = 0; i < tops.count; i++) {
            if (t[i].kind == kind)
                (void)json_array_append_new(list,
                                            json_encode(fleet_top_fields, &t[i], JSON_KEEP_ABSENT));
        }
        (void)json_object_set_new(reply, fleet_top_names[kind], list);
    }
    api_reply(call, reply);
    return OK;
}

static json_t *number_or_null(int64_t value)
{
    return value == INT_ABSENT ? json_null() : json_integer(value);
}

static json_t *causes_json(struct records causes)
{
    return json_encode_list(trend_cause_fields, causes, sizeof(struct trend_cause),
                            JSON_KEEP_ABSENT);
}

enum err api_fleet_moves(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct trend t;
    TRY(trend_take(tx, env_now(call->api->env), days_asked(call), call->arena, &t, e));
    json_t *days =
        json_encode_list(trend_day_fields, t.days, sizeof(struct trend_day), JSON_KEEP_ABSENT);
    json_t *reply = json_pack(
        "{s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "completed",
        (json_int_t)t.ends[TREND_COMPLETED], "failed", (json_int_t)t.ends[TREND_FAILED],
        "cancelled", (json_int_t)t.ends[TREND_CANCELLED], "returned",
        (json_int_t)t.ends[TREND_RETURNED], "success_rate",
        t.success == INT_ABSENT ? json_null() : json_decimal(t.success), "took_p50_us",
        number_or_null(t.took_p50), "took_p95_us", number_or_null(t.took_p95), "stall_p50_us",
        number_or_null(t.stall_p50), "stall_max_us", number_or_null(t.stall_max), "whole",
        (int)t.whole, "asked_by", causes_json(t.asked), "failed_of", causes_json(t.failures),
        "days", with_dates(days, call->arena));
    api_reply(call, reply);
    return OK;
}
