#include "sqlite_files.h"

#include "sqlite_files.sql.h"

#include <unistd.h>

static void must(enum err err, const struct error *e)
{
    if (err != OK)
        fail_msg("%s", e->text);
}

/* -- transactions ------------------------------------------------------------------------------ */

struct work {
    const char *customer_id;
    const struct op *op;
    const struct db_query *query;
    const char *a, *b;
    int64_t number;
    struct model *found;
};

static enum err in_file(struct files *f, const char *url, bool write, db_work *fn, struct work *w,
                        struct error *e)
{
    struct db *db;
    TRY(tenant_store_get(f->stores, url, &db, e));
    enum err err = write ? db_write(db, fn, w, e) : db_read(db, fn, w, e);
    tenant_store_put(f->stores, db);
    return err;
}

static enum err number_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct work *w = arg;
    struct db_value a = db_text(w->a);
    return db_get_int(tx, w->query, (struct db_args){&a, w->query->params}, &w->number, e);
}

int64_t files_number(struct files *f, enum mover_side side, const struct db_query *query,
                     const char *arg)
{
    struct work w = {.query = query, .a = arg};
    must(in_file(f, f->db[side].url, false, number_work, &w, &f->e), &f->e);
    return w.number;
}

static enum err exec_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct work *w = arg;
    struct db_value values[] = {db_text(w->a), db_text(w->b)};
    return db_exec(tx, w->query, (struct db_args){values, w->query->params}, NULL, e);
}

enum err files_exec(struct files *f, enum mover_side side, const struct db_query *query,
                    const char *a, const char *b, struct error *e)
{
    struct work w = {.query = query, .a = a, .b = b};
    return in_file(f, f->db[side].url, true, exec_work, &w, e);
}

/* -- the model --------------------------------------------------------------------------------- */

/* A few multiplications make the serial number look like chance. */
static uint64_t scattered(int64_t serial, uint64_t salt)
{
    uint64_t x = ((uint64_t)serial + 1) * 0x9e3779b97f4a7c15 + salt * 0xbf58476d1ce4e5b9;
    x ^= x >> 29;
    x *= 0x94d049bb133111eb;
    return x ^ (x >> 32);
}

struct op model_next(const struct model *m)
{
    static const enum op_kind often[] = {OP_POINT,        OP_POINT,   OP_POINT, OP_POINT,
                                         OP_POINT_DELETE, OP_VEHICLE, OP_SPEED, OP_VEHICLE_DELETE};
    int64_t serial = m->serial + 1;
    struct op op = {
        .kind = often[scattered(serial, 1) % ARRAY_LEN(often)],
        .vehicle = scattered(serial, 2) % VEHICLES,
        .point = scattered(serial, 3) % POINTS,
        .serial = serial,
    };
    if (op.kind == OP_POINT && m->vehicles[op.vehicle] == 0)
        op.kind = OP_VEHICLE; /* a point needs one */
    return op;
}

static void apply_to_points(struct model *m, size_t vehicle, int64_t speed)
{
    for (size_t i = 0; i < POINTS; i++) {
        if (m->points[i].speed && m->points[i].vehicle == vehicle)
            m->points[i].speed = speed;
    }
}

void model_apply(struct model *m, const struct op *op)
{
    switch (op->kind) {
    case OP_VEHICLE:
        m->vehicles[op->vehicle] = op->serial;
        break;
    case OP_POINT:
        m->points[op->point].speed = op->serial;
        m->points[op->point].vehicle = op->vehicle;
        break;
    case OP_POINT_DELETE:
        m->points[op->point].speed = 0;
        break;
    case OP_VEHICLE_DELETE:
        apply_to_points(m, op->vehicle, 0);
        m->vehicles[op->vehicle] = 0;
        break;
    case OP_SPEED:
        apply_to_points(m, op->vehicle, op->serial);
        break;
    case OP_KINDS:
        break;
    }
    m->serial = op->serial;
}

