/* The plan's admin endpoints: evaluate, and the status of a customer's deployment. */
#include "app/api/api.h"
#include "domain/accounts/decisions.h"
#include "domain/accounts/evaluation.h"
#include "domain/migration/move.h"
#include "domain/usage/report.h"

/* -- usage ------------------------------------------------------------------------------------ */

/*
 * Until the collector has been there, vehicles and points are read from the tenant's own database,
 * outside of any transaction of ours. A tenant that has no database yet, or whose database is being
 * deleted, has none either.
 */
static enum err count_now(const struct api_call *call, const struct deployment *d, json_t *metrics,
                          struct error *e)
{
    struct tenant_usage usage;
    if (!d->database_url || d->status >= DEPLOYMENT_RETIRING)
        return OK;
    TRY(tenant_measure(call->api->provisioning->stores, d->database_url, d->customer_id,
                       env_now(call->api->env), &usage, e));
    _cleanup_json_ json_t *counted = json_encode(tenant_usage_fields, &usage, JSON_KEEP_ABSENT);
    const char *key;
    json_t *value;
    json_object_foreach (counted, key, value) {
        if (json_is_null(json_object_get(metrics, key))) /* points may have come as events */
            (void)json_object_set(metrics, key, value);
    }
    return OK;
}

/* -- evaluate --------------------------------------------------------------------------------- */

struct evaluate_request {
    const char *customer_id;
    struct profile_form form;
};

static const struct field evaluate_fields[] = {
    {"customer_id", FIELD_TEXT, offsetof(struct evaluate_request, customer_id), .required = true,
     .help = "id or slug"},
    PROFILE_FORM_FIELDS(offsetof(struct evaluate_request, form)),
    FIELD_END,
};

const struct api_body api_evaluate_body = {
    evaluate_fields,
    sizeof(struct evaluate_request),
    "{\"customer_id\":\"corner-bakery\",\"budget\":300,\"vehicle_count\":40}",
};

struct evaluate_work {
    struct api_call *call;
    struct evaluation evaluation;
    const struct prices *prices;
    json_t *deployment, *metrics;
    bool counted;
};

static enum err evaluate_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct evaluate_work *w = arg;
    struct api_call *call = w->call;
    const struct evaluate_request *request = call->body;
    TRY(evaluate_customer(tx, call->api->policy, request->customer_id, &request->form, call->arena,
                          &call->problems, &w->evaluation, e));
    TRY(price_book_now(call->api->prices, tx, call->arena, &w->prices, e));
    TRY(usage_metrics(tx, call->api->env, w->evaluation.customer.id, call->arena, &w->metrics,
                      &w->counted, e));
    enum err err = deployment_json(tx, &w->evaluation.current, call->arena, &w->deployment, e);
    if (err != OK)
        json_decref(w->metrics);
    return err;
}

enum err api_evaluate(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    const struct api *api = call->api;
    struct evaluate_work w = {.call = call};
    const struct evaluation *v = &w.evaluation;
    TRY(db_read(api->env->db, evaluate_work, &w, e));
    enum err err = w.counted ? OK : count_now(call, &v->current, w.metrics, e);
    if (err != OK) {
        json_decref(w.deployment);
        json_decref(w.metrics);
        return err;
    }
    struct decided decided = {api->policy, w.prices, &v->profile, &v->context, &v->decision};
    api_reply(call,
              json_pack("{s:s, s:o, s:o, s:b, s:o}", "customer_id", v->customer.id,
                        "current_deployment", w.deployment, "recommended", decision_json(&decided),
                        "migration_due", (int)v->migration_due, "usage_metrics", w.metrics));
    return OK;
}

/* -- status ----------------------------------------------------------------------------------- */

struct status_work {
    struct api_call *call;
    struct deployment current;
    json_t *reply, *metrics; /* the second is part of the first */
    bool counted;
};

/* "none", or where the customer's latest move stands, and the move itself. */
static enum err add_migration(struct db_tx *tx, struct api_call *call, const char *customer_id,
                              json_t *reply, struct error *e)
{
    struct move move;
    enum err err = move_latest(tx, customer_id, call->arena, &move, e);
    if (err != OK && err != ERR_NOT_FOUND)
        return err;
    bool none = err == ERR_NOT_FOUND;
    (void)json_object_set_new(reply, "migration_status",
                              json_string(none ? "none" : move_state_names[move.state]));
    (void)json_object_set_new(reply, "migration", none ? json_null() : move_json(&move));
    return OK;
}

static enum err status_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct status_work *w = arg;
    struct api_call *call = w->call;
    struct customer customer;
    struct decision_record decision;
    struct records jobs;
    json_t *deployment;
    _cleanup_json_ json_t *reply = json_object();
    TRY(customer_find(tx, http_param(call->request, "customer"), call->arena, &customer, e));
    TRY(deployment_current(tx, customer.id, call->arena, &w->current, e));
    TRY(add_migration(tx, call, customer.id, reply, e));
    TRY(api_add_offboarding(tx, call, customer.id, reply, e));
    TRY(decision_record_latest(tx, customer.id, call->arena, &decision, e));
    TRY(job_list_unfinished(tx, customer.id, call->arena, &jobs, e));
    TRY(deployment_json(tx, &w->current, call->arena, &deployment, e));
    (void)json_object_set_new(reply, "customer_id", json_string(customer.id));
    (void)json_object_set_new(reply, "customer",
                              json_encode(customer_fields, &customer, JSON_KEEP_ABSENT));
    (void)json_object_set_new(reply, "deployment", deployment);
    (void)json_object_set_new(reply, "last_decision", decision_record_json(&decision));
    (void)json_object_set_new(reply, "jobs",
                              json_encode_list(job_fields, jobs, sizeof(struct job), 0));
    TRY(usage_metrics(tx, call->api->env, customer.id, call->arena, &w->metrics, &w->counted, e));
    (void)json_object_set_new(reply, "usage_metrics", w->metrics);
    w->reply = json_incref(reply);
    return OK;
}

enum err api_status(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    struct status_work w = {.call = call};
    TRY(db_read(call->api->env->db, status_work, &w, e));
    api_reply(call, w.reply);
    return w.counted ? OK : count_now(call, &w.current, w.metrics, e);
}
