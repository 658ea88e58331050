/* What is recorded about a customer. */
#include "app/api/api.h"
#include "domain/usage/report.h"

enum err api_customer_usage(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct usage_span span = {
        .from = api_query_time(call, "from"),
        .to = api_query_time(call, "to"),
        .step = api_query_enum(call, "step", usage_step_names),
    };
    struct usage_report report;
    const struct api *api = call->api;
    TRY(usage_report(tx, api->env, &api->provisioning->settings->hetzner,
                     http_param(call->request, "customer"), span, call->arena, &call->problems,
                     &report, e));
    api_reply(call, usage_report_json(&report));
    return OK;
}
