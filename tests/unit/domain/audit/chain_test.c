/* The chain of the audit record: sealed by several at once, tampered with in every way. */
#include "chain_test.sql.h"
#include "domain/audit/sealer.h"
#include "domain/audit/verify.h"
#include "product.h"

#define MANY 100000

struct rig {
    struct product p; /* first: a test's state serves both */
    struct secret *key;
    struct audit_report report;
};

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    product_init(&r->p);
    r->key = secret_new(STR("the key of a test"));
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    secret_free(r->key);
    product_release(&r->p);
    free(r);
    return 0;
}

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* -- steps ------------------------------------------------------------------------------------ */

static int64_t seal(struct rig *r)
{
    int64_t sealed;
    ASSERT_OK(&r->p, audit_seal(&r->p.env, r->key, &sealed, &r->p.e));
    return sealed;
}

static void run(struct rig *r, const struct db_query *query, struct db_args args)
{
    product_begin(&r->p);
    ASSERT_OK(&r->p, db_exec(r->p.tx, query, args, NULL, &r->p.e));
    product_commit(&r->p);
}

static void add(struct rig *r, int64_t count)
{
    run(r, &add_many, DB_ARGS(db_int(count)));
}

struct look {
    struct rig *r;
    struct audit_request request;
};

static enum err verify_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct look *l = arg;
    return audit_verify(tx, l->r->key, &l->request, &l->r->p.arena, &l->r->report, e);
}

static enum err try_verify(struct rig *r, const struct audit_link *expect)
{
    struct look l = {r, {.after = {.seq = INT_ABSENT}, .max = AUDIT_STRETCH_MAX}};
    l.request.expect = expect ? *expect : l.request.after;
    return db_read(r->p.t.db, verify_work, &l, &r->p.e);
}

static const struct audit_check *verify_expecting(struct rig *r, const struct audit_link *expect)
{
    ASSERT_OK(&r->p, try_verify(r, expect));
    return &r->report.check;
}

static const struct audit_check *verify(struct rig *r)
{
    return verify_expecting(r, NULL);
}

static struct audit_link head(struct rig *r)
{
    assert_int_equal(verify(r)->count, 0);
    return r->report.head.last;
}

struct text_work {
    struct rig *r;
    const struct db_query *query;
    struct db_args args;
    const char *text;
};

static enum err text_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct text_work *w = arg;
    return db_get_text(tx, w->query, w->args, &w->r->p.arena, &w->text, e);
}

static const char *text_of(struct rig *r, const struct db_query *query, struct db_args args)
{
    struct text_work w = {r, query, args, NULL};
    ASSERT_OK(&r->p, db_read(r->p.t.db, text_work, &w, &r->p.e));
    return w.text;
}

static void assert_finding(const struct audit_check *c, size_t i, enum audit_fault fault,
                           int64_t seq, int64_t through)
{
    assert_true(i < c->count);
    assert_int_equal(c->findings[i].fault, fault);
    assert_int_equal(c->findings[i].seq, seq);
    assert_int_equal(c->findings[i].through, through);
}

/* -- sealing ---------------------------------------------------------------------------------- */

static void entries_are_numbered_in_the_order_of_ids_without_a_gap(void **state)
{
    struct rig *r = *state;
    add(r, 2500); /* more than one batch */
    verify(r);
    assert_int_equal(r->report.unsealed, 2500);
    assert_int_equal(seal(r), 2500);
    assert_int_equal(seal(r), 0);
    assert_int_equal(verify(r)->checked, 2500);
    assert_int_equal(r->report.check.count, 0);
    assert_int_equal(r->report.unsealed, 0);
    assert_int_equal(r->report.head.last.seq, 2500);
}

static void an_entry_that_is_committed_late_gets_a_later_number(void **state)
{
    struct rig *r = *state;
    add(r, 3);
    assert_int_equal(seal(r), 3);
    run(r, &add_late, DB_NO_ARGS); /* its id is below all others */
    assert_int_equal(seal(r), 1);
    assert_int_equal(verify(r)->checked, 4);
    assert_int_equal(r->report.check.count, 0);
}

static void an_entry_of_a_transaction_that_is_open_is_sealed_after_its_commit(void **state)
{
    struct rig *r = *state;
    struct product *p = &r->p;
    if (db_engine_of(p->t.db) == DB_SQLITE)
        return; /* one writer at a time: there is no sealing beside an open transaction */
    product_begin(p);
    ASSERT_OK(p,
              audit_write(p->tx, &p->env, &p->arena, "token:slow", "test.done", "s", NULL, &p->e));
    ASSERT_OK(p, db_settle(p->tx, &p->e));
    assert_int_equal(seal(r), 0);
    product_commit(p);
    assert_int_equal(seal(r), 1);
    assert_int_equal(verify(r)->count, 0);
}

