#include "domain/migration/postgres/rows.h"

#include "domain/migration/postgres/build.h"
#include "domain/migration/postgres/digest.h"
#include "domain/migration/postgres/target.h"
#include "domain/migration/postgres/team.h"

#include <inttypes.h>

#define TRIGGERS_MAX   1000
#define PART_PAGES_MIN ((int64_t)32 << 10) /* 256 MB: below, a part is not worth its session */
#define SHARE_BY_PAGES 5                   /* one row in so many: read the pages, not the index */
#define EXPLAIN_LINES  1000

/* How far a table is; under the lock of the copying while it runs. */
struct tally {
    const struct pg_table *table;
    int64_t rows_total; /* estimated, until all parts have ended */
    int64_t rows, bytes, parts_left;
};

struct part {
    struct tally *tally;
    size_t table;              /* in the catalog's order */
    int64_t first_page, pages; /* 0 pages: all of the table */
};

struct copying {
    const struct pg_move *m;
    const struct pg_catalog *source;
    const char *snapshot;
    bool exclusive;
    struct records builds;
    struct tally *tallies; /* by the catalog's order */
    struct part *parts;
    size_t part_count;
    pthread_mutex_t lock;
    struct arena arena;
};

/* -- what is copied --------------------------------------------------------------------------- */

/* Reference data of a shared target is its own. */
static bool is_copied(const struct copying *c, const struct pg_table *t)
{
    return pg_is_tenants(t) || c->exclusive;
}

enum err pg_estimate_rows(const struct pg_move *m, enum mover_side side, const struct pg_table *t,
                          int64_t *ret, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_rows lines;
    const char *where =
        pg_is_tenants(t) ? arena_printf(&arena, " WHERE %s = %s", m->column, m->tenant) : "";
    const char *sql = arena_printf(&arena, "EXPLAIN SELECT FROM %s%s", t->from, where);
    TRY(pg_query(m->at[side], sql, NULL, 0, EXPLAIN_LINES, &arena, &lines, e));
    /* "Index Only Scan using trips_pkey on trips  (cost=0.43..8.45 rows=1 width=0)" */
    const char *at = lines.count > 0 ? strstr(pg_cell(&lines, 0, 0), " rows=") : NULL;
    struct str rest = str_from(at ? at + strlen(" rows=") : "0");
    if (!str_to_i64(str_cut(&rest, ' '), ret))
        *ret = 0;
    return OK;
}

static enum err page_count(const struct copying *c, const struct pg_table *t, int64_t *ret,
                           struct error *e)
{
    const char *params[] = {arena_printf((struct arena *)&c->arena, "%" PRId64, t->oid)};
    return pg_get_int(c->m->at[SIDE_SOURCE],
                      "SELECT pg_relation_size($1::oid) / current_setting('block_size')::bigint",
                      params, 1, ret, e);
}

/*
 * Parts are ranges of pages, since every table has those. They pay when most of what is read is the
 * tenant's; an index finds the rows of a small tenant among many.
 */
static enum err count_parts(const struct copying *c, size_t i, int64_t *ret_parts,
                            int64_t *ret_pages, struct error *e)
{
    const struct pg_table *t = c->tallies[i].table;
    int64_t pages = 0, most = c->m->run->settings->streams;
    *ret_parts = 1;
    if (c->exclusive || t->partitioned || most < 2 ||
        c->tallies[i].rows_total < t->rows / SHARE_BY_PAGES)
        return OK;
    TRY(page_count(c, t, &pages, e));
    int64_t parts = pages / PART_PAGES_MIN;
    *ret_parts = parts < 1 ? 1 : parts > most ? most : parts;
    *ret_pages = pages;
    return OK;
}

static enum err add_parts(struct copying *c, size_t i, struct error *e)
{
    int64_t parts, pages = 0;
    TRY(count_parts(c, i, &parts, &pages, e));
    for (int64_t k = 0; k < parts; k++) {
        struct part *p = &c->parts[c->part_count++];
        *p = (struct part){.tally = &c->tallies[i], .table = i};
        p->tally->parts_left++;
        if (parts > 1) {
            p->first_page = pages / parts * k;
            /* The last goes on behind the end, where rows may be that came since. */
            p->pages = k + 1 < parts ? pages / parts : INT32_MAX;
        }
    }
    return OK;
}

