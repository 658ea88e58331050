#include "domain/migration/move.h"

#include "domain/audit/audit.h"
#include "domain/jobs/job.h"
#include "move.sql.h"

#define CLEANUP_ATTEMPTS 10

const char *const way_back_names[] = {"none", "open", "lost", "taken", "ended", NULL};
const char *const proof_state_names[] = {"none", "due", "equal", "differs", NULL};

#define AT(member) offsetof(struct move, member)

const struct field move_fields[] = {
    {"id", FIELD_TEXT, AT(id), .required = true, .help = "its id"},
    {"customer_id", FIELD_TEXT, AT(customer_id), .required = true, .help = "who is moved"},
    {"customer_slug", FIELD_TEXT, AT(customer_slug), .required = true, .help = "its slug"},
    {"customer_name", FIELD_TEXT, AT(customer_name), .required = true, .help = "its name"},
    {"from_mode", FIELD_ENUM, AT(from_mode), .names = mode_names, .required = true,
     .help = "where it lived"},
    {"to_mode", FIELD_ENUM, AT(to_mode), .names = mode_names, .required = true,
     .help = "where it goes; the same mode when only the place changes"},
    {"state", FIELD_ENUM, AT(state), .names = move_state_names, .required = true,
     .help = "what is being done, or how it ended"},
    {"reason", FIELD_TEXT, AT(reason), .required = true, .help = "why it was asked for"},
    {"requested_by", FIELD_TEXT, AT(requested_by), .required = true, .help = "who asked for it"},
    {"decision_id", FIELD_TEXT, AT(decision_id),
     .help = "the decision that chose the target; null when only the place changes"},
    {"source_id", FIELD_TEXT, AT(source_id), .required = true,
     .help = "the deployment that it leaves"},
    {"target_id", FIELD_TEXT, AT(target_id), .help = "the deployment that it goes to"},
    {"mover", FIELD_TEXT, AT(mover),
     .help = "what moves the rows: postgres or sqlite; null before it began"},
    {"rows_copied", FIELD_INT, AT(rows_copied),
     .help = "rows in the target when the copy was done"},
    {"stall_us", FIELD_INT, AT(stall_us),
     .help =
         "how long the customer could not be written at the switch; null: not yet, or not known"},
    {"return_stall_us", FIELD_INT, AT(return_stall_us), .help = "the same when it was rolled back"},
    {"lag_bytes", FIELD_INT, AT(lag_bytes),
     .help = "how much has not arrived at the other side yet"},
    {"doing", FIELD_TEXT, AT(doing), .help = "what the mover does just now"},
    {"cut_attempts", FIELD_INT, AT(cut_attempts), .required = true,
     .help = "cutovers that were tried"},
    {"cut_told", FIELD_BOOL, AT(cut_told)},
    {"switched_at", FIELD_TIME, AT(switched_at), .help = "when the target became its place"},
    {"soak_until", FIELD_TIME, AT(soak_until), .help = "until when it can be rolled back"},
    {"way_back", FIELD_ENUM, AT(way_back), .names = way_back_names, .required = true,
     .help =
         "whether it can be rolled back: none before the switch, then open, lost, taken or ended"},
    {"proof_state", FIELD_ENUM, AT(proof_state), .names = proof_state_names, .required = true,
     .help = "whether both sides were equal at the switch"},
    {"proof", FIELD_JSON, AT(proof),
     .help = "the rows of each table and a digest that both sides have"},
    {"schema_sha256", FIELD_TEXT, AT(schema_sha256),
     .help = "of the source's schema when it began"},
    {"error", FIELD_TEXT, AT(error), .help = "why it failed, was cancelled or lost its way back"},
    {"retry_of", FIELD_TEXT, AT(retry_of), .help = "the move that it repeats"},
    {"proposal_id", FIELD_TEXT, AT(proposal_id), .help = "the proposal that was approved"},
    {"run", FIELD_INT, AT(run)},
    {"version", FIELD_INT, AT(version), .required = true, .help = "grows with every change"},
    {"created_at", FIELD_TIME, AT(created_at), .required = true, .help = "when it was asked for"},
    {"finished_at", FIELD_TIME, AT(finished_at), .help = "when all of it was over"},
    FIELD_END,
};

enum err move_find(struct db_tx *tx, const char *id, struct arena *arena, struct move *ret,
                   struct error *e)
{
    enum err err = db_get(tx, &move_by_id, DB_ARGS(db_text(id)), move_fields, arena, ret, e);
    return err == ERR_NOT_FOUND ? error_set(e, err, "there is no migration %.100s", id) : err;
}

