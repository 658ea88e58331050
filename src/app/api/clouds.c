/* The clouds: what was asked of them. */
#include "app/api/api.h"
#include "domain/accounts/customer.h"
#include "domain/provisioning/calls.h"

/* `since` is a time, or how long ago ("24h"). */
static enum err since_of(struct api_call *call, int64_t *ret_since, struct error *e)
{
    const char *text = http_query(call->request, "since");
    int64_t ago;
    *ret_since = INT_ABSENT;
    if (!text || time_parse(str_from(text), ret_since))
        return OK;
    if (duration_parse(str_from(text), &ago)) {
        *ret_since = env_now(call->api->env) - ago;
        return OK;
    }
    problem_add(&call->problems, "since", 0,
                "must be a time (2026-11-23T17:00:00Z) or how long ago (30m, 24h, 7d)");
    return problems_error(&call->problems, e);
}

enum err api_provider_calls(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct http_request *r = call->request;
    struct calls_filter filter = {
        .provider = http_query(r, "provider"),
        .outcome = http_query(r, "outcome"),
        .subject = http_query(r, "host"),
    };
    const char *customer = http_query(r, "customer"), *next;
    struct page page;
    struct records calls;
    TRY(api_page(call, &page, e));
    TRY(api_one_of(call, "provider", filter.provider, infrastructure_names, e));
    TRY(api_one_of(call, "outcome", filter.outcome, call_outcome_names, e));
    TRY(since_of(call, &filter.since, e));
    if (customer) {
        struct customer found;
        TRY(customer_find(tx, customer, call->arena, &found, e));
        filter.customer_id = found.id;
    }
    TRY(calls_list(tx, &filter, page, call->arena, &calls, &next, e));
    api_reply_list(call, "calls",
                   json_encode_list(provider_call_fields, calls, sizeof(struct provider_call), 0),
                   next);
    return OK;
}
