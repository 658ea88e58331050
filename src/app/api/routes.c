/* The table of routes: path, who may, in which transaction, with which body, to which handler. */
#include "app/api/api.h"

#include "app/api/replies.h"
#include "domain/audit/verify.h"
#include "domain/migration/move.h"
#include "domain/migration/overview.h"
#include "domain/migration/proposal.h"
#include "domain/notify/notify.h"
#include "domain/provisioning/calls.h"
#include "domain/provisioning/drift.h"
#include "domain/provisioning/host.h"
#include "domain/usage/report.h"

/* Parameters. */
#define LIMIT                                                                                      \
    {                                                                                              \
        "limit", FIELD_INT, .min = 1, .max = PAGE_LIMIT_MAX,                                       \
                            .help = "items on a page, 50 unless told"                              \
    }
#define PAGE_QUERY                                                                                 \
    LIMIT,                                                                                         \
    {                                                                                              \
        "cursor", FIELD_TEXT, .check = api_cursor_check, .help = "an earlier page's next_cursor"   \
    }
#define CUSTOMER_QUERY                                                                             \
    {                                                                                              \
        "customer", FIELD_TEXT, .help = "only this one's, by id or slug"                           \
    }
#define ENUM_QUERY(name_, names_, help_)                                                           \
    {                                                                                              \
        name_, FIELD_ENUM, .names = names_, .help = help_                                          \
    }

static const char *const dedupe_names[] = {"id", NULL};
static const char *const route_format_names[] = {"json", "haproxy", NULL};

static const struct field query_page[] = {PAGE_QUERY, FIELD_END};

static const struct field query_customers[] = {
    PAGE_QUERY,
    ENUM_QUERY("mode", mode_names, "only those in this mode"),
    ENUM_QUERY("status", customer_status_names, "only those of this status"),
    {"q", FIELD_TEXT, .max_len = 100, .help = "only those whose slug or name begins with it"},
    FIELD_END,
};

static const struct field query_usage[] = {
    {"from", FIELD_TIME, .help = "seven days before `to`, unless told"},
    {"to", FIELD_TIME, .help = "now, unless told"},
    ENUM_QUERY("step", usage_step_names, "as the length wants, unless told"),
    FIELD_END,
};

static const struct field query_migrations[] = {
    PAGE_QUERY,
    CUSTOMER_QUERY,
    ENUM_QUERY("state", move_state_names, "only those in this state"),
    FIELD_END,
};

static const struct field query_proposals[] = {
    PAGE_QUERY,
    CUSTOMER_QUERY,
    ENUM_QUERY("state", proposal_state_names, "only those in this state"),
    FIELD_END,
};

static const struct field query_notices[] = {
    PAGE_QUERY,
    CUSTOMER_QUERY,
    {"kind", FIELD_TEXT, .max_len = 100, .help = "only this kind, such as proposal.created"},
    FIELD_END,
};

static const struct field query_hosts[] = {
    PAGE_QUERY,
    ENUM_QUERY("status", host_status_names,
               "only those of this status; all but retired, unless told"),
    FIELD_END,
};

static const struct field query_jobs[] = {
    LIMIT,
    {"cursor", FIELD_TEXT, .check = api_job_cursor_check, .help = "an earlier page's next_cursor"},
    CUSTOMER_QUERY,
    ENUM_QUERY("state", job_state_names, "only those in this state"),
    {"queue", FIELD_TEXT, .help = "only those of this queue"},
    {"worker", FIELD_TEXT, .help = "only those of this worker"},
    FIELD_END,
};

static const struct field query_calls[] = {
    PAGE_QUERY,
    CUSTOMER_QUERY,
    ENUM_QUERY("provider", infrastructure_names, "only those to this cloud"),
    {"host", FIELD_TEXT, .help = "only those for this host or deployment, by its id"},
    ENUM_QUERY("outcome", call_outcome_names, "only those that came to this"),
    {"since", FIELD_TEXT, .check = api_since_check,
     .help = "a time, or how long ago: 30m, 24h, 7d"},
    FIELD_END,
};

static const struct field query_span[] = {
    {"from", FIELD_TEXT, .check = api_since_check,
     .help = "a time, or how long ago: 90d; 90 days before `to`, unless told"},
    {"to", FIELD_TEXT, .check = api_since_check, .help = "likewise; now, unless told"},
    FIELD_END,
};