static enum err op_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct work *w = arg;
    char vehicle[32], point[32], serial[32];
    (void)snprintf(vehicle, sizeof(vehicle), "vehicle-%05zu", w->op->vehicle);
    (void)snprintf(point, sizeof(point), "point-%07zu", w->op->point);
    (void)snprintf(serial, sizeof(serial), "%lld", (long long)w->op->serial);
    struct db_value id = db_text(w->customer_id), v = db_text(vehicle), p = db_text(point);
    switch (w->op->kind) {
    case OP_VEHICLE:
        return db_exec(tx, &files_vehicle_put, DB_ARGS(id, v, db_text(serial)), NULL, e);
    case OP_POINT:
        return db_exec(tx, &files_point_put, DB_ARGS(id, p, v, db_int(w->op->serial)), NULL, e);
    case OP_POINT_DELETE:
        return db_exec(tx, &files_point_delete, DB_ARGS(id, p), NULL, e);
    case OP_VEHICLE_DELETE:
        TRY(db_exec(tx, &files_points_delete, DB_ARGS(id, v), NULL, e));
        return db_exec(tx, &files_vehicle_delete, DB_ARGS(id, v), NULL, e);
    case OP_SPEED:
        return db_exec(tx, &files_points_speed, DB_ARGS(id, v, db_int(w->op->serial)), NULL, e);
    case OP_KINDS:
        break;
    }
    abort();
}

enum err files_apply(struct files *f, const char *url, const char *customer_id, const struct op *op,
                     struct error *e)
{
    struct work w = {.customer_id = customer_id, .op = op};
    return in_file(f, url, true, op_work, &w, e);
}

void files_write(struct files *f, struct model *m, const char *customer_id, enum mover_side *side)
{
    struct error e;
    m->op = model_next(m);
    m->pending = true;
    enum err err = files_apply(f, f->db[*side].url, customer_id, &m->op, &e);
    if (err == ERR_CONFLICT) {
        *side = mover_other(*side);
        err = files_apply(f, f->db[*side].url, customer_id, &m->op, &e);
    }
    if (err == OK)
        model_apply(m, &m->op);
    m->pending = false;
    if (err != OK && err != ERR_CONFLICT)
        fail_msg("%s", e.text);
}

/* -- comparing --------------------------------------------------------------------------------- */

static size_t slot_of(const char *id)
{
    return strtoul(strrchr(id, '-') + 1, NULL, 10);
}

static enum err found_vehicle(const struct db_value *columns, size_t count, void *arg,
                              struct error *e)
{
    (void)e;
    (void)count;
    struct model *m = arg;
    size_t slot = slot_of(columns[0].text);
    assert_true(slot < VEHICLES);
    m->vehicles[slot] = strtoll(columns[1].text, NULL, 10);
    return OK;
}

static enum err found_point(const struct db_value *columns, size_t count, void *arg,
                            struct error *e)
{
    (void)e;
    (void)count;
    struct model *m = arg;
    size_t slot = slot_of(columns[0].text);
    assert_true(slot < POINTS);
    m->points[slot].vehicle = slot_of(columns[1].text);
    m->points[slot].speed = columns[2].number;
    return OK;
}

static enum err find_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct work *w = arg;
    struct db_args id = DB_ARGS(db_text(w->customer_id));
    TRY(db_each(tx, &files_vehicles, id, found_vehicle, w->found, e));
    return db_each(tx, &files_points, id, found_point, w->found, e);
}

static const char *difference(struct files *f, const struct model *want, const struct model *have)
{
    for (size_t i = 0; i < VEHICLES; i++) {
        if (want->vehicles[i] != have->vehicles[i])
            return arena_printf(&f->arena, "vehicle %zu: %lld, and should be %lld", i,
                                (long long)have->vehicles[i], (long long)want->vehicles[i]);
    }
    for (size_t i = 0; i < POINTS; i++) {
        if (want->points[i].speed != have->points[i].speed ||
            (want->points[i].speed && want->points[i].vehicle != have->points[i].vehicle))
            return arena_printf(&f->arena, "point %zu: %lld, and should be %lld", i,
                                (long long)have->points[i].speed, (long long)want->points[i].speed);
    }
    return NULL;
}

void assert_as_model(struct files *f, const char *url, const char *customer_id, struct model *m)
{
    struct model found = {0};
    struct work w = {.customer_id = customer_id, .found = &found};
    must(in_file(f, url, false, find_work, &w, &f->e), &f->e);
    const char *why = difference(f, m, &found);
    if (why && m->pending) {
        model_apply(m, &m->op);
        why = difference(f, m, &found);
    }
    m->pending = false;
    if (why)
        fail_msg("%s in %s", why, url);
}

