/* Moves between modes: planned, asked for, looked at, steered. */
#include "app/api/api.h"
#include "domain/migration/plan.h"
#include "domain/migration/progress.h"
#include "domain/migration/proposal.h"

#define REASON_MAX 500

struct migrate_request {
    const char *customer, *target_mode, *reason;
    bool dry_run;
};

#define WISH_FIELDS                                                                                \
    {"customer_id", FIELD_TEXT, offsetof(struct migrate_request, customer), .required = true,      \
     .help = "id or slug"},                                                                        \
    {                                                                                              \
        "target_mode", FIELD_TEXT, offsetof(struct migrate_request, target_mode),                  \
            .required = true, .help = "multi_tenant or single_tenant"                              \
    }

static const struct field migrate_fields[] = {
    WISH_FIELDS,
    {"reason", FIELD_TEXT, offsetof(struct migrate_request, reason), .max_len = REASON_MAX,
     .check = name_check, .help = "why, for those who read it later"},
    {"dry_run", FIELD_BOOL, offsetof(struct migrate_request, dry_run),
     .help = "answer with the plan, and change nothing"},
    FIELD_END,
};

static const struct field plan_fields[] = {WISH_FIELDS, FIELD_END};

const struct api_body api_migrate_body = {
    migrate_fields,
    sizeof(struct migrate_request),
    "{\"customer_id\":\"corner-bakery\",\"target_mode\":\"single_tenant\","
    "\"reason\":\"it asked for a place of its own\"}",
};

const struct api_body api_plan_move_body = {
    plan_fields,
    sizeof(struct migrate_request),
    "{\"customer_id\":\"corner-bakery\",\"target_mode\":\"single_tenant\"}",
};

/* -- plans ------------------------------------------------------------------------------------- */

static struct move_wish wish_of(const struct api_call *call)
{
    const struct migrate_request *request = call->body;
    return (struct move_wish){
        .customer = request->customer,
        .target_mode = request->target_mode,
        .reason = request->reason,
    };
}

static enum err make_plan(struct api_call *call, struct move_plan **ret, struct error *e)
{
    const struct api *api = call->api;
    struct move_planner planner = {api->env, api->policy, api->prices, api->moves};
    struct move_wish wish = wish_of(call);
    struct move_plan *plan = arena_new(call->arena, struct move_plan);
    TRY(move_plan_make(&planner, &wish, call->arena, &call->problems, plan, e));
    *ret = plan;
    return OK;
}

enum err api_plan_move(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    struct move_plan *plan;
    TRY(make_plan(call, &plan, e));
    api_reply(call, move_plan_json(plan));
    return OK;
}

/* Looks into the customer's database, which a transaction of ours must not wait for. */
enum err api_look_at_move(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    struct move_plan *plan;
    TRY(make_plan(call, &plan, e));
    call->found = plan;
    return OK;
}

/* -- asking ------------------------------------------------------------------------------------ */

static enum err start_move(struct db_tx *tx, struct api_call *call, struct move_wish *wish,
                           struct error *e)
{
    const struct api *api = call->api;
    struct move move;
    const struct prices *prices;
    TRY(price_book_now(api->prices, tx, call->arena, &prices, e));
    TRY(move_request(tx, api->env, api->policy, prices, call->actor, wish, call->arena,
                     &call->problems, &move, e));
    const char *message = arena_printf(call->arena, "Migration from %s to %s started",
                                       mode_labels[move.from_mode], mode_labels[move.to_mode]);
    api_reply(call, json_pack("{s:s, s:s, s:s, s:n}", "status", "success", "message", message,
                              "migration_id", move.id, "proposal_id"));
    call->status = 202;
    return OK;
}

/* Two people: this one asks, another one approves. */
static enum err ask_second_person(struct db_tx *tx, struct api_call *call,
                                  const struct move_plan *plan, struct error *e)
{
    const struct api *api = call->api;
    const struct migrate_request *request = call->body;
    const struct judged_move *j = &plan->judged;
    struct proposal proposal;
    const struct prices *prices;
    TRY(price_book_now(api->prices, tx, call->arena, &prices, e));
    struct decided decided = {api->policy, prices, &j->profile, &j->context, &j->decision};
    struct proposal_wish wish = {
        .tracker = api->tracker,
        .customer = &j->customer,
        .decided = &decided,
        .monthly_saving = plan->cost_now - plan->cost_then,
        .notify = api->moves->notify,
        .plan = plan,
        .token_id = call->token.id,
        .reason = request->reason ? request->reason : "requested by hand",
    };
    TRY(proposal_create(tx, call->actor, &wish, call->arena, &proposal, e));
    const char *message = arena_printf(
        call->arena, "The move waits for another person's approval: webhost proposals approve %s",
        proposal.id);
    api_reply(call, json_pack("{s:s, s:s, s:n, s:s}", "status", "pending_approval", "message",
                              message, "migration_id", "proposal_id", proposal.id));
    call->status = 202;
    return OK;
}

enum err api_migrate(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct migrate_request *request = call->body;
    const struct move_plan *plan = call->found;
    struct move_wish wish = wish_of(call);
    if (request->dry_run) {
        api_reply(call, move_plan_json(plan));
        return OK;
    }
    TRY(move_plan_check(plan, call->arena, e));
    if (plan->needs_approval)
        return ask_second_person(tx, call, plan, e);
    wish.schema_sha256 = plan->survey.schema_sha256;
    return start_move(tx, call, &wish, e);
}

/* -- looking ----------------------------------------------------------------------------------- */

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
    json_t *shown;
    TRY(move_find(tx, http_param(call->request, "id"), call->arena, &move, e));
    TRY(move_detail_json(tx, call->api->env, &move, call->arena, &shown, e));
    api_reply(call, shown);
    return OK;
}

/* -- steering ---------------------------------------------------------------------------------- */

typedef enum err verb_fn(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                         struct arena *arena, struct move *ret, struct error *e);

static enum err steer(struct db_tx *tx, struct api_call *call, verb_fn *verb, struct error *e)
{
    struct move move;
    TRY(verb(tx, call->api->env, call->actor, http_param(call->request, "id"), call->arena, &move,
             e));
    api_reply(call, move_json(&move));
    call->status = 202;
    return OK;
}

enum err api_migration_cancel(struct db_tx *tx, struct api_call *call, struct error *e)
{
    return steer(tx, call, move_cancel, e);
}

enum err api_migration_roll_back(struct db_tx *tx, struct api_call *call, struct error *e)
{
    return steer(tx, call, move_roll_back, e);
}

enum err api_migration_finish(struct db_tx *tx, struct api_call *call, struct error *e)
{
    return steer(tx, call, move_finish, e);
}

enum err api_migration_retry(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct api *api = call->api;
    struct move move;
    const struct prices *prices;
    TRY(price_book_now(api->prices, tx, call->arena, &prices, e));
    TRY(move_retry(tx, api->env, api->policy, prices, call->actor, http_param(call->request, "id"),
                   call->arena, &call->problems, &move, e));
    api_reply(call, move_json(&move));
    call->status = 202;
    return OK;
}
