/*
 * --watch: a command that only shows, again and again.
 *
 * On a terminal each round takes the place of the one before, on the alternate screen, cut to the
 * window; an interrupt brings back the screen as it was. Elsewhere rounds are appended, tables with
 * a line that tells the time before each, JSON as one document after the other. A first round that
 * fails ends it with that round's code; later ones are shown, because the server may come back.
 */
#ifndef WEBHOST_APP_CLI_WATCH_H
#define WEBHOST_APP_CLI_WATCH_H

#include "app/cli/cli.h"

enum cli_exit watch(struct cli *cli, const struct command *command, const void *options);

#endif
