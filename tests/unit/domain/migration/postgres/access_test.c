/*
 * How the mover gets in: two servers that take a password (SCRAM) and TLS only, each with a
 * certificate of its own; roles without rights; the applications' roles. By pgcluster.py, twice.
 */
#include "sides.h"

#include "base/url.h"
#include "domain/migration/postgres/rights.h"
#include "domain/migration/postgres/watchdog.h"
#include "infra/pg/url.h"

#include <glob.h>
#include <poll.h>

/* Everything that is something in a url, in SQL, in a shell or in a connection string. */
#define PASSWORD "p@ss:w/o?r&d=#%'\"\\ ${x};-- end"

struct world {
    struct sides sides; /* the target is at the other server */
    struct sides_move move;
    struct pg_session *servers[2]; /* their first databases, where roles and settings are made */
};

static const char schema[] =
    "CREATE TABLE public.kinds (id int PRIMARY KEY, name text);"
    "CREATE TABLE public.trips (id bigserial PRIMARY KEY, customer_id text NOT NULL, note text);"
    "INSERT INTO public.kinds VALUES (1, 'car');"
    "INSERT INTO public.trips (customer_id, note) SELECT c, 'x' FROM"
    " unnest(ARRAY['acme', 'other']) c, generate_series(1, 100);";

static const char *server_url(enum mover_side side)
{
    return getenv(side == SIDE_SOURCE ? "WEBHOST_TEST_PG_URL" : "WEBHOST_TEST_PG_OTHER_URL");
}

static struct pg_session *open_url(struct world *w, const char *url)
{
    struct pg_session *s = NULL;
    const struct pg_options options = {.url = url, .name = "test"};
    ASSERT_OK(&w->sides, pg_open(&options, &s, &w->sides.e));
    return s;
}

static const char *url_of(struct world *w, enum mover_side side, const char *user,
                          const char *parameters)
{
    struct pg_place place;
    ASSERT_OK(&w->sides, pg_url_parse(server_url(side), &w->sides.arena, &place, &w->sides.e));
    return arena_printf(&w->sides.arena, "postgres://%s@localhost:%lld/%s%s", user,
                        (long long)place.port, w->sides.db[side].name, parameters);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    struct sides *s = &w->sides;
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        w->servers[side] = open_url(w, server_url(side));
        (void)snprintf(s->db[side].name, sizeof(s->db[side].name), "fleet");
        ASSERT_OK(s, pg_run(w->servers[side], "CREATE DATABASE fleet", &s->e));
        (void)snprintf(s->db[side].url, sizeof(s->db[side].url), "%s",
                       url_of(w, side, "postgres", ""));
        s->at[side] = open_url(w, s->db[side].url);
    }
    sides_run(s, SIDE_SOURCE, schema);
    sides_move_init(&w->move, s);
    w->move.settings.budget_ms = w->move.settings.lag_ms = 10000;
    *state = w;
    return 0;
}

static void drop_roles(struct world *w, enum mover_side side)
{
    struct pg_rows rows;
    ASSERT_OK(&w->sides, pg_query(w->servers[side],
                                  "SELECT format('DROP ROLE %I', rolname) FROM pg_roles"
                                  " WHERE rolname LIKE 'test%'",
                                  NULL, 0, 100, &w->sides.arena, &rows, &w->sides.e));
    for (size_t i = 0; i < rows.count; i++)
        ASSERT_OK(&w->sides, pg_run(w->servers[side], pg_cell(&rows, i, 0), &w->sides.e));
}

static int teardown(void **state)
{
    struct world *w = *state;
    struct sides *s = &w->sides;
    sides_move_drop(&w->move, s);
    sides_move_release(&w->move);
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        pg_close(s->at[side]);
        ASSERT_OK(s, pg_run(w->servers[side], "DROP DATABASE fleet WITH (FORCE)", &s->e));
        drop_roles(w, side);
        pg_close(w->servers[side]);
    }
    arena_release(&s->arena);
    free(w);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* -- passwords and certificates --------------------------------------------------------------- */

static const char *server_text(struct world *w, enum mover_side side, const char *sql)
{
    const char *text;
    ASSERT_OK(&w->sides,
              pg_get(w->servers[side], sql, NULL, 0, &w->sides.arena, &text, &w->sides.e));
    return text;
}

static const char *certificate_of(struct world *w, enum mover_side side)
{
    return arena_printf(&w->sides.arena, "%s/server.crt",
                        server_text(w, side, "SHOW data_directory"));
}

