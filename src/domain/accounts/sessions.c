#include "domain/accounts/sessions.h"

#include "domain/audit/audit.h"
#include "sessions.sql.h"

const struct field session_settings_fields[] = {
    {"session_hours", FIELD_INT, offsetof(struct session_settings, hours), .min = 1, .max = 720},
    {"behind_tls", FIELD_BOOL, offsetof(struct session_settings, behind_tls)},
    FIELD_END,
};

struct session_settings session_settings_default(void)
{
    return (struct session_settings){.hours = 12};
}

enum err session_open(struct db_tx *tx, const struct env *env, const struct token *token,
                      int64_t lasts_us, struct arena *arena, char ret_text[TOKEN_TEXT_MAX],
                      struct error *e)
{
    char text[TOKEN_TEXT_MAX], hash[HASH_TEXT_MAX];
    int64_t now = env_now(env);
    token_generate(env->rng, text);
    TRY(db_exec(tx, &session_insert,
                DB_ARGS(db_text(sha256_hex(str_from(text), hash)), db_text(token->id), db_int(now),
                        db_int(now + lasts_us)),
                NULL, e));
    TRY(db_exec(tx, &session_trim, DB_ARGS(db_text(token->id), db_int(SESSIONS_MAX)), NULL, e));
    const char *actor = arena_printf(arena, "token:%s", token->name);
    TRY(audit_write(tx, env, arena, actor, "session.opened", token->id, NULL, e));
    memcpy(ret_text, text, TOKEN_TEXT_MAX);
    return OK;
}

enum err session_authenticate(struct db_tx *tx, const struct env *env, struct str text,
                              struct arena *arena, struct token *ret_token, struct error *e)
{
    char hash[HASH_TEXT_MAX];
    enum err err =
        db_get(tx, &session_token, DB_ARGS(db_text(sha256_hex(text, hash)), db_int(env_now(env))),
               token_fields, arena, ret_token, e);
    if (err == ERR_NOT_FOUND)
        return error_set(e, ERR_DENIED, "this session has ended; sign in again");
    return err;
}

enum err session_expiry(struct db_tx *tx, struct str text, int64_t *ret_at, struct error *e)
{
    char hash[HASH_TEXT_MAX];
    return db_get_int(tx, &session_end, DB_ARGS(db_text(sha256_hex(text, hash))), ret_at, e);
}

enum err session_close(struct db_tx *tx, struct str text, struct error *e)
{
    char hash[HASH_TEXT_MAX];
    return db_exec(tx, &session_delete, DB_ARGS(db_text(sha256_hex(text, hash))), NULL, e);
}

const char *session_csrf(struct str text, char out[HASH_TEXT_MAX])
{
    struct sha256 h;
    sha256_begin(&h);
    sha256_add(&h, STR("csrf "));
    sha256_add(&h, text);
    return sha256_end(&h, out);
}

enum err sessions_prune(struct db_tx *tx, int64_t before, int64_t max, int64_t *ret_deleted,
                        struct error *e)
{
    return db_exec(tx, &sessions_delete_old, DB_ARGS(db_int(before), db_int(max)), ret_deleted, e);
}
