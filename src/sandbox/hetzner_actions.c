#include "sandbox/hetzner.h"

#include "hetzner.sql.h"

static const struct field action_row_fields[] = {
    {"id", FIELD_INT, offsetof(struct action_row, id)},
    {"command", FIELD_TEXT, offsetof(struct action_row, command)},
    {"subject_kind", FIELD_TEXT, offsetof(struct action_row, about.kind)},
    {"subject_id", FIELD_INT, offsetof(struct action_row, about.id)},
    {"other_kind", FIELD_TEXT, offsetof(struct action_row, about.other_kind)},
    {"other_id", FIELD_INT, offsetof(struct action_row, about.other_id)},
    {"started_at", FIELD_TIME, offsetof(struct action_row, started_at)},
    {"finished_at", FIELD_TIME, offsetof(struct action_row, finished_at)},
    {"failed", FIELD_BOOL, offsetof(struct action_row, failed)},
    FIELD_END,
};

static bool is_running(const struct call *c, const struct action_row *row)
{
    return c->now_us < row->finished_at;
}

static int progress(const struct call *c, const struct action_row *row)
{
    if (!is_running(c, row))
        return 100;
    return (int)((c->now_us - row->started_at) * 100 / (row->finished_at - row->started_at));
}

static const char *status_of(const struct call *c, const struct action_row *row)
{
    if (is_running(c, row))
        return "running";
    return row->failed ? "error" : "success";
}

json_t *hetzner_action_json(const struct call *c, const struct action_row *row)
{
    bool running = is_running(c, row);
    const struct action_about *about = &row->about;
    json_t *resources =
        json_packed("[{s:I, s:s}]", "id", (json_int_t)about->id, "type", about->kind);
    if (about->other_kind)
        json_push(resources, json_packed("{s:I, s:s}", "id", (json_int_t)about->other_id, "type",
                                         about->other_kind));
    json_t *action = json_packed(
        "{s:I, s:s, s:s, s:i, s:o, s:o, s:o, s:n}", "id", (json_int_t)row->id, "command",
        row->command, "status", status_of(c, row), "progress", progress(c, row), "started",
        json_time(row->started_at), "finished", running ? json_null() : json_time(row->finished_at),
        "resources", resources, "error");
    if (!running && row->failed)
        json_put(action, "error",
                 json_packed("{s:s, s:s}", "code", "action_failed", "message", "Action failed"));
    return action;
}

enum err hetzner_action_new(struct call *c, const char *command, struct action_about about,
                            int64_t finished_at, struct action_row *ret_row, struct error *e)
{
    struct action_row row = {
        .command = command,
        .about = about,
        .started_at = c->now_us,
        .finished_at = finished_at,
        .failed = c->must_fail,
    };
    TRY(call_next_number(c, "hetzner_action", 1, &row.id, e));
    TRY(db_exec(c->tx, &action_insert,
                DB_ARGS(db_int(row.id), db_text(command), db_text(about.kind), db_int(about.id),
                        db_text(about.other_kind),
                        db_int(about.other_kind ? about.other_id : INT_ABSENT),
                        db_int(row.started_at), db_int(finished_at), db_int(row.failed)),
                NULL, e));
    *ret_row = row;
    return OK;
}

/* -- reading ---------------------------------------------------------------------------------- */

/* GET /servers/{id}/actions/{action_id} is the same as GET /actions/{id}. */
static int64_t action_id(const struct call *c)
{
    return call_id(c, http_param(c->request, "action_id") ? "action_id" : "id");
}

enum err hetzner_action_get(struct call *c, struct error *e)
{
    struct action_row row;
    enum err err = db_get(c->tx, &action_get, DB_ARGS(db_int(action_id(c))), action_row_fields,
                          c->arena, &row, e);
    if (err == ERR_NOT_FOUND)
        return call_refuse(c, 404, "not_found", "action with ID '%s' not found",
                           http_param(c->request, "id"));
    TRY(err);
    return call_answer(c, 200, json_packed("{s:o}", "action", hetzner_action_json(c, &row)));
}

/* Reads every ?id= that exists into `list`; what does not exist is left out, as the API does. */
static enum err collect(struct call *c, json_t *list, struct error *e)
{
    const struct http_request *r = c->request;
    for (size_t i = 0; i < r->query_count; i++) {
        if (!text_eq(r->query[i].name, "id"))
            continue;
        int64_t id;
        if (!str_to_i64(str_from(r->query[i].value), &id))
            return call_refuse(c, 422, "invalid_input",
                               "invalid input in field 'id': must be a number");
        struct action_row row;
        enum err err =
            db_get(c->tx, &action_get, DB_ARGS(db_int(id)), action_row_fields, c->arena, &row, e);
        if (err == OK)
            json_push(list, hetzner_action_json(c, &row));
        else if (err != ERR_NOT_FOUND)
            return err;
    }
    return OK;
}

