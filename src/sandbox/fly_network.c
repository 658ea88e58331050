/*
 * How the world reaches an app: addresses and certificates.
 */
#include "sandbox/fly.h"

#include "fly.sql.h"

/* -- addresses -------------------------------------------------------------------------------- */

struct ip_row {
    const char *app, *ip, *region, *service_name;
    bool shared;
    int64_t created_at;
};

static const struct field ip_row_fields[] = {
    {"app", FIELD_TEXT, offsetof(struct ip_row, app)},
    {"ip", FIELD_TEXT, offsetof(struct ip_row, ip)},
    {"region", FIELD_TEXT, offsetof(struct ip_row, region)},
    {"service_name", FIELD_TEXT, offsetof(struct ip_row, service_name)},
    {"shared", FIELD_BOOL, offsetof(struct ip_row, shared)},
    {"created_at", FIELD_TIME, offsetof(struct ip_row, created_at)},
    FIELD_END,
};

enum ip_type { IP_V4, IP_V6, IP_SHARED_V4, IP_PRIVATE_V6 };

static const char *const ip_types[] = {"v4", "v6", "shared_v4", "private_v6", NULL};

struct ip_input {
    int type;
    const char *region, *org_slug, *network, *service_name;
};

static const struct field ip_input_fields[] = {
    {"type", FIELD_ENUM, offsetof(struct ip_input, type), .required = true, .names = ip_types},
    {"region", FIELD_TEXT, offsetof(struct ip_input, region)},
    {"org_slug", FIELD_TEXT, offsetof(struct ip_input, org_slug)},
    {"network", FIELD_TEXT, offsetof(struct ip_input, network)},
    {"service_name", FIELD_TEXT, offsetof(struct ip_input, service_name)},
    FIELD_END,
};

static json_t *ip_json(const struct ip_row *row)
{
    return json_packed("{s:s, s:s, s:s, s:b, s:o}", "ip", row->ip, "region", row->region,
                       "service_name", row->service_name, "shared", (int)row->shared, "created_at",
                       json_time(row->created_at));
}

/* Ranges that lead nowhere (RFC 5737, 6598, 3849) and Fly's private prefix. */
static enum err new_address(struct call *c, enum ip_type type, const char **ret_ip, struct error *e)
{
    if (type == IP_SHARED_V4) {
        *ret_ip = "203.0.113.66";
        return OK;
    }
    int64_t number;
    TRY(call_next_number(c, "fly_ip", 1, &number, e));
    unsigned n = (unsigned)number & 0xffff;
    if (type == IP_V4)
        *ret_ip = arena_printf(c->arena, "100.64.%u.%u", n >> 8, n & 255);
    else
        *ret_ip = type == IP_V6 ? arena_printf(c->arena, "2001:db8:f1:%x::1", n)
                                : arena_printf(c->arena, "fdaa:0:%x::3", n);
    return OK;
}

enum err fly_ip_assign(struct call *c, struct error *e)
{
    TRY(fly_app_check(c, e));
    struct ip_input in;
    record_clear(ip_input_fields, &in);
    TRY(call_decode(c, ip_input_fields, &in));
    struct ip_row row = {
        .app = fly_app_name(c),
        .region = in.region ? in.region : "global",
        .service_name = in.service_name ? in.service_name : "",
        .shared = in.type == IP_SHARED_V4,
        .created_at = c->now_us,
    };
    TRY(new_address(c, (enum ip_type)in.type, &row.ip, e));
    enum err err =
        db_exec(c->tx, &ip_insert,
                DB_ARGS(db_text(row.app), db_text(row.ip), db_text(row.region),
                        db_text(row.service_name), db_int(row.shared), db_int(row.created_at)),
                NULL, e);
    if (err == ERR_CONFLICT)
        return call_refuse(c, 422, NULL, "the app has a shared IPv4 address already");
    TRY(err);
    return call_answer(c, 200, ip_json(&row));
}

enum err fly_ip_list(struct call *c, struct error *e)
{
    TRY(fly_app_check(c, e));
    struct records rows;
    TRY(db_list(c->tx, &ip_list, DB_ARGS(db_text(fly_app_name(c))), ip_row_fields,
                sizeof(struct ip_row), FLY_ROWS_MAX, c->arena, &rows, e));
    json_t *ips = json_array();
    for (size_t i = 0; i < rows.count; i++)
        json_push(ips, ip_json(&((const struct ip_row *)rows.items)[i]));
    return call_answer(c, 200, json_packed("{s:o}", "ips", ips));
}

