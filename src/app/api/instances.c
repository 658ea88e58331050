/* Dedicated instances: what there is, how it does, and in which size. */
#include "app/api/api.h"
#include "domain/provisioning/fly/instance.h"

enum err api_instances(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct page page = api_page(call);
    struct records instances;
    const char *next;
    TRY(deployment_list_instances(tx, page, call->arena, &instances, &next, e));
    json_t *list = json_array();
    const struct deployment *items = instances.items;
    for (size_t i = 0; i < instances.count; i++) {
        json_t *object;
        enum err err = instance_json(tx, &items[i], call->arena, &object, e);
        if (err != OK) {
            json_decref(list);
            return err;
        }
        (void)json_array_append_new(list, object);
    }
    api_reply_list(call, "instances", list, next);
    return OK;
}

static enum err find(struct db_tx *tx, const struct api_call *call, struct deployment *ret,
                     struct error *e)
{
    return instance_find(tx, http_param(call->request, "instance"), call->arena, ret, e);
}

enum err api_instance(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct deployment d;
    json_t *object;
    TRY(find(tx, call, &d, e));
    TRY(instance_json(tx, &d, call->arena, &object, e));
    api_reply(call, object);
    return OK;
}

static const struct field scale_fields[] = {
    {"plan", FIELD_ENUM, offsetof(struct instance_shape, plan), .names = plan_names,
     .help = "starter, professional or business"},
    {"regions", FIELD_TEXTS, offsetof(struct instance_shape, regions), .max_len = 3,
     .help = "codes of Fly regions"},
    FIELD_END,
};

const struct api_body api_instance_scale_body = {
    scale_fields,
    sizeof(struct instance_shape),
    "{\"plan\":\"business\"}",
};

enum err api_instance_scale(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct deployment d;
    struct job job;
    json_t *object;
    TRY(find(tx, call, &d, e));
    TRY(instance_scale(tx, call->api->env, call->actor, &d, call->body, call->arena, &job, e));
    TRY(instance_json(tx, &d, call->arena, &object, e));
    api_reply(call, json_pack("{s:o, s:o}", "instance", object, "job",
                              json_encode(job_fields, &job, JSON_KEEP_ABSENT)));
    call->status = 202;
    return OK;
}