enum err move_latest(struct db_tx *tx, const char *customer_id, struct arena *arena,
                     struct move *ret, struct error *e)
{
    enum err err =
        db_get(tx, &move_latest_of, DB_ARGS(db_text(customer_id)), move_fields, arena, ret, e);
    return err == ERR_NOT_FOUND ? error_set(e, err, "customer %s was never moved", customer_id)
                                : err;
}

enum err move_list(struct db_tx *tx, const struct move_filter *filter, struct page page,
                   struct arena *arena, struct records *ret, const char **ret_next, struct error *e)
{
    return page_list(tx, &move_page, page,
                     DB_ARGS(db_text(filter->customer_id), db_text(filter->state)), move_fields,
                     sizeof(struct move), arena, ret, ret_next, e);
}

enum err move_list_running(struct db_tx *tx, size_t max, struct arena *arena, struct records *ret,
                           struct error *e)
{
    return db_list(tx, &move_running_list, DB_ARGS(db_int((int64_t)max)), move_fields,
                   sizeof(struct move), max, arena, ret, e);
}

static json_t *can_json(const struct move *m)
{
    enum move_state state = (enum move_state)m->state;
    bool proving = m->proof_state == PROOF_DUE;
    bool over = state == MOVE_FAILED || state == MOVE_CANCELLED || state == MOVE_RETURNED;
    return json_pack("{s:b, s:b, s:b, s:b}", "cancel",
                     (int)(move_next_state(state, MOVE_CANCEL) >= 0), "roll_back",
                     (int)(state == MOVE_SOAKING && m->way_back == WAY_OPEN), "finish",
                     (int)(state == MOVE_SOAKING && !proving), "retry", (int)over);
}

json_t *move_json(const struct move *move)
{
    enum move_phase phase = move_phase_of((enum move_state)move->state);
    json_t *out = json_encode(move_fields, move, JSON_KEEP_ABSENT);
    (void)json_object_del(out, "run"); /* between the workers */
    (void)json_object_del(out, "cut_told");
    (void)json_object_set_new(out, "phase", json_string(move_phase_names[phase]));
    (void)json_object_set_new(out, "can", can_json(move));
    (void)json_object_set_new(out, "says", json_string(move_phase_text(phase)));
    return out;
}

/* -- by hand ----------------------------------------------------------------------------------- */

static enum err refuse(const struct move *m, const char *what, struct error *e)
{
    return error_set(e, ERR_CONFLICT, "migration %s is %s: it cannot %s; %s", m->id,
                     move_state_names[m->state], what,
                     move_phase_text(move_phase_of((enum move_state)m->state)));
}

/* Its job goes on at once; one of another kind takes over when somebody cancelled the job itself.
 */
static enum err have_job_run(struct db_tx *tx, const struct env *env, const struct move *m,
                             struct arena *arena, struct error *e)
{
    struct db_value customer = db_text(m->customer_id), queue = db_text(MOVE_QUEUE);
    int64_t jobs;
    TRY(db_exec(tx, &move_wake_job, DB_ARGS(customer, queue, db_int(env_now(env))), NULL, e));
    TRY(db_get_int(tx, &move_jobs_left, DB_ARGS(customer, queue), &jobs, e));
    db_notify(tx, JOB_CHANNEL);
    return jobs > 0 ? OK : move_enqueue_cleanup(tx, env, m, 0, arena, e);
}

enum err move_cancel(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                     struct arena *arena, struct move *ret, struct error *e)
{
    struct move move;
    TRY(move_find(tx, id, arena, &move, e));
    if (move.state != MOVE_CANCELLING && move.state != MOVE_CANCELLED) {
        if (move_next_state((enum move_state)move.state, MOVE_CANCEL) < 0)
            return refuse(&move, "be cancelled", e);
        TRY(move_set_state(tx, env, actor, &move, MOVE_CANCEL, "cancelled by hand", arena, e));
        TRY(have_job_run(tx, env, &move, arena, e));
    }
    *ret = move;
    return OK;
}

