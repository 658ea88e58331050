/*
 * Running statements and reading their rows: what db.h offers inside a transaction, over the
 * functions of an engine.
 */
#include "infra/db/driver.h"
#include "infra/db/list.h"

#include <inttypes.h>

enum { COLUMNS_MAX = 64 };

static enum err read_rows(struct db_tx *tx, db_row_taker *fn, void *context, struct error *e)
{
    const struct db_driver *driver = tx->db->driver;
    bool stop = false;
    while (!stop) {
        bool row;
        enum err rc = driver->next(tx, &row, &tx->failure);
        if (rc != OK)
            return error_set(e, rc, "%s", tx->failure.text);
        if (!row)
            return OK;
        if (fn)
            TRY(fn(tx, context, &stop, e));
    }
    return OK;
}

/* Every statement that is waited for goes through here. `e` may be NULL. */
static enum err run_with(struct db_tx *tx, const struct db_query *query, const struct db_params *p,
                         db_row_taker *fn, void *context, int64_t *ret_changes, struct error *e)
{
    BUG_ON(p->shared.count + p->width != query->params);
    BUG_ON(tx->running); /* a row function used its transaction */
    if (tx->failure.code != OK)
        return error_set(e, tx->failure.code, "%s", tx->failure.text);

    const struct db_driver *driver = tx->db->driver;
    tx->running = query;
    enum err rc = driver->start(tx, query, p, &tx->failure);
    rc = rc == OK ? read_rows(tx, fn, context, e) : error_set(e, rc, "%s", tx->failure.text);

    int64_t changes;
    struct error finish_error = {.code = OK};
    enum err finished = driver->finish(tx, &changes, &finish_error);
    tx->running = NULL;
    if (finished != OK && tx->failure.code == OK)
        tx->failure = finish_error;
    if (rc == OK && finished != OK)
        rc = error_set(e, finished, "%s", finish_error.text);
    if (rc == OK && ret_changes)
        *ret_changes = changes;
    return rc;
}

static enum err run(struct db_tx *tx, const struct db_query *query, struct db_args args,
                    db_row_taker *fn, void *context, int64_t *ret_changes, struct error *e)
{
    const struct db_params p = {.shared = args};
    return run_with(tx, query, &p, fn, context, ret_changes, e);
}

enum err db_exec_rows(struct db_tx *tx, const struct db_query *query, struct db_args shared,
                      const struct db_value *rows, size_t width, size_t count, int64_t *ret_changes,
                      struct error *e)
{
    const struct db_params p = {shared, rows, width, count};
    if (count > 0)
        return run_with(tx, query, &p, NULL, NULL, ret_changes, e);
    if (ret_changes)
        *ret_changes = 0;
    return OK;
}

enum err db_exec(struct db_tx *tx, const struct db_query *query, struct db_args args,
                 int64_t *ret_changes, struct error *e)
{
    return run(tx, query, args, NULL, NULL, ret_changes, e);
}

/* -- records -------------------------------------------------------------------------------- */

/* A column's value in the field's type. Read first and stored together, so that a record is whole
 * or untouched. */
struct cell {
    const struct field *field;
    int64_t number;
    const char *text;
    struct texts list;
};

struct row_reader {
    const struct field *fields;
    struct arena *arena;
    const struct field *plan[COLUMNS_MAX]; /* the field of each column */
    size_t columns;                        /* 0 until the first row */
};

static void plan_columns(struct db_tx *tx, struct row_reader *r)
{
    const struct db_driver *driver = tx->db->driver;
    r->columns = driver->column_count(tx);
    BUG_ON(r->columns == 0 || r->columns > COLUMNS_MAX);
    for (size_t i = 0; i < r->columns; i++) {
        const char *name = driver->column_name(tx, i);
        r->plan[i] = record_field(r->fields, str_from(name));
        if (!r->plan[i]) {
            char what[200];
            (void)snprintf(what, sizeof(what), "%s: column %s without a field", tx->running->name,
                           name);
            bug(__FILE__, __LINE__, what);
        }
    }
}