/* The server's own programs write its files, as its user. */
static void make_certificate(struct world *w, enum mover_side side)
{
    const char *folder = server_text(w, side, "SHOW data_directory");
    const char *command = arena_printf(
        &w->sides.arena,
        "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost"
        " -addext subjectAltName=DNS:localhost -keyout %s/server.key -out %s/server.crt 2>&1",
        folder, folder);
    ASSERT_OK(&w->sides, pg_runf(w->servers[side], &w->sides.e, "COPY (SELECT '') TO PROGRAM %s",
                                 pg_literal(&w->sides.arena, command)));
}

/* Only with TLS and the password; and it logs all that it is told. */
static void close_doors(struct world *w, enum mover_side side)
{
    struct arena *arena = &w->sides.arena;
    make_certificate(w, side);
    ASSERT_OK(&w->sides,
              pg_runf(w->servers[side], &w->sides.e,
                      "COPY (SELECT unnest(ARRAY['hostssl all test_mover all scram-sha-256',"
                      " 'host all test_mover all reject', 'host all all all trust'])) TO %s;"
                      "CREATE ROLE test_mover LOGIN SUPERUSER PASSWORD %s;"
                      "ALTER ROLE test_mover SET log_statement = 'all';"
                      "ALTER ROLE test_mover SET log_min_duration_statement = 0;"
                      "ALTER ROLE test_mover SET log_min_error_statement = 'debug1';"
                      "ALTER ROLE test_mover SET log_min_messages = 'log'",
                      pg_literal(arena, server_text(w, side, "SHOW hba_file")),
                      pg_literal(arena, PASSWORD)));
    ASSERT_OK(&w->sides, pg_run(w->servers[side], "ALTER SYSTEM SET ssl = on", &w->sides.e));
    ASSERT_OK(&w->sides, pg_run(w->servers[side], "SELECT pg_reload_conf()", &w->sides.e));
    for (const char *ssl = "off"; !text_eq(ssl, "on");) {
        struct pg_session *s = open_url(w, server_url(side));
        ASSERT_OK(&w->sides, pg_get(s, "SHOW ssl", NULL, 0, arena, &ssl, &w->sides.e));
        pg_close(s);
    }
}

static const char *locked_url(struct world *w, enum mover_side side, enum mover_side root)
{
    struct arena *arena = &w->sides.arena;
    return url_of(w, side, arena_printf(arena, "test_mover:%s", url_escape(PASSWORD, arena)),
                  arena_printf(arena, "?sslmode=verify-full&sslrootcert=%s",
                               url_escape(certificate_of(w, root), arena)));
}

/* As it is, and as a url has it. */
static void assert_hidden(struct world *w, const char *where, const char *text)
{
    const char *const forms[] = {PASSWORD, url_escape(PASSWORD, &w->sides.arena), "p@ss:w",
                                 "p%40ss%3Aw"};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (strstr(text, forms[i]))
            fail_msg("%s has the password in it", where);
    }
}

static const char *file_text(struct world *w, const char *path)
{
    _cleanup_buf_ struct buf b = BUF_INIT((size_t)16 << 20);
    char piece[4096];
    size_t n;
    FILE *file = fopen(path, "r");
    if (!file)
        return "";
    while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
        for (size_t i = 0; i < n; i++)
            assert_true(buf_append_char(&b, piece[i] ? piece[i] : ' '));
    (void)fclose(file);
    return arena_text(&w->sides.arena, buf_text(&b));
}

static void assert_no_title_has_it(struct world *w)
{
    glob_t all;
    assert_int_equal(glob("/proc/[0-9]*/cmdline", 0, NULL, &all), 0);
    for (size_t i = 0; i < all.gl_pathc; i++)
        assert_hidden(w, all.gl_pathv[i], file_text(w, all.gl_pathv[i]));
    globfree(&all);
}

static void assert_no_log_has_it(struct world *w, enum mover_side side)
{
    const char *log = file_text(
        w, arena_printf(&w->sides.arena, "%s/../log", server_text(w, side, "SHOW data_directory")));
    ASSERT_CONTAINS(log, "CREATE SCHEMA webhost_move_"); /* it logs statements */
    assert_hidden(w, "a server's log", log);
}

static void assert_statements_hide_it(struct world *w, enum mover_side side)
{
    assert_hidden(w, "pg_stat_activity",
                  server_text(w, side,
                              "SELECT string_agg(concat_ws(' ', query, application_name), ' ')"
                              " FROM pg_stat_activity WHERE pid <> pg_backend_pid()"));
}

