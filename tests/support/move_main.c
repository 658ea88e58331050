/*
 * One tenant's move by the PostgreSQL mover, step by step, as a program of its own, so that it can
 * be killed and its clients can be real ones behind a real PgBouncer.
 *
 *     move_main [--NAME VALUE].. STEP..
 *
 *     --source URL --target URL --customer ID --slug SLUG --move ID --run N
 *     --databases-file FILE --admin URL   PgBouncer; without them there is no router
 *     --budget-ms N --lag-ms N
 *     --kill POINT                        kills itself with SIGKILL there
 *     --stop POINT                        stops itself with SIGSTOP there, once
 *     --nth N                             of sql: and sent: the N-th time; 1 unless told
 *
 * A point is pause, paused, point, pointed, resume, resumed; the name of a step, before it, or
 * STEP+ behind it; rename and renamed, with PgBouncer's file locked; sql:TEXT, before a statement
 * with that text is sent to a server or to PgBouncer, or sent:TEXT, when it has been sent and its
 * answer has not been read.
 *
 * Steps are the members of struct mover: prepare copy index catch_up verify cut_over:target
 * cut_over:source settle prove watch finish undo owner. Each is one JSON object on a line of
 * standard output; the first that fails ends the program with status 1.
 */
#include "domain/migration/mover.h"
#include "domain/migration/postgres/watchdog.h"
#include "domain/provisioning/pgbouncer.h"
#include "infra/json/json.h"

#include <libpq-fe.h>
#include <signal.h>
#include <stdatomic.h>

struct options {
    const char *source, *target, *customer, *slug, *move, *databases_file, *admin, *kill, *stop;
    int64_t run, budget_ms, lag_ms, nth;
};

static struct options options = {.run = 1, .budget_ms = 1000, .lag_ms = 150, .nth = 1};
static const struct mover_router *real;
static struct mover_cut *cut;
static int64_t stall_us;

static const struct {
    const char *name;
    const char **text;
    int64_t *number;
} option_names[] = {
    {"--source", &options.source, NULL},     {"--target", &options.target, NULL},
    {"--customer", &options.customer, NULL}, {"--slug", &options.slug, NULL},
    {"--move", &options.move, NULL},         {"--databases-file", &options.databases_file, NULL},
    {"--admin", &options.admin, NULL},       {"--kill", &options.kill, NULL},
    {"--stop", &options.stop, NULL},         {"--nth", NULL, &options.nth},
    {"--run", NULL, &options.run},           {"--budget-ms", NULL, &options.budget_ms},
    {"--lag-ms", NULL, &options.lag_ms},
};

/* -- the points ------------------------------------------------------------------------------- */

static void stop_once(void)
{
    static atomic_flag stopped = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&stopped))
        (void)kill(getpid(), SIGSTOP);
}

static void die_at(const char *point)
{
    if (options.kill && text_eq(options.kill, point))
        (void)kill(getpid(), SIGKILL);
    if (options.stop && text_eq(options.stop, point))
        stop_once();
}

/* Whether the point is one of statements, `kind` "sql:" or "sent:", and this is one of them. */
static bool matches(const char *point, const char *kind, const char *sql)
{
    return point && strncmp(point, kind, strlen(kind)) == 0 && strstr(sql, point + strlen(kind));
}

static void statement(const char *kind, const char *sql)
{
    static atomic_llong seen;
    bool dies = matches(options.kill, kind, sql), stops = matches(options.stop, kind, sql);
    if ((!dies && !stops) || atomic_fetch_add(&seen, 1) + 1 != options.nth)
        return;
    if (dies)
        (void)kill(getpid(), SIGKILL);
    stop_once();
}

/* The linker gives us these (--wrap): every statement of the mover goes through the last two. */
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_PQsendQuery(PGconn *conn, const char *sql);
int __wrap_PQsendQuery(PGconn *conn, const char *sql);
int __real_PQsendQueryParams(PGconn *conn, const char *sql, int count, const Oid *types,
                             const char *const *values, const int *lengths, const int *formats,
                             int format);
