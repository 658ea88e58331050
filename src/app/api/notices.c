/* Notices: what people were told, whether it arrived, and sending it again. */
#include "app/api/api.h"
#include "domain/notify/notify.h"

static json_t *notice_list_json(struct records notices)
{
    json_t *list = json_array();
    const struct notice_record *items = notices.items;
    for (size_t i = 0; i < notices.count; i++)
        (void)json_array_append_new(list, json_encode(notice_fields, &items[i], JSON_KEEP_ABSENT));
    return list;
}

enum err api_notices(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct notice_filter filter = {.kind = http_query(call->request, "kind")};
    struct page page = api_page(call);
    struct records notices;
    const char *next, *customer_name = http_query(call->request, "customer");
    if (customer_name) {
        struct customer customer;
        TRY(customer_find(tx, customer_name, call->arena, &customer, e));
        filter.customer_id = customer.id;
    }
    TRY(notice_list(tx, &filter, page, call->arena, &notices, &next, e));
    api_reply_list(call, "notices", notice_list_json(notices), next);
    return OK;
}

/* With its deliveries. */
static enum err reply_notice_of(struct db_tx *tx, struct api_call *call, const char *id,
                                struct error *e)
{
    struct notice_record notice;
    struct records deliveries;
    TRY(notice_find(tx, id, call->arena, &notice, e));
    TRY(delivery_list(tx, notice.id, call->arena, &deliveries, e));
    json_t *list = json_array();
    const struct delivery *items = deliveries.items;
    for (size_t i = 0; i < deliveries.count; i++)
        (void)json_array_append_new(list,
                                    json_encode(delivery_fields, &items[i], JSON_KEEP_ABSENT));
    json_t *reply = json_encode(notice_fields, &notice, JSON_KEEP_ABSENT);
    (void)json_object_set_new(reply, "deliveries", list);
    api_reply(call, reply);
    return OK;
}

enum err api_notice(struct db_tx *tx, struct api_call *call, struct error *e)
{
    return reply_notice_of(tx, call, http_param(call->request, "id"), e);
}

struct target_request {
    const char *target;
};

static const struct field replay_fields[] = {
    {"target", FIELD_TEXT, offsetof(struct target_request, target),
     .help = "only to this target; all that are configured, unless told"},
    FIELD_END,
};

static const struct field test_fields[] = {
    {"target", FIELD_TEXT, offsetof(struct target_request, target), .required = true,
     .help = "the name of a target in the configuration"},
    FIELD_END,
};

const struct api_body api_notice_target_body = {
    replay_fields,
    sizeof(struct target_request),
    "{\"target\":\"on-call\"}",
};

const struct api_body api_notice_test_body = {
    test_fields,
    sizeof(struct target_request),
    "{\"target\":\"on-call\"}",
};

enum err api_notice_replay(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct api *api = call->api;
    const struct target_request *request = call->body;
    const char *id = http_param(call->request, "id");
    TRY(notice_replay(tx, api->env, api->notify, call->actor, id, request->target, call->arena, e));
    call->status = 202;
    return reply_notice_of(tx, call, id, e);
}

enum err api_notice_test(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct api *api = call->api;
    const struct target_request *request = call->body;
    struct notice_record notice;
    TRY(notify_test(tx, api->env, api->notify, call->actor, request->target, call->arena, &notice,
                    e));
    call->status = 202;
    return reply_notice_of(tx, call, notice.id, e);
}
