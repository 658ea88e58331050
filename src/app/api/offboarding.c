/* Customers who leave: asked for, cancelled, and their data as a file. */
#include "domain/accounts/offboarding.h"
#include "app/api/api.h"
#include "domain/accounts/exports.h"

const struct api_body api_offboard_body = {
    offboarding_wish_fields,
    sizeof(struct offboarding_wish),
    "{\"reason\":\"price\",\"retention_days\":30,\"export\":true}",
};

enum err api_offboard(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct api *api = call->api;
    struct offboarding o;
    TRY(offboarding_request(tx, api->env, api->offboarding, call->actor,
                            http_param(call->request, "customer"), call->body, call->arena,
                            &call->problems, &o, e));
    api_reply(call, offboarding_json(&o));
    call->status = 202;
    return OK;
}

enum err api_offboard_cancel(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct offboarding o;
    TRY(offboarding_cancel(tx, call->api->env, call->actor, http_param(call->request, "customer"),
                           call->arena, &o, e));
    api_reply(call, offboarding_json(&o));
    call->status = 202;
    return OK;
}

enum err api_add_offboarding(struct db_tx *tx, struct api_call *call, const char *customer_id,
                             json_t *reply, struct error *e)
{
    struct offboarding o;
    enum err err = offboarding_latest(tx, customer_id, call->arena, &o, e);
    if (err != OK && err != ERR_NOT_FOUND)
        return err;
    (void)json_object_set_new(reply, "offboarding", err == OK ? offboarding_json(&o) : json_null());
    return OK;
}

enum err api_export_request(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct job job;
    TRY(export_request(tx, call->api->env, call->actor, http_param(call->request, "customer"),
                       call->arena, &job, e));
    api_reply(call, json_pack("{s:s, s:I}", "status", "started", "job_id", (json_int_t)job.id));
    call->status = 202;
    return OK;
}

struct export_work {
    struct api_call *call;
    struct customer customer;
    struct export_record record;
};

static enum err export_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct export_work *w = arg;
    struct arena *arena = w->call->arena;
    TRY(customer_find(tx, http_param(w->call->request, "customer"), arena, &w->customer, e));
    return export_find(tx, w->customer.id, arena, &w->record, e);
}

/* The file outside of the transaction, which may run twice. */
enum err api_export(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    struct export_work w = {.call = call};
    int fd;
    int64_t size;
    TRY(db_read(call->api->env->db, export_work, &w, e));
    TRY(export_open(call->api->exports, &w.record, call->arena, &fd, &size, e));
    call->file = (struct api_file){
        .given = true,
        .fd = fd,
        .size = (uint64_t)size,
        .type = "application/gzip",
        .name = arena_printf(call->arena, "%s.tar.gz", w.customer.id),
    };
    return OK;
}
