#include "app/cli/commands.h"

const struct command *const commands[] = {
    &command_decide,         &command_policy_check,    &command_policy_show,
    &command_policy_list,    &command_signup,          &command_status,
    &command_evaluate,       &command_migrate,         &command_customers_list,
    &command_customers_show, &command_decisions_list,  &command_decisions_show,
    &command_jobs_list,      &command_jobs_show,       &command_jobs_retry,
    &command_jobs_cancel,    &command_queues_list,     &command_queues_pause,
    &command_queues_resume,  &command_queues_scale,    &command_hosts,
    &command_plans,          &command_prices,          &command_token_create,
    &command_token_list,     &command_token_revoke,    &command_audit,
    &command_calls,          &command_drift,           &command_reconcile,
    &command_serve,          &command_sandbox,         &command_instances_list,
    &command_instances_show, &command_instances_scale, NULL,
};