static const struct field query_costs[] = {
    PAGE_QUERY,
    ENUM_QUERY("mode", mode_names, "list only those in this mode"),
    FIELD_END,
};

static const struct field query_audit[] = {
    PAGE_QUERY,
    {"actor", FIELD_TEXT, .help = "only what this one did: token:NAME, job:WORKER, system"},
    {"action", FIELD_TEXT, .help = "only this: customer.signed_up"},
    {"subject", FIELD_TEXT, .help = "only what was done to this id or path"},
    {"from", FIELD_TEXT, .check = api_since_check, .help = "a time, or how long ago: 24h"},
    {"to", FIELD_TEXT, .check = api_since_check, .help = "likewise; up to it and without it"},
    FIELD_END,
};

static const struct field query_verify[] = {
    {"after", FIELD_TEXT, .check = api_link_check, .help = "an earlier reply's `next`"},
    {"expect", FIELD_TEXT, .check = api_link_check,
     .help = "an entry and the hash that was noted of it, SEQ:HASH"},
    {"max", FIELD_INT, .min = 1, .max = AUDIT_STRETCH_MAX,
     .help = "entries at a time, 20000 unless told"},
    FIELD_END,
};

static const struct field query_export[] = {
    {"from", FIELD_TEXT, .check = api_since_check, .help = "a time, or how long ago: 24h"},
    {"to", FIELD_TEXT, .check = api_since_check, .help = "likewise"},
    {"after", FIELD_INT, .min = 0, .max = INT64_MAX, .help = "an earlier reply's `next_after`"},
    {"max", FIELD_INT, .min = 1, .max = AUDIT_EXPORT_MAX,
     .help = "entries at a time, 1000 unless told"},
    FIELD_END,
};

static const struct field query_events[] = {
    ENUM_QUERY("dedupe", dedupe_names, "id: an event that was counted before counts no more"),
    FIELD_END,
};

static const struct field query_days[] = {
    {"days", FIELD_INT, .min = 1, .max = TREND_DAYS_MAX, .help = "up to now; 30 unless told"},
    FIELD_END,
};

static const struct field query_routes[] = {
    PAGE_QUERY,
    {"since", FIELD_INT, .min = 0, .max = INT64_MAX,
     .help = "what changed after this fleet_version, and no page"},
    ENUM_QUERY("format", route_format_names, "haproxy: all as a map file"),
    FIELD_END,
};

static const struct field query_drift[] = {
    PAGE_QUERY,
    ENUM_QUERY("kind", drift_kind_names, "only this kind"),
    FIELD_END,
};

/* Bodies that are not read through a record table. */
#define EVENT                                                                                      \
    "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"/docs\",\"type\":\"api_call\","            \
    "\"subject\":\"acme-logistics\",\"data\":{\"duration_ms\":12.5,\"status\":200}}"

static const struct api_media events_media[] = {
    {"application/cloudevents+json", &usage_event_shape, .example = EVENT},
    {"application/cloudevents-batch+json", &usage_event_shape, .is_list = true,
     .example = "[" EVENT "]"},
    {"application/x-ndjson", NULL, .example = EVENT "\n"},
    {.type = NULL},
};

/* Replies. */
#define ANSWERS(...)                                                                               \
    .answers = (const struct api_answer[])                                                         \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
