/*
 * One query for each kind of thing, all in the order of the tables' oids, put together here.
 *
 * Names that the catalogs' functions write are qualified, since a session's search_path is empty.
 */
#include "domain/migration/postgres/catalog.h"

#include "domain/migration/postgres/catalog_sql.h"
#include "infra/secrets/secret.h"

#define COLUMNS_MAX   200000
#define DETAILS_MAX   100000
#define HASH_TEXT_CAP ((size_t)64 << 20)

static int64_t number(const char *text)
{
    int64_t value = 0;
    return text && str_to_i64(str_from(text), &value) ? value : 0;
}

static bool is_true(const char *text)
{
    return text && text[0] == 't';
}

static const char *label_of(struct arena *arena, const char *schema, const char *name)
{
    return text_eq(schema, "public") ? arena_text(arena, name)
                                     : arena_printf(arena, "%s.%s", schema, name);
}

/* -- reading ---------------------------------------------------------------------------------- */

struct reading {
    struct pg_session *s;
    struct arena *arena;
    const char *tenant_column;
    struct pg_table *tables; /* by oid */
    size_t count;
};

static enum err list(struct reading *r, const char *sql, size_t max, struct pg_rows *ret,
                     struct error *e)
{
    return pg_query(r->s, sql, NULL, 0, max, r->arena, ret, e);
}

static enum err read_tables(struct reading *r, struct error *e)
{
    struct pg_rows rows;
    const char *params[] = {r->tenant_column};
    TRY(pg_query(r->s, catalog_tables_sql, params, 1, PG_TABLES_MAX, r->arena, &rows, e));
    r->count = rows.count;
    r->tables = arena_new_array(r->arena, rows.count + 1, struct pg_table);
    for (size_t i = 0; i < rows.count; i++) {
        struct pg_table *t = &r->tables[i];
        t->oid = number(pg_cell(&rows, i, 0));
        t->schema = pg_cell(&rows, i, 1);
        t->name = pg_cell(&rows, i, 2);
        t->partitioned = pg_cell(&rows, i, 3)[0] == 'p';
        t->persistence = pg_cell(&rows, i, 4)[0];
        t->replica_identity = pg_cell(&rows, i, 5)[0];
        t->tenant_type = pg_cell(&rows, i, 6);
        t->rows = number(pg_cell(&rows, i, 7));
        t->bytes = number(pg_cell(&rows, i, 8));
        t->sent_by = pg_cell(&rows, i, 9)[0];
        t->label = label_of(r->arena, t->schema, t->name);
        t->sql = arena_printf(r->arena, "%s.%s", pg_name(r->arena, t->schema),
                              pg_name(r->arena, t->name));
        t->from = arena_printf(r->arena, "%s%s", t->partitioned ? "" : "ONLY ", t->sql);
    }
    return OK;
}

/*
 * The rows from `*at` on whose first column is this oid: returns how many, and leaves `*at` behind
 * them. Rows of tables that came in between two queries are passed over.
 */
static size_t rows_of(const struct pg_rows *rows, int64_t oid, size_t *at, size_t *ret_first)
{
    while (*at < rows->count && number(pg_cell(rows, *at, 0)) < oid)
        ++*at;
    *ret_first = *at;
    while (*at < rows->count && number(pg_cell(rows, *at, 0)) == oid)
        ++*at;
    return *at - *ret_first;
}

static enum err read_columns(struct reading *r, struct error *e)
{
    struct pg_rows rows;
    size_t at = 0, first;
    TRY(list(r, catalog_columns_sql, COLUMNS_MAX, &rows, e));
    for (struct pg_table *t = r->tables; t < r->tables + r->count; t++) {
        size_t n = rows_of(&rows, t->oid, &at, &first);
        struct pg_column *columns = arena_new_array(r->arena, n + 1, struct pg_column);
        _cleanup_buf_ struct buf text = BUF_INIT(HASH_TEXT_CAP);
        for (size_t i = 0; i < n; i++) {
            struct pg_column *c = &columns[i];
            c->name = pg_cell(&rows, first + i, 1);
            c->type = pg_cell(&rows, first + i, 2);
            c->not_null = is_true(pg_cell(&rows, first + i, 3));
            c->generated = is_true(pg_cell(&rows, first + i, 4));
            c->identity = is_true(pg_cell(&rows, first + i, 5));
            c->expression = pg_cell(&rows, first + i, 6);
            if (!c->generated)
                (void)buf_printf(&text, "%s%s", text.len > 0 ? ", " : "",
                                 pg_name(r->arena, c->name));
        }
        t->columns = (struct records){columns, n};
        t->column_list = arena_text(r->arena, buf_text(&text));
    }
    return OK;
}

