#include "domain/migration/census.h"

#include "census.sql.h"

#define WORDS_MAX     100 /* two words of fixed lists */
#define LOCATIONS_MAX 1000

static const struct field count_fields[] = {
    {"kind", FIELD_TEXT, offsetof(struct census_count, kind)},
    {"status", FIELD_TEXT, offsetof(struct census_count, status)},
    {"count", FIELD_INT, offsetof(struct census_count, count)},
    FIELD_END,
};

static const struct field slots_fields[] = {
    {"location", FIELD_TEXT, offsetof(struct census_slots, location)},
    {"capacity", FIELD_INT, offsetof(struct census_slots, capacity)},
    {"used", FIELD_INT, offsetof(struct census_slots, used)},
    FIELD_END,
};

static const struct field money_fields[] = {
    {"mode", FIELD_TEXT, offsetof(struct census_money, mode)},
    {"revenue", FIELD_DECIMAL, offsetof(struct census_money, revenue)},
    {"cost", FIELD_DECIMAL, offsetof(struct census_money, cost)},
    FIELD_END,
};

static const struct field proposals_fields[] = {
    {"proposals", FIELD_INT, offsetof(struct census, proposals)},
    {"proposal_oldest_at", FIELD_TIME, offsetof(struct census, proposal_oldest_at)},
    FIELD_END,
};

static const struct field last_sweep_fields[] = {
    {"swept_at", FIELD_TIME, offsetof(struct census, swept_at)},
    {"sweep_took_us", FIELD_INT, offsetof(struct census, sweep_took_us)},
    {"swept", FIELD_INT, offsetof(struct census, swept)},
    {"due", FIELD_INT, offsetof(struct census, due)},
    {"outcomes", FIELD_JSON, offsetof(struct census, outcomes)},
    FIELD_END,
};

static enum err count(struct db_tx *tx, const struct db_query *query, struct arena *arena,
                      struct records *ret, struct error *e)
{
    return db_list(tx, query, DB_NO_ARGS, count_fields, sizeof(struct census_count), WORDS_MAX,
                   arena, ret, e);
}

static enum err note_completed(const struct db_value *columns, size_t column_count, void *arg,
                               struct error *e)
{
    struct census *c = arg;
    (void)column_count;
    (void)e;
    if (columns[0].type == DB_INT)
        histogram_add(&c->stalls, columns[0].number);
    if (columns[1].type == DB_INT)
        histogram_add(&c->moves_took, columns[1].number);
    return OK;
}

static enum err take_moves(struct db_tx *tx, struct arena *arena, struct census *c, struct error *e)
{
    TRY(count(tx, &census_moves, arena, &c->moves, e));
    TRY(db_each(tx, &census_completed, DB_NO_ARGS, note_completed, c, e));
    return db_get(tx, &census_proposals, DB_NO_ARGS, proposals_fields, arena, c, e);
}

static enum err take_sweep(struct db_tx *tx, struct arena *arena, struct census *c, struct error *e)
{
    record_clear(last_sweep_fields, c);
    enum err err = db_get(tx, &census_sweep, DB_NO_ARGS, last_sweep_fields, arena, c, e);
    return err == ERR_NOT_FOUND ? OK : err;
}

enum err census_take(struct db_tx *tx, struct arena *arena, struct census *ret, struct error *e)
{
    struct census c = {0};
    TRY(overview_places(tx, arena, &c.deployments, e));
    TRY(db_list(tx, &census_money, DB_NO_ARGS, money_fields, sizeof(struct census_money), WORDS_MAX,
                arena, &c.money, e));
    TRY(count(tx, &census_hosts, arena, &c.hosts, e));
    TRY(db_list(tx, &census_slots, DB_NO_ARGS, slots_fields, sizeof(struct census_slots),
                LOCATIONS_MAX, arena, &c.slots, e));
    TRY(take_moves(tx, arena, &c, e));
    TRY(take_sweep(tx, arena, &c, e));
    *ret = c;
    return OK;
}
