/*
 * The fenced mover: copies a tenant while it is read-only.
 *
 * The worker (workers.h) decides when; a mover knows how. It touches the two tenants' databases and
 * never ours, and every call may be repeated, also by another process after the first one died.
 *
 * `run` is the move's run number: both databases remember the highest that worked in them, and
 * refuse smaller ones with ERR_CONFLICT. A run that lost its lease can therefore neither open the
 * fence nor clear the target under its successor's hands.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_FENCED_H
#define WEBHOST_DOMAIN_MIGRATION_FENCED_H

#include "domain/migration/mover.h"

struct fenced_run {
    struct tenant_stores *stores;
    const char *customer_id;
    const char *source_url, *target_url;
    const char *target_id; /* the deployment whose place the target is */
    int64_t run;
    struct arena *arena; /* for what is returned */

    /* Asked between batches; anything but OK ends the work with that error. */
    enum err (*go_on)(void *ctx, struct error *e);
    void *ctx;
};

struct fenced_mover {
    /* Makes the tenant read-only at the source; returns when no change is under way any more. */
    enum err (*fence)(const struct fenced_run *run, struct error *e);
    /* Lets it be written again. */
    enum err (*unfence)(const struct fenced_run *run, struct error *e);
    /* Makes the target hold the tenant's rows and no others; the source is fenced. */
    enum err (*copy)(const struct fenced_run *run, int64_t *ret_rows, struct error *e);
    /*
     * Compares every column of every row. OK: both sides are equal and the source is still fenced
     * by this run; `ret_proof` is JSON, {"TABLE": {"rows": n, "sha256": "..."}}. ERR_CORRUPT names
     * the table that differs.
     */
    enum err (*verify)(const struct fenced_run *run, const char **ret_proof, struct error *e);
};

/* Copies the whole tenant behind a closed fence, in batches. */
extern const struct fenced_mover fenced_copy;

/*
 * The same as a mover (mover.h), for databases whose own mover is not there: everything happens
 * between the two fences in cut_over(), so the stall grows with the rows, and there is no way back.
 */
extern const struct mover fenced_mover;

/* The tables it copies, and the columns of each as its query reads them; for the test that compares
 * them with the schema. */
struct fenced_table {
    const char *name;
    const struct db_query *page; /* the tenant's rows after an id, in order of id */
    const struct db_query *insert;
    size_t key; /* the column in `page` that is the id */
};

extern const struct fenced_table fenced_tables[]; /* in the order in which they can be filled */
extern const size_t fenced_table_count;

#endif
