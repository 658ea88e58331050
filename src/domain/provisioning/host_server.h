/*
 * A host's server at Hetzner (hetzner/server.h), each call with a connection of its own. None of
 * these changes our records; the host's jobs do, with what they found out.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_HOST_SERVER_H
#define WEBHOST_DOMAIN_PROVISIONING_HOST_SERVER_H

#include "domain/provisioning/hetzner/server.h"
#include "domain/provisioning/host.h"
#include "domain/provisioning/provider.h"

enum err host_server_advance(const struct provisioning *with, const struct host *host,
                             struct arena *arena, struct hetzner_progress *ret, struct error *e);

enum err host_server_remove(const struct provisioning *with, const struct host *host,
                            struct arena *arena, struct error *e);

/*
 * Makes sure that the hosts' firewall has the rules of the configuration, which may have changed
 * since the last order.
 */
enum err host_server_guard(const struct provisioning *with, struct arena *arena, struct error *e);

/* The share of its CPUs that it used lately. */
enum err host_server_load(const struct provisioning *with, const struct host *host,
                          struct arena *arena, decimal *ret_load, struct error *e);

#endif