enum err fly_ip_release(struct call *c, struct error *e)
{
    TRY(fly_app_check(c, e));
    int64_t gone;
    TRY(db_exec(c->tx, &ip_delete,
                DB_ARGS(db_text(fly_app_name(c)), db_text(http_param(c->request, "ip"))), &gone,
                e));
    if (gone == 0)
        return call_refuse(c, 404, NULL, "IP address not found");
    return call_answer(c, 204, NULL);
}

/* -- certificates ----------------------------------------------------------------------------- */

struct certificate_row {
    const char *app, *hostname;
    int64_t created_at;
};

static const struct field certificate_row_fields[] = {
    {"app", FIELD_TEXT, offsetof(struct certificate_row, app)},
    {"hostname", FIELD_TEXT, offsetof(struct certificate_row, hostname)},
    {"created_at", FIELD_TIME, offsetof(struct certificate_row, created_at)},
    FIELD_END,
};

struct certificate_input {
    const char *hostname;
};

static const struct field certificate_input_fields[] = {
    {"hostname", FIELD_TEXT, offsetof(struct certificate_input, hostname), .required = true,
     .max_len = 253},
    FIELD_END,
};

static const char *certificate_status(const struct call *c, const struct certificate_row *row)
{
    return c->now_us >= row->created_at + call_delay_us(c) ? "active" : "pending_validation";
}

static json_t *certificate_json(const struct call *c, const struct certificate_row *row)
{
    const char *status = certificate_status(c, row);
    return json_packed("{s:s, s:s, s:b, s:b, s:[{s:s, s:s, s:o}]}", "hostname", row->hostname,
                       "status", status, "configured", text_eq(status, "active"), "acme_requested",
                       1, "certificates", "source", "fly", "status", status, "created_at",
                       json_time(row->created_at));
}

static enum err certificate_of(struct call *c, struct certificate_row *ret_row, struct error *e)
{
    enum err err =
        db_get(c->tx, &certificate_get,
               DB_ARGS(db_text(fly_app_name(c)), db_text(http_param(c->request, "hostname"))),
               certificate_row_fields, c->arena, ret_row, e);
    if (err == ERR_NOT_FOUND)
        return call_refuse(c, 404, NULL, "certificate not found");
    return err;
}

enum err fly_certificate_request(struct call *c, struct error *e)
{
    TRY(fly_app_check(c, e));
    struct certificate_input in = {0};
    TRY(call_decode(c, certificate_input_fields, &in));
    struct certificate_row row = {fly_app_name(c), in.hostname, c->now_us};
    enum err err =
        db_exec(c->tx, &certificate_insert,
                DB_ARGS(db_text(row.app), db_text(row.hostname), db_int(c->now_us)), NULL, e);
    if (err == ERR_CONFLICT)
        return call_refuse(c, 422, NULL, "Hostname already exists on app");
    TRY(err);
    return call_answer(c, 201, certificate_json(c, &row));
}

enum err fly_certificate_list(struct call *c, struct error *e)
{
    TRY(fly_app_check(c, e));
    struct records rows;
    TRY(db_list(c->tx, &certificate_list, DB_ARGS(db_text(fly_app_name(c))), certificate_row_fields,
                sizeof(struct certificate_row), FLY_ROWS_MAX, c->arena, &rows, e));
    json_t *list = json_array();
    for (size_t i = 0; i < rows.count; i++) {
        const struct certificate_row *row = &((const struct certificate_row *)rows.items)[i];
        const char *status = certificate_status(c, row);
        json_push(list, json_packed("{s:s, s:s, s:b, s:b, s:o}", "hostname", row->hostname,
                                    "status", status, "configured", text_eq(status, "active"),
                                    "acme_requested", 1, "created_at", json_time(row->created_at)));
    }
    return call_answer(
        c, 200,
        json_packed("{s:o, s:I}", "certificates", list, "total_count", (json_int_t)rows.count));
}

enum err fly_certificate_get(struct call *c, struct error *e)
{
    struct certificate_row row;
    TRY(certificate_of(c, &row, e));
    return call_answer(c, 200, certificate_json(c, &row));
}

enum err fly_certificate_delete(struct call *c, struct error *e)
{
    struct certificate_row row;
    TRY(certificate_of(c, &row, e));
    TRY(db_exec(c->tx, &certificate_delete, DB_ARGS(db_text(row.app), db_text(row.hostname)), NULL,
                e));
    return call_answer(c, 204, NULL);
}
