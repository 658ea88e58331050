#include "domain/notify/notify.h"

#include "domain/audit/audit.h"
#include "domain/notify/deliver.h"
#include "domain/notify/hours.h"
#include "notify.sql.h"

#define USEC_PER_MINUTE (60 * USEC_PER_SEC)

const char *const delivery_state_names[] = {"waiting", "sent", "failed", NULL};

#define NOTICE(member) offsetof(struct notice_record, member)

const struct field notice_fields[] = {
    {"id", FIELD_TEXT, NOTICE(id), .required = true,
     .help = "its id; receivers see it as webhook-id"},
    {"kind", FIELD_TEXT, NOTICE(kind), .required = true, .help = "what happened: proposal.created"},
    {"severity", FIELD_ENUM, NOTICE(severity), .names = severity_names, .required = true,
     .help = "info, warning or critical"},
    {"customer_id", FIELD_TEXT, NOTICE(customer_id), .help = "whom it is about"},
    {"text", FIELD_TEXT, NOTICE(text), .max_len = 8192, .required = true,
     .help = "one sentence for people"},
    {"details", FIELD_JSON, NOTICE(details), .help = "what programs want to know of it"},
    {"key", FIELD_TEXT, NOTICE(key),
     .help = "what it is about: repetitions and the end come under the same key"},
    {"resolved", FIELD_BOOL, NOTICE(resolved), .help = "what the key is about is over"},
    {"count", FIELD_INT, NOTICE(count), .required = true,
     .help = "how often it came; it was told once"},
    {"created_at", FIELD_TIME, NOTICE(created_at), .required = true, .help = "when it came first"},
    {"last_at", FIELD_TIME, NOTICE(last_at), .required = true, .help = "when it came last"},
    FIELD_END,
};

#define DELIVERY(member) offsetof(struct delivery, member)

const struct field delivery_fields[] = {
    {"notice_id", FIELD_TEXT, DELIVERY(notice_id), .required = true, .help = "the notice"},
    {"target", FIELD_TEXT, DELIVERY(target), .required = true,
     .help = "its name in the configuration"},
    {"state", FIELD_ENUM, DELIVERY(state), .names = delivery_state_names, .required = true,
     .help = "waiting, sent or failed"},
    {"due_at", FIELD_TIME, DELIVERY(due_at), .required = true,
     .help = "when it is, or was, to be sent"},
    {"sent_at", FIELD_TIME, DELIVERY(sent_at), .help = "when the target took it"},
    {"attempts", FIELD_INT, DELIVERY(attempts), .required = true, .help = "how often it was tried"},
    {"error", FIELD_TEXT, DELIVERY(error), .max_len = 4096, .help = "of the last attempt"},
    FIELD_END,
};

/* -- telling ----------------------------------------------------------------------------------- */

struct telling {
    struct db_tx *tx;
    const struct env *env;
    const struct notify_settings *settings;
    struct arena *arena;
    int64_t now;
};

/* Whether the same was told a moment ago, or is over without having been told. */
static enum err came_already(const struct telling *t, const struct notice *notice, bool *ret,
                             struct error *e)
{
    struct notice_record last;
    *ret = false;
    if (!notice->key)
        return OK;
    enum err err = db_get(t->tx, &notice_latest_of_key, DB_ARGS(db_text(notice->key)),
                          notice_fields, t->arena, &last, e);
    if (err == ERR_NOT_FOUND) {
        *ret = notice->resolved;
        return OK;
    }
    TRY(err);
    if (last.resolved && notice->resolved) {
        *ret = true;
        return OK;
    }
    bool recent = t->now - last.last_at < t->settings->dedupe_minutes * USEC_PER_MINUTE;
    if (last.resolved != notice->resolved || !recent)
        return OK;
    *ret = true;
    return db_exec(t->tx, &notice_came_again, DB_ARGS(db_text(last.id), db_int(t->now)), NULL, e);
}

static enum err record(const struct telling *t, const struct notice *notice, const char **ret_id,
                       struct error *e)
{
    const char *id = env_id(t->env, t->arena);
    const char *details = notice->details ? json_text(notice->details, t->arena) : NULL;
    TRY(db_exec(t->tx, &notice_insert,
                DB_ARGS(db_text(id), db_text(notice->kind),
                        db_text(severity_names[notice->severity]), db_text(notice->customer_id),
                        db_text(notice->text), db_text(details), db_text(notice->key),
                        db_int(notice->resolved), db_int(t->now)),
                NULL, e));
    *ret_id = id;
    return OK;
}

static enum err deliver_at(const struct telling *t, const char *notice_id, const char *customer_id,
                           const struct notify_target *target, int64_t due, struct error *e)
{
    TRY(db_exec(t->tx, &delivery_insert,
                DB_ARGS(db_text(notice_id), db_text(target->name), db_int(due)), NULL, e));
    struct job_spec spec = due > t->now
                               ? deliver_digest(target->name, due, t->now, t->arena)
                               : deliver_one(target->name, notice_id, customer_id, t->arena);
    return job_enqueue(t->tx, t->env, &spec, t->arena, NULL, NULL, e);
}

