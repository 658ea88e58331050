/* The workers' course, with a mover that does what the test says: each state, each way out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script.h"
#include "world.h"

#include "domain/migration/progress.h"
#include "world.sql.h"

#define SMALL "{\"budget\":30,\"vehicle_count\":2}"
#define HOUR  USEC_PER_HOUR

static struct world w;
static struct move running; /* what `before` hooks work on */

static int setup(void **state)
{
    (void)state;
    world_create(&w);
    script_reset();
    w.moves.mover_for = script_mover;
    w.move_settings.soak_hours = 72;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_remove(&w);
    assert_int_equal(script.cuts_open, 0);
    return 0;
}

/* -- what an operator does --------------------------------------------------------------------- */

typedef enum err verb_fn(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                         struct arena *arena, struct move *ret, struct error *e);

struct order {
    verb_fn *verb;
    const char *id;
    struct move move;
};

static enum err order_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct order *o = arg;
    return o->verb(tx, &w.env, "token:test", o->id, &w.arena, &o->move, e);
}

static enum err order(verb_fn *verb, const char *id, struct error *e)
{
    struct order o = {verb, id};
    return db_write(w.env.db, order_work, &o, e);
}

static void ordered(verb_fn *verb, const char *id)
{
    struct error e = {0};
    if (order(verb, id, &e) != OK)
        fail_msg("%s", e.text);
}

static void refused(verb_fn *verb, const char *id, const char *sentence)
{
    struct error e = {0};
    assert_int_equal(order(verb, id, &e), ERR_CONFLICT);
    if (!strstr(e.text, sentence))
        fail_msg("'%s' is not in '%s'", sentence, e.text);
}

static enum err retry_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct order *o = arg;
    struct problems problems = {.arena = &w.arena};
    return move_retry(tx, &w.env, w.policy, w.prices, "token:test", o->id, &w.arena, &problems,
                      &o->move, e);
}

static struct move requested(const char *id)
{
    struct error e = {0};
    struct move move;
    if (world_request(&w, id, "single_tenant", &move, &e) != OK)
        fail_msg("%s", e.text);
    return move;
}

/* Runs until the move is in that state; fails when it does not come there. */
static struct move run_until(const char *id, enum move_state state)
{
    for (int i = 0; i < 200; i++) {
        struct move move = world_move(&w, id);
        if (move.state == (int)state)
            return move;
        world_run(&w, 1);
    }
    struct move move = world_move(&w, id);
    fail_msg("it is %s and not %s: %s", move_state_names[move.state], move_state_names[state],
             move.error ? move.error : "no error");
    return move;
}

/* Soaking and proven. */
static struct move soaking(const char *customer)
{
    struct move move = requested(customer);
    (void)run_until(move.id, MOVE_SOAKING);
    world_run(&w, 3);
    move = world_move(&w, move.id);
    assert_int_equal(move.state, MOVE_SOAKING);
    return move;
}

static int64_t notices(const char *kind)
{
    return world_count(&w, &world_notices, kind);
}

static void assert_at_source(const char *customer, const struct move *move)
{
    assert_string_equal(world_current(&w, customer).id, move->source_id);
    assert_int_equal(world_current(&w, customer).status, DEPLOYMENT_ACTIVE);
    assert_int_equal(world_deployment(&w, move->target_id).status, DEPLOYMENT_RETIRED);
    assert_int_equal(script.owner, SIDE_SOURCE);
}

/* -- the way ----------------------------------------------------------------------------------- */

static void a_move_goes_through_every_part_in_order_and_then_soaks(void **state)
{
    (void)state;
    static const enum part parts[] = {PART_SURVEY, PART_SURVEY,   PART_PREPARE,
                                      PART_COPY,   PART_INDEX,    PART_CATCH_UP,
                                      PART_VERIFY, PART_CUT_OVER, PART_PROVE};
    const char *id = world_customer(&w, "acme", SMALL);
    struct move move = soaking(id);
    assert_int_equal(script.order_count, ARRAY_LEN(parts));
    assert_memory_equal(script.order, parts, sizeof(parts));
    assert_int_equal(move.rows_copied, 3050);
    assert_int_equal(move.stall_us, script.stall_us);
    assert_int_equal(move.proof_state, PROOF_EQUAL);
    assert_int_equal(move.way_back, WAY_OPEN);
    assert_int_equal(move.soak_until, move.switched_at + 72 * HOUR);
    assert_string_equal(world_current(&w, id).id, move.target_id);
    assert_int_equal(world_deployment(&w, move.source_id).status, DEPLOYMENT_ACTIVE);
    assert_int_equal(notices("migration.started"), 1);
    assert_int_equal(notices("migration.switched"), 1);
}

