/*
 * Exports: what a customer's data was when somebody asked for it.
 *
 * Asking enqueues ExportWorker, which writes the file (export_file.h) and then records it: one
 * export a customer, the newest. The file lies in the directory of exports of the node that ran the
 * job; where several nodes are to hand it out, the directory is storage that all of them mount.
 * Exports outlive the customer's deployments and are deleted when their own time is over.
 */
#ifndef WEBHOST_DOMAIN_ACCOUNTS_EXPORTS_H
#define WEBHOST_DOMAIN_ACCOUNTS_EXPORTS_H

#include "domain/accounts/customer.h"
#include "domain/provisioning/provider.h"

/* What making exports takes in one process. Everything is borrowed. */
struct exports {
    const struct provisioning *provisioning;
    const char *directory;
    const char *node; /* this node's name */
    int64_t keep_us;
};

struct export_record {
    const char *customer_id;
    const char *node;
    int64_t row_count, bytes;
    const char *sha256; /* of the file */
    int64_t made_at, expires_at;
};

extern const struct field export_record_fields[];

/* ERR_NOT_FOUND says how one is made. */
enum err export_find(struct db_tx *tx, const char *customer_id, struct arena *arena,
                     struct export_record *ret, struct error *e);

/*
 * Enqueues the making of an export, or finds the job that makes one already. ERR_CONFLICT while the
 * customer is being set up and once its data is being deleted.
 */
enum err export_request(struct db_tx *tx, const struct env *env, const char *actor,
                        const char *customer, struct arena *arena, struct job *ret_job,
                        struct error *e);

/* Writes the file and records it. Audited. */
enum err export_make(const struct exports *with, const char *actor, const char *customer_id,
                     struct arena *arena, struct error *e);

/*
 * Opens the recorded export's file. When it is not in this node's directory, ERR_CONFLICT names the
 * node that has it.
 */
enum err export_open(const struct exports *with, const struct export_record *record,
                     struct arena *arena, int *ret_fd, int64_t *ret_size, struct error *e);

/* Deletes what has expired, here and in the table. */
enum err exports_prune(const struct exports *with, struct error *e);

/* ExportWorker; `with` must outlive it. */
struct job_worker export_worker(struct exports *with);

#endif
