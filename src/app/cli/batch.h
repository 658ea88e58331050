/*
 * decide --batch: profiles as lines of JSON in, decisions as lines of JSON out, in order.
 */
#ifndef WEBHOST_APP_CLI_BATCH_H
#define WEBHOST_APP_CLI_BATCH_H

#include "base/err.h"
#include "domain/placement/costs.h"
#include "domain/placement/policy.h"

#include <stdio.h>

/* A longer line is answered with an error, and the rest goes on. */
#define BATCH_LINE_MAX ((size_t)1 << 20)

/*
 * Reads the descriptor to its end. Memory is bounded whatever comes in. Output is flushed before
 * every read, so that a program at both ends of the pipe gets its answers before it writes more.
 * Bad lines are no failure; reading and writing are.
 */
enum err batch_run(int in, FILE *out, const struct policy *policy, const struct prices *prices,
                   struct error *e);

#endif
