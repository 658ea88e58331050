/*
 * The plan of a move, before it: what it would take and what it would change. Making one changes
 * nothing.
 *
 * Its hash is over all that somebody who approves it agrees to: who, from where to where, on which
 * plan and regions, under which policy, at what cost, how large the data is, and the schema that
 * was surveyed.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_PLAN_H
#define WEBHOST_DOMAIN_MIGRATION_PLAN_H

#include "domain/migration/move.h"
#include "domain/migration/workers.h"
#include "domain/provisioning/prices.h"
#include "infra/secrets/secret.h"

/* Everything is borrowed. */
struct move_planner {
    const struct env *env;
    const struct policy *policy;
    struct price_book *prices;
    const struct move_context *moves;
};

struct move_plan {
    struct judged_move judged;
    const char *refusal; /* why it cannot be asked for now; NULL: it can */
    struct mover_survey survey;
    const char *not_surveyed; /* why the database could not be looked at; NULL: it was */
    const char *mover;
    int64_t rows, bytes; /* bytes INT_ABSENT: not known */
    const char *size_class;
    int64_t copy_s;              /* estimated */
    bool from_earlier_moves;     /* the estimate's rate; else a default */
    int64_t stall_ms;            /* expected */
    decimal cost_now, cost_then; /* USD a month */
    bool needs_approval;
    char hash[HASH_TEXT_MAX];
};

/* Looks into our database, then into the tenant's; ERR_NOT_FOUND and ERR_INVALID as move_judge().
 */
enum err move_plan_make(const struct move_planner *with, const struct move_wish *wish,
                        struct arena *arena, struct problems *problems, struct move_plan *ret,
                        struct error *e);

/* ERR_CONFLICT with a sentence when the plan says that it cannot be done. */
enum err move_plan_check(const struct move_plan *plan, struct arena *arena, struct error *e);

json_t *move_plan_json(const struct move_plan *plan);

/* The record of the plan's own members, for those who read about it. */
extern const struct field move_plan_fields[], move_plan_table_fields[], move_obstacle_fields[];

/* What a hash is over; NULL where it is not known. */
struct move_agreement {
    const char *customer_id;
    enum mode from;
    const struct placement *to;
    const char *policy_sha256, *size_class, *schema_sha256;
    decimal cost; /* whole USD a month count */
};

const char *move_agreement_hash(const struct move_agreement *agreement, char out[HASH_TEXT_MAX],
                                struct arena *arena);

/* "it cannot be moved: table trips has no primary key (ALTER TABLE ...)"; ERR_CONFLICT. */
enum err move_name_obstacles(const struct mover_survey *survey, struct arena *arena,
                             struct error *e);

#endif
