/*
 * Waiting until what was started is done: a poll of the customer's status every half second.
 */
#ifndef WEBHOST_APP_CLI_WAIT_H
#define WEBHOST_APP_CLI_WAIT_H

#include "app/cli/cli.h"
#include "infra/json/json.h"

/*
 * Until the customer's deployment is active, in `mode` when that is not NULL. Tells each change of
 * status on `err`. CLI_ENDED_BADLY when the deployment or the move failed; CLI_TIMEOUT after
 * --timeout, or 15 minutes. On CLI_OK `ret_status`, which the caller owns, is the reply that said
 * so.
 */
enum cli_exit wait_for_active(struct cli *cli, const struct command *command, const char *customer,
                              const char *mode, json_t **ret_status);

/*
 * Until the job has completed. CLI_ENDED_BADLY, with `what` ("the sweep") and the job's error told,
 * when it was given up or cancelled; CLI_TIMEOUT after --timeout, or 15 minutes.
 */
enum cli_exit wait_for_job(struct cli *cli, const struct command *command, int64_t id,
                           const char *what);

/* Stands still; a signal may end it early. */
void pause_for(int64_t duration_us);

#endif