void assert_not_both_open(struct files *f)
{
    int64_t open = 0;
    for (int i = SIDE_SOURCE; i <= SIDE_TARGET; i++)
        open += files_number(f, (enum mover_side)i, &files_open, ACME);
    if (open > 1 && files_number(f, SIDE_TARGET, &files_marked, ACME) > 0)
        fail_msg("acme can be written on both sides");
}

void assert_no_marks(struct files *f)
{
    for (int i = SIDE_SOURCE; i <= SIDE_TARGET; i++)
        assert_int_equal(files_number(f, (enum mover_side)i, &files_marks, ACME), 0);
}

void files_hold(struct files *f)
{
    for (int i = SIDE_SOURCE; i <= SIDE_TARGET; i++)
        must(tenant_store_get(f->stores, f->db[i].url, &f->held[i], &f->e), &f->e);
}

void files_let_go(struct files *f)
{
    for (int i = SIDE_SOURCE; i <= SIDE_TARGET; i++) {
        if (f->held[i])
            tenant_store_put(f->stores, f->held[i]);
        f->held[i] = NULL;
    }
}

/* -- making them ------------------------------------------------------------------------------- */

static enum err go_on(void *ctx, struct error *e)
{
    (void)ctx;
    (void)e;
    return OK;
}

static void add_tenant(struct files *f, enum mover_side side, const char *id, const char *slug,
                       const char *deployment_id)
{
    struct tenant tenant = {id, slug, "A Name", deployment_id};
    must(tenant_create(f->stores, f->db[side].url, &tenant, 1, &f->e), &f->e);
}

static enum err fill_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct work *w = arg;
    memset(w->found, 0, sizeof(*w->found));
    for (int i = 0; i < 150; i++) {
        struct op op = model_next(w->found);
        w->op = &op;
        TRY(op_work(tx, w, e));
        model_apply(w->found, &op);
    }
    return OK;
}

static void fill(struct files *f, const char *id, struct model *m)
{
    struct work w = {.customer_id = id, .found = m};
    must(in_file(f, f->db[SIDE_SOURCE].url, true, fill_work, &w, &f->e), &f->e);
}

void files_create(struct files *f, struct model *acme, struct model *neighbour)
{
    *f = (struct files){.stores = tenant_stores_new(NULL)};
    testdb_create(&f->db[SIDE_SOURCE]);
    testdb_create(&f->db[SIDE_TARGET]);
    files_hold(f);
    add_tenant(f, SIDE_SOURCE, ACME, "acme", "from");
    add_tenant(f, SIDE_SOURCE, NEIGHBOUR, "neighbour", "beside");
    add_tenant(f, SIDE_TARGET, ACME, "acme", "to");
    fill(f, ACME, acme);
    fill(f, NEIGHBOUR, neighbour);
    f->settings = (struct mover_settings){.budget_ms = 10000, .lag_ms = 5000};
    f->run = (struct mover_run){
        .stores = f->stores,
        .settings = &f->settings,
        .move_id = "move-1",
        .customer_id = ACME,
        .slug = "acme",
        .source_url = f->db[SIDE_SOURCE].url,
        .target_url = f->db[SIDE_TARGET].url,
        .source_id = "from",
        .target_id = "to",
        .run = 1,
        .arena = &f->arena,
        .go_on = go_on,
        .ctx = f,
    };
}

void files_remove(struct files *f)
{
    files_let_go(f);
    tenant_stores_free(f->stores);
    testdb_remove(&f->db[SIDE_SOURCE]);
    testdb_remove(&f->db[SIDE_TARGET]);
    arena_release(&f->arena);
}

/* -- moving ------------------------------------------------------------------------------------ */

void cut(struct files *f, enum mover_side to)
{
    struct mover_cut *cut;
    const char *proof;
    int64_t stall_us;
    must(sqlite_mover.cut_over(&f->run, to, &cut, &stall_us, &f->e), &f->e);
    must(sqlite_mover.prove(&f->run, cut, &proof, &f->e), &f->e);
}

void move_to_soak(struct files *f)
{
    int64_t rows, bytes;
    must(sqlite_mover.prepare(&f->run, &f->e), &f->e);
    must(sqlite_mover.copy(&f->run, &rows, &bytes, &f->e), &f->e);
    must(sqlite_mover.index(&f->run, &f->e), &f->e);
    must(sqlite_mover.catch_up(&f->run, &f->e), &f->e);
    must(sqlite_mover.verify(&f->run, &f->e), &f->e);
    cut(f, SIDE_TARGET);
}
