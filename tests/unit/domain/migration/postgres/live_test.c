/* A tenant changes its database while clients write. Two databases of one server, by pgcluster.py.
 */
#include "pg_world.h"

#include "domain/migration/postgres/cutover.h"
#include "domain/migration/postgres/stream.h"
#include "domain/migration/postgres/watchdog.h"

#define A_ROWS    "SELECT count(*) FROM public.trips WHERE customer_id = 'a'"
#define B_ROWS    "SELECT count(*) FROM public.trips WHERE customer_id = 'b'"
#define A_NEW     A_ROWS " AND note = 'new'"
#define A_CHANGES "SELECT sum(changes)::bigint FROM public.trips WHERE customer_id = 'a'"

static void cut_over(struct pg_world *w, enum mover_side to)
{
    struct mover_cut *cut = NULL;
    int64_t stall_us = -1;
    const char *proof = NULL;
    ASSERT_OK(w, postgres_mover.cut_over(&w->run, to, &cut, &stall_us, &w->e));
    assert_non_null(cut);
    assert_true(stall_us > 0);
    ASSERT_OK(w, postgres_mover.settle(&w->run, &w->e));
    ASSERT_OK(w, postgres_mover.prove(&w->run, cut, &proof, &w->e));
    ASSERT_CONTAINS(proof, "\"trips\":{\"rows\":");
    enum mover_side owner;
    ASSERT_OK(w, postgres_mover.owner(&w->run, &owner, &w->e));
    assert_int_equal(owner, to);
    assert_int_equal(w->router.side, to);
}

static void a_tenant_moves_while_it_writes_and_nothing_is_lost_or_doubled(void **state)
{
    struct pg_world *w = *state;
    pg_world_write(w, "a", true);
    pg_world_write(w, "b", false);
    pg_world_wait_written(w, 20);
    pg_world_catch_up(w);
    ASSERT_OK(w, postgres_mover.verify(&w->run, &w->e));
    cut_over(w, SIDE_TARGET);
    pg_world_wait_written(w, 50);
    (void)pg_world_stop(w);
    int64_t done = w->writers[0].written;
    assert_int_equal(pg_world_count(w, SIDE_TARGET, A_NEW), done);
    assert_int_equal(pg_world_count(w, SIDE_TARGET, A_CHANGES), done);
    ASSERT_OK(w, postgres_mover.finish(&w->run, &w->e));
    assert_int_equal(pg_world_count(w, SIDE_SOURCE, A_ROWS), 0);
    assert_int_equal(pg_world_count(w, SIDE_TARGET, A_NEW), done);
    assert_string_equal(pg_world_traces(w), "");
}

/* What the clients of tenant a wrote is at the side that owns it, once. */
static void check_written(struct pg_world *w, enum mover_side side, int64_t written)
{
    assert_int_equal(pg_world_count(w, side, A_NEW), written);
    assert_int_equal(pg_world_count(w, side, A_CHANGES), written);
}

static void catch_up_by_marker(struct pg_world *w, enum mover_side from)
{
    struct pg_move m;
    ASSERT_OK(w, pg_move_open(&m, &w->run, &w->e));
    ASSERT_OK(w, pg_stream_catch_up(&m, from, &w->e));
    pg_move_close(&m);
}

static void a_tenant_comes_back_during_the_soak_without_loss(void **state)
{
    struct pg_world *w = *state;
    int64_t lag;
    pg_world_write(w, "a", true);
    pg_world_write(w, "b", false);
    pg_world_catch_up(w);
    for (int turn = 0; turn < 3; turn++) {
        cut_over(w, SIDE_TARGET);
        pg_world_wait_written(w, 20);
        ASSERT_OK(w, postgres_mover.watch(&w->run, &lag, &w->e));
        cut_over(w, SIDE_SOURCE);
        pg_world_wait_written(w, 20);
    }
    (void)pg_world_stop(w);
    check_written(w, SIDE_SOURCE, w->writers[0].written);
    ASSERT_OK(w, postgres_mover.verify(&w->run, &w->e));
    ASSERT_OK(w, postgres_mover.undo(&w->run, &w->e));
    assert_string_equal(pg_world_traces(w), "");
    check_written(w, SIDE_SOURCE, w->writers[0].written);
    assert_int_equal(pg_world_count(w, SIDE_TARGET, A_ROWS), 0);
    ASSERT_OK(w, postgres_mover.undo(&w->run, &w->e));
}

