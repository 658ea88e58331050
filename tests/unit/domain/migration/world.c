#include "world.h"

#include "domain/accounts/signup.h"
#include "domain/core/install.h"
#include "domain/provisioning/traffic.h"
#include "domain/provisioning/workers.h"
#include "infra/secrets/secret.h"
#include "world.sql.h"

#define START_US (INT64_C(1795454400) * USEC_PER_SEC) /* a fixed day */
#define VEHICLES 50                                   /* 3000 points: more than one page */

static _Noreturn void give_up(const char *what, const struct error *e)
{
    (void)fprintf(stderr, "world: %s: %s\n", what, e->text);
    abort();
}

#define MUST(call)                                                                                 \
    do {                                                                                           \
        struct error must_error_ = {0}, *must_ = &must_error_;                                     \
        if ((call) != OK)                                                                          \
            give_up(#call, must_);                                                                 \
    } while (0)

static void settle(struct world *w, unsigned port)
{
    w->settings = provisioning_settings_default();
    w->settings.hetzner.endpoint = w->settings.fly.endpoint =
        arena_printf(&w->arena, "http://127.0.0.1:%u/v1", port);
    w->settings.hetzner.database_url = w->shared.url;
    w->settings.fly.database_url = w->dedicated.url;
    w->settings.wait_ms = 1000;
    w->token = secret_new(STR("sandbox"));
    w->provisioning = (struct provisioning){.env = &w->env,
                                            .settings = &w->settings,
                                            .hetzner_token = w->token,
                                            .fly_token = w->token,
                                            .key = w->token,
                                            .stores = tenant_stores_new(NULL),
                                            .traffic = traffic_new(&w->env, 10)};
    MUST(install_id(&w->env, &w->arena, &w->provisioning.install_id, must_));
    w->move_settings = move_settings_default();
    w->move_settings.soak_hours = 0;
    w->notify = notify_settings_default();
    w->moves = (struct move_context){
        .provisioning = &w->provisioning,
        .settings = &w->move_settings,
        .notify = &w->notify,
        .mover_for = mover_for,
    };
    provisioning_workers(&w->provisioning, w->workers);
    move_workers(&w->moves, w->workers + PROVISIONING_WORKERS);
    w->queues[0] = (struct job_queue){"provisioning", 4, 0};
    w->queues[1] = (struct job_queue){MOVE_QUEUE, 4, 0};
    w->queues[2] = (struct job_queue){"maintenance", 2, 0};
    w->runner = runner_new(&(struct runner_options){
        .env = &w->env,
        .node_name = "test",
        .workers = w->workers,
        .worker_count = WORLD_WORKERS,
        .queues = w->queues,
        .queue_count = ARRAY_LEN(w->queues),
        .lease_us = 30 * USEC_PER_SEC,
    });
}

void world_join(struct world *w, unsigned port)
{
    w->core.clock = w->env.clock;
    testdb_open(&w->core, core_migrations, core_migration_count);
    w->env.db = w->core.db;
    settle(w, port);
}

void world_leave(struct world *w)
{
    runner_free(w->runner);
    tenant_stores_free(w->provisioning.stores);
    traffic_free(w->provisioning.traffic);
    secret_free(w->token);
    arena_release(&w->arena);
}

void world_create(struct world *w)
{
    *w = (struct world){.folder = "/tmp/webhost-world-XXXXXX"};
    if (!mkdtemp(w->folder))
        abort();
    (void)snprintf(w->sandbox_url, sizeof(w->sandbox_url), "sqlite:%s/sandbox.db", w->folder);
    clock_virtual_init(&w->clock, START_US);
    rng_seeded_init(&w->rng, 1);
    w->env = (struct env){.clock = &w->clock.clock, .rng = &w->rng.rng};
    testdb_create_migrated(&w->core, core_migrations, core_migration_count);
    testdb_create(&w->shared);
    testdb_create(&w->dedicated);
    w->policy = policy_builtin("default");
    w->prices = prices_builtin();
    struct sandbox_options options = {
        .db_url = w->sandbox_url, .threads = 2, .clock = &w->clock.clock};
    MUST(sandbox_start(&options, &w->sandbox, must_));
    world_join(w, sandbox_port(w->sandbox));
}

void world_remove(struct world *w)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
    world_leave(w);
    sandbox_stop(w->sandbox);
    policy_free(w->policy);
    prices_free(w->prices);
    testdb_remove(&w->core);
    testdb_remove(&w->shared);
    testdb_remove(&w->dedicated);
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char path[200];
        (void)snprintf(path, sizeof(path), "%s/sandbox.db%s", w->folder, suffixes[i]);
        (void)unlink(path);
    }
    if (rmdir(w->folder) != 0)
        abort();
}

