/* Asking for a move, its states, and a move from beginning to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/migration/postgres/watchdog.h"
#include "world.h"

#include "move.sql.h"
#include "world.sql.h"

#define SMALL "{\"budget\":30,\"vehicle_count\":2}"

static struct world w;

static int setup(void **state)
{
    (void)state;
    world_create(&w);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_remove(&w);
    return 0;
}

/* -- states ------------------------------------------------------------------------------------ */

static void every_edge_is_taken_and_every_other_pair_is_refused(void **state)
{
    (void)state;
    int expected[MOVE_STATES][MOVE_EVENTS];
    memset(expected, -1, sizeof(expected));
    static const enum move_event forward[] = {
        MOVE_START,     MOVE_PROVISIONED, MOVE_PREPARED, MOVE_COPIED, MOVE_INDEXED,
        MOVE_CAUGHT_UP, MOVE_VERIFIED,    MOVE_SWITCH,   MOVE_SOAKED, MOVE_CLEANED};
    for (int s = 0; s < (int)ARRAY_LEN(forward); s++) /* the states are in the order of the way */
        expected[s][forward[s]] = s + 1;
    for (int s = MOVE_REQUESTED; s <= MOVE_CUTTING_OVER; s++) {
        expected[s][MOVE_FAIL] = MOVE_FAILING;
        expected[s][MOVE_CANCEL] = MOVE_CANCELLING;
    }
    expected[MOVE_FAILING][MOVE_UNDONE] = MOVE_FAILED;
    expected[MOVE_FAILING][MOVE_SWITCH] = MOVE_SOAKING;
    expected[MOVE_CANCELLING][MOVE_UNDONE] = MOVE_CANCELLED;
    expected[MOVE_CANCELLING][MOVE_SWITCH] = MOVE_SOAKING;
    expected[MOVE_SOAKING][MOVE_RETURN] = MOVE_RETURNING;
    expected[MOVE_RETURNING][MOVE_STAY] = MOVE_SOAKING;
    expected[MOVE_RETURNING][MOVE_RETREAT] = MOVE_REMOVING;
    expected[MOVE_REMOVING][MOVE_REMOVED] = MOVE_RETURNED;
    for (int s = 0; s < MOVE_STATES; s++) {
        for (int v = 0; v < MOVE_EVENTS; v++)
            assert_int_equal(move_next_state((enum move_state)s, (enum move_event)v),
                             expected[s][v]);
    }
}

static void the_table_has_each_state_in_its_place_and_each_edge_once(void **state)
{
    (void)state;
    for (int s = 0; s < MOVE_STATES; s++)
        assert_int_equal(move_state_rows[s].state, s);
    for (size_t i = 0; i < move_edge_count; i++) {
        for (size_t j = 0; j < i; j++)
            assert_false(move_edges[i].from == move_edges[j].from &&
                         move_edges[i].event == move_edges[j].event);
    }
}

/* What an operator reads must be what the edges allow. */
static void the_phase_says_what_the_edges_allow(void **state)
{
    (void)state;
    for (int s = 0; s < MOVE_STATES; s++) {
        enum move_phase phase = move_phase_of((enum move_state)s);
        bool can_cancel = move_next_state((enum move_state)s, MOVE_CANCEL) >= 0;
        bool can_return = move_next_state((enum move_state)s, MOVE_RETURN) >= 0;
        assert_int_equal(phase == PHASE_UNDOABLE, can_cancel);
        assert_int_equal(phase == PHASE_RETURNABLE, can_return);
        assert_int_equal(move_state_rows[s].undo != NULL, can_cancel || can_return);
    }
}

static void an_ended_move_has_no_way_on(void **state)
{
    (void)state;
    for (int s = 0; s < MOVE_STATES; s++) {
        bool way_on = false;
        for (int v = 0; v < MOVE_EVENTS; v++)
            way_on |= move_next_state((enum move_state)s, (enum move_event)v) >= 0;
        assert_int_equal(way_on, !move_is_over((enum move_state)s));
    }
}

struct setting {
    const char *id;
    enum move_event event;
    int64_t run_off;
};

static enum err set_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct setting *s = arg;
    struct move move;
    TRY(move_find(tx, s->id, &w.arena, &move, e));
    move.run += s->run_off;
    return move_set_state(tx, &w.env, "test", &move, s->event, NULL, &w.arena, e);
}

