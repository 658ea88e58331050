/*
 * Feedback: how content customers are, in their own words.
 *
 * The score is 1 (very dissatisfied) to 5 (very satisfied); 4 and 5 count as satisfied. That is the
 * question of customer satisfaction, asked about where a customer lives now, and not "would you
 * recommend us", which 0 to 10 would be: what is to be learnt is whether a decision was right. So
 * an entry keeps the mode, the plan and the decision of that moment. Entries are never changed.
 */
#ifndef WEBHOST_DOMAIN_OUTCOMES_FEEDBACK_H
#define WEBHOST_DOMAIN_OUTCOMES_FEEDBACK_H

#include "domain/accounts/customer.h"

#define SCORE_MIN       1
#define SCORE_MAX       5
#define SCORE_SATISFIED 4 /* and better */

struct feedback {
    const char *id;
    const char *customer_id, *customer_slug;
    int64_t score;
    const char *comment;
    int mode;                /* enum mode */
    int plan;                /* enum plan */
    const char *decision_id; /* NULL: the place followed from no decision of ours */
    const char *recorded_by;
    int64_t created_at;
};

extern const struct field feedback_fields[];

struct feedback_wish {
    int64_t score;
    const char *comment; /* NULL: none */
};

/* The body of a request. */
extern const struct field feedback_wish_fields[];

/* Of a customer that left too: that is when many say why. Audited, without the comment. */
enum err feedback_add(struct db_tx *tx, const struct env *env, const char *actor,
                      const char *customer, const struct feedback_wish *wish, struct arena *arena,
                      struct feedback *ret, struct error *e);

/* Newest first: records of struct feedback; of one customer, or of all when the id is NULL. */
enum err feedback_list(struct db_tx *tx, const char *customer_id, struct page page,
                       struct arena *arena, struct records *ret, const char **ret_next,
                       struct error *e);

#endif
