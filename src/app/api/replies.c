/*
 * The shapes of the replies. Tables with offsets of 0 describe members that a *_json() function
 * makes by hand; all others are the record tables themselves.
 */
#include "app/api/replies.h"
#include "app/api/reply_members.h"
#include "domain/accounts/customer.h"
#include "domain/accounts/decisions.h"
#include "domain/accounts/offboarding.h"
#include "domain/accounts/plan.h"
#include "domain/accounts/tokens.h"
#include "domain/jobs/queue.h"
#include "domain/migration/drain.h"
#include "domain/migration/overview.h"
#include "domain/migration/plan.h"
#include "domain/migration/progress.h"
#include "domain/migration/proposal.h"
#include "domain/notify/notify.h"
#include "domain/provisioning/calls.h"
#include "domain/provisioning/capacity.h"
#include "domain/provisioning/deployment.h"
#include "domain/provisioning/drift.h"
#include "domain/provisioning/prices.h"
#include "domain/provisioning/reap.h"
#include "domain/provisioning/routing.h"
#include "domain/usage/fleet.h"
#include "domain/usage/report.h"
#include "domain/usage/simulate.h"
#include "domain/usage/sweep.h"

const struct field page_fields[] = {
    {"next_cursor", FIELD_TEXT, .help = "the cursor of the next page; null at the end"},
    FIELD_END,
};

const struct shape reply_problem = {
    .name = "Problem",
    .help = "Why a request was refused (RFC 9457).",
    .sparse = true,
    .more = FIELDS(TEXT("type", "about:blank: the status says it all"),
                   TEXT("title", "the status in words"), NUMBER("status", "the status"),
                   TEXT("detail", "what is wrong and what to do about it")),
    .parts =
        PARTS({"errors", PART_LIST,
               &(const struct shape){
                   .more = FIELDS(TEXT("field", "a member of the body, a parameter or a header"),
                                  TEXT("detail", "completes a sentence that begins with it"))},
               "each mistake by its place"}),
};

/* -- jobs and queues -------------------------------------------------------------------------- */

const struct shape reply_job = {
    .name = "Job",
    .help = "Something that takes time, and how far it is.",
    .fields = job_fields,
};

static const struct shape job_error_shape = {.fields = job_error_fields};

const struct shape reply_job_shown = {
    .name = "JobShown",
    .help = "A job with the error of each attempt.",
    .base = &reply_job,
    .parts = PARTS({"errors", PART_LIST, &job_error_shape}),
};

static const struct shape job_summary_shape = {
    .name = "JobSummary",
    .help = "A job that was started.",
    .fields = job_fields,
    .only = NAMES("id", "worker", "queue", "state"),
};

const struct shape reply_job_started = {.more = FIELDS(NUMBER("job_id", "the job that does it"))};

const struct shape reply_jobs_retried = {
    .more = FIELDS(NUMBER("retried", "how many jobs are available again"),
                   {"more", FIELD_BOOL, .help = "whether there are others"},
                   {"next_below", FIELD_INT, .help = "the `below` of the next request"}),
};

static const struct shape times_shape = {
    .name = "Quantiles",
    .help = "Milliseconds; null before the first job.",
    .more = FIELDS({"p50_ms", FIELD_DECIMAL}, {"p95_ms", FIELD_DECIMAL}, {"p99_ms", FIELD_DECIMAL}),
};

static const struct shape node_shape = {
    .more = FIELDS(NUMBER("completed", "jobs"), NUMBER("retried", "attempts that failed"),
                   NUMBER("discarded", "jobs that were given up"),
                   NUMBER("fenced", "runs that ended after the node was given up for dead")),
    .parts = PARTS({"wait", PART_OBJECT, &times_shape}, {"run", PART_OBJECT, &times_shape}),
};