static void the_setter_refuses_an_old_run_and_a_missing_edge(void **state)
{
    (void)state;
    struct error e;
    struct move move;
    const char *id = world_customer(&w, "acme", SMALL);
    assert_int_equal(world_request(&w, id, "single_tenant", &move, &e), OK);
    struct setting old_run = {move.id, MOVE_START, -1}, no_edge = {move.id, MOVE_SWITCH, 0};
    assert_int_equal(db_write(w.env.db, set_work, &old_run, &e), ERR_CONFLICT);
    assert_int_equal(db_write(w.env.db, set_work, &no_edge, &e), ERR_CONFLICT);
    assert_non_null(strstr(e.text, "is requested: it cannot be switched; nothing is decided yet"));
    assert_int_equal(world_move(&w, move.id).state, MOVE_REQUESTED);
}

/* -- asking ------------------------------------------------------------------------------------ */

static void refused(const char *customer, const char *mode, enum err err, const char *sentence)
{
    struct error e = {0};
    struct move move;
    int64_t before = world_count(&w, &world_rows, "");
    assert_int_equal(world_request(&w, customer, mode, &move, &e), err);
    if (!strstr(e.text, sentence))
        fail_msg("'%s' is not in '%s'", sentence, e.text);
    assert_int_equal(world_count(&w, &world_rows, ""), before);
}

static void a_refused_request_says_why_and_changes_nothing(void **state)
{
    (void)state;
    struct error e;
    struct move move;
    const char *id = world_customer(&w, "acme", SMALL);
    refused(id, "both", ERR_INVALID, "target_mode: must be multi_tenant or single_tenant");
    refused("nobody", "single_tenant", ERR_NOT_FOUND, "no customer nobody");
    refused("acme", "multi_tenant", ERR_CONFLICT, "is in mode multi_tenant already");
    assert_int_equal(world_request(&w, "acme", "single_tenant", &move, &e), OK);
    refused(id, "single_tenant", ERR_CONFLICT, "is being moved already");
    refused(id, "multi_tenant", ERR_CONFLICT, "is being moved already");
}

static enum err fail_work(struct db_tx *tx, void *arg, struct error *e)
{
    return deployment_set_leaving(tx, &w.env, arg, DEPLOYMENT_RETIRING, e);
}

static void a_deployment_that_is_not_active_cannot_be_moved(void **state)
{
    (void)state;
    struct error e;
    const char *id = world_customer(&w, "acme", SMALL);
    struct deployment at = world_current(&w, id);
    assert_int_equal(db_write(w.env.db, fail_work, (void *)(uintptr_t)at.id, &e), OK);
    refused(id, "single_tenant", ERR_CONFLICT, "before its deployment is active");
}

static void a_constraint_of_the_policy_forbids_the_mode(void **state)
{
    (void)state;
    const char *id = world_customer(
        &w, "clinic",
        "{\"budget\":30,\"vehicle_count\":2,\"compliance_requirements\":[\"hipaa\"]}");
    assert_int_equal(world_current(&w, id).mode, SINGLE_TENANT);
    refused(id, "multi_tenant", ERR_CONFLICT, "[hipaa-dedicated]");
}

/* -- looking ----------------------------------------------------------------------------------- */

struct looking {
    const char *customer_id, *move_id;
    struct move found, latest;
    struct records all, its, running;
};

static enum err look_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct looking *l = arg;
    struct page page = {.limit = 10};
    struct move_filter any = {0}, its = {.customer_id = l->customer_id, .state = "requested"};
    const char *next;
    TRY(move_find(tx, l->move_id, &w.arena, &l->found, e));
    TRY(move_latest(tx, l->customer_id, &w.arena, &l->latest, e));
    TRY(move_list(tx, &any, page, &w.arena, &l->all, &next, e));
    TRY(move_list(tx, &its, page, &w.arena, &l->its, &next, e));
    return move_list_running(tx, 10, &w.arena, &l->running, e);
}

static void is_of(const struct move *m, const char *id, const char *slug)
{
    assert_string_equal(m->id, id);
    assert_string_equal(m->customer_slug, slug);
    assert_string_equal(m->customer_name, "A Name");
}