static void a_move_by_passwords_and_certificates_keeps_them_to_itself(void **state)
{
    struct world *w = *state;
    struct sides *s = &w->sides;
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++)
        close_doors(w, side);
    w->move.run.source_url = locked_url(w, SIDE_SOURCE, SIDE_SOURCE);
    w->move.run.target_url = locked_url(w, SIDE_TARGET, SIDE_TARGET);
    assert_int_equal(sides_move_load(&w->move, s), 101);
    sides_move_catch_up(&w->move, s);
    ASSERT_GET(s, SIDE_SOURCE,
               "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_replication USING (pid)", "t");
    assert_no_title_has_it(w);
    sides_move_cut(&w->move, s, SIDE_TARGET);
    assert_no_title_has_it(w);
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++)
        assert_statements_hide_it(w, side);
    /* The subscription has it, for superusers alone. */
    sides_run(s, SIDE_SOURCE, "CREATE ROLE test_plain; SET ROLE test_plain");
    assert_int_equal(pg_run(s->at[SIDE_SOURCE], "SELECT subconninfo FROM pg_subscription", &s->e),
                     ERR_DENIED);
    sides_run(s, SIDE_SOURCE, "RESET ROLE");
    ASSERT_OK(s, postgres_mover.finish(&w->move.run, &s->e));
    assert_string_equal(sides_traces(s), "");
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++)
        assert_no_log_has_it(w, side);
}

static void assert_refused_at_the_door(struct world *w, const char *url, const char *why)
{
    struct mover_survey found;
    w->move.run.source_url = url;
    assert_int_not_equal(postgres_mover.survey(&w->move.run, &found, &w->sides.e), OK);
    ASSERT_CONTAINS(w->sides.e.text, why);
    assert_hidden(w, "an error", w->sides.e.text);
}

static void errors_at_the_door_do_not_tell_the_password(void **state)
{
    struct world *w = *state;
    struct arena *arena = &w->sides.arena;
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++)
        close_doors(w, side);
    assert_refused_at_the_door(w, locked_url(w, SIDE_SOURCE, SIDE_TARGET),
                               "certificate verify failed");
    const char *user = arena_printf(arena, "test_mover:%s", url_escape(PASSWORD, arena));
    assert_refused_at_the_door(w, url_of(w, SIDE_SOURCE, user, "?sslmode=disable"),
                               "pg_hba.conf rejects");
    assert_refused_at_the_door(w, url_of(w, SIDE_SOURCE, user, "?sslmode=maybe"), "sslmode");
    user = arena_printf(arena, "test_mover:%s.", url_escape(PASSWORD, arena));
    assert_refused_at_the_door(w, url_of(w, SIDE_SOURCE, user, "?sslmode=require"),
                               "password authentication failed");
}

/* -- rights ----------------------------------------------------------------------------------- */

/* As PostgreSQL 16 asks, of this server, where the role pg_create_subscription is not known. */
static struct records missing_rights(struct world *w, struct pg_session *s)
{
    struct records found;
    ASSERT_OK(&w->sides, pg_rights_missing(s, 160000, &w->sides.arena, &found, &w->sides.e));
    return found;
}

static void assert_fix(struct records missing, const char *fix)
{
    const struct mover_obstacle *all = missing.items;
    size_t i = 0;
    while (i < missing.count && !text_eq(all[i].fix, fix))
        i++;
    if (i == missing.count)
        fail_msg("no word of \"%s\"", fix);
}

static void each_right_that_is_missing_is_named_with_the_statement_that_gives_it(void **state)
{
    static const char unknown[] = "GRANT pg_create_subscription TO test_worker";
    static const char *const fixes[] = {
        unknown,
        "ALTER ROLE test_worker REPLICATION",
        "GRANT pg_read_all_stats TO test_worker",
        "GRANT CREATE ON DATABASE fleet TO test_worker",
        "GRANT test_app TO test_worker",
        "GRANT SET ON PARAMETER session_replication_role TO test_worker",
        "GRANT SET ON PARAMETER log_statement TO test_worker",
        "GRANT SET ON PARAMETER track_activities TO test_worker",
    };
    struct world *w = *state;
    struct sides *s = &w->sides;
    sides_run(s, SIDE_SOURCE,
              "CREATE ROLE test_app; ALTER TABLE public.trips OWNER TO test_app;"
              "ALTER TABLE public.kinds OWNER TO test_app; CREATE ROLE test_worker LOGIN");
    struct pg_session *worker = open_url(w, url_of(w, SIDE_SOURCE, "test_worker", ""));
    struct records missing = missing_rights(w, worker);
    for (size_t i = 0; i < ARRAY_LEN(fixes); i++)
        assert_fix(missing, fixes[i]);
    const struct mover_obstacle *all = missing.items;
    for (size_t i = 0; i < missing.count; i++) {
        assert_string_equal(all[i].thing, "role test_worker");
        if (!text_eq(all[i].fix, unknown))
            sides_run(s, SIDE_SOURCE, all[i].fix);
    }
    missing = missing_rights(w, worker);
    assert_int_equal(missing.count, 1);
    assert_fix(missing, unknown);
    pg_close(worker);
    sides_run(s, SIDE_SOURCE, "DROP OWNED BY test_worker, test_app");
}

