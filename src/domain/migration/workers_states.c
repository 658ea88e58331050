/* What the workers of moves do in each state. */
#include "domain/migration/plan.h"
#include "domain/migration/workers_parts.h"
#include "domain/provisioning/workers.h"

#define PLACE_AGAIN_US   (5 * USEC_PER_SEC)
#define SOAK_LOOK_US     (10 * USEC_PER_SEC)
#define CUT_AGAIN_US     (15 * USEC_PER_SEC) /* after the first late cutover; then twice as long */
#define CUT_AGAIN_MAX_US (900 * USEC_PER_SEC)

/* -- the mover --------------------------------------------------------------------------------- */

static void note(void *ctx, const struct mover_progress *progress)
{
    const struct step *s = ctx;
    progress_note(s->writer, progress);
}

static struct mover_run mover_run_of(struct step *s)
{
    return (struct mover_run){
        .stores = s->with->provisioning->stores,
        .settings = &s->with->settings->mover,
        .router = s->with->router,
        .move_id = s->move.id,
        .customer_id = s->move.customer_id,
        .slug = s->source.customer_slug,
        .source_url = s->source.database_url,
        .target_url = s->target.database_url,
        .source_id = s->source.id,
        .target_id = s->target.id,
        .run = s->move.run,
        .arena = s->run->arena,
        .go_on = step_go_on,
        .note = note,
        .ctx = s,
    };
}

/* Without a target yet the source's engine tells which mover it will be. */
static enum err choose_mover(struct step *s, struct error *e)
{
    const char *source = s->source.database_url, *target = s->target.database_url;
    TRY(s->with->mover_for(source, target ? target : source, &s->mover, e));
    if (!s->writer)
        s->writer = progress_writer_new(s->run->env, s->migration_id, s->move.run);
    return OK;
}

/* A run of the mover, with what it is called with. */
static enum err open_run(struct step *s, struct mover_run *ret, struct error *e)
{
    TRY(choose_mover(s, e));
    *ret = mover_run_of(s);
    return OK;
}

static enum err snooze(struct step *s, enum job_result *result, int64_t for_us)
{
    s->run->snooze_us = for_us;
    *result = JOB_SNOOZE;
    return OK;
}

/* It will not get better by itself: what was done is undone at once, by this run. */
static enum err give_up(struct step *s, struct error *e)
{
    const char *why = arena_text(s->run->arena, e->text);
    return step_event(s, MOVE_FAIL, why, e);
}

/* -- before the commit point ------------------------------------------------------------------- */

/* ERR_CONFLICT when it cannot be moved, or is not what was approved any more. */
static enum err survey(struct step *s, struct error *e)
{
    struct mover_run run;
    struct mover_survey *found = arena_new(s->run->arena, struct mover_survey);
    TRY(open_run(s, &run, e));
    TRY(s->mover->survey(&run, found, e));
    if (found->obstacles.count > 0)
        return move_name_obstacles(found, s->run->arena, e);
    const struct move *m = &s->move;
    if (m->proposal_id && m->schema_sha256 && !text_eq(m->schema_sha256, found->schema_sha256))
        return error_set(e, ERR_CONFLICT,
                         "the schema of customer %s has changed since proposal %s was approved: "
                         "ask again",
                         s->source.customer_slug, m->proposal_id);
    return step_surveyed(s, found, e);
}

static enum err start(struct step *s, enum job_result *result, struct error *e)
{
    enum err err = survey(s, e);
    if (err == ERR_CONFLICT || err == ERR_INVALID)
        return give_up(s, e);
    TRY(err);
    TRY(step_start(s, e));
    return s->no_place ? snooze(s, result, PLACE_AGAIN_US) : OK;
}

static enum err provision(struct step *s, enum job_result *result, struct error *e)
{
    const char *url = NULL;
    *result = provisioning_advance(s->run, s->with->provisioning, &s->target, s->actor, &url, e);
    if (*result == JOB_SNOOZE)
        return OK;
    if (*result != JOB_DONE) {
        BUG_ON(e->code == OK);
        return e->code;
    }
    return step_provisioned(s, url, e);
}

static enum err prepare(struct step *s, enum job_result *result, struct error *e)
{
    (void)result;
    struct mover_run run;
    enum err err = survey(s, e);
    if (err == OK)
        err = open_run(s, &run, e);
    if (err == OK)
        err = s->mover->prepare(&run, e);
    if (err == ERR_CONFLICT || err == ERR_INVALID)
        return step_was_steered(s) ? OK : give_up(s, e);
    TRY(err);
    return step_event(s, MOVE_PREPARED, NULL, e);
}

static enum err copy(struct step *s, enum job_result *result, struct error *e)
{
    (void)result;
    struct mover_run run;
    int64_t rows, bytes;
    TRY(open_run(s, &run, e));
    TRY(s->mover->copy(&run, &rows, &bytes, e));
    progress_flush(s->writer);
    return step_copied(s, rows, e);
}

