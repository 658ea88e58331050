/*
 * The installation's key, from which the passwords of tenants' databases are derived.
 *
 * It is a file and never in the database, so that a copy of the database opens nobody else's.
 * Every node needs the same one: the database has a value that follows from it, and a node whose
 * key gives another value is refused before it makes databases that the others cannot open.
 */
#ifndef WEBHOST_DOMAIN_CORE_KEY_H
#define WEBHOST_DOMAIN_CORE_KEY_H

#include "domain/core/env.h"
#include "infra/secrets/secret.h"

/*
 * Reads the key file, or makes it when no node of this installation has made one yet. ERR_CONFLICT
 * when the file is missing or another one although there is a key: the sentence says what to copy.
 */
enum err key_open(const struct env *env, const char *path, struct secret **ret_key,
                  struct error *e);

#endif
