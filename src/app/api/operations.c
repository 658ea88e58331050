/* Policies, tokens, and the two probes. */
#include "app/api/api.h"

static json_t *policy_json(const struct policy *policy, bool active, bool with_text)
{
    json_t *out = json_pack("{s:s, s:s*, s:s, s:b}", "name", policy->name, "summary",
                            policy->summary, "sha256", policy->sha256, "active", (int)active);
    if (with_text)
        (void)json_object_set_new(out, "text", json_stringn(policy->text.ptr, policy->text.len));
    return out;
}

enum err api_policies(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    (void)e;
    const struct policy *active = call->api->policy;
    json_t *list = json_array();
    (void)json_array_append_new(list, policy_json(active, true, false));
    for (size_t i = 0; policy_builtin_names[i]; i++) {
        struct policy *policy = policy_builtin(policy_builtin_names[i]);
        if (!text_eq(policy->sha256, active->sha256))
            (void)json_array_append_new(list, policy_json(policy, false, false));
        policy_free(policy);
    }
    api_reply_list(call, "policies", list, NULL);
    return OK;
}

enum err api_policy(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    const struct policy *active = call->api->policy;
    const char *name = http_param(call->request, "name");
    if (text_eq(name, active->name)) {
        api_reply(call, policy_json(active, true, true));
        return OK;
    }
    struct policy *policy = policy_builtin(name);
    if (!policy)
        return error_set(e, ERR_NOT_FOUND, "there is no policy %.100s", name);
    api_reply(call, policy_json(policy, false, true));
    policy_free(policy);
    return OK;
}

/* -- tokens ----------------------------------------------------------------------------------- */

struct token_request {
    const char *name;
    int role;
    const char *customer;
};

static const char *token_name_check(const char *text)
{
    return str_is_printable(str_from(text), 100) ? NULL : "must be 1 to 100 printable characters";
}

static const struct field token_request_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct token_request, name), .required = true,
     .check = token_name_check, .help = "what or who uses it"},
    {"role", FIELD_ENUM, offsetof(struct token_request, role), .required = true,
     .names = token_role_names, .help = "admin, viewer or ingest"},
    {"customer", FIELD_TEXT, offsetof(struct token_request, customer),
     .help = "an ingest token's: whose usage it may send, by id or slug"},
    FIELD_END,
};

const struct api_body api_token_body = {
    token_request_fields,
    sizeof(struct token_request),
    "{\"name\":\"grafana\",\"role\":\"viewer\"}",
};

enum err api_tokens(struct db_tx *tx, struct api_call *call, struct error *e)
{
    struct page page = api_page(call);
    struct records tokens;
    const char *next;
    TRY(token_list(tx, page, call->arena, &tokens, &next, e));
    api_reply_list(call, "tokens", json_encode_list(token_fields, tokens, sizeof(struct token), 0),
                   next);
    return OK;
}

enum err api_token_create(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const struct token_request *request = call->body;
    struct customer customer = {0};
    struct token token;
    char text[TOKEN_TEXT_MAX];
    if (request->customer && request->role != TOKEN_INGEST) {
        problem_add(&call->problems, "customer", 0, "is for ingest tokens only");
        return problems_error(&call->problems, e);
    }
    if (request->customer)
        TRY(customer_find(tx, request->customer, call->arena, &customer, e));
    TRY(token_create(tx, call->api->env, call->actor, request->name, (enum token_role)request->role,
                     customer.id, call->arena, &token, text, e));
    json_t *reply = json_encode(token_fields, &token, JSON_KEEP_ABSENT);
    (void)json_object_set_new(reply, "token", json_string(text));
    call->secret_member = "token";
    api_reply(call, reply);
    call->status = 201;
    return OK;
}

enum err api_token_revoke(struct db_tx *tx, struct api_call *call, struct error *e)
{
    const char *id = http_param(call->request, "id");
    TRY(token_revoke(tx, call->api->env, call->actor, id, call->arena, e));
    api_reply(call, json_pack("{s:s, s:s}", "id", id, "status", "revoked"));
    return OK;
}

/* -- probes ----------------------------------------------------------------------------------- */

enum err api_healthz(struct db_tx *tx, struct api_call *call, struct error *e)
{
    (void)tx;
    (void)e;
    api_reply(call, json_pack("{s:s}", "status", "ok"));
    return OK;
}

/* Ready means that the database answers: the route's read transaction is the test. */
enum err api_readyz(struct db_tx *tx, struct api_call *call, struct error *e)
{
    int64_t tokens;
    TRY(token_count(tx, &tokens, e));
    api_reply(call, json_pack("{s:s}", "status", "ready"));
    return OK;
}
