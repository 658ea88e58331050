/* Moves between SQLite files while threads write, their proofs, and the ways back. */
#include "sqlite_files.h"

#include "infra/json/json.h"
#include "sqlite_files.sql.h"

#include <pthread.h>
#include <stdatomic.h>

static struct files f;
static struct model *acme, *neighbour;

static int setup(void **state)
{
    (void)state;
    acme = calloc(1, sizeof(*acme));
    neighbour = calloc(1, sizeof(*neighbour));
    files_create(&f, acme, neighbour);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    files_remove(&f);
    free(acme);
    free(neighbour);
    return 0;
}

/* -- those who write --------------------------------------------------------------------------- */

struct writer {
    const char *customer_id;
    struct model *model;
    enum mover_side side;
    atomic_bool stop;
    atomic_long writes, refused;
    pthread_t thread;
};

/* As a client that looks where it is when it is refused. */
static void *write_on(void *arg)
{
    struct writer *w = arg;
    while (!w->stop) {
        int64_t before = w->model->serial;
        files_write(&f, w->model, w->customer_id, &w->side);
        w->writes += w->model->serial > before;
        w->refused += w->model->serial == before;
    }
    return NULL;
}

static void writer_start(struct writer *w, const char *customer_id, struct model *model)
{
    *w = (struct writer){.customer_id = customer_id, .model = model, .side = SIDE_SOURCE};
    assert_int_equal(pthread_create(&w->thread, NULL, write_on, w), 0);
}

static void writer_wait(struct writer *w, long writes)
{
    long goal = w->writes + writes;
    while (w->writes < goal)
        (void)sched_yield();
}

static void writer_stop(struct writer *w)
{
    w->stop = true;
    assert_int_equal(pthread_join(w->thread, NULL), 0);
}

/* -- moving ------------------------------------------------------------------------------------ */

static void twenty_moves_and_returns_lose_nothing_and_leave_neighbours_alone(void **state)
{
    (void)state;
    struct writer a, n;
    int64_t lag;
    writer_start(&a, ACME, acme);
    writer_start(&n, NEIGHBOUR, neighbour);
    move_to_soak(&f);
    for (int i = 0; i < 20; i++) {
        writer_wait(&a, 20);
        ASSERT_OK(&f, sqlite_mover.watch(&f.run, &lag, &f.e));
        cut(&f, i % 2 == 0 ? SIDE_SOURCE : SIDE_TARGET);
        assert_not_both_open(&f);
    }
    writer_wait(&a, 20);
    ASSERT_OK(&f, sqlite_mover.verify(&f.run, &f.e));
    writer_stop(&a);
    writer_stop(&n);
    assert_int_equal(n.refused, 0);
    assert_int_equal(n.side, SIDE_SOURCE);
    ASSERT_OK(&f, sqlite_mover.watch(&f.run, &lag, &f.e));
    assert_int_equal(lag, 0);
    for (int i = SIDE_SOURCE; i <= SIDE_TARGET; i++)
        assert_as_model(&f, f.db[i].url, ACME, acme);
    assert_as_model(&f, f.db[SIDE_SOURCE].url, NEIGHBOUR, neighbour);
}

static void a_copy_under_writes_is_made_whole_by_the_changes_since(void **state)
{
    (void)state;
    struct writer a;
    int64_t rows, bytes;
    writer_start(&a, ACME, acme);
    for (int i = 0; i < 10; i++) {
        f.run.move_id = arena_printf(&f.arena, "move-%d", i);
        ASSERT_OK(&f, sqlite_mover.prepare(&f.run, &f.e));
        ASSERT_OK(&f, sqlite_mover.copy(&f.run, &rows, &bytes, &f.e));
        assert_true(rows > 1 && bytes > 0);
        ASSERT_OK(&f, sqlite_mover.verify(&f.run, &f.e));
        ASSERT_OK(&f, sqlite_mover.undo(&f.run, &f.e));
    }
    writer_stop(&a);
    assert_int_equal(a.refused, 0);
    assert_as_model(&f, f.db[SIDE_SOURCE].url, ACME, acme);
    assert_no_marks(&f);
}

/* Thousands of rows, so that pages end in the middle of tables. */
static enum err fill_work(struct db_tx *tx, void *arg, struct error *e)
{
    const int64_t *counts = arg;
    TRY(db_exec(tx, &files_fill_vehicles, DB_ARGS(db_text(ACME), db_int(counts[0])), NULL, e));
    return db_exec(tx, &files_fill_points,
                   DB_ARGS(db_text(ACME), db_int(counts[0]), db_int(counts[1])), NULL, e);
}

