/*
 * --watch: a command that only shows, again and again.
 *
 * On a terminal each round takes the place of the one before, on the alternate screen, cut to the
 * window; an interrupt brings back the screen as it was. Elsewhere a round that differs from the
 * one before is appended: a table behind a line that tells the time, JSON as one more document. A
 * first round that fails ends it with that round's code; later ones are shown, because the server
 * may come back. --timeout, when given, ends it too.
 */
#ifndef WEBHOST_APP_CLI_WATCH_H
#define WEBHOST_APP_CLI_WATCH_H

#include "app/cli/cli.h"

enum cli_exit watch(struct cli *cli, const struct command *command, const void *options);

#endif