int __wrap_PQsendQueryParams(PGconn *conn, const char *sql, int count, const Oid *types,
                             const char *const *values, const int *lengths, const int *formats,
                             int format);

int __wrap_rename(const char *from, const char *to)
{
    die_at("rename");
    int done = __real_rename(from, to);
    die_at("renamed");
    return done;
}

int __wrap_PQsendQuery(PGconn *conn, const char *sql)
{
    statement("sql:", sql);
    int sent = __real_PQsendQuery(conn, sql);
    (void)PQflush(conn);
    statement("sent:", sql);
    return sent;
}

int __wrap_PQsendQueryParams(PGconn *conn, const char *sql, int count, const Oid *types,
                             const char *const *values, const int *lengths, const int *formats,
                             int format)
{
    statement("sql:", sql);
    int sent = __real_PQsendQueryParams(conn, sql, count, types, values, lengths, formats, format);
    (void)PQflush(conn);
    statement("sent:", sql);
    return sent;
}

/* -- the router, with the points in it where the program may die ------------------------------ */

static enum err pause_clients(const struct mover_router *self, const char *slug,
                              int64_t deadline_us, struct error *e)
{
    (void)self;
    die_at("pause");
    enum err err = real->pause(real, slug, deadline_us, e);
    die_at("paused");
    return err;
}

static enum err point(const struct mover_router *self, const char *slug, const char *url,
                      int64_t deadline_us, struct error *e)
{
    (void)self;
    die_at("point");
    enum err err = real->point(real, slug, url, deadline_us, e);
    die_at("pointed");
    return err;
}

static enum err resume(const struct mover_router *self, const char *slug, int64_t deadline_us,
                       struct error *e)
{
    (void)self;
    die_at("resume");
    enum err err = real->resume(real, slug, deadline_us, e);
    die_at("resumed");
    return err;
}

/* -- steps ------------------------------------------------------------------------------------ */

static enum err go_on(void *ctx, struct error *e)
{
    (void)ctx;
    (void)e;
    return OK;
}

static enum err cut_over(const struct mover_run *run, enum mover_side to, struct error *e)
{
    postgres_mover.cut_free(cut);
    cut = NULL;
    return postgres_mover.cut_over(run, to, &cut, &stall_us, e);
}

static enum err prove(const struct mover_run *run, json_t *out, struct error *e)
{
    const char *proof;
    struct mover_cut *mine = cut;
    cut = NULL;
    TRY(postgres_mover.prove(run, mine, &proof, e));
    json_t *value;
    TRY(json_parse(str_from(proof), &value, e));
    return json_object_set_new(out, "proof", value) == 0 ? OK : ERR_INVALID;
}

static enum err owner(const struct mover_run *run, json_t *out, struct error *e)
{
    enum mover_side side;
    TRY(postgres_mover.owner(run, &side, e));
    const char *name = side == SIDE_SOURCE ? "source" : "target";
    return json_object_set_new(out, "owner", json_string(name)) == 0 ? OK : ERR_INVALID;
}

static enum err watch(const struct mover_run *run, json_t *out, struct error *e)
{
    int64_t lag;
    TRY(postgres_mover.watch(run, &lag, e));
    return json_object_set_new(out, "lag_bytes", json_integer(lag)) == 0 ? OK : ERR_INVALID;
}

