/* Jobs: what is waiting, running, done and failed, and the two things a person does about it. */
#include "app/api/api.h"
#include "domain/accounts/customer.h"

enum err api_jobs(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct job_filter filter = {.queue = http_query(call->request, "queue")};
    struct page page;
    struct records jobs;
    const char *next, *customer_name = http_query(call->request, "customer");
    TRY(api_enum_filter(call, "state", job_state_names, &filter.state, e));
    TRY(api_page(call, &page, e));
    if (customer_name) {
        struct customer customer;
        TRY(customer_find(tx, customer_name, call->arena, &customer, e));
        filter.customer_id = customer.id;
    }
    TRY(job_list(tx, &filter, page, call->arena, &jobs, &next, e));
    api_reply_list(call, "jobs", json_encode_list(job_fields, jobs, sizeof(struct job), 0), next);
    return OK;
}

static enum err reply_job(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const char *id = http_param(call->request, "id");
    struct job job;
    struct records errors;
    TRY(job_find(tx, id, call->arena, &job, e));
    TRY(job_error_list(tx, id, call->arena, &errors, e));
    json_t *reply = json_encode(job_fields, &job, JSON_KEEP_ABSENT);
    (void)json_object_set_new(
        reply, "errors", json_encode_list(job_error_fields, errors, sizeof(struct job_error), 0));
    api_reply(call, reply);
    return OK;
}

enum err api_job(struct db_tx *tx, struct api_call *call, struct error *e)
{
    return reply_job(tx, call, e);
}

enum err api_job_retry(struct db_tx *tx, struct api_call *call, struct error *e)
{
    TRY(job_retry(tx, call->api->env, call->actor, http_param(call->request, "id"), call->arena,
                  e));
    return reply_job(tx, call, e);
}

enum err api_job_cancel(struct db_tx *tx, struct api_call *call, struct error *e)
{
    TRY(job_cancel(tx, call->api->env, call->actor, http_param(call->request, "id"), call->arena,
                   e));
    return reply_job(tx, call, e);
}
