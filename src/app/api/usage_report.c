/* What is recorded about a customer. */
#include "app/api/api.h"
#include "domain/usage/report.h"

/* `from` and `to` are RFC 3339. */
static enum err query_time(struct api_call *call, const char *name, int64_t *ret_time,
                           struct error *e)
{
    const char *text = http_query(call->request, name);
    *ret_time = INT_ABSENT;
    if (!text || time_parse(str_from(text), ret_time))
        return OK;
    problem_add(&call->problems, name, 0, "must be a time as 2026-03-01T00:00:00Z");
    return problems_error(&call->problems, e);
}

enum err api_customer_usage(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct usage_span span;
    struct usage_report report;
    const struct api *api = call->api;
    const char *step = http_query(call->request, "step");
    TRY(query_time(call, "from", &span.from, e));
    TRY(query_time(call, "to", &span.to, e));
    TRY(api_one_of(call, "step", step, usage_step_names, e));
    span.step = step ? enum_from_text(usage_step_names, str_from(step)) : -1;
    TRY(usage_report(tx, api->env, &api->provisioning->settings->hetzner,
                     http_param(call->request, "customer"), span, call->arena, &call->problems,
                     &report, e));
    api_reply(call, usage_report_json(&report));
    return OK;
}
