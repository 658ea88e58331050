#include "testdb.h"
#include "base/clock.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *server_url(void)
{
    return getenv("WEBHOST_TEST_PG_URL");
}

static _Noreturn void give_up(const char *what, const char *why)
{
    (void)fprintf(stderr, "testdb: %s: %s\n", what, why);
    abort();
}

static void run_on_server(const char *sql)
{
    PGconn *conn = PQconnectdb(server_url());
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        give_up(sql, PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
}

static void create_on_server(struct testdb *t, const char *template)
{
    static _Atomic unsigned counter;
    (void)snprintf(t->name, sizeof(t->name), "test_%d_%u", (int)getpid(), counter++);
    char sql[256];
    (void)snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE %s", t->name, template);
    run_on_server(sql);

    /* postgres://postgres@127.0.0.1:PORT/postgres: the last part is the database. */
    const char *slash = strrchr(server_url(), '/');
    if (!slash)
        give_up("WEBHOST_TEST_PG_URL", server_url());
    (void)snprintf(t->url, sizeof(t->url), "%.*s/%s", (int)(slash - server_url()), server_url(),
                   t->name);
}

void testdb_create(struct testdb *t)
{
    *t = (struct testdb){0};
    if (testdb_engine() == DB_POSTGRES) {
        create_on_server(t, "template0");
        return;
    }
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(t->folder, sizeof(t->folder), "%s/webhost-test-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(t->folder))
        give_up("mkdtemp", t->folder);
    (void)snprintf(t->path, sizeof(t->path), "%s/test.db", t->folder);
    (void)snprintf(t->url, sizeof(t->url), "sqlite:%s", t->path);
}

struct db_options testdb_options(const struct testdb *t, const struct db_migration *migrations,
                                 size_t count)
{
    return (struct db_options){
        .url = t->url,
        .migrations = migrations,
        .migration_count = count,
        .readers = 4,
        .busy_timeout_us = 60 * USEC_PER_SEC,
        .clock = t->clock,
    };
}

void testdb_open(struct testdb *t, const struct db_migration *migrations, size_t count)
{
    struct error e;
    struct db_options options = testdb_options(t, migrations, count);
    if (db_open(&options, &t->db, &e) != OK)
        give_up("db_open", e.text);
}

void testdb_remove(struct testdb *t)
{
    db_close(t->db);
    t->db = NULL;
    if (t->name[0]) {
        char sql[128];
        (void)snprintf(sql, sizeof(sql), "DROP DATABASE %s WITH (FORCE)", t->name);
        run_on_server(sql);
        return;
    }
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock", "-journal"};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char path[300];
        (void)snprintf(path, sizeof(path), "%s%s", t->path, suffixes[i]);
        (void)unlink(path);
    }
    if (rmdir(t->folder) != 0)
        give_up("a test left files behind", t->folder);
}

enum db_engine testdb_engine(void)
{
    return server_url() ? DB_POSTGRES : DB_SQLITE;
}

/* -- databases that are migrated once ---------------------------------------------------------- */

static struct {
    struct testdb t; /* closed: nobody may be in what is copied */
    const struct db_migration *migrations;
    size_t count;
    pid_t owner; /* a child that exits leaves it alone */
} template;

static void remove_template(void)
{
    if (template.owner == getpid())
        testdb_remove(&template.t);
}

static void make_template(const struct db_migration *migrations, size_t count)
{
    if (template.owner == getpid() && template.migrations == migrations && template.count == count)
        return;
    if (template.owner == 0 && atexit(remove_template) != 0)
        give_up("atexit", "there is no memory");
    remove_template();
    testdb_create(&template.t);
    testdb_open(&template.t, migrations, count);
    db_close(template.t.db);
    template.t.db = NULL;
    template.migrations = migrations;
    template.count = count;
    template.owner = getpid();
}

void testdb_create_migrated(struct testdb *t, const struct db_migration *migrations, size_t count)
{
    if (testdb_engine() == DB_SQLITE) {
        testdb_create(t);
        return;
    }
    make_template(migrations, count);
    *t = (struct testdb){0};
    create_on_server(t, template.t.name);
}