static enum err wrong_value(const struct db_tx *tx, const struct field *f, struct db_value v,
                            const char *wanted, struct error *e)
{
    char number[32];
    (void)snprintf(number, sizeof(number), "%" PRId64, v.number);
    return error_set(e, ERR_CORRUPT, "%s: the database holds %s = '%.100s', which is not %s",
                     tx->running->name, f->name, v.type == DB_TEXT ? v.text : number, wanted);
}

static enum err read_number(const struct db_tx *tx, const struct field *f, struct db_value v,
                            struct cell *ret_cell, struct error *e)
{
    if (v.type != DB_INT)
        return wrong_value(tx, f, v, "a whole number", e);
    if (f->type == FIELD_BOOL && v.number != 0 && v.number != 1)
        return wrong_value(tx, f, v, "0 or 1", e);
    ret_cell->number = v.number;
    return OK;
}

static enum err read_text(const struct db_tx *tx, const struct field *f, struct db_value v,
                          struct arena *arena, struct cell *ret_cell, struct error *e)
{
    if (v.type != DB_TEXT)
        return wrong_value(tx, f, v, "text", e);
    if (f->type == FIELD_ENUM) {
        ret_cell->number = enum_from_text(f->names, str_from(v.text));
        return ret_cell->number >= 0 ? OK : wrong_value(tx, f, v, "a value known here", e);
    }
    if (f->type == FIELD_TEXTS) {
        if (!db_texts_parse(str_from(v.text), arena, &ret_cell->list))
            return wrong_value(tx, f, v, "a JSON list of texts", e);
        return OK;
    }
    ret_cell->text = arena_text(arena, v.text);
    return OK;
}

static enum err read_cell(const struct db_tx *tx, const struct field *f, struct db_value v,
                          struct arena *arena, struct cell *ret_cell, struct error *e)
{
    *ret_cell = (struct cell){.field = f};
    if (v.type == DB_NULL) {
        ret_cell->field = NULL; /* stays absent */
        return OK;
    }
    switch (f->type) {
    case FIELD_INT:
    case FIELD_DECIMAL:
    case FIELD_TIME:
    case FIELD_BOOL:
        return read_number(tx, f, v, ret_cell, e);
    case FIELD_TEXT:
    case FIELD_JSON:
    case FIELD_ENUM:
    case FIELD_TEXTS:
        return read_text(tx, f, v, arena, ret_cell, e);
    case FIELD_OBJECT:
    case FIELD_OBJECTS:
    case FIELD_LAST:
        break;
    }
    BUG_ON(true); /* no column holds this type */
}

static void store_cell(const struct cell *cell, void *record)
{
    if (!cell->field)
        return;
    void *at = record_at(record, cell->field);
    switch (cell->field->type) {
    case FIELD_BOOL:
        *(bool *)at = cell->number != 0;
        return;
    case FIELD_ENUM:
        *(int *)at = (int)cell->number;
        return;
    case FIELD_TEXT:
    case FIELD_JSON:
        *(const char **)at = cell->text;
        return;
    case FIELD_TEXTS:
        *(struct texts *)at = cell->list;
        return;
    default:
        *(int64_t *)at = cell->number;
        return;
    }
}

static enum err read_record(struct db_tx *tx, struct row_reader *r, void *record, struct error *e)
{
    if (r->columns == 0)
        plan_columns(tx, r);
    struct cell cells[COLUMNS_MAX];
    for (size_t i = 0; i < r->columns; i++) {
        struct db_value value = tx->db->driver->column_value(tx, i);
        TRY(read_cell(tx, r->plan[i], value, r->arena, &cells[i], e));
    }
    record_clear(r->fields, record);
    for (size_t i = 0; i < r->columns; i++)
        store_cell(&cells[i], record);
    return OK;
}

struct get_context {
    struct row_reader reader;
    void *record;
    bool found;
};

static enum err get_row(struct db_tx *tx, void *context, bool *stop, struct error *e)
{
    struct get_context *get = context;
    TRY(read_record(tx, &get->reader, get->record, e));
    get->found = true;
    *stop = true;
    return OK;
}