static void fill_large(int64_t vehicles, int64_t points)
{
    int64_t counts[2] = {vehicles, points};
    assert_int_equal(files_exec(&f, SIDE_SOURCE, &files_points_delete_all, ACME, NULL, &f.e), OK);
    assert_int_equal(files_exec(&f, SIDE_SOURCE, &files_vehicles_delete_all, ACME, NULL, &f.e), OK);
    ASSERT_OK(&f, db_write(f.held[SIDE_SOURCE], fill_work, counts, &f.e));
}

static int64_t notes;
static int64_t rows_told;

static void count_notes(void *ctx, const struct mover_progress *p)
{
    (void)ctx;
    if (!p->table)
        return;
    notes++;
    assert_true(p->rows_done <= p->rows_total);
    if (text_eq(p->table, "gps_points"))
        rows_told = p->rows_done;
}

static void rows_by_the_thousand_go_over_page_by_page_and_are_told(void **state)
{
    (void)state;
    int64_t rows, bytes;
    fill_large(1500, 4200);
    notes = rows_told = 0;
    f.run.note = count_notes;
    ASSERT_OK(&f, sqlite_mover.prepare(&f.run, &f.e));
    ASSERT_OK(&f, sqlite_mover.copy(&f.run, &rows, &bytes, &f.e));
    assert_int_equal(rows, 1 + 1500 + 4200);
    assert_int_equal(rows_told, 4200);
    assert_int_equal(notes, 1 + 2 + 5);
    ASSERT_OK(&f, sqlite_mover.copy(&f.run, &rows, &bytes, &f.e));
    assert_int_equal(rows, 1 + 1500 + 4200);
    assert_int_equal(notes, 1 + 2 + 5);
    ASSERT_OK(&f, sqlite_mover.verify(&f.run, &f.e));
    cut(&f, SIDE_TARGET);
    assert_int_equal(files_number(&f, SIDE_TARGET, &files_rows, ACME), 1500 + 4200);
}

/* -- what is hard about rows that need others -------------------------------------------------- */

static void do_op(enum op_kind kind, size_t vehicle, size_t point)
{
    struct op op = {kind, vehicle, point, acme->serial + 1};
    ASSERT_OK(&f, files_apply(&f, f.db[SIDE_SOURCE].url, ACME, &op, &f.e));
    model_apply(acme, &op);
}

static void change(const struct db_query *query, const char *argument)
{
    ASSERT_OK(&f, files_exec(&f, SIDE_SOURCE, query, ACME, argument, &f.e));
}

/* A copy that is up to date, of all vehicles and one point of vehicle 0. */
static void copy_one_point(void)
{
    int64_t rows, bytes;
    for (size_t i = 0; i < VEHICLES; i++)
        do_op(OP_VEHICLE, i, 0);
    do_op(OP_POINT, 0, 0);
    ASSERT_OK(&f, sqlite_mover.prepare(&f.run, &f.e));
    ASSERT_OK(&f, sqlite_mover.copy(&f.run, &rows, &bytes, &f.e));
    ASSERT_OK(&f, sqlite_mover.catch_up(&f.run, &f.e));
}

static void catch_up_and_compare(void)
{
    ASSERT_OK(&f, sqlite_mover.catch_up(&f.run, &f.e));
    change(&files_extra_points_delete, "vehicle-00011");
    ASSERT_OK(&f, sqlite_mover.verify(&f.run, &f.e));
    assert_as_model(&f, f.db[SIDE_TARGET].url, ACME, acme);
}

/* The vehicle's entry is in the first batch, that of the point which left it in the second. */
static void a_vehicle_goes_although_its_last_point_is_still_to_be_taken_from_it(void **state)
{
    (void)state;
    copy_one_point();
    do_op(OP_POINT, 1, 0);
    do_op(OP_VEHICLE_DELETE, 0, 0);
    change(&files_extra_points, "vehicle-00011");
    do_op(OP_POINT, 1, 0);
    catch_up_and_compare();
}

/* The point's entry is in the first batch, that of its new vehicle in the second. */
static void a_point_comes_although_its_vehicle_is_still_to_come(void **state)
{
    (void)state;
    do_op(OP_VEHICLE_DELETE, 2, 0);
    copy_one_point();
    do_op(OP_VEHICLE_DELETE, 2, 0);
    ASSERT_OK(&f, sqlite_mover.catch_up(&f.run, &f.e));
    do_op(OP_VEHICLE, 2, 0);
    do_op(OP_POINT, 2, 0);
    change(&files_extra_points, "vehicle-00011");
    do_op(OP_VEHICLE, 2, 0);
    catch_up_and_compare();
}

