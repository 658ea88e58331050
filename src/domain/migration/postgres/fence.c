#include "domain/migration/postgres/fence.h"

#include <inttypes.h>

#define SQL_MAX       ((size_t)1 << 20)
#define DRAIN_MS      1000
#define TRIGGERS_MAX  100000
#define LOCK_KEY_BITS 60

/* The end of the id, which is random (the beginning of a UUIDv7 is a time). */
int64_t pg_fence_lock(const struct pg_move *m)
{
    size_t digits = LOCK_KEY_BITS / 4, len = strlen(m->tag);
    const char *end = m->tag + (len > digits ? len - digits : 0);
    return (int64_t)(strtoull(end, NULL, 16) & ((UINT64_C(1) << LOCK_KEY_BITS) - 1));
}

int64_t pg_fence_cut_lock(const struct pg_move *m)
{
    return pg_fence_lock(m) | INT64_C(1) << LOCK_KEY_BITS;
}

/* -- the schema ------------------------------------------------------------------------------- */

/* `$s` is the schema, `$w` who the tenant is for sentences, `$k` the lock, `$u` its number with the
 * lock of cutovers, `$f` the fence as it begins. */
static const char schema_sql[] =
    "CREATE SCHEMA $s;"
    "GRANT USAGE ON SCHEMA $s TO PUBLIC;"
    "CREATE TABLE $s.state (one boolean PRIMARY KEY CHECK (one), run bigint NOT NULL,"
    " catalog text);"
    "INSERT INTO $s.state VALUES (true, $r, NULL);"
    "CREATE TABLE $s.marker (side text PRIMARY KEY, n bigint NOT NULL);"
    "INSERT INTO $s.marker VALUES ('source', 0), ('target', 0);"
    "CREATE TABLE $s.cut (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " lsn pg_catalog.pg_lsn NOT NULL, at timestamptz NOT NULL DEFAULT pg_catalog.now());"
    "CREATE TABLE $s.block (sequence text PRIMARY KEY, first bigint NOT NULL,"
    " last bigint NOT NULL);"
    "CREATE SEQUENCE $s.fence MINVALUE 1 MAXVALUE 3 CYCLE;"
    "GRANT SELECT ON SEQUENCE $s.fence TO PUBLIC;"
    "SELECT pg_catalog.setval('$s.fence', $f);"

    "CREATE FUNCTION $s.fence_check() RETURNS trigger LANGUAGE plpgsql AS $b$ BEGIN"
    " PERFORM pg_catalog.pg_advisory_xact_lock_shared($k);"
    " IF (SELECT last_value FROM $s.fence) <> 1 THEN"
    " RAISE EXCEPTION 'tenant % is being moved and cannot be written here now', $w"
    " USING ERRCODE = '25006', HINT = 'Connect again and repeat the transaction.';"
    " END IF;"
    " IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;"
    " RETURN NEW; END $b$;"

    "CREATE FUNCTION $s.stays() RETURNS trigger LANGUAGE plpgsql AS $b$ BEGIN"
    " RAISE EXCEPTION 'tenant % is being moved: until that is over, % cannot be done to table %',"
    " $w, CASE TG_OP WHEN 'TRUNCATE' THEN 'a TRUNCATE' ELSE 'a change of whose a row is' END,"
    " TG_TABLE_NAME USING ERRCODE = '25006'; END $b$;"

    "CREATE FUNCTION $s.skip() RETURNS trigger LANGUAGE plpgsql AS $b$ BEGIN"
    " RETURN NULL; END $b$;"

    "CREATE FUNCTION $s.mixed() RETURNS trigger LANGUAGE plpgsql AS $b$ BEGIN"
    " RAISE EXCEPTION 'a change of tenant % arrived for a row of table % that is another "
    "tenant''s',"
    " $w, TG_TABLE_NAME USING ERRCODE = '23505'; END $b$;"

    "CREATE FUNCTION $s.fence_set(r bigint, v bigint) RETURNS void LANGUAGE plpgsql AS $b$ BEGIN"
    " PERFORM FROM $s.state WHERE run = r FOR SHARE;"
    " IF NOT FOUND THEN RAISE EXCEPTION 'a later run of this move took over'"
    " USING ERRCODE = '55000'; END IF;"
    " PERFORM pg_catalog.setval('$s.fence', v); END $b$;"

    "CREATE FUNCTION $s.marker_send(of_side text) RETURNS bigint LANGUAGE sql AS $b$"
    " UPDATE $s.marker SET n = n + 1 WHERE side = of_side RETURNING n $b$;"

    /* Every look is a statement of its own and sees what has been committed before it. */
    "CREATE FUNCTION $s.marker_wait(of_side text, wanted bigint, ms float8) RETURNS boolean"
    " LANGUAGE plpgsql AS $b$ DECLARE until timestamptz :="
    " pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => ms / 1000); BEGIN LOOP"
    " IF (SELECT n >= wanted FROM $s.marker WHERE side = of_side) THEN RETURN true; END IF;"
    " IF pg_catalog.clock_timestamp() >= until THEN RETURN false; END IF;"
    " PERFORM pg_catalog.pg_sleep(0.0003); END LOOP; END $b$;"

    /* Whatever came from the other side lies before this position, what clients will write here
     * behind it. A worker that applies does not wait for the disk, but when the fence that is
     * opened next is open on disk, so is all that lies before it. */
    "CREATE FUNCTION $s.arrive(of_side text, wanted bigint, ms float8) RETURNS boolean"
    " LANGUAGE plpgsql AS $b$ BEGIN"
    " IF NOT $s.marker_wait(of_side, wanted, ms) THEN RETURN false; END IF;"
    " INSERT INTO $s.cut (lsn) VALUES (pg_catalog.pg_current_wal_insert_lsn());"
    " RETURN true; END $b$;"

    "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA $s FROM PUBLIC;";

