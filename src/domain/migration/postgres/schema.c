/*
 * Tables that an exclusive target lacks, made as pg_dump describes them.
 *
 * pg_dump writes a script of entries, each with a comment that says what it is. Entries that the
 * target has already (types, functions, and tables that were made with the tenant's place) are
 * passed over, so that the rest of the schema can come to what is there.
 *
 * Owners and grants come along, so that applications which log in as roles of their own find what
 * they had. What belongs at the source to the role of its url, or to a superuser, belongs to the
 * role of the target's url: those are the operator's, and another one's at another server.
 */
#include "domain/migration/postgres/target.h"

#include "infra/process/process.h"

#define DUMP_MAX        ((size_t)256 << 20)
#define ROLES_MAX       100000
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

/* -- roles ------------------------------------------------------------------------------------ */

struct renaming {
    struct pg_rows ours; /* the source's, as pg_dump writes them */
    const char *role;    /* the target's */
};

static enum err read_renaming(const struct pg_move *m, struct arena *arena, struct renaming *ret,
                              struct error *e)
{
    TRY(pg_query(m->at[SIDE_SOURCE],
                 "SELECT quote_ident(rolname) FROM pg_roles WHERE rolsuper"
                 " OR rolname = current_user",
                 NULL, 0, ROLES_MAX, arena, &ret->ours, e));
    return pg_get(m->at[SIDE_TARGET], "SELECT quote_ident(current_user)", NULL, 0, arena,
                  &ret->role, e);
}

static bool is_ours(const struct renaming *r, struct str name)
{
    for (size_t i = 0; i < r->ours.count; i++) {
        if (str_eq(name, str_from(pg_cell(&r->ours, i, 0))))
            return true;
    }
    return false;
}

/* A word behind one of these is a role: "OWNER TO app;", "FROM app;", "FOR ROLE app IN". */
static bool comes_before_role(struct str word)
{
    return str_eq(word, STR("TO")) || str_eq(word, STR("FROM")) || str_eq(word, STR("ROLE"));
}

/* Names that need quotes and have spaces in them are left; the server says that there is no such
 * role. */
static void rename_in(const struct renaming *r, struct str line, struct buf *out)
{
    struct str before = {0};
    bool first = true;
    while (line.len > 0) {
        struct str word = str_cut(&line, ' '), name = word;
        bool ends = name.len > 0 && name.ptr[name.len - 1] == ';';
        name.len -= ends;
        if (comes_before_role(before) && is_ours(r, name))
            (void)buf_printf(out, "%s%s%s", first ? "" : " ", r->role, ends ? ";" : "");
        else
            (void)buf_printf(out, "%s%.*s", first ? "" : " ", (int)word.len, word.ptr);
        before = word;
        first = false;
    }
}

static bool is_about_roles(struct str line)
{
    return str_starts_with(line, STR("ALTER ")) || str_starts_with(line, STR("GRANT ")) ||
           str_starts_with(line, STR("REVOKE "));
}

static enum err rename_roles(const struct pg_move *m, struct buf *script, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct renaming r;
    struct buf out = BUF_INIT(DUMP_MAX);
    struct str rest = str_from(buf_text(script));
    TRY(read_renaming(m, &arena, &r, e));
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        if (is_about_roles(line))
            rename_in(&r, line, &out);
        else
            (void)buf_printf(&out, "%.*s", (int)line.len, line.ptr);
        (void)buf_append_char(&out, '\n');
    }
    buf_release(script);
    *script = out;
    return OK;
}

/* -- entries ---------------------------------------------------------------------------------- */

/* "-- Name: trips; Type: TABLE; Schema: public; Owner: app" behind a line "--". */
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

/* Ready to be applied. */
static enum err read_script(const struct pg_move *m, const char *section, struct buf *ret,
                            struct error *e)
{
    TRY(dump(m, section, ret, e));
    cut_end(ret);
    return rename_roles(m, ret, e);
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
    TRY(read_script(m, "--section=pre-data", &script, e));
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
    TRY(read_script(m, "--section=post-data", &script, e));
    TRY(pg_run(to, "BEGIN", e));
    enum err err = apply(to, buf_text(&script), e);
    if (err == OK)
        return pg_run(to, "COMMIT", e);
    (void)pg_run(to, "ROLLBACK", NULL);
    return err;
}