/* Texts in the first column behind the oid. */
static enum err read_texts(struct reading *r, const char *sql, size_t offset, struct error *e)
{
    struct pg_rows rows;
    size_t at = 0, first;
    TRY(list(r, sql, COLUMNS_MAX, &rows, e));
    for (size_t k = 0; k < r->count; k++) {
        size_t n = rows_of(&rows, r->tables[k].oid, &at, &first);
        struct texts *texts = (void *)((char *)&r->tables[k] + offset);
        texts->items = arena_new_array(r->arena, n + 1, const char *);
        texts->count = n;
        for (size_t i = 0; i < n; i++)
            texts->items[i] = pg_cell(&rows, first + i, 1);
    }
    return OK;
}

static enum err read_indexes(struct reading *r, struct error *e)
{
    struct pg_rows rows;
    size_t at = 0, first;
    TRY(list(r, catalog_indexes_sql, DETAILS_MAX, &rows, e));
    for (struct pg_table *t = r->tables; t < r->tables + r->count; t++) {
        size_t n = rows_of(&rows, t->oid, &at, &first);
        struct pg_index *indexes = arena_new_array(r->arena, n + 1, struct pg_index);
        for (size_t i = 0; i < n; i++) {
            struct pg_index *x = &indexes[i];
            x->schema = pg_cell(&rows, first + i, 1);
            x->name = pg_cell(&rows, first + i, 2);
            x->definition = pg_cell(&rows, first + i, 3);
            x->constraint = pg_cell(&rows, first + i, 4);
            x->primary = is_true(pg_cell(&rows, first + i, 5));
        }
        t->indexes = (struct records){indexes, n};
    }
    return OK;
}

static enum err read_foreign_keys(struct reading *r, struct error *e)
{
    struct pg_rows rows;
    size_t at = 0, first;
    TRY(list(r, catalog_foreign_keys_sql, DETAILS_MAX, &rows, e));
    for (struct pg_table *t = r->tables; t < r->tables + r->count; t++) {
        size_t n = rows_of(&rows, t->oid, &at, &first);
        struct pg_foreign_key *keys = arena_new_array(r->arena, n + 1, struct pg_foreign_key);
        for (size_t i = 0; i < n; i++) {
            keys[i].name = pg_cell(&rows, first + i, 1);
            keys[i].definition = pg_cell(&rows, first + i, 2);
            keys[i].refers_to =
                label_of(r->arena, pg_cell(&rows, first + i, 3), pg_cell(&rows, first + i, 4));
        }
        t->foreign_keys = (struct records){keys, n};
    }
    return OK;
}

static enum err read_sequences(struct reading *r, struct records *ret, struct error *e)
{
    struct pg_rows rows;
    TRY(list(r, catalog_sequences_sql, DETAILS_MAX, &rows, e));
    struct pg_sequence *sequences = arena_new_array(r->arena, rows.count + 1, struct pg_sequence);
    for (size_t i = 0; i < rows.count; i++) {
        struct pg_sequence *q = &sequences[i];
        const char *schema = pg_cell(&rows, i, 0), *name = pg_cell(&rows, i, 1);
        q->label = label_of(r->arena, schema, name);
        q->sql =
            arena_printf(r->arena, "%s.%s", pg_name(r->arena, schema), pg_name(r->arena, name));
        if (pg_cell(&rows, i, 2))
            q->owner_table =
                arena_printf(r->arena, "%s.%s", pg_name(r->arena, pg_cell(&rows, i, 2)),
                             pg_name(r->arena, pg_cell(&rows, i, 3)));
        q->increment = number(pg_cell(&rows, i, 4));
        q->min = number(pg_cell(&rows, i, 5));
        q->max = number(pg_cell(&rows, i, 6));
        q->type = pg_cell(&rows, i, 7);
    }
    *ret = (struct records){sequences, rows.count};
    return OK;
}