/* -- transactions ------------------------------------------------------------------------------ */

struct job_of_world {
    struct world *w;
    const char *a, *b;
    struct signup form;
    struct signed_up signed_up;
    struct move move;
    struct deployment deployment;
    const struct db_query *query;
    int64_t number;
};

static enum err signup_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct job_of_world *j = arg;
    struct problems problems = {.arena = &j->w->arena};
    return signup(tx, &j->w->env, j->w->policy, j->w->prices, "token:test", &j->form, &j->w->arena,
                  &problems, &j->signed_up, e);
}

const char *world_customer(struct world *w, const char *slug, const char *profile)
{
    struct job_of_world j = {.w = w};
    struct problems problems = {.arena = &w->arena};
    const char *body =
        arena_printf(&w->arena,
                     "{\"name\":\"A Name\",\"slug\":\"%s\",\"email\":\"a@b.example\","
                     "\"plan_slug\":\"hobby\",\"profile_overrides\":%s}",
                     slug, profile);
    record_clear(signup_fields, &j.form);
    MUST(json_decode_text(signup_fields, str_from(body), &w->arena, &j.form, &problems, must_));
    MUST(db_write(w->env.db, signup_work, &j, must_));
    world_run(w, 60);
    const char *id = j.signed_up.customer.id;
    struct deployment at = world_current(w, id);
    MUST(tenant_fill_example(w->provisioning.stores, at.database_url, id, VEHICLES,
                             env_now(&w->env), must_));
    return id;
}

void world_run(struct world *w, unsigned rounds)
{
    for (unsigned i = 0; i < rounds && world_count(w, &world_jobs_left, "") > 0; i++) {
        size_t ran;
        MUST(runner_step(w->runner, &ran, must_));
        clock_virtual_advance(&w->clock, 2 * USEC_PER_SEC);
    }
}

void world_pass(struct world *w, int64_t by_us)
{
    clock_virtual_advance(&w->clock, by_us);
    for (int i = 0; i < 5; i++) { /* what is due becomes available, then runs */
        size_t ran;
        MUST(runner_step(w->runner, &ran, must_));
    }
}

static enum err request_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct job_of_world *j = arg;
    struct problems problems = {.arena = &j->w->arena};
    struct move_wish wish = {.customer = j->a, .target_mode = j->b};
    return move_request(tx, &j->w->env, j->w->policy, j->w->prices, "token:test", &wish,
                        &j->w->arena, &problems, &j->move, e);
}

enum err world_request(struct world *w, const char *customer, const char *mode, struct move *ret,
                       struct error *e)
{
    struct job_of_world j = {.w = w, .a = customer, .b = mode};
    TRY(db_write(w->env.db, request_work, &j, e));
    *ret = j.move;
    return OK;
}

static enum err cancel_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct job_of_world *j = arg;
    return move_cancel(tx, &j->w->env, "token:test", j->a, &j->w->arena, &j->move, e);
}

enum err world_cancel(struct world *w, const char *id, struct error *e)
{
    struct job_of_world j = {.w = w, .a = id};
    return db_write(w->env.db, cancel_work, &j, e);
}

