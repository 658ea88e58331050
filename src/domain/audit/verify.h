/*
 * Looking through the sealed record in the database, a stretch at a time.
 *
 * A stretch is read in one snapshot without keeping it. Whoever looks through all of it goes on
 * from report.next and holds the last hash himself, so that a database which tells two stories is
 * found out.
 */
#ifndef WEBHOST_DOMAIN_AUDIT_VERIFY_H
#define WEBHOST_DOMAIN_AUDIT_VERIFY_H

#include "domain/audit/seal.h"

#define AUDIT_STRETCH_DEFAULT 20000
#define AUDIT_STRETCH_MAX     100000
#define AUDIT_UNSEALED_MAX    100000 /* counted no further */

struct audit_request {
    struct audit_link after;  /* seq INT_ABSENT: from the oldest that is kept */
    struct audit_link expect; /* seq INT_ABSENT: none */
    int64_t max;              /* entries */
};

struct audit_report {
    struct audit_check check;
    struct audit_head head;
    int64_t unsealed;
    bool more; /* go on after check.at */
};

/* ERR_INVALID when the request asks for what was pruned. */
enum err audit_verify(struct db_tx *tx, const struct secret *key,
                      const struct audit_request *request, struct arena *arena,
                      struct audit_report *ret, struct error *e);

json_t *audit_report_json(const struct audit_report *report);

/* -- the record in the order of the chain ----------------------------------------------------- */

#define AUDIT_EXPORT_MAX 1000

/* The stretch of the chain that holds everything between two times (INT_ABSENT: no bound). */
enum err audit_range(struct db_tx *tx, const struct secret *key, int64_t from, int64_t to,
                     int64_t *ret_after, int64_t *ret_through, struct error *e);

/*
 * Entries with after < seq <= through, at most `max`, each as the object that is hashed with
 * `previous` and `hash` added: an array that the caller owns.
 */
enum err audit_export(struct db_tx *tx, const struct secret *key, int64_t after, int64_t through,
                      int64_t max, struct arena *arena, json_t **ret_entries, struct error *e);

#endif
