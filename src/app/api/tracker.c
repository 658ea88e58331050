/* The tracker: sweeps, what they made of a customer, proposals, policies tried on recorded facts.
 */
#include "app/api/api.h"
#include "domain/migration/proposal.h"
#include "domain/usage/simulate.h"

#define COMMENT_MAX 500

/* -- sweeps ------------------------------------------------------------------------------------ */

struct sweep_request {
    bool dry_run;
};

static const struct field sweep_request_fields[] = {
    {"dry_run", FIELD_BOOL, offsetof(struct sweep_request, dry_run),
     .help = "tell what a sweep would find, and change nothing"},
    FIELD_END,
};

const struct api_body api_sweep_body = {
    sweep_request_fields,
    sizeof(struct sweep_request),
    "{\"dry_run\":true}",
};

struct sweep_work {
    struct api_call *call;
    struct job job;
};

static enum err enqueue_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct sweep_work *w = arg;
    return sweep_enqueue(tx, w->call->api->env, w->call->actor, w->call->arena, &w->job, e);
}

/* A dry run looks at every customer, in transactions of its own. */
enum err api_sweep(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    const struct api *api = call->api;
    const struct sweep_request *request = call->body;
    if (request->dry_run) {
        struct sweep sweep;
        TRY(sweep_run(api->tracker, call->actor, true, call->arena, &sweep, e));
        api_reply(call, json_encode(sweep_fields, &sweep, JSON_OMIT_ABSENT));
        return OK;
    }
    struct sweep_work w = {.call = call};
    TRY(db_write(api->env->db, enqueue_work, &w, e));
    runner_wake(api->runner);
    api_reply(call, json_pack("{s:I}", "job_id", (json_int_t)w.job.id));
    call->status = 202;
    return OK;
}

enum err api_sweeps(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct page page = api_page(call);
    struct records sweeps;
    const char *next;
    TRY(sweep_list(tx, page, call->arena, &sweeps, &next, e));
    api_reply_list(call, "sweeps",
                   json_encode_list(sweep_fields, sweeps, sizeof(struct sweep), JSON_KEEP_ABSENT),
                   next);
    return OK;
}

/* -- one customer ------------------------------------------------------------------------------ */

enum err api_customer_tracker(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct tracker *tracker = call->api->tracker;
    struct customer customer;
    struct tracked tracked;
    struct proposal proposal;
    TRY(customer_find(tx, http_param(call->request, "customer"), call->arena, &customer, e));
    TRY(tracked_find(tx, tracker, customer.id, STANDING_NOTHING, call->arena, &tracked, e));
    enum err err = proposal_pending_of(tx, customer.id, call->arena, &proposal, e);
    if (err != OK && err != ERR_NOT_FOUND)
        return err;
    json_t *facts = json_encode(facts_fields, &tracked.facts, JSON_KEEP_ABSENT);
    (void)json_object_del(facts, "customer_id");
    api_reply(call, json_pack("{s:s, s:s, s:o, s:o, s:o}", "customer_id", customer.id, "customer",
                              customer.slug, "tracker",
                              tracked_json(&tracked, tracker, call->arena), "proposal",
                              err == OK ? proposal_json(&proposal, JSON_OMIT_ABSENT) : json_null(),
                              "facts", facts));
    return OK;
}

/* -- proposals --------------------------------------------------------------------------------- */

static struct answerer answerer_of(const struct api_call *call)
{
    return (struct answerer){call->api->env, call->api->moves->notify, call->actor, call->token.id};
}

static json_t *proposal_list_json(struct records proposals)
{
    json_t *list = json_array();
    const struct proposal *items = proposals.items;
    for (size_t i = 0; i < proposals.count; i++)
        (void)json_array_append_new(list, proposal_json(&items[i], JSON_KEEP_ABSENT));
    return list;
}

