/*
 * What there is to know about a machine besides its state: events, versions, health checks, memory,
 * cordon. Nothing runs inside a machine here, so executing a command in one is refused.
 */
#include "sandbox/fly.h"
#include "sandbox/settings.h"

#include "fly.sql.h"

#define EVENTS_DEFAULT 20
#define EVENTS_MAX     50

struct event_row {
    int64_t number, at;
    const char *machine_id, *type, *status;
};

static const struct field event_row_fields[] = {
    {"number", FIELD_INT, offsetof(struct event_row, number)},
    {"machine_id", FIELD_TEXT, offsetof(struct event_row, machine_id)},
    {"type", FIELD_TEXT, offsetof(struct event_row, type)},
    {"status", FIELD_TEXT, offsetof(struct event_row, status)},
    {"at", FIELD_TIME, offsetof(struct event_row, at)},
    FIELD_END,
};

struct version_row {
    const char *machine_id, *version, *config;
};

static const struct field version_row_fields[] = {
    {"machine_id", FIELD_TEXT, offsetof(struct version_row, machine_id)},
    {"version", FIELD_TEXT, offsetof(struct version_row, version)},
    {"config", FIELD_JSON, offsetof(struct version_row, config)},
    FIELD_END,
};

enum err fly_event_add(struct call *c, const struct machine_row *row, const char *type,
                       struct error *e)
{
    int64_t number;
    TRY(call_next_number(c, "fly_event", 1, &number, e));
    return db_exec(c->tx, &event_insert,
                   DB_ARGS(db_int(number), db_text(row->id), db_text(type),
                           db_text(fly_machine_state(c, row)), db_int(c->now_us)),
                   NULL, e);
}

enum err fly_version_add(struct call *c, const struct machine_row *row, struct error *e)
{
    return db_exec(c->tx, &version_insert,
                   DB_ARGS(db_text(row->id), db_text(row->instance_id), db_text(row->config)), NULL,
                   e);
}

enum err fly_event_list(struct call *c, struct error *e)
{
    struct machine_row machine;
    TRY(fly_machine_of(c, &machine, e));
    const char *text = http_query(c->request, "limit");
    int64_t limit = EVENTS_DEFAULT;
    if (text && (!str_to_i64(str_from(text), &limit) || limit < 1 || limit > EVENTS_MAX))
        return call_refuse(c, 400, NULL, "invalid_argument: limit must be 1 to %d", EVENTS_MAX);
    struct records rows;
    TRY(db_list(c->tx, &event_list, DB_ARGS(db_text(machine.id), db_int(limit)), event_row_fields,
                sizeof(struct event_row), EVENTS_MAX, c->arena, &rows, e));
    json_t *list = json_array();
    for (size_t i = 0; i < rows.count; i++) {
        const struct event_row *row = &((const struct event_row *)rows.items)[i];
        json_push(list, json_packed("{s:s, s:s, s:s, s:s, s:I}", "id",
                                    arena_printf(c->arena, "%026lld", (long long)row->number),
                                    "type", row->type, "status", row->status, "source", "user",
                                    "timestamp", (json_int_t)(row->at / USEC_PER_MS)));
    }
    return call_answer(c, 200, list);
}

enum err fly_version_list(struct call *c, struct error *e)
{
    struct machine_row machine;
    TRY(fly_machine_of(c, &machine, e));
    struct records rows;
    TRY(db_list(c->tx, &version_list, DB_ARGS(db_text(machine.id)), version_row_fields,
                sizeof(struct version_row), FLY_ROWS_MAX, c->arena, &rows, e));
    json_t *list = json_array();
    for (size_t i = 0; i < rows.count; i++) {
        const struct version_row *row = &((const struct version_row *)rows.items)[i];
        json_t *config = NULL;
        BUG_ON(json_parse(str_from(row->config), &config, NULL) != OK);
        json_push(list, json_packed("{s:s, s:o}", "version", row->version, "user_config", config));
    }
    return call_answer(c, 200, list);
}

/* -- health checks ---------------------------------------------------------------------------- */

