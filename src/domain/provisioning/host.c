#include "domain/provisioning/host.h"

#include "domain/audit/audit.h"
#include "domain/jobs/job.h"
#include "domain/provisioning/template.h"
#include "host.sql.h"

const char *const host_status_names[] = {
    "creating", "active", "draining", "failed", "retiring", "retired", NULL,
};

static const struct {
    enum host_status from, to;
} edges[] = {
    {HOST_CREATING, HOST_ACTIVE}, {HOST_CREATING, HOST_FAILED},  {HOST_ACTIVE, HOST_DRAINING},
    {HOST_DRAINING, HOST_ACTIVE}, {HOST_ACTIVE, HOST_RETIRING},  {HOST_DRAINING, HOST_RETIRING},
    {HOST_FAILED, HOST_RETIRING}, {HOST_RETIRING, HOST_RETIRED},
};

bool host_may_become(enum host_status from, enum host_status to)
{
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        if (edges[i].from == from && edges[i].to == to)
            return true;
    }
    return false;
}

const struct field host_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct host, id), .required = true, .help = "its id"},
    {"name", FIELD_TEXT, offsetof(struct host, name), .required = true,
     .help = "the server's name"},
    {"location", FIELD_TEXT, offsetof(struct host, location), .required = true,
     .help = "where it is"},
    {"region", FIELD_TEXT, offsetof(struct host, region), .required = true,
     .help = "the region of that"},
    {"serves", FIELD_TEXT, offsetof(struct host, serves), .required = true,
     .help = "the location that it was ordered for"},
    {"server_type", FIELD_TEXT, offsetof(struct host, server_type), .required = true,
     .help = "its size"},
    {"status", FIELD_ENUM, offsetof(struct host, status), .names = host_status_names,
     .required = true, .help = "what it is good for"},
    {"capacity", FIELD_INT, offsetof(struct host, capacity), .required = true, .help = "slots"},
    {"slots_used", FIELD_INT, offsetof(struct host, slots_used), .required = true,
     .help = "slots that are taken"},
    {"load", FIELD_DECIMAL, offsetof(struct host, load),
     .help = "share of its CPUs in use, 0 to 1"},
    {"load_at", FIELD_TIME, offsetof(struct host, load_at), .help = "when the load was read"},
    {"provider_id", FIELD_INT, offsetof(struct host, provider_id), .help = "the cloud's id for it"},
    {"address", FIELD_TEXT, offsetof(struct host, address), .help = "where it answers"},
    {"database_url", FIELD_TEXT, offsetof(struct host, database_url)},
    {"error", FIELD_TEXT, offsetof(struct host, error), .help = "why it failed"},
    {"choice", FIELD_INT, offsetof(struct host, choice)},
    {"rounds", FIELD_INT, offsetof(struct host, rounds)},
    {"actions", FIELD_TEXT, offsetof(struct host, actions)},
    {"empty_since", FIELD_TIME, offsetof(struct host, empty_since),
     .help = "since when nobody lives there"},
    {"created_at", FIELD_TIME, offsetof(struct host, created_at), .required = true,
     .help = "when it was ordered"},
    {"active_at", FIELD_TIME, offsetof(struct host, active_at), .help = "when it was first in use"},
    {"failed_at", FIELD_TIME, offsetof(struct host, failed_at), .help = "when it failed"},
    {"retired_at", FIELD_TIME, offsetof(struct host, retired_at), .help = "when it was gone"},
    FIELD_END,
};

const struct field host_tenant_fields[] = {
    {"customer_id", FIELD_TEXT, offsetof(struct host_tenant, customer_id), .required = true,
     .help = "who"},
    {"customer", FIELD_TEXT, offsetof(struct host_tenant, customer), .required = true,
     .help = "its slug"},
    {"deployment_id", FIELD_TEXT, offsetof(struct host_tenant, deployment_id), .required = true,
     .help = "its place there"},
    {"status", FIELD_TEXT, offsetof(struct host_tenant, status), .required = true,
     .help = "how far that is"},
    {"migration", FIELD_TEXT, offsetof(struct host_tenant, migration),
     .help = "the move that takes it away"},
    FIELD_END,
};

/* -- looking ---------------------------------------------------------------------------------- */

static enum err no_such_host(enum err err, const char *id, struct error *e)
{
    return err == ERR_NOT_FOUND ? error_set(e, err, "there is no host %.100s", id) : err;
}

enum err host_find(struct db_tx *tx, const char *id, struct arena *arena, struct host *ret,
                   struct error *e)
{
    enum err err = db_get(tx, &host_by_id, DB_ARGS(db_text(id)), host_fields, arena, ret, e);
    return no_such_host(err, id, e);
}

enum err host_database_lives(struct db_tx *tx, const char *database_url, bool *ret_lives,
                             struct error *e)
{
    int64_t count;
    TRY(db_get_int(tx, &host_count_databases, DB_ARGS(db_text(database_url)), &count, e));
    *ret_lives = count > 0;
    return OK;
}

