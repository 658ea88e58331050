#include "app/cli/decision_view.h"

#include "base/decimal.h"

static const struct column factor_columns[] = {
    {"name", "FACTOR", COLUMN_TEXT},
    {"value", "VALUE", COLUMN_LONG},
    {"multi", "MULTI", COLUMN_NUMBER},
    {"multi_rule", "RULE", COLUMN_TEXT},
    {"single", "SINGLE", COLUMN_NUMBER},
    {"single_rule", "RULE", COLUMN_TEXT},
    COLUMN_END,
};

const char *decision_outcome(const struct table *t, const json_t *decision)
{
    const char *regions = cell_text(t, COLUMN_LIST, json_object_get(decision, "regions"));
    return arena_printf(t->arena, "%s on %s, plan %s%s%s",
                        cell_text(t, COLUMN_TEXT, json_object_get(decision, "mode")),
                        cell_text(t, COLUMN_TEXT, json_object_get(decision, "infrastructure")),
                        cell_text(t, COLUMN_TEXT, json_object_get(decision, "plan")),
                        text_eq(regions, "-") ? "" : ", in ", text_eq(regions, "-") ? "" : regions);
}

/* "+0.3", "-0.2"; nothing for zero, so that what counted stands out. */
static const char *signed_text(const struct table *t, const json_t *number)
{
    decimal value;
    const char *text = cell_text(t, COLUMN_NUMBER, number);
    if (decimal_parse(str_from(text), &value) != DECIMAL_OK)
        return text;
    char shown[DECIMAL_TEXT_MAX];
    return value == 0
               ? "0"
               : arena_printf(t->arena, "%s%s", value > 0 ? "+" : "", decimal_text(value, shown));
}

static void set_text(json_t *row, const char *key, const char *text)
{
    BUG_ON(json_object_set_new(row, key, json_string(text)) != 0);
}

static void append_row(json_t *rows, const char *name, const char *value,
                       const char *const cells[4])
{
    json_t *row = json_object();
    BUG_ON(json_array_append_new(rows, row) != 0);
    set_text(row, "name", name);
    set_text(row, "value", value);
    set_text(row, "multi", cells[0]);
    set_text(row, "multi_rule", cells[1]);
    set_text(row, "single", cells[2]);
    set_text(row, "single_rule", cells[3]);
}

static const char *rule_text(const struct table *t, const json_t *factor, const char *mode)
{
    return cell_text(t, COLUMN_TEXT, json_object_get(json_object_get(factor, "rules"), mode));
}

/* What the rules were asked about: "30", "soc2, hipaa", "none". */
static const char *value_text(const struct table *t, const json_t *value)
{
    if (!value || json_is_null(value))
        return "not given";
    if (json_is_array(value) && json_array_size(value) == 0)
        return "none";
    struct str text = str_from(cell_text(t, COLUMN_LIST, value));
    if (json_is_number(value) && str_ends_with(text, STR(".0")))
        text.len -= 2;
    return arena_text_n(t->arena, text.ptr, text.len);
}

static void print_factors(const struct table *t, const json_t *decision)
{
    _cleanup_json_ json_t *rows = json_array();
    size_t i;
    const json_t *factor;
    json_array_foreach (json_object_get(decision, "factors"), i, factor) {
        const json_t *added = json_object_get(factor, "contributions");
        append_row(rows, cell_text(t, COLUMN_TEXT, json_object_get(factor, "name")),
                   value_text(t, json_object_get(factor, "value")),
                   (const char *const[]){
                       signed_text(t, json_object_get(added, "multi_tenant")),
                       rule_text(t, factor, "multi_tenant"),
                       signed_text(t, json_object_get(added, "single_tenant")),
                       rule_text(t, factor, "single_tenant"),
                   });
    }
    if (json_array_size(rows) == 0)
        return;
    const json_t *scores = json_object_get(decision, "scores");
    append_row(rows, "score", "",
               (const char *const[]){
                   cell_text(t, COLUMN_NUMBER, json_object_get(scores, "multi_tenant")), "",
                   cell_text(t, COLUMN_NUMBER, json_object_get(scores, "single_tenant")), ""});
    (void)fputc('\n', t->out);
    table_print(t, factor_columns, rows);
}

