/*
 * A decision document (SPEC) for people: the same whether it was made here or by the server.
 */
#ifndef WEBHOST_APP_CLI_DECISION_VIEW_H
#define WEBHOST_APP_CLI_DECISION_VIEW_H

#include "app/cli/table.h"

/* Outcome, reason, the table of factors with both scores, constraints, cost, alternatives. */
void decision_print(const struct table *t, const json_t *decision);

/* "multi_tenant on hetzner, plan hobby, in ash" */
const char *decision_outcome(const struct table *t, const json_t *decision);

#endif