static void add_check(const struct call *c, const struct machine_row *row, const char *name,
                      json_t *list)
{
    const char *set = settings_check(c, row->id, row->name, name);
    bool is_up = text_eq(fly_machine_state(c, row), "started");
    const char *status = set ? set : is_up ? "passing" : "critical";
    json_push(list, json_packed("{s:s, s:s, s:s, s:o}", "name", name, "status", status, "output",
                                text_eq(status, "passing") ? "200 OK" : "connection refused",
                                "updated_at", json_time(row->updated_at)));
}

json_t *fly_machine_checks(const struct call *c, const struct machine_row *row,
                           const json_t *config)
{
    json_t *list = json_array(), *service, *check;
    const char *name;
    json_object_foreach (json_object_get(config, "checks"), name, check)
        add_check(c, row, name, list);
    size_t i, k;
    json_array_foreach (json_object_get(config, "services"), i, service) {
        json_array_foreach (json_object_get(service, "checks"), k, check) {
            const char *type = json_get_text(check, "type");
            add_check(c, row,
                      arena_printf(c->arena, "servicecheck-%02zu-%s-%lld", k, type ? type : "tcp",
                                   (long long)json_get_int(service, "internal_port")),
                      list);
        }
    }
    return list;
}

/* -- cordon, memory, exec --------------------------------------------------------------------- */

static enum err set_cordoned(struct call *c, bool cordoned, struct error *e)
{
    struct machine_row row;
    TRY(fly_machine_to_change(c, &row, e));
    TRY(db_exec(c->tx, &machine_set_cordoned, DB_ARGS(db_text(row.id), db_int(cordoned)), NULL, e));
    TRY(fly_event_add(c, &row, cordoned ? "cordon" : "uncordon", e));
    return call_answer(c, 200, json_packed("{s:b}", "ok", 1));
}

enum err fly_machine_cordon(struct call *c, struct error *e)
{
    return set_cordoned(c, true, e);
}

enum err fly_machine_uncordon(struct call *c, struct error *e)
{
    return set_cordoned(c, false, e);
}

static int64_t memory_of(const struct machine_row *row)
{
    _cleanup_json_ json_t *config = NULL;
    BUG_ON(json_parse(str_from(row->config), &config, NULL) != OK);
    return json_get_int(json_object_get(config, "guest"), "memory_mb");
}

static enum err answer_memory(struct call *c, const struct machine_row *row)
{
    int64_t all = memory_of(row);
    int64_t limit = row->memory_limit_mb == INT_ABSENT ? all : row->memory_limit_mb;
    return call_answer(c, 200,
                       json_packed("{s:I, s:I}", "limit_mb", (json_int_t)limit, "available_mb",
                                   (json_int_t)(limit < all ? limit : all)));
}

enum err fly_machine_memory(struct call *c, struct error *e)
{
    struct machine_row row;
    TRY(fly_machine_of(c, &row, e));
    return answer_memory(c, &row);
}

struct memory_input {
    int64_t limit_mb;
};

static const struct field memory_fields[] = {
    {"limit_mb", FIELD_INT, offsetof(struct memory_input, limit_mb), .required = true, .min = 1,
     .max = 131072},
    FIELD_END,
};

enum err fly_machine_set_memory(struct call *c, struct error *e)
{
    struct machine_row row;
    TRY(fly_machine_to_change(c, &row, e));
    struct memory_input in;
    record_clear(memory_fields, &in);
    TRY(call_decode(c, memory_fields, &in));
    if (in.limit_mb > memory_of(&row))
        return call_refuse(c, 400, NULL, "invalid_argument: machine %s has %lld MB", row.id,
                           (long long)memory_of(&row));
    row.memory_limit_mb = in.limit_mb;
    TRY(db_exec(c->tx, &machine_set_memory, DB_ARGS(db_text(row.id), db_int(in.limit_mb)), NULL,
                e));
    return answer_memory(c, &row);
}

enum err fly_machine_exec(struct call *c, struct error *e)
{
    struct machine_row row;
    TRY(fly_machine_of(c, &row, e));
    return call_refuse(c, 501, "unknown",
                       "unimplemented: nothing runs in the sandbox's machines, so there is nothing "
                       "to execute a command in");
}