static void what_a_place_says_of_its_tenant_comes_along(void **state)
{
    (void)state;
    copy_one_point();
    change(&files_rename, "Another Name");
    ASSERT_OK(&f, sqlite_mover.verify(&f.run, &f.e));
    cut(&f, SIDE_TARGET);
    assert_int_equal(files_exec(&f, SIDE_SOURCE, &files_rename, ACME, "Late", &f.e), ERR_CONFLICT);
    ASSERT_OK(&f, files_exec(&f, SIDE_TARGET, &files_rename, ACME, "Third", &f.e));
    ASSERT_OK(&f, sqlite_mover.verify(&f.run, &f.e));
}

/* -- proofs ------------------------------------------------------------------------------------ */

static int64_t proven_rows(const char *proof, const char *table, const char **ret_digest)
{
    json_t *all;
    ASSERT_OK(&f, json_parse(str_from(proof), &all, &f.e));
    assert_non_null(json_string_value(json_object_get(all, "at")));
    const json_t *of = json_object_get(json_object_get(all, "tables"), table);
    int64_t rows = json_integer_value(json_object_get(of, "rows"));
    *ret_digest = arena_text(&f.arena, json_string_value(json_object_get(of, "digest")));
    json_decref(all);
    return rows;
}

static void the_proof_is_of_the_cut_and_not_of_what_came_after_it(void **state)
{
    (void)state;
    struct mover_cut *made;
    const char *proof, *later, *digest, *later_digest;
    int64_t stall_us, rows, bytes;
    ASSERT_OK(&f, sqlite_mover.prepare(&f.run, &f.e));
    ASSERT_OK(&f, sqlite_mover.copy(&f.run, &rows, &bytes, &f.e));
    ASSERT_OK(&f, sqlite_mover.cut_over(&f.run, SIDE_TARGET, &made, &stall_us, &f.e));
    assert_true(stall_us > 0);
    int64_t points = files_number(&f, SIDE_TARGET, &files_rows, ACME);
    ASSERT_OK(&f, files_exec(&f, SIDE_TARGET, &files_points_delete_all, ACME, NULL, &f.e));
    ASSERT_OK(&f, sqlite_mover.prove(&f.run, made, &proof, &f.e));
    rows = proven_rows(proof, "gps_points", &digest);
    assert_int_equal(rows + proven_rows(proof, "vehicles", &digest), points);
    assert_null(strstr(proof, "note"));
    assert_int_equal(strlen(digest), HASH_TEXT_MAX - 1);

    /* Its process died: what is compared then is what is there then, and it says so. */
    ASSERT_OK(&f, sqlite_mover.prove(&f.run, NULL, &later, &f.e));
    assert_int_equal(proven_rows(later, "gps_points", &later_digest), 0);
    ASSERT_CONTAINS(later, "compared again over the way back");
}

static void one_row_that_differs_is_named(void **state)
{
    (void)state;
    int64_t rows, bytes;
    copy_one_point();
    ASSERT_OK(&f, sqlite_mover.copy(&f.run, &rows, &bytes, &f.e));
    ASSERT_OK(&f, files_exec(&f, SIDE_TARGET, &files_unfence, ACME, NULL, &f.e));
    ASSERT_OK(&f, files_exec(&f, SIDE_TARGET, &files_spoil, ACME, NULL, &f.e));
    ASSERT_OK(&f, files_exec(&f, SIDE_TARGET, &files_fence, ACME, NULL, &f.e));
    assert_int_equal(sqlite_mover.verify(&f.run, &f.e), ERR_CORRUPT);
    ASSERT_CONTAINS(f.e.text, "table gps_points of customer acme");
    ASSERT_CONTAINS(f.e.text, "row point-00000");
}

/* -- the end ----------------------------------------------------------------------------------- */