static void the_source_is_kept_until_the_soak_is_over_and_watched_meanwhile(void **state)
{
    (void)state;
    const char *id = world_customer(&w, "acme", SMALL);
    struct move move = soaking(id);
    int watched = script.calls[PART_WATCH];
    world_pass(&w, 71 * HOUR);
    assert_true(script.calls[PART_WATCH] > watched);
    assert_int_equal(world_move(&w, move.id).state, MOVE_SOAKING);
    assert_int_equal(script.calls[PART_FINISH], 0);
    world_pass(&w, 2 * HOUR);
    world_run(&w, 50);
    move = world_move(&w, move.id);
    assert_int_equal(move.state, MOVE_COMPLETED);
    assert_int_equal(script.calls[PART_FINISH], 1);
    assert_int_equal(world_deployment(&w, move.source_id).status, DEPLOYMENT_RETIRED);
    assert_int_equal(notices("migration.completed"), 1);
}

static enum err detail_work(struct db_tx *tx, void *arg, struct error *e)
{
    json_t **ret = arg;
    return move_detail_json(tx, &w.env, &running, &w.arena, ret, e);
}

static void steps_tables_and_what_can_be_done_are_shown(void **state)
{
    (void)state;
    struct error e;
    json_t *shown = NULL;
    running = soaking(world_customer(&w, "acme", SMALL));
    assert_int_equal(db_read(w.env.db, detail_work, &shown, &e), OK);
    json_t *steps = json_object_get(shown, "steps"), *tables = json_object_get(shown, "tables");
    assert_int_equal(json_array_size(steps), 9);
    for (size_t i = 0; i < 9; i++) /* the states are in the order of the way */
        assert_string_equal(json_get_text(json_array_get(steps, i), "step"), move_state_names[i]);
    assert_true(json_is_null(json_object_get(json_array_get(steps, 8), "finished_at")));
    assert_int_equal(json_array_size(tables), 2);
    assert_string_equal(json_get_text(json_array_get(tables, 0), "name"), "gps_points");
    assert_int_equal(json_get_int(json_array_get(tables, 0), "rows_done"), 3000);
    assert_int_equal(json_get_int(json_array_get(tables, 1), "rows_total"), 50); /* 40 expected */
    json_t *progress = json_object_get(shown, "progress"), *can = json_object_get(shown, "can");
    assert_int_equal(json_get_int(progress, "percent"), 100);
    assert_int_equal(json_get_int(progress, "rows_total"), 3050);
    assert_string_equal(json_get_text(shown, "phase"), "returnable");
    assert_true(json_get_bool(can, "roll_back") && json_get_bool(can, "finish"));
    assert_false(json_get_bool(can, "cancel") || json_get_bool(can, "retry"));
    json_decref(shown);
}

static void no_more_moves_are_under_way_at_once_than_are_allowed(void **state)
{
    (void)state;
    const char *a = world_customer(&w, "acme", SMALL), *b = world_customer(&w, "bolt", SMALL);
    w.move_settings.at_once = 1;
    script.fails[PART_CUT_OVER].err = ERR_BUSY;
    script.fails[PART_CUT_OVER].times = 1000;
    struct move first = requested(a), second = requested(b);
    (void)run_until(first.id, MOVE_CUTTING_OVER);
    world_run(&w, 20);
    assert_int_equal(world_move(&w, second.id).state, MOVE_REQUESTED);
    script.fails[PART_CUT_OVER].times = 0;
    world_pass(&w, HOUR);
    (void)run_until(first.id, MOVE_SOAKING); /* which no longer counts */
    script.owner = SIDE_SOURCE;              /* of the second, which is another tenant */
    (void)run_until(second.id, MOVE_SOAKING);
}

/* -- refused and failing ----------------------------------------------------------------------- */

