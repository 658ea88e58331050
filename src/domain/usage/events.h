/*
 * Usage events on the wire: CloudEvents 1.0 in structured JSON, one, a JSON batch or NDJSON.
 *
 *     {"specversion":"1.0","id":"7","source":"/api","type":"api_call","subject":"acme",
 *      "time":"2026-03-01T12:00:00Z","data":{"duration_ms":12.5,"status":200,"region":"EU",
 *      "user":"u1","bytes":512}}
 *
 *     type             data
 *     api_call         duration_ms, status; region (US, EU, APAC), user, bytes
 *     gps_points       vehicle; count, else 1
 *     storage          bytes
 *     resource_sample  cpu, memory, disk (0..1), database_connections
 *     session          duration_ms; user; it ended at `time`
 *     vehicle          vehicle, change: "added" or "removed"
 *
 * What stands in front of a semicolon must be there. `subject` is the customer, by id or slug; a
 * token that belongs to one customer may leave it out. `time` may be left out and is then now.
 * CloudEvents' extension attributes are read over.
 *
 * A batch becomes the customers and hours in it, a mark for each event (what it adds to one of
 * them) and the windows in which each user was active. Each byte is read once and no event is kept.
 * A bad event is refused by its index, the others count. A line that is no JSON is one bad event; a
 * list that is no JSON is refused as a whole, because nobody knows where its events end.
 *
 * A parser is used by one thread at a time and remembers customers for CUSTOMERS_KEPT_US.
 */
#ifndef WEBHOST_DOMAIN_USAGE_EVENTS_H
#define WEBHOST_DOMAIN_USAGE_EVENTS_H

#include "domain/usage/mark.h"
#include "infra/secrets/secret.h"

#define USAGE_EVENTS_MAX  100000             /* of one request */
#define USAGE_BODY_MAX    ((size_t)16 << 20) /* of one request, unpacked */
#define USAGE_LIST_MAX    ((size_t)4 << 20)  /* of one that is one JSON text, not lines */
#define USAGE_CELLS_MAX   20000              /* customers and hours in one request */
#define USAGE_USERS_MAX   200000             /* users of an hour in one request */
#define USAGE_REFUSED_MAX 100                /* named in the reply; all are counted */
#define USAGE_UNKNOWN_MAX 1000               /* customers that nobody knows, in one request */
#define USAGE_LATE_US     (HOURS_KEPT * USEC_PER_HOUR)
#define USAGE_EARLY_US    (5 * 60 * USEC_PER_SEC)
#define USAGE_WINDOW_US   (USEC_PER_HOUR / USER_WINDOWS)
#define CUSTOMERS_KEPT_US (60 * USEC_PER_SEC)

enum usage_format { USAGE_ONE, USAGE_BATCH, USAGE_NDJSON, USAGE_FORMATS };

/*
 * The format of a Content-Type; false when it is none of ours. application/json is USAGE_ONE, which
 * reads a list as a batch.
 */
bool usage_format_of(struct str content_type, enum usage_format *ret_format);

struct usage_refused {
    size_t index; /* of the event, from 0; empty lines are none */
    const char *reason;
};

struct usage_cell {
    const char *customer_id;
    int64_t hour;  /* since 1970 */
    uint64_t hash; /* of both, the same for every parser */
};

struct usage_user {
    uint32_t cell; /* index into cells */
    int64_t user_hash;
    int64_t windows;
};

/* An event's id, for those who asked for deduplication by it. */
struct usage_event_id {
    uint32_t index; /* of the event */
    const char *customer_id;
    uint64_t hash[2];
};

struct usage_names; /* ids of customers, shared by parsers and batches */

/* What a body comes to. The arrays are its own: usage_batch_release(). */
struct usage_batch {
    struct usage_cell *cells; /* one for each customer and hour */
    size_t cell_count;
    struct usage_mark *marks; /* one for each event that was accepted */
    struct usage_user *users; /* one for each user of a cell */
    size_t user_count;
    struct usage_event_id *ids; /* of what was accepted, when they were asked for */
    size_t id_count;
    struct usage_names *names; /* keeps the ids of customers in the arrays */
    size_t accepted, refused_count, skipped;
    struct usage_refused refused[USAGE_REFUSED_MAX]; /* the first ones; reasons in the arena */
};

void usage_batch_release(struct usage_batch *batch); /* one of zero bytes is fine */

/*
 * Who a subject is. The id in the arena, or NULL when no customer that uses anything has this id or
 * slug.
 */
typedef enum err usage_find_customer(void *arg, struct str subject, struct arena *arena,
                                     const char **ret_id, struct error *e);

struct usage_parser_options {
    usage_find_customer *find;
    void *arg;
    const struct hash_key *users, *ids; /* what users and event ids are hashed with */
};

struct usage_parser;
struct usage_parser *usage_parser_new(const struct usage_parser_options *options);
void usage_parser_free(struct usage_parser *parser); /* NULL is fine */

struct usage_request {
    enum usage_format format;
    const char *customer_id; /* whose events these are; NULL: each says it */
    int64_t now;
    bool want_ids;
    const uint8_t *skip; /* not NULL: bit n of it is set when event n is not to be counted */
};

struct usage_body {
    struct str text;
    size_t readable; /* bytes behind the text that may be read; what they are does not matter */
    bool gzip;
};

/*
 * Gives the parser a body, which must stay until usage_unload(): it is read in place when enough is
 * readable behind it, else from a copy. ERR_TOO_LARGE beyond USAGE_BODY_MAX, ERR_INVALID for what
 * is not gzip.
 */
enum err usage_load(struct usage_parser *parser, const struct usage_body *body, struct error *e);

/* Forgets the body, and gives back what only a large one needed. */
void usage_unload(struct usage_parser *parser);

/*
 * Parses what was loaded, as often as wanted. ERR_INVALID when the whole is wrong, ERR_TOO_LARGE
 * when it has more than one request may have; otherwise what `find` failed with. The caller
 * releases the batch, which outlives the parser.
 */
enum err usage_parse(struct usage_parser *parser, const struct usage_request *request,
                     struct arena *arena, struct usage_batch *ret_batch, struct error *e);

#endif
