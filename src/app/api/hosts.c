/* Shared hosts: looked at, ordered, drained, given up. */
#include "app/api/api.h"
#include "domain/migration/drain.h"
#include "domain/provisioning/capacity.h"
#include "domain/provisioning/host_order.h"
#include "domain/provisioning/reap.h"

static const struct hetzner_settings *settings_of(const struct api_call *call)
{
    return &call->api->provisioning->settings->hetzner;
}

static json_t *host_list_json(struct records hosts)
{
    json_t *list = json_array();
    const struct host *items = hosts.items;
    for (size_t i = 0; i < hosts.count; i++)
        (void)json_array_append_new(list, host_json(&items[i]));
    return list;
}

enum err api_hosts(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct page page = api_page(call);
    struct records hosts, locations;
    const char *next, *status = http_query(call->request, "status");
    TRY(host_list(tx, status, page, call->arena, &hosts, &next, e));
    TRY(capacity_list(tx, call->api->env, settings_of(call), call->arena, &locations, e));
    api_reply_list(call, "hosts", host_list_json(hosts), next);
    (void)json_object_set_new(
        call->reply, "locations",
        json_encode_list(capacity_fields, locations, sizeof(struct capacity), JSON_KEEP_ABSENT));
    return OK;
}

/* With its tenants, and how far it is drained. */
enum err api_host(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct host host;
    struct records tenants;
    struct drain_progress progress;
    TRY(host_find_named(tx, http_param(call->request, "id"), call->arena, &host, e));
    TRY(host_tenants(tx, host.id, call->arena, &tenants, e));
    TRY(drain_progress(tx, host.id, call->arena, &progress, e));
    json_t *reply = host_json(&host);
    (void)json_object_set_new(reply, "tenants",
                              json_encode_list(host_tenant_fields, tenants,
                                               sizeof(struct host_tenant), JSON_KEEP_ABSENT));
    (void)json_object_set_new(reply, "drain",
                              host.status == HOST_DRAINING
                                  ? json_encode(drain_progress_fields, &progress, JSON_KEEP_ABSENT)
                                  : json_null());
    api_reply(call, reply);
    return OK;
}

static const struct field host_wish_fields[] = {
    {"location", FIELD_TEXT, offsetof(struct host_wish, location), .required = true,
     .help = "a Hetzner location, as fsn1"},
    {"server_type", FIELD_TEXT, offsetof(struct host_wish, server_type),
     .help = "one that is configured for the location; its first unless told"},
    FIELD_END,
};

const struct api_body api_host_add_body = {
    host_wish_fields,
    sizeof(struct host_wish),
    "{\"location\":\"fsn1\"}",
};

static void reply_host(struct api_call *call, const struct host *host)
{
    api_reply(call, host_json(host));
    call->status = 202;
}

enum err api_host_add(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct host host;
    TRY(host_add(tx, call->api->env, settings_of(call), call->actor, call->body, call->arena, &host,
                 e));
    reply_host(call, &host);
    return OK;
}

enum err api_host_drain(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct host host;
    TRY(drain_start(tx, call->api->env, call->actor, http_param(call->request, "id"), call->arena,
                    &host, e));
    reply_host(call, &host);
    return OK;
}

enum err api_host_undrain(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct host host;
    TRY(drain_stop(tx, call->api->env, call->actor, http_param(call->request, "id"), call->arena,
                   &host, e));
    reply_host(call, &host);
    return OK;
}

struct reap_request {
    bool dry_run;
};

static const struct field reap_request_fields[] = {
    {"dry_run", FIELD_BOOL, offsetof(struct reap_request, dry_run),
     .help = "tell what would be removed and remove nothing"},
    FIELD_END,
};

const struct api_body api_hosts_reap_body = {
    reap_request_fields,
    sizeof(struct reap_request),
    "{\"dry_run\":true}",
};

enum err api_hosts_reap(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct env *env = call->api->env;
    const struct reap_request *request = call->body;
    const struct hetzner_settings *s = settings_of(call);
    struct records plan;
    TRY(request->dry_run ? reap_plan(tx, env, s, call->arena, &plan, e)
                         : reap_begin(tx, env, s, call->actor, call->arena, &plan, e));
    json_t *list =
        json_encode_list(reap_fields, plan, sizeof(struct reap_verdict), JSON_KEEP_ABSENT);
    api_reply(call, json_pack("{s:b, s:o}", "dry_run", (int)request->dry_run, "hosts", list));
    call->status = request->dry_run ? 200 : 202;
    return OK;
}
