/*
 * What a new server does at its first start: cloud-init.yaml of this folder, filled in.
 *
 * Hetzner keeps user data and shows it, so no secret is in it: the role's password goes in as a
 * SCRAM verifier. The password follows from the key and the host's name (secret_derive()).
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_HETZNER_CLOUD_INIT_H
#define WEBHOST_DOMAIN_PROVISIONING_HETZNER_CLOUD_INIT_H

#include "base/embedded.h"
#include "infra/secrets/secret.h"

#define USER_DATA_MAX ((size_t)32 * 1024) /* Hetzner's bound */

extern const struct embedded_file hetzner_files[]; /* cloud-init.yaml, with its place open */

/* The same text each time for the same key and host. */
const char *cloud_init_fill(const struct secret *key, const char *host, struct arena *arena);

#endif
