/*
 * Managed Postgres. Creating and reading are part of the Machines API's host; listing and
 * destroying are only known from another host of Fly's (flyctl uses it), so they have paths of
 * their own. No database is started: all clusters answer with the address in the options.
 */
#include "sandbox/fly.h"

#include "fly.sql.h"

#define CLUSTER_ID_LEN  16
#define PASSWORD_LEN    24
#define DISK_GB_DEFAULT 10
#define DISK_GB_MAX     1000

struct plan {
    const char *name, *cpu_kind;
    int cpus, memory_mb;
};

static const struct plan plans[] = {
    {"basic", "shared", 2, 1024},
    {"starter", "shared", 2, 2048},
    {"launch", "performance", 2, 8192},
    {"scale", "performance", 4, 32768},
    {"performance", "performance", 8, 65536},
};

static const struct plan *plan_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(plans); i++) {
        if (text_eq(plans[i].name, name))
            return &plans[i];
    }
    return NULL;
}

static const char *check_plan(const char *text)
{
    return plan_of(text) ? NULL : "must be basic, starter, launch, scale or performance";
}

static const char *check_region(const char *text)
{
    return fly_region_has_postgres(text) ? NULL : "must be a region with managed Postgres";
}

struct cluster_row {
    const char *id, *org_slug, *name, *region, *plan, *pg_major_version, *password;
    int64_t disk_size_gb, created_at, ready_at;
    bool postgis_enabled;
};

static const struct field cluster_row_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct cluster_row, id)},
    {"org_slug", FIELD_TEXT, offsetof(struct cluster_row, org_slug)},
    {"name", FIELD_TEXT, offsetof(struct cluster_row, name)},
    {"region", FIELD_TEXT, offsetof(struct cluster_row, region)},
    {"plan", FIELD_TEXT, offsetof(struct cluster_row, plan)},
    {"disk_size_gb", FIELD_INT, offsetof(struct cluster_row, disk_size_gb)},
    {"pg_major_version", FIELD_TEXT, offsetof(struct cluster_row, pg_major_version)},
    {"postgis_enabled", FIELD_BOOL, offsetof(struct cluster_row, postgis_enabled)},
    {"password", FIELD_TEXT, offsetof(struct cluster_row, password)},
    {"created_at", FIELD_TIME, offsetof(struct cluster_row, created_at)},
    {"ready_at", FIELD_TIME, offsetof(struct cluster_row, ready_at)},
    FIELD_END,
};

static const struct field cluster_input_fields[] = {
    {"org_slug", FIELD_TEXT, offsetof(struct cluster_row, org_slug), .required = true},
    {"name", FIELD_TEXT, offsetof(struct cluster_row, name), .check = fly_check_name},
    {"region", FIELD_TEXT, offsetof(struct cluster_row, region), .required = true,
     .check = check_region},
    {"plan", FIELD_TEXT, offsetof(struct cluster_row, plan), .required = true, .check = check_plan},
    {"disk_size_gb", FIELD_INT, offsetof(struct cluster_row, disk_size_gb), .min = 1,
     .max = DISK_GB_MAX},
    {"pg_major_version", FIELD_TEXT, offsetof(struct cluster_row, pg_major_version)},
    {"postgis_enabled", FIELD_BOOL, offsetof(struct cluster_row, postgis_enabled)},
    FIELD_END,
};

static bool is_ready(const struct call *c, const struct cluster_row *row)
{
    return c->now_us >= row->ready_at;
}

static json_t *endpoint_json(const struct call *c)
{
    const struct sandbox_options *o = call_options(c);
    return json_packed("{s:s, s:i}", "host", o->postgres_host, "port", (int)o->postgres_port);
}

