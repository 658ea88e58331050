/*
 * Every command of the program, by the file that holds it.
 */
#ifndef WEBHOST_APP_CLI_COMMANDS_H
#define WEBHOST_APP_CLI_COMMANDS_H

#include "app/cli/command.h"

extern const struct command command_decide; /* decide.c */

extern const struct command command_policy_check, command_policy_show, command_policy_list;
/* policy.c */
extern const struct command command_signup, command_status, command_evaluate;
/* customers.c */
extern const struct command command_customers_list, command_customers_show, command_customers_plan;

/* offboard.c */
extern const struct command command_customers_offboard, command_customers_export;

extern const struct command command_decisions_list, command_decisions_show; /* decisions.c */

extern const struct command command_jobs_list, command_jobs_show, command_jobs_retry,
    command_jobs_cancel; /* jobs.c */

extern const struct command command_queues_list, command_queues_pause, command_queues_resume,
    command_queues_scale; /* queues.c */

extern const struct command command_hosts_list, command_hosts_show, command_hosts_add,
    command_hosts_drain, command_hosts_undrain, command_hosts_reap; /* hosts.c */

extern const struct command command_instances_list, command_instances_show,
    command_instances_scale; /* instances.c */

extern const struct command command_plans, command_prices; /* fleet.c */
extern const struct command command_routes_list, command_routes_show;

extern const struct command command_token_create, command_token_list,
    command_token_revoke; /* access.c */

extern const struct command command_audit_list, command_audit_verify,
    command_audit_export; /* audit.c */

extern const struct command command_feedback_add, command_feedback_list, command_outcomes,
    command_costs; /* outcomes.c */

extern const struct command command_calls, command_drift, command_reconcile; /* clouds.c */

extern const struct command command_sweep, command_sweeps, command_explain,
    command_simulate; /* tracker.c */

extern const struct command command_migrate, command_migrations_list, command_migrations_show,
    command_migrations_watch, command_migrations_cancel, command_migrations_rollback,
    command_migrations_finish, command_migrations_retry; /* migrations.c */

extern const struct command command_proposals_list, command_proposals_approve,
    command_proposals_reject; /* proposals.c */

extern const struct command command_notices_list, command_notices_show, command_notices_replay,
    command_notices_test; /* notices.c */

extern const struct command command_usage; /* usage.c */

extern const struct command command_serve, command_sandbox; /* serve.c */

extern const struct command command_doctor; /* doctor.c */

extern const struct command command_openapi; /* openapi.c */

extern const struct command command_context_list, command_context_add, command_context_use,
    command_context_remove; /* context.c */

extern const struct command command_completion; /* completion.c */

extern const struct command command_man; /* manual.c */

#endif