enum err hetzner_action_list(struct call *c, struct error *e)
{
    if (!http_query(c->request, "id"))
        return call_refuse(c, 410, "deprecated_api_endpoint",
                           "actions can only be listed by their ids: GET /actions?id=1&id=2");
    _cleanup_json_ json_t *list = json_array();
    TRY(collect(c, list, e));
    return call_answer(c, 200, json_packed("{s:O}", "actions", list));
}

enum err hetzner_actions_answer(struct call *c, const char *kind, int64_t id, struct error *e)
{
    struct records rows;
    TRY(db_list(c->tx, &action_list_about, DB_ARGS(db_text(kind), db_int(id)), action_row_fields,
                sizeof(struct action_row), HETZNER_ROWS_MAX, c->arena, &rows, e));
    struct page page;
    TRY(hetzner_page_read(c, &page));
    struct action_row *actions = rows.items;
    size_t count = 0;
    for (size_t i = 0; i < rows.count; i++) {
        if (hetzner_query_allows(c, "status", status_of(c, &actions[i])))
            actions[count++] = actions[i];
    }
    hetzner_page_cut(&page, count);
    json_t *shown = json_array();
    for (size_t i = page.from; i < page.to; i++)
        json_push(shown, hetzner_action_json(c, &actions[i]));
    return hetzner_page_answer(c, &page, "actions", shown);
}

enum err hetzner_server_actions(struct call *c, struct error *e)
{
    struct server_row server;
    TRY(hetzner_server_of(c, &server, e));
    return hetzner_actions_answer(c, "server", server.id, e);
}

enum err hetzner_server_answer_action(struct call *c, const char *command, struct server_row *row,
                                      struct error *e)
{
    row->locked_until = c->now_us + call_delay_us(c);
    TRY(hetzner_server_save_phases(c, row, e));
    struct action_row action;
    struct action_about about = {"server", row->id, NULL, 0};
    TRY(hetzner_action_new(c, command, about, row->locked_until, &action, e));
    return call_answer(c, 201, json_packed("{s:o}", "action", hetzner_action_json(c, &action)));
}

/* -- power ------------------------------------------------------------------------------------ */

/*
 * Puts the server on its way to `settled` by way of `via` and answers with the action. `takes_us`
 * is how long the action itself runs, and with it the lock.
 */
static enum err change_power(struct call *c, const char *command, const char *via,
                             const char *settled, int64_t takes_us, struct error *e)
{
    struct server_row row;
    TRY(hetzner_server_to_change(c, &row, e));
    const char *status = phases_at(&row.phases, c->now_us);
    bool restarts = text_eq(command, "reboot_server") || text_eq(command, "reset_server");
    if (c->must_fail)
        row.phases = phases_via(via, status, c->now_us, call_delay_us(c));
    else if (!text_eq(status, settled) || restarts)
        row.phases = phases_via(via, settled, c->now_us, call_delay_us(c));
    row.locked_until = c->now_us + takes_us;
    TRY(hetzner_server_save_phases(c, &row, e));
    struct action_row action;
    struct action_about about = {"server", row.id, NULL, 0};
    TRY(hetzner_action_new(c, command, about, row.locked_until, &action, e));
    return call_answer(c, 201, json_packed("{s:o}", "action", hetzner_action_json(c, &action)));
}

enum err hetzner_server_poweron(struct call *c, struct error *e)
{
    return change_power(c, "start_server", "starting", "running", call_delay_us(c), e);
}

enum err hetzner_server_poweroff(struct call *c, struct error *e)
{
    return change_power(c, "stop_server", "stopping", "off", call_delay_us(c), e);
}

/* The action only says that the ACPI signal was sent: it is over at once, the server is not. */
enum err hetzner_server_shutdown(struct call *c, struct error *e)
{
    return change_power(c, "shutdown_server", "running", "off", 0, e);
}

enum err hetzner_server_reboot(struct call *c, struct error *e)
{
    return change_power(c, "reboot_server", "running", "running", call_delay_us(c), e);
}

enum err hetzner_server_reset(struct call *c, struct error *e)
{
    return change_power(c, "reset_server", "running", "running", call_delay_us(c), e);
}
