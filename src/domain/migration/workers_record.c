/* What the workers of moves record: each function is one transaction of ours. */
#include "domain/facts/facts.h"
#include "domain/migration/workers_parts.h"

/* A transaction that changes s->next; it may run twice, so each time it starts from s->move. */
static enum err record(struct step *s, db_work *work, struct error *e)
{
    TRY(db_write(s->run->env->db, work, s, e));
    s->move = s->next;
    return OK;
}

static enum err tell(struct db_tx *tx, struct step *s, enum move_notice kind, struct error *e)
{
    return move_tell(tx, s->run->env, s->with->notify, kind, &s->next, s->run->arena, e);
}

static enum err set_state(struct db_tx *tx, struct step *s, enum move_event event, const char *why,
                          struct error *e)
{
    TRY(move_set_state(tx, s->run->env, s->actor, &s->next, event, why, s->run->arena, e));
    if (event == MOVE_STAY)
        return tell(tx, s, NOTICE_STAYED, e);
    return move_tell_state(tx, s->run->env, s->with->notify, &s->next, s->run->arena, e);
}

/* -- reading ----------------------------------------------------------------------------------- */

static enum err find_deployments(struct db_tx *tx, struct step *s, struct error *e)
{
    TRY(deployment_find(tx, s->next.source_id, s->run->arena, &s->source, e));
    return deployment_find(tx, s->next.target_id, s->run->arena, &s->target, e);
}

static enum err begin_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    TRY(move_begin_run(tx, s->migration_id, s->run->arena, &s->next, e));
    return find_deployments(tx, s, e);
}

enum err step_begin(struct step *s, struct error *e)
{
    return record(s, begin_work, e);
}

static enum err look_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    s->next = s->move;
    return find_deployments(tx, s, e);
}

enum err step_look(struct step *s, struct error *e)
{
    return db_read(s->run->env->db, look_work, s, e);
}

/* -- steered by others ------------------------------------------------------------------------- */

/* Of its own, since a mover may ask on any thread. */
struct glance {
    const char *id;
    struct arena arena;
    struct move move;
};

static enum err glance_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct glance *g = arg;
    return move_find(tx, g->id, &g->arena, &g->move, e);
}

enum err step_go_on(void *step, struct error *e)
{
    const struct step *s = step;
    struct glance g = {.id = s->migration_id};
    enum err err = db_read(s->run->env->db, glance_work, &g, e);
    bool same = err == OK && g.move.run == s->move.run && g.move.state == s->move.state;
    int state = err == OK ? g.move.state : 0;
    arena_release(&g.arena);
    if (err != OK || same)
        return err;
    return error_set(e, ERR_CONFLICT, "migration %s is %s now", s->migration_id,
                     move_state_names[state]);
}

static enum err find_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    return move_find(tx, s->migration_id, s->run->arena, &s->next, e);
}

bool step_was_steered(struct step *s)
{
    struct error ignored;
    if (db_read(s->run->env->db, find_work, s, &ignored) != OK)
        return false;
    bool steered = s->next.run == s->move.run && s->next.state != s->move.state;
    if (steered)
        s->move = s->next;
    return steered;
}

/* -- on the way -------------------------------------------------------------------------------- */

static enum err event_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    s->next = s->move;
    return set_state(tx, s, s->event, s->why, e);
}

enum err step_event(struct step *s, enum move_event event, const char *why, struct error *e)
{
    s->event = event;
    s->why = why;
    return record(s, event_work, e);
}

static enum err start_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    int64_t under_way;
    s->next = s->move;
    TRY(move_count_under_way(tx, s->move.id, &under_way, e));
    s->no_place = under_way >= s->with->settings->at_once;
    return s->no_place ? OK : set_state(tx, s, MOVE_START, NULL, e);
}

enum err step_start(struct step *s, struct error *e)
{
    return record(s, start_work, e);
}

static enum err survey_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    s->next = s->move;
    return move_record_survey(tx, &s->next, s->mover->name, s->survey, e);
}

enum err step_surveyed(struct step *s, const struct mover_survey *survey, struct error *e)
{
    s->survey = survey;
    return record(s, survey_work, e);
}

static enum err provisioned_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    s->next = s->move;
    TRY(deployment_set_database(tx, s->target.id, s->database_url, e));
    return set_state(tx, s, MOVE_PROVISIONED, NULL, e);
}

enum err step_provisioned(struct step *s, const char *database_url, struct error *e)
{
    s->database_url = database_url;
    TRY(record(s, provisioned_work, e));
    s->target.database_url = database_url;
    return OK;
}

static enum err copied_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    s->next = s->move;
    TRY(move_set_rows(tx, &s->next, s->rows, e));
    return set_state(tx, s, MOVE_COPIED, NULL, e);
}

enum err step_copied(struct step *s, int64_t rows, struct error *e)
{
    s->rows = rows;
    return record(s, copied_work, e);
}

