/*
 * Tenants' databases: a customer's own rows in a shared or a dedicated database.
 *
 * Either kind is an ordinary database with the fleet schema, reached by its url through infra/db,
 * so that one text serves SQLite files (embedded default, sandbox) and PostgreSQL.
 *
 * A `struct tenant_stores` hands out open databases: everyone in the process who works on one url
 * at a time shares one `struct db`, because a SQLite file must have a single connection that writes
 * and checkpoints. A database is closed when its last user puts it back. Thread-safe; who waits for
 * a server that does not answer keeps nobody from other databases.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_TENANT_H
#define WEBHOST_DOMAIN_PROVISIONING_TENANT_H

#include "domain/core/env.h"
#include "infra/secrets/secret.h"

struct tenant_stores;

/*
 * `key` (borrowed) is what {password:NAME} in a url is derived from; NULL when no url has it.
 */
struct tenant_stores *tenant_stores_new(const struct secret *key);
void tenant_stores_free(struct tenant_stores *stores); /* all are put back; NULL is fine */

/* The newest schema change of a tenant's database, "0002-live-moves". */
const char *tenant_schema_name(void);

/*
 * Opens, or shares, the database at `url` and brings it to the fleet schema. {password:NAME} in the
 * url is the password that follows from the key and NAME, {sealed:TEXT} the one that secret_seal()
 * made TEXT of; it is put in here, on the way to the database, and is in no log or error.
 */
enum err tenant_store_get(struct tenant_stores *stores, const char *url, struct db **ret_db,
                          struct error *e);
/* What tenant_store_get() connects to, password and all, for those who connect by themselves. It is
 * for the database only: never in a log, an error or a record. */
enum err tenant_store_url(const struct tenant_stores *stores, const char *url, struct arena *arena,
                          const char **ret_url, struct error *e);
void tenant_store_put(struct tenant_stores *stores, struct db *db);

struct tenant {
    const char *customer_id, *slug, *name;
    const char *deployment_id; /* whose place it is */
};

/*
 * Makes the tenant's place in the database; no effect when it is there. ERR_CONFLICT when another
 * deployment of the customer has it: then two deployments were given one database.
 */
enum err tenant_create(struct tenant_stores *stores, const char *url, const struct tenant *tenant,
                       int64_t now, struct error *e);

/*
 * Deletes everything of the tenant, fenced or not, and its place; no effect when it is gone or the
 * place is another deployment's.
 */
enum err tenant_drop(struct tenant_stores *stores, const char *url, const char *customer_id,
                     const char *deployment_id, struct error *e);

/* Whether the deployment still has the tenant's place there; no row of its can be without one. */
enum err tenant_has_place(struct tenant_stores *stores, const char *url, const char *customer_id,
                          const char *deployment_id, bool *ret_has, struct error *e);

/*
 * The fence. While it is closed, the schema's triggers refuse every change of the tenant's vehicles
 * and points with ERR_CONFLICT, whoever asks. Closing waits for changes that are not committed yet.
 *
 * `run` grows with each run of a move (migration/move.h): ERR_CONFLICT when a later one has worked
 * here, so that a run that lost its lease cannot touch what its successor relies on. Both have no
 * further effect when repeated; opening the fence of a tenant that is gone is OK.
 */
enum err tenant_fence(struct tenant_stores *stores, const char *url, const char *customer_id,
                      int64_t run, struct error *e);
enum err tenant_unfence(struct tenant_stores *stores, const char *url, const char *customer_id,
                        int64_t run, struct error *e);

struct tenant_usage {
    int64_t vehicle_count;
    int64_t gps_points_today; /* in the 24 hours before `now` */
};

extern const struct field tenant_usage_fields[];

enum err tenant_measure(struct tenant_stores *stores, const char *url, const char *customer_id,
                        int64_t now, struct tenant_usage *ret_usage, struct error *e);

/* One tenant of a database, as tenant_survey() finds it. */
struct tenant_sample {
    const char *customer_id;
    int64_t vehicles;
    int64_t storage_bytes; /* INT_ABSENT: could not be measured */
};

/* The points of a tenant whose time is in that hour (since 1970). */
struct tenant_points {
    const char *customer_id;
    int64_t hour, points;
};

struct tenant_survey {
    struct records samples; /* struct tenant_sample, by customer */
    struct records points;  /* struct tenant_points, by customer and hour */
};

#define TENANTS_MAX 10000 /* in one database */

/*
 * Looks at all tenants of a database at once, with a few queries however many they are: vehicles,
 * the points from hour `first` up to before hour `end`, storage.
 *
 * Storage is what the tables and their indexes take up on disk: the pages of a SQLite file,
 * pg_total_relation_size() on PostgreSQL. Who shares the database gets the share that its rows are
 * of all rows: an estimate, since rows are not equally long. When it cannot be had (counting the
 * rows took too long) the rest is given without it.
 */
enum err tenant_survey(struct tenant_stores *stores, const char *url, int64_t first, int64_t end,
                       struct arena *arena, struct tenant_survey *ret, struct error *e);

/*
 * Example data for demonstrations: `vehicles` vehicles with a point a minute for the last hour.
 * Repeating it with the same `now` adds nothing.
 */
enum err tenant_fill_example(struct tenant_stores *stores, const char *url, const char *customer_id,
                             int64_t vehicles, int64_t now, struct error *e);

#endif
