#include "sandbox/hetzner.h"

#include "hetzner.sql.h"

static const struct field action_row_fields[] = {
    {"id", FIELD_INT, offsetof(struct action_row, id)},
    {"command", FIELD_TEXT, offsetof(struct action_row, command)},
    {"server_id", FIELD_INT, offsetof(struct action_row, server_id)},
    {"started_at", FIELD_TIME, offsetof(struct action_row, started_at)},
    {"finished_at", FIELD_TIME, offsetof(struct action_row, finished_at)},
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

json_t *hetzner_action_json(const struct call *c, const struct action_row *row)
{
    bool running = is_running(c, row);
    return json_packed("{s:I, s:s, s:s, s:i, s:o, s:o, s:[{s:I, s:s}], s:n}", "id",
                       (json_int_t)row->id, "command", row->command, "status",
                       running ? "running" : "success", "progress", progress(c, row), "started",
                       json_time(row->started_at), "finished",
                       running ? json_null() : json_time(row->finished_at), "resources", "id",
                       (json_int_t)row->server_id, "type", "server", "error");
}

enum err hetzner_action_new(struct call *c, const char *command, int64_t server_id,
                            int64_t finished_at, struct action_row *ret_row, struct error *e)
{
    struct action_row row = {
        .command = command,
        .server_id = server_id,
        .started_at = c->now_us,
        .finished_at = finished_at,
    };
    TRY(call_next_number(c, "hetzner_action", 1, &row.id, e));
    TRY(db_exec(c->tx, &action_insert,
                DB_ARGS(db_int(row.id), db_text(command), db_int(server_id), db_int(row.started_at),
                        db_int(finished_at)),
                NULL, e));
    *ret_row = row;
    return OK;
}

/* -- reading ---------------------------------------------------------------------------------- */

enum err hetzner_action_get(struct call *c, struct error *e)
{
    struct action_row row;
    enum err err = db_get(c->tx, &action_get, DB_ARGS(db_int(call_id(c, "id"))), action_row_fields,
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

enum err hetzner_server_actions(struct call *c, struct error *e)
{
    struct page page;
    TRY(hetzner_page_read(c, &page));
    struct server_row server;
    TRY(hetzner_server_of(c, &server, e));
    struct records rows;
    TRY(db_list(c->tx, &action_list_of_server, DB_ARGS(db_int(server.id)), action_row_fields,
                sizeof(struct action_row), HETZNER_ROWS_MAX, c->arena, &rows, e));
    struct action_row *actions = rows.items;
    size_t count = 0;
    for (size_t i = 0; i < rows.count; i++) {
        if (hetzner_query_allows(c, "status", is_running(c, &actions[i]) ? "running" : "success"))
            actions[count++] = actions[i];
    }
    hetzner_page_cut(&page, count);
    json_t *shown = json_array();
    for (size_t i = page.from; i < page.to; i++)
        json_push(shown, hetzner_action_json(c, &actions[i]));
    return hetzner_page_answer(c, &page, "actions", shown);
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
    TRY(hetzner_server_of(c, &row, e));
    TRY(hetzner_refuse_if_locked(c, &row));
    const char *status = phases_at(&row.phases, c->now_us);
    if (!text_eq(status, settled) || text_eq(command, "reboot_server") ||
        text_eq(command, "reset_server"))
        row.phases = phases_via(via, settled, c->now_us, call_delay_us(c));
    row.locked_until = c->now_us + takes_us;
    TRY(hetzner_server_save_phases(c, &row, e));
    struct action_row action;
    TRY(hetzner_action_new(c, command, row.id, row.locked_until, &action, e));
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
