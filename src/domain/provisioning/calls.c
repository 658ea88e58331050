#include "domain/provisioning/calls.h"

#include "calls.sql.h"

#define COLUMNS 13

const struct field provider_call_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct provider_call, id), .required = true, .help = "its id"},
    {"provider", FIELD_TEXT, offsetof(struct provider_call, provider), .required = true,
     .help = "which cloud"},
    {"method", FIELD_TEXT, offsetof(struct provider_call, method), .required = true,
     .help = "of the request"},
    {"route", FIELD_TEXT, offsetof(struct provider_call, route), .required = true,
     .help = "the path with its names left out"},
    {"subject", FIELD_TEXT, offsetof(struct provider_call, subject),
     .help = "the host or deployment that it was for"},
    {"customer_id", FIELD_TEXT, offsetof(struct provider_call, customer_id),
     .help = "the customer that it was for"},
    {"request_id", FIELD_TEXT, offsetof(struct provider_call, request_id),
     .help = "the cloud's own id for it"},
    {"status", FIELD_INT, offsetof(struct provider_call, status),
     .help = "null when no reply came"},
    {"outcome", FIELD_TEXT, offsetof(struct provider_call, outcome), .required = true,
     .help = "ok, or the error's class"},
    {"error_code", FIELD_TEXT, offsetof(struct provider_call, error_code),
     .help = "the cloud's own word"},
    {"took_us", FIELD_INT, offsetof(struct provider_call, took_us), .required = true,
     .help = "microseconds"},
    {"attempt", FIELD_INT, offsetof(struct provider_call, attempt), .required = true,
     .help = "counts the repetitions within one call"},
    {"started_at", FIELD_TIME, offsetof(struct provider_call, started_at), .required = true,
     .help = "when"},
    FIELD_END,
};

const char *const call_outcome_names[] = {
    "ok",      "invalid",     "denied",   "not_found", "conflict", "too_large", "busy",
    "timeout", "unavailable", "capacity", "corrupt",   "io",       NULL,
};

enum err calls_insert(struct db_tx *tx, const struct env *env, const struct provider_call *calls,
                      size_t count, struct arena *arena, struct error *e)
{
    struct db_value *rows = arena_new_array(arena, count * COLUMNS, struct db_value);
    for (size_t i = 0; i < count; i++) {
        const struct provider_call *c = &calls[i];
        const struct db_value row[COLUMNS] = {
            db_text(env_id(env, arena)), db_text(c->provider), db_text(c->method),
            db_text(c->route),           db_text(c->subject),  db_text(c->customer_id),
            db_text(c->request_id),      db_int(c->status),    db_text(c->outcome),
            db_text(c->error_code),      db_int(c->took_us),   db_int(c->attempt),
            db_int(c->started_at),
        };
        memcpy(rows + i * COLUMNS, row, sizeof(row));
    }
    return db_exec_rows(tx, &calls_insert_many, DB_NO_ARGS, rows, COLUMNS, count, NULL, e);
}

static enum err list(struct db_tx *tx, const struct db_query *query, struct page page,
                     struct db_args filters, struct arena *arena, struct records *ret,
                     const char **ret_next, struct error *e)
{
    return page_list(tx, query, page, filters, provider_call_fields, sizeof(struct provider_call),
                     arena, ret, ret_next, e);
}

enum err calls_list(struct db_tx *tx, const struct calls_filter *f, struct page page,
                    struct arena *arena, struct records *ret, const char **ret_next,
                    struct error *e)
{
    struct db_value provider = db_text(f->provider), outcome = db_text(f->outcome);
    struct db_value since = db_int(f->since), customer = db_text(f->customer_id);
    if (f->subject)
        return list(tx, &calls_page_by_subject, page,
                    DB_ARGS(provider, outcome, since, db_text(f->subject), customer), arena, ret,
                    ret_next, e);
    if (f->customer_id)
        return list(tx, &calls_page_by_customer, page, DB_ARGS(provider, outcome, since, customer),
                    arena, ret, ret_next, e);
    return list(tx, &calls_page, page, DB_ARGS(provider, outcome, since), arena, ret, ret_next, e);
}

enum err calls_prune(struct db_tx *tx, int64_t before, int64_t max, int64_t *ret_deleted,
                     struct error *e)
{
    return db_exec(tx, &calls_delete_old, DB_ARGS(db_int(before), db_int(max)), ret_deleted, e);
}