static json_t *cluster_json(const struct call *c, const struct cluster_row *row)
{
    const struct plan *plan = plan_of(row->plan);
    BUG_ON(!plan);
    return json_packed(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:i, s:i, s:i, s:b, "
        "s:{s:{s:o, s:o}}, s:{s:s, s:s}, s:[]}",
        "id", row->id, "name", row->name, "status", is_ready(c, row) ? "ready" : "creating",
        "region", row->region, "plan", row->plan, "cpu_kind", plan->cpu_kind, "pg_major_version",
        row->pg_major_version, "created_at", json_time(row->created_at), "disk_size_gb",
        (json_int_t)row->disk_size_gb, "cpus", plan->cpus, "memory_mb", plan->memory_mb, "replicas",
        1, "postgis_enabled", (int)row->postgis_enabled, "endpoints", "primary", "direct",
        endpoint_json(c), "pooler", endpoint_json(c), "organization", "name", row->org_slug, "slug",
        row->org_slug, "attached_apps");
}

static enum err cluster_of(struct call *c, struct cluster_row *ret_row, struct error *e)
{
    enum err err = db_get(c->tx, &postgres_get, DB_ARGS(db_text(http_param(c->request, "id"))),
                          cluster_row_fields, c->arena, ret_row, e);
    if (err == ERR_NOT_FOUND)
        return call_refuse(c, 404, NULL, "cluster not found");
    return err;
}

enum err fly_postgres_create(struct call *c, struct error *e)
{
    struct cluster_row row;
    record_clear(cluster_row_fields, &row);
    row.disk_size_gb = DISK_GB_DEFAULT;
    row.pg_major_version = "17";
    TRY(call_decode(c, cluster_input_fields, &row));
    row.id = call_random_text(c, CLUSTER_ID_LEN);
    row.name = row.name ? row.name : arena_printf(c->arena, "pg-%s", row.id);
    row.password = call_random_text(c, PASSWORD_LEN);
    row.created_at = c->now_us;
    row.ready_at = c->now_us + call_delay_us(c);
    TRY(db_exec(c->tx, &postgres_insert,
                DB_ARGS(db_text(row.id), db_text(row.org_slug), db_text(row.name),
                        db_text(row.region), db_text(row.plan), db_int(row.disk_size_gb),
                        db_text(row.pg_major_version), db_int(row.postgis_enabled),
                        db_text(row.password), db_int(row.created_at), db_int(row.ready_at)),
                NULL, e));
    return call_answer(c, 201, json_packed("{s:o}", "data", cluster_json(c, &row)));
}

enum err fly_postgres_get(struct call *c, struct error *e)
{
    struct cluster_row row;
    TRY(cluster_of(c, &row, e));
    return call_answer(c, 200, json_packed("{s:o}", "data", cluster_json(c, &row)));
}

/* Every user has the cluster's one password. */
enum err fly_postgres_credentials(struct call *c, struct error *e)
{
    struct cluster_row row;
    TRY(cluster_of(c, &row, e));
    if (!is_ready(c, &row))
        return call_refuse(c, 422, NULL, "cluster %s is not ready", row.id);
    return call_answer(c, 200,
                       json_packed("{s:{s:s, s:s}}", "data", "username",
                                   http_param(c->request, "user"), "password", row.password));
}

enum err fly_postgres_list(struct call *c, struct error *e)
{
    struct records rows;
    TRY(db_list(c->tx, &postgres_list, DB_ARGS(db_text(http_param(c->request, "org"))),
                cluster_row_fields, sizeof(struct cluster_row), FLY_ROWS_MAX, c->arena, &rows, e));
    json_t *list = json_array();
    for (size_t i = 0; i < rows.count; i++)
        json_push(list, cluster_json(c, &((const struct cluster_row *)rows.items)[i]));
    return call_answer(c, 200, json_packed("{s:o}", "data", list));
}

enum err fly_postgres_delete(struct call *c, struct error *e)
{
    int64_t gone;
    TRY(db_exec(
        c->tx, &postgres_delete,
        DB_ARGS(db_text(http_param(c->request, "id")), db_text(http_param(c->request, "org"))),
        &gone, e));
    if (gone == 0)
        return call_refuse(c, 404, NULL, "cluster not found");
    return call_answer(c, 204, NULL);
}