enum err db_get(struct db_tx *tx, const struct db_query *query, struct db_args args,
                const struct field *fields, struct arena *arena, void *ret_row, struct error *e)
{
    struct get_context get = {{.fields = fields, .arena = arena}, ret_row, false};
    TRY(run(tx, query, args, get_row, &get, NULL, e));
    return get.found ? OK : error_set(e, ERR_NOT_FOUND, "%s: no such row", query->name);
}

/* What was read so far stands in `*ret_rows`. */
struct list_context {
    struct row_reader reader;
    size_t row_size, capacity, max;
    struct records *ret_rows;
};

static enum err list_row(struct db_tx *tx, void *context, bool *stop, struct error *e)
{
    (void)stop;
    struct list_context *list = context;
    struct records *read = list->ret_rows;
    if (read->count == list->max)
        return error_set(e, ERR_TOO_LARGE, "%s: more than %zu rows; narrow the question",
                         tx->running->name, list->max);
    if (read->count == list->capacity) {
        size_t capacity = list->capacity * 2;
        char *rows = arena_alloc_array(list->reader.arena, capacity, list->row_size);
        memcpy(rows, read->items, read->count * list->row_size);
        read->items = rows;
        list->capacity = capacity;
    }
    char *row = (char *)read->items + read->count * list->row_size;
    TRY(read_record(tx, &list->reader, row, e));
    read->count++;
    return OK;
}

static struct list_context list_start(const struct field *fields, size_t row_size, size_t max,
                                      struct arena *arena, struct records *ret_rows)
{
    enum { FIRST_CAPACITY = 16 };
    *ret_rows = (struct records){arena_alloc_array(arena, FIRST_CAPACITY, row_size), 0};
    return (struct list_context){
        .reader = {.fields = fields, .arena = arena},
        .row_size = row_size,
        .capacity = FIRST_CAPACITY,
        .max = max,
        .ret_rows = ret_rows,
    };
}

enum err db_list(struct db_tx *tx, const struct db_query *query, struct db_args args,
                 const struct field *fields, size_t row_size, size_t max, struct arena *arena,
                 struct records *ret_rows, struct error *e)
{
    struct records rows;
    struct list_context list = list_start(fields, row_size, max, arena, &rows);
    TRY(run(tx, query, args, list_row, &list, NULL, e));
    *ret_rows = rows;
    return OK;
}

enum err db_list_rows(struct db_tx *tx, const struct db_query *query, struct db_args shared,
                      const struct db_value *values, size_t width, size_t count,
                      const struct field *fields, size_t row_size, struct arena *arena,
                      struct records *ret_rows, struct error *e)
{
    struct records rows;
    struct list_context list = list_start(fields, row_size, count, arena, &rows);
    const struct db_params p = {shared, values, width, count};
    if (count > 0)
        TRY(run_with(tx, query, &p, list_row, &list, NULL, e));
    *ret_rows = rows;
    return OK;
}

/* -- single values -------------------------------------------------------------------------- */

static enum err int_row(struct db_tx *tx, void *context, bool *stop, struct error *e)
{
    static const struct field column = {.name = "the first column", .type = FIELD_INT};
    *stop = true;
    struct cell cell;
    TRY(read_cell(tx, &column, tx->db->driver->column_value(tx, 0), NULL, &cell, e));
    if (cell.field)
        *(int64_t *)context = cell.number;
    return OK;
}

enum err db_get_int(struct db_tx *tx, const struct db_query *query, struct db_args args,
                    int64_t *ret_value, struct error *e)
{
    int64_t value = INT_ABSENT;
    TRY(run(tx, query, args, int_row, &value, NULL, e));
    *ret_value = value;
    return OK;
}

struct text_context {
    struct arena *arena;
    const char *text;
};