#define SAYS(shape_)         ANSWERS({200, &shape_})
#define STARTS(shape_)       ANSWERS({202, &shape_})
#define LISTS(name_, shape_) ANSWERS({200, PAGE_OF(name_, shape_)})
#define REFUSES(...)                                                                               \
    .refusals = (const int[])                                                                      \
    {                                                                                              \
        __VA_ARGS__, 0                                                                             \
    }

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
    ROUTE(POST, "/api/signup", ADMIN, WRITE, .handler = api_signup,
          ANSWERS({201, &reply_signed_up}), .body = &api_signup_body,
          .summary = "Sign a customer up: decide where it lives and start to provision it"),
    ROUTE(GET, "/api/plans", VIEWER, READ, .handler = api_plans, LISTS("plans", reply_plan),
          .summary = "List the plans"),
    ROUTE(GET, "/api/customers", VIEWER, READ, .handler = api_customers,
          LISTS("customers", reply_customer), .query = query_customers,
          .summary = "List customers"),
    ROUTE(GET, "/api/customers/{customer}", VIEWER, READ, .handler = api_customer,
          SAYS(reply_customer_shown), .summary = "Show a customer"),
    ROUTE(PATCH, "/api/customers/{customer}", ADMIN, WRITE, .handler = api_customer_change,
          ANSWERS({200, &reply_resubscribed}, {202, &reply_resubscribed}),
          .body = &api_customer_change_body,
          .summary = "Change a customer's plan, and the size of its instance with it"),
    ROUTE(GET, "/api/customers/{customer}/decisions", VIEWER, READ,
          .handler = api_customer_decisions, LISTS("decisions", reply_decision_summary),
          .query = query_page, .summary = "List the decisions about a customer"),
    ROUTE(GET, "/api/customers/{customer}/usage", VIEWER, READ, .handler = api_customer_usage,
          SAYS(reply_usage), .query = query_usage,
          .summary = "Show what is recorded about a customer's usage"),
    ROUTE(POST, "/api/customers/{customer}/offboard", ADMIN, WRITE, .handler = api_offboard,
          STARTS(reply_offboarding), .body = &api_offboard_body,
          .summary = "Let a customer leave: export, retain, delete"),
    ROUTE(POST, "/api/customers/{customer}/offboard/cancel", ADMIN, WRITE,
          .handler = api_offboard_cancel, STARTS(reply_offboarding),
          .summary = "Keep a customer that was leaving"),
    ROUTE(POST, "/api/customers/{customer}/export", ADMIN, WRITE, .handler = api_export_request,
          STARTS(reply_export_started), .summary = "Start to export a customer's data"),
    ROUTE(GET, "/api/customers/{customer}/export", ADMIN, PLAIN, .handler = api_export,
          ANSWERS({200, NULL, "application/gzip"}), REFUSES(409),
          .summary = "Fetch the newest export as a tar.gz"),
    ROUTE(GET, "/api/decisions/{id}", VIEWER, READ, .handler = api_decision, SAYS(reply_decision),
          .summary = "Show a decision with every factor"),

    ROUTE(POST, "/api/admin/deployment/evaluate", ADMIN, PLAIN, .handler = api_evaluate,
          SAYS(reply_evaluation), REFUSES(409), .body = &api_evaluate_body, .reads = true,
          .summary = "Decide again about a customer; change nothing"),
    ROUTE(POST, "/api/admin/deployment/migrate", ADMIN, WRITE, .handler = api_migrate,
          .before = api_look_at_move,
          ANSWERS({202, &reply_migration_started}, {200, &reply_plan_of_move}),
          .body = &api_migrate_body, .summary = "Start to move a customer to the other mode"),
    ROUTE(POST, "/api/admin/deployment/plan", ADMIN, PLAIN, .handler = api_plan_move,
          SAYS(reply_plan_of_move), .body = &api_plan_move_body,
          .summary = "Show what a move would take and cost; change nothing"),
    ROUTE(GET, "/api/admin/deployment/status/{customer}", VIEWER, PLAIN, .handler = api_status,
          SAYS(reply_status), .summary = "Show where a customer lives and what is being done"),

    ROUTE(GET, "/api/migrations", VIEWER, READ, .handler = api_migrations,
          LISTS("migrations", reply_migration), .query = query_migrations,
          .summary = "List moves between modes"),
    ROUTE(GET, "/api/migrations/{id}", VIEWER, READ, .handler = api_migration,
          SAYS(reply_migration_shown), .summary = "Show a move: its steps, tables and progress"),
    ROUTE(GET, "/api/migrations/{id}/events", VIEWER, PLAIN, .handler = api_migration_events,
          ANSWERS({200, NULL, "text/event-stream"}), REFUSES(429),
          .summary = "Watch a move: server-sent events until it is over"),
    ROUTE(POST, "/api/migrations/{id}/cancel", ADMIN, WRITE, .handler = api_migration_cancel,
          STARTS(reply_migration), .summary = "Stop a move before its switch and undo it"),
    ROUTE(POST, "/api/migrations/{id}/roll-back", ADMIN, WRITE, .handler = api_migration_roll_back,
          STARTS(reply_migration),
          .summary = "Take a move back during its soak, without losing a row"),
    ROUTE(POST, "/api/migrations/{id}/finish", ADMIN, WRITE, .handler = api_migration_finish,
          STARTS(reply_migration), .summary = "End a move's soak now"),
    ROUTE(POST, "/api/migrations/{id}/retry", ADMIN, WRITE, .handler = api_migration_retry,
          STARTS(reply_migration),
          .summary = "Start again a move that failed, was cancelled or rolled back"),
    ROUTE(GET, "/api/events", VIEWER, PLAIN, .handler = api_events,
          ANSWERS({200, NULL, "text/event-stream"}), REFUSES(429),
          .summary = "Watch what changes: moves, proposals, jobs"),

    ROUTE(GET, "/api/proposals", VIEWER, READ, .handler = api_proposals,
          LISTS("proposals", reply_proposal), .query = query_proposals,
          .summary = "List moves that wait for a person, or did"),
    ROUTE(GET, "/api/proposals/{id}", VIEWER, READ, .handler = api_proposal, SAYS(reply_proposal),
          .summary = "Show a proposal"),
    ROUTE(POST, "/api/proposals/{id}/approve", ADMIN, WRITE, .handler = api_proposal_approve,
          .before = api_recheck_proposal, STARTS(reply_proposal),
          .summary = "Agree to a proposed move and start it"),
    ROUTE(POST, "/api/proposals/{id}/reject", ADMIN, WRITE, .handler = api_proposal_reject,
          SAYS(reply_proposal), .body = &api_proposal_reject_body,
          .summary = "Say no to a proposed move"),

    ROUTE(GET, "/api/notices", VIEWER, READ, .handler = api_notices, LISTS("notices", reply_notice),
          .query = query_notices, .summary = "List what people were told"),
    ROUTE(GET, "/api/notices/{id}", VIEWER, READ, .handler = api_notice, SAYS(reply_notice_shown),
          .summary = "Show a notice, and whether it arrived at each target"),
    ROUTE(POST, "/api/notices/{id}/replay", ADMIN, WRITE, .handler = api_notice_replay,
          STARTS(reply_notice_shown), .body = &api_notice_target_body,
          .summary = "Send a notice again"),
    ROUTE(POST, "/api/notices/test", ADMIN, WRITE, .handler = api_notice_test,
          STARTS(reply_notice_shown), .body = &api_notice_test_body,
          .summary = "Send a test to a target"),

    ROUTE(POST, "/api/admin/sweep", ADMIN, PLAIN, .handler = api_sweep,
          ANSWERS({200, &reply_sweep_dry}, {202, &reply_job_started}), REFUSES(409),
          .body = &api_sweep_body, .summary = "Judge all customers now"),
    ROUTE(GET, "/api/sweeps", VIEWER, READ, .handler = api_sweeps, LISTS("sweeps", reply_sweep),
          .query = query_page, .summary = "List sweeps and what they came to"),
    ROUTE(GET, "/api/customers/{customer}/tracker", VIEWER, READ, .handler = api_customer_tracker,
          SAYS(reply_tracker), .summary = "Show why a customer was or was not moved"),

    ROUTE(GET, "/api/jobs", VIEWER, READ, .handler = api_jobs, LISTS("jobs", reply_job),
          .query = query_jobs, .summary = "List jobs"),
    ROUTE(GET, "/api/jobs/{id}", VIEWER, READ, .handler = api_job, SAYS(reply_job_shown),
          .summary = "Show a job with the error of each attempt"),
    ROUTE(POST, "/api/jobs/{id}/retry", ADMIN, WRITE, .handler = api_job_retry,
          SAYS(reply_job_shown), .summary = "Make a job available again"),
    ROUTE(POST, "/api/jobs/{id}/cancel", ADMIN, WRITE, .handler = api_job_cancel,
          SAYS(reply_job_shown), .summary = "Cancel an unfinished job"),

    ROUTE(POST, "/api/jobs/retry", ADMIN, WRITE, .handler = api_jobs_retry,
          SAYS(reply_jobs_retried), .body = &api_jobs_retry_body,
          .summary = "Make many stopped jobs available again"),
    ROUTE(GET, "/api/queues", VIEWER, READ, .handler = api_queues, LISTS("queues", reply_queue),
          .summary = "List the queues: depth, age, times, settings"),
    ROUTE(POST, "/api/queues/{name}/pause", ADMIN, WRITE, .handler = api_queue_pause,
          SAYS(reply_queue_paused), .summary = "Claim nothing more from a queue, on every node"),
    ROUTE(POST, "/api/queues/{name}/resume", ADMIN, WRITE, .handler = api_queue_resume,
          SAYS(reply_queue_paused), .summary = "Claim from a queue again"),
    ROUTE(POST, "/api/queues/{name}/scale", ADMIN, WRITE, .handler = api_queue_scale,
          SAYS(reply_queue_scaled), .body = &api_queue_scale_body,
          .summary = "Set how many jobs each node runs at a time"),
    ROUTE(GET, "/metrics", VIEWER, READ, .handler = api_metrics, ANSWERS({200, NULL, "text/plain"}),
          .summary = "Counters and histograms for Prometheus"),

    ROUTE(GET, "/api/hosts", VIEWER, READ, .handler = api_hosts, SAYS(reply_hosts),
          .query = query_hosts, .summary = "List shared hosts, and the room in each location"),
    ROUTE(POST, "/api/hosts", ADMIN, WRITE, .handler = api_host_add, STARTS(reply_host),
          .body = &api_host_add_body, .summary = "Order a host now"),
    ROUTE(POST, "/api/hosts/reap", ADMIN, WRITE, .handler = api_hosts_reap,
          ANSWERS({200, &reply_reap}, {202, &reply_reap}), .body = &api_hosts_reap_body,
          .summary = "Give up hosts that nobody needs"),
    ROUTE(GET, "/api/hosts/{id}", VIEWER, READ, .handler = api_host, SAYS(reply_host_shown),
          .summary = "Show a host and who lives on it"),
    ROUTE(POST, "/api/hosts/{id}/drain", ADMIN, WRITE, .handler = api_host_drain,
          STARTS(reply_host), .summary = "Move all customers off a host"),
    ROUTE(POST, "/api/hosts/{id}/undrain", ADMIN, WRITE, .handler = api_host_undrain,
          STARTS(reply_host), .summary = "Stop to drain a host"),
    ROUTE(GET, "/api/instances", VIEWER, READ, .handler = api_instances,
          LISTS("instances", reply_instance), .query = query_page,
          .summary = "List dedicated instances"),
    ROUTE(GET, "/api/provider-calls", VIEWER, READ, .handler = api_provider_calls,
          LISTS("calls", reply_call), .query = query_calls,
          .summary = "List requests to the clouds and what they came to"),
    ROUTE(GET, "/api/prices", VIEWER, READ, .handler = api_prices, SAYS(reply_prices),
          .summary = "Show what a slot on a shared server costs in each location"),
    ROUTE(GET, "/api/drift", VIEWER, READ, .handler = api_drift, LISTS("drift", reply_drift),
          .query = query_drift, .summary = "List where the clouds differ from the database"),
    ROUTE(POST, "/api/reconcile", ADMIN, PLAIN, .handler = api_reconcile,
          ANSWERS({200, PAGE_OF("drift", reply_drift)}, {202, &reply_job_started}),
          .body = &api_reconcile_body, .summary = "Compare the clouds with the database now"),
    ROUTE(GET, "/api/instances/{instance}", VIEWER, READ, .handler = api_instance,
          SAYS(reply_instance),
          .summary = "Show a dedicated instance, its machines and how they do"),
    ROUTE(POST, "/api/instances/{instance}/scale", ADMIN, WRITE, .handler = api_instance_scale,
          STARTS(reply_instance_scaled), .body = &api_instance_scale_body,
          .summary = "Give an instance the size of a plan, or other regions"),
    ROUTE(GET, "/api/routes", VIEWER, READ, .handler = api_routes_list, .query = query_routes,
          ANSWERS({200, &reply_routes, "text/plain"}, {304}),
          .summary = "List where customers' clients go, what changed, or a map for HAProxy"),
    ROUTE(GET, "/api/routes/{slug}", VIEWER, READ, .handler = api_route_show,
          ANSWERS({200, &reply_route}, {304}), .summary = "Show where a customer's clients go"),
    ROUTE(GET, "/api/policies", VIEWER, READ, .handler = api_policies,
          LISTS("policies", reply_policy), .summary = "List the policies"),
    ROUTE(GET, "/api/policies/{name}", VIEWER, READ, .handler = api_policy,
          SAYS(reply_policy_shown), .summary = "Show a policy's text"),
    ROUTE(POST, "/api/policies/simulate", ADMIN, PLAIN, .handler = api_simulate,
          SAYS(reply_simulation), .body = &api_simulate_body, .query = query_page, .reads = true,
          .summary = "Try a policy on all customers' recorded facts; change nothing"),
    ROUTE(GET, "/api/feedback", VIEWER, READ, .handler = api_feedback,
          LISTS("feedback", reply_feedback), .query = query_page,
          .summary = "List what customers said"),
    ROUTE(GET, "/api/customers/{customer}/feedback", VIEWER, READ, .handler = api_customer_feedback,
          LISTS("feedback", reply_feedback), .query = query_page,
          .summary = "List what a customer said"),
    ROUTE(POST, "/api/customers/{customer}/feedback", ADMIN, WRITE, .handler = api_feedback_add,
          ANSWERS({201, &reply_feedback}), .body = &api_feedback_body,
          .summary = "Record how content a customer is"),
    ROUTE(GET, "/api/outcomes", VIEWER, READ, .handler = api_outcomes, SAYS(reply_outcomes),
          .query = query_span, .summary = "Show what became of decisions"),
    ROUTE(GET, "/api/outcomes/costs", VIEWER, PLAIN, .handler = api_costs, SAYS(reply_costs),
          .query = query_costs,
          .summary = "Show what customers cost and what is left of their prices"),
    ROUTE(GET, "/api/audit", VIEWER, READ, .handler = api_audit, LISTS("audit", reply_audit),
          .query = query_audit, .summary = "List what was done, by whom"),
    ROUTE(GET, "/api/audit/verify", VIEWER, PLAIN, .handler = api_audit_verify,
          SAYS(reply_audit_verified), .query = query_verify,
          .summary = "Look through the chain of the audit record"),
    ROUTE(GET, "/api/audit/export", VIEWER, PLAIN, .handler = api_audit_export,
          SAYS(reply_audit_exported), .query = query_export,
          .summary = "Give the audit record in the order of its chain"),
    ROUTE(GET, "/api/tokens", ADMIN, READ, .handler = api_tokens, LISTS("tokens", reply_token),
          .query = query_page, .summary = "List tokens, without their texts"),
    ROUTE(POST, "/api/tokens", ADMIN, WRITE, .handler = api_token_create,
          ANSWERS({201, &reply_token_created}), .body = &api_token_body,
          .summary = "Create a token and show its text once"),
    ROUTE(DELETE, "/api/tokens/{id}", ADMIN, WRITE, .handler = api_token_revoke,
          SAYS(reply_token_revoked), .summary = "Revoke a token"),

    ROUTE_OF(POST, "/api/usage/events", USAGE_BODY_MAX, INGEST, PLAIN, .handler = api_usage_events,
             .media = events_media, SAYS(reply_events), REFUSES(409, 415, 429),
             .query = query_events, .summary = "Count usage: CloudEvents, one or many"),

    ROUTE(GET, "/api/overview", VIEWER, READ, .handler = api_overview, SAYS(reply_overview),
          .summary = "Show what there is and what wants a person, in counts"),
    ROUTE(GET, "/api/fleet/days", VIEWER, READ, .handler = api_fleet_days, SAYS(reply_fleet_days),
          .query = query_days, .summary = "List customers, revenue and cost by day and mode"),
    ROUTE(GET, "/api/fleet/moves", VIEWER, READ, .handler = api_fleet_moves,
          SAYS(reply_fleet_moves), .query = query_days,
          .summary = "Show how the moves of the last days ended, how long they took, and why"),
    ROUTE(GET, "/api/fleet/tops", VIEWER, READ, .handler = api_fleet_tops, SAYS(reply_fleet_tops),
          .summary = "List the customers that stand out: busy, costly, at a loss"),

    ROUTE(POST, "/login", OPEN, PLAIN, .handler = api_sign_in, ANSWERS({201, &reply_session}),
          REFUSES(401, 403, 429), .body = &api_sign_in_body,
          .summary = "Sign in with a token: a session's cookie for a browser"),
    ROUTE(POST, "/logout", VIEWER, WRITE, .handler = api_sign_out, SAYS(reply_signed_out),
          .summary = "End the session"),
    ROUTE(GET, "/api/session", VIEWER, READ, .handler = api_session, SAYS(reply_session),
          .summary = "Show who is signed in, and what a write by cookie needs"),

    ROUTE(GET, "/api/openapi.json", OPEN, PLAIN, .handler = api_openapi,
          ANSWERS({200, &reply_openapi}, {304}), .summary = "Show this description of the API"),
    ROUTE(GET, "/healthz", OPEN, PLAIN, .handler = api_healthz, SAYS(reply_probe),
          .summary = "Is the process alive"),
    ROUTE(GET, "/readyz", OPEN, READ, .handler = api_readyz, SAYS(reply_probe),
          .summary = "Does the database answer"),
};

const size_t api_route_count = ARRAY_LEN(api_routes);
