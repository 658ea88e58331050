#include "domain/accounts/customer.h"

#include "customer.sql.h"
#include "domain/facts/facts.h"

const char *const customer_status_names[] = {"active", "leaving", "cancelled", NULL};

const struct field customer_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct customer, id), .required = true, .help = "its id"},
    {"slug", FIELD_TEXT, offsetof(struct customer, slug), .required = true,
     .help = "its short name, unique"},
    {"name", FIELD_TEXT, offsetof(struct customer, name), .required = true,
     .help = "what people call it"},
    {"email", FIELD_TEXT, offsetof(struct customer, email), .required = true,
     .help = "whom to write to"},
    {"company_name", FIELD_TEXT, offsetof(struct customer, company_name), .help = "the legal name"},
    {"billing_email", FIELD_TEXT, offsetof(struct customer, billing_email),
     .help = "where invoices go"},
    {"status", FIELD_ENUM, offsetof(struct customer, status), .names = customer_status_names,
     .required = true, .help = "active until it leaves"},
    {"plan", FIELD_ENUM, offsetof(struct customer, plan), .names = plan_names, .required = true,
     .help = "what it subscribed to"},
    {"mode", FIELD_ENUM, offsetof(struct customer, mode), .names = mode_names,
     .help = "where it lives; null when it lives nowhere"},
    {"profile", FIELD_JSON, offsetof(struct customer, profile),
     .help = "what it told of its needs"},
    {"created_at", FIELD_TIME, offsetof(struct customer, created_at), .required = true,
     .help = "when it signed up"},
    FIELD_END,
};

enum err customer_find(struct db_tx *tx, const char *id_or_slug, struct arena *arena,
                       struct customer *ret_customer, struct error *e)
{
    enum err err = db_get(tx, &customer_by_id_or_slug, DB_ARGS(db_text(id_or_slug)),
                          customer_fields, arena, ret_customer, e);
    return err == ERR_NOT_FOUND ? error_set(e, err, "there is no customer %.100s", id_or_slug)
                                : err;
}

enum err customer_check_settled(struct db_tx *tx, const struct customer *customer,
                                struct arena *arena, struct error *e)
{
    const char *move;
    TRY(db_get_text(tx, &customer_move_running, DB_ARGS(db_text(customer->id)), arena, &move, e));
    if (!move)
        return OK;
    return error_set(e, ERR_CONFLICT,
                     "customer %s is being moved (migration %s): wait for it or cancel it",
                     customer->slug, move);
}

/* lower() of both engines knows ASCII only. */
static const char *lower(const char *text, struct arena *arena)
{
    char *copy = arena_text(arena, text);
    for (char *p = copy; *p; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
    return copy;
}

enum err customer_list(struct db_tx *tx, const struct customer_filter *filter, struct page page,
                       struct arena *arena, struct records *ret_customers, const char **ret_next,
                       struct error *e)
{
    if (filter->search) {
        const char *first = lower(filter->search, arena);
        const char *end = arena_printf(arena, "%s\xf4\x8f\xbf\xbf", first); /* sorts last */
        return page_list(
            tx, &customer_search, page,
            DB_ARGS(db_text(filter->mode), db_text(filter->status), db_text(first), db_text(end)),
            customer_fields, sizeof(struct customer), arena, ret_customers, ret_next, e);
    }
    return page_list(tx, &customer_page, page,
                     DB_ARGS(db_text(filter->mode), db_text(filter->status)), customer_fields,
                     sizeof(struct customer), arena, ret_customers, ret_next, e);
}

enum err customer_profile(struct db_tx *tx, const struct customer *customer, struct arena *arena,
                          struct profile *ret_profile, struct error *e)
{
    struct facts facts;
    struct decide_context context;
    TRY(facts_find(tx, customer->id, arena, &facts, e));
    facts_profile(&facts, ret_profile, &context);
    return OK;
}

const char *slug_check(const char *text)
{
    for (const char *p = text; *p; p++) {
        bool allowed = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-';
        if (!allowed)
            return "must be lower-case letters, digits and - only";
    }
    return *text ? NULL : "must not be empty";
}

const char *email_check(const char *text)
{
    static const char complaint[] = "must be an e-mail address";
    const char *at = strchr(text, '@');
    if (!at || at == text || strchr(at + 1, '@') || strpbrk(text, " \t\r\n<>,;\""))
        return complaint;
    const char *dot = strchr(at + 1, '.');
    if (!dot || dot == at + 1 || text[strlen(text) - 1] == '.' || strstr(at, ".."))
        return complaint;
    return str_is_printable(str_from(text), strlen(text)) ? NULL : complaint;
}

const char *name_check(const char *text)
{
    struct str s = str_from(text);
    if (str_trim(s).len == 0)
        return "must not be blank";
    return str_is_printable(s, s.len) ? NULL : "must be text without control characters";
}
