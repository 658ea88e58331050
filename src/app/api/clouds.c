/* The clouds: what was asked of them, what they cost, and where they differ from the database. */
#include "app/api/api.h"
#include "domain/accounts/customer.h"
#include "domain/provisioning/calls.h"
#include "domain/provisioning/reconcile.h"

enum err api_provider_calls(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct http_request *r = call->request;
    struct calls_filter filter = {
        .provider = http_query(r, "provider"),
        .outcome = http_query(r, "outcome"),
        .subject = http_query(r, "host"),
        .since = api_query_since(call, "since"),
    };
    const char *customer = http_query(r, "customer"), *next;
    struct page page = api_page(call);
    struct records calls;
    if (customer) {
        struct customer found;
        TRY(customer_find(tx, customer, call->arena, &found, e));
        filter.customer_id = found.id;
    }
    TRY(calls_list(tx, &filter, page, call->arena, &calls, &next, e));
    api_reply_list(call, "calls",
                   json_encode_list(provider_call_fields, calls, sizeof(struct provider_call), 0),
                   next);
    return OK;
}

/* -- prices ----------------------------------------------------------------------------------- */

enum err api_prices(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct price_book *book = call->api->prices;
    struct records list;
    TRY(price_book_list(book, tx, call->arena, &list, e));
    api_reply(call,
              json_pack("{s:{s:s, s:s}, s:o, s:o}", "file", "name", book->file->name, "sha256",
                        book->file->sha256, "eur_usd", json_decimal(book->file->eur_usd), "prices",
                        json_encode_list(slot_price_fields, list, sizeof(struct slot_price),
                                         JSON_KEEP_ABSENT)));
    return OK;
}

/* -- drift ------------------------------------------------------------------------------------ */

enum err api_drift(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const char *next;
    struct page page = api_page(call);
    struct records drift;
    TRY(drift_list(tx, api_query_enum(call, "kind", drift_kind_names), page, call->arena, &drift,
                   &next, e));
    api_reply_list(call, "drift", json_encode_list(drift_fields, drift, sizeof(struct drift), 0),
                   next);
    return OK;
}

struct reconcile_request {
    bool dry_run;
};

static const struct field reconcile_fields[] = {
    {"dry_run", FIELD_BOOL, offsetof(struct reconcile_request, dry_run),
     .help = "only look and tell; record and delete nothing"},
    FIELD_END,
};

const struct api_body api_reconcile_body = {
    reconcile_fields,
    sizeof(struct reconcile_request),
    "{\"dry_run\":true}",
};

/* Now, and outside of any transaction: both clouds are asked. */
static enum err look_only(struct api_call *call, struct error *e)
{
    json_t *list = json_array();
    for (int provider = 0; provider < INFRASTRUCTURE_COUNT; provider++) {
        struct records found;
        enum err err = reconcile_look(call->api->provisioning, (enum infrastructure)provider, true,
                                      call->arena, &found, e);
        if (err != OK) {
            json_decref(list);
            return err;
        }
        json_t *part = json_encode_list(drift_fields, found, sizeof(struct drift), 0);
        (void)json_array_extend(list, part);
        json_decref(part);
    }
    api_reply_list(call, "drift", list, NULL);
    return OK;
}

static enum err enqueue_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct api_call *call = arg;
    struct job job;
    TRY(reconcile_enqueue(tx, call->api->env, call->arena, &job, e));
    call->status = 202;
    api_reply(call, json_pack("{s:I}", "job_id", (json_int_t)job.id));
    return OK;
}

enum err api_reconcile(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    const struct reconcile_request *request = call->body;
    if (request->dry_run)
        return look_only(call, e);
    TRY(db_write(call->api->env->db, enqueue_work, call, e));
    runner_wake(call->api->runner);
    return OK;
}
