#include "domain/migration/progress.h"

#include "move.sql.h"

#define WRITE_EVERY_US (300 * USEC_PER_MS)
#define HELD_MAX       32 /* tables that are held back; one more is a reason to write */
#define NAME_MAX_BYTES 256

/* -- recording --------------------------------------------------------------------------------- */

enum err move_step_failed(struct db_tx *tx, const struct move *move, const char *why,
                          struct error *e)
{
    return db_exec(tx, &move_step_error,
                   DB_ARGS(db_text(move->id), db_text(why), db_int(move->run)), NULL, e);
}

enum err move_record_survey(struct db_tx *tx, struct move *move, const char *mover,
                            const struct mover_survey *survey, struct error *e)
{
    const struct mover_table *tables = survey->tables.items;
    for (size_t i = 0; i < survey->tables.count; i++)
        TRY(db_exec(tx, &move_table_put,
                    DB_ARGS(db_text(move->id), db_text(tables[i].name), db_int(tables[i].reference),
                            db_int(tables[i].rows), db_int(tables[i].bytes)),
                    NULL, e));
    int64_t changes;
    TRY(db_exec(tx, &move_note_survey,
                DB_ARGS(db_text(move->id), db_int(move->run), db_text(mover),
                        db_text(survey->schema_sha256)),
                &changes, e));
    if (changes == 0)
        return error_set(e, ERR_CONFLICT, "another run has taken over migration %s", move->id);
    move->mover = mover;
    move->schema_sha256 = survey->schema_sha256;
    return OK;
}

/* -- showing ----------------------------------------------------------------------------------- */

struct step_row {
    const char *step;
    int64_t run, started_at, finished_at;
    const char *error;
};

const struct field move_step_fields[] = {
    {"step", FIELD_TEXT, offsetof(struct step_row, step), .required = true,
     .help = "the state that the move was in"},
    {"run", FIELD_INT, offsetof(struct step_row, run), .required = true,
     .help = "the worker's run that ended it, or has it"},
    {"started_at", FIELD_TIME, offsetof(struct step_row, started_at), .required = true,
     .help = "since when"},
    {"finished_at", FIELD_TIME, offsetof(struct step_row, finished_at),
     .help = "until when; null while it is in it"},
    {"error", FIELD_TEXT, offsetof(struct step_row, error), .help = "what went wrong last"},
    FIELD_END,
};

struct table_row {
    const char *name;
    bool reference;
    int64_t rows_total, bytes_total, rows_done, bytes_done;
};

const struct field move_table_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct table_row, name), .required = true, .help = "the table"},
    {"reference", FIELD_BOOL, offsetof(struct table_row, reference),
     .help = "whether it has no tenants: it is compared and not moved"},
    {"rows_total", FIELD_INT, offsetof(struct table_row, rows_total),
     .help = "the customer's rows, estimated before the copy"},
    {"bytes_total", FIELD_INT, offsetof(struct table_row, bytes_total),
     .help = "their size, where it is known"},
    {"rows_done", FIELD_INT, offsetof(struct table_row, rows_done), .required = true,
     .help = "rows that were copied"},
    {"bytes_done", FIELD_INT, offsetof(struct table_row, bytes_done), .required = true,
     .help = "bytes that were copied"},
    FIELD_END,
};

struct progress {
    int64_t rows_total, rows_done, bytes_done;
    int64_t rows_per_second; /* INT_ABSENT: nothing was copied yet */
    int64_t percent;
    int64_t eta_s; /* until the copy is done; INT_ABSENT: it cannot be told */
};

const struct field move_progress_fields[] = {
    {"rows_total", FIELD_INT, offsetof(struct progress, rows_total), .required = true,
     .help = "the customer's rows, estimated before the copy"},
    {"rows_done", FIELD_INT, offsetof(struct progress, rows_done), .required = true,
     .help = "rows that were copied"},
    {"bytes_done", FIELD_INT, offsetof(struct progress, bytes_done), .required = true,
     .help = "bytes that were copied"},
    {"percent", FIELD_INT, offsetof(struct progress, percent), .required = true,
     .help = "of the rows"},
    {"rows_per_second", FIELD_INT, offsetof(struct progress, rows_per_second),
     .help = "of the copy; null before it began"},
    {"eta_s", FIELD_INT, offsetof(struct progress, eta_s),
     .help = "until the copy is done; null when it cannot be told"},
    FIELD_END,
};

static const struct step_row *newest(const struct records *steps, const char *name)
{
    const struct step_row *rows = steps->items;
    for (size_t i = 0; i < steps->count; i++) {
        if (text_eq(rows[i].step, name))
            return &rows[i];
    }
    return NULL;
}

static struct progress sum_up(const struct records *tables, const struct records *steps,
                              int64_t now)
{
    struct progress p = {.rows_per_second = INT_ABSENT, .eta_s = INT_ABSENT};
    const struct table_row *rows = tables->items;
    for (size_t i = 0; i < tables->count; i++) {
        /* Estimates of rows are that; a table is never more than done. */
        int64_t total = rows[i].rows_total == INT_ABSENT ? 0 : rows[i].rows_total;
        p.rows_total += total > rows[i].rows_done ? total : rows[i].rows_done;
        p.rows_done += rows[i].rows_done;
        p.bytes_done += rows[i].bytes_done;
    }
    p.percent = p.rows_total > 0 ? p.rows_done * 100 / p.rows_total : 0;
    const struct step_row *copying = newest(steps, move_state_names[MOVE_COPYING]);
    if (!copying || p.rows_done == 0)
        return p;
    int64_t end = copying->finished_at == INT_ABSENT ? now : copying->finished_at;
    int64_t ms = (end - copying->started_at) / USEC_PER_MS;
    p.rows_per_second = p.rows_done * 1000 / (ms > 0 ? ms : 1);
    if (p.rows_per_second > 0)
        p.eta_s = copying->finished_at == INT_ABSENT
                      ? (p.rows_total - p.rows_done) / p.rows_per_second
                      : 0;
    return p;
}

