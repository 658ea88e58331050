/* What the mover between SQLite files refuses, undoes and finds; and which mover is chosen. */
#include "sqlite_files.h"

#include "domain/migration/sqlite/tables.h"
#include "sqlite_files.sql.h"

static struct files f;
static struct model acme, neighbour;

static int setup(void **state)
{
    (void)state;
    files_create(&f, &acme, &neighbour);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    files_remove(&f);
    return 0;
}

static void assert_writable(enum mover_side where)
{
    enum mover_side side = where;
    int64_t serial = acme.serial;
    files_write(&f, &acme, ACME, &side);
    assert_int_equal(acme.serial, serial + 1);
    assert_int_equal(side, where);
}

static void copy_all(void)
{
    int64_t rows, bytes;
    ASSERT_OK(&f, sqlite_mover.prepare(&f.run, &f.e));
    ASSERT_OK(&f, sqlite_mover.copy(&f.run, &rows, &bytes, &f.e));
}

/* -- runs -------------------------------------------------------------------------------------- */

/* What a run with a larger number has done to both sides is left alone by a smaller one. */
static void assert_all_refused(void)
{
    struct mover_cut *made;
    const char *proof;
    int64_t a, b;
    assert_int_equal(sqlite_mover.prepare(&f.run, &f.e), ERR_CONFLICT);
    ASSERT_CONTAINS(f.e.text, "a later run of the move of customer acme has taken over");
    assert_int_equal(sqlite_mover.copy(&f.run, &a, &b, &f.e), ERR_CONFLICT);
    assert_int_equal(sqlite_mover.catch_up(&f.run, &f.e), ERR_CONFLICT);
    assert_int_equal(sqlite_mover.verify(&f.run, &f.e), ERR_CONFLICT);
    assert_int_equal(sqlite_mover.cut_over(&f.run, SIDE_TARGET, &made, &a, &f.e), ERR_CONFLICT);
    assert_int_equal(sqlite_mover.cut_over(&f.run, SIDE_SOURCE, &made, &a, &f.e), ERR_CONFLICT);
    assert_int_equal(sqlite_mover.settle(&f.run, &f.e), ERR_CONFLICT);
    assert_int_equal(sqlite_mover.prove(&f.run, NULL, &proof, &f.e), ERR_CONFLICT);
    assert_int_equal(sqlite_mover.watch(&f.run, &a, &f.e), ERR_CONFLICT);
    assert_int_equal(sqlite_mover.finish(&f.run, &f.e), ERR_CONFLICT);
    assert_int_equal(sqlite_mover.undo(&f.run, &f.e), ERR_CONFLICT);
}

static void a_smaller_run_is_refused_by_every_member_before_and_after_the_cut(void **state)
{
    (void)state;
    f.run.run = 5;
    copy_all();
    f.run.run = 4;
    assert_all_refused();
    assert_writable(SIDE_SOURCE);
    f.run.run = 5;
    cut(&f, SIDE_TARGET);
    f.run.run = 4;
    assert_all_refused();
    assert_writable(SIDE_TARGET);
}

/* A later run settles whenever this one asks whether to go on, and believes it may. */
static enum err be_overtaken(void *ctx, struct error *e)
{
    (void)ctx;
    struct mover_run later = f.run;
    later.run = 9;
    later.go_on = NULL; /* nothing flows yet: it need not ask */
    later.router = NULL;
    return sqlite_mover.settle(&later, e);
}

static void a_run_that_is_overtaken_in_the_middle_writes_nothing_more(void **state)
{
    (void)state;
    int64_t rows, bytes;
    ASSERT_OK(&f, sqlite_mover.prepare(&f.run, &f.e));
    f.run.go_on = be_overtaken;
    assert_int_equal(sqlite_mover.copy(&f.run, &rows, &bytes, &f.e), ERR_CONFLICT);
    assert_int_equal(files_number(&f, SIDE_TARGET, &files_rows, ACME), 0);
    assert_writable(SIDE_SOURCE);
}

/* -- routers ----------------------------------------------------------------------------------- */

static struct {
    int points_to_fail;
    enum err pause_err;
    bool overtaken, paused;
    char at[512];
} routing;

static enum err router_pause(const struct mover_router *self, const char *slug, int64_t deadline_us,
                             struct error *e)
{
    (void)self, (void)deadline_us;
    routing.paused = true;
    if (routing.overtaken)
        TRY(be_overtaken(NULL, e));
    return routing.pause_err == OK
               ? OK
               : error_set(e, routing.pause_err, "%s does not come to rest", slug);
}