struct word {
    char letter;
    const char *text;
};

/* The text with its $x replaced; a $ before another letter stays. */
static void expand(struct buf *out, const char *text, const struct word *words, size_t count)
{
    for (const char *at = text; *at; at++) {
        size_t i = 0;
        while (*at == '$' && i < count && words[i].letter != at[1])
            i++;
        if (*at != '$' || i == count) {
            BUG_ON(!buf_append_char(out, *at));
        } else {
            BUG_ON(!buf_append_text(out, words[i].text));
            at++;
        }
    }
}

static enum err create_schema(const struct pg_move *m, enum mover_side side, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    _cleanup_buf_ struct buf sql = BUF_INIT(SQL_MAX);
    const struct word words[] = {
        {'s', m->schema},
        {'w', m->tenant},
        {'k', arena_printf(&arena, "%" PRId64, pg_fence_lock(m))},
        {'f', side == SIDE_SOURCE ? "1" : "3"},
        {'r', arena_printf(&arena, "%" PRId64, m->run->run)},
    };
    bool made;
    TRY(pg_move_is_made(m, side, &made, e));
    if (made)
        return OK;
    expand(&sql, schema_sql, words, ARRAY_LEN(words));
    return pg_move_ddl(m, m->at[side], m->schema, buf_text(&sql), e);
}

/* -- triggers --------------------------------------------------------------------------------- */

/* `$o` whether OLD is the tenant's row, `$n` whether NEW is, `$t` the table, `$p` the name's
 * beginning. Triggers fire in the order of their names: ours come last, when others may have filled
 * the tenant column. */
