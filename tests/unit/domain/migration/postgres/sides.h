/*
 * Two databases of one server, as the source and the target of a move, with a session to each.
 */
#ifndef WEBHOST_TESTS_MIGRATION_POSTGRES_SIDES_H
#define WEBHOST_TESTS_MIGRATION_POSTGRES_SIDES_H

#include "check.h"
#include "testdb.h"

#include "domain/migration/mover.h"
#include "infra/pg/session.h"

#include <pthread.h>

struct sides {
    struct testdb db[2];      /* by enum mover_side; empty databases */
    struct pg_session *at[2]; /* as who looks on: no watch, no deadline */
    struct arena arena;
    struct error e;
};

/* Makes the databases; drops them. */
void sides_open(struct sides *s);
void sides_close(struct sides *s);

/* The same for cmocka: the state is a struct sides. */
int sides_setup(void **state);
int sides_teardown(void **state);

#define SIDES_TEST(name) cmocka_unit_test_setup_teardown(name, sides_setup, sides_teardown)

/* Runs a script; fails the test with the server's sentence. */
void sides_run(struct sides *s, enum mover_side side, const char *sql);
/* On both. */
void sides_run_both(struct sides *s, const char *sql);

/* The first column of the first row as text; NULL: none. */
const char *sides_get(struct sides *s, enum mover_side side, const char *sql);

#define ASSERT_GET(s, side, sql, wanted) assert_string_equal(sides_get((s), (side), (sql)), wanted)

/* -- as a move -------------------------------------------------------------------------------- */

/* A move of customer "acme" from the source to the target, by what the test changes before. */
struct sides_move {
    struct mover_settings settings;
    struct mover_run run;
    struct arena arena;
    int asked, noted;
    int stop_at;     /* go_on fails when it is asked so often; 0: never */
    char said[4096]; /* what was noted, a line each, bounded */
};

void sides_move_init(struct sides_move *m, struct sides *s);
void sides_move_release(struct sides_move *m);

/* What stands in the way: nothing; among it this, and the move is refused with the first. */
struct mover_survey sides_move_survey(struct sides_move *m, struct sides *s);
void sides_move_assert_clear(struct sides_move *m, struct sides *s);
void sides_move_assert_refused(struct sides_move *m, struct sides *s, const char *thing,
                               const char *why, const char *fix);

/* prepare, copy, index; returns the rows that were copied. */
int64_t sides_move_load(struct sides_move *m, struct sides *s);

/* catch_up, verify, and a cutover to that side, with its proof. The program's main() calls
 * pg_watchdog_hook(). */
void sides_move_catch_up(struct sides_move *m, struct sides *s);
void sides_move_cut(struct sides_move *m, struct sides *s, enum mover_side to);

/* Ends a move that the test left under way, and its sessions' transactions, so that its databases
 * can be dropped. */
void sides_move_drop(struct sides_move *m, struct sides *s);

/* The same customer the other way: another move, the source and the target by turns. */
void sides_turn(struct sides_move *m, struct sides *s);

/* All that a move can leave there; "" when there is nothing. */
const char *traces_at(struct pg_session *at, struct arena *arena);
/* On either side. */
const char *sides_traces(struct sides *s);

/* -- clients ---------------------------------------------------------------------------------- */

/* Writes one transaction after the other, each refused or done as a whole. */
struct sides_client {
    const struct sides *sides;
    const char *tenant;
    enum mover_side at;
    bool roams; /* refused because the tenant is being moved, it goes to the other side */
    /* The n-th transaction's statements, into `sql`. */
    void (*script)(char *sql, size_t size, const char *tenant, int64_t n);
    pthread_t thread;
    bool running;
    bool stop; /* atomic, as what follows */
    int64_t written;
    char error[ERROR_TEXT_MAX]; /* the first; it ends the client */
};

void sides_client_start(struct sides_client *c);
/* Returns when it has written that much more, or fails the test. */
void sides_client_wait(struct sides_client *c, int64_t more);
/* Fails the test when a transaction was refused. Returns how many were written. */
int64_t sides_client_stop(struct sides_client *c);
/* The same without a word, for teardowns; also for one that was never started. */
void sides_client_end(struct sides_client *c);

#endif