const struct shape reply_queue = {
    .name = "Queue",
    .help = "What waits in a queue, and how it is set.",
    .fields = queue_depth_fields,
    .without = NAMES("queue"),
    .more = FIELDS(TEXT("name", "the queue's name"),
                   {"paused", FIELD_BOOL, .help = "nothing more is claimed, on any node"},
                   NUMBER("node_limit", "how many jobs each node runs at a time")),
    .parts = PARTS(
        {"this_node", PART_OBJECT, &node_shape, "what the node that answers did since it started"}),
};

const struct shape reply_queue_paused = {
    .more = FIELDS(TEXT("name", "the queue's name"),
                   {"paused", FIELD_BOOL, .help = "whether nothing more is claimed"}),
};

const struct shape reply_queue_scaled = {
    .more = FIELDS(TEXT("name", "the queue's name"),
                   {"node_limit", FIELD_INT, .help = "null: as each node's configuration says"}),
};

/* -- deployments ------------------------------------------------------------------------------ */

const struct shape reply_host = {
    .name = "Host",
    .help = "A server that customers share.",
    .fields = host_fields,
    .without = host_hidden,
};

static const struct shape resource_shape = {
    .name = "Resource",
    .help = "What exists or existed in a cloud for a deployment alone.",
    .fields = resource_fields,
};

const struct shape reply_deployment = {
    .name = "Deployment",
    .help = "Where a customer lives.",
    .fields = deployment_fields,
    .only = deployment_shown,
    .more = FIELDS({"infrastructure", FIELD_ENUM, .required = true, .names = infrastructure_names,
                    .help = "the cloud"}),
    .parts = PARTS({"host", PART_OBJECT_OR_NULL, &reply_host},
                   {"resources", PART_LIST, &resource_shape}),
};

static const struct shape dns_shape = {
    .more = FIELDS(TEXT("type", "CNAME"), TEXT("name", "the hostname"),
                   TEXT("value", "what it has to lead to")),
};

static const struct shape certificate_shape = {
    .more = FIELDS(TEXT("hostname", "what it is for"), {"status", FIELD_TEXT}),
    .parts = PARTS({"dns", PART_OBJECT, &dns_shape, "the DNS record to set"}),
};

const struct shape reply_instance = {
    .name = "Instance",
    .help = "A deployment on machines of its own, and how they do.",
    .base = &reply_deployment,
    .more = FIELDS(TEXT("customer", "the customer's slug"),
                   {"scaling", FIELD_BOOL, .help = "it is not yet what its plan and regions say"},
                   {"scale_error", FIELD_TEXT, .help = "why a job gave up bringing it there"},
                   {"health", FIELD_TEXT, .help = "the worst of its machines"}),
    .parts = PARTS({"certificates", PART_LIST, &certificate_shape}),
};

const struct shape reply_instance_scaled = {
    .parts = PARTS({"instance", PART_OBJECT, &reply_instance}, {"job", PART_OBJECT, &reply_job}),
};

static const struct shape tenant_shape = {.fields = host_tenant_fields};
static const struct shape drain_shape = {.fields = drain_progress_fields};
static const struct shape capacity_shape = {.fields = capacity_fields};
static const struct shape reap_shape = {.fields = reap_fields};

const struct shape reply_host_shown = {
    .name = "HostShown",
    .help = "A host and who lives on it.",
    .base = &reply_host,
    .parts = PARTS({"tenants", PART_LIST, &tenant_shape},
                   {"drain", PART_OBJECT_OR_NULL, &drain_shape,
                    "how many are left, on their way, and failed to move"}),
};

const struct shape reply_hosts = {
    .more = page_fields,
    .parts = PARTS({"hosts", PART_LIST, &reply_host},
                   {"locations", PART_LIST, &capacity_shape, "the room in each location"}),
};

