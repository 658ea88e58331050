/*
 * Sessions: a person's browser in the place of a token.
 *
 * Whoever signs in with a token gets a text of 256 random bits for a cookie; the database holds its
 * SHA-256. The session may do what the token may, and ends with it: by its time, when the token is
 * revoked, or when the person signs out. A token has at most SESSIONS_MAX; one more ends the
 * oldest.
 *
 * The text for writes (csrf) follows from the session's text, so that it is stored nowhere: who can
 * read a page's replies has it, a page of somebody else's that makes the browser send the cookie
 * does not.
 */
#ifndef WEBHOST_DOMAIN_ACCOUNTS_SESSIONS_H
#define WEBHOST_DOMAIN_ACCOUNTS_SESSIONS_H

#include "domain/accounts/tokens.h"

#define SESSIONS_MAX 20 /* of a token, at a time */

struct session_settings {
    int64_t hours;   /* how long a session lasts */
    bool behind_tls; /* cookies are for https only, whatever the request looks like */
};

/* The part `dashboard:` of the configuration file. */
extern const struct field session_settings_fields[];

struct session_settings session_settings_default(void);

/* Begins a session of a working token's; its text is given once. Audited. */
enum err session_open(struct db_tx *tx, const struct env *env, const struct token *token,
                      int64_t lasts_us, struct arena *arena, char ret_text[TOKEN_TEXT_MAX],
                      struct error *e);

/* The token that the session stands for; ERR_DENIED when the session or its token has ended. */
enum err session_authenticate(struct db_tx *tx, const struct env *env, struct str text,
                              struct arena *arena, struct token *ret_token, struct error *e);

/* When it ends by itself; INT_ABSENT for none. */
enum err session_expiry(struct db_tx *tx, struct str text, int64_t *ret_at, struct error *e);

/* Ends it; one that has ended is fine. */
enum err session_close(struct db_tx *tx, struct str text, struct error *e);

/* What a write has to name beside the cookie. Returns `out`. */
const char *session_csrf(struct str text, char out[HASH_TEXT_MAX]);

/* A prune_fn: sessions that ended before. */
enum err sessions_prune(struct db_tx *tx, int64_t before, int64_t max, int64_t *ret_deleted,
                        struct error *e);

#endif
