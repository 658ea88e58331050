#include "domain/accounts/offboarding.h"

#include "domain/accounts/subscription.h"
#include "domain/audit/audit.h"
#include "domain/facts/facts.h"
#include "domain/provisioning/deployment.h"
#include "domain/provisioning/routing.h"
#include "offboarding.sql.h"

#define DEPLOYMENTS_MAX    1000
#define RETENTION_DAYS_MAX 3650
#define COMMENT_MAX        2000
#define DUE_MAX            500

const char *const offboarding_state_names[] = {
    "requested", "exporting",  "exported",  "retaining", "deleting",
    "done",      "cancelling", "cancelled", NULL,
};

const char *const offboarding_event_names[] = {
    "be started",  "be exported",  "be closed",   "be deleted",
    "be finished", "be cancelled", "be reopened", NULL,
};

const char *const offboarding_reason_names[] = {
    "unspecified", "price",    "features", "performance", "reliability",
    "support",     "switched", "closed",   NULL,
};

struct edge {
    enum offboarding_state from;
    enum offboarding_event event;
    enum offboarding_state to;
};

static const struct edge edges[] = {
    {OFFBOARDING_REQUESTED, OFFBOARDING_START, OFFBOARDING_EXPORTING},
    {OFFBOARDING_EXPORTING, OFFBOARDING_EXPORT, OFFBOARDING_EXPORTED},
    {OFFBOARDING_EXPORTED, OFFBOARDING_CLOSE, OFFBOARDING_RETAINING},
    {OFFBOARDING_RETAINING, OFFBOARDING_EXPIRE, OFFBOARDING_DELETING}, /* no way back after it */
    {OFFBOARDING_DELETING, OFFBOARDING_GONE, OFFBOARDING_DONE},

    {OFFBOARDING_REQUESTED, OFFBOARDING_CANCEL, OFFBOARDING_CANCELLING},
    {OFFBOARDING_EXPORTING, OFFBOARDING_CANCEL, OFFBOARDING_CANCELLING},
    {OFFBOARDING_EXPORTED, OFFBOARDING_CANCEL, OFFBOARDING_CANCELLING},
    {OFFBOARDING_RETAINING, OFFBOARDING_CANCEL, OFFBOARDING_CANCELLING},
    {OFFBOARDING_CANCELLING, OFFBOARDING_REOPEN, OFFBOARDING_CANCELLED},
};

int offboarding_next_state(enum offboarding_state from, enum offboarding_event event)
{
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        if (edges[i].from == from && edges[i].event == event)
            return (int)edges[i].to;
    }
    return -1;
}

#define AT(member) offsetof(struct offboarding, member)

const struct field offboarding_fields[] = {
    {"id", FIELD_TEXT, AT(id), .required = true, .help = "its id"},
    {"customer_id", FIELD_TEXT, AT(customer_id), .required = true, .help = "who leaves"},
    {"slug", FIELD_TEXT, AT(slug), .required = true, .help = "its short name"},
    {"state", FIELD_ENUM, AT(state), .names = offboarding_state_names, .required = true,
     .help = "how far it is"},
    {"mode", FIELD_ENUM, AT(mode), .names = mode_names, .required = true, .help = "where it lived"},
    {"plan", FIELD_ENUM, AT(plan), .names = plan_names, .required = true,
     .help = "what it had subscribed to"},
    {"reason", FIELD_ENUM, AT(reason), .names = offboarding_reason_names, .help = "why"},
    {"comment", FIELD_TEXT, AT(comment), .help = "why, in words"},
    {"requested_by", FIELD_TEXT, AT(requested_by), .required = true, .help = "who asked"},
    {"retention_days", FIELD_INT, AT(retention_days), .required = true,
     .help = "how long its data is kept"},
    {"wants_export", FIELD_BOOL, AT(wants_export), .help = "whether its data is kept as a file"},
    {"run", FIELD_INT, AT(run)},
    {"retain_until", FIELD_TIME, AT(retain_until), .help = "when its data is deleted"},
    {"error", FIELD_TEXT, AT(error), .help = "why it stands still"},
    {"created_at", FIELD_TIME, AT(created_at), .required = true, .help = "when it was asked for"},
    {"finished_at", FIELD_TIME, AT(finished_at), .help = "when nothing was left"},
    FIELD_END,
};