static int larger_first(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    int64_t i = x->tally->rows_total * (1 + x->tally->table->bytes / (x->tally->table->rows + 1));
    int64_t j = y->tally->rows_total * (1 + y->tally->table->bytes / (y->tally->table->rows + 1));
    if (i != j)
        return i > j ? -1 : 1;
    return x->table != y->table ? (x->table < y->table ? -1 : 1) : 0;
}

static enum err plan(struct copying *c, struct error *e)
{
    const struct pg_table *tables = c->source->tables.items;
    size_t count = c->source->tables.count;
    size_t most = (size_t)(c->m->run->settings->streams > 0 ? c->m->run->settings->streams : 1);
    c->tallies = arena_new_array(&c->arena, count + 1, struct tally);
    c->parts = arena_new_array(&c->arena, count * most + 1, struct part);
    for (size_t i = 0; i < count; i++) {
        c->tallies[i].table = &tables[i];
        if (!is_copied(c, &tables[i]))
            continue;
        TRY(pg_estimate_rows(c->m, SIDE_SOURCE, &tables[i], &c->tallies[i].rows_total, e));
        TRY(add_parts(c, i, e));
    }
    qsort(c->parts, c->part_count, sizeof(*c->parts), larger_first);
    return OK;
}

/* -- foreign keys that come back early -------------------------------------------------------- */

static size_t place_of(const struct copying *c, const char *label)
{
    const struct pg_table *tables = c->source->tables.items;
    size_t i = 0;
    while (i < c->source->tables.count && !text_eq(tables[i].label, label))
        i++;
    return i;
}

/* Tables come after those that they refer to: what does not is in a circle, and waits. */
static bool is_early(const struct copying *c, const struct pg_build *b, size_t table)
{
    const struct pg_table *tables = c->source->tables.items;
    if (b->kind != PG_BUILD_FOREIGN_KEY || !text_eq(b->table, tables[table].label) ||
        tables[table].partitioned)
        return false;
    size_t other = place_of(c, b->refers_to);
    return other < table && !tables[other].partitioned;
}

/* With the team's lock held. */
static bool is_ready(void *ctx, const enum task_state *states, size_t task)
{
    const struct copying *c = ctx;
    const struct pg_build *builds = c->builds.items;
    for (size_t i = 0; i < c->builds.count; i++) {
        if (!is_early(c, &builds[i], c->parts[task].table))
            continue;
        for (size_t k = 0; k < c->part_count; k++) {
            if (text_eq(c->parts[k].tally->table->label, builds[i].refers_to) &&
                states[k] != TASK_DONE)
                return false;
        }
    }
    return true;
}

static bool is_referred_to(const struct copying *c, const struct pg_table *t)
{
    const struct pg_build *builds = c->builds.items;
    for (size_t i = 0; i < c->builds.count; i++) {
        if (text_eq(builds[i].refers_to, t->label) &&
            is_early(c, &builds[i], place_of(c, builds[i].table)))
            return true;
    }
    return false;
}

static enum err build_early_keys(struct copying *c, struct team *team, const struct part *p,
                                 struct pg_session *to, struct error *e)
{
    struct pg_build *builds = c->builds.items;
    if (!is_referred_to(c, p->tally->table))
        return OK;
    for (size_t i = 0; i < c->builds.count; i++) {
        if (builds[i].kind == PG_BUILD_KEY && text_eq(builds[i].table, p->tally->table->label))
            TRY(pg_build_one(team, to, &builds[i], e));
    }
    return OK;
}

/* In a transaction of its own: it locks the other table, which others refer to as well. */
static enum err add_early_foreign_keys(struct copying *c, struct team *team, const struct part *p,
                                       struct pg_session *to, struct error *e)
{
    struct pg_build *builds = c->builds.items;
    bool emptied = false;
    for (size_t i = 0; i < c->builds.count; i++) {
        if (!is_early(c, &builds[i], p->table))
            continue;
        if (!emptied)
            TRY(pg_runf(to, e, "TRUNCATE %s", p->tally->table->from));
        emptied = true;
        TRY(pg_build_one(team, to, &builds[i], e));
    }
    return OK;
}

/* -- one part --------------------------------------------------------------------------------- */

struct flow {
    struct copying *c;
    struct team *team;
    struct part *part;
    int64_t rows, bytes; /* told so far */
};

static void tell(struct flow *f, int64_t rows, int64_t bytes, bool ended)
{
    struct tally *t = f->part->tally;
    pthread_mutex_lock(&f->c->lock);
    t->rows += rows - f->rows;
    t->bytes += bytes - f->bytes;
    if (ended && --t->parts_left == 0)
        t->rows_total = t->rows;
    struct mover_progress progress = {
        .table = t->table->label,
        .rows_total = t->rows_total,
        .rows_done = t->rows,
        .bytes_done = t->bytes,
        .lag_bytes = INT_ABSENT,
    };
    pthread_mutex_unlock(&f->c->lock);
    f->rows = rows;
    f->bytes = bytes;
    team_note(f->team, &progress);
}

