#include "domain/migration/postgres/stream.h"

#include "base/clock.h"

#include <inttypes.h>
#include <poll.h>

#define SQL_MAX           ((size_t)4 << 20)
#define SLOT_TIMEOUT_MS   30000
#define SLOT_DROP_TRIES   50
#define SLOT_DROP_MS      100
#define MARKER_PIECE_MS   1000
#define ERRORS_MAX        3
#define STANDSTILL_MAX_US (60 * USEC_PER_SEC)
#define MB                ((int64_t)1 << 20)

/* Subscriptions of all databases of a server are in one catalog. */
#define THIS_DATABASE                                                                              \
    "(SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"

/*
 * The password in a connection string must not get into a log, whatever the server logs, nor into
 * pg_stat_activity. A server decides whether it logs a text before it runs any of it, and once more
 * after all of it: so this is a text of its own, and so is what ends the transaction.
 */
static const char unlogged[] = "BEGIN; SET LOCAL track_activities = off;"
                               "SET LOCAL log_statement = 'none';"
                               "SET LOCAL log_min_duration_statement = -1;"
                               "SET LOCAL log_min_duration_sample = -1;"
                               "SET LOCAL log_transaction_sample_rate = 0;"
                               "SET LOCAL log_min_error_statement = 'panic';"
                               "SET LOCAL pg_stat_statements.track_utility = off;"
                               "SET LOCAL lock_timeout = 5000;";

const char *pg_stream_name(const struct pg_move *m, enum mover_side from, struct arena *arena)
{
    return arena_printf(arena, "webhost_%s_%s", m->tag, pg_side_name(from));
}

/* -- publications ----------------------------------------------------------------------------- */

struct publication {
    const char *suffix, *actions;
    bool filtered;
};

/* How a table is published: whole, or in two parts. */
static const struct publication whole = {"", "insert, update, delete", true};
static const struct publication part_add = {"_add", "insert", true};
static const struct publication part_change = {"_change", "update, delete", false};

static bool filter_is_allowed(const struct pg_move *m, const struct pg_table *t)
{
    if (t->sent_by == 'f')
        return true;
    for (size_t i = 0; t->sent_by == 'd' && i < t->key.count; i++) {
        if (text_eq(t->key.items[i], m->run->settings->tenant_column))
            return true;
    }
    return false;
}

static bool is_in(const struct pg_move *m, const struct publication *p, const struct pg_table *t,
                  bool with_reference)
{
    if (!pg_is_tenants(t))
        return p == &whole && with_reference;
    return (p == &whole) == filter_is_allowed(m, t);
}

static void publication_sql(const struct pg_move *m, enum mover_side from,
                            const struct publication *p, const struct pg_catalog *catalog,
                            bool with_reference, struct buf *sql)
{
    const struct pg_table *tables = catalog->tables.items;
    size_t start = sql->len, count = 0;
    BUG_ON(!buf_printf(sql, "CREATE PUBLICATION webhost_%s%s FOR TABLE ", m->tag, p->suffix));
    if (p == &whole) {
        BUG_ON(!buf_printf(sql, "%s.marker WHERE (side = '%s')", m->schema, pg_side_name(from)));
        count++;
    }
    for (size_t i = 0; i < catalog->tables.count; i++) {
        if (!is_in(m, p, &tables[i], with_reference))
            continue;
        BUG_ON(!buf_printf(sql, "%s%s", count++ ? ", " : "", tables[i].sql));
        if (p->filtered && pg_is_tenants(&tables[i]))
            BUG_ON(!buf_printf(sql, " WHERE (%s = %s)", m->column, m->tenant));
    }
    BUG_ON(
        !buf_printf(sql, " WITH (publish = '%s', publish_via_partition_root = true);", p->actions));
    if (count == 0)
        sql->len = start;
}

