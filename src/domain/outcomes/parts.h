/*
 * What the files of outcomes share.
 */
#ifndef WEBHOST_DOMAIN_OUTCOMES_PARTS_H
#define WEBHOST_DOMAIN_OUTCOMES_PARTS_H

#include "domain/outcomes/outcomes.h"
#include "domain/placement/vocabulary.h"

/* Rows of one kind that a summary reads at most, the newest first. */
#define OUTCOMES_ROWS_MAX 100000

/* What all parts need to know. */
struct reading {
    struct db_tx *tx;
    int64_t now, from, to;
};

/* A mode's name in a column; -1 for what is none. */
static inline int mode_of_column(const struct db_value *v)
{
    return v->type == DB_TEXT ? enum_from_text(mode_names, str_from(v->text)) : -1;
}

/* part / whole as a JSON number with four decimal places; null of nothing. */
json_t *share_json(int64_t part, int64_t whole);

/* Calls a query whose rows are (mode, count) and adds to the counts. */
enum err count_by_mode(struct db_tx *tx, const struct db_query *query, struct db_args args,
                       int64_t counts[MODE_COUNT], struct error *e);

/* Each part of the summary: an object that the caller owns. */
enum err outcomes_accuracy(const struct reading *r, json_t **ret, struct error *e);
enum err outcomes_satisfaction(const struct reading *r, json_t **ret, struct error *e);
enum err outcomes_retention(const struct reading *r, json_t **ret, struct error *e);
enum err outcomes_cancellations(const struct reading *r, json_t **ret, struct error *e);
enum err outcomes_time_to_detect(const struct reading *r, json_t **ret, struct error *e);
enum err outcomes_time_to_move(const struct reading *r, json_t **ret, struct error *e);

#endif
