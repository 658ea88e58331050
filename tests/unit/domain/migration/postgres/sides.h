/*
 * Two databases of one server, as the source and the target of a move, with a session to each.
 */
#ifndef WEBHOST_TESTS_MIGRATION_POSTGRES_SIDES_H
#define WEBHOST_TESTS_MIGRATION_POSTGRES_SIDES_H

#include "check.h"
#include "testdb.h"

#include "domain/migration/mover.h"
#include "infra/pg/session.h"

struct sides {
    struct testdb db[2];      /* by enum mover_side; empty databases */
    struct pg_session *at[2]; /* as who looks on: no watch, no deadline */
    struct arena arena;
    struct error e;
};

/* For cmocka: the state is a struct sides. */
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

/* prepare, copy, index; returns the rows that were copied. */
int64_t sides_move_load(struct sides_move *m, struct sides *s);

#endif
