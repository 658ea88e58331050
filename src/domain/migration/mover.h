/*
 * Movers: how a tenant gets from one database to another while it keeps writing.
 *
 * The workers decide when, and keep our records; a mover knows how. It touches the two tenants'
 * databases and what routes clients to them, never our database. There is one for PostgreSQL
 * (postgres/) and one for SQLite (sqlite/); mover_for() chooses by the two urls.
 *
 * The order of a move, each member one state of migration/move.h:
 *
 *     survey  prepare  copy  index  catch_up  verify  cut_over  settle  prove  finish
 *                                                     |
 *     undo, from anywhere before the commit point     +-- cut_over(SIDE_SOURCE) gives it back
 *
 * Every member may be called again, also by another process after the first one died with kill -9
 * at any instruction: it looks at what is there, and goes on or begins its part anew. What a mover
 * makes carries the move's id in its name, so that undo and finish find all of it without notes.
 *
 * Who owns the tenant, that is on which side it can be written, is told by the fences in the two
 * databases alone, whatever our records say; they are never both open. The one commit point is the
 * opening of the other side's fence in cut_over().
 *
 * `run` is the move's run number: both databases remember the highest that worked in them and
 * refuse smaller ones with ERR_CONFLICT, so that a run that lost its lease cannot work against its
 * successor.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_MOVER_H
#define WEBHOST_DOMAIN_MIGRATION_MOVER_H

#include "domain/provisioning/router.h"
#include "domain/provisioning/tenant.h"

enum mover_side { SIDE_SOURCE, SIDE_TARGET };

static inline enum mover_side mover_other(enum mover_side side)
{
    return side == SIDE_SOURCE ? SIDE_TARGET : SIDE_SOURCE;
}

/* Times are in milliseconds; the part `moves:` of the configuration file has them. */
struct mover_settings {
    int64_t budget_ms;         /* of one cutover, from PAUSE to RESUME; late means undone */
    int64_t lag_ms;            /* a cutover starts only when markers arrive quicker than this */
    int64_t streams;           /* tables or key ranges that are copied at a time */
    int64_t index_builds;      /* indexes that are built at a time */
    int64_t index_memory_mb;   /* for each of them */
    int64_t kept_wal_mb;       /* a slot that keeps more ends the move, or its way back */
    const char *tenant_column; /* "customer_id" */
};

/* How far it is. Tables are reported by name, each whenever it got on noticeably. */
struct mover_progress {
    const char *table;                         /* NULL: about the whole */
    int64_t rows_total, rows_done, bytes_done; /* INT_ABSENT: not said */
    int64_t lag_bytes;                         /* of what streams; INT_ABSENT: nothing does */
    const char *what;                          /* "building gps_points_pkey"; NULL: not said */
};

struct mover_run {
    struct tenant_stores *stores;
    const struct mover_settings *settings;
    const struct mover_router *router; /* NULL: clients reach the databases by themselves */
    const char *move_id, *customer_id, *slug;
    const char *source_url, *target_url;
    const char *source_id, *target_id; /* the deployments */
    int64_t run;
    struct arena *arena; /* for what is returned */

    /* Asked at least once a second of work; anything but OK ends the work with that error. */
    enum err (*go_on)(void *ctx, struct error *e);
    /* May be called from several threads, one at a time. */
    void (*note)(void *ctx, const struct mover_progress *progress);
    void *ctx;
};

struct mover_table {
    const char *name;    /* as people write it: "gps_points", "billing.invoices" */
    int64_t rows, bytes; /* of the tenant, estimated */
    bool reference;      /* has no tenant column: copied whole, not deleted at the source */
};

/* Something that cannot be moved. */
struct mover_obstacle {
    const char *thing; /* "table trips" */
    const char *why;   /* "has no primary key" */
    const char *fix;   /* "ALTER TABLE trips ADD PRIMARY KEY (...)" */
};

struct mover_survey {
    struct records tables;     /* struct mover_table, largest first */
    struct records obstacles;  /* struct mover_obstacle; none: it can be moved */
    const char *schema_sha256; /* of what the catalogs say; changes with every DDL */
};

/*
 * A cutover that has been made, while its proof is still to come: snapshots of both sides frozen at
 * the cut. Owned by the caller.
 */
struct mover_cut;

struct mover {
    const char *name; /* "postgres" */

    /* Reads only; the target may not exist yet (target_url NULL). For dry runs and before a start.
     */
    enum err (*survey)(const struct mover_run *run, struct mover_survey *ret, struct error *e);
    /* Makes what the move needs on both sides. ERR_CONFLICT names what stands in the way. */
    enum err (*prepare)(const struct mover_run *run, struct error *e);
    /* Every row of one snapshot into the target, which holds none of them yet. */
    enum err (*copy)(const struct mover_run *run, int64_t *ret_rows, int64_t *ret_bytes,
                     struct error *e);
    enum err (*index)(const struct mover_run *run, struct error *e);
    /* Changes since the snapshot begin to flow; returns when a marker written now has arrived. */
    enum err (*catch_up)(const struct mover_run *run, struct error *e);
    /* Compares all rows while they change. ERR_CORRUPT names the table and a row that differ. */
    enum err (*verify)(const struct mover_run *run, struct error *e);
    /*
     * Makes `to` the side that is written. ERR_BUSY or ERR_TIMEOUT: not within the budget, and all
     * is as before. OK also when `to` owns the tenant already: then `*ret_cut` is NULL.
     * `ret_stall_us` is how long the tenant could not be written.
     */
    enum err (*cut_over)(const struct mover_run *run, enum mover_side to,
                         struct mover_cut **ret_cut, int64_t *ret_stall_us, struct error *e);
    /* Who owns the tenant. */
    enum err (*owner)(const struct mover_run *run, enum mover_side *ret, struct error *e);
    /*
     * Whatever a run that died left: clients reach the owner and do not wait, and changes flow from
     * the owner to the other side (unless nothing flowed yet).
     */
    enum err (*settle)(const struct mover_run *run, struct error *e);
    /*
     * That both sides were equal at the cut, as JSON: {"at": "...", "tables": {NAME: {"rows": n,
     * "digest": "..."}}}. Without a cut (its process died) both are compared again over the way
     * back, and the proof says so. ERR_CORRUPT when they differ. Frees the cut, also on failure.
     */
    enum err (*prove)(const struct mover_run *run, struct mover_cut *cut, const char **ret_proof,
                      struct error *e);
    /* During the soak: ERR_CONFLICT when the way back is lost, with the reason. */
    enum err (*watch)(const struct mover_run *run, int64_t *ret_lag_bytes, struct error *e);
    /* After the soak: no way back, nothing of the move is left on either side but what goes with
     * the tenant's place at the source; the target owns. The tenant's rows at the source are
     * deleted when others share that database. */
    enum err (*finish)(const struct mover_run *run, struct error *e);
    /* The source owns: removes all of the move from both sides, and the tenant's rows from the
     * target. OK when there is nothing. ERR_CONFLICT when the target owns. */
    enum err (*undo)(const struct mover_run *run, struct error *e);
    void (*cut_free)(struct mover_cut *cut); /* NULL is fine */
};

/* ERR_INVALID with a sentence when no mover can do it: the two are of different engines. */
enum err mover_for(const char *source_url, const char *target_url, const struct mover **ret,
                   struct error *e);

extern const struct mover postgres_mover, sqlite_mover;

#endif