struct party {
    struct rig *r;
    int number;
    struct error e;
    enum err err;
};

static enum err write_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct party *party = arg;
    _cleanup_arena_ struct arena arena = {0};
    struct env env = party->r->p.env;
    env.rng = &rng_system;
    return audit_write(tx, &env, &arena, "token:test", "test.done",
                       arena_printf(&arena, "party %d", party->number), NULL, e);
}

/* Half of them write, half of them seal. */
static void *take_part(void *arg)
{
    struct party *party = arg;
    const struct product *p = &party->r->p;
    for (int i = 0; i < 100 && party->err == OK; i++)
        party->err = party->number % 2 ? audit_seal(&p->env, party->r->key, NULL, &party->e)
                                       : db_write(p->t.db, write_work, party, &party->e);
    return NULL;
}

static void several_who_write_and_seal_at_once_make_one_chain(void **state)
{
    struct rig *r = *state;
    struct party parties[6];
    pthread_t threads[6];
    for (int i = 0; i < 6; i++) {
        parties[i] = (struct party){r, i, {0}, OK};
        assert_int_equal(pthread_create(&threads[i], NULL, take_part, &parties[i]), 0);
    }
    for (int i = 0; i < 6; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (parties[i].err != OK)
            fail_msg("%s", parties[i].e.text);
    }
    (void)seal(r);
    assert_int_equal(verify(r)->checked, 300);
    assert_int_equal(r->report.check.count, 0);
    assert_int_equal(r->report.unsealed, 0);
}

static void the_sealer_seals_what_is_left_when_it_is_stopped(void **state)
{
    struct rig *r = *state;
    struct audit_sealer *sealer = audit_sealer_start(&r->p.env, r->key);
    add(r, 3);
    audit_sealer_stop(sealer);
    assert_int_equal(product_number(&r->p, &count_sealed), 3);
    assert_int_equal(verify(r)->count, 0);
}

static void a_hundred_thousand_entries_are_sealed_and_verified(void **state)
{
    struct rig *r = *state;
    add(r, MANY);
    assert_int_equal(seal(r), MANY);
    assert_int_equal(verify(r)->checked, MANY);
    assert_true(r->report.more); /* as many as one stretch holds: there may be others */
    struct look l = {r, {r->report.check.at, {.seq = INT_ABSENT}, AUDIT_STRETCH_MAX}};
    ASSERT_OK(&r->p, db_read(r->p.t.db, verify_work, &l, &r->p.e));
    assert_int_equal(r->report.check.count, 0);
    assert_false(r->report.more);
}

/* -- tampering -------------------------------------------------------------------------------- */

static void a_changed_entry_is_named(void **state)
{
    struct rig *r = *state;
    add(r, 9);
    seal(r);
    run(r, &change_one, DB_ARGS(db_int(5)));
    const struct audit_check *c = verify(r);
    assert_int_equal(c->count, 1);
    assert_finding(c, 0, AUDIT_CHANGED, 5, 5);
    ASSERT_CONTAINS(c->findings[0].detail, "entry 5 ");
}

/* Its own hash no longer fits it, and the next one's does not follow on it. */
static void an_entry_that_was_changed_with_its_hash_breaks_the_next(void **state)
{
    struct rig *r = *state;
    add(r, 9);
    seal(r);
    run(r, &change_hash, DB_ARGS(db_int(5), db_text(audit_genesis.hash)));
    const struct audit_check *c = verify(r);
    assert_int_equal(c->count, 2);
    assert_finding(c, 0, AUDIT_CHANGED, 5, 5);
    assert_finding(c, 1, AUDIT_CHANGED, 6, 6);
}

static void deleted_entries_are_named(void **state)
{
    struct rig *r = *state;
    add(r, 9);
    seal(r);
    run(r, &delete_one, DB_ARGS(db_int(4)));
    run(r, &delete_one, DB_ARGS(db_int(5)));
    const struct audit_check *c = verify(r);
    assert_int_equal(c->count, 1);
    assert_finding(c, 0, AUDIT_MISSING, 4, 5);
    assert_string_equal(c->findings[0].detail, "entries 4 to 5 are missing");
}

static void a_gap_that_was_closed_is_found(void **state)
{
    struct rig *r = *state;
    add(r, 9);
    seal(r);
    run(r, &delete_one, DB_ARGS(db_int(4)));
    for (int64_t seq = 5; seq <= 9; seq++)
        run(r, &renumber_one, DB_ARGS(db_int(seq), db_int(seq - 1)));
    const struct audit_check *c = verify(r);
    assert_finding(c, 0, AUDIT_CHANGED, 4, 4);
    assert_finding(c, c->count - 1, AUDIT_MISSING, 9, 9);
}