static enum err flow_on(void *ctx, int64_t rows, int64_t bytes, struct error *e)
{
    struct flow *f = ctx;
    tell(f, rows, bytes, false);
    return team_go_on(f->team, e);
}

static enum err stream_part(struct copying *c, struct team *team, struct part *p,
                            struct pg_session *const at[2], bool freeze, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const struct pg_table *t = p->tally->table;
    struct flow f = {.c = c, .team = team, .part = p};
    const char *pages = "";
    int64_t rows = 0, bytes = 0;
    if (p->pages > 0)
        pages = arena_printf(
            &arena, " AND ctid >= '(%" PRId64 ",0)'::tid AND ctid < '(%" PRId64 ",0)'::tid",
            p->first_page, p->pages == INT32_MAX ? UINT32_MAX - 1 : p->first_page + p->pages);
    /* A SELECT without columns has rows too, but COPY has no list for them. */
    if (t->column_list[0] == '\0')
        return OK;
    const char *out =
        arena_printf(&arena, "COPY (SELECT %s FROM %s WHERE %s%s) TO STDOUT (FORMAT binary)",
                     t->column_list, t->from, pg_whose(c->m, t, &arena), pages);
    const char *in = arena_printf(&arena, "COPY %s (%s) FROM STDIN (FORMAT binary%s)", t->sql,
                                  t->column_list, freeze ? ", FREEZE" : "");
    enum err err =
        pg_copy(at[SIDE_SOURCE], out, at[SIDE_TARGET], in, flow_on, &f, &rows, &bytes, e);
    if (err != OK)
        return error_prefix(e, "copying table %s", t->label);
    tell(&f, rows, bytes, true);
    return OK;
}

/* Triggers before rows keep COPY from writing many rows at a time, also those that do not fire. */
static const char triggers_sql[] =
    "SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass), pg_get_triggerdef(oid) ||"
    " CASE tgenabled WHEN 'O' THEN '' ELSE format('; ALTER TABLE %s %s TRIGGER %I',"
    "  tgrelid::regclass, CASE tgenabled WHEN 'R' THEN 'ENABLE REPLICA'"
    "  WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'DISABLE' END, tgname) END"
    " FROM pg_trigger WHERE tgrelid = $1::regclass AND NOT tgisinternal";

static enum err read_triggers(struct pg_session *to, const struct pg_table *t, struct arena *arena,
                              struct pg_rows *ret, struct error *e)
{
    const char *params[] = {t->sql};
    return pg_query(to, triggers_sql, params, 1, TRIGGERS_MAX, arena, ret, e);
}

static enum err run_all(struct pg_session *to, const struct pg_rows *rows, size_t column,
                        struct error *e)
{
    for (size_t i = 0; i < rows->count; i++)
        TRY(pg_run(to, pg_cell(rows, i, column), e));
    return OK;
}

/* In one transaction, which holds the table for itself: empty, without triggers; filled; as it was.
 */
static enum err fill_alone(struct copying *c, struct team *team, struct part *p,
                           struct pg_session *const at[2], struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const struct pg_table *t = p->tally->table;
    struct pg_session *to = at[SIDE_TARGET];
    struct pg_rows triggers = {0};
    TRY(pg_runf(to, e, "TRUNCATE %s", t->from));
    if (!t->partitioned) {
        TRY(read_triggers(to, t, &arena, &triggers, e));
        TRY(run_all(to, &triggers, 0, e));
    }
    TRY(stream_part(c, team, p, at, !t->partitioned, e));
    return run_all(to, &triggers, 1, e);
}

static enum err run_part(void *ctx, struct team *team, size_t task, struct pg_session *const at[2],
                         struct error *e)
{
    struct copying *c = ctx;
    struct part *p = &c->parts[task];
    struct pg_session *to = at[SIDE_TARGET];
    if (c->exclusive)
        TRY(add_early_foreign_keys(c, team, p, to, e));
    TRY(pg_run(to, "BEGIN", e));
    enum err err =
        c->exclusive ? fill_alone(c, team, p, at, e) : stream_part(c, team, p, at, false, e);
    if (err != OK)
        return err; /* with its session the transaction ends */
    TRY(pg_run(to, "COMMIT", e));
    if (!c->exclusive)
        return OK;
    TRY(pg_runf(to, e, "ANALYZE %s", p->tally->table->sql));
    return build_early_keys(c, team, p, to, e);
}