static void the_old_side_stays_current_during_the_soak(void **state)
{
    struct pg_world *w = *state;
    pg_world_write(w, "a", true);
    pg_world_catch_up(w);
    cut_over(w, SIDE_TARGET);
    pg_world_wait_written(w, 30);
    (void)pg_world_stop(w);
    catch_up_by_marker(w, SIDE_TARGET);
    check_written(w, SIDE_SOURCE, w->writers[0].written);
    assert_int_equal(pg_world_count(w, SIDE_SOURCE, B_ROWS), 300);
}

static void a_client_that_goes_past_the_router_is_refused_and_told(void **state)
{
    struct pg_world *w = *state;
    pg_world_catch_up(w);
    cut_over(w, SIDE_TARGET);
    assert_int_equal(pg_run(w->at[SIDE_SOURCE],
                            "UPDATE public.trips SET note = 'x' WHERE customer_id = 'a'", &w->e),
                     ERR_DENIED);
    assert_string_equal(pg_sqlstate(w->at[SIDE_SOURCE]), "25006");
    ASSERT_CONTAINS(w->e.text, "tenant a is being moved");
    pg_world_run(w, SIDE_SOURCE, "UPDATE public.trips SET note = 'x' WHERE customer_id = 'b'");
}

static void what_cannot_be_sent_is_refused_while_a_tenant_moves(void **state)
{
    struct pg_world *w = *state;
    pg_world_catch_up(w);
    struct pg_session *s = w->at[SIDE_SOURCE];
    assert_int_equal(pg_run(s, "TRUNCATE public.trips CASCADE", &w->e), ERR_DENIED);
    assert_int_equal(
        pg_run(s, "UPDATE public.trips SET customer_id = 'b' WHERE customer_id = 'a'", &w->e),
        ERR_DENIED);
    ASSERT_CONTAINS(w->e.text, "a change of whose a row is");
    assert_int_equal(
        pg_run(s, "UPDATE public.trips SET customer_id = 'a' WHERE customer_id = 'b'", &w->e),
        ERR_DENIED);
    pg_world_run(w, SIDE_SOURCE, "UPDATE public.trips SET customer_id = 'c' WHERE id = 1");
}

static void a_transaction_that_does_not_end_leaves_all_as_it_was(void **state)
{
    struct pg_world *w = *state;
    struct mover_cut *cut = NULL;
    int64_t stall_us;
    w->settings.budget_ms = 2; /* who writes for half of it is waited for */
    pg_world_catch_up(w);
    pg_world_run(w, SIDE_SOURCE,
                 "BEGIN; UPDATE public.trips SET note = 'mine' WHERE id IN (SELECT min(id) FROM"
                 " public.trips WHERE customer_id = 'a')");
    enum err err = postgres_mover.cut_over(&w->run, SIDE_TARGET, &cut, &stall_us, &w->e);
    assert_true(err == ERR_BUSY || err == ERR_TIMEOUT);
    assert_null(cut);
    assert_false(w->router.paused);
    assert_int_equal(w->router.side, SIDE_SOURCE);
    pg_world_run(w, SIDE_SOURCE, "COMMIT");
    pg_world_run(w, SIDE_SOURCE, "UPDATE public.trips SET note = 'y' WHERE customer_id = 'a'");
    w->settings.budget_ms = 10000;
    cut_over(w, SIDE_TARGET);
    assert_int_equal(pg_world_count(w, SIDE_TARGET, A_ROWS " AND note = 'y'"), 300);
}

static void a_pause_that_fails_is_taken_back(void **state)
{
    struct pg_world *w = *state;
    struct mover_cut *cut = NULL;
    int64_t stall_us;
    pg_world_write(w, "a", true);
    pg_world_catch_up(w);
    w->router.pause_fails = true;
    assert_int_equal(postgres_mover.cut_over(&w->run, SIDE_TARGET, &cut, &stall_us, &w->e),
                     ERR_TIMEOUT);
    assert_string_equal(w->e.text, "a transaction goes on");
    w->router.pause_fails = false;
    pg_world_wait_written(w, 5);
    cut_over(w, SIDE_TARGET);
    pg_world_wait_written(w, 5);
    (void)pg_world_stop(w);
    check_written(w, SIDE_TARGET, w->writers[0].written);
}

