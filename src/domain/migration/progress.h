/*
 * How far a move is: its steps and tables as they are recorded, and what follows from them.
 *
 * The writer takes what a mover tells (mover.h) and records it a few times a second at most, under
 * the move's run: what a run that was overtaken still tells changes nothing.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_PROGRESS_H
#define WEBHOST_DOMAIN_MIGRATION_PROGRESS_H

#include "domain/migration/move.h"
#include "domain/migration/mover.h"

#define MOVE_TABLES_MAX 10000
#define MOVE_STEPS_MAX  100 /* that are shown, the newest */

/* The newest step, and why an attempt at it was given back. */
enum err move_step_failed(struct db_tx *tx, const struct move *move, const char *why,
                          struct error *e);

/* What a survey found, for the first time or again. */
enum err move_record_survey(struct db_tx *tx, struct move *move, const char *mover,
                            const struct mover_survey *survey, struct error *e);

/* Of what move_detail_json() adds; a step has `took_us` beside them. */
extern const struct field move_progress_fields[], move_table_fields[], move_step_fields[];

/* move_json() with `steps`, `tables` and `progress`: rows, rate, what is left. */
enum err move_detail_json(struct db_tx *tx, const struct env *env, const struct move *move,
                          struct arena *arena, json_t **ret, struct error *e);

/* -- the writer -------------------------------------------------------------------------------- */

struct progress_writer;

/* `move_id` is borrowed. */
struct progress_writer *progress_writer_new(const struct env *env, const char *move_id,
                                            int64_t run);
void progress_writer_free(struct progress_writer *writer); /* NULL is fine */

/* For one thread at a time. What cannot be recorded is dropped: it comes again. */
void progress_note(struct progress_writer *writer, const struct mover_progress *progress);

/* Records what is still held back. */
void progress_flush(struct progress_writer *writer);

#endif