/*
 * The source is read as of the snapshot. What is written reaches the disk before the copy is said
 * to be done, not with each table; triggers and foreign keys do not fire for rows that are copied.
 */
static enum err begin_sessions(void *ctx, struct pg_session *const at[2], struct error *e)
{
    const struct copying *c = ctx;
    _cleanup_arena_ struct arena arena = {0};
    TRY(pg_runf(at[SIDE_SOURCE], e,
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT %s",
                pg_literal(&arena, c->snapshot)));
    TRY(pg_run(at[SIDE_TARGET],
               "SET synchronous_commit = off; SET session_replication_role = replica", e));
    return pg_build_begin(c->m, at[SIDE_TARGET], e);
}

/* -- the whole -------------------------------------------------------------------------------- */

/* A key that a view groups by stays, and is filled with the rows. */
static enum err drop(struct pg_session *to, struct pg_build *b, struct error *e)
{
    struct error local;
    struct error *why = e ? e : &local;
    enum err err = pg_run(to, b->drop_sql, why);
    if (err != OK && text_eq(pg_sqlstate(to), "2BP01")) /* dependent_objects_still_exist */
        return OK;
    if (err == OK)
        b->built = b->there = false;
    return err;
}

/* What an earlier run built, or left: foreign keys first. */
static enum err clear_exclusive(struct copying *c, struct error *e)
{
    struct pg_build *builds = c->builds.items;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < c->builds.count; i++) {
            bool foreign = builds[i].kind == PG_BUILD_FOREIGN_KEY;
            if (builds[i].built && foreign == (pass == 0))
                TRY(drop(c->m->at[SIDE_TARGET], &builds[i], e));
        }
    }
    return OK;
}

static enum err clear_shared(const struct copying *c, struct error *e)
{
    const struct pg_table *tables = c->source->tables.items;
    struct pg_session *to = c->m->at[SIDE_TARGET];
    TRY(pg_run(to, "SET session_replication_role = replica", e));
    enum err err = OK;
    for (size_t i = c->source->tables.count; err == OK && i > 0; i--) {
        if (pg_is_tenants(&tables[i - 1]))
            err = pg_runf(to, e, "DELETE FROM %s WHERE %s = %s", tables[i - 1].from, c->m->column,
                          c->m->tenant);
    }
    TRY(err);
    return pg_run(to, "RESET session_replication_role", e);
}

/* A commit that is waited for brings everything before it to the disk too. */
enum err pg_make_durable(const struct pg_move *m, struct error *e)
{
    return pg_run(m->at[SIDE_TARGET],
                  "SET synchronous_commit = on;"
                  "SELECT pg_logical_emit_message(true, 'webhost', 'durable')",
                  e);
}

static enum err copy_all(struct copying *c, int64_t *ret_rows, int64_t *ret_bytes, struct error *e)
{
    TRY(pg_target_builds(c->m, &c->arena, &c->exclusive, &c->builds, e));
    TRY(c->exclusive ? clear_exclusive(c, e) : clear_shared(c, e));
    TRY(plan(c, e));
    const struct team_work work = {
        .workers = (size_t)c->m->run->settings->streams,
        .tasks = c->part_count,
        .source = true,
        .begin = begin_sessions,
        .run = run_part,
        .ready = c->exclusive ? is_ready : NULL,
        .ctx = c,
    };
    TRY(team_run(c->m, &work, e));
    TRY(pg_make_durable(c->m, e));
    for (size_t i = 0; i < c->source->tables.count; i++) {
        *ret_rows += c->tallies[i].rows;
        *ret_bytes += c->tallies[i].bytes;
    }
    return OK;
}

enum err pg_rows_copy(const struct pg_move *m, const struct pg_catalog *source,
                      const char *snapshot, int64_t *ret_rows, int64_t *ret_bytes, struct error *e)
{
    struct copying c = {.m = m, .source = source, .snapshot = snapshot};
    int64_t rows = 0, bytes = 0;
    BUG_ON(pthread_mutex_init(&c.lock, NULL) != 0);
    enum err err = copy_all(&c, &rows, &bytes, e);
    (void)pthread_mutex_destroy(&c.lock);
    arena_release(&c.arena);
    TRY(err);
    *ret_rows = rows;
    *ret_bytes = bytes;
    return OK;
}
