/* The table of routes: path, who may, in which transaction, with which body, to which handler. */
#include "app/api/api.h"

#define PAGE_QUERY "limit", "cursor"

static const char *const query_page[] = {PAGE_QUERY, NULL};
static const char *const query_customers[] = {PAGE_QUERY, "mode", "status", NULL};
static const char *const query_usage[] = {"from", "to", "step", NULL};
static const char *const query_migrations[] = {PAGE_QUERY, "customer", "state", NULL};
static const char *const query_hosts[] = {PAGE_QUERY, "status", NULL};
static const char *const query_jobs[] = {PAGE_QUERY, "state", "queue", "worker", "customer", NULL};

static const char *const query_calls[] = {PAGE_QUERY, "provider", "customer", "host",
                                          "outcome",  "since",    NULL};

static const char *const query_outcomes[] = {"from", "to", NULL};
static const char *const query_costs[] = {PAGE_QUERY, "mode", NULL};
static const char *const query_audit[] = {PAGE_QUERY, "actor", "action", "subject",
                                          "from",     "to",    NULL};
static const char *const query_verify[] = {"after", "expect", "max", NULL};
static const char *const query_export[] = {"from", "to", "after", "max", NULL};

static const char *const query_events[] = {"dedupe", NULL};

static const char *const query_drift[] = {PAGE_QUERY, "kind", NULL};

#define ROUTE(method_, pattern_, ...) ROUTE_OF(method_, pattern_, 0, __VA_ARGS__)