static void a_superuser_lacks_nothing(void **state)
{
    struct world *w = *state;
    assert_int_equal(missing_rights(w, w->sides.at[SIDE_SOURCE]).count, 0);
}

/* -- the applications' roles ------------------------------------------------------------------ */

static const char roles_sql[] =
    "CREATE ROLE test_app LOGIN PASSWORD 'secret'; CREATE ROLE test_reader;"
    "ALTER TABLE public.trips OWNER TO test_app;"
    "GRANT SELECT ON public.kinds TO test_app, test_reader;"
    "GRANT SELECT (id, note) ON public.trips TO test_reader;"
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO test_reader";

/* What each may do, by every way in which it could come. */
static const char rights_sql[] =
    "SELECT concat_ws(' ', pg_get_userbyid(relowner), has_table_privilege('test_app',"
    " 'public.kinds', 'SELECT'), has_table_privilege('test_app', 'public.kinds', 'INSERT'),"
    " has_sequence_privilege('test_app', 'public.trips_id_seq', 'USAGE'),"
    " has_table_privilege('test_reader', 'public.kinds', 'SELECT'),"
    " has_column_privilege('test_reader', 'public.trips', 'note', 'SELECT'),"
    " has_column_privilege('test_reader', 'public.trips', 'customer_id', 'SELECT'),"
    " (SELECT defaclacl FROM pg_default_acl)) FROM pg_class WHERE oid = 'public.trips'::regclass";

static void roles_that_the_target_lacks_are_named_and_their_rights_come_along(void **state)
{
    struct world *w = *state;
    struct sides *s = &w->sides;
    sides_run(s, SIDE_SOURCE, roles_sql);
    sides_move_assert_refused(&w->move, s, "role test_app",
                              "is missing at the target's server, and has rights on public.kinds"
                              " at the source",
                              "CREATE ROLE \"test_app\" LOGIN PASSWORD");
    sides_move_assert_refused(&w->move, s, "role test_reader", "is missing at the target's server",
                              "CREATE ROLE \"test_reader\"");
    assert_null(strstr(s->e.text, "SCRAM"));
    sides_run(s, SIDE_TARGET,
              arena_printf(&s->arena,
                           "CREATE ROLE test_owner LOGIN SUPERUSER;"
                           "CREATE ROLE test_reader; CREATE ROLE test_app LOGIN"
                           " PASSWORD '%s'",
                           server_text(w, SIDE_SOURCE,
                                       "SELECT rolpassword FROM pg_authid"
                                       " WHERE rolname = 'test_app'")));
    w->move.run.target_url = url_of(w, SIDE_TARGET, "test_owner", "");
    (void)sides_move_load(&w->move, s);
    ASSERT_GET(s, SIDE_SOURCE, rights_sql, "test_app t f t t t f {test_reader=r/postgres}");
    ASSERT_GET(s, SIDE_TARGET, rights_sql, "test_app t f t t t f {test_reader=r/test_owner}");
    ASSERT_GET(s, SIDE_TARGET,
               "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid ="
               " 'public.kinds'::regclass",
               "test_owner");
}

int main(int argc, char **argv)
{
    pg_watchdog_hook(argc, argv, NULL);
    const struct CMUnitTest tests[] = {
        TEST(a_move_by_passwords_and_certificates_keeps_them_to_itself),
        TEST(errors_at_the_door_do_not_tell_the_password),
        TEST(each_right_that_is_missing_is_named_with_the_statement_that_gives_it),
        TEST(a_superuser_lacks_nothing),
        TEST(roles_that_the_target_lacks_are_named_and_their_rights_come_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
