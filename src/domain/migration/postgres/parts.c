#include "domain/migration/postgres/parts.h"

#include "domain/migration/postgres/fence.h"

#include <inttypes.h>
#include <poll.h>

#define STATEMENT_TIMEOUT_MS (10 * 60 * 1000)
#define LOCK_TIMEOUT_MS      200
#define DDL_TRIES            60
#define DDL_PAUSE_MS         50
#define DDL_PAUSE_MAX_MS     2000

const char *pg_side_name(enum mover_side side)
{
    return side == SIDE_SOURCE ? "source" : "target";
}

/* The id without dashes. */
static const char *tag_of(const char *id, struct arena *arena)
{
    char *tag = arena_text(arena, id), *out = tag;
    for (const char *at = id; *at; at++) {
        if (*at != '-')
            *out++ = *at;
    }
    *out = '\0';
    return tag;
}

static const char *session_name(const struct mover_run *run, const char *tag, const char *role,
                                struct arena *arena)
{
    return arena_printf(arena, "webhost %s %s %" PRId64, role, tag, run->run);
}

static enum err open_session(const struct pg_move *m, enum mover_side side, const char *name,
                             struct pg_session **ret, struct error *e)
{
    const struct pg_options options = {
        .url = m->url[side],
        .name = name,
        .settings = "SET synchronous_commit = on; SET idle_in_transaction_session_timeout = 0",
        .timeout_ms = STATEMENT_TIMEOUT_MS,
    };
    TRY(pg_open(&options, ret, e));
    pg_set_watch(*ret, m->run->go_on, m->run->ctx);
    return OK;
}

enum err pg_move_session(const struct pg_move *m, enum mover_side side, const char *role,
                         struct pg_session **ret, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    BUG_ON(!m->url[side]);
    const char *name = role ? session_name(m->run, m->tag, role, &arena) : m->name;
    return open_session(m, side, name, ret, e);
}

/* libpq has no SQLSTATE for a connection that could not be made. */
static bool says_no_database(const struct error *e)
{
    const char *at = strstr(e->text, "database \"");
    return at && strstr(at, "does not exist");
}

static enum err open_target(struct pg_move *m, struct error *e)
{
    struct error local;
    struct error *why = e ? e : &local;
    if (!m->url[SIDE_TARGET])
        return OK;
    enum err err = open_session(m, SIDE_TARGET, m->name, &m->at[SIDE_TARGET], why);
    return err != OK && says_no_database(why) ? OK : err;
}

static enum err resolve(struct pg_move *m, enum mover_side side, const char *url, struct error *e)
{
    return url ? tenant_store_url(m->run->stores, url, &m->arena, &m->url[side], e) : OK;
}

/* An earlier run may be about to make the schema in which runs are counted. */
static enum err take_run(const struct pg_move *m, enum mover_side side, struct error *e)
{
    bool made;
    TRY(pg_move_is_made(m, side, &made, e));
    if (!made) {
        TRY(pg_fence_end_older(m, side, e));
        TRY(pg_move_is_made(m, side, &made, e));
    }
    return made ? pg_fence_claim(m, side, e) : OK;
}

static enum err connect_both(struct pg_move *m, struct error *e)
{
    TRY(resolve(m, SIDE_SOURCE, m->run->source_url, e));
    TRY(resolve(m, SIDE_TARGET, m->run->target_url, e));
    TRY(open_session(m, SIDE_SOURCE, m->name, &m->at[SIDE_SOURCE], e));
    TRY(open_target(m, e));
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        if (m->at[side])
            TRY(take_run(m, side, e));
    }
    return OK;
}

enum err pg_move_open(struct pg_move *m, const struct mover_run *run, struct error *e)
{
    return pg_move_open_as(m, run, "move", e);
}

