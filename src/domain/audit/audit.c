#include "domain/audit/audit.h"

#include "audit.sql.h"

const struct field audit_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct audit_entry, id)},
    {"at", FIELD_TIME, offsetof(struct audit_entry, at)},
    {"actor", FIELD_TEXT, offsetof(struct audit_entry, actor)},
    {"action", FIELD_TEXT, offsetof(struct audit_entry, action)},
    {"subject", FIELD_TEXT, offsetof(struct audit_entry, subject)},
    {"details", FIELD_JSON, offsetof(struct audit_entry, details)},
    FIELD_END,
};

enum err audit_write(struct db_tx *tx, const struct env *env, struct arena *arena,
                     const char *actor, const char *action, const char *subject,
                     const char *details, struct error *e)
{
    (void)e;
    db_post(tx, &audit_insert,
            DB_ARGS(db_text(env_id(env, arena)), db_int(env_now(env)), db_text(actor),
                    db_text(action), db_text(subject), db_text(details)),
            NULL);
    return OK;
}

enum err audit_list(struct db_tx *tx, struct page page, struct arena *arena,
                    struct records *ret_rows, const char **ret_next, struct error *e)
{
    return page_list(tx, &audit_page, page, DB_NO_ARGS, audit_fields, sizeof(struct audit_entry),
                     arena, ret_rows, ret_next, e);
}