enum err notify(struct db_tx *tx, const struct env *env, const struct notify_settings *settings,
                const struct notice *notice, struct arena *arena, struct error *e)
{
    struct telling t = {tx, env, settings, arena, env_now(env)};
    const char *id;
    bool already;
    TRY(came_already(&t, notice, &already, e));
    if (already)
        return OK;
    TRY(record(&t, notice, &id, e));
    const struct notify_target *items = settings->targets.items;
    for (size_t i = 0; i < settings->targets.count; i++) {
        const struct notify_target *target = &items[i];
        if (notify_wants(target, notice->kind, notice->severity))
            TRY(deliver_at(&t, id, notice->customer_id, target,
                           notify_due(target, notice->severity, t.now), e));
    }
    if (settings->targets.count > 0)
        return OK;
    struct job_spec spec = deliver_one(NULL, id, notice->customer_id, arena);
    return job_enqueue(tx, env, &spec, arena, NULL, NULL, e);
}

/* -- looking ----------------------------------------------------------------------------------- */

enum err notice_list(struct db_tx *tx, const struct notice_filter *filter, struct page page,
                     struct arena *arena, struct records *ret, const char **ret_next,
                     struct error *e)
{
    return page_list(tx, &notice_page, page,
                     DB_ARGS(db_text(filter->customer_id), db_text(filter->kind)), notice_fields,
                     sizeof(struct notice_record), arena, ret, ret_next, e);
}

enum err notice_find(struct db_tx *tx, const char *id, struct arena *arena,
                     struct notice_record *ret, struct error *e)
{
    enum err err = db_get(tx, &notice_by_id, DB_ARGS(db_text(id)), notice_fields, arena, ret, e);
    return err == ERR_NOT_FOUND ? error_set(e, err, "there is no notice %.100s", id) : err;
}

enum err delivery_list(struct db_tx *tx, const char *notice_id, struct arena *arena,
                       struct records *ret, struct error *e)
{
    return db_list(tx, &deliveries_of_notice, DB_ARGS(db_text(notice_id)), delivery_fields,
                   sizeof(struct delivery), PAGE_LIMIT_MAX, arena, ret, e);
}

/* -- by hand ----------------------------------------------------------------------------------- */

static enum err find_target(const struct notify_settings *settings, const char *name,
                            const struct notify_target **ret, struct error *e)
{
    const struct notify_target *target = notify_target(settings, name);
    if (!target)
        return error_set(e, ERR_NOT_FOUND,
                         "there is no target %.60s among notify.targets in the configuration",
                         name);
    *ret = target;
    return OK;
}

enum err notice_replay(struct db_tx *tx, const struct env *env,
                       const struct notify_settings *settings, const char *actor, const char *id,
                       const char *target, struct arena *arena, struct error *e)
{
    struct telling t = {tx, env, settings, arena, env_now(env)};
    struct notice_record notice;
    const struct notify_target *only = NULL, *items = settings->targets.items;
    TRY(notice_find(tx, id, arena, &notice, e));
    if (target)
        TRY(find_target(settings, target, &only, e));
    for (size_t i = 0; i < settings->targets.count; i++) {
        if (!only || only == &items[i])
            TRY(deliver_at(&t, notice.id, notice.customer_id, &items[i], t.now, e));
    }
    return audit_write(tx, env, arena, actor, "notice.replayed", notice.id, NULL, e);
}

enum err notify_test(struct db_tx *tx, const struct env *env,
                     const struct notify_settings *settings, const char *actor, const char *target,
                     struct arena *arena, struct notice_record *ret, struct error *e)
{
    struct telling t = {tx, env, settings, arena, env_now(env)};
    const struct notify_target *to = NULL;
    const char *id;
    TRY(find_target(settings, target, &to, e));
    struct notice notice = {
        .kind = "notify.test",
        .text =
            arena_printf(arena, "This is a test of the target %s, asked for by %s", target, actor),
    };
    TRY(record(&t, &notice, &id, e));
    TRY(deliver_at(&t, id, NULL, to, t.now, e));
    TRY(audit_write(tx, env, arena, actor, "notice.tested", id, NULL, e));
    return notice_find(tx, id, arena, ret, e);
}

enum err notice_prune(struct db_tx *tx, int64_t before, int64_t max, int64_t *ret_deleted,
                      struct error *e)
{
    struct db_args args = DB_ARGS(db_int(before), db_int(max));
    TRY(db_exec(tx, &deliveries_delete_old, args, NULL, e));
    return db_exec(tx, &notices_delete_old, args, ret_deleted, e);
}