const struct shape reply_route = {
    .name = "Route",
    .help = "Where a customer's clients go.",
    .fields = route_fields,
    .without = NAMES("id", "engine", "host", "port", "dbname", "login"),
    .more = FIELDS(TEXT("customer_id", "whose it is")),
    .parts = PARTS({"database", PART_OBJECT,
                    &(const struct shape){
                        .more = FIELDS(TEXT("engine", "postgres or sqlite"),
                                       {"url", FIELD_TEXT, .help = "a SQLite file's"},
                                       {"host", FIELD_TEXT, .help = "of its server"},
                                       {"port", FIELD_INT, .help = "of its server"},
                                       {"dbname", FIELD_TEXT, .help = "its name there"},
                                       {"user", FIELD_TEXT, .help = "whom WebHost connects as"},
                                       {"alias", FIELD_TEXT, .help = "its name at PgBouncer"})},
                    "the database, without any password"}),
};

const struct shape reply_routes = {
    .more = FIELDS({"next_cursor", FIELD_TEXT,
                    .help = "the cursor of the next page; null at the "
                            "end"},
                   NUMBER("fleet_version", "what to ask for with since")),
    .parts = PARTS({"routes", PART_LIST, &reply_route}),
};

const struct shape reply_reap = {
    .more = FIELDS({"dry_run", FIELD_BOOL, .help = "whether it was only told"}),
    .parts = PARTS({"hosts", PART_LIST, &reap_shape, "every host, and why it goes or stays"}),
};

/* -- decisions -------------------------------------------------------------------------------- */

static const struct shape scores_shape = {
    .more = FIELDS(DECIMAL("multi_tenant", "of shared servers"),
                   DECIMAL("single_tenant", "of machines of its own")),
};

static const struct shape rules_shape = {
    .more = FIELDS({"multi_tenant", FIELD_TEXT}, {"single_tenant", FIELD_TEXT}),
};

static const struct shape factor_shape = {
    .more = FIELDS(TEXT("name", "what was looked at"),
                   ANY("value", "what it was: a number, a list or null when not given")),
    .parts = PARTS({"rules", PART_OBJECT, &rules_shape, "the rule that held for each mode"},
                   {"contributions", PART_OBJECT, &scores_shape, "what it added to each score"}),
};

static const struct shape constraint_shape = {
    .more = FIELDS(TEXT("name", "its name in the policy"),
                   {"mode", FIELD_ENUM, .required = true, .names = mode_names},
                   TEXT("because", "its reason")),
};

static const struct shape alternative_shape = {
    .sparse = true,
    .more = FIELDS({"mode", FIELD_ENUM, .required = true, .names = mode_names},
                   {"plan", FIELD_ENUM, .required = true, .names = plan_names},
                   TEXT("reason", "what speaks for it"),
                   {"estimated_cost_increase", FIELD_DECIMAL, .help = "USD a month"},
                   {"estimated_cost_savings", FIELD_DECIMAL, .help = "USD a month"}),
};

static const struct shape file_shape = {
    .more = FIELDS(TEXT("name", "its name"), TEXT("sha256", "of its text")),
};

static const struct shape shared_price_shape = {.fields = shared_price_fields};

static const struct shape decision_prices_shape = {
    .sparse = true,
    .base = &file_shape,
    .parts = PARTS({"shared_server", PART_OBJECT, &shared_price_shape,
                    "what was laid over the file from the cloud's own list"}),
};

static const struct shape recommendation_shape = {
    .name = "Recommendation",
    .help = "Where a customer belongs by a policy, and why.",
    .more = FIELDS({"mode", FIELD_ENUM, .required = true, .names = mode_names},
                   {"infrastructure", FIELD_ENUM, .required = true, .names = infrastructure_names},
                   {"plan", FIELD_ENUM, .required = true, .names = plan_names},
                   TEXT("reason", "in a sentence"), DECIMAL("confidence", "0 to 1"),
                   {"regions", FIELD_TEXTS, .required = true, .help = "the main one first"},
                   DECIMAL("estimated_monthly_cost", "USD")),
    .parts = PARTS(
        {"alternatives", PART_LIST, &alternative_shape}, {"scores", PART_OBJECT, &scores_shape},
        {"factors", PART_LIST, &factor_shape}, {"constraints", PART_LIST, &constraint_shape},
        {"policy", PART_OBJECT, &file_shape}, {"prices", PART_OBJECT, &decision_prices_shape}),
};