enum err api_proposals(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct proposal_filter filter = {.state = http_query(call->request, "state")};
    struct page page = api_page(call);
    struct records proposals;
    const char *next, *customer_name = http_query(call->request, "customer");
    if (customer_name) {
        struct customer customer;
        TRY(customer_find(tx, customer_name, call->arena, &customer, e));
        filter.customer_id = customer.id;
    }
    TRY(proposal_list(tx, &filter, page, call->arena, &proposals, &next, e));
    api_reply_list(call, "proposals", proposal_list_json(proposals), next);
    return OK;
}

enum err api_proposal(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct proposal proposal;
    TRY(proposal_find(tx, http_param(call->request, "id"), call->arena, &proposal, e));
    api_reply(call, proposal_json(&proposal, JSON_KEEP_ABSENT));
    return OK;
}

/* Makes the plan again, which takes a look into the customer's database. */
enum err api_recheck_proposal(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    const struct api *api = call->api;
    struct move_planner planner = {api->env, api->policy, api->prices, api->moves};
    struct answerer by = answerer_of(call);
    const char **schema = arena_new(call->arena, const char *);
    TRY(proposal_recheck(&planner, &by, http_param(call->request, "id"), call->arena, schema, e));
    call->found = schema;
    return OK;
}

enum err api_proposal_approve(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct proposal proposal;
    struct answerer by = answerer_of(call);
    const char *const *schema = call->found;
    TRY(proposal_approve(tx, call->api->tracker, &by, http_param(call->request, "id"), *schema,
                         call->arena, &proposal, e));
    api_reply(call, proposal_json(&proposal, JSON_KEEP_ABSENT));
    call->status = 202;
    return OK;
}

struct reject_request {
    const char *comment;
};

static const struct field reject_fields[] = {
    {"comment", FIELD_TEXT, offsetof(struct reject_request, comment), .max_len = COMMENT_MAX,
     .check = name_check, .help = "why, for those who read it later"},
    FIELD_END,
};

const struct api_body api_proposal_reject_body = {
    reject_fields,
    sizeof(struct reject_request),
    "{\"comment\":\"not in their busy season\"}",
};

enum err api_proposal_reject(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct reject_request *request = call->body;
    struct proposal proposal;
    struct answerer by = answerer_of(call);
    TRY(proposal_reject(tx, &by, http_param(call->request, "id"), request->comment, call->arena,
                        &proposal, e));
    api_reply(call, proposal_json(&proposal, JSON_KEEP_ABSENT));
    return OK;
}

/* -- policies tried on recorded facts ---------------------------------------------------------- */

struct simulate_request {
    const char *policy;
};

static const struct field simulate_fields[] = {
    {"policy", FIELD_TEXT, offsetof(struct simulate_request, policy), .required = true,
     .max_len = POLICY_FILE_MAX, .help = "a policy's text, or the name of one in the program"},
    FIELD_END,
};

const struct api_body api_simulate_body = {
    simulate_fields,
    sizeof(struct simulate_request),
    "{\"policy\":\"plan-v1\"}",
};

/* The problems of the text are told under its field, each with its line. */
static enum err read_policy(struct api_call *call, const char *text, struct policy **ret,
                            struct error *e)
{
    struct problems problems = {.arena = call->arena};
    struct policy *policy = policy_builtin(text);
    if (!policy)
        policy = policy_parse(str_from(text), &problems);
    for (size_t i = 0; !policy && i < problems.count; i++) {
        const struct problem *p = &problems.items[i];
        problem_add(&call->problems, "policy", 0, "line %zu: %s%s%s", p->line, p->path,
                    *p->path ? ": " : "", p->text);
    }
    if (!policy)
        return problems_error(&call->problems, e);
    *ret = policy;
    return OK;
}

enum err api_simulate(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    const struct simulate_request *request = call->body;
    struct policy *policy;
    struct page page = api_page(call);
    struct simulation simulation;
    TRY(read_policy(call, request->policy, &policy, e));
    enum err err = simulate_policy(call->api->tracker, policy, page, call->arena, &simulation, e);
    if (err == OK)
        api_reply(call, simulation_json(&simulation, policy));
    policy_free(policy);
    return err;
}
