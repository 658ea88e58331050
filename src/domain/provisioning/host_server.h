/*
 * A host's server at Hetzner: had, looked at, measured, removed.
 *
 * None of these changes our records; the host's jobs do, with what these found out.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_HOST_SERVER_H
#define WEBHOST_DOMAIN_PROVISIONING_HOST_SERVER_H

#include "domain/provisioning/host.h"
#include "domain/provisioning/provider.h"

/*
 * Finds the server by the host's name, or orders it. ERR_CAPACITY: there is none to be had;
 * ERR_CONFLICT: the name is taken by a server that is not ours.
 */
enum err host_server_have(const struct provisioning *with, const struct host *host,
                          struct arena *arena, int64_t *ret_id, struct error *e);

/* The server's address once all its actions have ended and it runs; NULL before. */
enum err host_server_look(const struct provisioning *with, const struct host *host,
                          struct arena *arena, const char **ret_address, struct error *e);

/* Deletes it, if it is ours. OK: it is gone. */
enum err host_server_remove(const struct provisioning *with, const struct host *host,
                            struct arena *arena, struct error *e);

/* The share of its CPUs that was in use over the last minutes. */
enum err host_server_load(const struct provisioning *with, const struct host *host,
                          struct arena *arena, decimal *ret_load, struct error *e);

#endif