static void print_line(const struct table *t, const char *label, const char *text)
{
    (void)fprintf(t->out, "%-13s", label);
    put_wrapped(t->out, text, 13, t->terminal.width);
    (void)fputc('\n', t->out);
}

static void print_constraints(const struct table *t, const json_t *decision)
{
    size_t i;
    const json_t *one;
    json_array_foreach (json_object_get(decision, "constraints"), i, one) {
        print_line(t, "Constraint",
                   arena_printf(t->arena, "%s requires %s, whatever the scores: %s",
                                cell_text(t, COLUMN_TEXT, json_object_get(one, "name")),
                                cell_text(t, COLUMN_TEXT, json_object_get(one, "mode")),
                                cell_text(t, COLUMN_TEXT, json_object_get(one, "because"))));
    }
}

static const char *difference_text(const struct table *t, const json_t *alternative)
{
    const json_t *more = json_object_get(alternative, "estimated_cost_increase");
    const json_t *less = json_object_get(alternative, "estimated_cost_savings");
    if (!more && !less)
        return "";
    return arena_printf(t->arena, " (%s USD a month %s)",
                        cell_text(t, COLUMN_MONEY, more ? more : less), more ? "more" : "less");
}

static void print_alternatives(const struct table *t, const json_t *decision)
{
    size_t i;
    const json_t *one;
    json_array_foreach (json_object_get(decision, "alternatives"), i, one) {
        print_line(t, "Alternative",
                   arena_printf(t->arena, "%s, plan %s: %s%s",
                                cell_text(t, COLUMN_TEXT, json_object_get(one, "mode")),
                                cell_text(t, COLUMN_TEXT, json_object_get(one, "plan")),
                                cell_text(t, COLUMN_TEXT, json_object_get(one, "reason")),
                                difference_text(t, one)));
    }
}

static void print_policy(const struct table *t, const json_t *policy)
{
    const char *name = json_get_text(policy, "name");
    const char *sha256 = json_get_text(policy, "sha256");
    if (name && sha256)
        print_line(t, "Policy", arena_printf(t->arena, "%s (sha256 %.12s)", name, sha256));
}

/* "cpx31 in ash at 62.49 EUR for 40 slots, read 2m ago"; where nobody told the table holds. */
static const char *shared_text(const struct table *t, const json_t *shared)
{
    const char *type = json_get_text(shared, "server_type");
    const json_t *read = json_object_get(shared, "read_at");
    return arena_printf(t->arena, "; %s in %s at %s EUR for %s slots%s%s", type ? type : "a server",
                        cell_text(t, COLUMN_TEXT, json_object_get(shared, "location")),
                        cell_text(t, COLUMN_MONEY, json_object_get(shared, "host_month_eur")),
                        cell_text(t, COLUMN_NUMBER, json_object_get(shared, "slots")),
                        json_is_string(read) ? ", read from the cloud " : "",
                        json_is_string(read) ? cell_text(t, COLUMN_AGO, read) : "");
}

static void print_prices(const struct table *t, const json_t *prices)
{
    const json_t *shared = json_object_get(prices, "shared_server");
    const char *name = json_get_text(prices, "name");
    const char *sha256 = json_get_text(prices, "sha256");
    if (name && sha256)
        print_line(t, "Prices",
                   arena_printf(t->arena, "%s (sha256 %.12s)%s", name, sha256,
                                shared ? shared_text(t, shared) : ""));
}

void decision_print(const struct table *t, const json_t *decision)
{
    put_tone(t->out, &t->terminal, TONE_STRONG, decision_outcome(t, decision));
    (void)fputc('\n', t->out);
    const char *reason = json_get_text(decision, "reason");
    if (reason) {
        put_wrapped(t->out, reason, 0, t->terminal.width);
        (void)fputc('\n', t->out);
    }
    print_factors(t, decision);
    (void)fputc('\n', t->out);
    print_constraints(t, decision);
    const json_t *cost = json_object_get(decision, "estimated_monthly_cost");
    if (cost && !json_is_null(cost))
        print_line(t, "Cost",
                   arena_printf(t->arena, "%s USD a month, estimated from list prices",
                                cell_text(t, COLUMN_MONEY, cost)));
    print_alternatives(t, decision);
    print_policy(t, json_object_get(decision, "policy"));
    print_prices(t, json_object_get(decision, "prices"));
}