/* With REPLICA IDENTITY NOTHING the application's own updates would fail once it is published. */
static enum err check_identities(const struct pg_catalog *catalog, struct error *e)
{
    const struct pg_table *tables = catalog->tables.items;
    for (size_t i = 0; i < catalog->tables.count; i++) {
        if (tables[i].sent_by == 'n')
            return error_set(e, ERR_CONFLICT,
                             "table %s has REPLICA IDENTITY NOTHING, so its updates cannot be sent:"
                             " ALTER TABLE %s REPLICA IDENTITY DEFAULT",
                             tables[i].label, tables[i].sql);
    }
    return OK;
}

static enum err publications(const struct pg_move *m, enum mover_side side, struct arena *arena,
                             struct pg_rows *ret, struct error *e)
{
    const char *const params[] = {
        arena_printf(arena, "webhost_%s", m->tag),
        arena_printf(arena, "webhost_%s_add", m->tag),
        arena_printf(arena, "webhost_%s_change", m->tag),
    };
    return pg_query(m->at[side],
                    "SELECT pubname FROM pg_catalog.pg_publication"
                    " WHERE pubname IN ($1, $2, $3) ORDER BY pubname",
                    params, 3, 3, arena, ret, e);
}

enum err pg_stream_publish(const struct pg_move *m, enum mover_side from,
                           const struct pg_catalog *catalog, bool with_reference, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    _cleanup_buf_ struct buf sql = BUF_INIT(SQL_MAX);
    struct pg_rows rows;
    TRY(publications(m, from, &arena, &rows, e));
    if (rows.count > 0)
        return OK;
    TRY(check_identities(catalog, e));
    publication_sql(m, from, &whole, catalog, with_reference, &sql);
    publication_sql(m, from, &part_add, catalog, with_reference, &sql);
    publication_sql(m, from, &part_change, catalog, with_reference, &sql);
    return pg_move_ddl(m, m->at[from], "publishing the tenant's tables",
                       arena_text_n(&arena, sql.ptr, sql.len), e);
}

enum err pg_stream_unpublish(const struct pg_move *m, enum mover_side from, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_rows rows;
    TRY(publications(m, from, &arena, &rows, e));
    for (size_t i = 0; i < rows.count; i++)
        TRY(pg_move_ddl(m, m->at[from], "ending a publication",
                        arena_printf(&arena, "DROP PUBLICATION %s", pg_cell(&rows, i, 0)), e));
    return OK;
}

/* -- slots ------------------------------------------------------------------------------------ */

/* The walsender of a subscription that has just been dropped may still be going. */
static enum err drop_slot(const struct pg_move *m, enum mover_side from, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct error local;
    struct error *why = e ? e : &local;
    const char *const params[] = {pg_stream_name(m, from, &arena)};
    for (int try = 0;; try++) {
        TRY(pg_get_int(m->at[from],
                       "SELECT count(pg_catalog.pg_terminate_backend(active_pid, 5000))"
                       " FROM pg_catalog.pg_replication_slots WHERE slot_name = $1",
                       params, 1, &(int64_t){0}, e));
        enum err err =
            pg_get_int(m->at[from],
                       "SELECT count(pg_catalog.pg_drop_replication_slot(slot_name)::text)"
                       " FROM pg_catalog.pg_replication_slots WHERE slot_name = $1",
                       params, 1, &(int64_t){0}, why);
        if (err != ERR_BUSY || try >= SLOT_DROP_TRIES)
            return err;
        TRY(m->run->go_on(m->run->ctx, e));
        (void)poll(NULL, 0, SLOT_DROP_MS);
    }
}

static enum err slot_failed(enum mover_side from, enum err err, struct error *e)
{
    if (err != ERR_TIMEOUT)
        return err;
    return error_set(e, ERR_BUSY,
                     "a slot on the %s's server has to wait for transactions that have been running"
                     " for more than %d s; end them (pg_stat_activity) and try again",
                     pg_side_name(from), SLOT_TIMEOUT_MS / 1000);
}

