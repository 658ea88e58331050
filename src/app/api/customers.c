/* Signing up, and what is known about customers and the decisions about them. */
#include "app/api/api.h"
#include "domain/accounts/signup.h"
#include "domain/accounts/subscription.h"

/* A customer as the API shows it: its profile as an object, everything else as it is. */
static json_t *customer_json(const struct customer *customer)
{
    return json_encode(customer_fields, customer, JSON_KEEP_ABSENT);
}

static json_t *job_summary(const struct job *job)
{
    return json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)job->id, "worker", job->worker,
                     "queue", job->queue, "state", job_state_names[job->state]);
}

const struct api_body api_signup_body = {
    signup_fields,
    sizeof(struct signup),
    "{\"name\":\"Bolt "
    "Couriers\",\"slug\":\"bolt\",\"email\":\"ops@bolt.example\",\"plan_slug\":\"hobby\","
    "\"profile_overrides\":{\"budget\":30,\"vehicle_count\":2}}",
};

enum err api_signup(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct api *api = call->api;
    struct signed_up done;
    const struct prices *prices;
    json_t *deployment;
    TRY(price_book_now(api->prices, tx, call->arena, &prices, e));
    TRY(signup(tx, api->env, api->policy, prices, call->actor, call->body, call->arena,
               &call->problems, &done, e));
    TRY(deployment_json(tx, &done.deployment, call->arena, &deployment, e));

    json_t *reply = json_object();
    (void)json_object_set_new(reply, "customer", customer_json(&done.customer));
    (void)json_object_set_new(reply, "deployment", deployment);
    (void)json_object_set_new(reply, "decision", decision_record_json(&done.decision));
    (void)json_object_set_new(reply, "job", job_summary(&done.job));
    api_reply(call, reply);
    call->status = 201;
    return OK;
}

enum err api_plans(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct records plans;
    TRY(plan_list(tx, call->arena, &plans, e));
    api_reply_list(call, "plans",
                   json_encode_list(plan_offer_fields, plans, sizeof(struct plan_offer), 0), NULL);
    return OK;
}

enum err api_customers(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct customer_filter filter = {
        .mode = http_query(call->request, "mode"),
        .status = http_query(call->request, "status"),
        .search = http_query(call->request, "q"),
    };
    struct page page = api_page(call);
    struct records customers;
    const char *next;
    TRY(customer_list(tx, &filter, page, call->arena, &customers, &next, e));
    api_reply_list(call, "customers",
                   json_encode_list(customer_fields, customers, sizeof(struct customer), 0), next);
    return OK;
}

enum err api_customer(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct customer customer;
    struct deployment deployment;
    struct decision_record decision;
    json_t *deployment_object;
    TRY(customer_find(tx, http_param(call->request, "customer"), call->arena, &customer, e));
    TRY(deployment_current(tx, customer.id, call->arena, &deployment, e));
    TRY(decision_record_latest(tx, customer.id, call->arena, &decision, e));
    TRY(deployment_json(tx, &deployment, call->arena, &deployment_object, e));

    json_t *reply = customer_json(&customer);
    (void)json_object_set_new(reply, "deployment", deployment_object);
    (void)json_object_set_new(reply, "last_decision", decision_record_json(&decision));
    api_reply(call, reply);
    return api_add_offboarding(tx, call, customer.id, reply, e);
}

struct customer_change {
    int plan; /* enum plan */
};

static const struct field customer_change_fields[] = {
    {"plan", FIELD_ENUM, offsetof(struct customer_change, plan), .required = true,
     .names = plan_names, .help = "hobby, starter, professional or business"},
    FIELD_END,
};

const struct api_body api_customer_change_body = {
    customer_change_fields,
    sizeof(struct customer_change),
    "{\"plan\":\"business\"}",
};

enum err api_customer_change(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct customer_change *change = call->body;
    struct resubscribed done;
    json_t *deployment;
    TRY(subscription_change(tx, call->api->env, call->api->policy, call->actor,
                            http_param(call->request, "customer"), (enum plan)change->plan,
                            call->arena, &done, e));
    TRY(deployment_json(tx, &done.deployment, call->arena, &deployment, e));
    api_reply(call,
              json_pack("{s:o, s:o, s:o}", "customer", customer_json(&done.customer), "deployment",
                        deployment, "job", done.scales ? job_summary(&done.job) : json_null()));
    call->status = done.scales ? 202 : 200;
    return OK;
}

enum err api_customer_decisions(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct customer customer;
    struct page page = api_page(call);
    struct records decisions;
    const char *next;
    TRY(customer_find(tx, http_param(call->request, "customer"), call->arena, &customer, e));
    TRY(decision_record_list(tx, customer.id, page, call->arena, &decisions, &next, e));
    api_reply_list(call, "decisions",
                   json_encode_list(decision_record_fields, decisions,
                                    sizeof(struct decision_record), JSON_OMIT_ABSENT),
                   next);
    return OK;
}

enum err api_decision(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct decision_record decision;
    TRY(decision_record_find(tx, http_param(call->request, "id"), call->arena, &decision, e));
    api_reply(call, decision_record_json(&decision));
    return OK;
}
