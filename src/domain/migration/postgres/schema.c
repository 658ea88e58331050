/*
 * Tables that an exclusive target lacks, made as pg_dump describes them.
 *
 * pg_dump writes a script of entries, each with a comment that says what it is. Entries that the
 * target has already (types, functions, and tables that were made with the tenant's place) are
 * passed over, so that the rest of the schema can come to what is there.
 */
#include "domain/migration/postgres/target.h"

#include "infra/process/process.h"

#define DUMP_MAX        ((size_t)256 << 20)
#define DUMP_TIMEOUT_US (10 * 60 * USEC_PER_SEC)

/* One section: indexes and keys, of post-data, are built after the rows are there. */
static enum err dump(const struct pg_move *m, const char *section, struct buf *ret, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const char *const *environment;
    const char *const argv[] = {
        "pg_dump",
        section,
        "--no-publications",
        "--no-subscriptions",
        "--no-owner",
        "--no-privileges",
        "--no-security-labels",
        "--no-tablespaces",
        "--exclude-schema=" PG_SCHEMA_PREFIX "*",
        "--exclude-table=public.tenants",
        "--exclude-table=public.schema_migrations",
        "--no-password",
        "--lock-wait-timeout=10s",
        NULL,
    };
    const struct process_watch watch = {monotonic_us() + DUMP_TIMEOUT_US, m->run->go_on,
                                        m->run->ctx};
    TRY(pg_environment(m->url[SIDE_SOURCE], &arena, &environment, e));
    const struct process_options options = {argv, environment};
    enum err err = process_run(&options, (struct str){0}, ret, &watch, e);
    if (err == ERR_NOT_FOUND)
        return error_set(e, ERR_NOT_FOUND,
                         "pg_dump is not installed, and it is needed to make the target's tables: "
                         "install postgresql-client of the source's version or newer");
    return err == OK ? OK : error_prefix(e, "reading the source's schema");
}

/* "-- Name: trips; Type: TABLE; Schema: public; Owner: -" behind a line "--". */
static const char *next_entry(const char *at)
{
    static const char mark[] = "\n--\n-- Name: ";
    const char *found = strstr(at, mark);
    return found ? found + 1 : NULL;
}

/* Behind the last entry come a word of farewell and a command for psql. */
static void cut_end(struct buf *script)
{
    static const char mark[] = "\n--\n-- PostgreSQL database dump complete\n";
    char *end = NULL;
    for (char *at = script->ptr; at && (at = strstr(at, mark)); at++)
        end = at;
    if (end)
        *end = '\0';
}

static bool is_there_already(const struct pg_session *s)
{
    static const char *const states[] = {
        "42710", /* duplicate_object: a type, an extension */
        "42P07", /* duplicate_table: also an index, a sequence, a view */
        "42723", /* duplicate_function */
        "42P06", /* duplicate_schema */
        "42701", /* duplicate_column */
        "42P16", /* invalid_table_definition: a second primary key, a column that is an identity */
        "55000", /* the same, as ALTER TABLE .. ADD GENERATED says it */
    };
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        if (text_eq(pg_sqlstate(s), states[i]))
            return true;
    }
    return false;
}

static enum err apply_entry(struct pg_session *to, const char *text, size_t len, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct error local;
    struct error *why = e ? e : &local;
    const char *sql = arena_text_n(&arena, text, len);
    TRY(pg_run(to, "SAVEPOINT entry", why));
    enum err err = pg_run(to, sql, why);
    if (err == OK)
        return pg_run(to, "RELEASE SAVEPOINT entry", why);
    if (!is_there_already(to)) {
        const char *name = strstr(sql, "-- Name: ");
        struct str rest = str_from(name ? name + strlen("-- Name: ") : sql);
        struct str line = str_cut(&rest, '\n');
        return error_prefix(why, "making %.*s at the target",
                            (int)(line.len > 200 ? 200 : line.len), line.ptr);
    }
    return pg_run(to, "ROLLBACK TO SAVEPOINT entry", why);
}

/* What the mover sees to itself. */
static bool is_built_otherwise(const char *entry)
{
    static const char *const types[] = {
        "; Type: INDEX;",   "; Type: CONSTRAINT;",   "; Type: FK CONSTRAINT;",
        "; Type: TRIGGER;", "; Type: INDEX ATTACH;", "; Type: EVENT TRIGGER;",
    };
    _cleanup_arena_ struct arena arena = {0};
    const char *name = strstr(entry, "-- Name: ");
    const char *head = arena_text_n(&arena, name, strcspn(name, "\n"));
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (strstr(head, types[i]))
            return true;
    }
    return false;
}

static enum err apply(struct pg_session *to, const char *script, struct error *e)
{
    const char *at = next_entry(script);
    TRY(pg_run(to,
               "SET LOCAL check_function_bodies = false; SET LOCAL xmloption = content;"
               "SET LOCAL row_security = off",
               e));
    while (at) {
        const char *next = next_entry(at);
        if (!is_built_otherwise(at))
            TRY(apply_entry(to, at, next ? (size_t)(next - at) : strlen(at), e));
        at = next;
    }
    return OK;
}

/* They are there while the table is filled: rows.c puts them aside for that. */
static enum err add_triggers(struct pg_session *to, const struct pg_table *t, struct error *e)
{
    for (size_t i = 0; i < t->rules.count; i++) {
        if (!str_starts_with(str_from(t->rules.items[i]), STR("CONSTRAINT ")))
            TRY(pg_run(to, t->rules.items[i], e));
    }
    return OK;
}

static enum err make_missing(const struct pg_move *m, const struct pg_catalog *source,
                             const struct pg_catalog *before, struct error *e)
{
    struct pg_session *to = m->at[SIDE_TARGET];
    _cleanup_buf_ struct buf script = BUF_INIT(DUMP_MAX);
    const struct pg_table *tables = source->tables.items;
    TRY(dump(m, "--section=pre-data", &script, e));
    cut_end(&script);
    TRY(pg_run(to, "BEGIN", e));
    enum err err = apply(to, buf_text(&script), e);
    for (size_t i = 0; err == OK && i < source->tables.count; i++) {
        if (!pg_catalog_table(before, tables[i].label))
            err = add_triggers(to, &tables[i], e);
    }
    if (err == OK)
        return pg_run(to, "COMMIT", e);
    (void)pg_run(to, "ROLLBACK", NULL);
    return err;
}

enum err pg_target_make(const struct pg_move *m, const struct pg_catalog *source, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_catalog target;
    TRY(pg_catalog_read(m->at[SIDE_TARGET], m->run->settings->tenant_column, &arena, &target, e));
    const struct pg_table *tables = source->tables.items;
    for (size_t i = 0; i < source->tables.count; i++) {
        if (!pg_catalog_table(&target, tables[i].label))
            return make_missing(m, source, &target, e);
    }
    return OK;
}

enum err pg_target_make_rest(const struct pg_move *m, struct error *e)
{
    struct pg_session *to = m->at[SIDE_TARGET];
    _cleanup_buf_ struct buf script = BUF_INIT(DUMP_MAX);
    TRY(dump(m, "--section=post-data", &script, e));
    cut_end(&script);
    TRY(pg_run(to, "BEGIN", e));
    enum err err = apply(to, buf_text(&script), e);
    if (err == OK)
        return pg_run(to, "COMMIT", e);
    (void)pg_run(to, "ROLLBACK", NULL);
    return err;
}
