/* A tenant changes its database while clients write. Two databases of one server, by pgcluster.py.
 */
#include "pg_world.h"

#include "domain/migration/postgres/cutover.h"
#include "domain/migration/postgres/watchdog.h"

#define A_ROWS    "SELECT count(*) FROM public.trips WHERE customer_id = 'a'"
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

int main(int argc, char **argv)
{
    pg_watchdog_hook(argc, argv, pg_world_make_router);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_tenant_moves_while_it_writes_and_nothing_is_lost_or_doubled, pg_world_setup,
            pg_world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