static enum err router_point(const struct mover_router *self, const char *slug, const char *url,
                             int64_t deadline_us, struct error *e)
{
    (void)self, (void)slug, (void)deadline_us;
    if (routing.paused && routing.points_to_fail-- > 0)
        return error_set(e, ERR_UNAVAILABLE, "the router is restarting");
    (void)snprintf(routing.at, sizeof(routing.at), "%s", url);
    return OK;
}

static enum err router_resume(const struct mover_router *self, const char *slug,
                              int64_t deadline_us, struct error *e)
{
    (void)self, (void)slug, (void)deadline_us, (void)e;
    routing.paused = false;
    return OK;
}

static const struct mover_router router = {
    .pause = router_pause, .point = router_point, .resume = router_resume};

static void route(void)
{
    memset(&routing, 0, sizeof(routing));
    f.run.router = &router;
}

static void assert_not_cut(enum err wanted, const char *sentence)
{
    struct mover_cut *made;
    int64_t stall_us;
    assert_int_equal(sqlite_mover.cut_over(&f.run, SIDE_TARGET, &made, &stall_us, &f.e), wanted);
    ASSERT_CONTAINS(f.e.text, sentence);
    assert_false(routing.paused);
    assert_writable(SIDE_SOURCE);
}

static void a_cutover_that_is_late_is_undone_and_works_the_next_time(void **state)
{
    (void)state;
    copy_all();
    route();
    f.settings.budget_ms = 0;
    assert_not_cut(ERR_TIMEOUT, "took longer than its 0 ms");
    assert_string_equal(routing.at, f.run.source_url);
    f.settings.budget_ms = 10000;
    cut(&f, SIDE_TARGET);
    assert_string_equal(routing.at, f.run.target_url);
    assert_writable(SIDE_TARGET);
    cut(&f, SIDE_SOURCE);
    assert_as_model(&f, f.run.source_url, ACME, &acme);
}

static void changes_that_arrive_late_put_a_cutover_off(void **state)
{
    (void)state;
    copy_all();
    route();
    f.settings.lag_ms = -1;
    assert_not_cut(ERR_BUSY, "a cutover may start when it is");
}

static void clients_that_do_not_come_to_rest_are_let_on(void **state)
{
    (void)state;
    copy_all();
    route();
    routing.pause_err = ERR_TIMEOUT;
    assert_not_cut(ERR_TIMEOUT, "acme does not come to rest");
}

static void a_run_that_is_overtaken_while_clients_wait_does_not_cut(void **state)
{
    (void)state;
    struct mover_cut *made;
    int64_t stall_us;
    copy_all();
    route();
    routing.overtaken = true;
    assert_int_not_equal(sqlite_mover.cut_over(&f.run, SIDE_TARGET, &made, &stall_us, &f.e), OK);
    assert_not_both_open(&f);
    f.run.run = 10;
    ASSERT_OK(&f, sqlite_mover.settle(&f.run, &f.e));
    assert_false(routing.paused);
    assert_writable(SIDE_SOURCE);
}

static void a_router_that_fails_after_the_commit_point_is_asked_again(void **state)
{
    (void)state;
    copy_all();
    route();
    routing.points_to_fail = 1;
    cut(&f, SIDE_TARGET);
    assert_string_equal(routing.at, f.run.target_url);
    assert_false(routing.paused);
    assert_writable(SIDE_TARGET);
}

static void a_router_that_stays_away_after_the_commit_point_is_for_settle(void **state)
{
    (void)state;
    struct mover_cut *made;
    enum mover_side owner;
    int64_t stall_us;
    copy_all();
    route();
    routing.points_to_fail = 2;
    assert_int_equal(sqlite_mover.cut_over(&f.run, SIDE_TARGET, &made, &stall_us, &f.e),
                     ERR_UNAVAILABLE);
    ASSERT_OK(&f, sqlite_mover.owner(&f.run, &owner, &f.e));
    assert_int_equal(owner, SIDE_TARGET);
    ASSERT_OK(&f, sqlite_mover.settle(&f.run, &f.e));
    assert_string_equal(routing.at, f.run.target_url);
    assert_false(routing.paused);
    cut(&f, SIDE_TARGET);
    assert_writable(SIDE_TARGET);
}