static const char triggers_sql[] =
    "CREATE OR REPLACE TRIGGER $pinsert BEFORE INSERT ON $t FOR EACH ROW WHEN ($n)"
    " EXECUTE FUNCTION $s.fence_check();"
    "CREATE OR REPLACE TRIGGER $pupdate BEFORE UPDATE ON $t FOR EACH ROW WHEN ($o OR $n)"
    " EXECUTE FUNCTION $s.fence_check();"
    "CREATE OR REPLACE TRIGGER $pdelete BEFORE DELETE ON $t FOR EACH ROW WHEN ($o)"
    " EXECUTE FUNCTION $s.fence_check();"
    "CREATE OR REPLACE TRIGGER $pstays BEFORE UPDATE ON $t FOR EACH ROW WHEN (($o) <> ($n))"
    " EXECUTE FUNCTION $s.stays();"
    "CREATE OR REPLACE TRIGGER $ptruncate BEFORE TRUNCATE ON $t FOR EACH STATEMENT"
    " EXECUTE FUNCTION $s.stays();"

    "CREATE OR REPLACE TRIGGER $pcome_insert BEFORE INSERT ON $t FOR EACH ROW WHEN (NOT ($n))"
    " EXECUTE FUNCTION $s.mixed();"
    "CREATE OR REPLACE TRIGGER $pcome_mixed BEFORE UPDATE ON $t FOR EACH ROW WHEN (($o) <> ($n))"
    " EXECUTE FUNCTION $s.mixed();"
    "CREATE OR REPLACE TRIGGER $pcome_update BEFORE UPDATE ON $t FOR EACH ROW"
    " WHEN (NOT ($o) AND NOT ($n)) EXECUTE FUNCTION $s.skip();"
    "CREATE OR REPLACE TRIGGER $pcome_delete BEFORE DELETE ON $t FOR EACH ROW WHEN (NOT ($o))"
    " EXECUTE FUNCTION $s.skip();"
    "ALTER TABLE $t ENABLE REPLICA TRIGGER $pcome_insert;"
    "ALTER TABLE $t ENABLE REPLICA TRIGGER $pcome_mixed;"
    "ALTER TABLE $t ENABLE REPLICA TRIGGER $pcome_update;"
    "ALTER TABLE $t ENABLE REPLICA TRIGGER $pcome_delete";

static enum err create_triggers(const struct pg_move *m, enum mover_side side,
                                const struct pg_table *table, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    _cleanup_buf_ struct buf sql = BUF_INIT(SQL_MAX);
    const struct word words[] = {
        {'s', m->schema},
        {'t', table->sql},
        {'p', arena_printf(&arena, "zz_webhost_%s_", m->tag)},
        {'o', arena_printf(&arena, "OLD.%s IS NOT DISTINCT FROM %s", m->column, m->tenant)},
        {'n', arena_printf(&arena, "NEW.%s IS NOT DISTINCT FROM %s", m->column, m->tenant)},
    };
    expand(&sql, triggers_sql, words, ARRAY_LEN(words));
    return pg_move_ddl(m, m->at[side], arena_printf(&arena, "the fence on %s", table->label),
                       buf_text(&sql), e);
}

enum err pg_fence_create(const struct pg_move *m, enum mover_side side,
                         const struct pg_catalog *catalog, struct error *e)
{
    const struct pg_table *tables = catalog->tables.items;
    TRY(create_schema(m, side, e));
    for (size_t i = 0; i < catalog->tables.count; i++) {
        if (pg_is_tenants(&tables[i]))
            TRY(create_triggers(m, side, &tables[i], e));
    }
    return OK;
}

enum err pg_fence_drop(const struct pg_move *m, enum mover_side side, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_rows rows;
    const char *const params[] = {arena_printf(&arena, "zz\\_webhost\\_%s\\_%%", m->tag)};
    TRY(pg_query(m->at[side],
                 "SELECT tgrelid::pg_catalog.regclass, string_agg(pg_catalog.format("
                 "'DROP TRIGGER %I ON %s', tgname, tgrelid::pg_catalog.regclass), '; ')"
                 " FROM pg_catalog.pg_trigger WHERE tgname LIKE $1 AND tgparentid = 0"
                 " GROUP BY tgrelid ORDER BY tgrelid",
                 params, 1, TRIGGERS_MAX, &arena, &rows, e));
    for (size_t i = 0; i < rows.count; i++)
        TRY(pg_move_ddl(m, m->at[side],
                        arena_printf(&arena, "the fence on %s", pg_cell(&rows, i, 0)),
                        pg_cell(&rows, i, 1), e));
    return pg_move_ddl(m, m->at[side], m->schema,
                       arena_printf(&arena, "DROP SCHEMA IF EXISTS %s CASCADE", m->schema), e);
}

