/*
 * What the files of the workers share: one run of a worker, what it records, what it does in each
 * state.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_WORKERS_PARTS_H
#define WEBHOST_DOMAIN_MIGRATION_WORKERS_PARTS_H

#include "domain/migration/move.h"
#include "domain/migration/notices.h"
#include "domain/migration/progress.h"
#include "domain/migration/workers.h"

/* One run of a worker. */
struct step {
    struct job_run *run;
    const struct move_context *with;
    const char *actor, *migration_id;
    struct move move;
    struct deployment source, target;
    const struct mover *mover; /* NULL until it is chosen */
    struct mover_cut *cut;     /* made by this run and not proven yet */
    struct progress_writer *writer;

    /* For what is recorded; `next` is where a transaction leaves the move, kept once committed. */
    struct move next;
    enum move_event event;
    const char *why, *database_url, *proof;
    const struct mover_survey *survey;
    enum way_back way;
    enum proof_state proof_state;
    enum move_notice notice;
    int64_t rows, stall_us, attempts;
    bool told, no_place;
};

/* -- recording (workers_record.c) -------------------------------------------------------------- */

/* Reads the move under a new run number, and its deployments. */
enum err step_begin(struct step *s, struct error *e);

/* Takes the edge of an event that needs nothing else; `why` may be NULL. */
enum err step_event(struct step *s, enum move_event event, const char *why, struct error *e);

/* MOVE_START; `s->no_place` when there are too many moves under way, and nothing is changed. */
enum err step_start(struct step *s, struct error *e);

enum err step_surveyed(struct step *s, const struct mover_survey *survey, struct error *e);
enum err step_provisioned(struct step *s, const char *database_url, struct error *e);
enum err step_copied(struct step *s, int64_t rows, struct error *e);

/* The target owns: it is where the customer lives. A stall of INT_ABSENT is not known. */
enum err step_switched(struct step *s, int64_t stall_us, struct error *e);

/* The source owns again. */
enum err step_retreated(struct step *s, int64_t stall_us, struct error *e);

enum err step_proven(struct step *s, enum proof_state state, const char *proof, const char *why,
                     struct error *e);
enum err step_way_back(struct step *s, enum way_back way, const char *why, struct error *e);
enum err step_attempt(struct step *s, int64_t attempts, bool told, const char *why,
                      struct error *e);

/* The ends: nothing is left at the source, or at the target. */
enum err step_soaked(struct step *s, struct error *e);
enum err step_cleaned(struct step *s, struct error *e);
enum err step_removed(struct step *s, enum move_event event, struct error *e);

/* Why an attempt is given back, for those who look at the step. */
void step_failed(struct step *s, const char *why);

/* Whether somebody has steered the move to another state, which is then this run's. */
bool step_was_steered(struct step *s);

/* For movers: an error when the move was taken over or steered. */
enum err step_go_on(void *step, struct error *e);

/* Reads both deployments again, with what they have come to hold. */
enum err step_look(struct step *s, struct error *e);

/* -- the states (workers_states.c) ------------------------------------------------------------- */

/*
 * Does what the move's state asks for. `result` is JOB_DONE, or JOB_SNOOZE or JOB_RETRY as it was
 * told by a provider; an error is weighed by the caller.
 */
enum err step_perform(struct step *s, enum job_result *result, struct error *e);

/* Makes sure that the tenant can be written, when the move may have kept it from that. */
enum err step_settle(struct step *s, struct error *e);

void step_release(struct step *s);

#endif