const struct shape reply_decision = {
    .name = "Decision",
    .help = "A decision that was made, whole.",
    .base = &recommendation_shape,
    .fields = decision_record_fields,
    .only = NAMES("id", "customer_id", "trigger", "made_at"),
};

const struct shape reply_decision_summary = {
    .name = "DecisionSummary",
    .help = "A decision in a list.",
    .fields = decision_record_fields,
    .sparse = true,
};

/* -- customers -------------------------------------------------------------------------------- */

const struct shape reply_plan = {
    .name = "Plan",
    .help = "What customers can subscribe to.",
    .fields = plan_offer_fields,
};

const struct shape reply_customer = {
    .name = "Customer",
    .help = "A customer and what is known of its needs.",
    .fields = customer_fields,
};

const struct shape reply_offboarding = {
    .name = "Offboarding",
    .help = "How a customer leaves.",
    .fields = offboarding_fields,
    .without = NAMES("run"),
};

const struct shape reply_customer_shown = {
    .name = "CustomerShown",
    .help = "A customer, where it lives and why.",
    .base = &reply_customer,
    .parts = PARTS({"deployment", PART_OBJECT, &reply_deployment},
                   {"last_decision", PART_OBJECT, &reply_decision},
                   {"offboarding", PART_OBJECT_OR_NULL, &reply_offboarding}),
};

const struct shape reply_signed_up = {
    .parts = PARTS(
        {"customer", PART_OBJECT, &reply_customer}, {"deployment", PART_OBJECT, &reply_deployment},
        {"decision", PART_OBJECT, &reply_decision}, {"job", PART_OBJECT, &job_summary_shape}),
};

const struct shape reply_resubscribed = {
    .parts = PARTS({"customer", PART_OBJECT, &reply_customer},
                   {"deployment", PART_OBJECT, &reply_deployment},
                   {"job", PART_OBJECT_OR_NULL, &job_summary_shape}),
};

const struct shape reply_export_started = {
    .base = &reply_job_started,
    .more = FIELDS(TEXT("status", "started")),
};

/* -- usage ------------------------------------------------------------------------------------ */

static const struct shape usage_totals_shape = {
    .name = "UsageTotals",
    .help = "What a span comes to; null was not measured.",
    .fields = usage_number_fields,
    .without = NAMES("at"),
};

static const struct shape usage_step_shape = {
    .name = "UsageStep",
    .help = "What an hour or a day comes to; null was not measured.",
    .fields = usage_number_fields,
};

static const struct shape usage_region_shape = {.fields = usage_region_fields};
static const struct shape forecast_shape = {.fields = forecast_fields};

static const struct shape usage_patterns_shape = {
    .fields = usage_pattern_fields,
    .more = FIELDS(ANY("peak_hours", "hours of the day, 0 to 23, or null"),
                   {"seasonal_patterns", FIELD_TEXT}),
};

static const struct shape usage_forecast_shape = {
    .base = &forecast_shape,
    .more = FIELDS({"slots", FIELD_INT, .help = "of the customer's host"}),
    .parts = PARTS({"resources", PART_LIST, &forecast_shape, "the same for each resource"}),
};

const struct shape reply_usage = {
    .name = "Usage",
    .help = "What is recorded about a customer's usage.",
    .fields = usage_head_fields,
    .parts = PARTS({"totals", PART_OBJECT, &usage_totals_shape},
                   {"regions", PART_LIST, &usage_region_shape, "the most calls first"},
                   {"patterns", PART_OBJECT, &usage_patterns_shape},
                   {"forecast", PART_OBJECT, &usage_forecast_shape, "what runs out first"},
                   {"series", PART_LIST, &usage_step_shape}),
};