/* -- runs ------------------------------------------------------------------------------------- */

enum err pg_fence_end_older(const struct pg_move *m, enum mover_side side, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const char *const params[] = {arena_printf(&arena, "webhost move %s ", m->tag),
                                  arena_printf(&arena, "%" PRId64, m->run->run)};
    return pg_get_int(m->at[side],
                      "SELECT count(pg_catalog.pg_terminate_backend(pid, 5000))"
                      " FROM pg_catalog.pg_stat_activity"
                      " WHERE pg_catalog.starts_with(application_name, $1)"
                      " AND substring(application_name FROM '[0-9]+$')::numeric < $2::numeric"
                      " AND datname = pg_catalog.current_database()",
                      params, 2, &(int64_t){0}, e);
}

enum err pg_fence_claim(const struct pg_move *m, enum mover_side side, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_rows rows;
    const char *sql = arena_printf(&arena,
                                   "WITH taken AS (UPDATE %s.state SET run = $1 WHERE run < $1"
                                   " RETURNING run)"
                                   " SELECT coalesce((SELECT run FROM taken), run),"
                                   " (SELECT run FROM taken) IS NOT NULL FROM %s.state",
                                   m->schema, m->schema);
    const char *const params[] = {arena_printf(&arena, "%" PRId64, m->run->run)};
    TRY(pg_query(m->at[side], sql, params, 1, 1, &arena, &rows, e));
    if (rows.count != 1 || !text_eq(pg_cell(&rows, 0, 0), params[0]))
        return error_set(e, ERR_CONFLICT, "run %s of this move was superseded by a later one",
                         params[0]);
    return text_eq(pg_cell(&rows, 0, 1), "t") ? pg_fence_end_older(m, side, e) : OK;
}

/* -- reading and setting ---------------------------------------------------------------------- */

enum err pg_fence_read(const struct pg_move *m, enum mover_side side, enum pg_fence *ret,
                       struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    bool made = false;
    int64_t value;
    if (m->at[side])
        TRY(pg_move_is_made(m, side, &made, e));
    if (!made) {
        *ret = PG_FENCE_NONE;
        return OK;
    }
    TRY(pg_get_int(m->at[side], arena_printf(&arena, "SELECT last_value FROM %s.fence", m->schema),
                   NULL, 0, &value, e));
    *ret = (enum pg_fence)value;
    return OK;
}

enum mover_side pg_fence_owner(enum pg_fence source, enum pg_fence target)
{
    if (source == PG_FENCE_OPEN)
        return SIDE_SOURCE;
    if (target == PG_FENCE_OPEN)
        return SIDE_TARGET;
    return target == PG_FENCE_LEAVING && source != PG_FENCE_LEAVING ? SIDE_TARGET : SIDE_SOURCE;
}

const char *pg_fence_set_sql(const struct pg_move *m, enum pg_fence fence, struct arena *arena)
{
    return arena_printf(arena, "SELECT %s.fence_set(%" PRId64 ", %d)", m->schema, m->run->run,
                        (int)fence);
}

enum err pg_fence_set(const struct pg_move *m, enum mover_side side, enum pg_fence fence,
                      struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    TRY(pg_run(m->at[side], pg_fence_set_sql(m, fence, &arena), e));
    if (fence == PG_FENCE_OPEN)
        return OK;
    enum err err = pg_runf(m->at[side], e,
                           "BEGIN; SET LOCAL lock_timeout = %d;"
                           "SELECT pg_catalog.pg_advisory_xact_lock(%" PRId64 "); COMMIT",
                           DRAIN_MS, pg_fence_lock(m));
    if (err != OK)
        (void)pg_run(m->at[side], "ROLLBACK", NULL);
    return err;
}
