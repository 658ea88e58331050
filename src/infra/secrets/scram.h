/*
 * PostgreSQL's password verifiers (SCRAM-SHA-256, RFC 5802 and RFC 7677).
 *
 * A verifier lets a server check a password, and lets a client with channel binding check the
 * server, but the password does not follow from it. So it may stand where the password must not:
 * in a script that sets up a server.
 */
#ifndef WEBHOST_INFRA_SECRETS_SCRAM_H
#define WEBHOST_INFRA_SECRETS_SCRAM_H

#include "infra/secrets/secret.h"

#define SCRAM_SALT_MAX 64
#define SCRAM_TEXT_MAX 256

/*
 * "SCRAM-SHA-256$4096:SALT$STORED_KEY:SERVER_KEY" as CREATE ROLE ... PASSWORD takes it. The
 * password is printable ASCII, which SASLprep leaves alone; the salt is at most SCRAM_SALT_MAX
 * bytes. Returns `out`.
 */
const char *scram_verifier(const struct secret *password, struct str salt,
                           char out[SCRAM_TEXT_MAX]);

#endif