/* -- what stands in the way -------------------------------------------------------------------- */

static void refused_to_prepare(const char *sentence)
{
    assert_int_equal(sqlite_mover.prepare(&f.run, &f.e), ERR_CONFLICT);
    ASSERT_CONTAINS(f.e.text, sentence);
    ASSERT_OK(&f, sqlite_mover.undo(&f.run, &f.e));
}

static void a_target_with_rows_or_the_mark_of_another_move_is_refused(void **state)
{
    (void)state;
    struct op op = {OP_VEHICLE, 1, 0, 1};
    ASSERT_OK(&f, files_apply(&f, f.run.target_url, ACME, &op, &f.e));
    refused_to_prepare("the target has 1 rows of customer acme in table vehicles");
    assert_int_equal(files_number(&f, SIDE_TARGET, &files_rows, ACME), 1);
    ASSERT_OK(&f, files_exec(&f, SIDE_TARGET, &files_vehicles_delete_all, ACME, NULL, &f.e));
    copy_all();
    f.run.move_id = "move-2";
    refused_to_prepare("migration move-1 of customer acme has left its mark");
    f.run.move_id = "move-1";
    ASSERT_OK(&f, sqlite_mover.undo(&f.run, &f.e));
    assert_no_marks(&f);
}

static void a_place_that_is_missing_or_fenced_by_others_is_refused(void **state)
{
    (void)state;
    ASSERT_OK(&f, tenant_fence(f.stores, f.run.source_url, ACME, 1, &f.e));
    refused_to_prepare("something else holds its fence");
    ASSERT_OK(&f, tenant_unfence(f.stores, f.run.source_url, ACME, 1, &f.e));
    f.run.target_id = "nowhere";
    refused_to_prepare("deployment nowhere has no place for customer acme");
    f.run.target_url = f.run.source_url;
    refused_to_prepare("source and target of customer acme are one database");
    assert_writable(SIDE_SOURCE);
}

static void nothing_that_needs_a_copy_works_without_one(void **state)
{
    (void)state;
    struct mover_cut *made;
    int64_t a, b;
    assert_int_equal(sqlite_mover.copy(&f.run, &a, &b, &f.e), ERR_CONFLICT);
    ASSERT_CONTAINS(f.e.text, "migration move-1 of customer acme is not prepared");
    ASSERT_OK(&f, sqlite_mover.prepare(&f.run, &f.e));
    assert_int_equal(sqlite_mover.cut_over(&f.run, SIDE_TARGET, &made, &a, &f.e), ERR_CONFLICT);
    ASSERT_CONTAINS(f.e.text, "does not hold all rows of customer acme");
    assert_int_equal(sqlite_mover.verify(&f.run, &f.e), ERR_CONFLICT);
    assert_int_equal(sqlite_mover.finish(&f.run, &f.e), ERR_CONFLICT);
    assert_writable(SIDE_SOURCE);
}

static void a_way_back_without_a_place_is_told_to_be_lost(void **state)
{
    (void)state;
    int64_t lag;
    move_to_soak(&f);
    ASSERT_OK(&f, sqlite_mover.watch(&f.run, &lag, &f.e));
    ASSERT_OK(&f, tenant_drop(f.stores, f.run.source_url, ACME, "from", &f.e));
    assert_int_equal(sqlite_mover.watch(&f.run, &lag, &f.e), ERR_CONFLICT);
    ASSERT_CONTAINS(f.e.text, "the way back is lost: the source of migration move-1");
    assert_writable(SIDE_TARGET);
    ASSERT_OK(&f, sqlite_mover.finish(&f.run, &f.e));
}

/* A place that is dropped in the middle takes the mover's marks along. */
static void a_dropped_place_leaves_nothing_of_the_move(void **state)
{
    (void)state;
    copy_all();
    assert_writable(SIDE_SOURCE);
    ASSERT_OK(&f, tenant_drop(f.stores, f.run.source_url, ACME, "from", &f.e));
    ASSERT_OK(&f, tenant_drop(f.stores, f.run.target_url, ACME, "to", &f.e));
    assert_no_marks(&f);
    ASSERT_OK(&f, sqlite_mover.undo(&f.run, &f.e));
}

/* -- the survey -------------------------------------------------------------------------------- */

static struct mover_survey survey(void)
{
    struct mover_survey found;
    ASSERT_OK(&f, sqlite_mover.survey(&f.run, &found, &f.e));
    return found;
}

