/*
 * GET /sandbox/state: everything that exists and would cost money, for tests that compare the
 * clouds with a database. What is being deleted does not count any more.
 *
 *     {"servers": [{id, name, labels, server_type, location, user_data, ssh_keys}],
 *      "ssh_keys", "firewalls", "networks", "hetzner_volumes", "placement_groups", "primary_ips",
 *      "images": [{id, name, labels}],
 *      "apps": [{name, org_slug}], "machines": [{id, app, name, region, metadata}],
 *      "volumes": [{id, app, name, region, machine_id}],
 *      "postgres": [{id, name, org_slug, region}],
 *      "counts": {"servers": N, ...},
 *      "labels": {"KEY=VALUE": N, ...}}   servers' labels and machines' metadata together
 */
#ifndef WEBHOST_SANDBOX_STATE_H
#define WEBHOST_SANDBOX_STATE_H

#include "sandbox/call.h"

operation sandbox_state_show;

#endif