static void an_inserted_entry_is_named(void **state)
{
    struct rig *r = *state;
    add(r, 9);
    seal(r);
    for (int64_t seq = 9; seq >= 5; seq--)
        run(r, &renumber_one, DB_ARGS(db_int(seq), db_int(seq + 1)));
    run(r, &insert_at, DB_ARGS(db_int(5), db_text(audit_genesis.hash)));
    const struct audit_check *c = verify(r);
    assert_finding(c, 0, AUDIT_CHANGED, 5, 5);
    ASSERT_CONTAINS(c->findings[0].detail, "999999999999");
    assert_finding(c, c->count - 1, AUDIT_HEAD, 10, 10);
}

static void an_entry_behind_the_end_is_named(void **state)
{
    struct rig *r = *state;
    add(r, 9);
    seal(r);
    run(r, &insert_at, DB_ARGS(db_int(10), db_text(audit_genesis.hash)));
    const struct audit_check *c = verify(r);
    assert_int_equal(c->count, 2);
    assert_finding(c, 0, AUDIT_CHANGED, 10, 10);
    assert_finding(c, 1, AUDIT_HEAD, 10, 10);
}

static void exchanged_entries_are_named(void **state)
{
    struct rig *r = *state;
    add(r, 9);
    seal(r);
    run(r, &renumber_one, DB_ARGS(db_int(3), db_int(100)));
    run(r, &renumber_one, DB_ARGS(db_int(6), db_int(3)));
    run(r, &renumber_one, DB_ARGS(db_int(100), db_int(6)));
    const struct audit_check *c = verify(r);
    assert_finding(c, 0, AUDIT_CHANGED, 3, 3);
    bool sixth = false;
    for (size_t i = 0; i < c->count; i++)
        sixth = sixth || c->findings[i].seq == 6;
    assert_true(sixth);
}

static void a_tail_that_was_cut_off_is_named(void **state)
{
    struct rig *r = *state;
    add(r, 9);
    seal(r);
    run(r, &delete_after, DB_ARGS(db_int(7)));
    const struct audit_check *c = verify(r);
    assert_int_equal(c->count, 1);
    assert_finding(c, 0, AUDIT_MISSING, 8, 9);
    assert_string_equal(c->findings[0].detail, "entries 8 to 9 are missing at the end");
}

static void a_head_that_was_moved_with_the_tail_is_not_the_installations(void **state)
{
    struct rig *r = *state;
    add(r, 9);
    seal(r);
    run(r, &delete_after, DB_ARGS(db_int(7)));
    const char *hash = text_of(r, &hash_of, DB_ARGS(db_int(7)));
    run(r, &move_head, DB_ARGS(db_int(7), db_text(hash)));
    const struct audit_check *c = verify(r);
    assert_int_equal(c->count, 1);
    assert_finding(c, 0, AUDIT_HEAD, 7, 7);
    /* Sealing goes on behind it, and leaves a mark that stays. */
    run(r, &add_late, DB_NO_ARGS);
    assert_int_equal(seal(r), 1);
    c = verify(r);
    assert_int_equal(c->count, 1);
    assert_finding(c, 0, AUDIT_HEAD, 7, 7);
    ASSERT_CONTAINS(c->findings[0].detail, "forged at entry 7");
}

static void a_record_that_was_put_back_whole_is_found_by_a_head_that_was_noted(void **state)
{
    struct rig *r = *state;
    add(r, 7);
    seal(r);
    struct audit_link then = head(r);
    const char *mac = text_of(r, &head_mac, DB_NO_ARGS);
    run(r, &add_late, DB_NO_ARGS);
    seal(r);
    struct audit_link noted = head(r);
    assert_int_equal(verify_expecting(r, &noted)->count, 0);
    assert_int_equal(verify_expecting(r, &then)->count, 0);
    run(r, &delete_after, DB_ARGS(db_int(7)));
    run(r, &restore_head, DB_ARGS(db_int(then.seq), db_text(then.hash), db_text(mac)));
    assert_int_equal(verify(r)->count, 0);
    const struct audit_check *c = verify_expecting(r, &noted);
    assert_int_equal(c->count, 1);
    assert_finding(c, 0, AUDIT_MISSING, 8, 8);
}

static void a_record_that_was_written_anew_is_found_by_a_head_that_was_noted(void **state)
{
    struct rig *r = *state;
    add(r, 9);
    seal(r);
    struct audit_link noted = head(r);
    noted.seq = 5;
    const struct audit_check *c = verify_expecting(r, &noted);
    assert_int_equal(c->count, 1);
    assert_finding(c, 0, AUDIT_HEAD, 5, 5);
}