/* -- putting together ------------------------------------------------------------------------- */

static int by_label(const void *a, const void *b)
{
    return strcmp(((const struct pg_table *)a)->label, ((const struct pg_table *)b)->label);
}

/* In a table that is sorted by label. */
static const struct pg_table *find(const struct pg_table *tables, size_t count, const char *label)
{
    const struct pg_table key = {.label = label};
    return count == 0 ? NULL : bsearch(&key, tables, count, sizeof(*tables), by_label);
}

enum mark { NEW, OPEN, DONE };

struct ordering {
    const struct pg_table *tables; /* by label */
    size_t count, done;
    enum mark *marks;
    struct pg_table *out;
};

/* Those that a table refers to come first; in a circle, the one where it was entered is last. */
static void place(struct ordering *o, const struct pg_table *t)
{
    enum mark *mark = &o->marks[t - o->tables];
    if (*mark != NEW)
        return;
    *mark = OPEN;
    const struct pg_foreign_key *keys = t->foreign_keys.items;
    for (size_t i = 0; i < t->foreign_keys.count; i++) {
        const struct pg_table *other = find(o->tables, o->count, keys[i].refers_to);
        if (other)
            place(o, other);
    }
    *mark = DONE;
    o->out[o->done++] = *t;
}

static struct records in_order(struct arena *arena, const struct pg_table *tables, size_t count)
{
    struct ordering o = {.tables = tables, .count = count};
    o.marks = arena_new_array(arena, count + 1, enum mark);
    o.out = arena_new_array(arena, count + 1, struct pg_table);
    for (size_t i = 0; i < count; i++)
        place(&o, &tables[i]);
    return (struct records){o.out, count};
}

/* One line for each thing; what a text holds cannot look like the end of it. */
static void add(struct buf *b, const char *kind, const char *const *texts, size_t count)
{
    (void)buf_append_text(b, kind);
    for (size_t i = 0; i < count; i++)
        (void)buf_printf(b, " %zu:%s", texts[i] ? strlen(texts[i]) : 0, texts[i] ? texts[i] : "-");
    (void)buf_append_char(b, '\n');
}

