#include "domain/accounts/exports.h"

#include "domain/accounts/export_file.h"
#include "domain/audit/audit.h"
#include "exports.sql.h"

#define EXPORT_WORKER "ExportWorker"
#define EXPORT_QUEUE  "maintenance"

const struct field export_record_fields[] = {
    {"customer_id", FIELD_TEXT, offsetof(struct export_record, customer_id)},
    {"node", FIELD_TEXT, offsetof(struct export_record, node)},
    {"row_count", FIELD_INT, offsetof(struct export_record, row_count)},
    {"bytes", FIELD_INT, offsetof(struct export_record, bytes)},
    {"sha256", FIELD_TEXT, offsetof(struct export_record, sha256)},
    {"made_at", FIELD_TIME, offsetof(struct export_record, made_at)},
    {"expires_at", FIELD_TIME, offsetof(struct export_record, expires_at)},
    FIELD_END,
};

struct export_args {
    const char *customer_id;
};

static const struct field args_fields[] = {
    {"customer_id", FIELD_TEXT, offsetof(struct export_args, customer_id), .required = true},
    FIELD_END,
};

enum err export_find(struct db_tx *tx, const char *customer_id, struct arena *arena,
                     struct export_record *ret, struct error *e)
{
    enum err err =
        db_get(tx, &export_of, DB_ARGS(db_text(customer_id)), export_record_fields, arena, ret, e);
    return err == ERR_NOT_FOUND
               ? error_set(e, err,
                           "there is no export of customer %s; POST to the same path makes one",
                           customer_id)
               : err;
}

/* -- asking ------------------------------------------------------------------------------------ */

/* Only an active deployment has all of the customer's data and will keep it for a while. */
static enum err find_place(struct db_tx *tx, const char *customer, struct arena *arena,
                           struct customer *ret_customer, struct deployment *ret_deployment,
                           struct error *e)
{
    TRY(customer_find(tx, customer, arena, ret_customer, e));
    TRY(deployment_current(tx, ret_customer->id, arena, ret_deployment, e));
    if (ret_deployment->status == DEPLOYMENT_ACTIVE)
        return OK;
    return error_set(e, ERR_CONFLICT,
                     "customer %s has no data to export: its deployment is %s; an export made "
                     "earlier can still be fetched",
                     ret_customer->slug, deployment_status_names[ret_deployment->status]);
}

enum err export_request(struct db_tx *tx, const struct env *env, const char *actor,
                        const char *customer, struct arena *arena, struct job *ret_job,
                        struct error *e)
{
    struct customer c;
    struct deployment d;
    bool added;
    TRY(find_place(tx, customer, arena, &c, &d, e));
    struct job_spec spec = {
        .worker = EXPORT_WORKER,
        .queue = EXPORT_QUEUE,
        .customer_id = c.id,
        .args = arena_printf(arena, "{\"customer_id\":\"%s\"}", c.id),
        .unique_key = arena_printf(arena, "export:%s", c.id),
    };
    TRY(job_enqueue(tx, env, &spec, arena, ret_job, &added, e));
    return added ? audit_write(tx, env, arena, actor, "customer.export_requested", c.id, NULL, e)
                 : OK;
}

/* -- making ------------------------------------------------------------------------------------ */

struct making {
    const struct exports *with;
    const char *actor, *customer_id;
    struct arena *arena;
    struct customer customer;
    struct deployment deployment;
    struct export_result result;
    int64_t made_at;
};

static enum err load_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct making *m = arg;
    return find_place(tx, m->customer_id, m->arena, &m->customer, &m->deployment, e);
}

static enum err record_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct making *m = arg;
    const struct env *env = m->with->provisioning->env;
    const struct export_result *r = &m->result;
    TRY(db_exec(tx, &export_record_made,
                DB_ARGS(db_text(m->customer.id), db_text(m->with->node), db_int(r->rows),
                        db_int(r->bytes), db_text(r->sha256), db_int(m->made_at),
                        db_int(m->made_at + m->with->keep_us)),
                NULL, e));
    const char *details = arena_printf(m->arena, "{\"rows\":%lld,\"bytes\":%lld,\"sha256\":\"%s\"}",
                                       (long long)r->rows, (long long)r->bytes, r->sha256);
    return audit_write(tx, env, m->arena, m->actor, "customer.exported", m->customer.id, details,
                       e);
}

enum err export_make(const struct exports *with, const char *actor, const char *customer_id,
                     struct arena *arena, struct error *e)
{
    const struct env *env = with->provisioning->env;
    struct making m = {with, actor, customer_id, arena, .made_at = env_now(env)};
    TRY(db_read(env->db, load_work, &m, e));
    struct export_source source = {
        .stores = with->provisioning->stores,
        .database_url = m.deployment.database_url,
        .customer_id = m.customer.id,
        .slug = m.customer.slug,
        .name = m.customer.name,
        .directory = with->directory,
        .now = m.made_at,
    };
    TRY(export_file_write(&source, arena, &m.result, e));
    return db_write(env->db, record_work, &m, e);
}

static enum job_result perform(struct job_run *run, struct error *e)
{
    struct export_args args;
    struct problems problems = {.arena = run->arena};
    record_clear(args_fields, &args);
    if (json_decode_text(args_fields, str_from(run->job->args), run->arena, &args, &problems, e) !=
        OK)
        return JOB_FAIL;
    enum err err = export_make(run->ctx, "job:" EXPORT_WORKER, args.customer_id, run->arena, e);
    if (err == OK)
        return JOB_DONE;
    return err == ERR_NOT_FOUND || err == ERR_CONFLICT ? JOB_FAIL : JOB_RETRY;
}

struct job_worker export_worker(struct exports *with)
{
    return (struct job_worker){EXPORT_WORKER, EXPORT_QUEUE, perform, NULL, with};
}

/* -- handing out, and the end ------------------------------------------------------------------ */

enum err export_open(const struct exports *with, const struct export_record *record,
                     struct arena *arena, int *ret_fd, int64_t *ret_size, struct error *e)
{
    enum err err =
        export_file_open(with->directory, record->customer_id, arena, ret_fd, ret_size, e);
    if (err != ERR_NOT_FOUND)
        return err;
    return error_set(e, ERR_CONFLICT,
                     "the export is not on this node (%s): node %s made it; ask there, or let "
                     "offboarding.exports be storage that all nodes mount",
                     with->node, record->node);
}

static enum err forget_work(struct db_tx *tx, void *arg, struct error *e)
{
    const int64_t *now = arg;
    return db_exec(tx, &exports_forget, DB_ARGS(db_int(*now)), NULL, e);
}

enum err exports_prune(const struct exports *with, struct error *e)
{
    const struct env *env = with->provisioning->env;
    int64_t now = env_now(env), deleted;
    TRY(export_files_prune(with->directory, now - with->keep_us, now, &deleted, e));
    return db_write(env->db, forget_work, &now, e);
}
