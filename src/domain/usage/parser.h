/* What events.c and parser.c share: the sums that grow while a body is read. */
#ifndef WEBHOST_DOMAIN_USAGE_PARSER_H
#define WEBHOST_DOMAIN_USAGE_PARSER_H

#include "base/buf.h"
#include "domain/usage/events.h"
#include "domain/usage/table.h"
#include "infra/scan/scan.h"

/* A customer as events name it. Remembered over batches when it is known. */
struct subject {
    struct str name;
    const char *id; /* NULL: nobody has this name */
    uint64_t id_hash;
    uint32_t asked; /* the batch in which it was looked up */
    uint32_t batch; /* in which `cell` is the index of its `hour` */
    uint32_t cell;
    int64_t hour;
};

struct usage_parser {
    struct usage_parser_options options;
    struct scanner *scanner;
    struct str text; /* the body; SCAN_PADDING bytes behind it are readable */
    struct buf copy; /* of it, unless it is read in place */

    struct usage_names *names; /* of subjects and their ids */
    struct subject *subjects;
    size_t subject_count, subject_room;
    struct table subject_table;
    int64_t subjects_since;

    /* Of the current batch. */
    uint32_t number;
    const struct usage_request *request;
    struct arena *arena;
    struct usage_batch batch;
    size_t cell_room, mark_room, user_room, id_room;
    size_t cells_before, marks_before, users_before; /* of the last batch: so many may come again */
    struct table cell_table, user_table;
    size_t unknown;
    struct error failure; /* code OK: none */
};

/* Member numbers as scan_object has them. */
enum event_member {
    EVENT_SPECVERSION,
    EVENT_ID,
    EVENT_SOURCE,
    EVENT_TYPE,
    EVENT_SUBJECT,
    EVENT_TIME,
    EVENT_DATA_BASE64,
    DATA_FIRST,
    DATA_DURATION = DATA_FIRST,
    DATA_STATUS,
    DATA_REGION,
    DATA_USER,
    DATA_BYTES,
    DATA_VEHICLE,
    DATA_COUNT,
    DATA_CPU,
    DATA_MEMORY,
    DATA_DISK,
    DATA_CONNECTIONS,
    DATA_CHANGE,
    EVENT_MEMBERS,
    EVENT_DATA = EVENT_MEMBERS, /* the object inside counts last */
};

extern const struct scan_names event_names;

/* Adds one event. Why it is refused, or NULL; p->failure when it is the batch that fails. */
const char *event_add(struct usage_parser *p, const struct scan_object *object);

/* -- for event_add() --------------------------------------------------------------------------- */

/* NULL when p->failure says why. An unknown one has no id. */
struct subject *parser_subject(struct usage_parser *p, struct str name);

/* The index of the customer's hour in the batch; false when p->failure says that they are many. */
bool parser_cell(struct usage_parser *p, struct subject *subject, int64_t hour,
                 uint32_t *ret_index);

/* A mark for an accepted event, zero but for its cell. Valid until the next. */
struct usage_mark *parser_mark(struct usage_parser *p, uint32_t cell);

/* Adds windows of the hour in which the user was active. */
void parser_user(struct usage_parser *p, uint32_t cell, int64_t user_hash, int64_t windows);

void parser_id(struct usage_parser *p, uint32_t index, const char *customer_id, struct str source,
               struct str id);

#endif