static void a_finished_move_leaves_the_tenant_at_the_target_and_nothing_else(void **state)
{
    (void)state;
    enum mover_side owner, side = SIDE_SOURCE;
    move_to_soak(&f);
    files_write(&f, acme, ACME, &side);
    assert_int_equal(side, SIDE_TARGET);
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(&f, sqlite_mover.finish(&f.run, &f.e));
        ASSERT_OK(&f, sqlite_mover.owner(&f.run, &owner, &f.e));
        assert_int_equal(owner, SIDE_TARGET);
        assert_int_equal(files_number(&f, SIDE_TARGET, &files_marks, ACME), 0);
        assert_int_equal(files_number(&f, SIDE_SOURCE, &files_rows, ACME), 0);
    }
    assert_as_model(&f, f.db[SIDE_TARGET].url, ACME, acme);
    assert_as_model(&f, f.db[SIDE_SOURCE].url, NEIGHBOUR, neighbour);
    ASSERT_OK(&f, tenant_drop(f.stores, f.run.source_url, ACME, "from", &f.e));
    assert_no_marks(&f);
    ASSERT_OK(&f, sqlite_mover.finish(&f.run, &f.e));
    ASSERT_OK(&f, sqlite_mover.owner(&f.run, &owner, &f.e));
    assert_int_equal(owner, SIDE_TARGET);
    assert_int_equal(sqlite_mover.undo(&f.run, &f.e), ERR_CONFLICT);
}

static void a_soak_that_is_rolled_back_has_lost_nothing_and_left_nothing(void **state)
{
    (void)state;
    enum mover_side side = SIDE_SOURCE;
    int64_t lag;
    move_to_soak(&f);
    for (int i = 0; i < 50; i++) {
        files_write(&f, acme, ACME, &side);
        if (i % 10 == 0)
            ASSERT_OK(&f, sqlite_mover.watch(&f.run, &lag, &f.e));
    }
    cut(&f, SIDE_SOURCE);
    ASSERT_OK(&f, sqlite_mover.undo(&f.run, &f.e));
    ASSERT_OK(&f, sqlite_mover.undo(&f.run, &f.e));
    assert_no_marks(&f);
    assert_as_model(&f, f.db[SIDE_SOURCE].url, ACME, acme);
    assert_int_equal(files_number(&f, SIDE_TARGET, &files_rows, ACME), 0);
    files_write(&f, acme, ACME, &side);
    assert_int_equal(side, SIDE_SOURCE);
    ASSERT_OK(&f, tenant_drop(f.stores, f.run.target_url, ACME, "to", &f.e));
    ASSERT_OK(&f, sqlite_mover.undo(&f.run, &f.e));
}

/* From a file of its own into one that others share: the same mover, and all of it again. */
static void a_tenant_moves_on_into_a_shared_file(void **state)
{
    (void)state;
    enum mover_side side = SIDE_TARGET;
    struct tenant back = {ACME, "acme", "A Name", "third"};
    move_to_soak(&f);
    ASSERT_OK(&f, sqlite_mover.finish(&f.run, &f.e));
    ASSERT_OK(&f, tenant_drop(f.stores, f.run.source_url, ACME, "from", &f.e));
    ASSERT_OK(&f, tenant_create(f.stores, f.run.source_url, &back, 5, &f.e));
    f.run.source_url = f.db[SIDE_TARGET].url;
    f.run.target_url = f.db[SIDE_SOURCE].url;
    f.run.source_id = "to";
    f.run.target_id = "third";
    f.run.move_id = "move-2";
    f.run.run = 2;
    move_to_soak(&f);
    files_write(&f, acme, ACME, &side);
    assert_int_equal(side, SIDE_SOURCE);
    ASSERT_OK(&f, sqlite_mover.finish(&f.run, &f.e));
    ASSERT_OK(&f, tenant_drop(f.stores, f.run.source_url, ACME, "to", &f.e));
    assert_no_marks(&f);
    assert_as_model(&f, f.db[SIDE_SOURCE].url, ACME, acme);
    assert_as_model(&f, f.db[SIDE_SOURCE].url, NEIGHBOUR, neighbour);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(twenty_moves_and_returns_lose_nothing_and_leave_neighbours_alone),
        TEST(a_copy_under_writes_is_made_whole_by_the_changes_since),
        TEST(rows_by_the_thousand_go_over_page_by_page_and_are_told),
        TEST(a_vehicle_goes_although_its_last_point_is_still_to_be_taken_from_it),
        TEST(a_point_comes_although_its_vehicle_is_still_to_come),
        TEST(what_a_place_says_of_its_tenant_comes_along),
        TEST(the_proof_is_of_the_cut_and_not_of_what_came_after_it),
        TEST(one_row_that_differs_is_named),
        TEST(a_finished_move_leaves_the_tenant_at_the_target_and_nothing_else),
        TEST(a_soak_that_is_rolled_back_has_lost_nothing_and_left_nothing),
        TEST(a_tenant_moves_on_into_a_shared_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