/* The parts that have nothing to tell but that they are done. */
static enum err plain_part(struct step *s,
                           enum err (*part)(const struct mover_run *run, struct error *e),
                           enum move_event event, struct error *e)
{
    struct mover_run run = mover_run_of(s);
    TRY(part(&run, e));
    progress_flush(s->writer);
    return step_event(s, event, NULL, e);
}

static enum err build_indexes(struct step *s, enum job_result *result, struct error *e)
{
    (void)result;
    TRY(choose_mover(s, e));
    return plain_part(s, s->mover->index, MOVE_INDEXED, e);
}

static enum err catch_up(struct step *s, enum job_result *result, struct error *e)
{
    (void)result;
    TRY(choose_mover(s, e));
    return plain_part(s, s->mover->catch_up, MOVE_CAUGHT_UP, e);
}

static enum err verify(struct step *s, enum job_result *result, struct error *e)
{
    (void)result;
    TRY(choose_mover(s, e));
    enum err err = plain_part(s, s->mover->verify, MOVE_VERIFIED, e);
    return err == ERR_CORRUPT ? give_up(s, e) : err;
}

/* -- cutting over, there and back -------------------------------------------------------------- */

static int64_t backoff(int64_t attempts)
{
    int64_t wait = CUT_AGAIN_US;
    for (int64_t i = 1; i < attempts && wait < CUT_AGAIN_MAX_US; i++)
        wait *= 2;
    return wait < CUT_AGAIN_MAX_US ? wait : CUT_AGAIN_MAX_US;
}

static bool is_late(enum err err)
{
    return err == ERR_BUSY || err == ERR_TIMEOUT;
}

/* All is as before. Nothing is wrong with the move: the moment was. */
static enum err try_later(struct step *s, enum job_result *result, struct error *e)
{
    const struct move_settings *settings = s->with->settings;
    const char *why = arena_text(s->run->arena, e->text);
    int64_t attempts = s->move.cut_attempts;
    bool enough = attempts >= settings->cutover_attempts;
    if (enough && s->move.state == MOVE_RETURNING)
        return step_event(s, MOVE_STAY, why, e);
    if (enough && settings->cutover_fails)
        return step_event(s, MOVE_FAIL, why, e);
    TRY(step_attempt(s, attempts, enough || s->move.cut_told, why, e));
    return snooze(s, result, backoff(attempts));
}

/* Counted before, so that one that kills its process counts too. */
static enum err attempt(struct step *s, enum mover_side to, int64_t *ret_stall_us, struct error *e)
{
    struct mover_run run;
    TRY(step_attempt(s, s->move.cut_attempts + 1, s->move.cut_told, NULL, e));
    TRY(open_run(s, &run, e));
    struct mover_cut *cut = NULL;
    TRY(s->mover->cut_over(&run, to, &cut, ret_stall_us, e));
    if (!cut) /* it was made before, by whoever did not live to say so */
        *ret_stall_us = INT_ABSENT;
    s->cut = cut;
    return OK;
}

static enum err find_owner(struct step *s, enum mover_side *ret, struct error *e)
{
    struct mover_run run;
    TRY(open_run(s, &run, e));
    return s->mover->owner(&run, ret, e);
}

static enum err cut_over(struct step *s, enum job_result *result, struct error *e)
{
    enum mover_side owner;
    int64_t stall_us = INT_ABSENT;
    TRY(find_owner(s, &owner, e));
    if (owner == SIDE_TARGET)
        return step_switched(s, INT_ABSENT, e);
    enum err err = attempt(s, SIDE_TARGET, &stall_us, e);
    if (is_late(err))
        return try_later(s, result, e);
    TRY(err);
    return step_switched(s, stall_us, e);
}

static enum err go_back(struct step *s, enum job_result *result, struct error *e)
{
    enum mover_side owner;
    int64_t stall_us = INT_ABSENT;
    TRY(find_owner(s, &owner, e));
    if (owner == SIDE_SOURCE)
        return step_retreated(s, INT_ABSENT, e);
    enum err err = attempt(s, SIDE_SOURCE, &stall_us, e);
    if (is_late(err))
        return try_later(s, result, e);
    if (err == ERR_CONFLICT) /* the way back was lost before anybody looked */
        return step_event(s, MOVE_STAY, arena_text(s->run->arena, e->text), e);
    TRY(err);
    return step_retreated(s, stall_us, e);
}

/* -- the soak ---------------------------------------------------------------------------------- */

static enum err prove(struct step *s, struct error *e)
{
    struct mover_run run;
    const char *proof = NULL;
    TRY(open_run(s, &run, e));
    struct mover_cut *cut = s->cut;
    s->cut = NULL; /* prove() frees it */
    enum err err = s->mover->prove(&run, cut, &proof, e);
    if (err == ERR_CORRUPT)
        return step_proven(s, PROOF_DIFFERS, NULL, arena_text(s->run->arena, e->text), e);
    TRY(err);
    return step_proven(s, PROOF_EQUAL, proof, NULL, e);
}

