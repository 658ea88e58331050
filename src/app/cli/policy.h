/*
 * Finding the policy that --policy names.
 */
#ifndef WEBHOST_APP_CLI_POLICY_H
#define WEBHOST_APP_CLI_POLICY_H

#include "app/cli/cli.h"
#include "domain/placement/policy.h"

/*
 * A policy of the binary by its name, or one read from a file; NULL `wanted` is "default". The
 * caller frees it. Otherwise every mistake is printed and the exit code says what it was.
 */
enum cli_exit policy_load(struct cli *cli, const char *wanted, struct policy **ret_policy);

#endif
