/*
 * Signed webhooks: https://www.standardwebhooks.com, symmetric scheme "v1".
 *
 * The receiver computes HMAC-SHA-256 over "ID.TIMESTAMP.BODY" with the shared key and compares. The
 * id stays the same when a message is sent again, so that a receiver can tell repetitions.
 */
#ifndef WEBHOST_INFRA_SECRETS_WEBHOOK_H
#define WEBHOST_INFRA_SECRETS_WEBHOOK_H

#include "infra/secrets/secret.h"

/*
 * The value of the header webhook-signature, in the arena. `secret` is "whsec_" and the key in
 * base64 (24 to 64 bytes); ERR_INVALID for anything else, without telling the text.
 */
enum err webhook_sign(const struct secret *secret, const char *id, int64_t at_s, struct str body,
                      struct arena *arena, const char **ret_signature, struct error *e);

#endif