static const struct shape utilization_shape = {
    .fields = usage_number_fields,
    .only =
        NAMES("cpu_utilization", "memory_utilization", "database_connections", "disk_utilization"),
};

static const struct shape metric_patterns_shape = {
    .more = FIELDS(ANY("peak_hours", "hours of the day, 0 to 23, or null"),
                   {"seasonal_patterns", FIELD_TEXT}, {"batch_operations", FIELD_INT},
                   {"real_time_operations", FIELD_INT}),
};

static const struct shape usage_metrics_shape = {
    .name = "UsageMetrics",
    .help = "A customer's usage in the last 24 hours; null was not measured.",
    .fields = usage_metric_fields,
    .parts = PARTS({"resource_utilization", PART_OBJECT_OR_NULL, &utilization_shape},
                   {"patterns", PART_OBJECT, &metric_patterns_shape}),
};

static const struct shape refused_event_shape = {
    .more = FIELDS(NUMBER("index", "in the body, from 0"), TEXT("reason", "what is wrong")),
};

const struct shape reply_events = {
    .more = FIELDS(NUMBER("accepted", "events that count now"),
                   NUMBER("refused", "events that do not count"),
                   NUMBER("duplicate", "events that had been counted before")),
    .parts = PARTS({"errors", PART_LIST, &refused_event_shape, "the first 100 that were refused"}),
};

const struct shape usage_event_shape = {
    .name = "UsageEvent",
    .help = "Something that a customer did (CloudEvents 1.0).",
    .sparse = true,
    .more =
        FIELDS(TEXT("specversion", "1.0"), TEXT("id", "unique for its source"),
               TEXT("source", "what sends it"),
               TEXT("type", "api_call, gps_points, storage, resource_sample, session, vehicle"),
               {"subject", FIELD_TEXT, .help = "the customer, by id or slug"},
               {"time", FIELD_TIME, .help = "now, unless told"},
               {"data", FIELD_JSON, .required = true, .help = "an object; its members go by type"}),
};

/* -- moves and the tracker -------------------------------------------------------------------- */

static const struct shape can_shape = {
    .more = FIELDS({"cancel", FIELD_BOOL}, {"roll_back", FIELD_BOOL}, {"finish", FIELD_BOOL},
                   {"retry", FIELD_BOOL}),
};

const struct shape reply_migration = {
    .name = "Migration",
    .help = "A move of a customer to the other mode, or to another place.",
    .fields = move_fields,
    .without = NAMES("run", "cut_told"),
    .more = FIELDS({"phase", FIELD_ENUM, .names = move_phase_names, .required = true},
                   TEXT("says", "what can be done about it, in a sentence")),
    .parts = PARTS({"can", PART_OBJECT, &can_shape, "what can be done about it"}),
};

static const struct shape move_progress_shape = {.fields = move_progress_fields};
static const struct shape move_table_shape = {.fields = move_table_fields};
static const struct shape move_step_shape = {
    .fields = move_step_fields,
    .more = FIELDS({"took_us", FIELD_INT, .help = "null while it is in it"}),
};

const struct shape reply_migration_shown = {
    .name = "MigrationShown",
    .help = "A move with its progress, its tables and its steps.",
    .base = &reply_migration,
    .parts =
        PARTS({"progress", PART_OBJECT, &move_progress_shape},
              {"tables", PART_LIST, &move_table_shape}, {"steps", PART_LIST, &move_step_shape}),
};

static const struct shape plan_table_shape = {.fields = move_plan_table_fields};
static const struct shape obstacle_shape = {.fields = move_obstacle_fields};