enum err move_roll_back(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                        struct arena *arena, struct move *ret, struct error *e)
{
    struct move move;
    TRY(move_find(tx, id, arena, &move, e));
    bool repeated =
        move.state == MOVE_RETURNING || move.state == MOVE_REMOVING || move.state == MOVE_RETURNED;
    if (!repeated) {
        if (move_next_state((enum move_state)move.state, MOVE_RETURN) < 0)
            return refuse(&move, "be rolled back", e);
        if (move.way_back != WAY_OPEN)
            return error_set(e, ERR_CONFLICT,
                             "migration %s cannot be rolled back: its way back is lost (%s); "
                             "finish it, and to go back move the customer again",
                             move.id, move.error ? move.error : "no reason is known");
        TRY(move_set_state(tx, env, actor, &move, MOVE_RETURN, NULL, arena, e));
        TRY(move_set_attempts(tx, &move, 0, false, e));
        TRY(have_job_run(tx, env, &move, arena, e));
    }
    *ret = move;
    return OK;
}

enum err move_finish(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                     struct arena *arena, struct move *ret, struct error *e)
{
    struct move move;
    TRY(move_find(tx, id, arena, &move, e));
    if (move.state != MOVE_CLEANING && move.state != MOVE_COMPLETED) {
        if (move_next_state((enum move_state)move.state, MOVE_SOAKED) < 0)
            return refuse(&move, "end its soak", e);
        if (move.proof_state == PROOF_DUE)
            return error_set(e, ERR_CONFLICT,
                             "migration %s is still being proven: finish it when proof_state is "
                             "equal, or roll it back",
                             move.id);
        TRY(move_end_soak(tx, env, actor, &move, arena, e));
        TRY(have_job_run(tx, env, &move, arena, e));
    }
    *ret = move;
    return OK;
}

enum err move_retry(struct db_tx *tx, const struct env *env, const struct policy *policy,
                    const struct prices *prices, const char *actor, const char *id,
                    struct arena *arena, struct problems *problems, struct move *ret,
                    struct error *e)
{
    struct move old;
    const char *repeated;
    TRY(move_find(tx, id, arena, &old, e));
    TRY(db_get_text(tx, &move_retry_of, DB_ARGS(db_text(old.customer_id), db_text(old.id)), arena,
                    &repeated, e));
    if (repeated)
        return move_find(tx, repeated, arena, ret, e);
    if (!move_is_over((enum move_state)old.state) || old.state == MOVE_COMPLETED)
        return refuse(&old, "be retried", e);
    struct move_wish wish = {
        .customer = old.customer_id,
        .target_mode = mode_names[old.to_mode],
        .reason = arena_printf(arena, "retry of migration %s", old.id),
        .retry_of = old.id,
    };
    if (old.from_mode == old.to_mode)
        return move_relocate(tx, env, actor, &wish, arena, ret, e);
    return move_request(tx, env, policy, prices, actor, &wish, arena, problems, ret, e);
}

/* -- for the workers --------------------------------------------------------------------------- */

enum err move_begin_run(struct db_tx *tx, const char *id, struct arena *arena, struct move *ret,
                        struct error *e)
{
    TRY(db_exec(tx, &move_take_run, DB_ARGS(db_text(id)), NULL, e));
    return move_find(tx, id, arena, ret, e);
}

/* The stay in the state before has ended, that in the new one begins. */
static enum err record_step(struct db_tx *tx, const struct move *m, int64_t now, struct error *e)
{
    struct db_value id = db_text(m->id), run = db_int(m->run), at = db_int(now);
    bool over = move_is_over((enum move_state)m->state);
    TRY(db_exec(tx, &move_step_end, DB_ARGS(id, at, run), NULL, e));
    return db_exec(
        tx, &move_step_begin,
        DB_ARGS(id, db_text(move_state_names[m->state]), run, at, db_int(over ? now : INT_ABSENT)),
        NULL, e);
}

enum err move_set_state(struct db_tx *tx, const struct env *env, const char *actor,
                        struct move *move, enum move_event event, const char *why,
                        struct arena *arena, struct error *e)
{
    int to = move_next_state((enum move_state)move->state, event);
    if (to < 0)
        return refuse(move, move_event_names[event], e);
    int64_t changes, now = env_now(env);
    int64_t finished_at = move_is_over((enum move_state)to) ? now : INT_ABSENT;
    TRY(db_exec(tx, &move_change_state,
                DB_ARGS(db_text(move->id), db_text(move_state_names[move->state]),
                        db_int(move->run), db_text(move_state_names[to]), db_int(finished_at),
                        db_text(why)),
                &changes, e));
    if (changes == 0)
        return error_set(e, ERR_CONFLICT, "migration %s is no longer %s, or another run has it",
                         move->id, move_state_names[move->state]);
    TRY(audit_write(tx, env, arena, actor,
                    arena_printf(arena, "migration.%s", move_state_names[to]), move->id, NULL, e));
    move->state = to;
    move->finished_at = finished_at;
    move->error = why ? arena_text(arena, why) : move->error;
    move->doing = NULL;
    move->version++;
    return record_step(tx, move, now, e);
}