static void a_resume_that_fails_is_behind_the_commit_point_and_made_again(void **state)
{
    struct pg_world *w = *state;
    pg_world_write(w, "a", true);
    pg_world_catch_up(w);
    w->router.resume_fails = true;
    cut_over(w, SIDE_TARGET);
    pg_world_wait_written(w, 5);
    (void)pg_world_stop(w);
    check_written(w, SIDE_TARGET, w->writers[0].written);
}

static void a_cutover_that_was_made_is_not_made_again(void **state)
{
    struct pg_world *w = *state;
    struct mover_cut *cut = NULL;
    int64_t stall_us = -1;
    pg_world_catch_up(w);
    cut_over(w, SIDE_TARGET);
    ASSERT_OK(w, postgres_mover.cut_over(&w->run, SIDE_TARGET, &cut, &stall_us, &w->e));
    assert_null(cut);
    assert_int_equal(stall_us, 0);
}

static void a_proof_without_a_cut_is_made_over_the_way_back(void **state)
{
    struct pg_world *w = *state;
    struct mover_cut *cut = NULL;
    const char *proof;
    int64_t stall_us;
    pg_world_write(w, "a", true);
    pg_world_catch_up(w);
    ASSERT_OK(w, postgres_mover.cut_over(&w->run, SIDE_TARGET, &cut, &stall_us, &w->e));
    postgres_mover.cut_free(cut);
    ASSERT_OK(w, postgres_mover.settle(&w->run, &w->e));
    pg_world_wait_written(w, 5);
    ASSERT_OK(w, postgres_mover.prove(&w->run, NULL, &proof, &w->e));
    ASSERT_CONTAINS(proof, "again, over the way back");
    (void)pg_world_stop(w);
}

static void a_row_that_differs_is_named(void **state)
{
    struct pg_world *w = *state;
    pg_world_write(w, "a", true);
    pg_world_catch_up(w);
    pg_world_run(w, SIDE_TARGET,
                 "SET session_replication_role = replica;"
                 "UPDATE public.trips SET mood = 'good' WHERE id = 900;"
                 "RESET session_replication_role");
    assert_int_equal(postgres_mover.verify(&w->run, &w->e), ERR_CORRUPT);
    assert_string_equal(w->e.text,
                        "table trips: the row with the key 900 is not the same on both sides");
    (void)pg_world_stop(w);
}

static void a_change_of_the_schema_ends_the_move(void **state)
{
    struct pg_world *w = *state;
    struct mover_cut *cut;
    int64_t stall_us;
    pg_world_catch_up(w);
    pg_world_run(w, SIDE_SOURCE, "ALTER TABLE public.trips ADD COLUMN colour text");
    assert_int_equal(postgres_mover.verify(&w->run, &w->e), ERR_CONFLICT);
    ASSERT_CONTAINS(w->e.text, "the schema at the source changed");
    assert_int_equal(postgres_mover.cut_over(&w->run, SIDE_TARGET, &cut, &stall_us, &w->e),
                     ERR_CONFLICT);
}

static void a_stream_that_keeps_too_much_is_given_up(void **state)
{
    struct pg_world *w = *state;
    int64_t lag;
    pg_world_catch_up(w);
    cut_over(w, SIDE_TARGET);
    ASSERT_OK(w, postgres_mover.watch(&w->run, &lag, &w->e));
    w->settings.kept_wal_mb = 0;
    assert_int_equal(postgres_mover.watch(&w->run, &lag, &w->e), ERR_CONFLICT);
    ASSERT_CONTAINS(w->e.text, "moves: kept_wal_mb");
    assert_int_equal(pg_world_count(w, SIDE_TARGET, "SELECT count(*) FROM pg_replication_slots"),
                     0);
    /* What is lost stays lost, and is said again. */
    w->settings.kept_wal_mb = 1024;
    ASSERT_OK(w, postgres_mover.settle(&w->run, &w->e));
    assert_int_equal(postgres_mover.watch(&w->run, &lag, &w->e), ERR_CONFLICT);
}

