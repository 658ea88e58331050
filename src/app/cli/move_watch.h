/*
 * A move as it goes, from the server's events: drawn in place on a terminal, a line for each change
 * elsewhere, each state as a line of JSON with -o json.
 *
 * It ends when the move is over, or soaks and has been proven. An interrupt ends the watching and
 * not the move, and says so. A server that goes away is asked again every second.
 */
#ifndef WEBHOST_APP_CLI_MOVE_WATCH_H
#define WEBHOST_APP_CLI_MOVE_WATCH_H

#include "app/cli/cli.h"

/* move_exit() of how it ended; CLI_TIMEOUT after --timeout. */
enum cli_exit move_watch(struct cli *cli, const struct command *command, const char *id);

#endif
