/*
 * Drift: the differences between what the database says and what the clouds hold, one row for each
 * as long as it is seen. reconcile.h finds them.
 *
 *     missing   the database says that it exists, the cloud does not hold it
 *     orphan    it is ours, and nothing in the database owns it
 *     changed   it exists, with another size, region, address or state
 *     foreign   it has a name of ours or is in an app of ours, without our mark: never touched
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_DRIFT_H
#define WEBHOST_DOMAIN_PROVISIONING_DRIFT_H

#include "domain/core/env.h"
#include "domain/placement/vocabulary.h"

#define DRIFT_MAX 10000 /* rows that one run may find */

enum drift_kind { DRIFT_MISSING, DRIFT_ORPHAN, DRIFT_CHANGED, DRIFT_FOREIGN, DRIFT_KINDS };

extern const char *const drift_kind_names[]; /* ends with NULL */

struct drift {
    const char *id;
    int kind;          /* enum drift_kind */
    int provider;      /* enum infrastructure */
    const char *thing; /* "server", "volume", "app", ... */
    const char *provider_id, *name;
    const char *app;   /* the Fly app that it is in; "" for others */
    const char *owner; /* the host's or deployment's id, where one is known */
    const char *expected, *found;
    bool cleanable; /* an orphan that may be deleted once it is old enough */
    int64_t first_seen, last_seen, sightings;
    const char *summary, *advice; /* drift_explain()'s; not stored */
};

extern const struct field drift_fields[];

/* Says what is the matter and what to do about it; lists have both. */
void drift_explain(struct drift *d, struct arena *arena);

/*
 * What a complete look at one provider found at `now`: known rows are seen once more, new ones
 * begin, and those of the provider that are not among them are solved and go.
 */
enum err drift_record(struct db_tx *tx, const struct env *env, enum infrastructure provider,
                      const struct drift *found, size_t count, int64_t now, struct arena *arena,
                      struct error *e);

/* Newest first; `kind` -1: any. */
enum err drift_list(struct db_tx *tx, int kind, struct page page, struct arena *arena,
                    struct records *ret, const char **ret_next, struct error *e);

/* Orphans that may be cleaned: seen twice at least, first before `before`. */
enum err drift_list_old(struct db_tx *tx, enum infrastructure provider, int64_t before,
                        struct arena *arena, struct records *ret, struct error *e);

/* It was deleted at the provider. Audited. */
enum err drift_cleaned(struct db_tx *tx, const struct env *env, const char *actor,
                       const struct drift *drift, struct arena *arena, struct error *e);

/* How many there are of each kind. */
enum err drift_counts(struct db_tx *tx, int64_t ret_counts[DRIFT_KINDS], struct error *e);

#endif