/* The replication protocol alone can export the snapshot. */
static enum err slot_with_snapshot(const struct pg_move *m, enum mover_side from,
                                   struct arena *arena, struct pg_session *s,
                                   const char **ret_snapshot, struct error *e)
{
    struct pg_rows rows;
    TRY(pg_send(s,
                arena_printf(arena,
                             "CREATE_REPLICATION_SLOT %s LOGICAL pgoutput (SNAPSHOT 'export')",
                             pg_stream_name(m, from, arena)),
                e));
    TRY(pg_take_rows(s, 1, arena, &rows, e));
    if (rows.count != 1 || rows.columns < 3 || !pg_cell(&rows, 0, 2))
        return error_set(e, ERR_CORRUPT, "%s: a slot was made without a snapshot", pg_database(s));
    *ret_snapshot = pg_cell(&rows, 0, 2);
    return OK;
}

enum err pg_stream_slot(const struct pg_move *m, enum mover_side from, struct arena *arena,
                        struct pg_session **ret_holder, const char **ret_snapshot, struct error *e)
{
    struct pg_session *s;
    TRY(drop_slot(m, from, e));
    const struct pg_options options = {
        .url = pg_url_with(m->url[from], ret_snapshot ? "replication=database" : NULL, arena),
        .name = m->name,
        .timeout_ms = SLOT_TIMEOUT_MS,
    };
    TRY(pg_open(&options, &s, e));
    pg_set_watch(s, m->run->go_on, m->run->ctx);
    enum err err;
    if (ret_snapshot) {
        err = slot_with_snapshot(m, from, arena, s, ret_snapshot, e);
    } else {
        err =
            pg_runf(s, e, "SELECT pg_catalog.pg_create_logical_replication_slot('%s', 'pgoutput')",
                    pg_stream_name(m, from, arena));
    }
    if (err == OK && ret_snapshot) {
        pg_set_watch(s, NULL, NULL); /* it is another's now */
        *ret_holder = s;
        return OK;
    }
    pg_close(s);
    return err == OK ? OK : slot_failed(from, err, e);
}

/* -- subscriptions ---------------------------------------------------------------------------- */

struct subscription {
    int64_t oid;
    bool enabled;
};

static enum err find_subscription(const struct pg_move *m, enum mover_side from, bool *ret_found,
                                  struct subscription *ret, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_rows rows;
    const char *const params[] = {pg_stream_name(m, from, &arena)};
    TRY(pg_query(m->at[mover_other(from)],
                 "SELECT oid, subenabled FROM pg_catalog.pg_subscription WHERE subname = $1"
                 " AND subdbid = " THIS_DATABASE,
                 params, 1, 1, &arena, &rows, e));
    *ret_found = rows.count == 1;
    if (rows.count == 1) {
        BUG_ON(!str_to_i64(str_from(pg_cell(&rows, 0, 0)), &ret->oid));
        ret->enabled = text_eq(pg_cell(&rows, 0, 1), "t");
    }
    return OK;
}

static enum err subscribe(const struct pg_move *m, enum mover_side from, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_session *s = m->at[mover_other(from)];
    const char *name = pg_stream_name(m, from, &arena), *list = "";
    struct pg_rows rows;
    TRY(publications(m, from, &arena, &rows, e));
    for (size_t i = 0; i < rows.count; i++)
        list = arena_printf(&arena, "%s%s%s", list, i ? ", " : "", pg_cell(&rows, i, 0));
    enum err err = pg_run(s, unlogged, e);
    if (err == OK)
        err = pg_runf(s, e,
                      "CREATE SUBSCRIPTION %s CONNECTION %s PUBLICATION %s WITH (enabled = false,"
                      " create_slot = false, slot_name = '%s', copy_data = false)",
                      name, pg_literal(&arena, m->url[from]), list, name);
    if (err == OK)
        return pg_run(s, "COMMIT", e);
    (void)pg_run(s, "ROLLBACK", NULL);
    return err;
}