const struct field offboarding_settings_fields[] = {
    {"retention_days", FIELD_INT, offsetof(struct offboarding_settings, retention_days), .min = 0,
     .max = RETENTION_DAYS_MAX},
    {"exports", FIELD_TEXT, offsetof(struct offboarding_settings, exports)},
    {"keep_exports_days", FIELD_INT, offsetof(struct offboarding_settings, keep_exports_days),
     .min = 1, .max = RETENTION_DAYS_MAX},
    FIELD_END,
};

struct offboarding_settings offboarding_settings_default(void)
{
    return (struct offboarding_settings){.retention_days = 30, .keep_exports_days = 90};
}

static const char *reason_check(const char *text)
{
    if (enum_from_text(offboarding_reason_names, str_from(text)) >= 0)
        return NULL;
    return "must be price, features, performance, reliability, support, switched, closed or "
           "unspecified";
}

const struct field offboarding_wish_fields[] = {
    {"reason", FIELD_TEXT, offsetof(struct offboarding_wish, reason), .check = reason_check,
     .help = "price, features, performance, reliability, support, switched, closed"},
    {"comment", FIELD_TEXT, offsetof(struct offboarding_wish, comment), .max_len = COMMENT_MAX,
     .check = name_check, .help = "in words"},
    {"retention_days", FIELD_INT, offsetof(struct offboarding_wish, retention_days), .min = 0,
     .max = RETENTION_DAYS_MAX, .help = "days until everything is deleted"},
    {"export", FIELD_JSON, offsetof(struct offboarding_wish, export),
     .help = "whether to keep the data as a file, true unless told"},
    FIELD_END,
};

/* -- looking ----------------------------------------------------------------------------------- */

enum err offboarding_find(struct db_tx *tx, const char *id, struct arena *arena,
                          struct offboarding *ret, struct error *e)
{
    enum err err =
        db_get(tx, &offboarding_by_id, DB_ARGS(db_text(id)), offboarding_fields, arena, ret, e);
    return err == ERR_NOT_FOUND ? error_set(e, err, "there is no offboarding %.100s", id) : err;
}

enum err offboarding_latest(struct db_tx *tx, const char *customer_id, struct arena *arena,
                            struct offboarding *ret, struct error *e)
{
    enum err err = db_get(tx, &offboarding_latest_of, DB_ARGS(db_text(customer_id)),
                          offboarding_fields, arena, ret, e);
    return err == ERR_NOT_FOUND ? error_set(e, err, "customer %s is not leaving", customer_id)
                                : err;
}

json_t *offboarding_json(const struct offboarding *o)
{
    json_t *out = json_encode(offboarding_fields, o, JSON_KEEP_ABSENT);
    (void)json_object_del(out, "run"); /* between the workers */
    return out;
}

enum err offboarding_deployments(struct db_tx *tx, const char *customer_id, struct arena *arena,
                                 struct records *ret, struct error *e)
{
    return db_list(tx, &offboarding_deployments_of, DB_ARGS(db_text(customer_id)),
                   deployment_fields, sizeof(struct deployment), DEPLOYMENTS_MAX, arena, ret, e);
}

enum err offboarding_left(struct db_tx *tx, const char *customer_id, int64_t *ret, struct error *e)
{
    return db_get_int(tx, &offboarding_count_left, DB_ARGS(db_text(customer_id)), ret, e);
}

/* -- asking ------------------------------------------------------------------------------------ */

struct request {
    struct db_tx *tx;
    const struct env *env;
    const struct offboarding_settings *settings;
    const char *actor;
    const struct offboarding_wish *wish;
    struct arena *arena;

    struct customer customer;
    struct deployment current;
    bool wants_export;
};

static enum err read_export(struct request *r, struct problems *problems, struct error *e)
{
    const char *text = r->wish->export;
    r->wants_export = !text || text_eq(text, "true");
    if (r->wants_export || text_eq(text, "false"))
        return OK;
    problem_add(problems, "export", 0, "must be true or false");
    return problems_error(problems, e);
}

/* Whether the customer can begin to leave now. */
static enum err check_customer(const struct request *r, struct error *e)
{
    const struct customer *c = &r->customer;
    int64_t job;
    if (c->status != CUSTOMER_ACTIVE)
        return error_set(e, ERR_CONFLICT, "customer %s is %s already", c->slug,
                         customer_status_names[c->status]);
    TRY(customer_check_settled(r->tx, c, r->arena, e));
    TRY(db_get_int(r->tx, &offboarding_setup_running, DB_ARGS(db_text(c->id)), &job, e));
    if (job != INT_ABSENT)
        return error_set(e, ERR_CONFLICT,
                         "customer %s is being set up: wait for it or cancel job %lld", c->slug,
                         (long long)job);
    return OK;
}