enum err move_count_under_way(struct db_tx *tx, const char *id, int64_t *ret, struct error *e)
{
    return db_get_int(tx, &move_under_way, DB_ARGS(db_text(id)), ret, e);
}

/* Everything else that is recorded about a move, by the run that has it. */
static enum err note(struct db_tx *tx, struct move *move, const struct db_query *query,
                     struct db_args args, struct error *e)
{
    int64_t changes;
    TRY(db_exec(tx, query, args, &changes, e));
    if (changes == 0)
        return error_set(e, ERR_CONFLICT, "another run has taken over migration %s", move->id);
    move->version++;
    return OK;
}

enum err move_set_switched(struct db_tx *tx, struct move *move, int64_t stall_us, int64_t now,
                           int64_t soak_until, struct error *e)
{
    move->stall_us = stall_us;
    move->switched_at = now;
    move->soak_until = soak_until;
    move->way_back = WAY_OPEN;
    move->proof_state = PROOF_DUE;
    return note(tx, move, &move_note_switch,
                DB_ARGS(db_text(move->id), db_int(move->run), db_int(stall_us), db_int(now),
                        db_int(soak_until)),
                e);
}

enum err move_set_returned(struct db_tx *tx, struct move *move, int64_t stall_us, struct error *e)
{
    move->return_stall_us = stall_us;
    move->way_back = WAY_TAKEN;
    move->lag_bytes = INT_ABSENT;
    return note(tx, move, &move_note_return,
                DB_ARGS(db_text(move->id), db_int(move->run), db_int(stall_us)), e);
}

enum err move_set_way_back(struct db_tx *tx, struct move *move, enum way_back way, const char *why,
                           struct error *e)
{
    move->way_back = way;
    move->error = why ? why : move->error;
    return note(
        tx, move, &move_note_way_back,
        DB_ARGS(db_text(move->id), db_int(move->run), db_text(way_back_names[way]), db_text(why)),
        e);
}

enum err move_set_proof(struct db_tx *tx, struct move *move, enum proof_state state,
                        const char *proof, const char *why, struct error *e)
{
    move->proof_state = state;
    move->proof = proof;
    move->error = why ? why : move->error;
    return note(tx, move, &move_note_proof,
                DB_ARGS(db_text(move->id), db_int(move->run), db_text(proof_state_names[state]),
                        db_text(proof), db_text(why)),
                e);
}

enum err move_set_attempts(struct db_tx *tx, struct move *move, int64_t attempts, bool told,
                           struct error *e)
{
    move->cut_attempts = attempts;
    move->cut_told = told;
    return note(tx, move, &move_note_attempt,
                DB_ARGS(db_text(move->id), db_int(move->run), db_int(attempts), db_int(told)), e);
}

enum err move_set_rows(struct db_tx *tx, struct move *move, int64_t rows, struct error *e)
{
    move->rows_copied = rows;
    return note(tx, move, &move_note_rows,
                DB_ARGS(db_text(move->id), db_int(move->run), db_int(rows)), e);
}

enum err move_end_soak(struct db_tx *tx, const struct env *env, const char *actor,
                       struct move *move, struct arena *arena, struct error *e)
{
    TRY(move_set_state(tx, env, actor, move, MOVE_SOAKED, NULL, arena, e));
    return deployment_set_leaving(tx, env, move->source_id, DEPLOYMENT_RETIRING, e);
}

enum err move_enqueue_cleanup(struct db_tx *tx, const struct env *env, const struct move *move,
                              int64_t delay_us, struct arena *arena, struct error *e)
{
    struct job_spec spec = {
        .worker = "MoveCleanupWorker",
        .queue = MOVE_QUEUE,
        .max_attempts = CLEANUP_ATTEMPTS,
        .customer_id = move->customer_id,
        .args = arena_printf(arena, "{\"migration_id\":\"%s\"}", move->id),
        .delay_us = delay_us,
    };
    struct job job;
    return job_enqueue(tx, env, &spec, arena, &job, NULL, e);
}