static void the_survey_counts_rows_and_finds_what_would_stay_behind(void **state)
{
    (void)state;
    f.run.target_url = NULL;
    struct mover_survey before = survey();
    const struct mover_table *tables = before.tables.items;
    int64_t rows = 0;
    assert_int_equal(before.tables.count, MOVED_TABLES);
    assert_int_equal(before.obstacles.count, 0);
    for (size_t i = 0; i < MOVED_TABLES; i++) {
        rows += tables[i].rows;
        assert_true(i == 0 || tables[i - 1].bytes >= tables[i].bytes);
    }
    assert_int_equal(rows, 1 + files_number(&f, SIDE_SOURCE, &files_rows, ACME));

    ASSERT_OK(&f, files_exec(&f, SIDE_SOURCE, &files_extra_table, NULL, NULL, &f.e));
    ASSERT_OK(&f, files_exec(&f, SIDE_SOURCE, &files_extra_column, NULL, NULL, &f.e));
    struct mover_survey after = survey();
    const struct mover_obstacle *obstacles = after.obstacles.items;
    assert_string_not_equal(after.schema_sha256, before.schema_sha256);
    assert_int_equal(after.obstacles.count, 2);
    assert_string_equal(obstacles[0].thing, "table vehicles");
    assert_string_equal(obstacles[1].thing, "table trips");
}

/* A table or column that is added to the fleet's schema must not stay behind, or unlisted. */
static void every_table_and_column_of_the_schema_is_carried_and_captured(void **state)
{
    (void)state;
    assert_int_equal(files_number(&f, SIDE_SOURCE, &files_carried_tables, NULL), MOVED_TABLES);
    for (size_t i = 0; i < MOVED_TABLES; i++) {
        const struct moved_table *table = &moved_tables[i];
        assert_int_equal(files_number(&f, SIDE_SOURCE, &files_columns, table->name),
                         table->put->params + table->own_columns);
        assert_int_equal(files_number(&f, SIDE_SOURCE, &files_triggers, table->name), i ? 3 : 1);
    }
}

/* -- choosing ---------------------------------------------------------------------------------- */

/* Only which one is chosen is tested here. */
const struct mover postgres_mover = {.name = "postgres"};

static void the_urls_choose_the_mover_and_two_engines_have_none(void **state)
{
    (void)state;
    const struct mover *chosen = NULL;
    ASSERT_OK(&f, mover_for("sqlite:/a", "sqlite:/b", &chosen, &f.e));
    assert_ptr_equal(chosen, &sqlite_mover);
    ASSERT_OK(&f, mover_for("postgres://h/a", "postgresql://h/b", &chosen, &f.e));
    assert_ptr_equal(chosen, &postgres_mover);
    assert_int_equal(mover_for("sqlite:/a", "postgres://h/b", &chosen, &f.e), ERR_INVALID);
    ASSERT_CONTAINS(f.e.text, "a customer cannot move from SQLite to PostgreSQL");
    assert_int_equal(mover_for("sqlite:/a", "mysql://h/b", &chosen, &f.e), ERR_INVALID);
    ASSERT_CONTAINS(f.e.text, "the database url of the target");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_smaller_run_is_refused_by_every_member_before_and_after_the_cut),
        TEST(a_run_that_is_overtaken_in_the_middle_writes_nothing_more),
        TEST(a_cutover_that_is_late_is_undone_and_works_the_next_time),
        TEST(changes_that_arrive_late_put_a_cutover_off),
        TEST(clients_that_do_not_come_to_rest_are_let_on),
        TEST(a_run_that_is_overtaken_while_clients_wait_does_not_cut),
        TEST(a_router_that_fails_after_the_commit_point_is_asked_again),
        TEST(a_router_that_stays_away_after_the_commit_point_is_for_settle),
        TEST(a_target_with_rows_or_the_mark_of_another_move_is_refused),
        TEST(a_place_that_is_missing_or_fenced_by_others_is_refused),
        TEST(nothing_that_needs_a_copy_works_without_one),
        TEST(a_way_back_without_a_place_is_told_to_be_lost),
        TEST(a_dropped_place_leaves_nothing_of_the_move),
        TEST(the_survey_counts_rows_and_finds_what_would_stay_behind),
        TEST(every_table_and_column_of_the_schema_is_carried_and_captured),
        TEST(the_urls_choose_the_mover_and_two_engines_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