static void an_id_that_both_sides_gave_away_stops_the_way_back(void **state)
{
    struct pg_world *w = *state;
    pg_world_catch_up(w);
    cut_over(w, SIDE_TARGET);
    pg_world_run(w, SIDE_SOURCE,
                 "INSERT INTO public.trips (id, customer_id, note) VALUES (777777, 'b', 'mine')");
    pg_world_run(w, SIDE_TARGET,
                 "INSERT INTO public.trips (id, customer_id, note) VALUES (777777, 'a', 'mine')");
    struct pg_move m;
    ASSERT_OK(w, pg_move_open(&m, &w->run, &w->e));
    assert_int_equal(pg_stream_catch_up(&m, SIDE_TARGET, &w->e), ERR_CONFLICT);
    pg_move_close(&m);
    ASSERT_CONTAINS(w->e.text, "cannot be applied at the source");
    assert_int_equal(
        pg_world_count(w, SIDE_SOURCE,
                       "SELECT count(*) FROM public.trips WHERE id = 777777 AND customer_id = 'b'"),
        1);
}

static void ids_of_both_sides_never_meet(void **state)
{
    struct pg_world *w = *state;
    pg_world_write(w, "a", true);
    pg_world_write(w, "b", false);
    pg_world_catch_up(w);
    cut_over(w, SIDE_TARGET);
    pg_world_wait_written(w, 30);
    (void)pg_world_stop(w);
    int64_t a = pg_world_count(w, SIDE_TARGET, "SELECT last_value FROM public.trips_id_seq");
    int64_t b = pg_world_count(w, SIDE_SOURCE, "SELECT last_value FROM public.trips_id_seq");
    assert_true(a + 100000000 < b);
}

static void a_smaller_run_is_refused_everywhere(void **state)
{
    struct pg_world *w = *state;
    struct mover_cut *cut;
    int64_t stall_us;
    enum mover_side owner;
    pg_world_catch_up(w);
    w->run.run = 2;
    ASSERT_OK(w, postgres_mover.owner(&w->run, &owner, &w->e));
    w->run.run = 1;
    assert_int_equal(postgres_mover.cut_over(&w->run, SIDE_TARGET, &cut, &stall_us, &w->e),
                     ERR_CONFLICT);
    assert_int_equal(postgres_mover.undo(&w->run, &w->e), ERR_CONFLICT);
    assert_int_equal(postgres_mover.settle(&w->run, &w->e), ERR_CONFLICT);
    ASSERT_CONTAINS(w->e.text, "superseded");
}

static void what_was_cut_over_cannot_be_undone(void **state)
{
    struct pg_world *w = *state;
    pg_world_catch_up(w);
    cut_over(w, SIDE_TARGET);
    assert_int_equal(postgres_mover.undo(&w->run, &w->e), ERR_CONFLICT);
    assert_int_equal(pg_world_count(w, SIDE_TARGET, A_ROWS), 300);
}

#define LIVE_TEST(name) cmocka_unit_test_setup_teardown(name, pg_world_setup, pg_world_teardown)

int main(int argc, char **argv)
{
    pg_watchdog_hook(argc, argv, pg_world_make_router);
    const struct CMUnitTest tests[] = {
        LIVE_TEST(a_tenant_moves_while_it_writes_and_nothing_is_lost_or_doubled),
        LIVE_TEST(a_tenant_comes_back_during_the_soak_without_loss),
        LIVE_TEST(the_old_side_stays_current_during_the_soak),
        LIVE_TEST(a_client_that_goes_past_the_router_is_refused_and_told),
        LIVE_TEST(what_cannot_be_sent_is_refused_while_a_tenant_moves),
        LIVE_TEST(a_transaction_that_does_not_end_leaves_all_as_it_was),
        LIVE_TEST(a_pause_that_fails_is_taken_back),
        LIVE_TEST(a_resume_that_fails_is_behind_the_commit_point_and_made_again),
        LIVE_TEST(a_cutover_that_was_made_is_not_made_again),
        LIVE_TEST(a_proof_without_a_cut_is_made_over_the_way_back),
        LIVE_TEST(a_row_that_differs_is_named),
        LIVE_TEST(a_change_of_the_schema_ends_the_move),
        LIVE_TEST(a_stream_that_keeps_too_much_is_given_up),
        LIVE_TEST(an_id_that_both_sides_gave_away_stops_the_way_back),
        LIVE_TEST(ids_of_both_sides_never_meet),
        LIVE_TEST(a_smaller_run_is_refused_everywhere),
        LIVE_TEST(what_was_cut_over_cannot_be_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