const struct shape reply_plan_of_move = {
    .name = "MovePlan",
    .help = "What a move would take, and what it would change.",
    .fields = move_plan_fields,
    .parts = PARTS({"obstacles", PART_LIST, &obstacle_shape, "what cannot be moved"},
                   {"tables", PART_LIST, &plan_table_shape, "what would be copied"}),
};

const struct shape reply_migration_started = {
    .more = FIELDS(TEXT("status", "success, or pending_approval"), TEXT("message", "in a sentence"),
                   {"migration_id", FIELD_TEXT, .help = "the move, once it is one"},
                   {"proposal_id", FIELD_TEXT, .help = "what waits for another person"}),
};

const struct shape reply_status = {
    .name = "DeploymentStatus",
    .help = "Where a customer lives, and what is being done.",
    .more = FIELDS(TEXT("customer_id", "its id"),
                   TEXT("migration_status", "none, or the state of its latest move")),
    .parts = PARTS({"migration", PART_OBJECT_OR_NULL, &reply_migration},
                   {"offboarding", PART_OBJECT_OR_NULL, &reply_offboarding},
                   {"customer", PART_OBJECT, &reply_customer},
                   {"deployment", PART_OBJECT, &reply_deployment},
                   {"last_decision", PART_OBJECT, &reply_decision},
                   {"jobs", PART_LIST, &reply_job, "those that are unfinished"},
                   {"usage_metrics", PART_OBJECT, &usage_metrics_shape}),
};

const struct shape reply_evaluation = {
    .name = "Evaluation",
    .help = "What would be decided now; nothing is changed.",
    .more = FIELDS(TEXT("customer_id", "its id"),
                   {"migration_due", FIELD_BOOL, .help = "whether it should move"}),
    .parts = PARTS({"current_deployment", PART_OBJECT, &reply_deployment},
                   {"recommended", PART_OBJECT, &recommendation_shape},
                   {"usage_metrics", PART_OBJECT, &usage_metrics_shape}),
};

const struct shape reply_proposal = {
    .name = "Proposal",
    .help = "A move that waits for a person, or did.",
    .fields = proposal_fields,
    .without = NAMES("requester_token"),
};

const struct shape reply_notice = {
    .name = "Notice",
    .help = "Something that people were told.",
    .fields = notice_fields,
};

static const struct shape delivery_shape = {
    .name = "Delivery",
    .help = "Of a notice to one target.",
    .fields = delivery_fields,
};

const struct shape reply_notice_shown = {
    .name = "NoticeShown",
    .help = "A notice, and whether it arrived.",
    .base = &reply_notice,
    .parts = PARTS({"deliveries", PART_LIST, &delivery_shape}),
};

static const struct shape pending_proposal_shape = {
    .name = "PendingProposal",
    .help = "A move that waits for a person; what is not known yet is left out.",
    .fields = proposal_fields,
    .without = NAMES("requester_token"),
    .sparse = true,
};

const struct shape reply_sweep = {
    .name = "Sweep",
    .help = "A judgement of all customers, and what it came to.",
    .fields = sweep_fields,
};

const struct shape reply_sweep_dry = {
    .name = "SweepDryRun",
    .help = "What a sweep would find.",
    .fields = sweep_fields,
    .without = NAMES("id"),
    .sparse = true,
};

static const struct shape tracked_shape = {
    .sparse = true,
    .more = FIELDS({"outcome", FIELD_TEXT, .help = "null before the first sweep"},
                   TEXT("why", "in a sentence, with the figures"), {"since", FIELD_TIME},
                   {"recommended", FIELD_ENUM, .names = mode_names},
                   {"required", FIELD_BOOL, .help = "by a constraint"},
                   {"confidence", FIELD_DECIMAL}, {"margin", FIELD_DECIMAL},
                   {"monthly_saving", FIELD_DECIMAL, .help = "USD; negative when the move costs"},
                   {"repeats", FIELD_INT, .help = "sweeps in a row that said so"}),
};

