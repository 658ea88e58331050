/* Moves between modes: asked for, looked at, stopped. */
#include "app/api/api.h"
#include "domain/migration/move.h"

#define REASON_MAX 500

static const struct field migrate_fields[] = {
    {"customer_id", FIELD_TEXT, offsetof(struct move_wish, customer), .required = true,
     .help = "id or slug"},
    {"target_mode", FIELD_TEXT, offsetof(struct move_wish, target_mode), .required = true,
     .help = "multi_tenant or single_tenant"},
    {"reason", FIELD_TEXT, offsetof(struct move_wish, reason), .max_len = REASON_MAX,
     .check = name_check, .help = "why, for those who read it later"},
    FIELD_END,
};

const struct api_body api_migrate_body = {
    migrate_fields,
    sizeof(struct move_wish),
    "{\"customer_id\":\"corner-bakery\",\"target_mode\":\"single_tenant\","
    "\"reason\":\"it asked for a place of its own\"}",
};

enum err api_migrate(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct api *api = call->api;
    struct move move;
    const struct prices *prices;
    TRY(price_book_now(api->prices, tx, call->arena, &prices, e));
    TRY(move_request(tx, api->env, api->policy, prices, call->actor, call->body, call->arena,
                     &call->problems, &move, e));
    const char *message = arena_printf(call->arena, "Migration from %s to %s started",
                                       mode_labels[move.from_mode], mode_labels[move.to_mode]);
    api_reply(call, json_pack("{s:s, s:s, s:s}", "status", "success", "message", message,
                              "migration_id", move.id));
    call->status = 202;
    return OK;
}

static json_t *move_list_json(struct records moves)
{
    json_t *list = json_array();
    const struct move *items = moves.items;
    for (size_t i = 0; i < moves.count; i++)
        (void)json_array_append_new(list, move_json(&items[i]));
    return list;
}

enum err api_migrations(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct move_filter filter = {.state = http_query(call->request, "state")};
    struct page page = api_page(call);
    struct records moves;
    const char *next, *customer_name = http_query(call->request, "customer");
    if (customer_name) {
        struct customer customer;
        TRY(customer_find(tx, customer_name, call->arena, &customer, e));
        filter.customer_id = customer.id;
    }
    TRY(move_list(tx, &filter, page, call->arena, &moves, &next, e));
    api_reply_list(call, "migrations", move_list_json(moves), next);
    return OK;
}

enum err api_migration(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct move move;
    TRY(move_find(tx, http_param(call->request, "id"), call->arena, &move, e));
    api_reply(call, move_json(&move));
    return OK;
}

enum err api_migration_cancel(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct move move;
    TRY(move_cancel(tx, call->api->env, call->actor, http_param(call->request, "id"), call->arena,
                    &move, e));
    api_reply(call, move_json(&move));
    call->status = 202;
    return OK;
}