static void a_move_names_its_customer_wherever_it_is_read(void **state)
{
    (void)state;
    struct error e;
    struct move first, second;
    const char *id = world_customer(&w, "acme", SMALL);
    (void)world_customer(&w, "bolt", SMALL);
    assert_int_equal(world_request(&w, "acme", "single_tenant", &first, &e), OK);
    assert_int_equal(world_request(&w, "bolt", "single_tenant", &second, &e), OK);
    is_of(&second, second.id, "bolt");
    struct looking l = {.customer_id = id, .move_id = first.id};
    assert_int_equal(db_read(w.env.db, look_work, &l, &e), OK);
    is_of(&l.found, first.id, "acme");
    is_of(&l.latest, first.id, "acme");
    assert_int_equal(l.all.count, 2);
    is_of(&((struct move *)l.all.items)[0], second.id, "bolt");
    is_of(&((struct move *)l.all.items)[1], first.id, "acme");
    assert_int_equal(l.its.count, 1);
    is_of(l.its.items, first.id, "acme");
    assert_int_equal(l.running.count, 2);
    is_of(&((struct move *)l.running.items)[0], first.id, "acme");
    _cleanup_json_ json_t *shown = move_json(&l.found);
    assert_string_equal(json_get_text(shown, "customer_slug"), "acme");
    assert_string_equal(json_get_text(shown, "customer_name"), "A Name");
}

/* -- moving ------------------------------------------------------------------------------------ */

static struct move moved(const char *id, const char *mode)
{
    struct error e = {0};
    struct move move;
    if (world_request(&w, id, mode, &move, &e) != OK)
        fail_msg("%s", e.text);
    world_run(&w, 100);
    return world_move(&w, move.id);
}

static void a_customer_moves_there_and_back_with_every_row(void **state)
{
    (void)state;
    struct error e;
    const char *id = world_customer(&w, "acme", SMALL);
    const char *other = world_customer(&w, "neighbour", SMALL);
    const char *rows = world_fingerprint(&w, w.shared.url, id);
    const char *neighbours = world_fingerprint(&w, w.shared.url, other);

    struct move there = moved(id, "single_tenant");
    assert_string_equal(move_state_names[there.state], "completed");
    assert_true(there.rows_copied >= 50 + 3000);
    assert_true(there.stall_us >= 0);
    assert_non_null(strstr(there.proof, "\"gps_points\":{\"rows\":3000"));
    struct deployment at = world_current(&w, id), was = world_deployment(&w, there.source_id);
    assert_int_equal(at.mode, SINGLE_TENANT);
    assert_int_equal(at.status, DEPLOYMENT_ACTIVE);
    assert_int_equal(was.status, DEPLOYMENT_RETIRED);
    assert_string_equal(world_fingerprint(&w, w.dedicated.url, id), rows);
    assert_int_equal(world_tenant_count(&w, w.shared.url, &world_places, id), 0);
    assert_int_equal(world_tenant_count(&w, w.shared.url, &world_points, id), 0);
    assert_int_equal(world_count(&w, &world_slots, ""), 1);

    struct move back = moved(id, "multi_tenant");
    assert_string_equal(move_state_names[back.state], "completed");
    assert_true(back.run > there.run);
    assert_string_equal(world_fingerprint(&w, w.shared.url, id), rows);
    assert_string_equal(world_fingerprint(&w, w.shared.url, other), neighbours);
    assert_int_equal(world_tenant_count(&w, w.dedicated.url, &world_places, id), 0);
    assert_int_equal(world_count(&w, &world_slots, ""), 2);
    assert_int_equal(world_write(&w, w.shared.url, id, "new", &e), OK);
}

static void a_tenant_without_rows_moves_too(void **state)
{
    (void)state;
    const char *id = world_customer(&w, "acme", SMALL);
    struct error e;
    struct deployment at = world_current(&w, id);
    struct tenant tenant = {id, "acme", "A Name", at.id};
    assert_int_equal(tenant_drop(w.provisioning.stores, at.database_url, id, at.id, &e), OK);
    assert_int_equal(tenant_create(w.provisioning.stores, at.database_url, &tenant, 1, &e), OK);
    struct move there = moved(id, "single_tenant");
    assert_int_equal(there.state, MOVE_COMPLETED);
}

int main(int argc, char **argv)
{
    pg_watchdog_hook(argc, argv, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_edge_is_taken_and_every_other_pair_is_refused),
        cmocka_unit_test(the_table_has_each_state_in_its_place_and_each_edge_once),
        cmocka_unit_test(the_phase_says_what_the_edges_allow),
        cmocka_unit_test(an_ended_move_has_no_way_on),
        cmocka_unit_test_setup_teardown(the_setter_refuses_an_old_run_and_a_missing_edge, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_refused_request_says_why_and_changes_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_deployment_that_is_not_active_cannot_be_moved, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_constraint_of_the_policy_forbids_the_mode, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_move_names_its_customer_wherever_it_is_read, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_customer_moves_there_and_back_with_every_row, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_tenant_without_rows_moves_too, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