/* They were read newest first and are shown oldest first. */
static json_t *steps_json(const struct records *steps)
{
    json_t *list = json_array();
    const struct step_row *rows = steps->items;
    for (size_t i = steps->count; i > 0; i--) {
        json_t *step = json_encode(move_step_fields, &rows[i - 1], JSON_KEEP_ABSENT);
        int64_t end = rows[i - 1].finished_at;
        (void)json_object_set_new(step, "took_us",
                                  end == INT_ABSENT ? json_null()
                                                    : json_integer(end - rows[i - 1].started_at));
        (void)json_array_append_new(list, step);
    }
    return list;
}

enum err move_detail_json(struct db_tx *tx, const struct env *env, const struct move *move,
                          struct arena *arena, json_t **ret, struct error *e)
{
    struct records steps, tables;
    struct db_value id = db_text(move->id);
    TRY(db_list(tx, &move_steps_of, DB_ARGS(id, db_int(MOVE_STEPS_MAX)), move_step_fields,
                sizeof(struct step_row), MOVE_STEPS_MAX, arena, &steps, e));
    TRY(db_list(tx, &move_tables_of, DB_ARGS(id, db_int(MOVE_TABLES_MAX)), move_table_fields,
                sizeof(struct table_row), MOVE_TABLES_MAX, arena, &tables, e));
    struct progress progress = sum_up(&tables, &steps, env_now(env));
    json_t *out = move_json(move);
    (void)json_object_set_new(out, "progress",
                              json_encode(move_progress_fields, &progress, JSON_KEEP_ABSENT));
    (void)json_object_set_new(
        out, "tables",
        json_encode_list(move_table_fields, tables, sizeof(struct table_row), JSON_KEEP_ABSENT));
    (void)json_object_set_new(out, "steps", steps_json(&steps));
    *ret = out;
    return OK;
}

/* -- the writer -------------------------------------------------------------------------------- */

struct held {
    char table[NAME_MAX_BYTES];
    int64_t rows_total, rows_done, bytes_done;
};

struct progress_writer {
    const struct env *env;
    const char *move_id;
    int64_t run;
    int64_t wrote_us; /* monotonic */
    bool changed;
    int64_t lag_bytes;
    char doing[NAME_MAX_BYTES]; /* "": not said */
    struct held held[HELD_MAX];
    size_t count;
};

struct progress_writer *progress_writer_new(const struct env *env, const char *move_id, int64_t run)
{
    struct progress_writer *w = calloc(1, sizeof(*w));
    BUG_ON(!w);
    w->env = env;
    w->move_id = move_id;
    w->run = run;
    w->lag_bytes = INT_ABSENT;
    return w;
}

void progress_writer_free(struct progress_writer *writer)
{
    free(writer);
}

static enum err write_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct progress_writer *w = arg;
    struct db_value id = db_text(w->move_id);
    int64_t changes;
    TRY(db_exec(
        tx, &move_note_progress,
        DB_ARGS(id, db_int(w->run), db_int(w->lag_bytes), db_text(w->doing[0] ? w->doing : NULL)),
        &changes, e));
    for (size_t i = 0; i < w->count && changes > 0; i++) {
        const struct held *h = &w->held[i];
        TRY(db_exec(tx, &move_table_progress,
                    DB_ARGS(id, db_text(h->table), db_int(h->rows_total), db_int(h->rows_done),
                            db_int(h->bytes_done)),
                    NULL, e));
    }
    return OK;
}

void progress_flush(struct progress_writer *w)
{
    struct error ignored;
    if (!w->changed)
        return;
    (void)db_write(w->env->db, write_work, w, &ignored);
    w->wrote_us = monotonic_us();
    w->changed = false;
    w->count = 0;
}

static struct held *hold(struct progress_writer *w, const char *table)
{
    for (size_t i = 0; i < w->count; i++) {
        if (text_eq(w->held[i].table, table))
            return &w->held[i];
    }
    if (w->count == HELD_MAX)
        progress_flush(w);
    struct held *h = &w->held[w->count++];
    (void)snprintf(h->table, sizeof(h->table), "%s", table);
    return h;
}

void progress_note(struct progress_writer *w, const struct mover_progress *progress)
{
    if (progress->table) {
        struct held *h = hold(w, progress->table);
        h->rows_total = progress->rows_total;
        h->rows_done = progress->rows_done;
        h->bytes_done = progress->bytes_done;
    }
    w->lag_bytes = progress->lag_bytes;
    if (progress->what)
        (void)snprintf(w->doing, sizeof(w->doing), "%s", progress->what);
    w->changed = true;
    if (monotonic_us() - w->wrote_us >= WRITE_EVERY_US)
        progress_flush(w);
}
