/*
 * Manual pages in mdoc(7), made from the command tables like --help.
 *
 * webhost.1 is about all commands, their common options, the environment and the exit codes;
 * webhost-jobs-retry.1 about one.
 */
#ifndef WEBHOST_APP_CLI_MAN_H
#define WEBHOST_APP_CLI_MAN_H

#include "app/cli/cli.h"

/* The page of a command; NULL: webhost's own. `date` is "November 28, 2026". */
void man_page(FILE *out, const struct command *command, const char *date);

/* "webhost-jobs-retry", in the arena. */
const char *man_name(const struct command *command, struct arena *arena);

#endif