static enum err step(const struct mover_run *run, const char *name, json_t *out, struct error *e)
{
    int64_t rows, bytes;
    const struct {
        const char *name;
        enum err (*run)(const struct mover_run *run, struct error *e);
    } simple[] = {
        {"prepare", postgres_mover.prepare},   {"index", postgres_mover.index},
        {"catch_up", postgres_mover.catch_up}, {"verify", postgres_mover.verify},
        {"settle", postgres_mover.settle},     {"finish", postgres_mover.finish},
        {"undo", postgres_mover.undo},
    };
    for (size_t i = 0; i < ARRAY_LEN(simple); i++) {
        if (text_eq(name, simple[i].name))
            return simple[i].run(run, e);
    }
    if (text_eq(name, "copy"))
        return postgres_mover.copy(run, &rows, &bytes, e);
    if (text_eq(name, "cut_over:target"))
        return cut_over(run, SIDE_TARGET, e);
    if (text_eq(name, "cut_over:source"))
        return cut_over(run, SIDE_SOURCE, e);
    if (text_eq(name, "prove"))
        return prove(run, out, e);
    if (text_eq(name, "owner"))
        return owner(run, out, e);
    if (text_eq(name, "watch"))
        return watch(run, out, e);
    return error_set(e, ERR_INVALID, "there is no step %s", name);
}

static bool run_step(const struct mover_run *run, const char *name)
{
    _cleanup_arena_ struct arena arena = {0};
    _cleanup_json_ json_t *out = json_object();
    struct error e = {0};
    int64_t start = monotonic_us();
    die_at(name);
    enum err err = step(run, name, out, &e);
    (void)json_object_set_new(out, "step", json_string(name));
    (void)json_object_set_new(out, "us", json_integer(monotonic_us() - start));
    if (str_starts_with(str_from(name), STR("cut_over")))
        (void)json_object_set_new(out, "stall_us", json_integer(stall_us));
    if (err != OK) {
        (void)json_object_set_new(out, "error", json_string(e.text));
        (void)json_object_set_new(out, "class", json_string(err_name(err)));
    }
    (void)printf("%s\n", json_text(out, &arena));
    (void)fflush(stdout);
    if (err == OK)
        die_at(arena_printf(&arena, "%s+", name));
    return err == OK;
}

/* -- arguments -------------------------------------------------------------------------------- */

static bool read_option(const char *name, const char *value)
{
    for (size_t i = 0; i < ARRAY_LEN(option_names); i++) {
        if (!text_eq(name, option_names[i].name))
            continue;
        if (option_names[i].text)
            *option_names[i].text = value;
        return option_names[i].text || str_to_i64(str_from(value), option_names[i].number);
    }
    return false;
}

int main(int argc, char **argv)
{
    int at = 1;
    pg_watchdog_hook(argc, argv, pgbouncer_router_make);
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        if (!read_option(argv[at], argv[at + 1])) {
            (void)fprintf(stderr, "move_main: what is %s %s?\n", argv[at], argv[at + 1]);
            return 2;
        }
    }
    struct arena arena = {0};
    struct pgbouncer_settings pooler = {.databases_file = options.databases_file,
                                        .admin_urls = {&options.admin, 1}};
    struct pgbouncer *pgbouncer = options.admin ? pgbouncer_new(&pooler, NULL) : NULL;
    struct mover_router router = {pause_clients, point, resume, NULL};
    const struct mover_settings settings = {.budget_ms = options.budget_ms,
                                            .lag_ms = options.lag_ms,
                                            .streams = 2,
                                            .index_builds = 2,
                                            .index_memory_mb = 64,
                                            .kept_wal_mb = 4096,
                                            .tenant_column = "customer_id"};
    struct mover_run run = {
        .settings = &settings,
        .move_id = options.move,
        .run = options.run,
        .customer_id = options.customer,
        .slug = options.slug,
        .source_url = options.source,
        .target_url = options.target,
        .source_id = "the-source",
        .target_id = "the-target",
        .arena = &arena,
        .go_on = go_on,
    };
    if (pgbouncer) {
        real = pgbouncer_router(pgbouncer);
        router.spec = real->spec;
        run.router = &router;
    }
    struct tenant_stores *stores = tenant_stores_new(NULL);
    run.stores = stores;
    bool fine = true;
    while (fine && at < argc)
        fine = run_step(&run, argv[at++]);
    postgres_mover.cut_free(cut);
    pgbouncer_free(pgbouncer);
    tenant_stores_free(stores);
    arena_release(&arena);
    return fine ? 0 : 1;
}