/* Before it is enabled for the first time; repeating it takes nothing back. */
static enum err begin_at(const struct pg_move *m, enum mover_side from, int64_t oid,
                         const char *lsn, struct error *e)
{
    return pg_runf(m->at[mover_other(from)], e,
                   "SELECT pg_catalog.pg_replication_origin_advance('pg_%" PRId64 "', '%s')"
                   " WHERE coalesce(pg_catalog.pg_replication_origin_progress('pg_%" PRId64
                   "', true) < '%s', true)",
                   oid, lsn, oid, lsn);
}

enum err pg_stream_start(const struct pg_move *m, enum mover_side from, const char *lsn,
                         struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct subscription sub;
    bool found;
    TRY(find_subscription(m, from, &found, &sub, e));
    if (!found) {
        TRY(subscribe(m, from, e));
        TRY(find_subscription(m, from, &found, &sub, e));
        BUG_ON(!found);
    }
    if (sub.enabled)
        return OK;
    if (lsn)
        TRY(begin_at(m, from, sub.oid, lsn, e));
    return pg_runf(m->at[mover_other(from)], e, "ALTER SUBSCRIPTION %s ENABLE",
                   pg_stream_name(m, from, &arena));
}

/* Without the slot, which is another server's: that is dropped there. */
static enum err unsubscribe(const struct pg_move *m, enum mover_side from, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct subscription sub;
    bool found;
    const char *name = pg_stream_name(m, from, &arena);
    TRY(find_subscription(m, from, &found, &sub, e));
    if (!found)
        return OK;
    return pg_runf(m->at[mover_other(from)], e,
                   "ALTER SUBSCRIPTION %s DISABLE; ALTER SUBSCRIPTION %s SET (slot_name = NONE);"
                   "DROP SUBSCRIPTION %s",
                   name, name, name);
}

enum err pg_stream_stop(const struct pg_move *m, enum mover_side from, struct error *e)
{
    if (m->at[mover_other(from)])
        TRY(unsubscribe(m, from, e));
    return m->at[from] ? drop_slot(m, from, e) : OK;
}

/* -- watching --------------------------------------------------------------------------------- */

static int64_t int_cell(const struct pg_rows *rows, size_t column)
{
    int64_t value = 0;
    const char *text = pg_cell(rows, 0, column);
    BUG_ON(text && !str_to_i64(str_from(text), &value));
    return value;
}

enum err pg_stream_state(const struct pg_move *m, enum mover_side from, struct pg_stream_state *ret,
                         struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_rows slot, sub;
    const char *const params[] = {pg_stream_name(m, from, &arena)};
    TRY(pg_query(m->at[from],
                 "SELECT active, wal_status = 'lost',"
                 " (pg_catalog.pg_current_wal_lsn() - restart_lsn)::bigint,"
                 " (pg_catalog.pg_current_wal_lsn() - confirmed_flush_lsn)::bigint"
                 " FROM pg_catalog.pg_replication_slots WHERE slot_name = $1",
                 params, 1, 1, &arena, &slot, e));
    TRY(pg_query(m->at[mover_other(from)],
                 "SELECT s.subenabled, t.apply_error_count FROM pg_catalog.pg_subscription s"
                 " LEFT JOIN pg_catalog.pg_stat_subscription_stats t ON t.subid = s.oid"
                 " WHERE s.subname = $1 AND s.subdbid = " THIS_DATABASE,
                 params, 1, 1, &arena, &sub, e));
    *ret = (struct pg_stream_state){.slot = slot.count == 1, .subscription = sub.count == 1};
    if (ret->slot) {
        ret->working = text_eq(pg_cell(&slot, 0, 0), "t");
        ret->lost = text_eq(pg_cell(&slot, 0, 1), "t");
        ret->kept_bytes = int_cell(&slot, 2);
        ret->lag_bytes = int_cell(&slot, 3);
    }
    if (ret->subscription) {
        ret->enabled = text_eq(pg_cell(&sub, 0, 0), "t");
        ret->errors = int_cell(&sub, 1);
    }
    return OK;
}

