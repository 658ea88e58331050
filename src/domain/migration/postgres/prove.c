#include "domain/migration/postgres/prove.h"

#include "domain/migration/postgres/cutover.h"
#include "domain/migration/postgres/digest.h"
#include "domain/migration/postgres/references.h"
#include "domain/migration/postgres/settle.h"
#include "domain/migration/postgres/stream.h"
#include "domain/migration/postgres/target.h"
#include "domain/migration/postgres/watch.h"
#include "infra/json/json.h"

#include <inttypes.h>

static enum err verify(struct pg_move *m, struct error *e)
{
    struct pg_catalog catalog;
    bool exclusive;
    TRY(pg_watch_schema(m, &catalog, e));
    TRY(pg_target_is_exclusive(m, &catalog, &exclusive, e));
    TRY(pg_stream_catch_up(m, SIDE_SOURCE, e));
    const struct pg_comparison comparison = {
        .m = m,
        .catalog = &catalog,
        .at = {m->at[SIDE_SOURCE], m->at[SIDE_TARGET]},
        .from = SIDE_SOURCE,
        .with_reference = exclusive,
    };
    TRY(pg_compare(&comparison, &m->arena, NULL, e));
    TRY(pg_references_check(m, SIDE_TARGET, m->at[SIDE_TARGET], &catalog, e));
    /* DDL in the meantime would have gone unseen. */
    return pg_watch_schema(m, &catalog, e);
}

enum err pg_verify(const struct mover_run *run, struct error *e)
{
    struct pg_move m;
    TRY(pg_move_open(&m, run, e));
    enum err err = verify(&m, e);
    pg_move_close(&m);
    return err;
}

/* Frozen at the cut, or, without one, while changes flow to the other side. */
static enum err compare(struct pg_move *m, const struct mover_cut *cut, struct records *ret,
                        struct error *e)
{
    struct pg_catalog catalog;
    enum mover_side owner;
    TRY(pg_settle_owner(m, &owner, e));
    TRY(pg_move_catalog(m, SIDE_SOURCE, &catalog, e));
    if (!cut)
        TRY(pg_stream_catch_up(m, owner, e));
    const struct pg_comparison comparison = {
        .m = m,
        .catalog = &catalog,
        .at = {cut ? cut->at[SIDE_SOURCE] : m->at[SIDE_SOURCE],
               cut ? cut->at[SIDE_TARGET] : m->at[SIDE_TARGET]},
        .from = owner,
        .frozen = cut != NULL,
    };
    TRY(pg_compare(&comparison, &m->arena, ret, e));
    return pg_references_check(m, owner, comparison.at[owner], &catalog, e);
}

static enum err cut_time(struct pg_move *m, bool frozen, const char **ret, struct error *e)
{
    enum mover_side owner;
    TRY(pg_settle_owner(m, &owner, e));
    const char *at =
        frozen
            ? arena_printf(&m->arena, "(SELECT at FROM %s.cut ORDER BY n DESC LIMIT 1)", m->schema)
            : "pg_catalog.clock_timestamp()";
    return pg_get(m->at[owner],
                  arena_printf(&m->arena,
                               "SELECT pg_catalog.to_char(%s AT TIME ZONE 'UTC',"
                               " 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
                               at),
                  NULL, 0, &m->arena, ret, e);
}

static json_t *tables_json(struct pg_move *m, struct records compared)
{
    const struct pg_compared *all = compared.items;
    json_t *tables = json_object();
    for (size_t i = 0; i < compared.count; i++) {
        const char *digest = arena_printf(&m->arena, "%016" PRIx64 "%016" PRIx64, all[i].digest.xor,
                                          all[i].digest.sum);
        json_t *table =
            json_pack("{s:I, s:s}", "rows", (json_int_t)all[i].digest.rows, "digest", digest);
        BUG_ON(!table || json_object_set_new(tables, all[i].label, table) != 0);
    }
    return tables;
}

static enum err prove(struct pg_move *m, const struct mover_cut *cut, const char **ret_proof,
                      struct error *e)
{
    struct records compared;
    const char *at;
    TRY(compare(m, cut, &compared, e));
    TRY(cut_time(m, cut != NULL, &at, e));
    _cleanup_json_ json_t *proof =
        json_pack("{s:s, s:o}", "at", at, "tables", tables_json(m, compared));
    BUG_ON(!proof);
    if (!cut)
        BUG_ON(json_object_set_new(proof, "compared", json_string("again, over the way back")) !=
               0);
    *ret_proof = json_text(proof, m->run->arena);
    return OK;
}

/* Snapshots die with their sessions, and sessions with their server: then it is done without. */
enum err pg_prove(const struct mover_run *run, struct mover_cut *cut, const char **ret_proof,
                  struct error *e)
{
    struct pg_move m;
    enum err err = pg_move_open(&m, run, e);
    if (err != OK) {
        pg_cut_free(cut);
        return err;
    }
    err = prove(&m, cut, ret_proof, e);
    if (err == ERR_UNAVAILABLE && cut)
        err = prove(&m, NULL, ret_proof, e);
    pg_cut_free(cut);
    pg_move_close(&m);
    return err;
}
