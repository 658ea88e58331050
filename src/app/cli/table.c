#include "app/cli/table.h"

#include "base/clock.h"
#include "base/decimal.h"

#include <libsmartcols.h>

const json_t *json_at(const json_t *object, const char *path)
{
    struct str rest = str_from(path);
    while (rest.ptr && object) {
        struct str name = str_cut(&rest, '.');
        object = json_object_getn(object, name.ptr, name.len);
    }
    return object;
}

static const char *list_text(const json_t *array, struct arena *arena)
{
    const char *all = "";
    size_t i;
    const json_t *item;
    json_array_foreach (array, i, item) {
        const char *text = json_is_string(item) ? json_string_value(item) : json_text(item, arena);
        all = arena_printf(arena, "%s%s%s", all, i ? ", " : "", text);
    }
    return all[0] ? all : "-";
}

/* JSON numbers print exactly as the server wrote them; money gets its two places back. */
static const char *money_text(const json_t *value, struct arena *arena)
{
    decimal amount;
    const char *text = json_text(value, arena);
    if (decimal_parse(str_from(text), &amount) != DECIMAL_OK)
        return text;
    amount = decimal_round_cents(amount);
    int64_t cents = amount / (DECIMAL_ONE / 100);
    return arena_printf(arena, "%s%lld.%02lld", cents < 0 ? "-" : "", llabs(cents / 100),
                        llabs(cents % 100));
}

static const char *took_text(double ms, struct arena *arena)
{
    if (ms < 10.0)
        return arena_printf(arena, "%.1fms", ms);
    if (ms < 1000.0)
        return arena_printf(arena, "%.0fms", ms);
    if (ms < 60000.0)
        return arena_printf(arena, "%.1fs", ms / 1000.0);
    return arena_printf(arena, "%.1fm", ms / 60000.0);
}

static const char *ago_text(const struct table *t, const json_t *value)
{
    int64_t time_us;
    const char *text = json_string_value(value);
    if (!text || !time_parse(str_from(text), &time_us))
        return text ? text : json_text(value, t->arena);
    return time_ago(time_us, t->now_us, t->arena);
}

const char *cell_text(const struct table *t, enum column_kind kind, const json_t *value)
{
    if (!value || json_is_null(value))
        return "-";
    if (kind == COLUMN_AGO)
        return ago_text(t, value);
    if (kind == COLUMN_MONEY && json_is_number(value))
        return money_text(value, t->arena);
    if (kind == COLUMN_TOOK && json_is_number(value))
        return took_text(json_number_value(value), t->arena);
    if (json_is_array(value))
        return list_text(value, t->arena);
    if (json_is_string(value))
        return json_string_value(value);
    if (json_is_boolean(value))
        return json_is_true(value) ? "yes" : "no";
    return json_text(value, t->arena);
}

static struct libscols_table *table_new(const struct table *t)
{
    struct libscols_table *tb = scols_new_table();
    BUG_ON(!tb);
    (void)scols_table_set_stream(tb, t->out);
    (void)scols_table_enable_colors(tb, t->terminal.colors);
    (void)scols_table_set_termforce(tb, t->terminal.is_tty ? SCOLS_TERMFORCE_ALWAYS
                                                           : SCOLS_TERMFORCE_NEVER);
    if (t->terminal.is_tty)
        (void)scols_table_set_termwidth(tb, t->terminal.width);
    (void)scols_table_set_column_separator(tb, "  ");
    return tb;
}

static void set_cell(struct libscols_line *line, size_t column, enum column_kind kind,
                     const char *text)
{
    BUG_ON(scols_line_set_data(line, column, text) != 0);
    const char *color = kind == COLUMN_STATE ? tone_sequence(tone_of_state(text)) : NULL;
    if (color)
        (void)scols_cell_set_color(scols_line_get_cell(line, column), color);
}

void table_print(const struct table *t, const struct column *columns, const json_t *rows)
{
    struct libscols_table *tb = table_new(t);
    for (const struct column *c = columns; c->key; c++) {
        bool right = c->kind == COLUMN_NUMBER || c->kind == COLUMN_MONEY || c->kind == COLUMN_TOOK;
        int flags = right ? SCOLS_FL_RIGHT : c->kind == COLUMN_LONG ? SCOLS_FL_TRUNC : 0;
        BUG_ON(!scols_table_new_column(tb, c->header, 0, flags));
    }
    size_t i;
    const json_t *row;
    json_array_foreach (rows, i, row) {
        struct libscols_line *line = scols_table_new_line(tb, NULL);
        BUG_ON(!line);
        for (size_t n = 0; columns[n].key; n++) {
            const json_t *value = json_at(row, columns[n].key);
            set_cell(line, n, columns[n].kind, cell_text(t, columns[n].kind, value));
        }
    }
    if (json_array_size(rows) > 0)
        (void)scols_print_table(tb);
    scols_unref_table(tb);
}

void card_print(const struct table *t, const struct column *columns, const json_t *object)
{
    struct libscols_table *tb = table_new(t);
    (void)scols_table_enable_noheadings(tb, 1);
    BUG_ON(!scols_table_new_column(tb, "NAME", 0, 0));
    BUG_ON(!scols_table_new_column(tb, "VALUE", 0, SCOLS_FL_WRAP));
    for (const struct column *c = columns; c->key; c++) {
        const json_t *value = json_at(object, c->key);
        if (!value || json_is_null(value))
            continue;
        struct libscols_line *line = scols_table_new_line(tb, NULL);
        BUG_ON(!line);
        set_cell(line, 0, COLUMN_TEXT, c->header);
        set_cell(line, 1, c->kind, cell_text(t, c->kind, value));
    }
    if (!scols_table_is_empty(tb))
        (void)scols_print_table(tb);
    scols_unref_table(tb);
}