enum err host_find_named(struct db_tx *tx, const char *id_or_name, struct arena *arena,
                         struct host *ret, struct error *e)
{
    struct db_args args = DB_ARGS(db_text(id_or_name));
    enum err err = db_get(tx, &host_by_id, args, host_fields, arena, ret, e);
    if (err == ERR_NOT_FOUND)
        err = db_get(tx, &host_by_name, args, host_fields, arena, ret, e);
    return no_such_host(err, id_or_name, e);
}

enum err host_list(struct db_tx *tx, const char *status, struct page page, struct arena *arena,
                   struct records *ret, const char **ret_next, struct error *e)
{
    return page_list(tx, &host_page, page, DB_ARGS(db_text(status)), host_fields,
                     sizeof(struct host), arena, ret, ret_next, e);
}

enum err host_list_standing(struct db_tx *tx, struct arena *arena, struct records *ret,
                            struct error *e)
{
    return db_list(tx, &host_standing, DB_ARGS(db_int(HOSTS_MAX + 1)), host_fields,
                   sizeof(struct host), HOSTS_MAX, arena, ret, e);
}

enum err host_tenants(struct db_tx *tx, const char *id, struct arena *arena, struct records *ret,
                      struct error *e)
{
    return db_list(tx, &host_tenants_of, DB_ARGS(db_text(id), db_int(HOSTS_MAX + 1)),
                   host_tenant_fields, sizeof(struct host_tenant), HOSTS_MAX, arena, ret, e);
}

/* -- changing --------------------------------------------------------------------------------- */

enum err host_set_status(struct db_tx *tx, const struct env *env, const char *actor,
                         struct host *host, enum host_status to, const char *verb, const char *why,
                         struct arena *arena, struct error *e)
{
    const char *from = host_status_names[host->status];
    if (!host_may_become((enum host_status)host->status, to))
        return error_set(e, ERR_CONFLICT, "host %s is %s: it cannot become %s", host->name, from,
                         host_status_names[to]);
    int64_t changes;
    TRY(db_exec(tx, &host_change_status,
                DB_ARGS(db_text(host->id), db_text(from), db_text(host_status_names[to]),
                        db_text(why), db_int(env_now(env))),
                &changes, e));
    if (changes == 0)
        return error_set(e, ERR_CONFLICT, "host %s is no longer %s%s", host->name, from,
                         to == HOST_RETIRING ? ", or holds a customer" : "");
    TRY(audit_write(tx, env, arena, actor,
                    verb ? verb : arena_printf(arena, "host.%s", host_status_names[to]), host->id,
                    NULL, e));
    return host_find(tx, host->id, arena, host, e);
}

enum err host_note(struct db_tx *tx, const char *id, int64_t provider_id, const char *server_type,
                   const char *actions, const char *error, struct error *e)
{
    return db_exec(tx, &host_note_server,
                   DB_ARGS(db_text(id), db_int(provider_id), db_text(server_type), db_text(actions),
                           db_text(error)),
                   NULL, e);
}

/* Jobs of customers who have a slot of the host and wait for it: now is the time to look. */
static enum err wake_waiting(struct db_tx *tx, const struct env *env, const char *host_id,
                             struct error *e)
{
    int64_t woken;
    TRY(db_exec(tx, &host_wake_waiting, DB_ARGS(db_text(host_id), db_int(env_now(env))), &woken,
                e));
    if (woken > 0)
        db_notify(tx, JOB_CHANNEL);
    return OK;
}

enum err host_activate(struct db_tx *tx, const struct env *env, const char *actor,
                       struct host *host, const char *address, struct arena *arena, struct error *e)
{
    const char *url = template_fill(arena, host->database_url, "address", address);
    TRY(db_exec(tx, &host_set_address, DB_ARGS(db_text(host->id), db_text(address), db_text(url)),
                NULL, e));
    TRY(host_set_status(tx, env, actor, host, HOST_ACTIVE, "host.activated", NULL, arena, e));
    return wake_waiting(tx, env, host->id, e);
}

enum err host_fail(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                   const char *why, struct arena *arena, struct error *e)
{
    struct host host;
    TRY(host_find(tx, id, arena, &host, e));
    if (host.status != HOST_CREATING)
        return OK;
    TRY(host_set_status(tx, env, actor, &host, HOST_FAILED, NULL, why, arena, e));
    return wake_waiting(tx, env, id, e);
}

enum err host_set_load(struct db_tx *tx, const char *id, decimal load, int64_t at, struct error *e)
{
    return db_exec(tx, &host_note_load, DB_ARGS(db_text(id), db_int(load), db_int(at)), NULL, e);
}

/* Where databases are stays inside, and so does how an order goes on. */
const char *const host_hidden[] = {"database_url", "choice", "rounds", "actions", NULL};

json_t *host_json(const struct host *host)
{
    json_t *out = json_encode(host_fields, host, JSON_KEEP_ABSENT);
    for (size_t i = 0; host_hidden[i]; i++)
        (void)json_object_del(out, host_hidden[i]);
    return out;
}
