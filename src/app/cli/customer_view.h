/*
 * A customer with what belongs to it, for people.
 */
#ifndef WEBHOST_APP_CLI_CUSTOMER_VIEW_H
#define WEBHOST_APP_CLI_CUSTOMER_VIEW_H

#include "app/cli/table.h"

/*
 * Prints what is there of a document {customer, deployment, decision or last_decision,
 * usage_metrics, migration_status, job or jobs}: the replies to signup, status and customers show.
 */
void customer_print(const struct table *t, const json_t *document);

/* How it leaves, as the server answers. */
void offboarding_print(const struct table *t, const json_t *offboarding);

#endif