static void an_obstacle_refuses_by_name_before_anything_is_made(void **state)
{
    (void)state;
    const char *id = world_customer(&w, "acme", SMALL);
    int64_t resources = world_count(&w, &world_resources, "");
    script.obstacle = "table trips";
    struct move move = requested(id);
    move = run_until(move.id, MOVE_FAILED);
    assert_non_null(strstr(move.error, "table trips has no primary key (add one)"));
    assert_int_equal(world_count(&w, &world_resources, ""), resources);
    assert_int_equal(script.calls[PART_PREPARE], 0);
    assert_at_source(id, &move);
    assert_int_equal(notices("migration.failed"), 1);
}

/* Each part in turn fails until the attempts are used up. */
static void whatever_part_keeps_failing_the_move_is_undone_and_says_why(void **state)
{
    (void)state;
    const char *id = world_customer(&w, "acme", SMALL);
    for (int part = PART_PREPARE; part <= PART_CUT_OVER; part++) {
        script.fails[part].err = ERR_IO;
        script.fails[part].times = 1000;
        script.fails[part].text = "the disk of the test is full";
        struct move move = requested(id);
        int undone = script.calls[PART_UNDO];
        move = run_until(move.id, MOVE_FAILED);
        assert_string_equal(move.error, "the disk of the test is full");
        assert_int_equal(script.calls[PART_UNDO], undone + 1);
        assert_at_source(id, &move);
        script.fails[part].times = 0;
    }
    struct move move = soaking(id); /* and the next one is not held up by them */
    assert_int_equal(move.state, MOVE_SOAKING);
}

static void a_part_that_fails_once_is_repeated_and_the_tenant_settled_between(void **state)
{
    (void)state;
    const char *id = world_customer(&w, "acme", SMALL);
    script.fails[PART_INDEX].err = ERR_IO;
    script.fails[PART_INDEX].times = 1;
    struct move move = soaking(id);
    assert_int_equal(script.calls[PART_INDEX], 2);
    assert_true(script.calls[PART_SETTLE] >= 1);
    assert_int_equal(move.error == NULL, true);
}

static void a_difference_before_the_cutover_fails_the_move_at_once(void **state)
{
    (void)state;
    const char *id = world_customer(&w, "acme", SMALL);
    script.fails[PART_VERIFY].err = ERR_CORRUPT;
    script.fails[PART_VERIFY].times = 1;
    script.fails[PART_VERIFY].text = "row 7 of gps_points differs";
    struct move move = requested(id);
    move = run_until(move.id, MOVE_FAILED);
    assert_string_equal(move.error, "row 7 of gps_points differs");
    assert_int_equal(script.calls[PART_VERIFY], 1);
    assert_int_equal(script.calls[PART_CUT_OVER], 0);
    assert_at_source(id, &move);
}

static void a_failed_move_is_retried_as_a_new_one_and_only_once(void **state)
{
    (void)state;
    struct error e;
    const char *id = world_customer(&w, "acme", SMALL);
    script.obstacle = "table trips";
    struct move failed = requested(id);
    (void)run_until(failed.id, MOVE_FAILED);
    script.obstacle = NULL;
    struct order first = {.id = failed.id}, again = {.id = failed.id};
    assert_int_equal(db_write(w.env.db, retry_work, &first, &e), OK);
    assert_string_equal(first.move.retry_of, failed.id);
    assert_int_equal(db_write(w.env.db, retry_work, &again, &e), OK);
    assert_string_equal(again.move.id, first.move.id);
    (void)run_until(first.move.id, MOVE_SOAKING);
    struct order running_one = {.id = first.move.id};
    assert_int_equal(db_write(w.env.db, retry_work, &running_one, &e), ERR_CONFLICT);
}

/* -- the cutover ------------------------------------------------------------------------------- */

static void a_late_cutover_is_tried_again_and_people_are_told_once(void **state)
{
    (void)state;
    const char *id = world_customer(&w, "acme", SMALL);
    w.move_settings.cutover_attempts = 3;
    script.fails[PART_CUT_OVER].err = ERR_TIMEOUT;
    script.fails[PART_CUT_OVER].times = 6;
    script.fails[PART_CUT_OVER].text = "a transaction of 40 s does not end";
    struct move move = requested(id);
    (void)run_until(move.id, MOVE_CUTTING_OVER);
    for (int i = 0; i < 6; i++)
        world_pass(&w, HOUR);
    world_run(&w, 3);
    move = world_move(&w, move.id);
    assert_int_equal(move.state, MOVE_SOAKING);
    assert_int_equal(move.cut_attempts, 7);
    assert_int_equal(notices("migration.waiting"), 1);
}

