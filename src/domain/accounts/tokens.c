#include "domain/accounts/tokens.h"

#include "domain/audit/audit.h"
#include "tokens.sql.h"

const char *const token_role_names[] = {"viewer", "admin", "ingest", NULL};

const struct field token_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct token, id), .required = true, .help = "its id"},
    {"name", FIELD_TEXT, offsetof(struct token, name), .required = true,
     .help = "what or who uses it"},
    {"role", FIELD_ENUM, offsetof(struct token, role), .names = token_role_names, .required = true,
     .help = "what it may do"},
    {"customer_id", FIELD_TEXT, offsetof(struct token, customer_id),
     .help = "an ingest token's: whose usage it may send"},
    {"created_at", FIELD_TIME, offsetof(struct token, created_at), .required = true,
     .help = "when it was made"},
    {"revoked_at", FIELD_TIME, offsetof(struct token, revoked_at),
     .help = "since when it is worth nothing"},
    FIELD_END,
};

enum err token_create(struct db_tx *tx, const struct env *env, const char *actor, const char *name,
                      enum token_role role, const char *customer_id, struct arena *arena,
                      struct token *ret_token, char ret_text[TOKEN_TEXT_MAX], struct error *e)
{
    BUG_ON(customer_id && role != TOKEN_INGEST);
    char text[TOKEN_TEXT_MAX], hash[HASH_TEXT_MAX];
    token_generate(env->rng, text);
    struct token token = {
        .id = env_id(env, arena),
        .name = arena_text(arena, name),
        .role = (int)role,
        .customer_id = arena_text(arena, customer_id),
        .created_at = env_now(env),
        .revoked_at = INT_ABSENT,
    };
    TRY(db_exec(tx, &token_insert,
                DB_ARGS(db_text(token.id), db_text(token.name), db_text(token_role_names[role]),
                        db_text(sha256_hex(str_from(text), hash)), db_int(token.created_at),
                        db_text(token.customer_id)),
                NULL, e));
    TRY(audit_write(tx, env, arena, actor, "token.created", token.id, NULL, e));
    *ret_token = token;
    memcpy(ret_text, text, TOKEN_TEXT_MAX);
    return OK;
}

enum err token_authenticate(struct db_tx *tx, struct str text, struct arena *arena,
                            struct token *ret_token, struct error *e)
{
    char hash[HASH_TEXT_MAX];
    enum err err = db_get(tx, &token_by_hash, DB_ARGS(db_text(sha256_hex(text, hash))),
                          token_fields, arena, ret_token, e);
    if (err == ERR_NOT_FOUND)
        return error_set(e, ERR_DENIED, "this token is unknown or was revoked");
    return err;
}

enum err token_revoke(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                      struct arena *arena, struct error *e)
{
    struct token token;
    enum err err = db_get(tx, &token_by_id, DB_ARGS(db_text(id)), token_fields, arena, &token, e);
    if (err == ERR_NOT_FOUND)
        return error_set(e, err, "there is no token %s", id);
    TRY(err);
    int64_t changes;
    TRY(db_exec(tx, &token_mark_revoked, DB_ARGS(db_text(id), db_int(env_now(env))), &changes, e));
    if (changes == 0)
        return error_set(e, ERR_CONFLICT, "token %s was revoked before", id);
    return audit_write(tx, env, arena, actor, "token.revoked", id, NULL, e);
}

enum err token_revoke_named(struct db_tx *tx, const struct env *env, const char *actor,
                            const char *name, struct arena *arena, struct error *e)
{
    int64_t changes;
    TRY(db_exec(tx, &token_mark_revoked_named, DB_ARGS(db_text(name), db_int(env_now(env))),
                &changes, e));
    if (changes == 0)
        return OK;
    return audit_write(tx, env, arena, actor, "token.revoked_named", name, NULL, e);
}

enum err token_list(struct db_tx *tx, struct page page, struct arena *arena,
                    struct records *ret_rows, const char **ret_next, struct error *e)
{
    return page_list(tx, &token_page, page, DB_NO_ARGS, token_fields, sizeof(struct token), arena,
                     ret_rows, ret_next, e);
}

enum err token_count(struct db_tx *tx, int64_t *ret_count, struct error *e)
{
    return db_get_int(tx, &token_count_working, DB_NO_ARGS, ret_count, e);
}