static enum err move_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct job_of_world *j = arg;
    return move_find(tx, j->a, &j->w->arena, &j->move, e);
}

struct move world_move(struct world *w, const char *id)
{
    struct job_of_world j = {.w = w, .a = id};
    MUST(db_read(w->env.db, move_work, &j, must_));
    return j.move;
}

static enum err deployment_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct job_of_world *j = arg;
    if (j->b)
        return deployment_current(tx, j->b, &j->w->arena, &j->deployment, e);
    return deployment_find(tx, j->a, &j->w->arena, &j->deployment, e);
}

struct deployment world_deployment(struct world *w, const char *id)
{
    struct job_of_world j = {.w = w, .a = id};
    MUST(db_read(w->env.db, deployment_work, &j, must_));
    return j.deployment;
}

struct deployment world_current(struct world *w, const char *customer_id)
{
    struct job_of_world j = {.w = w, .b = customer_id};
    MUST(db_read(w->env.db, deployment_work, &j, must_));
    return j.deployment;
}

static enum err count_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct job_of_world *j = arg;
    return db_get_int(tx, j->query, DB_ARGS(db_text(j->a)), &j->number, e);
}

int64_t world_count(struct world *w, const struct db_query *query, const char *arg)
{
    struct job_of_world j = {.w = w, .query = query, .a = arg};
    MUST(db_read(w->env.db, count_work, &j, must_));
    return j.number;
}

int64_t world_tenant_count(struct world *w, const char *url, const struct db_query *query,
                           const char *arg)
{
    struct job_of_world j = {.w = w, .query = query, .a = arg};
    struct db *db;
    MUST(tenant_store_get(w->provisioning.stores, url, &db, must_));
    MUST(db_read(db, count_work, &j, must_));
    tenant_store_put(w->provisioning.stores, db);
    return j.number;
}

static enum err vehicle_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct job_of_world *j = arg;
    return db_exec(tx, &world_vehicle_insert, DB_ARGS(db_text(j->a), db_text(j->b)), NULL, e);
}

enum err world_write(struct world *w, const char *url, const char *customer_id, const char *id,
                     struct error *e)
{
    struct job_of_world j = {.w = w, .a = customer_id, .b = id};
    struct db *db;
    MUST(tenant_store_get(w->provisioning.stores, url, &db, must_));
    enum err err = db_write(db, vehicle_work, &j, e);
    tenant_store_put(w->provisioning.stores, db);
    return err;
}

struct fingerprint {
    struct world *w;
    const char *customer_id;
    struct buf all;
};

static enum err print_row(const struct db_value *columns, size_t count, void *arg, struct error *e)
{
    (void)e;
    struct fingerprint *f = arg;
    for (size_t i = 0; i < count; i++)
        (void)buf_printf(&f->all, "%d:%lld:%s,", (int)columns[i].type, (long long)columns[i].number,
                         columns[i].text ? columns[i].text : "");
    return OK;
}

static enum err fingerprint_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct fingerprint *f = arg;
    buf_reset(&f->all);
    struct db_args id = DB_ARGS(db_text(f->customer_id));
    TRY(db_each(tx, &world_place_row, id, print_row, f, e));
    TRY(db_each(tx, &world_vehicle_rows, id, print_row, f, e));
    return db_each(tx, &world_point_rows, id, print_row, f, e);
}

const char *world_fingerprint(struct world *w, const char *url, const char *customer_id)
{
    struct fingerprint f = {w, customer_id, BUF_INIT((size_t)64 << 20)};
    struct db *db;
    char hash[HASH_TEXT_MAX];
    MUST(tenant_store_get(w->provisioning.stores, url, &db, must_));
    MUST(db_read(db, fingerprint_work, &f, must_));
    tenant_store_put(w->provisioning.stores, db);
    (void)sha256_hex(buf_str(&f.all), hash);
    buf_release(&f.all);
    return arena_text(&w->arena, hash);
}