static enum err record(const struct request *r, const char **ret_id, struct error *e)
{
    const struct customer *c = &r->customer;
    const char *id = env_id(r->env, r->arena);
    const char *reason = r->wish->reason ? r->wish->reason : offboarding_reason_names[0];
    int64_t now = env_now(r->env), days = r->wish->retention_days;
    bool has_data = r->current.status == DEPLOYMENT_ACTIVE;
    if (days == INT_ABSENT)
        days = r->settings->retention_days;
    TRY(db_exec(r->tx, &offboarding_insert,
                DB_ARGS(db_text(id), db_text(c->id), db_text(c->slug), db_text(mode_names[c->mode]),
                        db_text(plan_names[c->plan]), db_text(reason), db_text(r->wish->comment),
                        db_text(r->actor), db_int(has_data ? days : 0),
                        db_int(has_data && r->wants_export), db_int(now)),
                NULL, e));
    TRY(subscription_end(r->tx, r->env, c->id, e));
    TRY(db_exec(r->tx, &customer_set_status,
                DB_ARGS(db_text(c->id), db_text(customer_status_names[CUSTOMER_LEAVING])), NULL,
                e));
    TRY(facts_set_active(r->tx, c->id, false, e));
    *ret_id = id;
    return OK;
}

enum err offboarding_request(struct db_tx *tx, const struct env *env,
                             const struct offboarding_settings *settings, const char *actor,
                             const char *customer, const struct offboarding_wish *wish,
                             struct arena *arena, struct problems *problems,
                             struct offboarding *ret, struct error *e)
{
    struct request r = {tx, env, settings, actor, wish, arena};
    struct offboarding o;
    const char *id;
    TRY(read_export(&r, problems, e));
    TRY(customer_find(tx, customer, arena, &r.customer, e));
    TRY(deployment_current(tx, r.customer.id, arena, &r.current, e));
    TRY(check_customer(&r, e));
    TRY(record(&r, &id, e));
    TRY(offboarding_find(tx, id, arena, &o, e));
    TRY(offboarding_enqueue(tx, env, &o, 0, arena, e));
    const char *details = arena_printf(
        arena, "{\"customer_id\":\"%s\",\"reason\":\"%s\",\"retention_days\":%lld}", o.customer_id,
        offboarding_reason_names[o.reason], (long long)o.retention_days);
    TRY(audit_write(tx, env, arena, actor, "offboarding.requested", id, details, e));
    *ret = o;
    return OK;
}

/*
 * The job is a new one even when another is at work: that one may have looked at the state for the
 * last time already.
 */
enum err offboarding_cancel(struct db_tx *tx, const struct env *env, const char *actor,
                            const char *customer, struct arena *arena, struct offboarding *ret,
                            struct error *e)
{
    struct customer c;
    struct offboarding o;
    struct job job;
    TRY(customer_find(tx, customer, arena, &c, e));
    enum err err = offboarding_latest(tx, c.id, arena, &o, e);
    if (err == ERR_NOT_FOUND)
        return error_set(e, ERR_CONFLICT, "customer %s is not leaving", c.slug);
    TRY(err);
    TRY(offboarding_set_state(tx, env, actor, &o, OFFBOARDING_CANCEL, arena, e));
    struct job_spec spec = {
        .worker = OFFBOARDING_WORKER,
        .queue = OFFBOARDING_QUEUE,
        .customer_id = o.customer_id,
        .args = arena_printf(arena, "{\"offboarding_id\":\"%s\"}", o.id),
    };
    TRY(job_enqueue(tx, env, &spec, arena, &job, NULL, e));
    *ret = o;
    return OK;
}

/* -- for the workers --------------------------------------------------------------------------- */

enum err offboarding_begin_run(struct db_tx *tx, const char *id, struct arena *arena,
                               struct offboarding *ret, struct error *e)
{
    TRY(db_exec(tx, &offboarding_take_run, DB_ARGS(db_text(id)), NULL, e));
    return offboarding_find(tx, id, arena, ret, e);
}

