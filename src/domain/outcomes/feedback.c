#include "domain/outcomes/feedback.h"

#include "domain/audit/audit.h"
#include "feedback.sql.h"

#define COMMENT_MAX 2000

#define AT(member) offsetof(struct feedback, member)

const struct field feedback_fields[] = {
    {"id", FIELD_TEXT, AT(id)},
    {"customer_id", FIELD_TEXT, AT(customer_id)},
    {"customer_slug", FIELD_TEXT, AT(customer_slug)},
    {"score", FIELD_INT, AT(score)},
    {"comment", FIELD_TEXT, AT(comment)},
    {"mode", FIELD_ENUM, AT(mode), .names = mode_names},
    {"plan", FIELD_ENUM, AT(plan), .names = plan_names},
    {"decision_id", FIELD_TEXT, AT(decision_id)},
    {"recorded_by", FIELD_TEXT, AT(recorded_by)},
    {"created_at", FIELD_TIME, AT(created_at)},
    FIELD_END,
};

const struct field feedback_wish_fields[] = {
    {"score", FIELD_INT, offsetof(struct feedback_wish, score), .required = true, .min = SCORE_MIN,
     .max = SCORE_MAX, .help = "1 (very dissatisfied) to 5 (very satisfied)"},
    {"comment", FIELD_TEXT, offsetof(struct feedback_wish, comment), .max_len = COMMENT_MAX,
     .check = name_check, .help = "in the customer's words"},
    FIELD_END,
};

enum err feedback_add(struct db_tx *tx, const struct env *env, const char *actor,
                      const char *customer, const struct feedback_wish *wish, struct arena *arena,
                      struct feedback *ret, struct error *e)
{
    const char *id = env_id(env, arena);
    struct customer c;
    TRY(customer_find(tx, customer, arena, &c, e));
    TRY(db_exec(tx, &feedback_insert,
                DB_ARGS(db_text(id), db_text(c.id), db_int(wish->score), db_text(wish->comment),
                        db_text(mode_names[c.mode]), db_text(plan_names[c.plan]), db_text(actor),
                        db_int(env_now(env))),
                NULL, e));
    const char *details = arena_printf(arena, "{\"customer_id\":\"%s\",\"score\":%lld}", c.id,
                                       (long long)wish->score);
    TRY(audit_write(tx, env, arena, actor, "feedback.recorded", id, details, e));
    return db_get(tx, &feedback_by_id, DB_ARGS(db_text(id)), feedback_fields, arena, ret, e);
}

enum err feedback_list(struct db_tx *tx, const char *customer_id, struct page page,
                       struct arena *arena, struct records *ret, const char **ret_next,
                       struct error *e)
{
    if (customer_id)
        return page_list(tx, &feedback_page_of, page, DB_ARGS(db_text(customer_id)),
                         feedback_fields, sizeof(struct feedback), arena, ret, ret_next, e);
    return page_list(tx, &feedback_page, page, DB_NO_ARGS, feedback_fields, sizeof(struct feedback),
                     arena, ret, ret_next, e);
}
