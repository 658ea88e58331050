/* What customers say, what became of decisions, and what customers cost. */
#include "domain/outcomes/outcomes.h"
#include "app/api/api.h"
#include "domain/outcomes/feedback.h"
#include "domain/outcomes/margins.h"

const struct api_body api_feedback_body = {feedback_wish_fields, sizeof(struct feedback_wish),
                                           "{\"score\":4,\"comment\":\"faster since the move\"}"};

enum err api_feedback_add(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct feedback feedback;
    TRY(feedback_add(tx, call->api->env, call->actor, http_param(call->request, "customer"),
                     call->body, call->arena, &feedback, e));
    api_reply(call, json_encode(feedback_fields, &feedback, JSON_KEEP_ABSENT));
    call->status = 201;
    return OK;
}

static enum err list_feedback(struct db_tx *tx, struct api_call *call, const char *customer_id,
                              struct error *e)
{
    struct records rows;
    const char *next;
    TRY(feedback_list(tx, customer_id, api_page(call), call->arena, &rows, &next, e));
    api_reply_list(call, "feedback",
                   json_encode_list(feedback_fields, rows, sizeof(struct feedback), 0), next);
    return OK;
}

enum err api_feedback(struct db_tx *tx, struct api_call *call, struct error *e)
{
    return list_feedback(tx, call, NULL, e);
}

enum err api_customer_feedback(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct customer customer;
    TRY(customer_find(tx, http_param(call->request, "customer"), call->arena, &customer, e));
    return list_feedback(tx, call, customer.id, e);
}

enum err api_outcomes(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct outcomes_span span = {api_query_since(call, "from"), api_query_since(call, "to")};
    json_t *summary;
    TRY(outcomes_read(tx, call->api->env, span, &call->problems, &summary, e));
    api_reply(call, summary);
    return OK;
}

enum err api_costs(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    struct margins margins;
    TRY(margins_read(call->api->tracker, api_query_enum(call, "mode", mode_names), api_page(call),
                     call->arena, &margins, e));
    api_reply(call, margins_json(&margins));
    return OK;
}
