/*
 * App secrets. The values are not kept: what nobody can read back need not be in the file.
 */
#include "sandbox/fly.h"

#include "infra/secrets/secret.h"

#include "fly.sql.h"

#define DIGEST_LEN   16
#define NAME_LEN_MAX 255

struct secret_row {
    const char *app, *name, *digest;
    int64_t created_at, updated_at;
};

static const struct field secret_row_fields[] = {
    {"app", FIELD_TEXT, offsetof(struct secret_row, app)},
    {"name", FIELD_TEXT, offsetof(struct secret_row, name)},
    {"digest", FIELD_TEXT, offsetof(struct secret_row, digest)},
    {"created_at", FIELD_TIME, offsetof(struct secret_row, created_at)},
    {"updated_at", FIELD_TIME, offsetof(struct secret_row, updated_at)},
    FIELD_END,
};

static bool is_variable_name(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > NAME_LEN_MAX || (*text >= '0' && *text <= '9'))
        return false;
    for (const char *p = text; *p; p++) {
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
              *p == '_'))
            return false;
    }
    return true;
}

static json_t *secret_json(const struct secret_row *row)
{
    return json_packed("{s:s, s:s, s:o, s:o}", "name", row->name, "digest", row->digest,
                       "created_at", json_time(row->created_at), "updated_at",
                       json_time(row->updated_at));
}

static enum err list_json(struct call *c, json_t **ret_list, struct error *e)
{
    struct records rows;
    TRY(db_list(c->tx, &secret_list, DB_ARGS(db_text(fly_app_name(c))), secret_row_fields,
                sizeof(struct secret_row), FLY_ROWS_MAX, c->arena, &rows, e));
    json_t *list = json_array();
    for (size_t i = 0; i < rows.count; i++)
        json_push(list, secret_json(&((const struct secret_row *)rows.items)[i]));
    *ret_list = list;
    return OK;
}

enum err fly_secret_list(struct call *c, struct error *e)
{
    TRY(fly_app_check(c, e));
    json_t *list;
    TRY(list_json(c, &list, e));
    return call_answer(c, 200, json_packed("{s:o}", "secrets", list));
}

/* `value` JSON null removes the secret. */
static enum err set(struct call *c, const char *name, const json_t *value, struct error *e)
{
    const char *app = fly_app_name(c);
    if (!is_variable_name(name))
        return call_refuse(
            c, 400, NULL,
            "invalid_argument: a secret's name must be letters, digits and underscores");
    if (json_is_null(value))
        return db_exec(c->tx, &secret_delete, DB_ARGS(db_text(app), db_text(name)), NULL, e);
    if (!json_is_string(value))
        return call_refuse(c, 400, NULL, "invalid_argument: values.%s must be text or null", name);
    char hash[HASH_TEXT_MAX];
    (void)sha256_hex((struct str){json_string_value(value), json_string_length(value)}, hash);
    const char *digest = arena_text_n(c->arena, hash, DIGEST_LEN);
    return db_exec(c->tx, &secret_put,
                   DB_ARGS(db_text(app), db_text(name), db_text(digest), db_int(c->now_us)), NULL,
                   e);
}

static enum err next_version(struct call *c, int64_t *ret_version, struct error *e)
{
    return db_get_int(c->tx, &app_next_secrets_version, DB_ARGS(db_text(fly_app_name(c))),
                      ret_version, e);
}

struct secrets_input {
    const char *values, *value;
};

static const struct field values_fields[] = {
    {"values", FIELD_JSON, offsetof(struct secrets_input, values), .required = true},
    FIELD_END,
};

static const struct field value_fields[] = {
    {"value", FIELD_JSON, offsetof(struct secrets_input, value), .required = true},
    FIELD_END,
};

enum err fly_secret_set_many(struct call *c, struct error *e)
{
    TRY(fly_app_check(c, e));
    struct secrets_input in = {0};
    TRY(call_decode(c, values_fields, &in));
    json_t *values = json_object_get(c->body, "values"), *value;
    const char *name;
    if (!json_is_object(values))
        return call_refuse(c, 400, NULL, "invalid_argument: values must be an object");
    json_object_foreach (values, name, value)
        TRY(set(c, name, value, e));
    int64_t version;
    TRY(next_version(c, &version, e));
    json_t *list;
    TRY(list_json(c, &list, e));
    return call_answer(c, 200,
                       json_packed("{s:I, s:I, s:o}", "version", (json_int_t)version, "Version",
                                   (json_int_t)version, "secrets", list));
}

enum err fly_secret_set(struct call *c, struct error *e)
{
    TRY(fly_app_check(c, e));
    struct secrets_input in = {0};
    TRY(call_decode(c, value_fields, &in));
    const char *name = http_param(c->request, "secret");
    TRY(set(c, name, json_object_get(c->body, "value"), e));
    int64_t version;
    TRY(next_version(c, &version, e));
    return call_answer(c, 201,
                       json_packed("{s:s, s:I, s:I}", "name", name, "version", (json_int_t)version,
                                   "Version", (json_int_t)version));
}

enum err fly_secret_delete(struct call *c, struct error *e)
{
    TRY(fly_app_check(c, e));
    TRY(set(c, http_param(c->request, "secret"), json_null(), e));
    int64_t version;
    TRY(next_version(c, &version, e));
    return call_answer(
        c, 200,
        json_packed("{s:I, s:I}", "version", (json_int_t)version, "Version", (json_int_t)version));
}

enum err fly_secret_get(struct call *c, struct error *e)
{
    TRY(fly_app_check(c, e));
    struct secret_row row;
    enum err err =
        db_get(c->tx, &secret_get,
               DB_ARGS(db_text(fly_app_name(c)), db_text(http_param(c->request, "secret"))),
               secret_row_fields, c->arena, &row, e);
    if (err == ERR_NOT_FOUND)
        return call_refuse(c, 404, NULL, "secret not found");
    TRY(err);
    return call_answer(c, 200, secret_json(&row));
}

enum err fly_secrets_check(struct call *c, int64_t min_version, struct error *e)
{
    int64_t version;
    TRY(db_get_int(c->tx, &app_secrets_version, DB_ARGS(db_text(fly_app_name(c))), &version, e));
    if (min_version != INT_ABSENT && version < min_version)
        return call_refuse(c, 412, NULL,
                           "failed_precondition: the app's secrets are at version %lld, not %lld",
                           (long long)version, (long long)min_version);
    return OK;
}