static enum err text_row(struct db_tx *tx, void *context, bool *stop, struct error *e)
{
    static const struct field column = {.name = "the first column", .type = FIELD_TEXT};
    *stop = true;
    struct text_context *get = context;
    struct cell cell;
    TRY(read_cell(tx, &column, tx->db->driver->column_value(tx, 0), get->arena, &cell, e));
    get->text = cell.text;
    return OK;
}

enum err db_get_text(struct db_tx *tx, const struct db_query *query, struct db_args args,
                     struct arena *arena, const char **ret_value, struct error *e)
{
    struct text_context get = {.arena = arena};
    TRY(run(tx, query, args, text_row, &get, NULL, e));
    *ret_value = get.text;
    return OK;
}

/* -- statements that are not waited for ------------------------------------------------------- */

/* Any failure is left in the transaction. */
static void post(struct db_tx *tx, const struct db_query *query, const struct db_params *p,
                 struct db_answer answer)
{
    const struct db_driver *driver = tx->db->driver;
    if (tx->failure.code != OK)
        return;
    if (driver->post) {
        BUG_ON(p->shared.count + p->width != query->params);
        BUG_ON(tx->running);
        driver->post(tx, query, p, answer, &tx->failure);
        return;
    }
    struct error e;
    enum err rc = run_with(tx, query, p, answer.row, answer.context, answer.ret_changes, &e);
    if (rc != OK)
        tx->failure = e;
}

void db_post(struct db_tx *tx, const struct db_query *query, struct db_args args,
             int64_t *ret_changes)
{
    const struct db_params p = {.shared = args};
    post(tx, query, &p, (struct db_answer){.ret_changes = ret_changes});
}

void db_post_rows(struct db_tx *tx, const struct db_query *query, struct db_args shared,
                  const struct db_value *rows, size_t width, size_t count, int64_t *ret_changes)
{
    const struct db_params p = {shared, rows, width, count};
    if (count > 0)
        post(tx, query, &p, (struct db_answer){.ret_changes = ret_changes});
    else if (ret_changes)
        *ret_changes = 0;
}

void db_post_list(struct db_tx *tx, const struct db_query *query, struct db_args args,
                  const struct field *fields, size_t row_size, size_t max, struct arena *arena,
                  struct records *ret_rows)
{
    struct list_context *list = arena_new(arena, struct list_context);
    *list = list_start(fields, row_size, max, arena, ret_rows);
    const struct db_params p = {.shared = args};
    post(tx, query, &p, (struct db_answer){.row = list_row, .context = list});
}

enum err db_settle(struct db_tx *tx, struct error *e)
{
    const struct db_driver *driver = tx->db->driver;
    BUG_ON(tx->running);
    if (driver->settle && tx->failure.code == OK)
        driver->settle(tx, &tx->failure);
    if (tx->failure.code != OK)
        return error_set(e, tx->failure.code, "%s", tx->failure.text);
    return OK;
}

/* -- every row ------------------------------------------------------------------------------ */

struct each_context {
    db_row_fn *fn;
    void *arg;
};

static enum err each_row(struct db_tx *tx, void *context, bool *stop, struct error *e)
{
    (void)stop;
    const struct each_context *each = context;
    struct db_value values[COLUMNS_MAX];
    size_t count = tx->db->driver->column_count(tx);
    BUG_ON(count > COLUMNS_MAX);
    for (size_t i = 0; i < count; i++)
        values[i] = tx->db->driver->column_value(tx, i);
    return each->fn(values, count, each->arg, e);
}

enum err db_each(struct db_tx *tx, const struct db_query *query, struct db_args args, db_row_fn *fn,
                 void *arg, struct error *e)
{
    struct each_context each = {fn, arg};
    return run(tx, query, args, each_row, &each, NULL, e);
}

enum err db_prepare_check(struct db_tx *tx, const struct db_query *query, struct error *e)
{
    BUG_ON(tx->running);
    if (tx->failure.code == OK)
        tx->db->driver->prepare(tx, query, &tx->failure);
    if (tx->failure.code != OK)
        return error_set(e, tx->failure.code, "%s", tx->failure.text);
    return OK;
}