static const struct shape facts_shape = {
    .name = "Facts",
    .help = "What is decided by, in the numbers of the database.",
    .fields = facts_fields,
    .without = NAMES("customer_id"),
};

const struct shape reply_tracker = {
    .name = "Tracked",
    .help = "Why a customer was or was not moved.",
    .more = FIELDS(TEXT("customer_id", "its id"), TEXT("customer", "its slug")),
    .parts = PARTS({"tracker", PART_OBJECT, &tracked_shape},
                   {"proposal", PART_OBJECT_OR_NULL, &pending_proposal_shape},
                   {"facts", PART_OBJECT, &facts_shape}),
};

static const struct shape counts_shape = {
    .more = FIELDS(NUMBER("multi_tenant", "customers"), NUMBER("single_tenant", "customers")),
};

static const struct shape simulation_totals_shape = {
    .more = FIELDS(NUMBER("customers", "that were judged"),
                   NUMBER("required", "moves that a constraint asks for"),
                   DECIMAL("monthly_cost_now", "USD"), DECIMAL("monthly_cost_then", "USD"),
                   DECIMAL("monthly_difference", "USD")),
    .parts = PARTS({"moves", PART_OBJECT, &counts_shape, "to each mode"},
                   {"modes_now", PART_OBJECT, &counts_shape},
                   {"modes_then", PART_OBJECT, &counts_shape}),
};

static const struct shape simulated_move_shape = {.fields = simulated_move_fields};

const struct shape reply_simulation = {
    .name = "Simulation",
    .help = "Who would move under another policy, and what it would cost.",
    .more = page_fields,
    .parts = PARTS({"policy", PART_OBJECT, &file_shape},
                   {"totals", PART_OBJECT_OR_NULL, &simulation_totals_shape,
                    "null on all pages but the first"},
                   {"moves", PART_LIST, &simulated_move_shape}),
};

/* -- the clouds ------------------------------------------------------------------------------- */

const struct shape reply_call = {
    .name = "ProviderCall",
    .help = "A request to a cloud, and what it came to.",
    .fields = provider_call_fields,
};

const struct shape reply_drift = {
    .name = "Drift",
    .help = "A difference between a cloud and the database.",
    .fields = drift_fields,
};

static const struct shape slot_price_shape = {.fields = slot_price_fields};

const struct shape reply_prices = {
    .name = "Prices",
    .help = "What a slot on a shared server costs in each location.",
    .more = FIELDS(DECIMAL("eur_usd", "USD for a EUR")),
    .parts = PARTS({"file", PART_OBJECT, &file_shape}, {"prices", PART_LIST, &slot_price_shape}),
};

/* -- the installation ------------------------------------------------------------------------- */

const struct shape reply_policy = {
    .name = "Policy",
    .help = "A policy in the program, or the active one.",
    .sparse = true,
    .more = FIELDS(TEXT("name", "its name"), {"summary", FIELD_TEXT}, TEXT("sha256", "of its text"),
                   {"active", FIELD_BOOL, .required = true, .help = "whether it decides now"}),
};

const struct shape reply_policy_shown = {
    .name = "PolicyShown",
    .help = "A policy with its text.",
    .base = &reply_policy,
    .sparse = true,
    .more = FIELDS(TEXT("text", "YAML")),
};

const struct shape reply_token = {
    .name = "Token",
    .help = "A token without its text.",
    .fields = token_fields,
};

const struct shape reply_token_created = {
    .name = "TokenCreated",
    .help = "A token with its text, which is shown once.",
    .base = &reply_token,
    .more = FIELDS({"token", FIELD_TEXT, .help = "null when the reply is an earlier one's"}),
};

const struct shape reply_token_revoked = {
    .more = FIELDS(TEXT("id", "the token"), TEXT("status", "revoked")),
};

/* -- the fleet -------------------------------------------------------------------------------- */

