/* Jobs: what is waiting, running, done and failed, and what a person does about it. */
#include "app/api/api.h"
#include "domain/accounts/customer.h"
#include "domain/migration/move.h"
#include "domain/provisioning/workers.h"

#include <inttypes.h>

/* {id} of the path; something that is no number names no job. */
static enum err job_id(const struct api_call *call, int64_t *ret_id, struct error *e)
{
    const char *id = http_param(call->request, "id");
    if (!str_to_i64(str_from(id), ret_id))
        return error_set(e, ERR_NOT_FOUND, "there is no job %.40s", id);
    return OK;
}

/* The cursor of a list of jobs is a job's id. */
const char *api_job_cursor_check(const char *text)
{
    int64_t id;
    return str_to_i64(str_from(text), &id) ? NULL : "must be a next_cursor from an earlier page";
}

static enum err add_customer(struct db_tx *tx, const struct api_call *call, const char *customer,
                             struct job_filter *filter, struct error *e)
{
    if (!customer)
        return OK;
    struct customer found;
    TRY(customer_find(tx, customer, call->arena, &found, e));
    filter->customer_id = found.id;
    return OK;
}

enum err api_jobs(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct http_request *r = call->request;
    struct job_filter filter = {
        .state = api_query_enum(call, "state", job_state_names),
        .queue = http_query(r, "queue"),
        .worker = http_query(r, "worker"),
    };
    const char *cursor = http_query(r, "cursor");
    int64_t below = INT_ABSENT, next;
    struct records jobs;
    BUG_ON(cursor && !str_to_i64(str_from(cursor), &below));
    TRY(add_customer(tx, call, http_query(r, "customer"), &filter, e));
    TRY(job_list(tx, &filter, below, api_limit(call), call->arena, &jobs, &next, e));
    api_reply_list(call, "jobs", json_encode_list(job_fields, jobs, sizeof(struct job), 0),
                   next == INT_ABSENT ? NULL : arena_printf(call->arena, "%" PRId64, next));
    return OK;
}

static enum err reply_job(struct db_tx *tx, struct api_call *call, int64_t id, struct error *e)
{
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
    int64_t id;
    TRY(job_id(call, &id, e));
    return reply_job(tx, call, id, e);
}

enum err api_job_retry(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct job job;
    int64_t id;
    TRY(job_id(call, &id, e));
    TRY(job_find(tx, id, call->arena, &job, e));
    TRY(job_retry(tx, call->api->env, call->actor, id, call->arena, e));
    TRY(provisioning_retried(tx, &job, call->arena, e));
    return reply_job(tx, call, id, e);
}

/* A move's job also opens the fence and removes the target: without it nobody would. */
static enum err refuse_move(const struct job *job, struct error *e)
{
    if (text_eq(job->queue, MOVE_QUEUE))
        return error_set(e, ERR_CONFLICT,
                         "job %" PRId64 " belongs to a migration: cancel the migration instead",
                         job->id);
    return OK;
}

enum err api_job_cancel(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct env *env = call->api->env;
    struct job job;
    int64_t id;
    TRY(job_id(call, &id, e));
    TRY(job_find(tx, id, call->arena, &job, e));
    TRY(refuse_move(&job, e));
    TRY(job_cancel(tx, env, call->actor, id, call->arena, e));
    TRY(provisioning_cancelled(tx, env, call->actor, &job, call->arena, e));
    return reply_job(tx, call, id, e);
}

/* -- many at once ----------------------------------------------------------------------------- */

struct retry_request {
    int state; /* enum job_state */
    const char *queue, *worker, *customer;
    int64_t below;
};

static const struct field retry_fields[] = {
    {"state", FIELD_ENUM, offsetof(struct retry_request, state), .required = true,
     .names = job_state_names, .help = "discarded, cancelled or retryable"},
    {"queue", FIELD_TEXT, offsetof(struct retry_request, queue), .help = "only jobs of this queue"},
    {"worker", FIELD_TEXT, offsetof(struct retry_request, worker),
     .help = "only jobs of this worker"},
    {"customer", FIELD_TEXT, offsetof(struct retry_request, customer), .help = "id or slug"},
    {"below", FIELD_INT, offsetof(struct retry_request, below),
     .help = "only jobs with smaller ids: the next_below of the reply before"},
    FIELD_END,
};

const struct api_body api_jobs_retry_body = {
    retry_fields,
    sizeof(struct retry_request),
    "{\"state\":\"discarded\",\"queue\":\"provisioning\"}",
};

enum err api_jobs_retry(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct retry_request *request = call->body;
    struct job_filter filter = {
        .state = request->state, .queue = request->queue, .worker = request->worker};
    int64_t retried, next;
    TRY(add_customer(tx, call, request->customer, &filter, e));
    TRY(job_retry_many(tx, call->api->env, call->actor, &filter, request->below, call->arena,
                       &retried, &next, e));
    TRY(provisioning_retried_many(tx, e));
    bool more = next != INT_ABSENT;
    api_reply(call, json_pack("{s:I, s:b, s:o}", "retried", (json_int_t)retried, "more", more,
                              "next_below", more ? json_integer(next) : json_null()));
    return OK;
}