static void a_cutover_that_finds_no_moment_fails_when_the_settings_say_so(void **state)
{
    (void)state;
    const char *id = world_customer(&w, "acme", SMALL);
    w.move_settings.cutover_attempts = 2;
    w.move_settings.cutover_fails = true;
    script.fails[PART_CUT_OVER].err = ERR_BUSY;
    script.fails[PART_CUT_OVER].times = 1000;
    struct move move = requested(id);
    (void)run_until(move.id, MOVE_CUTTING_OVER);
    for (int i = 0; i < 3; i++)
        world_pass(&w, HOUR);
    move = run_until(move.id, MOVE_FAILED);
    assert_int_equal(move.cut_attempts, 2);
    assert_at_source(id, &move);
}

/* The target's fence opened, and then the process or its answer was lost. */
static void a_cutover_whose_answer_is_lost_is_found_in_the_databases(void **state)
{
    (void)state;
    const char *id = world_customer(&w, "acme", SMALL);
    script.fails[PART_CUT_OVER].err = ERR_IO;
    script.fails[PART_CUT_OVER].times = 1;
    script.fails[PART_CUT_OVER].done = true;
    struct move move = soaking(id);
    assert_int_equal(script.calls[PART_CUT_OVER], 1);
    assert_int_equal(move.stall_us, INT_ABSENT);
    assert_int_equal(move.proof_state, PROOF_EQUAL); /* proven over the way back */
    assert_string_equal(world_current(&w, id).id, move.target_id);
}

static void cancel_it(enum part part)
{
    if (part == PART_CUT_OVER) {
        script.before = NULL;
        ordered(move_cancel, running.id);
    }
}

static void cancelled_while_it_cuts_over_it_is_undone(void **state)
{
    (void)state;
    const char *id = world_customer(&w, "acme", SMALL);
    running = requested(id);
    script.before = cancel_it; /* and the mover notices, before its commit point */
    running = run_until(running.id, MOVE_CANCELLED);
    assert_at_source(id, &running);
}

static void cancelled_a_moment_too_late_it_soaks_and_says_so(void **state)
{
    (void)state;
    const char *id = world_customer(&w, "acme", SMALL);
    running = requested(id);
    script.before = cancel_it;
    script.fails[PART_CUT_OVER].done = true; /* it notices behind its commit point */
    running = run_until(running.id, MOVE_SOAKING);
    assert_non_null(strstr(running.error, "too late"));
    assert_string_equal(world_current(&w, id).id, running.target_id);
    ordered(move_roll_back, running.id);
    running = run_until(running.id, MOVE_RETURNED);
    assert_at_source(id, &running);
}

/* -- the soak ---------------------------------------------------------------------------------- */

static void a_rolled_back_move_returns_to_the_source(void **state)
{
    (void)state;
    const char *id = world_customer(&w, "acme", SMALL);
    struct move move = soaking(id);
    ordered(move_roll_back, move.id);
    ordered(move_roll_back, move.id);
    move = run_until(move.id, MOVE_RETURNED);
    ordered(move_roll_back, move.id);
    assert_at_source(id, &move);
    assert_int_equal(move.return_stall_us, script.stall_us);
    assert_int_equal(world_current(&w, id).mode, MULTI_TENANT);
    assert_int_equal(notices("migration.returned"), 1);
    refused(move_finish, move.id, "is returned: it cannot end its soak; it is over");
}

static void a_way_back_that_is_lost_is_told_and_undoes_nothing(void **state)
{
    (void)state;
    const char *id = world_customer(&w, "acme", SMALL);
    struct move move = soaking(id);
    script.fails[PART_WATCH].err = ERR_CONFLICT;
    script.fails[PART_WATCH].times = 1;
    script.fails[PART_WATCH].text = "the slot keeps 11 GB";
    world_pass(&w, HOUR);
    world_pass(&w, HOUR);
    move = world_move(&w, move.id);
    assert_int_equal(move.state, MOVE_SOAKING);
    assert_int_equal(move.way_back, WAY_LOST);
    assert_int_equal(notices("migration.way_back_lost"), 1);
    refused(move_roll_back, move.id, "its way back is lost (the slot keeps 11 GB)");
    ordered(move_finish, move.id);
    (void)run_until(move.id, MOVE_COMPLETED);
}

