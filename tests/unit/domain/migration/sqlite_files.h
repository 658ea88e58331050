/*
 * Two SQLite files with tenants in them, for tests of the mover between them: "acme", which is
 * moved, and "neighbour", which shares the source with it and stays. Beside the databases there is
 * a model of what a tenant must have: it is changed by the same operations as the database, so that
 * whatever is lost, doubled or brought back from the dead shows.
 */
#ifndef WEBHOST_TESTS_MIGRATION_SQLITE_FILES_H
#define WEBHOST_TESTS_MIGRATION_SQLITE_FILES_H

#include "check.h"
#include "testdb.h"

#include "domain/migration/mover.h"

#define ACME      "customer-acme"
#define NEIGHBOUR "customer-neighbour"

enum { VEHICLES = 12, POINTS = 60 };

enum op_kind { OP_VEHICLE, OP_POINT, OP_POINT_DELETE, OP_VEHICLE_DELETE, OP_SPEED, OP_KINDS };

struct op {
    enum op_kind kind;
    size_t vehicle, point;
    int64_t serial;
};

/* Plain memory, so that it can be shared with a process that dies. */
struct model {
    int64_t vehicles[VEHICLES]; /* the name, a number; 0: there is none */
    struct {
        int64_t speed; /* 0: there is none */
        size_t vehicle;
    } points[POINTS];
    int64_t serial;
    struct op op;
    bool pending; /* `op` was begun, and whether it was done is not known */
};

struct files {
    struct testdb db[2]; /* by enum mover_side; never opened through testdb */
    struct tenant_stores *stores;
    struct db *held[2]; /* stay open, as where many work on them */
    struct mover_settings settings;
    struct mover_run run;
    struct arena arena;
    struct error e;
};

/* Both tenants in the source, with a few rows; an empty place for acme in the target. */
void files_create(struct files *f, struct model *acme, struct model *neighbour);
void files_remove(struct files *f);

/* Opens both databases to stay open, as files_create() does; closes them, for who forks. */
void files_hold(struct files *f);
void files_let_go(struct files *f);

/* A change of the model that makes sense, chosen by its serial number. */
struct op model_next(const struct model *m);
void model_apply(struct model *m, const struct op *op);

/* The same in the database. ERR_CONFLICT: the fence is closed. */
enum err files_apply(struct files *f, const char *url, const char *customer_id, const struct op *op,
                     struct error *e);

/* One change of both, where the tenant can be written: tries `*side`, then the other. */
void files_write(struct files *f, struct model *m, const char *customer_id, enum mover_side *side);

/* Whether the database has exactly what the model says, or also what is pending, which then is
 * done in the model too. */
void assert_as_model(struct files *f, const char *url, const char *customer_id, struct model *m);

int64_t files_number(struct files *f, enum mover_side side, const struct db_query *query,
                     const char *arg);
enum err files_exec(struct files *f, enum mover_side side, const struct db_query *query,
                    const char *a, const char *b, struct error *e);

/* Acme can be written on no more than one side that a move has prepared. */
void assert_not_both_open(struct files *f);

/* Nothing of a move is left on either side. */
void assert_no_marks(struct files *f);

/* The members of the mover, up to the soak and from there; each must succeed. */
void move_to_soak(struct files *f);
void cut(struct files *f, enum mover_side to);

#endif
