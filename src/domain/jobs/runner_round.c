/*
 * A round: one commit that completes what ended and claims what comes next.
 */
#include "domain/jobs/runner_parts.h"

struct round {
    struct completions *completions; /* NULL: not in this round */
    struct claims *claims;           /* NULL: not in this round */
};

static enum err round_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct round *round = arg;
    if (round->completions)
        completions_work(tx, round->completions);
    return round->claims ? claims_work(tx, round->claims, e) : OK;
}

enum err runner_round(struct runner *r, unsigned parts, size_t *ret_claimed, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct round round = {0};
    size_t claimed = 0;
    if (parts & ROUND_CLAIM) {
        TRY(claims_resolve_doubt(r, e));
        round.claims = claims_prepare(r, &arena);
    }
    if (parts & ROUND_FINISH)
        round.completions = completions_prepare(r, &arena);

    enum err err = OK;
    bool completes = round.completions && completions_any(round.completions);
    if (completes || (round.claims && claims_any(round.claims)))
        err = db_write_relaxed(r->opt.env->db, round_work, &round, e);
    if (round.claims)
        claimed = claims_done(r, round.claims, err == OK);
    if (err == OK && completes)
        completions_done(r, round.completions);
    if (err == OK && parts & ROUND_FINISH)
        err = ends_record(r, e);
    if (ret_claimed)
        *ret_claimed = claimed;
    return err;
}