static void a_return_that_cannot_be_made_leaves_it_soaking(void **state)
{
    (void)state;
    const char *id = world_customer(&w, "acme", SMALL);
    struct move move = soaking(id);
    w.move_settings.cutover_attempts = 2;
    script.fails[PART_CUT_OVER].err = ERR_TIMEOUT;
    script.fails[PART_CUT_OVER].times = 2;
    ordered(move_roll_back, move.id);
    world_run(&w, 3);
    assert_int_equal(world_move(&w, move.id).state, MOVE_RETURNING);
    world_pass(&w, HOUR);
    move = world_move(&w, move.id);
    assert_int_equal(move.state, MOVE_SOAKING);
    assert_string_equal(world_current(&w, id).id, move.target_id);
    assert_int_equal(notices("migration.not_returned"), 1);
    ordered(move_roll_back, move.id); /* later it can */
    (void)run_until(move.id, MOVE_RETURNED);
}

static void a_proof_that_differs_keeps_both_sides_until_somebody_decides(void **state)
{
    (void)state;
    const char *id = world_customer(&w, "acme", SMALL);
    w.move_settings.soak_hours = 0;
    script.fails[PART_PROVE].err = ERR_CORRUPT;
    script.fails[PART_PROVE].times = 1;
    struct move move = soaking(id);
    assert_int_equal(move.proof_state, PROOF_DIFFERS);
    world_pass(&w, 100 * HOUR);
    assert_int_equal(world_move(&w, move.id).state, MOVE_SOAKING);
    assert_int_equal(notices("migration.proof_failed"), 1);
    ordered(move_roll_back, move.id);
    move = run_until(move.id, MOVE_RETURNED);
    assert_at_source(id, &move);
}

static void a_soak_is_finished_at_once_but_not_before_the_proof(void **state)
{
    (void)state;
    const char *id = world_customer(&w, "acme", SMALL);
    script.fails[PART_PROVE].err = ERR_BUSY;
    script.fails[PART_PROVE].times = 1;
    struct move move = requested(id);
    move = run_until(move.id, MOVE_SOAKING);
    refused(move_finish, move.id, "still being proven");
    world_run(&w, 3);
    ordered(move_finish, move.id);
    ordered(move_finish, move.id);
    refused(move_cancel, move.id, "it cannot be cancelled; it is past the point of return");
    refused(move_roll_back, move.id, "going back is another move");
    (void)run_until(move.id, MOVE_COMPLETED);
    ordered(move_finish, move.id);
}

int main(int argc, char **argv)
{
    if (argc == 2)
        cmocka_set_test_filter(argv[1]);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_move_goes_through_every_part_in_order_and_then_soaks),
        TEST(the_source_is_kept_until_the_soak_is_over_and_watched_meanwhile),
        TEST(steps_tables_and_what_can_be_done_are_shown),
        TEST(no_more_moves_are_under_way_at_once_than_are_allowed),
        TEST(an_obstacle_refuses_by_name_before_anything_is_made),
        TEST(whatever_part_keeps_failing_the_move_is_undone_and_says_why),
        TEST(a_part_that_fails_once_is_repeated_and_the_tenant_settled_between),
        TEST(a_difference_before_the_cutover_fails_the_move_at_once),
        TEST(a_failed_move_is_retried_as_a_new_one_and_only_once),
        TEST(a_late_cutover_is_tried_again_and_people_are_told_once),
        TEST(a_cutover_that_finds_no_moment_fails_when_the_settings_say_so),
        TEST(a_cutover_whose_answer_is_lost_is_found_in_the_databases),
        TEST(cancelled_while_it_cuts_over_it_is_undone),
        TEST(cancelled_a_moment_too_late_it_soaks_and_says_so),
        TEST(a_rolled_back_move_returns_to_the_source),
        TEST(a_way_back_that_is_lost_is_told_and_undoes_nothing),
        TEST(a_return_that_cannot_be_made_leaves_it_soaking),
        TEST(a_proof_that_differs_keeps_both_sides_until_somebody_decides),
        TEST(a_soak_is_finished_at_once_but_not_before_the_proof),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
