/*
 * Bearer tokens: who may call the API.
 *
 * A token's text exists once, in the reply that created it; the database holds its SHA-256. An
 * admin may do everything, a viewer may read, an ingest token may send usage and nothing else,
 * perhaps of one customer only. Revoking is final. Roles are checked by the API
 * layer, against the route's table.
 */
#ifndef WEBHOST_DOMAIN_ACCOUNTS_TOKENS_H
#define WEBHOST_DOMAIN_ACCOUNTS_TOKENS_H

#include "domain/core/env.h"
#include "infra/secrets/secret.h"

enum token_role { TOKEN_VIEWER, TOKEN_ADMIN, TOKEN_INGEST };

extern const char *const token_role_names[]; /* "viewer", "admin", "ingest", NULL */

struct token {
    const char *id;
    const char *name;
    int role;                /* enum token_role */
    const char *customer_id; /* whose usage it may send; NULL: anybody's */
    int64_t created_at;
    int64_t revoked_at; /* INT_ABSENT while it works */
};

extern const struct field token_fields[];

/*
 * Creates a token and gives its text, the only time it can be seen. Only an ingest token may have a
 * customer. Audited.
 */
enum err token_create(struct db_tx *tx, const struct env *env, const char *actor, const char *name,
                      enum token_role role, const char *customer_id, struct arena *arena,
                      struct token *ret_token, char ret_text[TOKEN_TEXT_MAX], struct error *e);

/* The working token with this text; ERR_DENIED when there is none. */
enum err token_authenticate(struct db_tx *tx, struct str text, struct arena *arena,
                            struct token *ret_token, struct error *e);

/* ERR_NOT_FOUND for an unknown id, ERR_CONFLICT when it was revoked before. Audited. */
enum err token_revoke(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                      struct arena *arena, struct error *e);

/* Revokes every working token of that name, if any. Audited as one deed. */
enum err token_revoke_named(struct db_tx *tx, const struct env *env, const char *actor,
                            const char *name, struct arena *arena, struct error *e);

/* Newest first: records of struct token. */
enum err token_list(struct db_tx *tx, struct page page, struct arena *arena,
                    struct records *ret_rows, const char **ret_next, struct error *e);

/* How many work; the first start makes one when there is none. */
enum err token_count(struct db_tx *tx, int64_t *ret_count, struct error *e);

#endif
