#include "sides.h"

int sides_setup(void **state)
{
    struct sides *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    for (int side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        testdb_create(&s->db[side]);
        const struct pg_options options = {.url = s->db[side].url, .name = "test"};
        ASSERT_OK(s, pg_open(&options, &s->at[side], &s->e));
    }
    *state = s;
    return 0;
}

int sides_teardown(void **state)
{
    struct sides *s = *state;
    for (int side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        pg_close(s->at[side]);
        testdb_remove(&s->db[side]);
    }
    arena_release(&s->arena);
    free(s);
    return 0;
}

void sides_run(struct sides *s, enum mover_side side, const char *sql)
{
    if (pg_run(s->at[side], sql, &s->e) != OK)
        fail_msg("%s: %s", sql, s->e.text);
}

void sides_run_both(struct sides *s, const char *sql)
{
    sides_run(s, SIDE_SOURCE, sql);
    sides_run(s, SIDE_TARGET, sql);
}

const char *sides_get(struct sides *s, enum mover_side side, const char *sql)
{
    const char *text = NULL;
    if (pg_get(s->at[side], sql, NULL, 0, &s->arena, &text, &s->e) != OK)
        fail_msg("%s: %s", sql, s->e.text);
    return text;
}
