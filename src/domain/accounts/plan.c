#include "domain/accounts/plan.h"

#include "plan.sql.h"

#define PLANS_MAX 100

const struct field plan_offer_fields[] = {
    {"slug", FIELD_ENUM, offsetof(struct plan_offer, slug), .names = plan_names, .required = true,
     .help = "its short name"},
    {"name", FIELD_TEXT, offsetof(struct plan_offer, name), .required = true,
     .help = "what people call it"},
    {"mode", FIELD_ENUM, offsetof(struct plan_offer, mode), .names = mode_names, .required = true,
     .help = "where its customers live, as a rule"},
    {"price", FIELD_DECIMAL, offsetof(struct plan_offer, price), .required = true,
     .help = "USD a month"},
    FIELD_END,
};

enum err plan_list(struct db_tx *tx, struct arena *arena, struct records *ret_plans,
                   struct error *e)
{
    return db_list(tx, &plan_all, DB_NO_ARGS, plan_offer_fields, sizeof(struct plan_offer),
                   PLANS_MAX, arena, ret_plans, e);
}

enum err plan_find(struct db_tx *tx, const char *slug, struct arena *arena,
                   struct plan_offer *ret_plan, struct error *e)
{
    enum err err =
        db_get(tx, &plan_by_slug, DB_ARGS(db_text(slug)), plan_offer_fields, arena, ret_plan, e);
    if (err != ERR_NOT_FOUND)
        return err;
    struct records all;
    const char *known = "";
    TRY(plan_list(tx, arena, &all, e));
    const struct plan_offer *plans = all.items;
    for (size_t i = 0; i < all.count; i++)
        known = arena_printf(arena, "%s%s%s", known, i ? ", " : "", plan_names[plans[i].slug]);
    return error_set(e, ERR_NOT_FOUND, "there is no plan %s; the plans are %s", slug, known);
}

_Static_assert(PLAN_COUNT == 4, "the sentence below names every plan");

const char *plan_check(const char *text)
{
    return enum_from_text(plan_names, str_from(text)) >= 0
               ? NULL
               : "must be one of hobby, starter, professional, business";
}
