/*
 * The shapes of the replies (shape.h), by the thing that they tell of. A route names the shape of
 * what it answers (api.h, struct api_answer); tests/contract/openapi_test.py holds its replies
 * against it.
 */
#ifndef WEBHOST_APP_API_REPLIES_H
#define WEBHOST_APP_API_REPLIES_H

#include "app/api/shape.h"

/* {"next_cursor": ...}, of a list. */
extern const struct field page_fields[];

/* {NAME: [SHAPE...], "next_cursor": ...} */
#define PAGE_OF(name_, shape_)                                                                     \
    &(const struct shape)                                                                          \
    {                                                                                              \
        .more = page_fields, .parts = PARTS({name_, PART_LIST, &shape_})                           \
    }

/* Customers. */
extern const struct shape reply_plan, reply_customer, reply_customer_shown, reply_signed_up,
    reply_resubscribed, reply_deployment, reply_decision, reply_decision_summary, reply_offboarding,
    reply_export_started, reply_status, reply_evaluation;

/* Usage, and what is made of it. */
extern const struct shape reply_usage, reply_events, reply_sweep, reply_sweep_dry, reply_tracker,
    reply_proposal, reply_simulation, reply_notice, reply_notice_shown;

/* Moves, jobs, queues. */
extern const struct shape reply_migration, reply_migration_shown, reply_migration_started,
    reply_plan_of_move, reply_job, reply_job_shown, reply_job_started, reply_jobs_retried,
    reply_queue, reply_queue_paused, reply_queue_scaled;

/* The clouds. */
extern const struct shape reply_host, reply_host_shown, reply_hosts, reply_reap, reply_instance,
    reply_instance_scaled, reply_call, reply_prices, reply_drift;

/* replies_outcomes.c: what became of things, and the record of what was done. */
extern const struct shape reply_feedback, reply_outcomes, reply_costs, reply_audit,
    reply_audit_verified, reply_audit_exported;

/* Where clients go. */
extern const struct shape reply_route, reply_routes;

/* The installation. */
extern const struct shape reply_policy, reply_policy_shown, reply_token, reply_token_created,
    reply_token_revoked, reply_probe, reply_openapi, reply_session, reply_signed_out;

/* The fleet. */
extern const struct shape reply_overview, reply_fleet_days, reply_fleet_moves, reply_fleet_tops;

/* The body of a refusal (RFC 9457). */
extern const struct shape reply_problem;

/* An event of a customer's usage, as POST /api/usage/events takes it. */
extern const struct shape usage_event_shape;

#endif
