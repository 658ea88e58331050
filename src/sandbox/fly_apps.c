#include "sandbox/fly.h"

#include "fly.sql.h"

#define APP_ID_LEN 16
#define TOKEN_LEN  64

struct app_row {
    const char *name, *id, *org_slug, *network;
    int64_t number, secrets_version, created_at, machine_count, volume_count;
};

static const struct field app_row_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct app_row, name)},
    {"id", FIELD_TEXT, offsetof(struct app_row, id)},
    {"number", FIELD_INT, offsetof(struct app_row, number)},
    {"org_slug", FIELD_TEXT, offsetof(struct app_row, org_slug)},
    {"network", FIELD_TEXT, offsetof(struct app_row, network)},
    {"secrets_version", FIELD_INT, offsetof(struct app_row, secrets_version)},
    {"created_at", FIELD_TIME, offsetof(struct app_row, created_at)},
    {"machine_count", FIELD_INT, offsetof(struct app_row, machine_count)},
    {"volume_count", FIELD_INT, offsetof(struct app_row, volume_count)},
    FIELD_END,
};

const char *fly_check_name(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > FLY_NAME_MAX || text[0] == '-' || text[len - 1] == '-')
        return "must be 1 to 63 lower-case letters, digits and hyphens, not first or last";
    for (const char *p = text; *p; p++) {
        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-'))
            return "may only contain lower-case letters, digits and hyphens";
    }
    return NULL;
}

struct app_input {
    const char *name, *org_slug, *network;
    bool enable_subdomains;
};

static const struct field app_input_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct app_input, name), .required = true,
     .check = fly_check_name},
    {"org_slug", FIELD_TEXT, offsetof(struct app_input, org_slug), .required = true},
    {"network", FIELD_TEXT, offsetof(struct app_input, network)},
    {"enable_subdomains", FIELD_BOOL, offsetof(struct app_input, enable_subdomains)},
    FIELD_END,
};

static json_t *app_json(const struct app_row *row)
{
    return json_packed("{s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:{s:s, s:s, s:i}}", "id", row->id,
                       "name", row->name, "internal_numeric_id", (json_int_t)row->number, "network",
                       row->network, "status", row->machine_count > 0 ? "deployed" : "pending",
                       "machine_count", (json_int_t)row->machine_count, "volume_count",
                       (json_int_t)row->volume_count, "organization", "name", row->org_slug, "slug",
                       row->org_slug, "internal_numeric_id", 1);
}

const char *fly_app_name(const struct call *c)
{
    return http_param(c->request, "app");
}

static enum err app_of(struct call *c, struct app_row *ret_row, struct error *e)
{
    enum err err = db_get(c->tx, &app_get, DB_ARGS(db_text(fly_app_name(c))), app_row_fields,
                          c->arena, ret_row, e);
    if (err == ERR_NOT_FOUND)
        return call_refuse(c, 404, NULL, "app not found");
    return err;
}

enum err fly_app_check(struct call *c, struct error *e)
{
    struct app_row row;
    return app_of(c, &row, e);
}

enum err fly_app_create(struct call *c, struct error *e)
{
    struct app_input in;
    record_clear(app_input_fields, &in);
    TRY(call_decode(c, app_input_fields, &in));
    struct app_row row = {
        .name = in.name,
        .id = call_random_text(c, APP_ID_LEN),
        .org_slug = in.org_slug,
        .network = in.network ? in.network : "default",
        .created_at = c->now_us,
    };
    TRY(db_get_int(c->tx, &app_number_next, DB_NO_ARGS, &row.number, e));
    enum err err =
        db_exec(c->tx, &app_insert,
                DB_ARGS(db_text(row.name), db_text(row.id), db_int(row.number),
                        db_text(row.org_slug), db_text(row.network), db_int(row.created_at)),
                NULL, e);
    if (err == ERR_CONFLICT)
        return call_refuse(c, 422, "name_taken", "Validation failed: Name has already been taken");
    TRY(err);
    c->reply.machines_changed = true;
    json_t *app = app_json(&row);
    json_put(app, "created_at", json_time(row.created_at));
    return call_answer(c, 201, app);
}

enum err fly_app_list(struct call *c, struct error *e)
{
    const char *org = http_query(c->request, "org_slug");
    if (!org)
        return call_refuse(c, 400, NULL, "invalid_argument: the query must name an org_slug");
    struct records rows;
    TRY(db_list(c->tx, &app_list, DB_ARGS(db_text(org)), app_row_fields, sizeof(struct app_row),
                FLY_ROWS_MAX, c->arena, &rows, e));
    json_t *apps = json_array();
    for (size_t i = 0; i < rows.count; i++) {
        const struct app_row *row = &((const struct app_row *)rows.items)[i];
        if (!fly_is_unseen(c, row->created_at))
            json_push(apps, app_json(row));
    }
    return call_answer(
        c, 200,
        json_packed("{s:I, s:o}", "total_apps", (json_int_t)json_array_size(apps), "apps", apps));
}

enum err fly_app_get(struct call *c, struct error *e)
{
    struct app_row row;
    TRY(app_of(c, &row, e));
    if (fly_is_unseen(c, row.created_at))
        return call_refuse(c, 404, NULL, "app not found");
    return call_answer(c, 200, app_json(&row));
}

/* Takes machines, volumes, secrets, addresses and certificates along; Postgres clusters stay. */
enum err fly_app_delete(struct call *c, struct error *e)
{
    struct app_row row;
    TRY(app_of(c, &row, e));
    if (row.machine_count > 0 && !call_flag(c, "force"))
        return call_refuse(c, 412, NULL,
                           "failed_precondition: app %s still has %lld machines; use force=true",
                           row.name, (long long)row.machine_count);
    const struct db_query *const deletes[] = {&app_delete_machines,     &app_delete_volumes,
                                              &app_delete_secrets,      &app_delete_ips,
                                              &app_delete_certificates, &app_delete};
    for (size_t i = 0; i < ARRAY_LEN(deletes); i++)
        TRY(db_exec(c->tx, deletes[i], DB_ARGS(db_text(row.name)), NULL, e));
    c->reply.machines_changed = true;
    return call_answer(c, 202, NULL);
}

struct token_input {
    const char *expiry;
};

static const struct field token_fields[] = {
    {"expiry", FIELD_TEXT, offsetof(struct token_input, expiry)},
    FIELD_END,
};

/* Of the right form; where tokens are checked, it opens nothing. */
enum err fly_app_deploy_token(struct call *c, struct error *e)
{
    TRY(fly_app_check(c, e));
    struct token_input in = {0};
    TRY(call_decode(c, token_fields, &in));
    return call_answer(
        c, 200, json_packed("{s:s+}", "token", "FlyV1 fm2_", call_random_text(c, TOKEN_LEN)));
}
