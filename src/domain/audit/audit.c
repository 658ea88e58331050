#include "domain/audit/audit.h"

#include "audit.sql.h"

const struct field audit_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct audit_entry, id), .required = true, .help = "its id"},
    {"at", FIELD_TIME, offsetof(struct audit_entry, at), .required = true, .help = "when"},
    {"actor", FIELD_TEXT, offsetof(struct audit_entry, actor), .required = true,
     .help = "who did it: token:NAME, job:WORKER or system"},
    {"action", FIELD_TEXT, offsetof(struct audit_entry, action), .required = true,
     .help = "what was done, such as customer.signed_up"},
    {"subject", FIELD_TEXT, offsetof(struct audit_entry, subject), .required = true,
     .help = "to what: an id, or a path of the API"},
    {"details", FIELD_JSON, offsetof(struct audit_entry, details),
     .help = "the particulars, by action"},
    {"seq", FIELD_INT, offsetof(struct audit_entry, seq),
     .help = "its place in the chain, from 1; null for a moment after it was written"},
    {"hash", FIELD_TEXT, offsetof(struct audit_entry, hash),
     .help = "of this entry and the one before it; null likewise"},
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

/* A time's own ids are not below it: `to` is where the page begins, unless the cursor is older. */
static struct page page_below(struct page page, int64_t to, struct arena *arena)
{
    char floor[UUID_TEXT_MAX];
    if (to != INT_ABSENT && (!page.cursor || strcmp(uuid7_floor(to, floor), page.cursor) < 0))
        page.cursor = arena_text(arena, uuid7_floor(to, floor));
    return page;
}

struct listing {
    struct db_tx *tx;
    struct page page;
    struct arena *arena;
    struct records *rows;
    const char **next;
};

static enum err list_by(const struct listing *l, const struct db_query *query, struct db_args args,
                        struct error *e)
{
    return page_list(l->tx, query, l->page, args, audit_fields, sizeof(struct audit_entry),
                     l->arena, l->rows, l->next, e);
}

/* By the index of whichever filter leaves the fewest. */
enum err audit_list(struct db_tx *tx, const struct audit_filter *filter, struct page page,
                    struct arena *arena, struct records *ret_rows, const char **ret_next,
                    struct error *e)
{
    static const struct audit_filter all = {.from = INT_ABSENT, .to = INT_ABSENT};
    const struct audit_filter *f = filter ? filter : &all;
    struct listing l = {tx, page_below(page, f->to, arena), arena, ret_rows, ret_next};
    char floor[UUID_TEXT_MAX] = "";
    if (f->from != INT_ABSENT)
        (void)uuid7_floor(f->from, floor);
    struct db_value from = db_text(floor), actor = db_text(f->actor), action = db_text(f->action);
    if (f->subject)
        return list_by(&l, &audit_page_by_subject,
                       DB_ARGS(from, db_text(f->subject), actor, action), e);
    if (f->actor)
        return list_by(&l, &audit_page_by_actor, DB_ARGS(from, actor, action), e);
    if (f->action)
        return list_by(&l, &audit_page_by_action, DB_ARGS(from, action), e);
    return list_by(&l, &audit_page, DB_ARGS(from), e);
}

enum err audit_latest(struct db_tx *tx, const char *action, struct arena *arena,
                      const char **ret_details, struct error *e)
{
    return db_get_text(tx, &audit_latest_details, DB_ARGS(db_text(action)), arena, ret_details, e);
}