/* -- who owns ---------------------------------------------------------------------------------- */

/* A move within a mode leaves the facts as they are. */
static enum err note_place(struct db_tx *tx, const struct step *s, int mode, struct error *e)
{
    const struct move *move = &s->move;
    if (move->from_mode == move->to_mode)
        return OK;
    return facts_set_place(tx, move->customer_id, (enum mode)mode, env_now(s->run->env), true, e);
}

static enum err switch_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    const struct env *env = s->run->env;
    int64_t now = env_now(env), soak_us = move_soak_us(s->with->settings);
    bool late = s->move.state != MOVE_CUTTING_OVER;
    s->next = s->move;
    TRY(set_state(tx, s, MOVE_SWITCH,
                  late ? "it was too late to undo it: the target owned the tenant already" : NULL,
                  e));
    TRY(deployment_activate(tx, env, s->actor, &s->target, s->target.database_url, s->run->arena,
                            e));
    TRY(deployment_switch(tx, s->source.id, s->target.id, e));
    TRY(note_place(tx, s, s->move.to_mode, e));
    TRY(move_set_switched(tx, &s->next, s->stall_us, now, now + soak_us, e));
    return tell(tx, s, NOTICE_SWITCHED, e);
}

enum err step_switched(struct step *s, int64_t stall_us, struct error *e)
{
    s->stall_us = stall_us;
    return record(s, switch_work, e);
}

static enum err retreat_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    s->next = s->move;
    TRY(set_state(tx, s, MOVE_RETREAT, NULL, e));
    TRY(deployment_switch(tx, s->target.id, s->source.id, e));
    TRY(note_place(tx, s, s->move.from_mode, e));
    TRY(deployment_set_leaving(tx, s->run->env, s->target.id, DEPLOYMENT_RETIRING, e));
    return move_set_returned(tx, &s->next, s->stall_us, e);
}

enum err step_retreated(struct step *s, int64_t stall_us, struct error *e)
{
    s->stall_us = stall_us;
    return record(s, retreat_work, e);
}

/* -- beside the way ---------------------------------------------------------------------------- */

static enum err proof_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    s->next = s->move;
    TRY(move_set_proof(tx, &s->next, s->proof_state, s->proof, s->why, e));
    return s->proof_state == PROOF_DIFFERS ? tell(tx, s, NOTICE_DIFFERS, e) : OK;
}

enum err step_proven(struct step *s, enum proof_state state, const char *proof, const char *why,
                     struct error *e)
{
    s->proof_state = state;
    s->proof = proof;
    s->why = why;
    return record(s, proof_work, e);
}

static enum err way_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    s->next = s->move;
    TRY(move_set_way_back(tx, &s->next, s->way, s->why, e));
    return s->way == WAY_LOST ? tell(tx, s, NOTICE_WAY_LOST, e) : OK;
}

enum err step_way_back(struct step *s, enum way_back way, const char *why, struct error *e)
{
    s->way = way;
    s->why = why;
    return record(s, way_work, e);
}

static enum err attempt_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    bool tells = s->told && !s->move.cut_told;
    s->next = s->move;
    TRY(move_set_attempts(tx, &s->next, s->attempts, s->told, e));
    if (s->why)
        TRY(move_step_failed(tx, &s->next, s->why, e));
    s->next.error = s->why;
    return tells ? tell(tx, s, NOTICE_WAITS, e) : OK;
}

enum err step_attempt(struct step *s, int64_t attempts, bool told, const char *why, struct error *e)
{
    s->attempts = attempts;
    s->told = told;
    s->why = why;
    return record(s, attempt_work, e);
}

static enum err failed_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    return move_step_failed(tx, &s->move, s->why, e);
}

void step_failed(struct step *s, const char *why)
{
    struct error ignored;
    s->why = why;
    (void)db_write(s->run->env->db, failed_work, s, &ignored); /* the job has the error, too */
}

/* -- the ends ---------------------------------------------------------------------------------- */

static enum err soaked_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    s->next = s->move;
    return move_end_soak(tx, s->run->env, s->actor, &s->next, s->run->arena, e);
}

enum err step_soaked(struct step *s, struct error *e)
{
    return record(s, soaked_work, e);
}

static enum err cleaned_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    s->next = s->move;
    TRY(deployment_set_leaving(tx, s->run->env, s->source.id, DEPLOYMENT_RETIRED, e));
    return set_state(tx, s, MOVE_CLEANED, NULL, e);
}

enum err step_cleaned(struct step *s, struct error *e)
{
    return record(s, cleaned_work, e);
}

static enum err removed_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct step *s = arg;
    s->next = s->move;
    TRY(deployment_set_leaving(tx, s->run->env, s->target.id, DEPLOYMENT_RETIRED, e));
    return set_state(tx, s, s->event, NULL, e);
}

enum err step_removed(struct step *s, enum move_event event, struct error *e)
{
    s->event = event;
    return record(s, removed_work, e);
}
