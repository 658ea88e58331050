#include "fixture.h"

#include "schema.h"
#include "things.sql.h"

#include <stdlib.h>

int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    testdb_create(&f->t);
    testdb_open(&f->t, things_schema, things_schema_count);
    *state = f;
    return 0;
}

int teardown(void **state)
{
    struct fixture *f = *state;
    testdb_remove(&f->t);
    arena_release(&f->arena);
    free(f);
    return 0;
}

void close_db(struct fixture *f)
{
    db_close(f->t.db);
    f->t.db = NULL;
}

enum err exec_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct statement *s = arg;
    return db_exec(tx, s->query, s->args, &s->result, e);
}

enum err int_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct statement *s = arg;
    return db_get_int(tx, s->query, s->args, &s->result, e);
}

enum err add_work(struct db_tx *tx, void *arg, struct error *e)
{
    return db_exec(tx, &thing_add, DB_ARGS(db_text(arg), db_text(arg)), NULL, e);
}

enum err exec(struct fixture *f, const struct db_query *query, struct db_args args)
{
    struct statement s = {query, args, -1};
    return db_write(f->t.db, exec_work, &s, &f->e);
}

int64_t number(struct fixture *f, const struct db_query *query, struct db_args args)
{
    struct statement s = {query, args, -1};
    ASSERT_OK(f, db_read(f->t.db, int_work, &s, &f->e));
    return s.result;
}

int64_t count_things(struct fixture *f)
{
    return number(f, &things_count, DB_NO_ARGS);
}