static enum err watch(struct step *s, struct error *e)
{
    struct mover_run run;
    int64_t lag_bytes = INT_ABSENT;
    if (s->move.way_back != WAY_OPEN)
        return OK;
    TRY(open_run(s, &run, e));
    enum err err = s->mover->watch(&run, &lag_bytes, e);
    if (err == ERR_CONFLICT)
        return step_way_back(s, WAY_LOST, arena_text(s->run->arena, e->text), e);
    TRY(err);
    progress_note(s->writer, &(struct mover_progress){NULL, INT_ABSENT, INT_ABSENT, INT_ABSENT,
                                                      lag_bytes, NULL});
    return OK;
}

/* What differs stays where both are, until somebody decides. */
static enum err soak(struct step *s, enum job_result *result, struct error *e)
{
    /* Nothing flows back at the end of a cutover: what is done there, the tenant waits for. */
    if (s->move.proof_state == PROOF_DUE) {
        TRY(step_settle(s, e));
        return prove(s, e);
    }
    int64_t left_us = s->move.soak_until - env_now(s->run->env);
    if (left_us <= 0 && s->move.proof_state == PROOF_EQUAL)
        return step_soaked(s, e);
    TRY(watch(s, e));
    return snooze(s, result, left_us > 0 && left_us < SOAK_LOOK_US ? left_us : SOAK_LOOK_US);
}

/* -- the ends ---------------------------------------------------------------------------------- */

/* Removes a deployment from its cloud, with all that it holds and has come to hold in this run. */
static enum err remove_deployment(struct step *s, const struct deployment *d, struct error *e)
{
    TRY(step_look(s, e));
    struct provision_run run = {s->with->provisioning, d, s->actor, s->run->arena};
    return provider_of((enum mode)d->mode)->remove(&run, e);
}

/* What ends the move in the databases; once, since afterwards one of them may be gone. */
static enum err end_in_databases(struct step *s,
                                 enum err (*end)(const struct mover_run *run, struct error *e),
                                 struct error *e)
{
    struct mover_run run = mover_run_of(s);
    TRY(end(&run, e));
    return step_way_back(s, WAY_ENDED, NULL, e);
}

static enum err clean(struct step *s, enum job_result *result, struct error *e)
{
    (void)result;
    TRY(choose_mover(s, e));
    if (s->move.way_back != WAY_ENDED)
        TRY(end_in_databases(s, s->mover->finish, e));
    TRY(remove_deployment(s, &s->source, e));
    return step_cleaned(s, e);
}

static enum err remove_target(struct step *s, enum job_result *result, struct error *e)
{
    (void)result;
    TRY(choose_mover(s, e));
    if (s->move.way_back != WAY_ENDED)
        TRY(end_in_databases(s, s->mover->undo, e));
    TRY(remove_deployment(s, &s->target, e));
    return step_removed(s, MOVE_REMOVED, e);
}

/* The databases say whether there is still something to undo. */
static enum err undo(struct step *s, enum job_result *result, struct error *e)
{
    (void)result;
    if (s->target.database_url && s->move.way_back != WAY_ENDED) {
        enum mover_side owner;
        TRY(find_owner(s, &owner, e));
        if (owner == SIDE_TARGET)
            return step_switched(s, INT_ABSENT, e);
        TRY(end_in_databases(s, s->mover->undo, e));
    }
    TRY(remove_deployment(s, &s->target, e));
    return step_removed(s, MOVE_UNDONE, e);
}

/* -- all of it --------------------------------------------------------------------------------- */

typedef enum err state_fn(struct step *s, enum job_result *result, struct error *e);

static state_fn *const state_fns[MOVE_STATES] = {
    [MOVE_REQUESTED] = start,  [MOVE_PROVISIONING] = provision, [MOVE_PREPARING] = prepare,
    [MOVE_COPYING] = copy,     [MOVE_INDEXING] = build_indexes, [MOVE_CATCHING_UP] = catch_up,
    [MOVE_VERIFYING] = verify, [MOVE_CUTTING_OVER] = cut_over,  [MOVE_SOAKING] = soak,
    [MOVE_CLEANING] = clean,   [MOVE_RETURNING] = go_back,      [MOVE_REMOVING] = remove_target,
    [MOVE_FAILING] = undo,     [MOVE_CANCELLING] = undo,
};

enum err step_perform(struct step *s, enum job_result *result, struct error *e)
{
    return state_fns[s->move.state](s, result, e);
}

enum err step_settle(struct step *s, struct error *e)
{
    enum move_state state = (enum move_state)s->move.state;
    bool may_hold = (state > MOVE_PREPARING && state <= MOVE_SOAKING) || state == MOVE_RETURNING;
    if (!may_hold || !s->target.database_url)
        return OK;
    struct mover_run run;
    TRY(open_run(s, &run, e));
    return s->mover->settle(&run, e);
}

void step_release(struct step *s)
{
    if (s->writer)
        progress_flush(s->writer);
    progress_writer_free(s->writer);
    if (s->mover)
        s->mover->cut_free(s->cut);
}
