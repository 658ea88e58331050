/*
 * The options of the long-running commands; they fill the structs of app/daemon/serve.h.
 */
#ifndef WEBHOST_APP_CLI_SERVE_H
#define WEBHOST_APP_CLI_SERVE_H

#include "app/cli/command.h"
#include "app/daemon/serve.h"

extern const struct option_spec serve_option_table[];
extern const struct option_spec sandbox_option_table[];

#endif
