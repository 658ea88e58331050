/*
 * --help, made from the command tables.
 */
#ifndef WEBHOST_APP_CLI_HELP_H
#define WEBHOST_APP_CLI_HELP_H

#include "app/cli/command.h"

#include <stdio.h>

/* Variables and what they are for, as {line, what}. */
extern const struct example cli_environment[]; /* ends with {0} */

/* Every command in its group, one line each, at most 80 columns. */
void help_overview(FILE *out);

/* The options every command takes, the environment and the exit codes. */
void help_globals(FILE *out);

void help_exit_codes(FILE *out);

/* The commands that begin with `word`. */
void help_group_word(FILE *out, const char *word);

/* Usage, details, arguments, options and examples of one command. */
void help_command(FILE *out, const struct command *command);

/* "LABELwebhost customers show CUSTOMER [OPTIONS]" */
void help_usage(FILE *out, const char *label, const struct command *command);

#endif
