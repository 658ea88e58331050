/*
 * Decisions as they were made: kept whole, with the policy's fingerprint, so that years later it
 * can still be said why a customer is where it is.
 */
#ifndef WEBHOST_DOMAIN_ACCOUNTS_DECISIONS_H
#define WEBHOST_DOMAIN_ACCOUNTS_DECISIONS_H

#include "domain/core/env.h"
#include "domain/placement/explain.h"

struct decision_record {
    const char *id;
    const char *customer_id;
    const char *trigger; /* "signup", "migration" */
    int mode;            /* enum mode */
    int plan;            /* enum plan */
    decimal confidence;
    const char *reason;
    const char *policy;
    const char *policy_sha256;
    const char *document; /* JSON, as explain.h makes it; NULL in lists */
    int64_t made_at;
};

extern const struct field decision_record_fields[];

/* Keeps a decision about a customer. Audited by whoever caused it: decision_record_audit(). */
enum err decision_record_create(struct db_tx *tx, const struct env *env, const char *customer_id,
                                const char *trigger, const struct decided *decided,
                                struct arena *arena, struct decision_record *ret, struct error *e);

/* Puts it into the audit record, with the hash of its document. */
enum err decision_record_audit(struct db_tx *tx, const struct env *env, const char *actor,
                               const struct decision_record *record, struct arena *arena,
                               struct error *e);

enum err decision_record_find(struct db_tx *tx, const char *id, struct arena *arena,
                              struct decision_record *ret, struct error *e);

/* Newest first, without documents: records of struct decision_record. */
enum err decision_record_list(struct db_tx *tx, const char *customer_id, struct page page,
                              struct arena *arena, struct records *ret, const char **ret_next,
                              struct error *e);

/* The customer's newest; ERR_NOT_FOUND when there is none. */
enum err decision_record_latest(struct db_tx *tx, const char *customer_id, struct arena *arena,
                                struct decision_record *ret, struct error *e);

/* The document with id, customer_id, trigger and made_at before it. */
json_t *decision_record_json(const struct decision_record *record);

#endif
