#include "domain/accounts/decisions.h"

#include "decisions.sql.h"
#include "domain/audit/audit.h"
#include "infra/secrets/secret.h"

const struct field decision_record_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct decision_record, id), .required = true, .help = "its id"},
    {"customer_id", FIELD_TEXT, offsetof(struct decision_record, customer_id), .required = true,
     .help = "whom it is about"},
    {"trigger", FIELD_TEXT, offsetof(struct decision_record, trigger), .required = true,
     .help = "what asked for it"},
    {"mode", FIELD_ENUM, offsetof(struct decision_record, mode), .names = mode_names,
     .required = true, .help = "what was decided"},
    {"plan", FIELD_ENUM, offsetof(struct decision_record, plan), .names = plan_names,
     .required = true, .help = "for which size"},
    {"confidence", FIELD_DECIMAL, offsetof(struct decision_record, confidence), .required = true,
     .help = "0 to 1"},
    {"reason", FIELD_TEXT, offsetof(struct decision_record, reason), .required = true,
     .help = "in a sentence"},
    {"policy", FIELD_TEXT, offsetof(struct decision_record, policy), .required = true,
     .help = "the policy's name"},
    {"policy_sha256", FIELD_TEXT, offsetof(struct decision_record, policy_sha256), .required = true,
     .help = "of the policy's text"},
    {"document", FIELD_JSON, offsetof(struct decision_record, document),
     .help = "the decision whole"},
    {"made_at", FIELD_TIME, offsetof(struct decision_record, made_at), .required = true,
     .help = "when"},
    FIELD_END,
};

static const char *document_text(const struct decided *decided, struct arena *arena)
{
    json_t *document = decision_json(decided);
    const char *text = json_text(document, arena);
    json_decref(document);
    return text;
}

enum err decision_record_create(struct db_tx *tx, const struct env *env, const char *customer_id,
                                const char *trigger, const struct decided *decided,
                                struct arena *arena, struct decision_record *ret, struct error *e)
{
    struct decision_record r = {
        .id = env_id(env, arena),
        .customer_id = customer_id,
        .trigger = trigger,
        .mode = (int)decided->decision->placement.mode,
        .plan = (int)decided->decision->placement.plan,
        .confidence = decided->decision->confidence,
        .reason = decision_reason(decided, arena),
        .policy = decided->policy->name,
        .policy_sha256 = decided->policy->sha256,
        .document = document_text(decided, arena),
        .made_at = env_now(env),
    };
    TRY(db_exec(tx, &decision_insert,
                DB_ARGS(db_text(r.id), db_text(r.customer_id), db_text(r.trigger),
                        db_text(mode_names[r.mode]), db_text(plan_names[r.plan]),
                        db_int(r.confidence), db_text(r.reason), db_text(r.policy),
                        db_text(r.policy_sha256), db_text(r.document), db_int(r.made_at)),
                NULL, e));
    *ret = r;
    return OK;
}

enum err decision_record_audit(struct db_tx *tx, const struct env *env, const char *actor,
                               const struct decision_record *r, struct arena *arena,
                               struct error *e)
{
    char hash[HASH_TEXT_MAX];
    _cleanup_json_ json_t *details =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "customer_id", r->customer_id, "trigger",
                  r->trigger, "mode", mode_names[r->mode], "plan", plan_names[r->plan], "policy",
                  r->policy, "policy_sha256", r->policy_sha256, "document_sha256",
                  sha256_hex(str_from(r->document), hash));
    return audit_write(tx, env, arena, actor, "decision.made", r->id, json_text(details, arena), e);
}

enum err decision_record_find(struct db_tx *tx, const char *id, struct arena *arena,
                              struct decision_record *ret, struct error *e)
{
    enum err err =
        db_get(tx, &decision_by_id, DB_ARGS(db_text(id)), decision_record_fields, arena, ret, e);
    return err == ERR_NOT_FOUND ? error_set(e, err, "there is no decision %.100s", id) : err;
}

enum err decision_record_latest(struct db_tx *tx, const char *customer_id, struct arena *arena,
                                struct decision_record *ret, struct error *e)
{
    return db_get(tx, &decision_latest_of, DB_ARGS(db_text(customer_id)), decision_record_fields,
                  arena, ret, e);
}

enum err decision_record_list(struct db_tx *tx, const char *customer_id, struct page page,
                              struct arena *arena, struct records *ret, const char **ret_next,
                              struct error *e)
{
    return page_list(tx, &decision_page_of, page, DB_ARGS(db_text(customer_id)),
                     decision_record_fields, sizeof(struct decision_record), arena, ret, ret_next,
                     e);
}

json_t *decision_record_json(const struct decision_record *record)
{
    json_t *all = json_encode(decision_record_fields, record, JSON_KEEP_ABSENT);
    static const char *const head[] = {"id", "customer_id", "trigger", "made_at"};
    json_t *out = json_object();
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        (void)json_object_set(out, head[i], json_object_get(all, head[i]));
    (void)json_object_update(out, json_object_get(all, "document"));
    json_decref(all);
    return out;
}