enum err pg_move_open_as(struct pg_move *m, const struct mover_run *run, const char *role,
                         struct error *e)
{
    *m = (struct pg_move){.run = run};
    m->tag = tag_of(run->move_id, &m->arena);
    m->schema = arena_printf(&m->arena, PG_SCHEMA_PREFIX "%s", m->tag);
    m->name = session_name(run, m->tag, role, &m->arena);
    m->tenant = pg_literal(&m->arena, run->customer_id);
    m->column = pg_name(&m->arena, run->settings->tenant_column);
    enum err err = connect_both(m, e);
    if (err != OK)
        pg_move_close(m);
    return err;
}

void pg_move_close_sessions(struct pg_move *m)
{
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        pg_close(m->at[side]);
        m->at[side] = NULL;
    }
}

void pg_move_close(struct pg_move *m)
{
    pg_move_close_sessions(m);
    arena_release(&m->arena);
    m->arena = (struct arena){0};
}

enum err pg_move_is_made(const struct pg_move *m, enum mover_side side, bool *ret, struct error *e)
{
    int64_t count;
    const char *const params[] = {m->schema};
    TRY(pg_get_int(m->at[side],
                   "SELECT count(*) FROM pg_catalog.pg_class c"
                   " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                   " WHERE n.nspname = $1 AND c.relname = 'state'",
                   params, 1, &count, e));
    *ret = count > 0;
    return OK;
}

const char *pg_url_with(const char *url, const char *parameter, struct arena *arena)
{
    if (!parameter)
        return url;
    return arena_printf(arena, "%s%c%s", url, strchr(url, '?') ? '&' : '?', parameter);
}

enum err pg_move_is_shared(const struct pg_move *m, enum mover_side side,
                           const struct pg_catalog *catalog, bool *ret, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const struct pg_table *tables = catalog->tables.items;
    const char *found = NULL;
    for (size_t i = 0; i < catalog->tables.count && !found; i++) {
        if (pg_is_tenants(&tables[i]))
            TRY(pg_get(m->at[side],
                       arena_printf(&arena, "SELECT 'yes' FROM %s WHERE %s <> %s LIMIT 1",
                                    tables[i].from, m->column, m->tenant),
                       NULL, 0, &arena, &found, e));
    }
    *ret = found != NULL;
    return OK;
}

enum err pg_move_catalog(struct pg_move *m, enum mover_side side, struct pg_catalog *ret,
                         struct error *e)
{
    return pg_catalog_read(m->at[side], m->run->settings->tenant_column, &m->arena, ret, e);
}

void pg_move_note(const struct pg_move *m, const struct mover_progress *progress)
{
    if (m->run->note)
        m->run->note(m->run->ctx, progress);
}

void pg_move_note_what(const struct pg_move *m, const char *what)
{
    pg_move_note(
        m, &(struct mover_progress){NULL, INT_ABSENT, INT_ABSENT, INT_ABSENT, INT_ABSENT, what});
}

/* -- DDL in a database that is in use --------------------------------------------------------- */

static bool is_in_the_way(const struct pg_session *s)
{
    return text_eq(pg_sqlstate(s), "55P03") || text_eq(pg_sqlstate(s), "40P01");
}

enum err pg_move_ddl(const struct pg_move *m, struct pg_session *s, const char *what,
                     const char *sql, struct error *e)
{
    struct error local;
    struct error *why = e ? e : &local;
    int64_t pause_ms = DDL_PAUSE_MS;
    for (int try = 0; try < DDL_TRIES; try++) {
        enum err err =
            pg_runf(s, why, "BEGIN; SET LOCAL lock_timeout = %d; %s; COMMIT", LOCK_TIMEOUT_MS, sql);
        if (err == OK)
            return OK;
        bool again = is_in_the_way(s);
        (void)pg_run(s, "ROLLBACK", NULL);
        if (!again)
            return e ? error_prefix(e, "%s", what) : err;
        TRY(m->run->go_on(m->run->ctx, e));
        (void)poll(NULL, 0, (int)pause_ms);
        pause_ms = pause_ms * 2 < DDL_PAUSE_MAX_MS ? pause_ms * 2 : DDL_PAUSE_MAX_MS;
    }
    return error_set(e, ERR_BUSY,
                     "%s: transactions on database %s hold the table all the time; end the longest"
                     " (pg_stat_activity) and try again",
                     what, pg_database(s));
}