#define ROUTE_OF(method_, pattern_, body_max_, ...)                                                \
    {                                                                                              \
        .method = HTTP_##method_, .pattern = pattern_, .handler = api_handle,                      \
        .body_max = body_max_, .data = &(const struct api_route)                                   \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

/* Short names, so that a route fits its lines. */
#define OPEN   .access = API_OPEN
#define VIEWER .access = API_VIEWER
#define ADMIN  .access = API_ADMIN
#define INGEST .access = API_INGEST
#define READ   .transaction = API_READ
#define WRITE  .transaction = API_WRITE
#define PLAIN  .transaction = API_PLAIN

const struct http_route api_routes[] = {
    ROUTE(POST, "/api/signup", ADMIN, WRITE, .handler = api_signup, .body = &api_signup_body,
          .summary = "Sign a customer up: decide where it lives and start to provision it"),
    ROUTE(GET, "/api/plans", VIEWER, READ, .handler = api_plans, .summary = "List the plans"),
    ROUTE(GET, "/api/customers", VIEWER, READ, .handler = api_customers, .query = query_customers,
          .summary = "List customers"),
    ROUTE(GET, "/api/customers/{customer}", VIEWER, READ, .handler = api_customer,
          .summary = "Show a customer"),
    ROUTE(PATCH, "/api/customers/{customer}", ADMIN, WRITE, .handler = api_customer_change,
          .body = &api_customer_change_body,
          .summary = "Change a customer's plan, and the size of its instance with it"),
    ROUTE(GET, "/api/customers/{customer}/decisions", VIEWER, READ,
          .handler = api_customer_decisions, .query = query_page,
          .summary = "List the decisions about a customer"),
    ROUTE(GET, "/api/customers/{customer}/usage", VIEWER, READ, .handler = api_customer_usage,
          .query = query_usage, .summary = "Show what is recorded about a customer's usage"),
    ROUTE(POST, "/api/customers/{customer}/offboard", ADMIN, WRITE, .handler = api_offboard,
          .body = &api_offboard_body, .summary = "Let a customer leave: export, retain, delete"),
    ROUTE(POST, "/api/customers/{customer}/offboard/cancel", ADMIN, WRITE,
          .handler = api_offboard_cancel, .summary = "Keep a customer that was leaving"),
    ROUTE(POST, "/api/customers/{customer}/export", ADMIN, WRITE, .handler = api_export_request,
          .summary = "Start to export a customer's data"),
    ROUTE(GET, "/api/customers/{customer}/export", ADMIN, PLAIN, .handler = api_export,
          .summary = "Fetch the newest export as a tar.gz"),
    ROUTE(GET, "/api/decisions/{id}", VIEWER, READ, .handler = api_decision,
          .summary = "Show a decision with every factor"),

    ROUTE(POST, "/api/admin/deployment/evaluate", ADMIN, PLAIN, .handler = api_evaluate,
          .body = &api_evaluate_body, .reads = true,
          .summary = "Decide again about a customer; change nothing"),
    ROUTE(POST, "/api/admin/deployment/migrate", ADMIN, WRITE, .handler = api_migrate,
          .body = &api_migrate_body, .summary = "Start to move a customer to the other mode"),
    ROUTE(GET, "/api/admin/deployment/status/{customer}", VIEWER, PLAIN, .handler = api_status,
          .summary = "Show where a customer lives and what is being done"),

    ROUTE(GET, "/api/migrations", VIEWER, READ, .handler = api_migrations,
          .query = query_migrations, .summary = "List moves between modes"),
    ROUTE(GET, "/api/migrations/{id}", VIEWER, READ, .handler = api_migration,
          .summary = "Show a move"),
    ROUTE(POST, "/api/migrations/{id}/cancel", ADMIN, WRITE, .handler = api_migration_cancel,
          .summary = "Stop a move before its switch and undo it"),

    ROUTE(GET, "/api/proposals", VIEWER, READ, .handler = api_proposals, .query = query_migrations,
          .summary = "List moves that wait for a person, or did"),
    ROUTE(GET, "/api/proposals/{id}", VIEWER, READ, .handler = api_proposal,
          .summary = "Show a proposal"),
    ROUTE(POST, "/api/proposals/{id}/approve", ADMIN, WRITE, .handler = api_proposal_approve,
          .summary = "Agree to a proposed move and start it"),
    ROUTE(POST, "/api/proposals/{id}/reject", ADMIN, WRITE, .handler = api_proposal_reject,
          .body = &api_proposal_reject_body, .summary = "Say no to a proposed move"),

    ROUTE(POST, "/api/admin/sweep", ADMIN, PLAIN, .handler = api_sweep, .body = &api_sweep_body,
          .summary = "Judge all customers now"),
    ROUTE(GET, "/api/sweeps", VIEWER, READ, .handler = api_sweeps, .query = query_page,
          .summary = "List sweeps and what they came to"),
    ROUTE(GET, "/api/customers/{customer}/tracker", VIEWER, READ, .handler = api_customer_tracker,
          .summary = "Show why a customer was or was not moved"),

    ROUTE(GET, "/api/jobs", VIEWER, READ, .handler = api_jobs, .query = query_jobs,
          .summary = "List jobs"),
    ROUTE(GET, "/api/jobs/{id}", VIEWER, READ, .handler = api_job,
          .summary = "Show a job with the error of each attempt"),
    ROUTE(POST, "/api/jobs/{id}/retry", ADMIN, WRITE, .handler = api_job_retry,
          .summary = "Make a job available again"),
    ROUTE(POST, "/api/jobs/{id}/cancel", ADMIN, WRITE, .handler = api_job_cancel,
          .summary = "Cancel an unfinished job"),

    ROUTE(POST, "/api/jobs/retry", ADMIN, WRITE, .handler = api_jobs_retry,
          .body = &api_jobs_retry_body, .summary = "Make many stopped jobs available again"),
    ROUTE(GET, "/api/queues", VIEWER, READ, .handler = api_queues,
          .summary = "List the queues: depth, age, times, settings"),
    ROUTE(POST, "/api/queues/{name}/pause", ADMIN, WRITE, .handler = api_queue_pause,
          .summary = "Claim nothing more from a queue, on every node"),
    ROUTE(POST, "/api/queues/{name}/resume", ADMIN, WRITE, .handler = api_queue_resume,
          .summary = "Claim from a queue again"),
    ROUTE(POST, "/api/queues/{name}/scale", ADMIN, WRITE, .handler = api_queue_scale,
          .body = &api_queue_scale_body, .summary = "Set how many jobs each node runs at a time"),
    ROUTE(GET, "/metrics", VIEWER, READ, .handler = api_metrics,
          .summary = "Counters and histograms for Prometheus"),

    ROUTE(GET, "/api/hosts", VIEWER, READ, .handler = api_hosts, .query = query_hosts,
          .summary = "List shared hosts, and the room in each location"),
    ROUTE(POST, "/api/hosts", ADMIN, WRITE, .handler = api_host_add, .body = &api_host_add_body,
          .summary = "Order a host now"),
    ROUTE(POST, "/api/hosts/reap", ADMIN, WRITE, .handler = api_hosts_reap,
          .body = &api_hosts_reap_body, .summary = "Give up hosts that nobody needs"),
    ROUTE(GET, "/api/hosts/{id}", VIEWER, READ, .handler = api_host,
          .summary = "Show a host and who lives on it"),
    ROUTE(POST, "/api/hosts/{id}/drain", ADMIN, WRITE, .handler = api_host_drain,
          .summary = "Move all customers off a host"),
    ROUTE(POST, "/api/hosts/{id}/undrain", ADMIN, WRITE, .handler = api_host_undrain,
          .summary = "Stop to drain a host"),
    ROUTE(GET, "/api/instances", VIEWER, READ, .handler = api_instances, .query = query_page,
          .summary = "List dedicated instances"),
    ROUTE(GET, "/api/provider-calls", VIEWER, READ, .handler = api_provider_calls,
          .query = query_calls, .summary = "List requests to the clouds and what they came to"),
    ROUTE(GET, "/api/prices", VIEWER, READ, .handler = api_prices,
          .summary = "Show what a slot on a shared server costs in each location"),
    ROUTE(GET, "/api/drift", VIEWER, READ, .handler = api_drift, .query = query_drift,
          .summary = "List where the clouds differ from the database"),
    ROUTE(POST, "/api/reconcile", ADMIN, PLAIN, .handler = api_reconcile,
          .body = &api_reconcile_body, .summary = "Compare the clouds with the database now"),
    ROUTE(GET, "/api/instances/{instance}", VIEWER, READ, .handler = api_instance,
          .summary = "Show a dedicated instance, its machines and how they do"),
    ROUTE(POST, "/api/instances/{instance}/scale", ADMIN, WRITE, .handler = api_instance_scale,
          .body = &api_instance_scale_body,
          .summary = "Give an instance the size of a plan, or other regions"),
    ROUTE(GET, "/api/policies", VIEWER, READ, .handler = api_policies,
          .summary = "List the policies"),
    ROUTE(GET, "/api/policies/{name}", VIEWER, READ, .handler = api_policy,
          .summary = "Show a policy's text"),
    ROUTE(POST, "/api/policies/simulate", ADMIN, PLAIN, .handler = api_simulate,
          .body = &api_simulate_body, .query = query_page, .reads = true,
          .summary = "Try a policy on all customers' recorded facts; change nothing"),
    ROUTE(GET, "/api/feedback", VIEWER, READ, .handler = api_feedback, .query = query_page,
          .summary = "List what customers said"),
    ROUTE(GET, "/api/customers/{customer}/feedback", VIEWER, READ, .handler = api_customer_feedback,
          .query = query_page, .summary = "List what a customer said"),
    ROUTE(POST, "/api/customers/{customer}/feedback", ADMIN, WRITE, .handler = api_feedback_add,
          .body = &api_feedback_body, .summary = "Record how content a customer is"),
    ROUTE(GET, "/api/outcomes", VIEWER, READ, .handler = api_outcomes, .query = query_outcomes,
          .summary = "Show what became of decisions"),
    ROUTE(GET, "/api/outcomes/costs", VIEWER, PLAIN, .handler = api_costs, .query = query_costs,
          .summary = "Show what customers cost and what is left of their prices"),
    ROUTE(GET, "/api/audit", VIEWER, READ, .handler = api_audit, .query = query_audit,
          .summary = "List what was done, by whom"),
    ROUTE(GET, "/api/audit/verify", VIEWER, PLAIN, .handler = api_audit_verify,
          .query = query_verify, .summary = "Look through the chain of the audit record"),
    ROUTE(GET, "/api/audit/export", VIEWER, PLAIN, .handler = api_audit_export,
          .query = query_export, .summary = "Give the audit record in the order of its chain"),
    ROUTE(GET, "/api/tokens", ADMIN, READ, .handler = api_tokens, .query = query_page,
          .summary = "List tokens, without their texts"),
    ROUTE(POST, "/api/tokens", ADMIN, WRITE, .handler = api_token_create, .body = &api_token_body,
          .summary = "Create a token and show its text once"),
    ROUTE(DELETE, "/api/tokens/{id}", ADMIN, WRITE, .handler = api_token_revoke,
          .summary = "Revoke a token"),

    ROUTE_OF(POST, "/api/usage/events", USAGE_BODY_MAX, INGEST, PLAIN, .handler = api_usage_events,
             .query = query_events, .summary = "Count usage: CloudEvents, one or many"),

    ROUTE(GET, "/healthz", OPEN, PLAIN, .handler = api_healthz, .summary = "Is the process alive"),
    ROUTE(GET, "/readyz", OPEN, READ, .handler = api_readyz, .summary = "Does the database answer"),
};

const size_t api_route_count = ARRAY_LEN(api_routes);