enum err pg_stream_check(const struct pg_move *m, enum mover_side from,
                         const struct pg_stream_state *state, struct error *e)
{
    const char *side = pg_side_name(from), *other = pg_side_name(mover_other(from));
    int64_t most = m->run->settings->kept_wal_mb;
    if (!state->slot || !state->subscription)
        return error_set(e, ERR_CONFLICT, "the %s's changes do not reach the %s: its %s is gone",
                         side, other, state->slot ? "subscription" : "slot");
    if (state->lost)
        return error_set(e, ERR_CONFLICT,
                         "the %s's server has removed changes that the %s did not have yet"
                         " (max_slot_wal_keep_size)",
                         side, other);
    if (state->kept_bytes > most * MB)
        return error_set(e, ERR_CONFLICT,
                         "the stream from the %s keeps %" PRId64 " MB of log on its server, and at"
                         " most %" PRId64 " MB are allowed (moves: kept_wal_mb)",
                         side, state->kept_bytes / MB, most);
    if (state->errors >= ERRORS_MAX)
        return error_set(e, ERR_CONFLICT,
                         "the %s's changes cannot be applied at the %s; the log of the %s's server"
                         " says why",
                         side, other, other);
    return OK;
}

/* -- markers ---------------------------------------------------------------------------------- */

enum err pg_marker_send(const struct pg_move *m, enum mover_side from, int64_t *ret_n,
                        struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    return pg_get_int(
        m->at[from],
        arena_printf(&arena, "SELECT %s.marker_send('%s')", m->schema, pg_side_name(from)), NULL, 0,
        ret_n, e);
}

enum err pg_marker_wait(const struct pg_move *m, enum mover_side from, int64_t n, int64_t ms,
                        bool *ret_arrived, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const char *arrived;
    TRY(pg_get(m->at[mover_other(from)],
               arena_printf(&arena, "SELECT %s.marker_wait('%s', %" PRId64 ", %" PRId64 ")",
                            m->schema, pg_side_name(from), n, ms),
               NULL, 0, &arena, &arrived, e));
    *ret_arrived = text_eq(arrived, "t");
    return OK;
}

/* Whether it gets on at all; a stream without a worker never fails by itself. */
struct pace {
    int64_t lag_bytes, since_us;
};

static enum err check_pace(enum mover_side from, struct pace *pace,
                           const struct pg_stream_state *state, struct error *e)
{
    int64_t now = monotonic_us();
    if (state->working || pace->since_us == 0)
        pace->since_us = now;
    if (now - pace->since_us < STANDSTILL_MAX_US)
        return OK;
    return error_set(e, ERR_BUSY,
                     "nobody at the %s has asked for the %s's changes for a minute; is there a free"
                     " worker (max_logical_replication_workers), a free sender (max_wal_senders),"
                     " and does its server reach the other one",
                     pg_side_name(mover_other(from)), pg_side_name(from));
}

enum err pg_stream_catch_up(const struct pg_move *m, enum mover_side from, struct error *e)
{
    int64_t n;
    struct pace pace = {0};
    bool arrived = false;
    TRY(pg_marker_send(m, from, &n, e));
    while (!arrived) {
        struct pg_stream_state state;
        TRY(m->run->go_on(m->run->ctx, e));
        TRY(pg_stream_state(m, from, &state, e));
        TRY(pg_stream_check(m, from, &state, e));
        TRY(check_pace(from, &pace, &state, e));
        pg_move_note(m, &(struct mover_progress){NULL, INT_ABSENT, INT_ABSENT, INT_ABSENT,
                                                 state.lag_bytes, NULL});
        TRY(pg_marker_wait(m, from, n, MARKER_PIECE_MS, &arrived, e));
    }
    return OK;
}
