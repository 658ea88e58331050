#include "product.h"

#define SEED 42

void product_init(struct product *p)
{
    testdb_create_migrated(&p->t, core_migrations, core_migration_count);
    clock_virtual_init(&p->clock, PRODUCT_START_US);
    p->t.clock = &p->clock.clock;
    testdb_open(&p->t, core_migrations, core_migration_count);
    rng_seeded_init(&p->rng, SEED);
    p->env = (struct env){p->t.db, &p->clock.clock, &p->rng.rng};
    p->policy = policy_builtin("default");
    p->prices = prices_builtin();
    p->provisioning = provisioning_settings_default();
    price_book_open(&p->price_book, &p->env, &p->provisioning, p->prices);
    p->problems.arena = &p->arena;
}

void product_release(struct product *p)
{
    testtx_release(&p->session);
    testdb_remove(&p->t);
    price_book_close(&p->price_book);
    policy_free(p->policy);
    prices_free(p->prices);
    arena_release(&p->arena);
}

int product_setup(void **state)
{
    struct product *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    product_init(p);
    *state = p;
    return 0;
}

int product_teardown(void **state)
{
    struct product *p = *state;
    product_release(p);
    free(p);
    return 0;
}

struct db_tx *product_begin(struct product *p)
{
    p->tx = testtx_begin(&p->session, p->t.db);
    return p->tx;
}

void product_commit(struct product *p)
{
    p->tx = NULL;
    ASSERT_OK(p, testtx_commit(&p->session, &p->e));
}

void product_rollback(struct product *p)
{
    p->tx = NULL;
    testtx_rollback(&p->session);
}

struct number {
    const struct db_query *query;
    int64_t value;
};

static enum err number_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct number *n = arg;
    return db_get_int(tx, n->query, DB_NO_ARGS, &n->value, e);
}

int64_t product_number(struct product *p, const struct db_query *query)
{
    struct number n = {query, INT_ABSENT};
    ASSERT_OK(p, db_read(p->t.db, number_work, &n, &p->e));
    return n.value;
}

enum err product_try_signup(struct product *p, const char *body, struct signed_up *ret)
{
    struct signup request;
    record_clear(signup_fields, &request);
    p->problems.count = 0;
    TRY(json_decode_text(signup_fields, str_from(body), &p->arena, &request, &p->problems, &p->e));
    return signup(p->tx, &p->env, p->policy, p->prices, "token:test", &request, &p->arena,
                  &p->problems, ret, &p->e);
}

struct signed_up product_signup(struct product *p, const char *slug, const char *plan,
                                const char *profile)
{
    struct signed_up done;
    const char *body =
        arena_printf(&p->arena,
                     "{\"name\":\"The %s\",\"slug\":\"%s\",\"email\":\"ops@%s.example\","
                     "\"plan_slug\":\"%s\",\"profile_overrides\":%s}",
                     slug, slug, slug, plan, profile);
    product_begin(p);
    ASSERT_OK(p, product_try_signup(p, body, &done));
    product_commit(p);
    return done;
}

struct lookup {
    struct product *p;
    const char *id;
    struct deployment deployment;
};

static enum err lookup_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct lookup *l = arg;
    return deployment_find(tx, l->id, &l->p->arena, &l->deployment, e);
}

struct deployment product_deployment(struct product *p, const char *id)
{
    struct lookup l = {.p = p, .id = id};
    ASSERT_OK(p, db_read(p->t.db, lookup_work, &l, &p->e));
    return l.deployment;
}