static void more_findings_than_are_kept_are_counted(void **state)
{
    struct rig *r = *state;
    add(r, 150);
    seal(r);
    for (int64_t seq = 1; seq <= 150; seq++)
        run(r, &change_one, DB_ARGS(db_int(seq)));
    const struct audit_check *c = verify(r);
    assert_int_equal(c->count, AUDIT_FINDINGS_MAX);
    assert_int_equal(c->count + c->dropped, 149); /* entry 99 says n = 99 anyway */
}

/* -- pruning ---------------------------------------------------------------------------------- */

static int64_t prune(struct rig *r, int64_t before, int64_t max)
{
    struct product *p = &r->p;
    int64_t deleted;
    product_begin(p);
    ASSERT_OK(p, audit_prune(p->tx, &p->env, r->key, before, max, &p->arena, &deleted, &p->e));
    product_commit(p);
    return deleted;
}

#define FIRST_AT INT64_C(1790000000000000)

static void what_is_left_after_pruning_is_verified_from_where_it_was_cut(void **state)
{
    struct rig *r = *state;
    add(r, 20);
    seal(r);
    struct audit_link noted = head(r);
    assert_int_equal(prune(r, FIRST_AT + 6, 1000), 0); /* the oldest is not a day older than that */
    assert_int_equal(prune(r, FIRST_AT + USEC_PER_DAY + 100, 5), 5);
    assert_int_equal(seal(r), 1); /* what the pruning says of itself */
    const struct audit_check *c = verify_expecting(r, &noted);
    assert_int_equal(c->count, 0);
    assert_int_equal(c->checked, 16);
    assert_int_equal(r->report.head.first.seq, 5);
    run(r, &delete_one, DB_ARGS(db_int(6)));
    c = verify(r);
    assert_finding(c, 0, AUDIT_MISSING, 6, 6);
    noted.seq = 3;
    assert_int_equal(try_verify(r, &noted), ERR_INVALID);
    ASSERT_CONTAINS(r->p.e.text, "entry 3, which is expected, was pruned");
}

static enum err prune_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct rig *r = arg;
    int64_t deleted;
    return audit_prune(tx, &r->p.env, r->key, INT64_MAX, 10, &r->p.arena, &deleted, e);
}

static void nothing_is_pruned_behind_a_forged_head(void **state)
{
    struct rig *r = *state;
    add(r, 9);
    seal(r);
    run(r, &move_head, DB_ARGS(db_int(8), db_text(audit_genesis.hash)));
    assert_int_equal(db_write(r->p.t.db, prune_work, r, &r->p.e), ERR_CORRUPT);
    assert_int_equal(product_number(&r->p, &count_entries), 9);
}

/* -- links ------------------------------------------------------------------------------------ */

static void a_head_is_written_down_and_read_again(void **state)
{
    (void)state;
    char text[AUDIT_LINK_TEXT_MAX];
    struct audit_link link;
    assert_true(audit_link_parse(audit_link_text(&audit_genesis, text), &link));
    assert_int_equal(link.seq, 0);
    assert_string_equal(link.hash, audit_genesis.hash);
    assert_false(audit_link_parse("", &link));
    assert_false(audit_link_parse("5", &link));
    assert_false(audit_link_parse("5:abc", &link));
    assert_false(audit_link_parse("x:abc", &link));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(entries_are_numbered_in_the_order_of_ids_without_a_gap),
        RIG_TEST(an_entry_that_is_committed_late_gets_a_later_number),
        RIG_TEST(an_entry_of_a_transaction_that_is_open_is_sealed_after_its_commit),
        RIG_TEST(several_who_write_and_seal_at_once_make_one_chain),
        RIG_TEST(the_sealer_seals_what_is_left_when_it_is_stopped),
        RIG_TEST(a_hundred_thousand_entries_are_sealed_and_verified),
        RIG_TEST(a_changed_entry_is_named),
        RIG_TEST(an_entry_that_was_changed_with_its_hash_breaks_the_next),
        RIG_TEST(deleted_entries_are_named),
        RIG_TEST(a_gap_that_was_closed_is_found),
        RIG_TEST(an_inserted_entry_is_named),
        RIG_TEST(an_entry_behind_the_end_is_named),
        RIG_TEST(exchanged_entries_are_named),
        RIG_TEST(a_tail_that_was_cut_off_is_named),
        RIG_TEST(a_head_that_was_moved_with_the_tail_is_not_the_installations),
        RIG_TEST(a_record_that_was_put_back_whole_is_found_by_a_head_that_was_noted),
        RIG_TEST(a_record_that_was_written_anew_is_found_by_a_head_that_was_noted),
        RIG_TEST(more_findings_than_are_kept_are_counted),
        RIG_TEST(what_is_left_after_pruning_is_verified_from_where_it_was_cut),
        RIG_TEST(nothing_is_pruned_behind_a_forged_head),
        cmocka_unit_test(a_head_is_written_down_and_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