#define ADD(b, kind, ...)                                                                          \
    add((b), (kind), (const char *const[]){__VA_ARGS__},                                           \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void describe_table(struct buf *b, const struct pg_table *t)
{
    const struct pg_column *columns = t->columns.items;
    const struct pg_index *indexes = t->indexes.items;
    const struct pg_foreign_key *keys = t->foreign_keys.items;
    const char how[] = {t->partitioned ? 'p' : 'r', t->persistence, t->replica_identity, '\0'};
    ADD(b, "table", t->schema, t->name, how);
    for (size_t i = 0; i < t->columns.count; i++) {
        const struct pg_column *c = &columns[i];
        ADD(b, "column", c->name, c->type, c->not_null ? "not null" : "",
            c->generated  ? "generated"
            : c->identity ? "identity"
                          : "",
            c->expression);
    }
    add(b, "key", t->key.items, t->key.count);
    for (size_t i = 0; i < t->indexes.count; i++)
        ADD(b, "index", indexes[i].definition, indexes[i].constraint);
    for (size_t i = 0; i < t->foreign_keys.count; i++)
        ADD(b, "foreign key", keys[i].name, keys[i].definition);
    add(b, "rules", t->rules.items, t->rules.count);
}

static const char *hash_of(struct arena *arena, const char *text)
{
    char hex[HASH_TEXT_MAX];
    return arena_text(arena, sha256_hex(str_from(text), hex));
}

static enum err describe(const struct pg_table *by_name, size_t count,
                         const struct records *sequences, struct arena *arena, const char **ret,
                         struct error *e)
{
    _cleanup_buf_ struct buf b = BUF_INIT(HASH_TEXT_CAP);
    const struct pg_sequence *q = sequences->items;
    for (size_t i = 0; i < count; i++)
        describe_table(&b, &by_name[i]);
    for (size_t i = 0; i < sequences->count; i++) {
        (void)buf_printf(&b, "%lld %lld %lld ", (long long)q[i].increment, (long long)q[i].min,
                         (long long)q[i].max);
        ADD(&b, "sequence", q[i].sql, q[i].owner_table, q[i].type);
    }
    if (buf_is_full(&b))
        return error_set(e, ERR_TOO_LARGE, "the schema has more text than %zu MB",
                         HASH_TEXT_CAP >> 20);
    *ret = hash_of(arena, buf_text(&b));
    return OK;
}

enum err pg_catalog_read(struct pg_session *s, const char *tenant_column, struct arena *arena,
                         struct pg_catalog *ret, struct error *e)
{
    struct reading r = {.s = s, .arena = arena, .tenant_column = tenant_column};
    struct pg_catalog c = {0};
    TRY(read_tables(&r, e));
    TRY(read_columns(&r, e));
    TRY(read_texts(&r, catalog_keys_sql, offsetof(struct pg_table, key), e));
    TRY(read_texts(&r, catalog_rules_sql, offsetof(struct pg_table, rules), e));
    TRY(read_indexes(&r, e));
    TRY(read_foreign_keys(&r, e));
    TRY(read_sequences(&r, &c.sequences, e));
    qsort(r.tables, r.count, sizeof(*r.tables), by_label);
    TRY(describe(r.tables, r.count, &c.sequences, arena, &c.sha256, e));
    c.tables = in_order(arena, r.tables, r.count);
    *ret = c;
    return OK;
}

const struct pg_table *pg_catalog_table(const struct pg_catalog *c, const char *label)
{
    const struct pg_table *tables = c->tables.items;
    for (size_t i = 0; i < c->tables.count; i++) {
        if (text_eq(tables[i].label, label))
            return &tables[i];
    }
    return NULL;
}

/* -- DDL during a move ------------------------------------------------------------------------ */

bool pg_tables_equal(const struct pg_table *a, const struct pg_table *b)
{
    _cleanup_buf_ struct buf one = BUF_INIT(HASH_TEXT_CAP), other = BUF_INIT(HASH_TEXT_CAP);
    describe_table(&one, a);
    describe_table(&other, b);
    return text_eq(buf_text(&one), buf_text(&other));
}

/* What a person recognises; NULL when no table tells the difference. */
static const char *first_difference(const struct pg_catalog *before, const struct pg_catalog *now,
                                    struct arena *arena)
{
    const struct pg_table *old = before->tables.items, *new = now->tables.items;
    for (size_t i = 0; i < before->tables.count; i++) {
        const struct pg_table *t = pg_catalog_table(now, old[i].label);
        if (!t)
            return arena_printf(arena, "table %s is gone or renamed", old[i].label);
        if (!pg_tables_equal(&old[i], t))
            return arena_printf(arena, "table %s was altered", old[i].label);
    }
    for (size_t i = 0; i < now->tables.count; i++) {
        if (!pg_catalog_table(before, new[i].label))
            return arena_printf(arena, "table %s is new", new[i].label);
    }
    return NULL;
}

enum err pg_catalog_check(struct pg_session *s, const char *tenant_column, const char *sha256,
                          const struct pg_catalog *before, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_catalog now;
    TRY(pg_catalog_read(s, tenant_column, &arena, &now, e));
    if (text_eq(now.sha256, sha256))
        return OK;
    const char *what = before ? first_difference(before, &now, &arena) : NULL;
    return error_set(e, ERR_CONFLICT,
                     "the schema was changed during the move (%s): DDL is not replicated, so undo "
                     "the move, and start it again when the schema is at rest",
                     what ? what : "its sequences, or a table");
}
