/*
 * The chain: what makes a changed audit record show.
 *
 * Sealed entries are numbered from 1 without a gap, and each carries
 *
 *     hash = SHA-256(hash of the entry before, in hex + "\n" + the entry's text)
 *
 * in hex; before the first stand 64 zeros. The entry's text is one JSON object with the members
 * action, actor, at, details, id, seq and subject, sorted and compact (json_feed_sorted()), so that
 * a dozen lines in any language can check an export. Whoever changes, removes, inserts or exchanges
 * entries would have to change every later hash, and the last one is known elsewhere: to the head
 * (seal.h), in logs and notices, and to whoever noted what `webhost audit verify` printed.
 *
 * Pure: entries come from the database or from a file.
 */
#ifndef WEBHOST_DOMAIN_AUDIT_CHAIN_H
#define WEBHOST_DOMAIN_AUDIT_CHAIN_H

#include "domain/audit/audit.h"
#include "infra/json/json.h"
#include "infra/secrets/secret.h"

/* A place in the chain. */
struct audit_link {
    int64_t seq; /* 0: before the first; INT_ABSENT: none */
    char hash[HASH_TEXT_MAX];
};

extern const struct audit_link audit_genesis;

/* "SEQ:HASH", as people write it down. False when it is not that. */
bool audit_link_parse(const char *text, struct audit_link *ret_link);

#define AUDIT_LINK_TEXT_MAX 96
const char *audit_link_text(const struct audit_link *link, char out[AUDIT_LINK_TEXT_MAX]);

/* The object that is hashed. The caller owns it. */
json_t *audit_entry_json(const struct audit_entry *entry);

/* The hash of such an object behind `previous`. Returns `out`. */
const char *audit_hash(const json_t *entry, const char *previous, char out[HASH_TEXT_MAX]);

/* -- checking --------------------------------------------------------------------------------- */

enum audit_fault {
    AUDIT_CHANGED,  /* does not give its hash */
    AUDIT_MISSING,  /* numbers are left out */
    AUDIT_DISORDER, /* stands where its number does not belong */
    AUDIT_HEAD,     /* the end is not where, or what, it is known to be */
};

extern const char *const audit_fault_names[]; /* ends with NULL */

struct audit_finding {
    int64_t seq, through; /* the entries concerned: from, to and with */
    int fault;            /* enum audit_fault */
    const char *detail;   /* one sentence */
};

extern const struct field audit_finding_fields[];

#define AUDIT_FINDINGS_MAX 100

/* A walk along the chain. Begin with audit_check_init(), give every entry in order, then end. */
struct audit_check {
    struct arena *arena;      /* holds the sentences */
    struct audit_link at;     /* the last entry that was given */
    bool linked;              /* its hash is what the next must follow on */
    struct audit_link expect; /* an end that somebody noted; seq INT_ABSENT: none */
    int64_t checked;
    struct audit_finding findings[AUDIT_FINDINGS_MAX];
    size_t count, dropped; /* dropped: further ones that were not kept */
};

/* `from` is what stands before the first entry; seq INT_ABSENT: the first entry tells. */
void audit_check_init(struct audit_check *c, const struct audit_link *from,
                      const struct audit_link *expect, struct arena *arena);

/* `entry` is the object that is hashed; `previous` may be NULL where it was not kept. */
void audit_check_entry(struct audit_check *c, const json_t *entry, const char *hash,
                       const char *previous);

/* Nothing comes after the last one. `end` is what it must be; NULL: that is not known. */
void audit_check_end(struct audit_check *c, const struct audit_link *end);

void audit_check_add(struct audit_check *c, enum audit_fault fault, int64_t seq, int64_t through,
                     const char *detail);

#endif