static const struct shape place_shape = {.fields = overview_place_fields},
                          alert_shape = {.fields = alert_fields},
                          cause_shape = {.fields = trend_cause_fields};

const struct shape reply_overview = {
    .name = "Overview",
    .help = "Counts; those of what may be many stop at 1000.",
    .fields = overview_counts_fields,
    .more = FIELDS({"at", FIELD_TIME, .required = true, .help = "when it was counted"},
                   TEXT("policy", "the name of the active policy")),
    .parts = PARTS({"places", PART_LIST, &place_shape, "customers by mode and status"},
                   {"alerts", PART_LIST, &alert_shape, "what wants a person"}),
};

static const struct shape fleet_day_shape = {
    .fields = fleet_day_fields,
    .without = NAMES("day"),
    .more = FIELDS(TEXT("day", "a date, UTC")),
};

const struct shape reply_fleet_days = {
    .name = "FleetDays",
    .help = "The fleet on each day and in each mode; money is USD a month.",
    .parts = PARTS({"days", PART_LIST, &fleet_day_shape}),
};

static const struct shape trend_day_shape = {
    .fields = trend_day_fields,
    .without = NAMES("day"),
    .more = FIELDS(TEXT("day", "a date, UTC")),
};

const struct shape reply_fleet_moves = {
    .name = "FleetMoves",
    .help = "The moves of some days.",
    .more = FIELDS(NUMBER("completed", "how many ended well"), NUMBER("failed", "how many failed"),
                   NUMBER("cancelled", "how many were stopped before their switch"),
                   NUMBER("returned", "how many were rolled back after it"),
                   {"success_rate", FIELD_DECIMAL, .help = "completed of those not cancelled"},
                   {"took_p50_us", FIELD_INT, .help = "from the request to the end, half of them"},
                   {"took_p95_us", FIELD_INT, .help = "the same, 95 % of them"},
                   {"stall_p50_us", FIELD_INT, .help = "how long a customer could not write"},
                   {"stall_max_us", FIELD_INT, .help = "the longest of them"},
                   {"whole", FIELD_BOOL, .help = "false: only the newest 5000 are in it"}),
    .parts = PARTS({"asked_by", PART_LIST, &cause_shape, "who or what asked for them"},
                   {"failed_of", PART_LIST, &cause_shape, "the errors of those that failed"},
                   {"days", PART_LIST, &trend_day_shape}),
};

static const struct shape top_shape = {
    .name = "FleetTop",
    .help = "A customer that stands out; money is USD a month.",
    .fields = fleet_top_fields,
};

const struct shape reply_fleet_tops = {
    .name = "FleetTops",
    .help = "The customers that stand out, up to 20 of each kind, as of the last look.",
    .parts = PARTS({"busy", PART_LIST, &top_shape, "on shared servers, by CPU"},
                   {"costly", PART_LIST, &top_shape, "by cost"},
                   {"loss", PART_LIST, &top_shape, "those who cost more than they pay"}),
};

const struct shape reply_session = {
    .name = "Session",
    .help = "Who is signed in; a token without a session has nulls.",
    .more = FIELDS(TEXT("token_id", "the token that it stands for"), TEXT("name", "its name"),
                   TEXT("role", "what it may do"),
                   {"expires_at", FIELD_TIME, .help = "when it ends by itself"},
                   {"csrf_token", FIELD_TEXT, .help = "the X-CSRF-Token of writes by cookie"}),
};

const struct shape reply_signed_out = {.more = FIELDS(TEXT("status", "signed out"))};

const struct shape reply_probe = {.more = FIELDS(TEXT("status", "ok or ready"))};

const struct shape reply_openapi = {
    .more = FIELDS(TEXT("openapi", "the version of the format"), ANY("info", "what this is"),
                   ANY("servers", "where it is"), ANY("tags", "what requests are about"),
                   ANY("paths", "the requests"), ANY("components", "what they share")),
};