/* What else is true from now on. */
static enum err apply(struct db_tx *tx, const struct offboarding *o, enum offboarding_state to,
                      struct error *e)
{
    struct db_value id = db_text(o->customer_id);
    if (to == OFFBOARDING_DELETING) {
        TRY(db_exec(tx, &offboarding_mark_retiring, DB_ARGS(id), NULL, e));
        return route_refresh(tx, o->customer_id, e);
    }
    if (to == OFFBOARDING_DONE) {
        TRY(db_exec(tx, &customer_free_slug, DB_ARGS(id), NULL, e));
        return db_exec(tx, &customer_set_status,
                       DB_ARGS(id, db_text(customer_status_names[CUSTOMER_CANCELLED])), NULL, e);
    }
    if (to == OFFBOARDING_CANCELLED) {
        TRY(db_exec(tx, &subscription_resume, DB_ARGS(id), NULL, e));
        TRY(facts_set_active(tx, o->customer_id, true, e));
        return db_exec(tx, &customer_set_status,
                       DB_ARGS(id, db_text(customer_status_names[CUSTOMER_ACTIVE])), NULL, e);
    }
    return OK;
}

enum err offboarding_set_state(struct db_tx *tx, const struct env *env, const char *actor,
                               struct offboarding *o, enum offboarding_event event,
                               struct arena *arena, struct error *e)
{
    int to = offboarding_next_state((enum offboarding_state)o->state, event);
    if (to < 0)
        return error_set(e, ERR_CONFLICT, "the offboarding of customer %s is %s: it cannot %s",
                         o->slug, offboarding_state_names[o->state],
                         offboarding_event_names[event]);
    int64_t now = env_now(env), changes;
    int64_t finished_at = offboarding_is_over((enum offboarding_state)to) ? now : INT_ABSENT;
    int64_t until =
        to == OFFBOARDING_RETAINING ? now + o->retention_days * USEC_PER_DAY : INT_ABSENT;
    TRY(db_exec(tx, &offboarding_change_state,
                DB_ARGS(db_text(o->id), db_text(offboarding_state_names[o->state]), db_int(o->run),
                        db_text(offboarding_state_names[to]), db_int(until), db_int(finished_at)),
                &changes, e));
    if (changes == 0)
        return error_set(e, ERR_CONFLICT,
                         "the offboarding of customer %s is no longer %s, or another run has it",
                         o->slug, offboarding_state_names[o->state]);
    TRY(apply(tx, o, (enum offboarding_state)to, e));
    TRY(audit_write(tx, env, arena, actor,
                    arena_printf(arena, "offboarding.%s", offboarding_state_names[to]), o->id, NULL,
                    e));
    return offboarding_find(tx, o->id, arena, o, e);
}

enum err offboarding_note_error(struct db_tx *tx, const char *id, const char *why, struct error *e)
{
    return db_exec(tx, &offboarding_keep_error, DB_ARGS(db_text(id), db_text(why)), NULL, e);
}

enum err offboarding_enqueue(struct db_tx *tx, const struct env *env, const struct offboarding *o,
                             int64_t delay_us, struct arena *arena, struct error *e)
{
    struct job job;
    struct job_spec spec = {
        .worker = OFFBOARDING_WORKER,
        .queue = OFFBOARDING_QUEUE,
        .customer_id = o->customer_id,
        .args = arena_printf(arena, "{\"offboarding_id\":\"%s\"}", o->id),
        .unique_key = arena_printf(arena, "offboarding:%s", o->id),
        .delay_us = delay_us,
    };
    return job_enqueue(tx, env, &spec, arena, &job, NULL, e);
}

enum err offboarding_enqueue_due(struct db_tx *tx, const struct env *env, struct arena *arena,
                                 struct error *e)
{
    struct records due;
    const char *after = "";
    do {
        TRY(db_list(tx, &offboarding_due,
                    DB_ARGS(db_text(after), db_int(env_now(env)), db_int(DUE_MAX)),
                    offboarding_fields, sizeof(struct offboarding), DUE_MAX, arena, &due, e));
        const struct offboarding *items = due.items;
        for (size_t i = 0; i < due.count; i++)
            TRY(offboarding_enqueue(tx, env, &items[i], 0, arena, e));
        after = due.count ? items[due.count - 1].customer_id : after;
    } while (due.count == DUE_MAX);
    return OK;
}
